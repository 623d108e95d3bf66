import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { coalitionValue, shapleyValues } from './shapley.ts'

const has = (coalition: number, player: number): boolean => (coalition & (1 << player)) !== 0

describe('by hand', () => {
  // One has a left glove, two have a right one; a pair is worth 1: 4/6 for the left, 1/6 for each right.
  test('the glove game', () => {
    const values = shapleyValues(3, (of) => (has(of, 0) && (has(of, 1) || has(of, 2)) ? 1 : 0))
    expect(values[0]).toBeCloseTo(4 / 6, 12)
    expect(values[1]).toBeCloseTo(1 / 6, 12)
    expect(values[2]).toBeCloseTo(1 / 6, 12)
  })

  // An airport of planes that need runways of 1, 2 and 3: 1/3, 1/3 + 1/2, 1/3 + 1/2 + 1.
  test('the airport game', () => {
    const values = shapleyValues(3, (of) =>
      Math.max(0, ...[0, 1, 2].filter((at) => has(of, at)).map((at) => at + 1)),
    )
    expect(values.map((value) => Number(value.toFixed(12)))).toEqual(
      [1 / 3, 5 / 6, 11 / 6].map((value) => Number(value.toFixed(12))),
    )
  })

  // 2a − b + 5 at (3, 4) against (1, 0) and (0, 2): means 0.5 and 1, so 2·2.5 = 5 and −1·3 = −3, on −1 + 1 + 5 = 5.
  test('a line', () => {
    const background = [Float64Array.of(1, 0), Float64Array.of(0, 2)]
    const line = ([a = 0, b = 0]: Float64Array): number => 2 * a - b + 5
    const value = coalitionValue(Float64Array.of(3, 4), background, [[0], [1]], line)
    expect(value(0)).toBe(5)
    expect(shapleyValues(2, value)).toEqual([5, -3])
    expect(shapleyValues(1, coalitionValue(Float64Array.of(3, 4), background, [[0, 1]], line))).toEqual([2])
  })
})

const game = fc.integer({ min: 1, max: 6 }).chain((players) =>
  fc.tuple(
    fc.constant(players),
    fc.array(fc.double({ min: -100, max: 100, noNaN: true }), {
      minLength: 2 ** players,
      maxLength: 2 ** players,
    }),
  ),
)

test('values add up to what all make less what none do; a player that adds nothing has none; two alike have the same', () => {
  fc.assert(
    fc.property(game, ([players, worths]) => {
      const value = (of: number): number => worths[of] as number
      const values = shapleyValues(players, value)
      const sum = values.reduce((total, one) => total + one, 0)
      expect(Math.abs(sum - (value(2 ** players - 1) - value(0)))).toBeLessThan(1e-9)
      // The game in which the last player adds nothing.
      const last = 2 ** (players - 1)
      expect(Math.abs(shapleyValues(players, (of) => value(of & (last - 1)))[players - 1] ?? 1)).toBe(0)
      if (players < 2) return
      const swapped = (of: number): number => (of & ~3) | ((of & 1) << 1) | ((of >> 1) & 1)
      const [a = 0, b = 1] = shapleyValues(players, (of) => value(of) + value(swapped(of)))
      expect(Math.abs(a - b)).toBeLessThan(1e-9)
    }),
  )
})
