/** Trading sessions on the exchange's wall clock, to the minute, through summer time and midnight. */
import { describe, expect, test } from 'vitest'
import {
  isClosed,
  isOpen,
  parseSession,
  sessionAt,
  zoneOffset,
  zoneProblem,
  type Session,
} from './session.ts'

function session(timezone: string, days: string, from: string, to: string): Session {
  const parsed = parseSession({ session: 'regular', timezone, days, from, to })
  if ('problem' in parsed) throw new Error(parsed.problem)
  return parsed
}
const NEW_YORK = session('America/New_York', 'Mon-Fri', '09:30', '16:00')
const LONDON = session('Europe/London', 'Mon-Fri', '08:00', '16:30')
const CHICAGO = session('America/Chicago', 'Sun-Thu', '17:00', '16:00')
const FOREX = session('America/New_York', 'Sun-Thu', '17:00', '17:00')
const ALWAYS = session('UTC', 'Mon-Sun', '00:00', '24:00')
const NIGHT = session('UTC', 'Fri', '22:00', '02:00')
const WEEKEND = session('UTC', 'Fri-Mon', '10:00', '11:00')

test.each<[string, Session, string, boolean]>([
  ['New York in winter opens at 14:30 UTC', NEW_YORK, '2026-12-01T14:30:00.000Z', true],
  ['and not a millisecond before', NEW_YORK, '2026-12-01T14:29:59.999Z', false],
  ['it is over at 21:00', NEW_YORK, '2026-12-01T21:00:00.000Z', false],
  ['and not a millisecond before', NEW_YORK, '2026-12-01T20:59:59.999Z', true],
  ['the Friday before summer time', NEW_YORK, '2026-03-06T13:30:00Z', false],
  ['the Monday after it begins, an hour earlier', NEW_YORK, '2026-03-09T13:30:00Z', true],
  ['and over an hour earlier', NEW_YORK, '2026-03-09T20:00:00Z', false],
  ['the Friday before summer time ends', NEW_YORK, '2026-10-30T13:30:00Z', true],
  ['the Monday after', NEW_YORK, '2026-11-02T13:30:00Z', false],
  ['and an hour later', NEW_YORK, '2026-11-02T14:30:00Z', true],
  ['London changes three weeks later: New York has, London has not', LONDON, '2026-03-16T08:00:00Z', true],
  ['London before', LONDON, '2026-03-27T07:00:00Z', false],
  ['London after', LONDON, '2026-03-30T07:00:00Z', true],
  ['London before the end', LONDON, '2026-10-23T07:00:00Z', true],
  ['London after the end', LONDON, '2026-10-26T07:00:00Z', false],
  ['a Saturday', NEW_YORK, '2026-12-05T15:00:00Z', false],
  ['Chicago on a Sunday before five', CHICAGO, '2026-11-29T22:59:59Z', false],
  ['Chicago opens on Sunday at five', CHICAGO, '2026-11-29T23:00:00Z', true],
  ['and trades through midnight', CHICAGO, '2026-11-30T06:00:00Z', true],
  ['until four on the next day', CHICAGO, '2026-11-30T21:59:59Z', true],
  ['rests for an hour', CHICAGO, '2026-11-30T22:00:00Z', false],
  ['opens again', CHICAGO, '2026-11-30T23:00:00Z', true],
  ['the last one ends on Friday at four', CHICAGO, '2026-12-04T21:59:00Z', true],
  ['and none opens on Friday', CHICAGO, '2026-12-04T23:30:00Z', false],
  ['none is open on Saturday', CHICAGO, '2026-12-05T12:00:00Z', false],
  ['from five to five there is no rest', FOREX, '2026-12-01T22:00:00Z', true],
  ['from Sunday', FOREX, '2026-11-29T21:59:59Z', false],
  ['to Friday', FOREX, '2026-12-04T22:00:00Z', false],
  ['at any time', ALWAYS, '2026-12-06T00:00:00Z', true],
  ['at midnight too', ALWAYS, '2026-12-06T23:59:59.999Z', true],
  ['into Saturday', NIGHT, '2026-12-05T01:59:00Z', true],
  ['not beyond', NIGHT, '2026-12-05T02:00:00Z', false],
  ['and not on Thursday night', NIGHT, '2026-12-04T01:00:00Z', false],
  ['days around the end of the week: Sunday', WEEKEND, '2026-12-06T10:00:00Z', true],
  ['days around the end of the week: Tuesday', WEEKEND, '2026-12-08T10:00:00Z', false],
  ['long before 1970', ALWAYS, '1960-01-01T12:00:00Z', true],
])('%s', (_, given, time, open) => {
  expect(isOpen(given, Date.parse(time))).toBe(open)
})

/** Half a day before Christmas, Christmas, a night in between two dates, and a date in the week that clocks change. */
const CLOSED = (
  [
    ['America/New_York', '2026-12-24', '13:00', '24:00'],
    ['America/New_York', '2026-12-25', '00:00', '24:00'],
    ['America/New_York', '2026-12-29', '15:00', '10:00'],
    ['America/New_York', '2026-03-09', '00:00', '24:00'],
  ] as const
).map(([timezone, days, from, to]): Session => {
  const parsed = parseSession({ session: 'closed', timezone, days, from, to })
  if ('problem' in parsed) throw new Error(parsed.problem)
  return parsed
})

test.each([
  ['the morning before Christmas is open', '2026-12-24T17:59:59.999Z', 'regular'],
  ['to one o’clock', '2026-12-24T18:00:00Z', 'closed'],
  ['Christmas is closed', '2026-12-25T15:00:00Z', 'closed'],
  ['Monday is not', '2026-12-28T15:00:00Z', 'regular'],
  ['a closure over midnight', '2026-12-29T20:00:00Z', 'closed'],
  ['just before it', '2026-12-29T19:59:59.999Z', 'regular'],
  ['closes the next morning', '2026-12-30T14:59:59.999Z', 'closed'],
  ['and no more', '2026-12-30T15:00:00Z', 'regular'],
  ['the same date of another year', '2027-12-29T20:30:00Z', 'regular'],
  ['a date is one of its zone, in summer time', '2026-03-09T13:30:00Z', 'closed'],
])('%s', (_, time, expected) => {
  const now = Date.parse(time)
  expect(sessionAt([NEW_YORK, ...CLOSED], now)).toBe(expected)
  // The index of closures finds what a walk through them does.
  const walked = !CLOSED.some((closure) => isClosed(closure, now)) && isOpen(NEW_YORK, now)
  expect(walked ? 'regular' : 'closed').toBe(expected)
})

test('a closure ends what opened the evening before', () => {
  const shut = parseSession({
    session: 'closed',
    timezone: 'America/Chicago',
    days: '2026-12-02',
    from: '00:00',
    to: '24:00',
  }) as Session
  const at = (time: string) => sessionAt([CHICAGO, shut], Date.parse(time))
  expect(at('2026-12-02T05:59:59.999Z')).toBe('regular')
  expect(at('2026-12-02T06:00:00Z')).toBe('closed')
  expect(at('2026-12-02T23:30:00Z')).toBe('closed')
  expect(at('2026-12-03T06:00:00Z')).toBe('regular')
})

describe('the hour that the clocks change', () => {
  const early = session('America/New_York', 'Sun', '01:30', '02:30')
  test('an hour that comes twice is open twice', () => {
    expect(isOpen(early, Date.parse('2026-11-01T05:45:00Z'))).toBe(true)
    expect(isOpen(early, Date.parse('2026-11-01T06:15:00Z'))).toBe(false)
    expect(isOpen(early, Date.parse('2026-11-01T06:45:00Z'))).toBe(true)
  })
  test('an hour that is left out ends what is open in it', () => {
    expect(isOpen(early, Date.parse('2026-03-08T06:59:00Z'))).toBe(true)
    expect(isOpen(early, Date.parse('2026-03-08T07:00:00Z'))).toBe(false)
  })
})

test.each([
  ['America/New_York', '2026-12-01T00:00:00Z', -5],
  ['America/New_York', '2026-07-01T00:00:00Z', -4],
  ['Asia/Kolkata', '2026-07-01T00:00:00Z', 5.5],
  ['Asia/Kathmandu', '2026-07-01T00:00:00Z', 5.75],
  ['Australia/Lord_Howe', '2026-01-01T00:00:00Z', 11],
  ['Australia/Lord_Howe', '2026-07-01T00:00:00Z', 10.5],
])('%s at %s is %d hours from UTC', (zone, time, hours) => {
  expect(zoneOffset(zone, Date.parse(time))).toBe(hours * 3_600_000)
})

test.each([
  [{ timezone: 'Mars/Olympus' }, '`Mars/Olympus` is no time zone'],
  [{ timezone: '' }, 'is no time zone'],
  [{ days: 'Mo-Fr' }, '`Mo-Fr` is no range of days'],
  [{ days: 'Mon-Wed-Fri' }, '`Mon-Wed-Fri` is no range of days'],
  [{ days: 'mon' }, 'is no range'],
  [{ days: '2026-12-25' }, 'a date stands with the session `closed`'],
  [{ days: 'Mon-Fri', session: 'closed' }, '`Mon-Fri` is no date such as 2026-12-25'],
  [{ days: '2026-02-30', session: 'closed' }, '`2026-02-30` is no date'],
  [{ days: '2026-2-3', session: 'closed' }, '`2026-2-3` is no date'],
  [{ from: '9:30' }, '`9:30` is no time of day'],
  [{ from: '24:00' }, '`24:00` is no time of day'],
  [{ to: '24:01' }, '`24:01` is no time of day'],
  [{ to: '12:60' }, '`12:60` is no time of day'],
  [{ to: '16:00:00' }, '`16:00:00` is no time of day'],
])('%j is wrong under its column', (change, message) => {
  const row = { session: 'regular', timezone: 'UTC', days: 'Mon-Fri', from: '09:30', to: '16:00', ...change }
  const [column] = Object.keys(change)
  expect(parseSession(row)).toEqual({ column, problem: expect.stringContaining(message) })
})

test.each([
  'UTC',
  'Etc/UTC',
  'GMT',
  'EST5EDT',
  'US/Eastern',
  'Japan',
  'America/Argentina/Buenos_Aires',
  'Asia/Kolkata',
])('the clocks of %s are those of a place, or of UTC', (zone) => {
  expect(zoneProblem(zone)).toBeUndefined()
  expect(session(zone, 'Mon-Fri', '09:00', '10:00').timezone).toBe(zone)
})
