/** Why an order was sent as it was: the region and what binds it, the schedule, what the model changed and for which reasons, and what would have been without it. */
import { fromSteps } from '../base/exact.ts'
import { shifted } from '../optimizer/action-map.ts'
import type { Model } from '../optimizer/artifact.ts'
import { FEATURE_GROUPS, FEATURES, writeFeatures } from '../optimizer/features.ts'
import { coalitionValue, shapleyValues } from '../optimizer/shapley.ts'
import { situationOf } from '../optimizer/slice.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import { tidy } from '../protocol/evidence.ts'
import type { Explanation, Tuned } from '../protocol/optimizer.ts'
import type { ModelOf } from './optimizer.ts'

/** Situations of the model that it is compared with, the first so many: with seven groups that is eight thousand questions. */
const BACKGROUND = 64

/** The explanation of a decision, from its record; `undefined` where no optimizer looked at it. The shares of a model that is not at hand are left out. */
export function explainTuning(decision: DecisionCore, modelOf: ModelOf): Explanation | undefined {
  const { tuning, request, action, verdict } = decision
  if (tuning === undefined || request.action.type !== 'order' || action.type !== 'order') return undefined
  const tuned = tuning.outcome === 'tuned' ? tuning : undefined
  return {
    schema: SCHEMA_VERSION,
    decision: decision.decision,
    verdict,
    asked: request.action.quantity,
    sent: action.quantity,
    without: tuned === undefined ? action.quantity : fromSteps(tuned.untuned, tuned.lot),
    constitution: decision.constitution,
    policy: tuning.policy,
    optimizer: tuning.optimizer,
    mode: tuning.mode,
    untuned: tuning.outcome === 'untuned' ? { why: tuning.why, rules: tuning.rules } : null,
    tuned: tuned === undefined ? null : explained(tuned, modelOf),
  }
}

function explained(tuned: Tuned, modelOf: ModelOf): Explanation['tuned'] {
  const { plan, step, lot, left, region, schedule, advice, lots, applied } = tuned
  const model = advice === null ? undefined : modelOf(advice.model)
  return {
    applied,
    step: step + 1,
    steps: plan.steps,
    left: fromSteps(left, lot),
    region: {
      least: fromSteps(region.lo, lot),
      most: fromSteps(region.hi, lot),
      leastBy: region.loBy,
      mostBy: region.hiBy,
    },
    baseline: { schedule: schedule.name, quantity: fromSteps(schedule.lots, lot) },
    chosen: fromSteps(lots, lot),
    change: tidy((lots - schedule.lots) * lot),
    model: advice?.model ?? null,
    fallback: advice?.fallback ?? null,
    shares: model === undefined || advice?.shift == null ? null : sharesOf(tuned, model),
  }
}

type Shares = NonNullable<NonNullable<Explanation['tuned']>['shares']>

/** What each group of features adds to the change, beside what the model changes on average. */
function sharesOf(tuned: Tuned, { artifact, infer }: Model): Shares | null {
  const { region, schedule, lot } = tuned
  const situation = situationOf(tuned, region, schedule.lots)
  if (situation === undefined) return null
  const at = new Float64Array(FEATURES.length)
  writeFeatures(situation, at)
  const change = (features: Float64Array): number =>
    (shifted(schedule.lots, region, infer(features) ?? 0) ?? schedule.lots) - schedule.lots
  const groups = Object.entries(FEATURE_GROUPS)
  const value = coalitionValue(
    at,
    backgroundOf(artifact.golden.inputs.base64),
    groups.map(([, members]) => members),
    change,
  )
  return {
    background: artifact.golden.inputs.sha256,
    mean: tidy(value(0) * lot),
    groups: shapleyValues(groups.length, value).map((share, index) => {
      const [group, members] = groups[index] as (typeof groups)[number]
      return {
        group,
        features: Object.fromEntries(
          members.map((one) => [FEATURES[one]?.name ?? '', tidy(at[one] as number)]),
        ),
        value: tidy(share * lot),
      }
    }),
  }
}

function backgroundOf(base64: string): Float64Array[] {
  const bytes = Buffer.from(base64, 'base64')
  const width = FEATURES.length
  return Array.from({ length: BACKGROUND }, (_, row) =>
    Float64Array.from({ length: width }, (__, at) => bytes.readFloatLE((row * width + at) * 4)),
  )
}
