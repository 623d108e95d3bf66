import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PLAN } from '../../test/support/models.ts'
import { outlookOf, Plan, repeated, SCHEDULES, scheduledLots, type Market, type Pending } from './plan.ts'
import { sealSchedule, readSchedule } from './registry/schedule-artifact.ts'
import { see, usualFrom, usualVolumeAt } from './usual.ts'

const MARKET: Market = {
  lastVolume: 1000,
  lastUsualVolume: 1000,
  lastVariance: 1e-4,
  lastUsualVariance: 1e-4,
  usualVolumes: [1000, 1000, 1000],
  usualVariance: 1e-4,
  begunVolume: 1000,
  begunVariance: 1e-4,
}
const ORDER: Pending = { lots: 30, left: 30, steps: 3, ratio: 0, caps: [30, 30, 30] }

describe('a schedule', () => {
  test.each(SCHEDULES)('%s sends a third of what is not urgent where all is as usual', (schedule) => {
    const outlook = outlookOf(
      { volume: { persistence: 0, noise: 0 }, variance: { persistence: 0, noise: 0 } },
      MARKET,
      ORDER,
    )
    expect(scheduledLots(schedule, outlook, ORDER, { lo: 0, hi: 30 })).toBe(10)
  })

  // The last volume was e times what is usual, and half of that is kept in logarithms: e^−0.5, e^−0.25, e^−0.125 of the usual impact.
  test('expects liquidity to return to what is usual, by hand', () => {
    const habits = { volume: { persistence: 0.5, noise: 0 }, variance: { persistence: 0.5, noise: 0 } }
    const { flat, expected } = outlookOf(habits, { ...MARKET, lastVolume: 1000 * Math.E }, ORDER)
    expect(flat().impact).toEqual([1, 1, 1])
    for (const [step, power] of [-0.5, -0.25, -0.125].entries())
      expect(expected().impact[step]).toBeCloseTo(Math.exp(power), 12)
    // By liquidity: 30 lots as 1.6487 : 1.2840 : 1.1331.
    expect(scheduledLots('receding AC, expecting', { flat, expected }, ORDER, { lo: 0, hi: 30 })).toBe(12)
  })

  // How liquidity returns is worked out for as many steps as were ever asked for.
  test('expects the same of the first steps, however many come after and were asked for before', () => {
    const habits = { volume: { persistence: 0.5, noise: 0.3 }, variance: { persistence: 0.4, noise: 0.2 } }
    const expectedOver = (steps: number) =>
      outlookOf(
        habits,
        { ...MARKET, lastVolume: 1700, lastVariance: 3e-4, usualVolumes: repeated(1000, steps) },
        { ...ORDER, steps, caps: repeated(30, steps) },
      ).expected()
    const [short, long, shortAgain] = [expectedOver(3), expectedOver(40), expectedOver(3)]
    expect(long.impact.every((impact) => impact > 0 && impact < 2)).toBe(true)
    expect(long.impact.slice(0, 3)).toEqual(short.impact)
    expect(long.risk.slice(0, 3)).toEqual(short.risk)
    expect(shortAgain).toEqual(short)
  })

  const wild = fc.oneof(fc.double(), fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e300))
  test('is within its region or says nothing, whatever it is told', () => {
    const market = fc.record({
      lastVolume: wild,
      lastUsualVolume: wild,
      lastVariance: wild,
      lastUsualVariance: wild,
      usualVolumes: fc.array(wild, { maxLength: 4 }),
      usualVariance: wild,
      begunVolume: wild,
      begunVariance: wild,
    })
    const order = fc.record({
      lots: fc.oneof(fc.nat(1000), wild),
      left: fc.oneof(fc.nat(1000), wild),
      steps: fc.oneof(fc.nat(20), wild),
      ratio: wild,
      caps: fc.array(fc.oneof(fc.nat(1000), wild), { maxLength: 4 }),
    })
    const region = fc.tuple(fc.nat(50), fc.nat(50)).map(([lo, more]) => ({ lo, hi: lo + more }))
    fc.assert(
      fc.property(
        fc.constantFrom(...SCHEDULES),
        market,
        order,
        region,
        (schedule, told, asked, { lo, hi }) => {
          const lots = scheduledLots(schedule, outlookOf(PLAN, told, asked), asked, { lo, hi })
          if (lots !== undefined) expect(Number.isSafeInteger(lots) && lots >= lo && lots <= hi).toBe(true)
        },
      ),
      { numRuns: 2000 },
    )
  })

  test.each(SCHEDULES)('%s says nothing of no steps, and nothing wrong of a year of hours', (schedule) => {
    const none = { ...ORDER, steps: 0, caps: [] }
    expect(scheduledLots(schedule, outlookOf(PLAN, MARKET, none), none, { lo: 0, hi: 30 })).toBeUndefined()
    const caps = Array.from({ length: 8760 }, () => 30)
    const year = { ...ORDER, steps: 8760, caps }
    const market = { ...MARKET, usualVolumes: caps.map(() => 1000) }
    const lots = scheduledLots(schedule, outlookOf(PLAN, market, year), year, { lo: 0, hi: 30 })
    expect([undefined, 0, 1]).toContain(lots)
  })

  test('a region of one lot leaves no choice', () => {
    expect(scheduledLots('TWAP', outlookOf(PLAN, MARKET, ORDER), ORDER, { lo: 7, hi: 7 })).toBe(7)
  })
})

describe('the file of a schedule', () => {
  const sealed = sealSchedule(PLAN, [])
  const value = (change: object = {}): never => ({ ...(JSON.parse(sealed) as object), ...change }) as never

  test('is read', () => {
    expect(readSchedule(value()).plan).toEqual(PLAN)
  })

  test.each<[string, object, RegExp]>([
    ['another schedule under its hash', { plan: { ...PLAN, schedule: 'TWAP' } }, /^MODEL_ALTERED/],
    [
      'a schedule that nobody knows',
      { plan: { ...PLAN, schedule: 'best' } },
      /^MODEL_INVALID: \/plan\/schedule/,
    ],
    [
      'a persistence of one',
      { plan: { ...PLAN, volume: { persistence: 1, noise: 0 } } },
      /^MODEL_INVALID: \/plan\/volume/,
    ],
    [
      'a profile of 23 hours',
      { plan: { ...PLAN, profile: PLAN.profile.slice(1) } },
      /^MODEL_INVALID: \/plan\/profile/,
    ],
    [
      'a horizon of a year of hours',
      { plan: { ...PLAN, stepsMax: 8760 } },
      /^MODEL_INVALID: \/plan\/stepsMax/,
    ],
    ['another kind', { kind: 'ephor-model' }, /^MODEL_INVALID: \/kind/],
    ['a key more', { more: 1 }, /^MODEL_INVALID/],
  ])('with %s is refused', (_, change, why) => {
    expect(() => readSchedule(value(change))).toThrow(why)
  })

  test('fits what it is said to be', () => {
    expect(Plan.safeParse(PLAN).success).toBe(true)
  })
})

describe('what is usual', () => {
  const bar = { at: 0, high: 101, low: 100, volume: 1000 }

  test('is the first bar, and then forgotten by half in its half-life', () => {
    const habits = { halfLifeBars: 1, profile: PLAN.profile }
    const [seen, next] = see(usualFrom(bar), { ...bar, volume: 4000 }, habits)
    expect(seen.usualVolume).toBeCloseTo(1000, 9)
    expect(usualVolumeAt(next, 0, PLAN.profile)).toBeCloseTo(2000, 9)
  })

  test('one failed bar does not outweigh all others', () => {
    const [thin] = see(usualFrom(bar), { ...bar, volume: 1e-9 }, PLAN)
    expect(thin.volume).toBeCloseTo(50, 9)
    const [still] = see(usualFrom(bar), { ...bar, high: 100 }, PLAN)
    expect(still.variance).toBeCloseTo(still.usualVariance / 100, 15)
    const [leap] = see(usualFrom(bar), { ...bar, high: 1e6 }, PLAN)
    expect(leap.variance).toBeCloseTo(36 * leap.usualVariance, 9)
  })
})
