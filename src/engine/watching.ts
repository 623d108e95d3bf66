/** Counts what each model is asked and says, and sees when it should not be asked any more: all from the records, so that a replay comes to the same. */
import { sha256 } from '../base/hash.ts'
import { parentKey, type Ledger } from '../ledger/ledger.ts'
import type { Slip } from '../ledger/slices.ts'
import { FEATURES, writeFeatures } from '../optimizer/features.ts'
import { ratioNow, situationOf } from '../optimizer/slice.ts'
import {
  after,
  ASKS,
  binOf,
  differenceOf,
  isLost,
  LOOK,
  NO_BET,
  NORMAL_OF_LOOK,
  stabilityIndex,
  stabilityLimit,
  UNANSWERED_MOST,
  type Bet,
} from '../optimizer/watch.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { Tuned, Tuner, TuningStop } from '../protocol/optimizer.ts'
import type { Optimizer, Watch } from './optimizer.ts'

const NEW: Watch = { asks: 0, unanswered: 0, looked: 0, counts: [], bet: NO_BET }

/** What is counted after `decision`; `ledger` is the one it was judged on. What was looked at is counted anew from there. */
export function watched(optimizer: Optimizer, ledger: Ledger, { request, tuning }: DecisionCore): Optimizer {
  if (tuning?.outcome !== 'tuned' || tuning.advice === null) return optimizer
  const { advice, optimizer: id } = tuning
  if (advice.fallback === 'model-stopped') return optimizer
  const tuner = optimizer.policy?.content.optimizers.find((one) => one.id === id)
  if (tuner === undefined || request.action.type !== 'order') return optimizer
  const before = optimizer.watches.get(id) ?? NEW
  const isFull = before.asks >= ASKS
  const key = parentKey(request.action.account, request.agent, tuning.plan.parent)
  const next: Watch = {
    ...spread(before, tuning, tuner, key),
    asks: (isFull ? 0 : before.asks) + 1,
    unanswered: (isFull ? 0 : before.unanswered) + (advice.shift === null ? 1 : 0),
    bet: settled(before.bet, ledger.parents.get(key)?.schedule?.slip, tuning),
  }
  return { ...optimizer, watches: optimizer.watches.set(id, next) }
}

const features = new Float64Array(FEATURES.length)

/**
 * The counts with the features of a slice. Slices of one order are alike, so one of each is counted: of which step, the name of the order says, so that all steps
 * have their share.
 */
function spread(watch: Watch, tuned: Tuned, { reference }: Tuner, key: string): Watch {
  const { plan, step, region, schedule } = tuned
  if (reference === undefined || Number.parseInt(sha256(key).slice(0, 8), 16) % plan.steps !== step)
    return watch
  const situation = situationOf(tuned, region, schedule.lots)
  if (situation === undefined) return watch
  writeFeatures(situation, features)
  const isFull = watch.looked >= LOOK
  const counts = reference.map(({ edges }, at) => {
    const of =
      isFull || watch.counts.length === 0 ? edges.map(() => 0).concat(0) : [...(watch.counts[at] ?? [])]
    const bin = binOf(edges, features[at] as number)
    of[bin] = (of[bin] ?? 0) + 1
    return of
  })
  return { ...watch, looked: (isFull ? 0 : watch.looked) + 1, counts }
}

/** The slice as a model chose it; `undefined` where none did, or only in shadow. */
export function slipOf(tuned: Tuned): Slip | undefined {
  const { advice, applied, left, lots, schedule, plan, step } = tuned
  if (!applied || advice?.shift == null) return undefined
  return { left, sent: lots, scheduled: schedule.lots, stepsLeft: plan.steps - step, ratio: ratioNow(tuned) }
}

/** The bet once the bars tell what the slice before cost. */
function settled(bet: Bet, slip: Slip | undefined, { liquidity }: Tuned): Bet {
  if (slip === undefined || liquidity === null) return bet
  const { volume, usualThen, variance, usualVarianceThen } = liquidity
  return after(bet, differenceOf(slip, usualThen / volume, variance / usualVarianceThen))
}

/** Why a model should not be asked any more; `optimizer` has the decision counted. */
export function alarmOf(
  { watches, policy }: Optimizer,
  { optimizer: id, advice }: Tuned,
): Pick<TuningStop, 'cause' | 'detail'> | undefined {
  const watch = watches.get(id)
  const reference = policy?.content.optimizers.find((one) => one.id === id)?.reference
  if (watch === undefined || advice === null) return undefined
  if (watch.asks === ASKS && watch.unanswered > UNANSWERED_MOST)
    return {
      cause: 'fallbacks',
      detail: `of ${ASKS} asks ${watch.unanswered} had no answer, the last for ${advice.fallback ?? 'none'}`,
    }
  if (isLost(watch.bet))
    return { cause: 'cost', detail: `over ${watch.bet.count} slices it costs more than its schedule` }
  if (watch.looked !== LOOK || reference === undefined) return undefined
  for (const [at, { counts }] of reference.entries()) {
    const seen = watch.counts[at] ?? []
    const index = stabilityIndex(seen, counts)
    const trained = counts.reduce((sum, count) => sum + count, 0)
    const limit = stabilityLimit(counts.length, LOOK, trained, NORMAL_OF_LOOK)
    if (index > limit)
      return {
        cause: 'drift',
        detail: `\`${FEATURES[at]?.name}\` has an index of ${index.toFixed(3)} against training, above ${limit.toFixed(3)}`,
      }
  }
  return undefined
}
