/** Grants: how they are proposed, approved by somebody else, revoked, and how those that ended hold back what they let through. */
import * as exact from '../base/rational.ts'
import type { ErrorCode } from '../base/errors.ts'
import { exactNumber, type Slots } from '../constitution/exact-evaluate.ts'
import { blankFacts } from '../constitution/facts.ts'
import { factsIn } from '../constitution/expression.ts'
import type { Constitution, Grantable } from '../constitution/model.ts'
import { GRANTS_MAX, openGrants, stateOf, type Grant } from '../ledger/grants.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { Event } from '../protocol/event.ts'
import type { GrantAnswer, GrantTerms } from '../protocol/grant.ts'
import type { Subject } from '../protocol/proposal.ts'
import { unitOf } from './lift.ts'
import { serialId } from './placing.ts'
import type { State } from './state.ts'
import { ask, GRANTING, idOfAsking } from './asking.ts'
import { fold, recorded, refused, type Held, type Input, type Step } from './step.ts'

interface Refusal {
  readonly code: ErrorCode
  readonly detail: string
}

/** Why no grant can have these terms under `constitution` at `now` (milliseconds since 1970); `undefined` when one can. */
export function refuseTerms(constitution: Constitution, terms: GrantTerms, now: number): Refusal | undefined {
  const rule = constitution.rules.find(({ id }) => id === terms.rule)
  if (rule === undefined)
    return { code: 'RULE_NOT_GRANTABLE', detail: `the constitution in force has no rule \`${terms.rule}\`` }
  if (rule.grantable === undefined)
    return {
      code: 'RULE_NOT_GRANTABLE',
      detail: `\`${rule.id}\` does not say \`grantable\`: it holds for everybody`,
    }
  if (rule.mode === 'shadow')
    return { code: 'RULE_NOT_GRANTABLE', detail: `\`${rule.id}\` is in shadow and denies nothing` }
  if (terms.until <= now)
    return { code: 'GRANT_EXPIRED', detail: `it would have ended at ${new Date(terms.until).toISOString()}` }
  const wide = tooWide(constitution, rule.grantable, terms, now)
  return wide === undefined ? undefined : { code: 'GRANT_TOO_WIDE', detail: wide }
}

/** Of an expression that reads no fact. */
const NO_SLOTS: Slots = { slotOf: readsFact, factOf: readsFact }

function readsFact(name: string): never {
  throw new Error(`invariant: \`${name}\` is read where literals alone stand`)
}

/** How the terms go further than the rule allows. An `upTo` that rests on facts is held against them whenever the grant is used. */
function tooWide(
  constitution: Constitution,
  grantable: Grantable,
  { rule, scope, upTo, until, uses }: GrantTerms,
  now: number,
): string | undefined {
  if (Object.values(scope).every((name) => name === undefined))
    return 'name an agent, an account, a strategy or an instrument, or several, in `scope`'
  if (until - now > grantable.within)
    return `a grant of \`${rule}\` lasts at most ${grantable.within} ms, until ${new Date(now + grantable.within).toISOString()}`
  if (uses > grantable.uses) return `a grant of \`${rule}\` is used at most ${grantable.uses} times`
  if (factsIn(grantable.upTo).size > 0) return undefined
  const widest = exactNumber(grantable.upTo, blankFacts(0), NO_SLOTS)
  if (widest === undefined || exact.compare(exact.rational(upTo), widest) <= 0) return undefined
  const unit = unitOf(constitution, grantable.observed)
  return `\`${rule}\` can be granted up to ${exact.toNumber(widest)}${unit === null ? '' : ` ${unit}`}`
}

/** Why `operator` cannot stand behind a grant that benefits agents: it is one. */
function notIndependent({ ledger }: State, operator: string, { scope }: GrantTerms): Refusal | undefined {
  if (scope.agent !== operator && !ledger.agents.has(operator)) return undefined
  return {
    code: 'GRANT_SELF_APPROVED',
    detail: `\`${operator}\` is an agent’s name; people grant exceptions to agents`,
  }
}

export function handleGrant(state: State, { request, by }: Input & { kind: 'grant' }, now: number): Step {
  const { program, ledger } = state
  if (program === undefined) return refused(state, 'NOT_READY', 'activate a constitution first')
  const { rule, scope, upTo, until, uses, reason } = request
  const terms: GrantTerms = { rule, scope, upTo, until, uses }
  const refusal = refuseTerms(program.constitution, terms, now) ?? notIndependent(state, by, terms)
  if (refusal !== undefined) return refused(state, refusal.code, refusal.detail)
  if (openGrants(ledger.grants, now) >= GRANTS_MAX) {
    return refused(
      state,
      'LIMIT_REACHED',
      `${GRANTS_MAX} grants are proposed or live; revoke one that is not needed any more`,
    )
  }
  const grant = `g-${serialId(state)}`
  const subject: Subject = { kind: 'grant', grant, terms, reason }
  const asked = ask(state, { subject, policy: GRANTING, by, ahead: 2 }, now)
  if (asked?.type === 'refused') return refused(state, asked.code, asked.detail)
  const event: Event = { schema: SCHEMA_VERSION, type: 'grantProposed', grant, terms, by, reason }
  if (asked === undefined) return recorded(state, event, now, { grant })
  const proposal = idOfAsking(state, GRANTING, 2)
  const events = [{ ...event, proposal }, asked]
  return [fold(state, events, now), events, [{ kind: 'done', body: { grant, proposal } }]]
}

export function handleApprove(
  state: State,
  { grant: id, operator, reason }: Input & { kind: 'approve' | 'revoke' },
  now: number,
): Step {
  const grant = state.ledger.grants.get(id)
  const refusal =
    grant === undefined
      ? unknown(id)
      : (whyNotApproved(grant, operator, now) ?? notIndependent(state, operator, grant.terms))
  if (refusal !== undefined) return refused(state, refusal.code, refusal.detail)
  const event: Event = { schema: SCHEMA_VERSION, type: 'grantApproved', grant: id, by: operator, reason }
  return recorded(state, event, now, { grant: id })
}

/** Who approves must not have proposed; what agents were asked, no operator answers for them. */
function whyNotApproved(grant: Grant, operator: string, now: number): Refusal | undefined {
  const { id, proposed, approved, terms, proposal } = grant
  const state = stateOf(grant, now)
  if (state === 'expired')
    return { code: 'GRANT_EXPIRED', detail: `\`${id}\` ended at ${new Date(terms.until).toISOString()}` }
  if (state === 'revoked' || state === 'used' || state === 'superseded') return ended(grant, state)
  if (approved !== undefined)
    return { code: 'GRANT_APPROVED', detail: `\`${approved.operator}\` approved \`${id}\`` }
  if (proposal !== undefined) return { code: 'GRANT_FOR_QUORUM', detail: `\`${proposal}\` decides \`${id}\`` }
  if (proposed.operator !== operator) return undefined
  return {
    code: 'GRANT_SELF_APPROVED',
    detail: `\`${operator}\` proposed \`${id}\`; another operator must approve it`,
  }
}

/** Any operator ends a grant at once, whatever the clock says, and also one that is used up: what it let through is held back. */
export function handleRevoke(
  state: State,
  { grant: id, operator, reason }: Input & { kind: 'approve' | 'revoke' },
  now: number,
): Step {
  const grant = state.ledger.grants.get(id)
  const refusal =
    grant === undefined ? unknown(id) : grant.revoked === undefined ? undefined : ended(grant, 'revoked')
  if (refusal !== undefined) return refused(state, refusal.code, refusal.detail)
  const event: Event = { schema: SCHEMA_VERSION, type: 'grantRevoked', grant: id, by: operator, reason }
  return recorded(state, event, now, { grant: id })
}

function unknown(id: string): Refusal {
  return { code: 'GRANT_UNKNOWN', detail: `no grant \`${id}\` is kept` }
}

function ended({ id, revoked, terms }: Grant, state: 'revoked' | 'used' | 'superseded'): Refusal {
  const how = {
    revoked: `\`${revoked?.operator ?? ''}\` revoked it`,
    used: `it was used ${terms.uses} times`,
    superseded: 'another constitution came into force; propose it anew',
  }
  return { code: 'GRANT_ENDED', detail: `\`${id}\`: ${how[state]}` }
}

/** Why what was allowed by these grants must not be sent any more: one of them ended since. One that is used up was used by this. */
export function endedSince(
  { ledger }: { readonly ledger: Ledger },
  decision: string,
  grants: readonly string[],
  now: number,
): Held | undefined {
  for (const id of grants) {
    const grant = ledger.grants.get(id)
    if (grant === undefined)
      return { code: 'GRANT_ENDED', detail: `${decision} rested on \`${id}\`, which is not kept any more` }
    if (grant.revoked !== undefined || grant.superseded) {
      const { code, detail } = ended(grant, grant.revoked === undefined ? 'superseded' : 'revoked')
      return { code, detail: `${decision} was allowed by a grant that ended: ${detail}` }
    }
    if (now >= grant.terms.until)
      return {
        code: 'GRANT_EXPIRED',
        detail: `${decision} was allowed by \`${id}\`, which ended at ${new Date(grant.terms.until).toISOString()}`,
      }
  }
  return undefined
}

/** A grant as calls answer it at `now`. */
export function showGrant(grant: Grant, now: number): GrantAnswer {
  const { id, terms, used, proposed, approved, revoked, constitution, proposal } = grant
  return {
    schema: SCHEMA_VERSION,
    grant: id,
    state: stateOf(grant, now),
    ...terms,
    used,
    proposed,
    approved: approved ?? null,
    revoked: revoked ?? null,
    constitution,
    ...(proposal === undefined ? {} : { proposal }),
  }
}
