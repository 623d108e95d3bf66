import { expect, test } from 'vitest'
import { inferenceOf } from './network.ts'

const layer = (inputs: number, outputs: number, weights: number[], bias: number[]) => ({
  inputs,
  outputs,
  weights: Float64Array.from(weights),
  bias: Float64Array.from(bias),
})
const scale = { mean: 1, deviation: 2, support: [-9, 20] as const }
const network = [layer(2, 2, [1, 2, 3, 4], [0.5, -0.5]), layer(2, 1, [1, -1], [0.25])]

// (3, 1) is (1, 0) scaled. Hidden: tanh(1·1 + 3·0 + 0.5) = tanh 1.5 = 0.905148, tanh(2·1 + 4·0 − 0.5) = tanh 1.5. Out: their difference + 0.25.
test('by hand', () => {
  const infer = inferenceOf(network, [scale, scale])
  expect(infer(Float64Array.of(3, 1))).toBeCloseTo(0.25, 12)
  // (1, 1) is (0, 0): tanh 0.5 − tanh −0.5 + 0.25 = 2 · 0.462117 + 0.25.
  expect(infer(Float64Array.of(1, 1))).toBeCloseTo(1.174234, 6)
})

test('farther than five deviations counts as five', () => {
  const infer = inferenceOf([layer(2, 1, [1, 0], [0])], [{ ...scale, support: [-1000, 1000] }, scale])
  expect(infer(Float64Array.of(900, 1))).toBe(5)
  expect(infer(Float64Array.of(-900, 1))).toBe(-5)
})

test.each([
  ['NaN', [Number.NaN, 1]],
  ['infinite', [Number.POSITIVE_INFINITY, 1]],
  ['above the support', [20.1, 1]],
  ['below the support', [1, -9.1]],
  ['too few', [1]],
  ['too many', [1, 1, 1]],
])('features that are %s get no answer', (_, features) => {
  expect(inferenceOf(network, [scale, scale])(Float64Array.from(features))).toBeUndefined()
})
