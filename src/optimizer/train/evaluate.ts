/** What a model is worth: many seeds, later bars, the same orders for all, and controls that show whether the measuring can be believed. */
import { seeded } from '../../base/random.ts'
import type { Inference } from '../network.ts'
import { seedOf } from './chance.ts'
import type { Order, Terms } from './execution.ts'
import type { TensorFlow } from './library.ts'
import { constantMarket, type Markets } from './market.ts'
import { drawOrder, FREE_MIX, MIX } from './orders.ts'
import {
  BASELINES,
  execute,
  hindsightCost,
  tuned,
  type Baseline,
  type Lens,
  type Policy,
} from './policies.ts'
import { HYPERPARAMETERS, type Hyperparameters } from './ppo.ts'
import { situationsOf } from './rollout.ts'
import { blockSums, saving, type Estimate } from './statistics.ts'
import { startsIn, type Track } from './track.ts'
import { train, type Trained, type Training } from './train.ts'

export interface Extent {
  readonly seeds: number
  readonly steps: number
  /** Of each training of a control. */
  readonly controlSteps: number
  readonly controlSeeds: number
  /** Orders that are compared in each market. */
  readonly orders: number
}

/** What the model starts from and is charged against; the strongest schedule with the same information. */
export const REFERENCE: Baseline = 'receding AC, expecting'
/** The seed of the orders that all are compared by, whatever was trained. */
const ORDERS_SEED = 20_261_121
const DAY_MS = 86_400_000

/** One market, or the orders of it that met something. */
export interface Comparison {
  readonly name: string
  readonly orders: number
  readonly steps: number
  /** By policy: mean cost, saved against the reference and against plain receding AC, part of orders not done in time. */
  readonly rows: readonly Row[]
  /** Mean cost of what hindsight could have done. */
  readonly hindsight: number
}
export interface Row {
  readonly policy: string
  readonly cost: number
  readonly saved: Estimate
  readonly savedOfReceding: Estimate
  readonly late: number
}

export interface Evaluation {
  readonly extent: Extent
  readonly curves: readonly Trained['curve'][]
  readonly comparisons: readonly Comparison[]
  /** Part of the way from TWAP to the known optimum that each seed went. */
  readonly known: readonly number[]
  readonly positive: Estimate
  readonly negative: Estimate
  /** The reference, by mean cost in the market for choosing. */
  readonly bestBaseline: Baseline
  readonly passes: { readonly known: boolean; readonly better: boolean; readonly controls: boolean }
}

/** Trains and compares. `told` hears what is being done. */
export function evaluate(
  tf: TensorFlow,
  markets: Markets,
  extent: Extent,
  told: (what: string) => void,
): Evaluation {
  const { seeds, steps, controlSteps } = extent
  const models = trainAll(tf, 'training', seeds, trainingOn(markets.training, steps), told)
  const comparisons = Object.entries(markets.tests).flatMap(([name, terms]) => {
    told(`comparing: ${name}`)
    return compare(name, terms, models, extent.orders)
  })
  const known = learnedKnown(tf, seeds, controlSteps, told)
  const { positive, negative } = controlsOf(tf, markets, extent, told)
  const model = comparisons[0]?.rows.at(-1)
  return {
    extent,
    curves: models.map(({ curve }) => curve),
    comparisons,
    known,
    positive,
    negative,
    bestBaseline: bestOf(markets.choosing, extent.orders),
    passes: {
      known: known.filter((part) => part >= 0.95).length >= 0.9 * seeds,
      better: model !== undefined && model.saved.low > 0 && model.savedOfReceding.low > 0,
      controls: positive.low > 0 && negative.low <= 0,
    },
  }
}

type Told = (what: string) => void
/** All of a training but its seed. */
type Seedless = Omit<Training, 'seed'>

function trainingOn(terms: Terms, steps: number): Seedless {
  return { terms, mix: MIX, baseline: REFERENCE, hyperparameters: HYPERPARAMETERS, steps }
}

function trainAll(tf: TensorFlow, what: string, count: number, training: Seedless, told: Told): Trained[] {
  return Array.from({ length: count }, (_, seed) => {
    told(`${what}, seed ${seed + 1} of ${count}`)
    return train(tf, { ...training, seed: seed + 1 })
  })
}

/** How far each of `seeds` trainings comes from TWAP to the optimum, where it is known. */
export function learnedKnown(tf: TensorFlow, seeds: number, steps: number, told: Told): number[] {
  return trainAll(tf, 'the known optimum', seeds, knownTraining(steps), told).map(({ infer }) =>
    gapClosed(infer),
  )
}

/** Whether the measuring sees a gain that is there, and none where none is. */
export function controlsOf(
  tf: TensorFlow,
  markets: Markets,
  extent: Pick<Extent, 'controlSeeds' | 'controlSteps' | 'orders'>,
  told: Told,
): { readonly positive: Estimate; readonly negative: Estimate } {
  const { controlSeeds, controlSteps, orders } = extent
  const [test] = Object.values(markets.tests) as [Terms]
  const training = trainingOn(markets.training, controlSteps)
  const control = (what: string, lens: Lens): Estimate =>
    controlled(trainAll(tf, what, controlSeeds, { ...training, lens }, told), test, orders, lens)
  return {
    positive: control('positive control', (features, execution) => {
      features[LEAKED] = execution.secret
    }),
    negative: control('negative control', shuffling(markets.training)),
  }
}

/** Which feature the positive control gives away: the ratio of last volume, put in by that of this very bar. */
const LEAKED = 6

export function ordersOf(terms: Terms, count: number, mix = MIX, seed = ORDERS_SEED): Order[] {
  const chance = seeded(seed)
  const starts = startsIn(terms.track, mix.steps)
  return Array.from({ length: count }, () => drawOrder(starts, mix, chance))
}

/** One entry an order. */
interface Costs {
  readonly costs: Float64Array
  /** 1 where something was left over at the deadline. */
  readonly late: Float64Array
}

function costsOf(terms: Terms, orders: readonly Order[], policy: Policy): Costs {
  const outcomes = orders.map((order) => execute(terms, order, policy))
  return {
    costs: Float64Array.from(outcomes, ({ cost }) => cost),
    late: Float64Array.from(outcomes, ({ leftOver }) => (leftOver > 0 ? 1 : 0)),
  }
}

/** The whole market, and slices of it: bars with little volume, with much risk, with caps that change. */
function compare(name: string, terms: Terms, models: readonly Trained[], count: number): Comparison[] {
  const orders = ordersOf(terms, count)
  const baselines = Object.entries(BASELINES).map(
    ([policy, of]) => [policy, [costsOf(terms, orders, of)]] as const,
  )
  const runs = models.map(({ infer }) => costsOf(terms, orders, tuned(REFERENCE, infer)))
  const all: (readonly [string, readonly Costs[]])[] = [
    ...baselines,
    [`learned, on ${REFERENCE}`, runs] as const,
  ]
  const hindsight = Float64Array.from(orders, (order) => hindsightCost(terms, order))
  const slices: [string, (order: Order) => boolean][] = [
    [name, () => true],
    [`${name}: a bar of less than 30 % of usual volume`, (order) => meets(terms.track, order, thin)],
    [`${name}: a bar of more than 9 times usual variance`, (order) => meets(terms.track, order, wild)],
    [`${name}: a halt, or caps that change`, (order) => meets(terms.track, order, changing)],
  ]
  return slices.flatMap(([slice, belongs]) => {
    const kept = orders.flatMap((order, at) => (belongs(order) ? [at] : []))
    if (kept.length < SLICE_MIN) return []
    const days = kept.map((at) =>
      Math.floor((terms.track.at[(orders[at] as Order).start] as number) / DAY_MS),
    )
    const numbers = new Map([...new Set(days)].map((day, index) => [day, index]))
    const blocks = Int32Array.from(days, (day) => numbers.get(day) as number)
    const cut = (costs: Float64Array): Float64Array => Float64Array.from(kept, (at) => costs[at] as number)
    const sums = (costs: Float64Array): Float64Array => blockSums(cut(costs), blocks, numbers.size)
    const against = (baseline: Baseline): Float64Array =>
      sums(costsOf(terms, orders, BASELINES[baseline]).costs)
    const [reference, receding] = [against(REFERENCE), against('receding AC')]
    const mean = (costs: Float64Array): number =>
      cut(costs).reduce((sum, cost) => sum + cost, 0) / kept.length
    const rows = all.map(([policy, of]): Row => {
      const policySums = of.map(({ costs }) => sums(costs))
      return {
        policy,
        cost: of.reduce((sum, { costs }) => sum + mean(costs), 0) / of.length,
        saved: saving({ policy: policySums, reference }, ORDERS_SEED),
        savedOfReceding: saving({ policy: policySums, reference: receding }, ORDERS_SEED),
        late: of.reduce((sum, { late }) => sum + mean(late), 0) / of.length,
      }
    })
    return [
      {
        name: slice,
        orders: kept.length,
        steps: kept.length * MIX.steps * all.reduce((sum, [, of]) => sum + of.length, 0),
        rows,
        hindsight: mean(hindsight),
      },
    ]
  })
}

/** One policy against plain receding AC and against the schedule that it moves, on the same orders. */
export interface Found {
  readonly orders: number
  readonly cost: number
  readonly ofReceding: Estimate
  readonly ofSchedule: Estimate
  readonly late: number
}

/** What one policy is worth in a market. `steps` hears of each step that it takes, with what it sends. */
export function compareOne(
  terms: Terms,
  policy: Policy,
  schedule: Baseline,
  count: number,
  steps: Policy = policy,
): Found {
  const orders = ordersOf(terms, count)
  const own = costsOf(terms, orders, steps)
  const days = orders.map(({ start }) => Math.floor((terms.track.at[start] as number) / DAY_MS))
  const numbers = new Map([...new Set(days)].map((day, index) => [day, index]))
  const blocks = Int32Array.from(days, (day) => numbers.get(day) as number)
  const sums = (costs: Float64Array): Float64Array => blockSums(costs, blocks, numbers.size)
  const against = (baseline: Baseline): Estimate =>
    saving(
      { policy: [sums(own.costs)], reference: sums(costsOf(terms, orders, BASELINES[baseline]).costs) },
      ORDERS_SEED,
    )
  const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / count
  return {
    orders: count,
    cost: mean(own.costs),
    ofReceding: against('receding AC'),
    ofSchedule: against(schedule),
    late: mean(own.late),
  }
}

/** How far each of `draws` draws of orders goes with a policy from TWAP to the optimum, where it is known. */
export function knownOf(policy: Policy, draws: number): number[] {
  const terms = constantMarket()
  return Array.from({ length: draws }, (_, draw) => {
    const orders = ordersOf(terms, 100, FREE_MIX, seedOf(ORDERS_SEED, draw))
    const total = (of: Policy): number =>
      costsOf(terms, orders, of).costs.reduce((sum, cost) => sum + cost, 0)
    const [plain, best] = [total(BASELINES.TWAP), total(BASELINES.AC)]
    return (plain - total(policy)) / (plain - best)
  })
}

/** Fewer orders say nothing. */
const SLICE_MIN = 100

type Bar = (track: Track, bar: number) => boolean
const thin: Bar = ({ volume, usualVolume }, bar) =>
  (volume[bar] as number) < 0.3 * (usualVolume[bar] as number)
const wild: Bar = ({ variance, usualVariance }, bar) =>
  (variance[bar] as number) > 9 * (usualVariance[bar] as number)
const changing: Bar = ({ halted, capFactor }, bar) =>
  halted[bar] === 1 || capFactor[bar] !== capFactor[bar - 1]

function meets(track: Track, { start, steps }: Order, bar: Bar): boolean {
  for (let at = start; at < start + steps; at += 1) if (bar(track, at)) return true
  return false
}

/** For a long way to go without noise: smaller rounds, longer strides. */
const FAR: Hyperparameters = {
  ...HYPERPARAMETERS,
  orders: 256,
  minibatch: 512,
  epochs: 4,
  rate: 3e-3,
  lambda: 0.95,
  gradientMax: 5,
  deviation: 0.7,
}

/** Where nothing changes the closed form is the optimum: a learner that begins with TWAP has to find it. */
function knownTraining(steps: number): Seedless {
  return { terms: constantMarket(), mix: FREE_MIX, baseline: 'TWAP', hyperparameters: FAR, steps }
}

function gapClosed(infer: Inference): number {
  const terms = constantMarket()
  const orders = ordersOf(terms, 500, FREE_MIX)
  const total = (policy: Policy): number =>
    costsOf(terms, orders, policy).costs.reduce((sum, cost) => sum + cost, 0)
  const [plain, best] = [total(BASELINES.TWAP), total(BASELINES.AC)]
  return (plain - total(tuned('TWAP', infer))) / (plain - best)
}

function controlled(models: readonly Trained[], terms: Terms, count: number, lens: Lens): Estimate {
  const orders = ordersOf(terms, count)
  const days = orders.map(({ start }) => Math.floor((terms.track.at[start] as number) / DAY_MS))
  const numbers = new Map([...new Set(days)].map((day, index) => [day, index]))
  const blocks = Int32Array.from(days, (day) => numbers.get(day) as number)
  const sums = (policy: Policy): Float64Array =>
    blockSums(costsOf(terms, orders, policy).costs, blocks, numbers.size)
  const policy = models.map(({ infer }) => sums(tuned(REFERENCE, infer, lens)))
  return saving({ policy, reference: sums(BASELINES[REFERENCE]) }, ORDERS_SEED)
}

/** Shows some other order’s situation instead: whoever gains from that gains from nothing. */
function shuffling(terms: Terms): Lens {
  const chance = seeded(seedOf(ORDERS_SEED, 1))
  const pool = situationsOf({ terms, baseline: REFERENCE }, ordersOf(terms, 1000), chance)
  return (features) => features.set(pool[Math.floor(chance() * pool.length)] as Float64Array)
}

function bestOf(terms: Terms, count: number): Baseline {
  const orders = ordersOf(terms, count)
  const names = Object.keys(BASELINES) as Baseline[]
  const costs = names.map((name) =>
    costsOf(terms, orders, BASELINES[name]).costs.reduce((sum, cost) => sum + cost, 0),
  )
  return names[costs.indexOf(Math.min(...costs))] as Baseline
}
