/** A training from a seed: rounds of trying and learning, with checkpoints from which it goes on as if it had never stopped. */
import { digestOf } from '../../base/hash.ts'
import { seeded } from '../../base/random.ts'
import { z } from 'zod'
import { EphorError } from '../../base/errors.ts'
import { Hash } from '../../protocol/common.ts'
import { describeIssues } from '../../protocol/issues.ts'
import type { FeatureScale } from '../features.ts'
import { inferenceOf, type Inference } from '../network.ts'
import { seedOf } from './chance.ts'
import type { Order, Terms } from './execution.ts'
import type { TensorFlow } from './library.ts'
import { drawOrder, type Mix } from './orders.ts'
import { BASELINES, execute, tuned, type Baseline, type Lens } from './policies.ts'
import { begin, learn, layersOf, type Hyperparameters, type Memory } from './ppo.ts'
import { scalesOf, situationsOf, tryOrders } from './rollout.ts'
import { startsIn } from './track.ts'

export interface Training {
  readonly terms: Terms
  readonly mix: Mix
  readonly baseline: Baseline
  readonly hyperparameters: Hyperparameters
  readonly seed: number
  /** Steps of orders to try, in all. */
  readonly steps: number
  readonly lens?: Lens
}

/** How far it has come. */
export interface Progress {
  readonly round: number
  readonly rounds: number
  /** Saved against the schedule alone by the model without chance, on the same orders each time, as a part of the schedule’s cost. */
  readonly gain: number | undefined
}

export interface Trained {
  readonly memory: Memory
  readonly scales: readonly FeatureScale[]
  readonly infer: Inference
  readonly curve: readonly { readonly steps: number; readonly gain: number }[]
}

/** What goes on. */
interface Run {
  readonly memory: Memory
  readonly curve: { steps: number; gain: number }[]
  round: number
}

/** Seeds of what is drawn once, apart from those of rounds. */
const WEIGHTS = 1_000_001
const SCALES = 1_000_002
const SCALE_CHANCE = 1_000_003
const PROBES = 1_000_004
const PROBE_ORDERS = 400
const SCALE_ORDERS = 2000
/** Rounds between two looks at how good the model is. */
const PROBE_EVERY = 5

/** What a checkpoint is bound to: everything that the result depends on, the library aside. */
function identityOf({ terms, mix, baseline, hyperparameters, seed, steps }: Training): string {
  const { track, reversion, participation } = terms
  const bars = [
    track.name,
    track.at.length,
    track.at[0] ?? 0,
    track.volume.reduce((sum, volume) => sum + volume, 0),
  ]
  return digestOf(
    JSON.parse(
      JSON.stringify({ bars, reversion, participation, mix, baseline, hyperparameters, seed, steps }),
    ),
  )
}

/** Trains to the end. `told` is called after each round, and may keep the text of `checkpoint()`; `from` is such a text. */
export function train(
  tf: TensorFlow,
  training: Training,
  told: (progress: Progress, checkpoint: () => string) => void = () => undefined,
  from?: string,
): Trained {
  const { terms, mix, baseline, hyperparameters, seed, lens } = training
  const starts = startsIn(terms.track, mix.steps)
  const orders = (count: number, part: number): Order[] => {
    const chance = seeded(seedOf(seed, part))
    return Array.from({ length: count }, () => drawOrder(starts, mix, chance))
  }
  const seeing = { terms, baseline, ...(lens === undefined ? {} : { lens }) }
  const rows = situationsOf(seeing, orders(SCALE_ORDERS, SCALES), seeded(seedOf(seed, SCALE_CHANCE)))
  const scales = scalesOf(rows)
  const probes = orders(PROBE_ORDERS, PROBES)
  const probed = probes.map((order) => execute(terms, order, BASELINES[baseline]).cost)
  const run: Run =
    from === undefined
      ? { memory: begin(seeded(seedOf(seed, WEIGHTS)), hyperparameters), curve: [], round: 0 }
      : resume(from, identityOf(training))
  // Fewer steps than a round has are one round of just those.
  const ordersOfRound = Math.min(hyperparameters.orders, Math.ceil(training.steps / mix.steps))
  const stepsOfRound = ordersOfRound * mix.steps
  const rounds = Math.ceil(training.steps / stepsOfRound)
  const inferring = (): Inference => inferenceOf(layersOf(run.memory, 'actor'), scales)
  for (; run.round < rounds; run.round += 1) {
    const chance = seeded(seedOf(seed, 2 * run.round))
    const { batch } = tryOrders(
      { ...seeing, scales },
      orders(ordersOfRound, 2 * run.round + 1),
      run.memory,
      hyperparameters,
      chance,
    )
    learn(tf, run.memory, batch, hyperparameters, run.round / rounds, chance)
    let gain: number | undefined
    if (run.round % PROBE_EVERY === PROBE_EVERY - 1 || run.round === rounds - 1) {
      const policy = tuned(baseline, inferring(), lens)
      const costs = probes.map((order) => execute(terms, order, policy).cost)
      gain = 1 - sumOf(costs) / sumOf(probed)
      run.curve.push({ steps: (run.round + 1) * stepsOfRound, gain })
    }
    told({ round: run.round + 1, rounds, gain }, () => checkpointOf(run, identityOf(training)))
  }
  return { memory: run.memory, scales, infer: inferring(), curve: run.curve }
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}

const Bytes = z.base64().max(1_000_000)
const Checkpoint = z.strictObject({
  training: Hash,
  round: z.int().nonnegative(),
  updates: z.int().nonnegative(),
  weights: Bytes,
  first: Bytes,
  second: Bytes,
  curve: z.array(z.strictObject({ steps: z.int(), gain: z.number() })).max(100_000),
})

function checkpointOf({ memory, curve, round }: Run, training: string): string {
  const text = (numbers: Float32Array): string =>
    Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength).toString('base64')
  const { weights, first, second, updates } = memory
  return JSON.stringify({
    training,
    round: round + 1,
    updates,
    weights: text(weights),
    first: text(first),
    second: text(second),
    curve,
  })
}

function resume(text: string, training: string): Run {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new EphorError('TRAINING_DIFFERS', 'the checkpoint is no JSON')
  }
  const parsed = Checkpoint.safeParse(value)
  if (!parsed.success) throw new EphorError('TRAINING_DIFFERS', describeIssues(parsed.error))
  if (parsed.data.training !== training)
    throw new EphorError(
      'TRAINING_DIFFERS',
      `the checkpoint is of training ${parsed.data.training}, this one is ${training}`,
    )
  const { round, updates, curve } = parsed.data
  const size = begin(() => 0.5, { deviation: 1 } as Hyperparameters).weights.length
  const numbers = (base64: string): Float32Array => {
    const bytes = Buffer.from(base64, 'base64')
    if (bytes.length !== size * 4)
      throw new EphorError('TRAINING_DIFFERS', `${bytes.length / 4} weights; expected ${size}`)
    return Float32Array.from({ length: size }, (_, at) => bytes.readFloatLE(at * 4))
  }
  const { weights, first, second } = parsed.data
  return {
    memory: { weights: numbers(weights), first: numbers(first), second: numbers(second), updates },
    curve,
    round,
  }
}
