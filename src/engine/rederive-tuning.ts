/** Holds what the optimizer chose against its record: the same figures and what the model said give the same lots, without the model. */
import { fromSteps } from '../base/exact.ts'
import type { Program } from '../constitution/compile.ts'
import { shifted } from '../optimizer/action-map.ts'
import { REACH } from '../optimizer/region.ts'
import { lotsNow, stepAt } from '../optimizer/slice.ts'
import type { Decision } from '../protocol/decision.ts'
import type { Tuned } from '../protocol/optimizer.ts'
import { wantsTuning } from './tune.ts'

/** What does not come out as recorded; `undefined` when all does. */
export function tuningProblem(decision: Decision, program: Program): string | undefined {
  const { tuning, verdict, request } = decision
  if (tuning === undefined) return undefined
  if (!wantsTuning(request)) return 'it was tuned, and the agent did not ask for it'
  if (verdict !== 'allow' && verdict !== 'narrow') return `it was tuned, and the verdict is ${verdict}`
  if (tuning.outcome === 'untuned') return undefined
  return chosenOtherwise(decision, tuning, program) ?? sentOtherwise(decision, tuning)
}

/** Whether the lots do not follow from what is recorded. */
function chosenOtherwise({ at }: Decision, tuned: Tuned, program: Program): string | undefined {
  const { plan, step, left, untuned, region, schedule, liquidity, advice, lots } = tuned
  const { lo, hi } = region
  if (!(lo >= 1 && lo <= lots && lots <= hi && hi <= untuned && untuned <= left && left <= plan.lots))
    return `of ${untuned} lots ${lots} were chosen from ${lo} to ${hi}`
  if (at < plan.begun || step < stepAt(plan, at) || step >= plan.steps)
    return `the slice is of step ${step}, and the time of step ${stepAt(plan, at)}`
  const scheduled = lotsNow(schedule.name, { plan, step, left, liquidity }, region)
  if (scheduled !== schedule.lots)
    return `${schedule.name} is recorded with ${schedule.lots} lots and derived with ${scheduled}`
  if (advice !== null && (advice.shift === null) === (advice.fallback === null))
    return 'a model said something, or there is a reason why not; never both'
  const wanted = advice?.shift == null ? scheduled : (shifted(scheduled, region, advice.shift) ?? scheduled)
  const off = Math.abs(lots - wanted)
  // Where a window tells orders apart by their quantity the nearest that passes is taken.
  const mayMove = program.actions.order.byQuantity ? REACH : 0
  return off <= mayMove ? undefined : `${lots} lots were chosen, and ${wanted} come out`
}

/** Whether the verdict is about other lots than were chosen. */
function sentOtherwise({ verdict, action }: Decision, tuned: Tuned): string | undefined {
  if (action.type !== 'order') return 'it was tuned, and is no order'
  const { applied, mode, lots, untuned, lot } = tuned
  if (applied !== (mode !== 'shadow')) return `in mode ${mode} it was ${applied ? '' : 'not '}applied`
  const expected = fromSteps(applied ? lots : untuned, lot)
  if (action.quantity !== expected) return `${expected} come out, and the verdict is about ${action.quantity}`
  return applied && lots < untuned && verdict !== 'narrow'
    ? `it was made smaller, and is ${verdict}`
    : undefined
}
