import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seeded } from '../base/random.ts'
import { policyWith } from '../../test/support/consensus.ts'
import {
  EXACT_MAX,
  gameOf,
  hoeffding,
  powersOf,
  sampledIndices,
  SAMPLES,
  shapleyShubik,
  type Game,
} from './power.ts'
import { rejectionOf, ruleOf } from './tally.ts'

const game = (
  threshold: number,
  carries: readonly number[],
  vetoes: readonly number[] = [],
  minimumVoters = 1,
): Game => ({
  threshold,
  minimumVoters,
  players: carries.map((weight, index) => ({ carries: weight, veto: vetoes.includes(index) })),
})
const fractions = (given: Game): string[] =>
  shapleyShubik(given).map(({ numerator, denominator }) => `${numerator}/${denominator}`)
const chance = 7

describe('exact, by hand', () => {
  test.each<[string, Game, string[]]>([
    ['three equals, two of them', game(2, [1, 1, 1]), ['1/3', '1/3', '1/3']],
    // The textbook case [51; 50, 49, 1]: the weights 49 and 1 have the same power.
    ['50, 49 and 1 of 100, above half', game(51, [50, 49, 1]), ['2/3', '1/6', '1/6']],
    ['a dictator', game(51, [60, 30, 10]), ['1/1', '0/1', '0/1']],
    ['all must agree', game(100, [60, 30, 10]), ['1/3', '1/3', '1/3']],
    // 40, 30, 20, 10 above half: pivots 10, 6, 6, 2 of 24.
    ['four', game(51, [40, 30, 20, 10]), ['5/12', '1/4', '1/4', '1/12']],
    // One that any winning set needs: first with neither, so it is pivotal unless it comes first of all. 2/3, 1/6, 1/6.
    ['a veto of a small one', game(2, [1, 1, 1], [0]), ['2/3', '1/6', '1/6']],
    ['a veto without weight', game(2, [0, 1, 1], [0]), ['1/3', '1/3', '1/3']],
    // 8 alone has the weight, and two must say yes: it takes the large one and any other.
    ['a minimum number of voters', game(6, [8, 1, 1], [], 2), ['2/3', '1/6', '1/6']],
    ['who weighs nothing', game(2, [1, 1, 0]), ['1/2', '1/2', '0/1']],
  ])('%s', (_, given, wanted) => {
    expect(fractions(given)).toEqual(wanted)
  })
})

describe('of any game', () => {
  const anyGame = fc
    .record({
      carries: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 7 }),
      share: fc.integer({ min: 1, max: 100 }),
      vetoes: fc.array(fc.nat(6), { maxLength: 2 }),
      minimumVoters: fc.integer({ min: 1, max: 3 }),
    })
    .filter(({ carries, minimumVoters }) => carries.filter((weight) => weight > 0).length >= minimumVoters)
    .map(({ carries, share, vetoes, minimumVoters }) => {
      const total = carries.reduce((sum, weight) => sum + weight, 0)
      return game(Math.max(1, Math.ceil((total * share) / 100)), carries, vetoes, minimumVoters)
    })

  /** All orders, one after another. */
  const naive = (given: Game): number[] => {
    const decided = given.players.map(() => 0)
    let orders = 0
    const walk = (order: readonly number[]): void => {
      if (order.length < given.players.length) {
        for (const index of given.players.keys()) if (!order.includes(index)) walk([...order, index])
        return
      }
      orders += 1
      const place = order.findIndex((_, at) => isWinning(given, new Set(order.slice(0, at + 1))))
      const pivot = order[place]
      if (pivot !== undefined) decided[pivot] = (decided[pivot] ?? 0) + 1
    }
    walk([])
    return decided.map((count) => count / orders)
  }
  const isWinning = (given: Game, inside: ReadonlySet<number>): boolean => {
    const members = given.players.filter((_, index) => inside.has(index))
    return (
      members.reduce((sum, { carries }) => sum + carries, 0) >= given.threshold &&
      members.filter(({ carries }) => carries > 0).length >= given.minimumVoters &&
      given.players.every(({ veto }, index) => !veto || inside.has(index))
    )
  }

  test('it is what all orders give; together 1; dictators and powerless are those of 1 and 0', () => {
    const seen = { dictators: 0, powerless: 0 }
    fc.assert(
      fc.property(anyGame, (given) => {
        const { shares, dictators, powerless, found } = powersOf(given, chance)
        expect(found).toEqual({ method: 'exact' })
        for (const [index, share] of naive(given).entries()) {
          expect(shares[index]).toBeCloseTo(share, 12)
          expect(dictators[index]).toBe(share === 1)
          expect(powerless[index]).toBe(share === 0)
        }
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12)
        if (dictators.includes(true)) seen.dictators += 1
        if (powerless.includes(true)) seen.powerless += 1
      }),
      { numRuns: 150 },
    )
    expect(seen.dictators).toBeGreaterThan(0)
    expect(seen.powerless).toBeGreaterThan(0)
  })

  test('a sample is within its bound of the exact index', () => {
    const given = game(51, [20, 15, 14, 12, 10, 9, 8, 6, 4, 2])
    const exact = shapleyShubik(given).map(
      ({ numerator, denominator }) => Number(numerator) / Number(denominator),
    )
    const sampled = sampledIndices(given, seeded(42), SAMPLES)
    const bound = hoeffding(SAMPLES, 10)
    expect(bound).toBeLessThan(0.031)
    for (const [index, share] of sampled.entries())
      expect(Math.abs(share - (exact[index] ?? 0))).toBeLessThan(bound)
    expect(sampledIndices(given, seeded(42), SAMPLES)).toEqual(sampled)
  })
})

test('a game is the round itself when some say yes and all others no', () => {
  const policy = policyWith({ quorum: [3, 5], support: [2, 3], minimumVoters: 2 })
  const rule = ruleOf(policy, 30, [])
  const { threshold } = gameOf(rule, [])
  for (let yes = 0; yes <= 30; yes += 1) {
    const tally = { yes, no: 30 - yes, abstain: 0, yesVoters: 2, vetoed: false, consents: 0 }
    expect(rejectionOf(rule, tally) === null).toBe(yes >= threshold)
  }
})

describe('above twenty votes', () => {
  const many = (first: number, rest: number, count = 30) => [
    first,
    ...Array.from({ length: count }, () => rest),
  ]

  test('it is sampled, from its seed, with its error', () => {
    const { found, shares, powerless } = powersOf(game(21, many(10, 1)), chance)
    expect(found).toMatchObject({ method: 'sampled', samples: SAMPLES, seed: 7, confidence: 0.99 })
    expect(found.method === 'sampled' && found.error).toBeCloseTo(hoeffding(SAMPLES, 31), 12)
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9)
    expect(powerless.includes(true)).toBe(false)
  })

  test('a dictator is found, and those without power beside him', () => {
    const { dictators, powerless } = powersOf(game(31, many(60, 1)), chance)
    expect(dictators).toEqual([
      true,
      ...many(0, 0)
        .slice(1)
        .map(() => false),
    ])
    expect(powerless).toEqual([
      false,
      ...many(0, 0)
        .slice(1)
        .map(() => true),
    ])
  })

  test('a vote so small that no sample meets it is looked for', () => {
    // 1,000,000 of 2,000,001 needed: twenty-five of 80,000 each make 2,000,000; the one millionth never tips two equal halves.
    const idle = powersOf(game(1_000_001, [1, ...Array.from({ length: 25 }, () => 80_000)]), chance)
    expect(idle.powerless[0]).toBe(true)
    // With halves that can be equal it does.
    const needed = powersOf(
      game(1_000_001, [1, ...Array.from({ length: 24 }, (_, at) => 83_333 + (at < 8 ? 1 : 0)), 0]),
      chance,
    )
    expect(needed.powerless[0]).toBe(false)
  })

  test('twenty-one are too many to solve', () => {
    expect(
      powersOf(
        game(
          11,
          Array.from({ length: EXACT_MAX }, () => 1),
        ),
        chance,
      ).found.method,
    ).toBe('exact')
    expect(
      powersOf(
        game(
          11,
          Array.from({ length: EXACT_MAX + 1 }, () => 1),
        ),
        chance,
      ).found.method,
    ).toBe('sampled')
    expect(() =>
      shapleyShubik(
        game(
          1,
          Array.from({ length: 31 }, () => 1),
        ),
      ),
    ).toThrow(RangeError)
  })
})
