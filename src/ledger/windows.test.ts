/** The edges of windows: of time, of days on the wall, of what is kept, and of constitutions that come and go. */
import { describe, expect, test } from 'vitest'
import { dayStart } from '../constitution/session.ts'
import type { Happening } from './happening.ts'
import {
  count,
  keepWindows,
  NO_WINDOWS,
  readTally,
  type WindowOrigin,
  type Windows,
  uncount,
} from './windows.ts'

const NOW = Date.parse('2026-12-01T15:00:00Z')
const HOUR = 3_600_000

const messages = (window: WindowOrigin['window'], more: Partial<WindowOrigin> = {}): WindowOrigin => ({
  kind: 'window',
  function: 'count',
  of: 'messages',
  by: ['agent.id'],
  window,
  zone: window === 'day' ? 'UTC' : undefined,
  calendar: undefined,
  denied: false,
  ...more,
})
const change = (at: number, more: Partial<Happening> = {}): Happening => ({
  at,
  type: 'change',
  part: 'whole',
  denied: false,
  fields: { 'agent.id': 'a' },
  asked: undefined,
  amount: undefined,
  currency: 'USD',
  ...more,
})
const keeping = (
  origin: WindowOrigin,
  from: Windows = NO_WINDOWS,
  at = 0,
  bounds?: { log: number; marks: number },
): Windows => keepWindows(from, new Map([['x', origin]]), 'USD', at, bounds)
const read = (windows: Windows, origin: WindowOrigin, now: number, key = 'a'): number | undefined =>
  readTally(windows, 'x', origin, `${key}\u0000`, now)
const after = (
  origin: WindowOrigin,
  ats: readonly number[],
  bounds?: { log: number; marks: number },
): Windows => ats.reduce((windows, at) => count(windows, change(at), bounds), keeping(origin))

describe('a rolling window', () => {
  const second = messages(1000)

  test.each([
    [0, 1],
    [999, 1],
    [1000, 0],
  ])('holds what is %i ms old %i times', (age, times) => {
    expect(read(after(second, [NOW]), second, NOW + age)).toBe(times)
  })

  test('lets ten go in any second that begins anywhere', () => {
    const ats = Array.from({ length: 40 }, (_, index) => NOW + index * 100)
    for (const [index, at] of ats.entries()) {
      expect(read(after(second, ats.slice(0, index)), second, at)).toBe(Math.min(index, 9))
    }
  })

  test('holds what happened at one moment as often as it happened', () => {
    expect(read(after(second, [NOW, NOW, NOW]), second, NOW)).toBe(3)
  })

  test('holds after a step of hours what happened since, as after hours', () => {
    const windows = after(messages(HOUR), [NOW, NOW + 5 * HOUR])
    expect(read(windows, messages(HOUR), NOW + 5 * HOUR)).toBe(1)
    expect(read(after(messages(HOUR), [NOW]), messages(HOUR), NOW + 5 * HOUR)).toBe(0)
  })

  test('of more than a minute holds up to a thousandth of its length more, and never less', () => {
    const hour = messages(HOUR)
    const step = 3_600
    const windows = after(hour, [NOW])
    expect(read(windows, hour, NOW + HOUR - 1)).toBe(1)
    const held = Array.from({ length: 2 * step }, (_, late) => read(windows, hour, NOW + HOUR + late))
    expect(held.lastIndexOf(1)).toBeLessThan(step)
    expect(held.indexOf(0)).toBe(held.lastIndexOf(1) + 1)
  })

  test('forgets what no reading reaches', () => {
    const ats = Array.from({ length: 5000 }, (_, index) => NOW + index * 10)
    const tally = after(second, ats).tallies.get('x')
    // A hundred marks are in reach, and up to 64 that have aged wait to be dropped together.
    expect(tally?.order.size).toBeLessThanOrEqual(165)
    expect(tally?.marks.get('a\u0000')?.size).toBeLessThanOrEqual(165)
    let windows = keeping(second)
    for (const at of ats)
      windows = count(windows, change(at, { fields: { 'agent.id': `a${at % 1_000_000}` } }))
    expect(windows.tallies.get('x')?.marks.size).toBeLessThanOrEqual(165)
  })

  test('makes room when it is full of what has aged', () => {
    const bounds = { log: 100, marks: 2 }
    const windows = after(second, [NOW, NOW + 1, NOW + 1001, NOW + 1002], bounds)
    expect(read(windows, second, NOW + 1002)).toBe(2)
    expect(read(after(second, [NOW, NOW + 1, NOW + 2, NOW + 1002], bounds), second, NOW + 1002)).toBe(1)
  })
})

describe('a day', () => {
  const day = (zone: string): WindowOrigin => messages('day', { zone })
  const at = (text: string): number => Date.parse(text)

  test.each([
    ['UTC', '2026-12-01T00:00:00Z', '2026-12-01T23:59:59.999Z'],
    ['America/New_York', '2026-12-01T05:00:00Z', '2026-12-02T04:59:59.999Z'],
    ['America/New_York, 25 hours', '2026-11-01T04:00:00Z', '2026-11-02T04:59:59.999Z'],
    ['America/New_York, 23 hours', '2026-03-08T05:00:00Z', '2026-03-09T03:59:59.999Z'],
    ['Asia/Kathmandu', '2026-12-01T18:15:00Z', '2026-12-02T18:14:59.999Z'],
    ['Antarctica/Troll, 26 hours', '2026-10-24T22:00:00Z', '2026-10-25T23:59:59.999Z'],
    // Clocks go from midnight to one o'clock: the first moment of the date is one o'clock.
    ['Africa/Cairo, no midnight', '2026-04-23T22:00:00Z', '2026-04-24T20:59:59.999Z'],
  ])('of %s goes from its midnight to its last millisecond', (name, first, last) => {
    const zone = name.split(',')[0] ?? ''
    expect(dayStart(zone, at(first))).toBe(at(first))
    expect(dayStart(zone, at(last))).toBe(at(first))
    expect(dayStart(zone, at(last) + 1)).toBe(at(last) + 1)
    const windows = after(day(zone), [at(first) - 1, at(first), at(last)])
    expect(read(windows, day(zone), at(last))).toBe(2)
    expect(read(windows, day(zone), at(last) + 1)).toBe(0)
  })
})

describe('what is kept', () => {
  const hour = messages(HOUR)

  test('is unknown once it was too much, until what was lost is out of reach', () => {
    const bounds = { log: 100, marks: 2 }
    const windows = after(hour, [NOW, NOW + 10_000, NOW + 20_000], bounds)
    expect(read(windows, hour, NOW + 20_000)).toBeUndefined()
    expect(read(windows, hour, NOW + 20_000 + HOUR - 1)).toBeUndefined()
    expect(read(windows, hour, NOW + 20_000 + HOUR)).toBe(0)
  })

  test('fills a window that comes later, or leaves it unknown where too little is kept', () => {
    const ats = [NOW, NOW + 1, NOW + 2]
    const late = (log: number): Windows =>
      keeping(hour, after(messages(1000), ats, { log, marks: 100 }), NOW + 3)
    expect(read(late(3), hour, NOW + 3)).toBe(3)
    expect(read(late(2), hour, NOW + 3)).toBeUndefined()
    expect(read(late(2), hour, NOW + HOUR)).toBe(2)
  })

  test('a flood of denied requests drops nothing that was sent', () => {
    const bounds = { log: 10, marks: 100 }
    let windows = after(messages(1000), [NOW], bounds)
    for (let index = 1; index <= 50; index++)
      windows = count(windows, change(NOW + index, { denied: true }), bounds)
    expect(read(keeping(hour, windows, NOW + 51), hour, NOW + 51)).toBe(1)
    const asked = messages(HOUR, { denied: true })
    expect(read(keeping(asked, windows, NOW + 51), asked, NOW + 51)).toBeUndefined()
  })

  test('reads the same whenever the constitution came into force', () => {
    const all = keepWindows(NO_WINDOWS, new Map([['x', hour]]), 'USD', 0)
    const one = (windows: Windows, at: number): Windows => count(windows, change(at))
    const ats = Array.from({ length: 20 }, (_, index) => NOW + index * 700_000)
    const early = ats.reduce(one, all)
    for (const [index, at] of ats.entries()) {
      const before = ats.slice(0, index).reduce(one, NO_WINDOWS)
      const late = ats.slice(index).reduce(one, keeping(hour, before, at))
      expect(read(late, hour, NOW + 20 * 700_000)).toBe(read(early, hour, NOW + 20 * 700_000))
    }
  })

  test('is not taken for another window of the same name', () => {
    const windows = after(messages(1000), [NOW])
    expect(read(windows, messages(2000), NOW)).toBeUndefined()
    expect(read(NO_WINDOWS, messages(2000), NOW)).toBe(0)
  })

  test('in one currency says nothing in another', () => {
    const sent = messages(HOUR, { function: 'sum', of: 'transfer.value' })
    const moved = (currency: string, amount: bigint | undefined): Happening =>
      change(NOW, { type: 'transfer', currency, amount })
    const dollars = count(keeping(sent), moved('USD', 25n * 10n ** 17n))
    expect(read(dollars, sent, NOW)).toBe(2.5)
    expect(read(count(dollars, moved('EUR', 1n)), sent, NOW)).toBeUndefined()
    expect(read(count(dollars, moved('USD', undefined)), sent, NOW)).toBeUndefined()
    const euros = keepWindows(dollars, new Map([['x', sent]]), 'EUR', NOW)
    expect(read(euros, sent, NOW)).toBeUndefined()
    expect(read(euros, sent, NOW + 2 * HOUR)).toBe(0)
  })

  test('a sum is exact, and rounded up where no number is', () => {
    const sum = messages(1000, { function: 'sum', of: 'fill.quantity' })
    const filled = (amount: bigint): Happening => change(NOW, { type: 'fill', amount })
    const thirds = [1n, 1n, 1n].reduce((windows) => count(windows, filled(10n ** 17n)), keeping(sum))
    expect(read(thirds, sum, NOW)).toBe(0.3)
    const huge = count(count(keeping(sum), filled(2n ** 53n * 10n ** 18n)), filled(1n))
    expect(read(huge, sum, NOW)).toBeGreaterThan(2 ** 53)
  })
})

describe('what is put to the vote', () => {
  const orders = messages(1000, { of: 'orders' })
  const order = (at: number, part: Happening['part']): Happening => change(at, { type: 'order', part })
  const told = (origin: WindowOrigin): Windows =>
    [order(5, 'asked'), order(7, 'whole'), order(900, 'decided')].reduce(
      (windows, happening) => count(windows, happening),
      keeping(origin),
    )

  test('is a message when it is asked and an order once it is decided, each once', () => {
    expect([read(told(messages(1000)), messages(1000), 901), read(told(orders), orders, 901)]).toEqual([2, 2])
    expect([read(told(messages(1000)), messages(1000), 1006), read(told(orders), orders, 1006)]).toEqual([
      1, 2,
    ])
  })

  test.each(['day', 1000, 3_600_000] as const)(
    'is not counted against itself when it is judged again: %s',
    (window) => {
      const origin = messages(window)
      const at = 10_000_000
      const before = [order(at - 1, 'whole'), order(at, 'asked')]
      const after = [order(at + 1, 'whole'), order(at + 2, 'asked')]
      const all = [...before, ...after].reduce((windows, one) => count(windows, one), keeping(origin))
      const others = [before[0], ...after].reduce(
        (windows, one) => count(windows, one as Happening),
        keeping(origin),
      )
      const without = uncount(all, order(at, 'asked'))
      for (const now of [at, at + 1, at + 2, at + 998, at + 999, at + 1000, at + 5000])
        expect(read(without, origin, now)).toBe(read(others, origin, now))
      // What was not counted is not taken back.
      expect(uncount(others, change(at + 50_000_000, { part: 'asked' })).tallies.toJS()).toEqual(
        others.tallies.toJS(),
      )
      expect(
        read(uncount(others, change(at, { part: 'asked', fields: { 'agent.id': 'b' } })), origin, at + 2),
      ).toBe(3)
    },
  )
})
