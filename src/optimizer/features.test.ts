import { expect, test } from 'vitest'
import { FEATURES, writeFeatures, type Situation } from './features.ts'

const situation: Situation = {
  steps: 4,
  stepsLeft: 2,
  lots: 100,
  lotsLeft: 40,
  lo: 10,
  hi: 30,
  untuned: 20,
  ratio: 2 * (Math.cosh(1) - 1),
  volume: { last: 200, previous: 100, usualThen: 50, usualNow: 100, usualAhead: 300 },
  volatility: { last: 0.02, usual: 0.01 },
}

// κ is 1, over two steps left; ln 4, ln 2, ln 3, ln 2; 0.4 of the order are left where the line has 0.5.
test('by hand', () => {
  const features = new Float64Array(FEATURES.length)
  writeFeatures(situation, features)
  const expected = [
    0.5,
    0.4,
    Math.log(3),
    0.25,
    0.75,
    0.5,
    Math.log(4),
    Math.LN2,
    Math.log(3),
    Math.LN2,
    -0.1,
  ]
  for (const [at, value] of expected.entries())
    expect(features[at], FEATURES[at]?.name).toBeCloseTo(value, 12)
})

test('what cannot be known is no finite number', () => {
  const features = new Float64Array(FEATURES.length)
  const volume = { ...situation.volume, last: 0 }
  writeFeatures({ ...situation, volume, volatility: { last: Number.NaN, usual: 1 } }, features)
  expect([6, 7, 9].map((at) => Number.isFinite(features[at]))).toEqual([false, false, false])
})
