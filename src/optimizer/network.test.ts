import { expect, test } from 'vitest'
import { seeded } from '../base/random.ts'
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

// Four outputs are worked out side by side: each is still bias, then input by input, to the last bit.
test('layers of any width, as they are written', () => {
  const chance = seeded(7)
  const some = (count: number) => Array.from({ length: count }, () => 2 * chance() - 1)
  for (let width = 1; width <= 13; width += 1) {
    const layers = [
      layer(3, width, some(3 * width), some(width)),
      layer(width, width + 2, some(width * (width + 2)), some(width + 2)),
      layer(width + 2, 1, some(width + 2), some(1)),
    ]
    const features = some(3)
    const infer = inferenceOf(
      layers,
      features.map(() => ({ mean: 0, deviation: 1, support: [-1, 1] })),
    )
    let values = features
    for (const [at, { inputs, outputs, weights, bias }] of layers.entries())
      values = Array.from({ length: outputs }, (_, output) => {
        let sum = bias[output] ?? Number.NaN
        for (let input = 0; input < inputs; input += 1)
          sum += (weights[input * outputs + output] ?? Number.NaN) * (values[input] ?? Number.NaN)
        return at < layers.length - 1 ? Math.tanh(sum) : sum
      })
    expect(infer(Float64Array.from(features)), `${width} wide`).toBe(values[0])
  }
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
