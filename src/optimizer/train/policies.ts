/** Ways to execute an order, all with the same information: the ones to compare with, and a model on top of one of them. */
import { shifted, type Span } from '../action-map.ts'
import { FEATURES, writeFeatures } from '../features.ts'
import type { Inference } from '../network.ts'
import { scheduledLots, type Schedule } from '../plan.ts'
import { solveCapped } from '../schedules/capped.ts'
import { Execution, type Order, type Terms } from './execution.ts'

/** How many lots to send now, within the region. */
export type Policy = (execution: Execution, region: Span, caps: readonly number[]) => number

/** All that is allowed, at once: what becomes of an order that is only made smaller. */
const clipped: Policy = (_, { hi }) => hi

const scheduled =
  (schedule: Schedule): Policy =>
  (execution, region, caps) =>
    scheduledLots(schedule, execution.outlook(caps), execution.pending(caps), region) ?? region.hi

/** What a model is compared with. */
export const BASELINES = {
  clip: clipped,
  TWAP: scheduled('TWAP'),
  VWAP: scheduled('VWAP'),
  AC: scheduled('AC'),
  'receding AC': scheduled('receding AC'),
  'receding AC, expecting': scheduled('receding AC, expecting'),
} as const satisfies Readonly<Record<Schedule | 'clip', Policy>>
export type Baseline = keyof typeof BASELINES

/** Changes what a model is shown, for controls. */
export type Lens = (features: Float64Array, execution: Execution) => void

/** A baseline, moved by what `infer` says; where it says nothing, the baseline. `moved` is told of each step. */
export function tuned(baseline: Baseline, infer: Inference, lens?: Lens): Policy {
  const base: Policy = BASELINES[baseline]
  const features = new Float64Array(FEATURES.length)
  return (execution, region, caps) => {
    const untuned = base(execution, region, caps)
    if (region.lo === region.hi) return untuned
    writeFeatures(execution.situation(region, untuned), features)
    lens?.(features, execution)
    return shifted(untuned, region, infer(features) ?? 0) ?? untuned
  }
}

/** What one order came to. */
export interface Outcome {
  readonly cost: number
  /** Lots left over at the deadline, as a part of the order. */
  readonly leftOver: number
}

/** Executes an order to its end. Throws where a policy leaves the region: that would be a defect. */
export function execute(terms: Terms, order: Order, policy: Policy): Outcome {
  const execution = new Execution(terms, order)
  let cost = 0
  while (!execution.isDone) {
    const caps = execution.caps()
    const region = execution.region(caps)
    const lots = policy(execution, region, caps)
    if (!(Number.isSafeInteger(lots) && lots >= region.lo && lots <= region.hi))
      throw new Error(`invariant: ${lots} lots are outside of ${region.lo} to ${region.hi}`)
    cost += execution.send(lots)
  }
  return { cost, leftOver: execution.left / order.lots }
}

/** The least that hindsight could have made of an order; where it could not be finished, what the caps allowed is taken. */
export function hindsightCost(terms: Terms, order: Order): number {
  const sent = solveCapped(new Execution(terms, order).hindsight())
  const execution = new Execution(terms, order)
  let cost = 0
  for (let step = 0; step < order.steps && !execution.isDone; step += 1) {
    const { hi } = execution.region(execution.caps())
    cost += execution.send(sent === undefined ? hi : Math.min(sent[step] as number, execution.left))
  }
  return cost
}
