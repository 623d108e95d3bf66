/** Figures that jump beyond all that happens within an hour: a slip of the feed, such as pence for pounds, rather than news. */
import type { Observation } from '../protocol/observation.ts'
import type { AccountState, PriceState } from './ledger.ts'

/** Between one report and the next nothing real moves by more than this factor … */
const FACTOR = 10
/** … while the report before is younger than this, in milliseconds. After it the world may have changed, and a wrong first report must not hold for good. */
const HOUR = 3_600_000

type AccountReport = Extract<Observation, { kind: 'account' }>

/** Whether a `rate` reported at `now` is more than ten times the last, or less than a tenth of it. */
export function rateJumps(before: PriceState | undefined, rate: number, now: number): boolean {
  if (before === undefined || now - before.at >= HOUR) return false
  return rate > before.price * FACTOR || rate * FACTOR < before.price
}

/** Whether equity reported at `now` is above ten times the highest ever reported; what is not above zero never is. */
export function equityJumps(
  before: AccountState | undefined,
  { equity }: AccountReport,
  now: number,
): boolean {
  return before !== undefined && now - before.at < HOUR && equity > most(before.highWater)
}

/**
 * Whether the free credit reported at `now`, the cash where there is none, is above ten times the highest equity and above ten times the credit before, which may
 * well be a multiple of the equity.
 */
export function creditJumps(before: AccountState | undefined, report: AccountReport, now: number): boolean {
  if (before === undefined || now - before.at >= HOUR) return false
  return (report.credit ?? report.cash) > most(Math.max(before.highWater, before.credit))
}

function most(known: number): number {
  return Math.max(known, 0) * FACTOR
}
