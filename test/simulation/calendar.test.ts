/** The naive calendar and the engine's say the same at every moment at which either turns. */
import { expect, test } from 'vitest'
import { sessionAt } from '../../src/constitution/session.ts'
import { calendarsOf, tradingDayStart } from '../../src/constitution/trading-day.ts'
import { dayBegan, isMarketOpen, TURNS } from './calendar.ts'
import { INSTRUMENTS, NEXT, PROGRAM, WITHOUT_CLOSURES } from './constitution.ts'

/** The moments, of the millisecond around each turn, at which a table of sessions says otherwise than the naive calendar. */
function differences({ constitution }: typeof PROGRAM): string[] {
  const [table] = [...constitution.tables.values()]
  return INSTRUMENTS.flatMap(({ name }) => {
    const sessions = table && calendarsOf(table)([name])
    if (sessions === undefined) throw new Error(`no sessions of ${name}`)
    return TURNS.slice(6)
      .flatMap((turn) => [turn - 1, turn, turn + 1])
      .filter(
        (at) =>
          (sessionAt(sessions, at) !== 'closed') !== isMarketOpen(name, at) ||
          tradingDayStart(sessions, at) !== dayBegan(name, at),
      )
      .map((at) => `${name} at ${new Date(at).toISOString()}`)
  })
}

test('the calendar of the simulation is what its model takes it for, in both tables', () => {
  expect(differences(PROGRAM)).toEqual([])
  expect(differences(NEXT)).toEqual([])
})

test('and a table without holidays is not', () => {
  expect(differences(WITHOUT_CLOSURES).length).toBeGreaterThan(10)
})
