/** Runs a trained network in plain doubles: no library, no allocation, the same answer on every machine. */
import type { FeatureScale } from './features.ts'

/** A dense layer: `outputs` rows of weights, each of `inputs`, and a bias for each output. */
export interface Layer {
  readonly inputs: number
  readonly outputs: number
  /** Input by input, as TensorFlow.js lays out a kernel: `weights[input * outputs + output]`. */
  readonly weights: Float64Array
  readonly bias: Float64Array
}

/** Farther than this many deviations from its mean a feature counts as just so far. */
const CLIP = 5

/**
 * What a network says of `features`: its one output, without bound. `undefined` where a feature is no number or lies outside what the network was trained
 * on: then nothing is known of what it would say, and the order stays as it is.
 */
export type Inference = (features: Float64Array) => number | undefined

/**
 * The network of `layers`, with tanh between them and nothing after the last. Keeps its own scratch, so one call at a time.
 */
export function inferenceOf(layers: readonly Layer[], scales: readonly FeatureScale[]): Inference {
  const count = scales.length
  const means = Float64Array.from(scales, ({ mean }) => mean)
  const deviations = Float64Array.from(scales, ({ deviation }) => deviation)
  const lows = Float64Array.from(scales, ({ support }) => support[0])
  const highs = Float64Array.from(scales, ({ support }) => support[1])
  const input = new Float64Array(count)
  const scratch = layers.map(({ outputs }) => new Float64Array(outputs))
  const rows = layers.map(byOutput)
  const output = scratch.at(-1) as Float64Array
  return (features) => {
    if (features.length !== count) return undefined
    for (let at = 0; at < count; at += 1) {
      const value = features[at] as number
      // A comparison with NaN is false, so that NaN is refused too.
      if (!(value >= (lows[at] as number) && value <= (highs[at] as number))) return undefined
      const scaled = (value - (means[at] as number)) / (deviations[at] as number)
      input[at] = scaled > CLIP ? CLIP : scaled < -CLIP ? -CLIP : scaled
    }
    let from: Float64Array = input
    for (let index = 0; index < layers.length; index += 1) {
      const to = scratch[index] as Float64Array
      forward(rows[index] as Float64Array, (layers[index] as Layer).bias, from, to)
      if (index < layers.length - 1) bend(to)
      from = to
    }
    return output[0]
  }
}

/** The weights output by output, so that those of one lie side by side. */
function byOutput({ inputs, outputs, weights }: Layer): Float64Array {
  const rows = new Float64Array(inputs * outputs)
  for (let input = 0; input < inputs; input += 1)
    for (let output = 0; output < outputs; output += 1)
      rows[output * inputs + input] = weights[input * outputs + output] as number
  return rows
}

/** Four outputs at a time: each adds up in the order of its inputs, and does not wait for the others. */
function forward(rows: Float64Array, bias: Float64Array, from: Float64Array, to: Float64Array): void {
  const inputs = from.length
  const outputs = to.length
  let output = 0
  for (; output + 3 < outputs; output += 4) {
    const [a, b, c, d] = [
      output * inputs,
      (output + 1) * inputs,
      (output + 2) * inputs,
      (output + 3) * inputs,
    ]
    let first = bias[output] as number
    let second = bias[output + 1] as number
    let third = bias[output + 2] as number
    let fourth = bias[output + 3] as number
    for (let input = 0; input < inputs; input += 1) {
      const value = from[input] as number
      first += (rows[a + input] as number) * value
      second += (rows[b + input] as number) * value
      third += (rows[c + input] as number) * value
      fourth += (rows[d + input] as number) * value
    }
    to[output] = first
    to[output + 1] = second
    to[output + 2] = third
    to[output + 3] = fourth
  }
  for (; output < outputs; output += 1) {
    let sum = bias[output] as number
    for (let input = 0; input < inputs; input += 1)
      sum += (rows[output * inputs + input] as number) * (from[input] as number)
    to[output] = sum
  }
}

function bend(values: Float64Array): void {
  for (let at = 0; at < values.length; at += 1) values[at] = Math.tanh(values[at] as number)
}
