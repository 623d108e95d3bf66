/** The last look before what was allowed is told, and before it is sent: halts, ends and changes that came since it was judged. */
import type { Halt } from '../ledger/ledger.ts'
import { findOrder } from '../ledger/orders.ts'
import { stillReduces, subjectOf } from '../ledger/subject.ts'
import { covers } from '../ledger/trading-state.ts'
import type { Action } from '../protocol/action.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import { authorityOf, withdrawnSince } from './authority.ts'
import { decisionOfPermit, permitId, type OpenPermit } from './permits.ts'
import type { State } from './state.ts'
import { recorded, refused, type Held, type Input, type Step } from './step.ts'

/**
 * Why a verdict must not be released now, at the last look; `undefined` when it may be. An allowed action must not leave after trading was halted, nor
 * after it began to reduce unless it certainly reduces, nor after another constitution came into force, nor after its agent was taken out of service or is no more whose account and strategy it is, nor
 * after a grant, an approval or a sign-off that it rests on ended, nor when its permit is over. Denials and cancels always leave.
 */
export function heldBack(state: State, decision: DecisionCore, now: number): Held | undefined {
  const { action, verdict, request, reducing, expires } = decision
  if ((verdict !== 'allow' && verdict !== 'narrow') || action.type === 'cancel') return undefined
  const strategy = state.permits.open.get(decision.decision)?.strategy
  const allowed = { agent: request.agent, action, reducing, ...(strategy !== undefined && { strategy }) }
  const halted = haltedSince(state, decision.decision, allowed)
  if (halted !== undefined || expires === null) return halted
  if (now >= expires) {
    return {
      code: 'VERDICT_EXPIRED',
      detail: `${decision.decision} was allowed until ${new Date(expires).toISOString()}`,
    }
  }
  return (
    withdrawnSince(state, decision.decision, authorityOf(state, decision), now) ??
    changedSince(state, decision.decision, action, decision.constitution)
  )
}

/** What was allowed, as halts look at it. */
type Allowed = Pick<OpenPermit, 'agent' | 'action' | 'reducing' | 'strategy'>

/** The halt that came into force over an action since it was allowed. */
function haltedSince({ ledger }: State, decision: string, allowed: Allowed): Held | undefined {
  const held = ledger.halts.find(stopping(ledger, decision, allowed))
  return (
    held && {
      code: 'HALTED_SINCE',
      detail: `${decision} was allowed, and ${held.id} is in force (${held.state})`,
    }
  )
}

/** The same for halts that were heard of and that the state does not have yet. */
export function haltedByHeard(
  { ledger }: State,
  decision: string,
  allowed: Allowed,
  heard: readonly Pick<Halt, 'state' | 'scope'>[],
): Held | undefined {
  const held = heard.length === 0 ? undefined : heard.find(stopping(ledger, decision, allowed))
  return (
    held && {
      code: 'HALTED_SINCE',
      detail: `${decision} was allowed, and a halt was heard of since (${held.state})`,
    }
  )
}

function stopping(
  ledger: State['ledger'],
  decision: string,
  { agent, action, reducing, strategy }: Allowed,
): (halt: Pick<Halt, 'state' | 'scope'>) => boolean {
  if (action.type === 'cancel') return () => false
  const subject = subjectOf(ledger, agent, action)
  // What was allowed counts towards the strategy it was reserved for; of a replacement the ledger would not tell a second time.
  const order = findOrder(ledger, decision)
  // What it was to make smaller may have been closed by another order since.
  const isExit = reducing && order !== undefined && stillReduces(ledger, order, decision)
  return (halt) =>
    (halt.state === 'halted' || !isExit) && covers(ledger, subject, halt, order?.strategy ?? strategy)
}

/** Why what was allowed under `constitution` must not be sent: another came into force, and nobody has judged by that one; or this one did anew, and what people said before is over. */
function changedSince(
  { program, inForceSince, memory }: State,
  decision: string,
  action: Action,
  constitution: string,
): Held | undefined {
  const inForce = program?.constitution
  const isBefore = (memory.byDecision.get(decision)?.sequence ?? inForceSince) < inForceSince
  if (action.type === 'cancel' || (inForce?.hash === constitution && !isBefore)) return undefined
  return {
    code: 'CONSTITUTION_CHANGED',
    detail: `${decision} was allowed before ${inForce?.name ?? 'another'} ${inForce?.version ?? ''} came into force; ask again with a new id`,
  }
}

/** Redeems a permit: once, in time, by its agent, and where nothing came since that holds back what it allows. */
export function handleRedeem(state: State, { permit, agent }: Input & { kind: 'redeem' }, now: number): Step {
  const decision = decisionOfPermit(permit) ?? ''
  const open = state.permits.open.get(decision)
  if (open === undefined || open.agent !== agent) {
    // To an agent another's permit is as good as none.
    return open === undefined && wasGiven(state, decision, agent)
      ? refused(state, 'PERMIT_SPENT', `\`${permit}\` was redeemed, or was not in time`)
      : refused(state, 'PERMIT_UNKNOWN', `no permit \`${permit}\` was given to ${agent}`)
  }
  const held = unredeemed(state, decision, open, now)
  if (held !== undefined) return refused(state, held.code, held.detail)
  return recorded(state, { schema: SCHEMA_VERSION, type: 'redeemed', decision }, now, {
    permit,
    decision,
    at: now,
  })
}

/** Why what a permit allows must not be sent at `now`; `undefined` when it may be. */
export function unredeemed(state: State, decision: string, open: OpenPermit, now: number): Held | undefined {
  const permit = permitId(decision)
  // One that is over may wait to lapse behind many others.
  if (open.expires <= now)
    return { code: 'PERMIT_SPENT', detail: `\`${permit}\` was redeemed, or was not in time` }
  if (isOvertaken(state, decision))
    return { code: 'PERMIT_SPENT', detail: `what replaces the replacement of \`${permit}\` was sent already` }
  return (
    haltedSince(state, decision, open) ??
    withdrawnSince(state, decision, open, now) ??
    changedSince(state, decision, open.action, open.constitution)
  )
}

/** Whether a later replacement of the same order was sent: one that comes after it would undo it. */
function isOvertaken({ ledger, permits }: State, decision: string): boolean {
  const pending = findOrder(ledger, decision)?.pending ?? []
  const place = pending.findIndex(({ id }) => id === decision)
  return place >= 0 && pending.slice(place + 1).some(({ id }) => !permits.open.has(id))
}

function wasGiven({ memory }: State, decision: string, agent: string): boolean {
  return memory.byDecision.get(decision)?.allowed === agent
}
