/**
 * Proximal policy optimization (J. Schulman et al., arXiv:1707.06347, 2017): the whole of the learning, with TensorFlow.js for the gradients.
 *
 * An actor says how far to move the schedule (the mean of a normal distribution with one learned deviation), a critic what that will come to. Both are
 * small networks with tanh. Weights are one array of single-precision numbers, and so are Adam’s moments: a checkpoint is three arrays and a counter, and a run
 * that goes on from one is the same, bit for bit, as one that never stopped.
 */
import type * as core from '@tensorflow/tfjs-core'
import { WIDTHS } from '../artifact.ts'
import type { Layer } from '../network.ts'
import { gaussian, shuffle } from './chance.ts'
import type { TensorFlow } from './library.ts'

export interface Hyperparameters {
  /** Orders that are executed for each round of learning. */
  readonly orders: number
  readonly epochs: number
  readonly minibatch: number
  /** Of the first round; falls to zero with the last. */
  readonly rate: number
  /** How far a probability may move in one round. */
  readonly clip: number
  /** λ of generalized advantage estimation (Schulman et al., arXiv:1506.02438). */
  readonly lambda: number
  /** Largest norm of a gradient. */
  readonly gradientMax: number
  /** Deviation of the first tries, on the scale of the logit. */
  readonly deviation: number
}

export const HYPERPARAMETERS: Hyperparameters = {
  orders: 1024,
  epochs: 8,
  minibatch: 2048,
  rate: 1e-3,
  clip: 0.2,
  lambda: 1,
  gradientMax: 0.5,
  deviation: 0.5,
}

/** What was seen, done and got, in columns with a row a sample. */
export interface Batch {
  readonly count: number
  /** Scaled. */
  readonly features: Float32Array
  readonly shifts: Float32Array
  readonly logProbabilities: Float32Array
  readonly advantages: Float32Array
  /** What followed, as the critic should have said. */
  readonly returns: Float32Array
}

/** All that learning has come to. */
export interface Memory {
  readonly weights: Float32Array
  readonly first: Float32Array
  readonly second: Float32Array
  updates: number
}

interface Part {
  readonly from: number
  readonly shape: readonly [number, number] | readonly [number]
}

const INPUTS = WIDTHS[0] as number
const [ACTOR, CRITIC, DEVIATION, SIZE] = layout()

function layout(): [Part[], Part[], number, number] {
  let at = 0
  const network = (): Part[] =>
    WIDTHS.slice(1).flatMap((outputs, layer) => {
      const inputs = WIDTHS[layer] as number
      const parts: Part[] = [
        { from: at, shape: [inputs, outputs] },
        { from: at + inputs * outputs, shape: [outputs] },
      ]
      at += (inputs + 1) * outputs
      return parts
    })
  const actor = network()
  const critic = network()
  return [actor, critic, at, at + 1]
}

const sizeOf = ({ shape }: Part): number => shape.reduce((product, length) => product * length, 1)

/** Weights to begin with. The actor’s last layer is zero, so that the first model is the schedule that it is to improve on. */
export function begin(chance: () => number, { deviation }: Hyperparameters): Memory {
  const normal = gaussian(chance)
  const weights = new Float32Array(SIZE)
  for (const network of [ACTOR, CRITIC]) {
    for (const part of network.slice(0, network === ACTOR ? -2 : undefined)) {
      const [inputs, outputs] = part.shape
      if (outputs === undefined) continue
      const scale = Math.sqrt(1 / inputs)
      for (let at = 0; at < sizeOf(part); at += 1) weights[part.from + at] = scale * normal()
    }
  }
  weights[DEVIATION] = Math.log(deviation)
  return { weights, first: new Float32Array(SIZE), second: new Float32Array(SIZE), updates: 0 }
}

/** The layers of one of the networks, for plain code. */
export function layersOf({ weights }: Memory, which: 'actor' | 'critic'): Layer[] {
  const parts = which === 'actor' ? ACTOR : CRITIC
  const take = (part: Part): Float64Array =>
    Float64Array.from(weights.subarray(part.from, part.from + sizeOf(part)))
  return WIDTHS.slice(1).map((outputs, layer) => ({
    inputs: WIDTHS[layer] as number,
    outputs,
    weights: take(parts[2 * layer] as Part),
    bias: take(parts[2 * layer + 1] as Part),
  }))
}

/** Deviation of what is tried. */
export function deviationOf({ weights }: Memory): number {
  return Math.exp(weights[DEVIATION] as number)
}

/** ln of the density at `shift` of the normal distribution around `mean`. */
export function logProbability(shift: number, mean: number, deviation: number): number {
  const away = (shift - mean) / deviation
  return -0.5 * away * away - Math.log(deviation) - HALF_LOG_TAU
}
const HALF_LOG_TAU = 0.5 * Math.log(2 * Math.PI)

/**
 * One round of learning, in place. `progress` from 0 to 1 is how much of the training is done. Throws where tensors are left over, or a weight is no number any
 * more: both would be defects.
 */
export function learn(
  tf: TensorFlow,
  memory: Memory,
  batch: Batch,
  settings: Hyperparameters,
  progress: number,
  chance: () => number,
): void {
  const tensors = tf.memory().numTensors
  const rate = settings.rate * (1 - progress)
  const advantages = standardized(batch.advantages.subarray(0, batch.count))
  const order = Int32Array.from({ length: batch.count }, (_, index) => index)
  for (let epoch = 0; epoch < settings.epochs; epoch += 1) {
    shuffle(order, chance)
    for (let from = 0; from < batch.count; from += settings.minibatch) {
      const rows = order.subarray(from, Math.min(from + settings.minibatch, batch.count))
      adam(
        memory,
        gradient(tf, memory.weights, batch, advantages, rows, settings),
        rate,
        settings.gradientMax,
      )
    }
  }
  if (tf.memory().numTensors !== tensors)
    throw new Error(`invariant: ${tf.memory().numTensors - tensors} tensors are left over`)
  if (!memory.weights.every(Number.isFinite)) throw new Error('invariant: a weight is no number any more')
}

/** The gradient of the loss on some rows of the batch: clipped surrogate, and half the critic’s squared error. */
function gradient(
  tf: TensorFlow,
  weights: Float32Array,
  batch: Batch,
  advantages: Float32Array,
  rows: Int32Array,
  { clip }: Hyperparameters,
): Float32Array {
  const pick = (column: Float32Array): core.Tensor1D =>
    tf.tensor1d(Float32Array.from(rows, (row) => column[row] as number))
  const parts = [...ACTOR, ...CRITIC, { from: DEVIATION, shape: [1] as const }]
  const result = new Float32Array(SIZE)
  tf.tidy(() => {
    const seen = new Float32Array(rows.length * INPUTS)
    for (const [index, row] of rows.entries())
      seen.set(batch.features.subarray(row * INPUTS, (row + 1) * INPUTS), index * INPUTS)
    const features = tf.tensor2d(seen, [rows.length, INPUTS])
    const [shifts, before, gains, returns] = [
      batch.shifts,
      batch.logProbabilities,
      advantages,
      batch.returns,
    ].map(pick) as [core.Tensor1D, core.Tensor1D, core.Tensor1D, core.Tensor1D]
    const variables = parts.map((part) =>
      tf.tensor(weights.slice(part.from, part.from + sizeOf(part)), [...part.shape]),
    )
    const loss = (...all: core.Tensor[]): core.Scalar => {
      const mean = network(tf, features, all.slice(0, ACTOR.length))
      const value = network(tf, features, all.slice(ACTOR.length, -1))
      const logDeviation = all.at(-1) as core.Tensor
      const away = tf.div(tf.sub(shifts, mean), tf.exp(logDeviation))
      const now = tf.sub(tf.mul(tf.square(away), -0.5), tf.add(logDeviation, HALF_LOG_TAU))
      const ratio = tf.exp(tf.sub(now, before))
      const bounded = tf.clipByValue(ratio, 1 - clip, 1 + clip)
      const surrogate = tf.mean(tf.minimum(tf.mul(ratio, gains), tf.mul(bounded, gains)))
      const error = tf.mean(tf.square(tf.sub(value, returns)))
      return tf.sub(tf.mul(error, 0.5), surrogate) as core.Scalar
    }
    const { grads } = tf.valueAndGrads(loss)(variables)
    for (const [index, part] of parts.entries())
      result.set((grads[index] as core.Tensor).dataSync(), part.from)
  })
  return result
}

function network(tf: TensorFlow, features: core.Tensor2D, parts: readonly core.Tensor[]): core.Tensor1D {
  let at: core.Tensor2D = features
  for (let layer = 0; layer < parts.length; layer += 2) {
    const sum = tf.add(tf.matMul(at, parts[layer] as core.Tensor2D), parts[layer + 1] as core.Tensor)
    at = (layer < parts.length - 2 ? tf.tanh(sum) : sum) as core.Tensor2D
  }
  return tf.reshape(at, [-1])
}

/** The actor’s weights in the order of a model’s file. */
export function actorWeights({ weights }: Memory): Float32Array {
  return weights.slice(0, (CRITIC[0] as Part).from)
}

/** What the library itself says of rows of scaled features. */
export function answersOf(tf: TensorFlow, { weights }: Memory, scaled: Float32Array): Float32Array {
  return tf.tidy(() => {
    const features = tf.tensor2d(scaled, [scaled.length / INPUTS, INPUTS])
    const parts = ACTOR.map((part) =>
      tf.tensor(weights.slice(part.from, part.from + sizeOf(part)), [...part.shape]),
    )
    return Float32Array.from(network(tf, features, parts).dataSync())
  })
}

/** Adam (D. P. Kingma and J. Ba, arXiv:1412.6980) with its usual decays, on a gradient that is shortened to `longest`. */
function adam(memory: Memory, gradient: Float32Array, rate: number, longest: number): void {
  const { weights, first, second } = memory
  memory.updates += 1
  let squares = 0
  for (const slope of gradient) squares += slope * slope
  const scale = Math.min(1, longest / (Math.sqrt(squares) + 1e-12))
  const firstBias = 1 - 0.9 ** memory.updates
  const secondBias = 1 - 0.999 ** memory.updates
  for (let at = 0; at < weights.length; at += 1) {
    const slope = (gradient[at] as number) * scale
    const mean = 0.9 * (first[at] as number) + 0.1 * slope
    const square = 0.999 * (second[at] as number) + 0.001 * slope * slope
    first[at] = mean
    second[at] = square
    weights[at] =
      (weights[at] as number) - (rate * (mean / firstBias)) / (Math.sqrt(square / secondBias) + 1e-8)
  }
}

function standardized(values: Float32Array): Float32Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  const deviation = Math.sqrt(variance) + 1e-8
  return values.map((value) => (value - mean) / deviation)
}
