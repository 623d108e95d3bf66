/** Lets an action through whose breaches live grants cover. Nothing else is lifted: no unknown, and no rule that does not declare itself grantable. */
import * as exact from '../base/rational.ts'
import type { Program } from '../constitution/compile.ts'
import { exactNumber } from '../constitution/exact-evaluate.ts'
import type { Facts } from '../constitution/facts.ts'
import type { RuleFinding } from '../constitution/findings.ts'
import type { Judgement } from '../constitution/judge.ts'
import type { Constitution, Rule } from '../constitution/model.ts'
import { isRising } from '../constitution/monotone.ts'
import { dimensionOf } from '../constitution/types.ts'
import { displayUnit } from '../constitution/units.ts'
import { deskOf } from '../ledger/dealers.ts'
import { hadVoteOn, stateOf } from '../ledger/grants.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { strategyOf, type Subject } from '../ledger/subject.ts'
import type { GrantScope, GrantUse } from '../protocol/grant.ts'

/** What a grant that may be used says: this number may stand in the place of that rule's limit. */
export interface Cover {
  readonly grant: string
  readonly rule: string
  readonly upTo: number
}

export const NO_COVERS: readonly Cover[] = []
const NO_USES: readonly GrantUse[] = []

/** A judgement's verdict with grants, and those that it takes; none where it is denied all the same. */
export interface Lifted {
  readonly verdict: Judgement['verdict']
  readonly uses: readonly GrantUse[]
}

/** The grants that an action may use at `now` (milliseconds since 1970), from the oldest. */
export function coversOf(
  ledger: Ledger,
  { constitution }: Program,
  subject: Subject,
  now: number,
): readonly Cover[] {
  if (ledger.grants.isEmpty()) return NO_COVERS
  const covers: Cover[] = []
  const { agent, account, action } = subject
  const names = {
    agent,
    account,
    strategy: strategyOf(ledger, subject),
    instrument: 'instrument' in action ? action.instrument : undefined,
  }
  for (const grant of ledger.grants.values()) {
    const { id, terms, proposed, approved } = grant
    if (stateOf(grant, now) !== 'live' || grant.constitution !== constitution.hash) continue
    // INVARIANT: nobody is let through on their own word, whoever was registered under that name since.
    if (proposed.operator === agent || approved?.operator === agent) continue
    // Nor by their own vote, or that of their desk.
    if (hadVoteOn(grant, agent, deskOf(ledger, agent))) continue
    if (isWithin(terms.scope, names)) covers.push({ grant: id, rule: terms.rule, upTo: terms.upTo })
  }
  return covers
}

/** What an action is about, as far as a scope can name it. */
export type Names = { readonly [kind in keyof GrantScope]-?: string | undefined }

/** Whether the action matches every name of the scope, and there is one. */
export function isWithin(scope: GrantScope, names: Names): boolean {
  const wanted = Object.entries(scope) as [keyof GrantScope, string | undefined][]
  return wanted.length > 0 && wanted.every(([kind, name]) => name !== undefined && names[kind] === name)
}

/** The verdict where `covers` may be used. It is denied unless each enforced breach is covered and nothing is unknown; then no grant is used. */
export function lift(
  program: Program,
  facts: Facts,
  { verdict, findings }: Judgement,
  covers: readonly Cover[],
): Lifted {
  if (verdict !== 'deny' || covers.length === 0) return { verdict, uses: NO_USES }
  const uses: GrantUse[] = []
  let lifted: Judgement['verdict'] = 'allow'
  for (const found of findings.notClear()) {
    const { rule, result } = found
    if (rule.mode === 'shadow' || rule.effect === 'warn') continue
    if (rule.effect === 'escalate' && result === 'breach') {
      lifted = 'pending'
      continue
    }
    const use = useOf(program, facts, found, covers)
    if (use === undefined) return { verdict, uses: NO_USES }
    uses.push(use)
  }
  return { verdict: lifted, uses }
}

/** The use of the first grant that covers a breach: what is observed passes its limit and the one that the rule sets to all grants. */
function useOf(
  program: Program,
  facts: Facts,
  { rule, result }: RuleFinding,
  covers: readonly Cover[],
): GrantUse | undefined {
  const { grantable } = rule
  if (grantable === undefined || result !== 'breach') return undefined
  const observed = exactNumber(grantable.observed, facts, program)
  const widest = exactNumber(grantable.upTo, facts, program)
  if (observed === undefined || widest === undefined) return undefined
  const passes = (limit: exact.Rational): boolean => {
    const order = exact.compare(observed, limit)
    return grantable.operator === '>' ? order <= 0 : order < 0
  }
  if (!passes(widest)) return undefined
  const cover = covers.find(({ rule: id, upTo }) => id === rule.id && passes(exact.rational(upTo)))
  if (cover === undefined) return undefined
  const limit = exactNumber(grantable.limit, facts, program)
  return {
    grant: cover.grant,
    rule: rule.id,
    observed: exact.toNumber(observed),
    limit: limit === undefined ? null : exact.toNumber(limit),
    upTo: cover.upTo,
    unit: unitOf(program.constitution, grantable.observed),
  }
}

/** The unit of what a grantable rule observes, as printed. */
export function unitOf(
  { currency, facts }: Constitution,
  observed: NonNullable<Rule['grantable']>['observed'],
): string | null {
  const dimension = dimensionOf(observed, (name) => facts.get(name)?.type, currency)
  return dimension === undefined ? null : displayUnit(dimension, currency)
}

/** Whether, with these grants, an order that is refused is refused at every larger quantity too, as it is by the rules alone. */
export function staysMonotone({ constitution }: Program, covers: readonly Cover[]): boolean {
  return covers.every(({ rule: id }) => {
    const rule = constitution.rules.find((each) => each.id === id)
    if (rule?.grantable === undefined) return true
    const { operator, observed, upTo } = rule.grantable
    const { start, end } = rule.condition
    // The number of the grant is constant, so what holds for the rule's own `upTo` holds for it.
    const condition = { kind: 'compare', operator, left: observed, right: upTo, start, end } as const
    return isRising({ ...rule, condition }, constitution)
  })
}
