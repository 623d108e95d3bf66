/** Figures are recorded as fifteen digits say them, by whichever way that is found. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { headroomOf, tidy } from './evidence.ts'

const byPrinting = (value: number): number =>
  Number.isInteger(value) ? value : Number(value.toPrecision(15))

describe('tidy', () => {
  test.each([
    [0.1 + 0.2, 0.3],
    [2 * 100.26, 200.52],
    [1.0000000000000002, 1],
    [1 / 3, 0.333333333333333],
    [999_999_999.1234567, 999_999_999.123457],
    [0.0005, 0.0005],
    [-0.1 - 0.2, -0.3],
  ])('%d is %d', (value, expected) => {
    expect(tidy(value)).toBe(expected)
  })

  test('is what printing and reading fifteen digits gives', () => {
    const near = fc
      .tuple(
        fc.integer({ min: -1e15, max: 1e15 }),
        fc.integer({ min: 0, max: 9 }),
        fc.integer({ min: -3, max: 3 }),
      )
      .map(([units, places, ulps]) => {
        const value = units / 10 ** places
        return value + ulps * Math.abs(value) * Number.EPSILON
      })
    const any = fc.double({ noNaN: true, noDefaultInfinity: true })
    fc.assert(
      fc.property(fc.oneof(near, any), (value) => {
        expect(tidy(value)).toBe(byPrinting(value))
      }),
      { numRuns: 50_000 },
    )
  })
})

test.each([
  [3, '<=', 5, 2],
  [7, '<', 5, -2],
  [3, '>=', 5, -2],
  [7, '>', 5, 2],
  [7, 'multiple of', 5, null],
  [null, '<=', 5, null],
  ['halted', null, 'active', null],
] as const)('%s %s %s leaves %s', (observed, relation, limit, expected) => {
  expect(headroomOf(observed, relation, limit)).toBe(expected)
})
