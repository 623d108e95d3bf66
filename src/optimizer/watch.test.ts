import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seeded } from '../base/random.ts'
import {
  after,
  binOf,
  binsOf,
  COST_CHANCE,
  differenceOf,
  DRIFT_CHANCE,
  isLost,
  LOOK,
  NO_BET,
  NORMAL_OF_LOOK,
  stabilityIndex,
  stabilityLimit,
} from './watch.ts'

const gaussian = (chance: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance())
const drawn = (chance: () => number, count: number, shift = 0, scale = 1): number[] =>
  Array.from({ length: count }, () => shift + scale * gaussian(chance))

describe('drift', () => {
  test('bins by hand: deciles, and fewer where values are few', () => {
    expect(binsOf(Array.from({ length: 100 }, (_, at) => at))).toEqual({
      edges: [10, 20, 30, 40, 50, 60, 70, 80, 90],
      counts: Array.from({ length: 10 }, () => 10),
    })
    expect(binsOf([1, 1, 1, 2])).toEqual({ edges: [1, 2], counts: [0, 3, 1] })
    expect([0, 1, 1.5, 2, 9].map((value) => binOf([1, 2], value))).toEqual([0, 1, 1, 2, 2])
  })

  // (0.5 − 0.25) ln 2 + (0.5 − 0.75) ln(2/3) = 0.173287 + 0.101366, without the half cases, which large counts hide.
  test('the index by hand', () => {
    expect(stabilityIndex([5e9, 5e9], [2.5e9, 7.5e9])).toBeCloseTo(0.274653, 6)
    expect(stabilityIndex([7, 7], [3, 3])).toBe(0)
  })

  // χ² of 9 degrees is below 27.877 in 999 of 1000 cases.
  test('the limit is the quantile of χ², over the sizes of the samples', () => {
    expect(stabilityLimit(10, 1, 1e12, 3.0902)).toBeCloseTo(27.877, 0)
    expect(stabilityLimit(10, 200, 2000, 3) / stabilityLimit(10, 400, 4000, 3)).toBeCloseTo(2, 10)
    expect(stabilityLimit(1, 5, 5, 3)).toBe(Number.POSITIVE_INFINITY)
  })

  const found = (seed: number, shift: number, scale = 1): boolean => {
    const chance = seeded(seed)
    const { edges, counts } = binsOf(drawn(chance, 5000))
    const looked = counts.map(() => 0)
    for (const value of drawn(chance, LOOK, shift, scale)) {
      const bin = binOf(edges, value)
      looked[bin] = (looked[bin] as number) + 1
    }
    return stabilityIndex(looked, counts) > stabilityLimit(counts.length, LOOK, 5000, NORMAL_OF_LOOK)
  }

  test('that is planted is found, and nothing is found where there is none', () => {
    const seeds = Array.from({ length: 100 }, (_, seed) => seed)
    expect(seeds.filter((seed) => found(seed, 0.6)).length).toBeGreaterThan(96)
    expect(seeds.filter((seed) => found(seed, 0, 2)).length).toBeGreaterThan(96)
    // One feature of eleven takes a chance of 0.00009 a look; two of 100 would be two hundred times too many.
    expect(seeds.filter((seed) => found(seed, 0)).length).toBeLessThan(2)
    expect(DRIFT_CHANCE).toBe(0.001)
  })
})

describe('the bet', () => {
  const lostAfter = (seed: number, mean: number, most: number): number | undefined => {
    const chance = seeded(seed)
    let bet = NO_BET
    for (let at = 1; at <= most; at += 1) {
      bet = after(bet, mean + 0.1 * gaussian(chance))
      if (isLost(bet)) return at
    }
    return undefined
  }

  test('is lost soon by a model that costs 5 % more', () => {
    const lost = Array.from({ length: 100 }, (_, seed) => lostAfter(seed, 0.05, 2000))
    expect(lost.filter((at) => at !== undefined).length).toBe(100)
    expect(lost.map(Number).toSorted((a, b) => a - b)[50]).toBeLessThan(200)
  })

  test('is hardly ever lost by one that costs the same, however long it is watched', () => {
    const lost = Array.from({ length: 600 }, (_, seed) => lostAfter(seed, 0, 3000)).filter(
      (at) => at !== undefined,
    )
    // At most one in a hundred by Ville; six of 600 expected at most, and sixteen with a chance below 0.0004.
    expect(lost.length).toBeLessThan(16)
    expect(COST_CHANCE).toBe(0.01)
  })

  test('is never lost by one that costs less, and is found when it begins to cost more', () => {
    for (let seed = 0; seed < 50; seed += 1) expect(lostAfter(seed, -0.05, 2000)).toBeUndefined()
    const chance = seeded(1)
    let bet = NO_BET
    for (let at = 0; at < 2000; at += 1) bet = after(bet, -0.02 + 0.1 * gaussian(chance))
    let turned = 0
    for (; turned < 3000 && !isLost(bet); turned += 1) bet = after(bet, 0.05 + 0.1 * gaussian(chance))
    expect(turned).toBeLessThan(1000)
  })

  test('wealth grows by no more than the stake, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.double()), (differences) => {
        const bet = differences.reduce(after, NO_BET)
        expect(Number.isFinite(bet.wealth) && Number.isFinite(bet.mean)).toBe(true)
        expect(bet.wealth).toBeLessThanOrEqual(differences.length * Math.log(1.5) + 1e-9)
      }),
    )
  })
})

describe('the difference of a slice', () => {
  // Two steps, ratio 0: half of 10 each costs c = ½. All at once costs 100 of 50 more: (100 − 50) / 50 = 1.
  test('by hand', () => {
    expect(differenceOf({ left: 10, sent: 10, scheduled: 5, stepsLeft: 2, ratio: 0 }, 1, 1)).toBeCloseTo(
      1,
      12,
    )
    expect(differenceOf({ left: 10, sent: 5, scheduled: 5, stepsLeft: 2, ratio: 0.3 }, 2, 3)).toBe(0)
  })

  test('in a market that is as usual no slice beats the schedule', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 20 }),
        fc.double({ min: 0, max: 2, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (stepsLeft, ratio, part) => {
          // The first step of the closed form, by the same recursion.
          let later = 1
          for (let step = 1; step < stepsLeft - 1; step += 1) later = (ratio + later) / (1 + ratio + later)
          const best = (1000 * (ratio + later)) / (1 + ratio + later)
          const slip = { left: 1000, sent: 1000 * part, scheduled: best, stepsLeft, ratio }
          expect(differenceOf(slip, 1, 1)).toBeGreaterThanOrEqual(-1e-9)
        },
      ),
    )
  })

  test('more volume than usual rewards who sent more', () => {
    const slip = { left: 1000, sent: 600, scheduled: 500, stepsLeft: 2, ratio: 0 }
    expect(differenceOf(slip, 0.5, 1)).toBeLessThan(0)
    expect(differenceOf(slip, 2, 1)).toBeGreaterThan(0)
  })
})
