import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hedge, simplexGrid, type Loss } from './hedge.ts'

const loss = fc.double({ min: 0, max: 1, noNaN: true })
const EXPERTS = 6

/** Losses as they come, and as an adversary likes them: all or nothing. */
const rows = fc.array(
  fc.array(fc.oneof(loss, fc.constantFrom(0, 1)), { minLength: EXPERTS, maxLength: EXPERTS }),
  { minLength: 1, maxLength: 60 },
)

const known = (rounds: readonly (readonly number[])[], delay = 0): Loss[] =>
  rounds.map((losses, place) => ({
    losses,
    known: Array.from({ length: Math.max(0, place - delay) }, (_, at) => at),
  }))

describe('hedge', () => {
  test('the grid has all ways to share out its parts, each once', () => {
    const grid = simplexGrid(20)
    expect(grid).toHaveLength(231)
    expect(new Set(grid.map((vector) => vector.join())).size).toBe(231)
    expect(grid.every((vector) => vector[0] + vector[1] + vector[2] === 20)).toBe(true)
  })

  // Two experts, two rounds, η = √(8 ln 2 / 2) = 1.665109…: ½ is lost in the first round; in the second, where the first expert is ahead by 1, 1/(1 + e^η).
  test('by hand', () => {
    const {
      loss: lost,
      best,
      regret,
      weights,
    } = hedge(
      known([
        [0, 1],
        [1, 0],
      ]),
      2,
    )
    const ahead = 1 / (1 + Math.exp(-Math.sqrt(4 * Math.log(2))))
    expect(lost).toBeCloseTo(0.5 + ahead, 12)
    expect(best).toEqual({ place: 0, loss: 1 })
    expect(regret).toBeCloseTo(ahead - 0.5, 12)
    expect(weights).toEqual([0.5, 0.5])
  })

  test('no sequence makes the regret larger than its bound', () => {
    fc.assert(
      fc.property(rows, (rounds) => {
        const { regret, bound } = hedge(known(rounds), EXPERTS)
        expect(bound).toBeCloseTo(Math.sqrt((rounds.length * Math.log(EXPERTS)) / 2), 12)
        expect(regret).toBeLessThanOrEqual(bound + 1e-9)
      }),
      { numRuns: 500 },
    )
  })

  test('nor where outcomes come late', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 10 }), (rounds, delay) => {
        const { regret, bound } = hedge(known(rounds, delay), EXPERTS)
        expect(regret).toBeLessThanOrEqual(bound + 1e-9)
      }),
      { numRuns: 300 },
    )
  })

  test('a learner that goes after what lost is beyond the bound: the bound is one that can be broken', () => {
    const rounds = Array.from({ length: 200 }, () => [0, 1])
    // The same, told that what was lost was won.
    const turned = hedge(known(rounds.map((losses) => losses.map((one) => 1 - one))), 2)
    const wrong = rounds.length - turned.loss
    expect(wrong).toBeGreaterThan(turned.bound)
  })

  test('no rounds, no weights but equal ones', () => {
    expect(hedge([], 4)).toMatchObject({ loss: 0, regret: 0, bound: 0, weights: [0.25, 0.25, 0.25, 0.25] })
  })
})
