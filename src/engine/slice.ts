/** What an agent is told of the rest of an order that is sent in slices. */
import { fromSteps } from '../base/exact.ts'
import { reviewAfter } from '../optimizer/slice.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { Slice } from '../protocol/optimizer.ts'

/** How the order goes on; `undefined` where the verdict is not about a slice of it. */
export function sliceOf({ verdict, tuning }: Pick<DecisionCore, 'verdict' | 'tuning'>): Slice | undefined {
  if (tuning?.outcome !== 'tuned' || !tuning.applied || (verdict !== 'narrow' && verdict !== 'allow'))
    return undefined
  const { plan, step, lot, left, lots } = tuning
  const remaining = left - lots
  const deadline = plan.begun + plan.horizonMs
  return {
    parent: { id: plan.parent, quantity: fromSteps(plan.lots, lot) },
    remaining: fromSteps(remaining, lot),
    // In the last step what is left may be asked for at once.
    nextReview: remaining === 0 ? null : Math.min(reviewAfter(plan, step), deadline),
    deadline,
  }
}
