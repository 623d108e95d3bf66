import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lotsOf, shareOf, shifted, stepsInside } from './action-map.ts'

const span = fc
  .tuple(fc.nat(2 ** 40), fc.oneof(fc.nat(3), fc.nat(1000), fc.nat(2 ** 45)))
  .map(([lo, more]) => ({ lo, hi: lo + more }))

describe('lots of a share', () => {
  // [10, 14] has five lots, each a fifth of [0, 1]: 0.2 begins the second, 1 would be a sixth and counts as the last.
  test.each([
    [0, 10],
    [0.199, 10],
    [0.2, 11],
    [0.5, 12],
    [0.999, 14],
    [1, 14],
    [-3, 10],
    [7, 14],
  ])('%d of [10, 14] is %d', (u, lots) => {
    expect(lotsOf(u, { lo: 10, hi: 14 })).toBe(lots)
  })

  test('one lot is the only one', () => {
    for (const u of [0, 0.5, 1]) expect(lotsOf(u, { lo: 7, hi: 7 })).toBe(7)
  })

  test.each([
    [Number.NaN, { lo: 0, hi: 5 }],
    [0.5, { lo: 5, hi: 4 }],
    [0.5, { lo: 0.5, hi: 4 }],
    [0.5, { lo: -1, hi: 4 }],
    [0.5, { lo: 0, hi: Number.POSITIVE_INFINITY }],
    [0.5, { lo: Number.NaN, hi: 4 }],
  ])('%d of %j is none', (u, region) => {
    expect(lotsOf(u, region)).toBeUndefined()
    expect(shifted(2, region, u)).toSatisfy((lots) => lots === undefined || !Number.isNaN(u))
  })

  test('never leaves the region, up to 2^53 lots', () => {
    const wide = fc
      .tuple(fc.maxSafeNat(), fc.maxSafeNat())
      .map(([a, b]) => ({ lo: Math.min(a, b), hi: Math.max(a, b) }))
    fc.assert(
      fc.property(
        wide,
        fc.double({ noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (region, any, u) => {
          for (const share of [any, u, 0, 1, 1 - 2 ** -53]) {
            const lots = lotsOf(share, region) ?? -1
            expect(lots >= region.lo && lots <= region.hi && Number.isSafeInteger(lots)).toBe(true)
          }
        },
      ),
      { numRuns: 20_000 },
    )
  })

  test('a map by rounding the product leaves the region: the fault is seen', () => {
    const rounding = (u: number, lo: number, hi: number): number => Math.round(lo + u * (hi - lo + 1))
    expect(rounding(1, 10, 14)).toBe(15)
  })

  test('every lot has a share that means it', () => {
    fc.assert(
      fc.property(span, fc.double({ min: 0, max: 1, noNaN: true }), (region, u) => {
        const lots = lotsOf(u, region) ?? -1
        expect(lotsOf(shareOf(lots, region), region)).toBe(lots)
      }),
    )
  })
})

describe('a shift', () => {
  test('of nothing changes nothing, and lots outside count as the nearer end', () => {
    expect(shifted(12, { lo: 10, hi: 14 }, 0)).toBe(12)
    expect(shifted(3, { lo: 10, hi: 14 }, 0)).toBe(10)
    expect(shifted(30, { lo: 10, hi: 14 }, 0)).toBe(14)
  })

  // The middle of [0, 99] is u = 0.505 at lot 50; a shift of ln 3 makes the odds 3.06 to 1, u = 0.7537.
  test('moves the odds', () => {
    expect(shifted(50, { lo: 0, hi: 99 }, Math.log(3))).toBe(75)
  })

  test('stays inside, and more is never less', () => {
    const lotsAndShift = fc.tuple(span, fc.nat(), fc.double({ noNaN: true }), fc.double({ noNaN: true }))
    fc.assert(
      fc.property(lotsAndShift, ([region, some, a, b]) => {
        const from = region.lo + (some % (region.hi - region.lo + 1))
        const [less, more] = [Math.min(a, b), Math.max(a, b)]
        const low = shifted(from, region, less) ?? -1
        const high = shifted(from, region, more) ?? -1
        expect(low).toBeGreaterThanOrEqual(region.lo)
        expect(high).toBeLessThanOrEqual(region.hi)
        expect(low).toBeLessThanOrEqual(high)
      }),
      { numRuns: 5000 },
    )
  })
})

describe('steps inside limits', () => {
  test.each([
    [100.001, 100.05, 0.01, { lo: 10_001, hi: 10_005 }],
    [100, 100.057, 0.01, { lo: 10_000, hi: 10_005 }],
    [0.3, 0.3, 0.1, { lo: 3, hi: 3 }],
    [0.31, 0.39, 0.1, undefined],
    [2, 1, 1, undefined],
    [0, 5, 1, undefined],
    [1, 5, 0, undefined],
    [1, Number.POSITIVE_INFINITY, 1, undefined],
    [Number.NaN, 1, 1, undefined],
  ])('%d to %d by %d', (low, high, step, inside) => {
    expect(stepsInside(low, high, step)).toEqual(inside)
  })
})
