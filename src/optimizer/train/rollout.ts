/** Tries the model on orders and writes down what was seen, done and got, beside what the schedule alone got on the same bars. */
import { binsOf } from '../watch.ts'
import { shifted } from '../action-map.ts'
import { FEATURES, writeFeatures, type FeatureScale } from '../features.ts'
import { inferenceOf } from '../network.ts'
import { gaussian } from './chance.ts'
import { Execution, type Order, type Terms } from './execution.ts'
import { BASELINES, type Baseline, type Lens } from './policies.ts'
import {
  deviationOf,
  layersOf,
  logProbability,
  type Batch,
  type Hyperparameters,
  type Memory,
} from './ppo.ts'

/** Rewards are this many times what was saved, so that they are of the order of one. */
const REWARD_SCALE = 10
/** While it learns, a model may see anything. */
const ANYTHING: readonly [number, number] = [-1e9, 1e9]

export interface Tried {
  readonly batch: Batch
  /** Costs of all orders, by the model as it tried and by the schedule alone. */
  readonly cost: number
  readonly baseline: number
}

/** Samples of one order, and where they go. */
interface Columns {
  count: number
  readonly features: Float32Array
  readonly shifts: Float32Array
  readonly logProbabilities: Float32Array
  readonly values: Float32Array
  readonly rewards: Float32Array
  readonly advantages: Float32Array
  readonly returns: Float32Array
}

export interface Trial {
  readonly terms: Terms
  readonly baseline: Baseline
  readonly scales: readonly FeatureScale[]
  readonly lens?: Lens
}

/**
 * Executes `orders` with the model and its chance. The reward of a step is what it cost less than the same step of the schedule alone, on the same bars:
 * what those cost does not depend on what is tried, so it takes nothing from the truth of the gradient, and most of its noise.
 */
export function tryOrders(
  trial: Trial,
  orders: readonly Order[],
  memory: Memory,
  settings: Hyperparameters,
  chance: () => number,
): Tried {
  const { terms, baseline, scales, lens } = trial
  const normal = gaussian(chance)
  const free = scales.map((scale) => ({ ...scale, support: ANYTHING }))
  const actor = inferenceOf(layersOf(memory, 'actor'), free)
  const critic = inferenceOf(layersOf(memory, 'critic'), free)
  const deviation = deviationOf(memory)
  const columns = columnsFor(orders.reduce((sum, { steps }) => sum + steps, 0))
  const features = new Float64Array(FEATURES.length)
  let [total, totalBaseline] = [0, 0]
  for (const order of orders) {
    const base = stepCosts(terms, order, baseline)
    const execution = new Execution(terms, order)
    const first = columns.count
    for (let step = 0; step < order.steps; step += 1) {
      let cost = 0
      if (!execution.isDone) {
        const caps = execution.caps()
        const region = execution.region(caps)
        const untuned = BASELINES[baseline](execution, region, caps)
        let lots = untuned
        if (region.lo < region.hi) {
          writeFeatures(execution.situation(region, untuned), features)
          lens?.(features, execution)
          const mean = actor(features)
          const value = critic(features)
          if (mean === undefined || value === undefined)
            throw new Error('invariant: a feature of a market is no number')
          const shift = Math.fround(mean + deviation * normal())
          lots = shifted(untuned, region, shift) ?? untuned
          writeSample(columns, features, scales, shift, logProbability(shift, mean, deviation), value)
        }
        cost = execution.send(lots)
      }
      total += cost
      totalBaseline += base[step] as number
      // What a step without a choice comes to belongs to the last one with.
      if (columns.count > first)
        columns.rewards[columns.count - 1] =
          (columns.rewards[columns.count - 1] as number) + REWARD_SCALE * ((base[step] as number) - cost)
    }
    advantagesOf(columns, first, settings.lambda)
  }
  return { batch: columns, cost: total, baseline: totalBaseline }
}

function columnsFor(size: number): Columns {
  const column = (): Float32Array => new Float32Array(size)
  return {
    count: 0,
    features: new Float32Array(size * FEATURES.length),
    shifts: column(),
    logProbabilities: column(),
    values: column(),
    rewards: column(),
    advantages: column(),
    returns: column(),
  }
}

function stepCosts(terms: Terms, order: Order, baseline: Baseline): Float64Array {
  const costs = new Float64Array(order.steps)
  const execution = new Execution(terms, order)
  for (let step = 0; step < order.steps && !execution.isDone; step += 1) {
    const caps = execution.caps()
    costs[step] = execution.send(BASELINES[baseline](execution, execution.region(caps), caps))
  }
  return costs
}

function writeSample(
  columns: Columns,
  features: Float64Array,
  scales: readonly FeatureScale[],
  shift: number,
  logged: number,
  value: number,
): void {
  const { count } = columns
  for (const [at, { mean, deviation }] of scales.entries())
    columns.features[count * FEATURES.length + at] = Math.min(
      Math.max(((features[at] as number) - mean) / deviation, -5),
      5,
    )
  columns.shifts[count] = shift
  columns.logProbabilities[count] = logged
  columns.values[count] = value
  columns.count += 1
}

/** Advantages of the samples of one order, from `first` on, and what followed each. Nothing is discounted: an order ends. */
function advantagesOf(columns: Columns, first: number, lambda: number): void {
  let ahead = 0
  for (let at = columns.count - 1; at >= first; at -= 1) {
    const next = at + 1 < columns.count ? (columns.values[at + 1] as number) : 0
    const surprise = (columns.rewards[at] as number) + next - (columns.values[at] as number)
    ahead = surprise + lambda * ahead
    columns.advantages[at] = ahead
    columns.returns[at] = ahead + (columns.values[at] as number)
  }
}

/** What a model would be shown of `orders` that the schedule executes, moved by chance: rows of features. */
export function situationsOf(
  { terms, baseline, lens }: Omit<Trial, 'scales'>,
  orders: readonly Order[],
  chance: () => number,
): Float64Array[] {
  const normal = gaussian(chance)
  const rows: Float64Array[] = []
  for (const order of orders) {
    const execution = new Execution(terms, order)
    while (!execution.isDone) {
      const caps = execution.caps()
      const region = execution.region(caps)
      const untuned = BASELINES[baseline](execution, region, caps)
      if (region.lo < region.hi) {
        const features = new Float64Array(FEATURES.length)
        writeFeatures(execution.situation(region, untuned), features)
        lens?.(features, execution)
        rows.push(features)
      }
      execution.send(shifted(untuned, region, normal()) ?? untuned)
    }
  }
  return rows
}

/** Means, deviations and support of all features over rows of them, with room for what a model does differently. */
export function scalesOf(rows: readonly Float64Array[]): FeatureScale[] {
  return FEATURES.map((_, at) => {
    const values = rows.map((row) => row[at] as number)
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
    const low = values.reduce((least, value) => Math.min(least, value))
    const high = values.reduce((most, value) => Math.max(most, value))
    const margin = 0.05 * (high - low)
    return {
      mean: Math.fround(mean),
      deviation: Math.max(1e-6, Math.fround(Math.sqrt(variance))),
      support: [low - margin, high + margin] as const,
      spread: binsOf(values),
    }
  })
}
