/** The lots that may be sent now: what the rules let pass, what an approval still covers, and what must go now to be done in time. */
import { gather, missingRequired, varying, type Program } from '../constitution/compile.ts'
import type { Facts } from '../constitution/facts.ts'
import { judge, verdictOf } from '../constitution/judge.ts'
import type { Read } from '../constitution/model.ts'
import { isRising } from '../constitution/monotone.ts'
import { narrow } from '../constitution/narrow.ts'

/** An order of which a part may be sent now. */
export interface Asked {
  readonly program: Program
  readonly action: 'order' | 'replace'
  /** Measured for all that is left. */
  readonly facts: Facts
  /** The reader of the facts of the same order with another quantity, in whole lots. */
  readonly readAt: (lots: number) => Read
  /** Lots that are left. */
  readonly remaining: number
  /** Lots that the steps after this one can take in all, before the deadline. */
  readonly later: number
  /** What is approved, where rules escalate: the lots that are left of it, and the rules whose escalation it satisfies. */
  readonly approved?: { readonly lots: number; readonly rules: ReadonlySet<string> }
}

/** What keeps a bound from going further: rules by their ids, or what is no rule. */
export type Binding =
  | { readonly kind: 'rules'; readonly rules: readonly string[] }
  | { readonly kind: 'order' | 'approval' | 'deadline' | 'nothing' }

/** The lots `[lo, hi]`; zero stands for waiting. */
export interface Region {
  readonly lo: number
  readonly hi: number
  /** `deadline`: less would not be done in time. `nothing`: it may wait. */
  readonly loBy: Binding
  /** `order`: there is no more to send. Else one lot more would be refused, by these rules or for lack of approval. */
  readonly hiBy: Binding
  /** Whether a window tells orders apart by their quantity, so that single lots inside may be refused: `settle` looks. */
  readonly hasHoles: boolean
}

/** Why there is no region, so that the order stays as it is. */
export interface NoRegion {
  readonly untuned:
    'quantity-invalid' | 'facts-missing' | 'rules-not-monotone' | 'nothing-passes' | 'deadline-unreachable'
  /** The rules that are the reason, by id. */
  readonly rules: readonly string[]
}

/**
 * The region of an order, judged by the compiled rules themselves. There is none unless all rules on the action are monotone in the quantity:
 * then what passes is an interval, and the search finds its end. Grants are left aside, so a region may be smaller than what they would let pass.
 */
export function regionOf(asked: Asked): Region | NoRegion {
  const { program, action, facts, remaining, later, approved } = asked
  if (!isCount(remaining) || remaining === 0 || !isCount(later) || !isCount(approved?.lots ?? 0))
    return none('quantity-invalid')
  if (missingRequired(program, action, facts).length > 0) return none('facts-missing')
  const { monotone, byQuantity } = program.actions[action]
  if (!monotone) return none('rules-not-monotone', notMonotone(asked))
  let at: ReturnType<typeof varying> | undefined
  const factsAt = (lots: number): Facts => (at ??= varying(program, action, facts))(asked.readAt(lots))
  const passes = (lots: number): boolean => passesAt(asked, factsAt(lots))
  const most = Math.min(remaining, approved?.lots ?? remaining)
  // What is asked for was measured already.
  const mostPasses = most === 0 || (most === remaining ? passesAt(asked, facts) : passes(most))
  const hi = mostPasses ? most : (narrow(most, monotone, passes)?.lots ?? 0)
  const hiBy: Binding =
    hi < most
      ? { kind: 'rules', rules: refusing(asked, factsAt(hi + 1)) }
      : { kind: most < remaining ? 'approval' : 'order' }
  if (hi === 0) return none('nothing-passes', hiBy.kind === 'rules' ? hiBy.rules : [])
  const lo = Math.max(0, remaining - later)
  if (lo > hi) return none('deadline-unreachable', hiBy.kind === 'rules' ? hiBy.rules : [])
  return { lo, hi, loBy: { kind: lo > 0 ? 'deadline' : 'nothing' }, hiBy, hasHoles: byQuantity }
}

/** The ids of the rules that refuse `lots`, in order. */
export function refusedBy(asked: Asked, lots: number): string[] {
  const { program, action, facts, readAt } = asked
  return refusing(asked, varying(program, action, facts)(readAt(lots)))
}

/**
 * The region of a step where `left` lots of the order are to be done by a deadline that `laterSteps` steps come before: each of them is taken to let as much
 * pass as this one. What is sent is a lot at least.
 */
export function withDeadline(region: Region, left: number, laterSteps: number): Region | NoRegion {
  const { hi, hiBy } = region
  const least = left - hi * laterSteps
  if (least > hi) return none('deadline-unreachable', hiBy.kind === 'rules' ? hiBy.rules : [])
  return least > 1
    ? { ...region, lo: least, loBy: { kind: 'deadline' } }
    : { ...region, lo: 1, loBy: { kind: 'nothing' } }
}

/** How far from what is wanted `settle` looks, in lots. */
export const REACH = 8

/**
 * The lots nearest to `wanted` within the region that pass with every window measured for just that quantity, as a duplicate of a moment ago does not.
 * Below first. `undefined` where none nearby does. Waiting is always possible where the region begins at zero.
 */
export function settle(asked: Asked, { lo, hi, hasHoles }: Region, wanted: number): number | undefined {
  if (!hasHoles) return wanted
  const { program, action, facts, readAt } = asked
  for (let away = 0; away <= REACH; away += 1) {
    for (const lots of away === 0 ? [wanted] : [wanted - away, wanted + away]) {
      if (lots < lo || lots > hi) continue
      if (lots === 0 || passesAt(asked, gather(program, action, readAt(lots), facts.now))) return lots
    }
  }
  return undefined
}

/** The ids of enforced rules on the action that could refuse a quantity between two that pass. */
function notMonotone({ program, action }: Asked): string[] {
  const { rules } = program.constitution
  return rules
    .filter((rule) => rule.actions.includes(action) && !isRising(rule, program.constitution))
    .map(({ id }) => id)
}

function passesAt(asked: Asked, facts: Facts): boolean {
  const verdict = verdictOf(asked.program, asked.action, facts)
  if (verdict !== 'pending') return verdict === 'allow'
  return asked.approved !== undefined && refusing(asked, facts).length === 0
}

/** The ids of the rules that keep `facts` from passing, in order; what is approved does not. */
function refusing({ program, action, approved }: Asked, facts: Facts): string[] {
  return judge(program, action, facts)
    .findings.notClear()
    .filter(
      ({ rule, result }) =>
        rule.mode === 'enforce' &&
        rule.effect !== 'warn' &&
        !(rule.effect === 'escalate' && result === 'breach' && approved?.rules.has(rule.id) === true),
    )
    .map(({ rule }) => rule.id)
    .toSorted()
}

function none(untuned: NoRegion['untuned'], rules: readonly string[] = []): NoRegion {
  return { untuned, rules }
}

function isCount(lots: number): boolean {
  return Number.isSafeInteger(lots) && lots >= 0
}
