/** Ways to execute an order, all with the same information: the ones to compare with, and a model on top of one of them. */
import { shifted, type Span } from '../action-map.ts'
import { FEATURES, writeFeatures } from '../features.ts'
import type { Inference } from '../network.ts'
import { heldAfter, kappaOf, ratioOf } from '../schedules/almgren-chriss.ts'
import { recedingLots } from '../schedules/receding.ts'
import { twap } from '../schedules/twap.ts'
import { vwap } from '../schedules/vwap.ts'
import { solveCapped } from '../schedules/capped.ts'
import { Execution, type Order, type Terms } from './execution.ts'

/** How many lots to send now, within the region. */
export type Policy = (execution: Execution, region: Span, caps: readonly number[]) => number

const clip = (lots: number, { lo, hi }: Span): number => Math.min(Math.max(lots, lo), hi)

/** All that is allowed, at once: what becomes of an order that is only made smaller. */
const clipped: Policy = (_, { hi }) => hi

const timeWeighted: Policy = (execution, region) =>
  clip(twap(execution.left, execution.stepsLeft)[0] as number, region)

const volumeWeighted: Policy = (execution, region, caps) => {
  const { expected } = execution.outlook(caps)
  return clip(
    vwap(
      execution.left,
      expected.impact.map((impact) => 1 / impact),
    )[0] as number,
    region,
  )
}

/** The closed form as it was when the order began; what a cap held back is caught up with. */
const closedForm: Policy = (execution, region) => {
  const { lots, steps, urgency } = execution.order
  const held = heldAfter(kappaOf(ratioOf(urgency, steps)), steps)[steps - execution.stepsLeft] as number
  return clip(execution.left - Math.round(lots * held), region)
}

const receding: Policy = (execution, region, caps) => {
  const { flat } = execution.outlook(caps)
  return clip(recedingLots(flat) ?? region.hi, region)
}

const expecting: Policy = (execution, region, caps) => {
  const { expected } = execution.outlook(caps)
  return clip(recedingLots(expected) ?? region.hi, region)
}

/** What a model is compared with. */
export const BASELINES = {
  clip: clipped,
  TWAP: timeWeighted,
  VWAP: volumeWeighted,
  AC: closedForm,
  'receding AC': receding,
  'receding AC, expecting': expecting,
} as const satisfies Readonly<Record<string, Policy>>
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
