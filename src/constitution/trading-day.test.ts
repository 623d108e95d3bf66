/** A trading day begins with the first opening of its date, across midnight, weekends and changes of clocks. */
import { describe, expect, test } from 'vitest'
import { Issues } from '../base/issue.ts'
import { parseSession, type Session } from './session.ts'
import { readTable, type Table } from './table.ts'
import { calendarsOf, longestDay, tradingDayStart } from './trading-day.ts'

const session = (timezone: string, days: string, from: string, to: string): Session => {
  const read = parseSession({ session: 'regular', timezone, days, from, to })
  if ('problem' in read) throw new Error(read.problem)
  return read
}
function closure(timezone: string, date: string, from: string, to: string): Session {
  const read = parseSession({ session: 'closed', timezone, days: date, from, to })
  if ('problem' in read) throw new Error(read.problem)
  return read
}
const FUTURES = [session('America/Chicago', 'Sun-Thu', '17:00', '16:00')]
const STOCKS = [
  session('America/New_York', 'Mon-Fri', '09:30', '16:00'),
  session('America/New_York', 'Mon-Fri', '04:00', '09:30'),
]
const COINS = [session('UTC', 'Mon-Sun', '00:00', '24:00')]
/** Christmas 2026 and the Monday after it, a half Thursday before; and a day on which they open at noon only. */
const HOLIDAYS = [
  ...STOCKS,
  closure('America/New_York', '2026-12-24', '13:00', '24:00'),
  closure('America/New_York', '2026-12-25', '00:00', '24:00'),
  closure('America/New_York', '2026-12-28', '00:00', '24:00'),
  closure('America/New_York', '2026-12-30', '00:00', '12:00'),
]
/** No session opens on the evening before New Year; the one of the day before ends at noon. */
const FUTURES_HOLIDAYS = [
  ...FUTURES,
  closure('America/Chicago', '2026-12-31', '12:00', '24:00'),
  closure('America/Chicago', '2027-01-01', '00:00', '24:00'),
]
const start = (sessions: readonly Session[], now: string): string =>
  new Date(tradingDayStart(sessions, Date.parse(now))).toISOString().slice(0, 16)

describe('a trading day', () => {
  test.each<[string, readonly Session[], string, string]>([
    // 17:00 in Chicago is 23:00 UTC in winter.
    [
      'of futures on Tuesday noon began on Monday evening',
      FUTURES,
      '2026-12-01T18:00:00Z',
      '2026-11-30T23:00',
    ],
    ['to the millisecond before the opening', FUTURES, '2026-12-01T22:59:59.999Z', '2026-11-30T23:00'],
    ['and from it on', FUTURES, '2026-12-01T23:00:00Z', '2026-12-01T23:00'],
    ['of futures on Monday began on Sunday', FUTURES, '2026-11-30T15:00:00Z', '2026-11-29T23:00'],
    ['goes on over the weekend', FUTURES, '2026-11-29T22:59:00Z', '2026-11-26T23:00'],
    ['of stocks begins with the first of its sessions', STOCKS, '2026-12-01T15:00:00Z', '2026-12-01T09:00'],
    ['and goes on after the close', STOCKS, '2026-12-02T08:59:00Z', '2026-12-01T09:00'],
    ['and from Friday to Monday', STOCKS, '2026-12-07T08:59:00Z', '2026-12-04T09:00'],
    ['follows the clock of its zone into summer', STOCKS, '2026-03-09T12:00:00Z', '2026-03-09T08:00'],
    ['begins on half a holiday too', HOLIDAYS, '2026-12-24T20:00:00Z', '2026-12-24T09:00'],
    ['goes on over a holiday, a weekend and a holiday', HOLIDAYS, '2026-12-29T08:59:00Z', '2026-12-24T09:00'],
    ['and ends with the next opening', HOLIDAYS, '2026-12-29T09:00:00Z', '2026-12-29T09:00'],
    ['that opens late begins late', HOLIDAYS, '2026-12-30T16:59:59Z', '2026-12-29T09:00'],
    ['and then', HOLIDAYS, '2026-12-30T17:00:00Z', '2026-12-30T17:00'],
    ['of futures goes on over New Year', FUTURES_HOLIDAYS, '2027-01-03T22:59:00Z', '2026-12-30T23:00'],
    ['to the first session of the year', FUTURES_HOLIDAYS, '2027-01-03T23:00:00Z', '2027-01-03T23:00'],
    ['of what never closes is the date', COINS, '2026-12-05T23:59:00Z', '2026-12-05T00:00'],
  ])('%s', (_, sessions, now, expected) => {
    expect(start(sessions, now)).toBe(expected)
  })

  test('whose opening is skipped by the clock begins with the first moment after it, and once where it is shown twice', () => {
    const early = [session('America/New_York', 'Mon-Sun', '02:30', '16:00')]
    expect(start(early, '2026-03-08T12:00:00Z')).toBe('2026-03-08T07:00')
    const twice = [session('America/New_York', 'Mon-Sun', '01:30', '16:00')]
    expect(start(twice, '2026-11-01T12:00:00Z')).toBe('2026-11-01T05:30')
  })

  test('is asked for at any time, backwards too', () => {
    expect(start(FUTURES, '2026-12-03T12:00:00Z')).toBe('2026-12-02T23:00')
    expect(start(FUTURES, '2026-12-01T12:00:00Z')).toBe('2026-11-30T23:00')
  })
})

const tableOf = (text: string): Table => {
  const issues = new Issues()
  const table = readTable('hours', 'tables/hours.csv', text, issues)
  if (table === undefined) throw new Error(JSON.stringify(issues.list))
  return table
}

test('a table has a calendar for each of its keys, and its longest day is the longest of all', () => {
  const table = tableOf(`account.id,session,timezone,days,from,to
main,regular,America/Chicago,Sun-Thu,17:00,16:00
*,regular,UTC,Mon-Sun,00:00,24:00`)
  expect(calendarsOf(table)(['main'])).toEqual(FUTURES)
  expect(calendarsOf(table)(['other'])).toEqual(COINS)
  expect(calendarsOf(table)([undefined])).toBeUndefined()
  // From Thursday to Sunday evening, and two hours for the clocks.
  expect(longestDay(table)).toBe((3 * 24 + 2) * 3_600_000)
})

test('weeks of holidays are one day, however many', () => {
  const first = Date.UTC(2026, 11, 7)
  const dates = Array.from({ length: 60 }, (_, index) =>
    new Date(first + index * 86_400_000).toISOString().slice(0, 10),
  )
  const shut = [...STOCKS, ...dates.map((date) => closure('America/New_York', date, '00:00', '24:00'))]
  // 2026-12-04 is the Friday before them, 2027-02-05 the Friday behind.
  expect(start(shut, '2027-02-05T08:59:00Z')).toBe('2026-12-04T09:00')
  expect(start(shut, '2027-01-20T12:00:00Z')).toBe('2026-12-04T09:00')
  expect(start(shut, '2027-02-05T09:00:00Z')).toBe('2027-02-05T09:00')
})

test('the longest day knows of holidays', () => {
  const table = tableOf(`account.id,session,timezone,days,from,to
main,regular,America/New_York,Mon-Fri,09:30,16:00
main,closed,America/New_York,2026-12-25,00:00,24:00
main,closed,America/New_York,2026-12-28,00:00,24:00`)
  // From Thursday to Tuesday.
  expect(longestDay(table)).toBe((5 * 24 + 2) * 3_600_000)
})
