import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { holdsCaps, sharesOf, type Caps, type Seat } from './shares.ts'

const MILLION = 1_000_000
const NO_CAPS: Caps = { voter: [1, 1], owner: [1, 1] }
const seats = (...raws: readonly (readonly [string, number])[]): Seat[] =>
  raws.map(([owner, raw]) => ({ owner, raw }))

describe('by hand', () => {
  test.each<[string, Seat[], Caps, number[] | string]>([
    ['by raw weight', seats(['x', 6], ['y', 3], ['z', 1]), NO_CAPS, [600_000, 300_000, 100_000]],
    // 1/3 has no end: each third is rounded down, and the total is 999,999.
    ['equals stay equal', seats(['x', 1], ['y', 1], ['z', 1]), NO_CAPS, [333_333, 333_333, 333_333]],
    [
      'a cap that is exactly met',
      seats(['x', 1], ['y', 5], ['z', 9]),
      { voter: [1, 3], owner: [1, 1] },
      [333_333, 333_333, 333_333],
    ],
    // 60 % is cut to 40 %; the other 60 % go to 3 and 1: 45 % and 15 %. But 45 % is above the cap too: 40, 40, 20.
    [
      'what one cap cuts off can lift another to it',
      seats(['x', 6], ['y', 3], ['z', 1]),
      { voter: [2, 5], owner: [1, 1] },
      [400_000, 400_000, 200_000],
    ],
    // x has 8 of 10, cut to half: 6 to 2 within it, and the other half 1 to 1.
    [
      'an owner',
      seats(['x', 6], ['x', 2], ['y', 1], ['z', 1]),
      { voter: [1, 1], owner: [1, 2] },
      [375_000, 125_000, 250_000, 250_000],
    ],
    // As before, but 37.5 % is cut to 30 %, and the owner's own other vote takes what is cut off.
    [
      'a vote within an owner',
      seats(['x', 6], ['x', 2], ['y', 1], ['z', 1]),
      { voter: [3, 10], owner: [1, 2] },
      [300_000, 200_000, 250_000, 250_000],
    ],
    [
      'who weighs nothing gets nothing of it',
      seats(['x', 9], ['y', 1], ['z', 0]),
      { voter: [1, 2], owner: [1, 1] },
      [500_000, 500_000, 0],
    ],
    ['nobody weighs anything', seats(['x', 0]), NO_CAPS, 'weightless'],
    ['nobody is there', [], NO_CAPS, 'weightless'],
    [
      'three votes of 30 %',
      seats(['x', 1], ['y', 1], ['z', 1]),
      { voter: [3, 10], owner: [1, 1] },
      'infeasible',
    ],
    [
      'two owners of 40 %',
      seats(['x', 1], ['x', 1], ['y', 1], ['y', 1]),
      { voter: [1, 1], owner: [2, 5] },
      'infeasible',
    ],
    ['the weightless don’t help', seats(['x', 1], ['y', 0]), { voter: [1, 2], owner: [1, 1] }, 'infeasible'],
  ])('%s', (_, given, caps, wanted) => {
    expect(sharesOf(given, caps, MILLION)).toEqual(wanted)
  })
})

describe('of any seats', () => {
  const share = fc
    .tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 60 }))
    .map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)])
  const anySeats = fc.array(
    fc.record({
      owner: fc.constantFrom('x', 'y', 'z', 'u', 'v', 'w'),
      raw: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 1_000_000_000 })),
    }),
    { minLength: 1, maxLength: 30 },
  )
  const anyCaps = fc.record({ voter: share, owner: share }) as fc.Arbitrary<Caps>

  test('caps hold exactly, nothing is lost but rounding, and order, names and scale do not matter', () => {
    let feasible = 0
    fc.assert(
      fc.property(anySeats, anyCaps, fc.integer({ min: 2, max: 9 }), (given, caps, scale) => {
        const weights = sharesOf(given, caps, MILLION)
        const backwards = sharesOf(given.toReversed(), caps, MILLION)
        expect(typeof backwards === 'string' ? backwards : backwards.toReversed()).toEqual(weights)
        const scaled = given.map((seat) => ({ ...seat, raw: seat.raw * scale }))
        expect(sharesOf(scaled, caps, MILLION)).toEqual(weights)
        if (typeof weights === 'string') return
        feasible += 1
        expect(holdsCaps(given, weights, caps)).toBe(true)
        const total = weights.reduce((sum, weight) => sum + weight, 0)
        expect(total).toBeLessThanOrEqual(MILLION)
        expect(total).toBeGreaterThan(MILLION - 200)
      }),
      { numRuns: 2000 },
    )
    expect(feasible).toBeGreaterThan(200)
  })

  test('who has more raw weight never has less, within an owner; equals have the same', () => {
    fc.assert(
      fc.property(anySeats, anyCaps, (given, caps) => {
        const weights = sharesOf(given, caps, MILLION)
        if (typeof weights === 'string') return
        for (const [i, a] of given.entries())
          for (const [j, b] of given.entries())
            if (a.owner === b.owner && a.raw >= b.raw)
              expect(weights[i] ?? 0).toBeGreaterThanOrEqual(weights[j] ?? 0)
      }),
    )
  })

  test('those below every cap keep their proportions to within rounding', () => {
    fc.assert(
      fc.property(anySeats, share, (given, voter) => {
        const weights = sharesOf(given, { voter, owner: [1, 1] }, MILLION)
        if (typeof weights === 'string') return
        const max = Math.max(...weights)
        const below = given.flatMap((seat, index) =>
          (weights[index] ?? 0) < max - 1 ? [{ ...seat, weight: weights[index] ?? 0 }] : [],
        )
        for (const a of below)
          for (const b of below)
            expect(Math.abs(a.weight * b.raw - b.weight * a.raw)).toBeLessThanOrEqual(a.raw + b.raw)
      }),
    )
  })

  test('a cap whose surplus is not handed on is seen', () => {
    const cut = [400_000, 300_000, 100_000]
    expect(holdsCaps(seats(['x', 6], ['y', 3], ['z', 1]), cut, { voter: [2, 5], owner: [1, 1] })).toBe(false)
  })
})
