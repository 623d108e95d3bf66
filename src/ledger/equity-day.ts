/** When the day began against whose open an account's loss is measured. */
import type { Constitution } from '../constitution/model.ts'
import { calendarsOf, tradingDayStart } from '../constitution/trading-day.ts'

const DAY = 86_400_000

/** The fact that may go by a calendar. */
export const DAY_OPEN = 'account.dayOpenEquity'

/**
 * When the day that `at` lies in began for `account`: its trading day, where the constitution in force gives `account.dayOpenEquity` a calendar with a row for
 * the account, else the date in UTC.
 */
export function equityDayStart(constitution: Constitution | undefined, account: string, at: number): number {
  const origin = constitution?.facts.get(DAY_OPEN)?.origin
  const calendar = origin?.kind === 'measured' ? origin.calendar : undefined
  const table = calendar === undefined ? undefined : constitution?.tables.get(calendar)
  const sessions = table && calendarsOf(table)([account])
  return sessions === undefined ? Math.floor(at / DAY) * DAY : tradingDayStart(sessions, at)
}
