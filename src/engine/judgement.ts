/** Measures an action and judges it whole; looks for the quantity that would pass. */
import { isMultiple, fromSteps, stepsWithin, wholeSteps } from '../base/exact.ts'
import { REFUSALS, type RefusalCode } from '../base/errors.ts'
import { missingRequired, varying, type Program } from '../constitution/compile.ts'
import { LiveTrial } from '../constitution/evidence.ts'
import type { Facts } from '../constitution/facts.ts'
import type { Read } from '../constitution/model.ts'
import { Findings } from '../constitution/findings.ts'
import { explain, judge, verdictOf, type Judgement } from '../constitution/judge.ts'
import { narrow } from '../constitution/narrow.ts'
import { fitsBasket } from '../ledger/baskets.ts'
import { parentName, type Ledger } from '../ledger/ledger.ts'
import { foreignTo } from '../ledger/owners.ts'
import { measure } from '../ledger/measure.ts'
import {
  openLots,
  strategyAllowed,
  strategyOf,
  subjectOf,
  type ProposedOrder,
  type Subject,
} from '../ledger/subject.ts'
import { mayCancel } from '../ledger/whose-orders.ts'
import type { Action } from '../protocol/action.ts'
import type { ApprovalUse, Headroom, Reason } from '../protocol/decision.ts'
import type { GrantUse } from '../protocol/grant.ts'
import { approve } from './approve.ts'
import { gatherFor } from './gathering.ts'
import type { Desk } from './optimizer.ts'
import { coversOf, lift, NO_COVERS, staysMonotone } from './lift.ts'

/** One action at one moment, judged whole. */
export interface Judged {
  readonly action: Action
  readonly subject: Subject
  readonly facts: Facts
  /** With grants: a breach that is lifted stays a breach among the findings. */
  readonly judgement: Judgement
  readonly verdict: Judgement['verdict']
  /** All of them, of what grants lift too. */
  readonly reasons: readonly Reason[]
  /** Grants without which it would be denied; none where it is denied. */
  readonly grants: readonly GrantUse[]
  /** Approvals without which it would not pass. */
  readonly approvals: readonly ApprovalUse[]
}

/** What judging needs besides the action. */
export interface Court {
  readonly ledger: Ledger
  readonly program: Program
  readonly now: number
  /** What the action can draw on. */
  readonly approvals?: readonly ApprovalUse[]
  /** What tunes orders with a horizon; left out where nothing does. */
  readonly desk?: Desk
}

/** Judges `action` by every rule; refusals by the engine itself come before any rule, or beside them for what cannot be held exactly. */
export function judgeWhole(
  { ledger, program, now, approvals = NO_APPROVALS }: Court,
  agent: string,
  action: Action,
): Judged {
  const subject = subjectOf(ledger, agent, action)
  const facts = gatherFor(program, subject, measure(ledger, subject, program.constitution, now), now)
  const refusals = refusalsBefore(ledger, program, subject, facts)
  if (refusals.length > 0) {
    return {
      action,
      subject,
      facts,
      judgement: { verdict: 'deny', findings: new Findings(program, facts, 0) },
      verdict: 'deny',
      reasons: refusals,
      grants: [],
      approvals: [],
    }
  }
  const bare = judge(program, action.type, facts)
  const covers = bare.verdict === 'deny' ? coversOf(ledger, program, subject, now) : NO_COVERS
  const lifted = lift(program, facts, bare, covers)
  const approved = approve({ verdict: lifted.verdict, findings: bare.findings }, approvals)
  const judgement = { verdict: approved.verdict, findings: bare.findings }
  const notClear = judgement.findings.notClear()
  const reasons =
    notClear.length === 0
      ? NO_REASONS
      : notClear
          .filter((found) => found.rule.mode === 'enforce')
          .map((found) => explain(program, facts, found))
  const inexact = inexactness(ledger, subject).filter(({ code }) => !isSaid(code, judgement.verdict, reasons))
  const verdict = inexact.length > 0 ? 'deny' : judgement.verdict
  return {
    action,
    subject,
    facts,
    judgement,
    verdict,
    reasons:
      reasons.length === 0 && inexact.length === 0
        ? NO_REASONS
        : [...reasonsBeside(reasons, [], approved.uses), ...inexact].toSorted(bySeverity),
    grants: verdict === 'deny' ? [] : lifted.uses,
    approvals: verdict === 'deny' ? [] : approved.uses,
  }
}

const NO_REASONS: readonly Reason[] = []

/** Whether a rule denies by the name of what the engine would refuse, and so says it in its place. One that only warns, or that was lifted or approved, does not. */
export function isSaid(code: string, verdict: Judgement['verdict'], reasons: readonly Reason[]): boolean {
  return verdict === 'deny' && reasons.some((reason) => reason.code === code && reason.effect === 'forbid')
}

/** The reasons that are left where `grants` were used and `approvals` drawn on: what a grant lifts is none, nor is an escalation that was approved. */
export function reasonsBeside(
  reasons: readonly Reason[],
  grants: readonly GrantUse[],
  approvals: readonly ApprovalUse[],
): readonly Reason[] {
  if (grants.length === 0 && approvals.length === 0) return reasons
  const lifted = new Set<string | null>(grants.map(({ rule }) => rule))
  const approved = new Set<string | null>(approvals.flatMap(({ rules }) => rules))
  return reasons.filter(
    ({ rule, effect }) => !lifted.has(rule) && !(effect === 'escalate' && approved.has(rule)),
  )
}

const NO_APPROVALS: readonly ApprovalUse[] = []

/** What denies comes first; breaches before unknowns; then by rule. */
function bySeverity(a: Reason, b: Reason): number {
  const rank = ({ effect, result }: Reason): number =>
    ['forbid', 'escalate', 'warn'].indexOf(effect) * 2 + (result === 'breach' ? 0 : 1)
  return rank(a) - rank(b) || (a.code < b.code ? -1 : 1)
}

/** A reason that no rule gives. */
export function refusal(
  code: RefusalCode,
  observed: Reason['observed'],
  missing?: readonly string[],
): Reason {
  return {
    rule: null,
    code,
    title: REFUSALS[code],
    effect: 'forbid',
    result: missing === undefined ? 'breach' : 'unknown',
    observed,
    limit: null,
    headroom: null,
    unit: null,
    cites: [],
    ...(missing === undefined
      ? {}
      : { missing: missing.map((fact) => ({ fact, ageMs: null, maxAgeMs: null })) }),
  }
}

function refusalsBefore(ledger: Ledger, program: Program, subject: Subject, facts: Facts): Reason[] {
  const { action, account, instrument, order } = subject
  const reasons: Reason[] = []
  // A cancel stays possible whatever is not known: what is known to be another's order is not the agent's to cancel.
  if (action.type === 'cancel') {
    if (!mayCancel(ledger, subject.agent, action.order)) reasons.push(refusal('CANCEL_FOREIGN', action.order))
  } else {
    if (account !== undefined && !ledger.accounts.has(account) && !ledger.portfolios.has(account))
      reasons.push(refusal('ACCOUNT_UNKNOWN', account))
    if ('instrument' in action && instrument === undefined)
      reasons.push(refusal('INSTRUMENT_UNKNOWN', action.instrument))
    else if (action.type === 'replace' && order === undefined)
      reasons.push(refusal('ORDER_UNKNOWN', action.order))
    if (action.type === 'replace' && action.limitPrice !== undefined && order?.orderType === 'market') {
      reasons.push(refusal('LIMIT_PRICE_UNEXPECTED', action.limitPrice))
    }
    if (action.type === 'replace' && keepsUnknownPrice(action, order))
      reasons.push(refusal('LIMIT_PRICE_UNKNOWN', action.order))
    if (ledger.agents.get(subject.agent)?.retiredAt !== undefined)
      reasons.push(refusal('AGENT_RETIRED', subject.agent))
    const foreign = foreignTo(ledger, subject)
    if (foreign !== undefined) reasons.push(refusal('OWNER_DIFFERS', foreign))
    if (!strategyAllowed(ledger, subject))
      reasons.push(refusal('STRATEGY_UNREGISTERED', order?.strategy ?? null))
  }
  if (order?.parent !== undefined && instrument !== undefined && !fitsParent(ledger, subject, instrument.lot))
    reasons.push(refusal('PARENT_CONFLICT', parentName(order.parent.key)))
  if (order?.basket !== undefined && !fitsBasket(ledger, subject, program.constitution))
    reasons.push(refusal('BASKET_CONFLICT', parentName(order.basket.key)))
  if (reasons.length > 0) return reasons
  const missing = missingRequired(program, action.type, facts)
  return missing.length === 0 ? [] : [refusal('FACT_UNAVAILABLE', null, missing)]
}

/** Whether a replacement names no price, so that the venue keeps the one that it has, and which that is nobody knows: of another replacement nobody may know yet whether it was sent. */
function keepsUnknownPrice(
  { limitPrice }: Extract<Action, { type: 'replace' }>,
  order: Subject['order'],
): boolean {
  return limitPrice === undefined && order?.orderType === 'limit' && (order.replaces?.pending.length ?? 0) > 0
}

/**
 * Whether an order can be a child of the parent it names: of the same instrument, side and strategy, and of the quantity that its first child declared, in whole
 * lots. A replacement declares none, and stays what its order was.
 */
function fitsParent(ledger: Ledger, subject: Subject, lot: number): boolean {
  const { order } = subject
  if (order?.parent === undefined) return true
  const { parent, instrument, side, replaces } = order
  const declared = parent.quantity === undefined ? undefined : wholeSteps(parent.quantity, lot)
  const known = ledger.parents.get(parent.key)
  if (known === undefined) return declared !== undefined
  if (known.instrument !== instrument || known.side !== side) return false
  return (
    replaces !== undefined || (known.quantity === declared && known.strategy === strategyOf(ledger, subject))
  )
}

/** Quantities are whole lots and prices whole ticks: what is not cannot be counted exactly, whatever the rules say. */
function inexactness(ledger: Ledger, { order, instrument }: Subject): Reason[] {
  if (order === undefined || instrument === undefined) return []
  const reasons: Reason[] = []
  const { quantity, limitPrice } = order
  if (isMultiple(quantity, instrument.lot) !== true) reasons.push(refusal('OFF_LOT', quantity))
  else if (!isHeldExactly(ledger, order, instrument.lot)) reasons.push(refusal('OUT_OF_RANGE', quantity))
  if (limitPrice !== undefined && isMultiple(limitPrice, instrument.tick) !== true)
    reasons.push(refusal('OFF_TICK', limitPrice))
  return reasons
}

/** Whether the order, alone and with all that is open beside it, is a number of lots below 2^53. */
function isHeldExactly(ledger: Ledger, order: ProposedOrder, lot: number): boolean {
  const lots = wholeSteps(order.quantity, lot)
  return lots !== undefined && Number.isSafeInteger(openLots(ledger, order) + lots)
}

/** The quantity below the proposed one that would pass, and pass without a vote: what is put to the vote is what an agent asks, and nothing else. */
export function headroomOf(court: Court, judged: Judged): Headroom | null {
  const { action, subject, facts, judgement } = judged
  const { order, instrument } = subject
  const { ledger, program, now, approvals = NO_APPROVALS } = court
  if (order === undefined || instrument === undefined || judgement.findings.length === 0) return null
  const { lot } = instrument
  // What the engine itself refuses is refused at every quantity, unless it is the quantity that is refused.
  const whole = inexactness(ledger, subject).some(({ code }) => code === 'OFF_TICK')
    ? undefined
    : stepsWithin(order.quantity, lot)
  if (whole === undefined) return { quantity: null, largest: false }
  const offLot = wholeSteps(order.quantity, lot) === undefined
  const at = varying(program, action.type, facts)
  const sizedAt = (lots: number): Subject =>
    subjectOf(ledger, subject.agent, withQuantity(action, fromSteps(lots, lot)))
  const readOf = (sized: Subject): Read => measure(ledger, sized, program.constitution, now)
  const covers = coversOf(ledger, program, subject, now)
  const verdictWith = (of: Facts): Judgement['verdict'] => {
    const found = judge(program, action.type, of)
    const { verdict } = lift(program, of, found, covers)
    return approve({ verdict, findings: found.findings }, approvals).verdict
  }
  const passed = (of: Facts): boolean => {
    const bare = verdictOf(program, action.type, of)
    const helped = bare === 'deny' ? covers.length > 0 : bare === 'pending' && approvals.length > 0
    return (helped ? verdictWith(of) : bare) === 'allow'
  }
  const passes = (lots: number): boolean => passed(at(readOf(sizedAt(lots))))
  const { byQuantity } = program.actions[action.type]
  const monotone = program.actions[action.type].monotone && staysMonotone(program, covers)
  // The search goes by the windows of the order as asked. Whether just this quantity went out a moment ago is asked of what was found.
  const passesWhole = (lots: number): boolean => {
    const sized = sizedAt(lots)
    return passed(gatherFor(program, sized, readOf(sized), now))
  }
  const found = narrow(offLot ? whole + 1 : whole, monotone, passes)
  if (found === undefined || (byQuantity && !passesWhole(found.lots)))
    return { quantity: null, largest: false }
  // The search takes what it begins at as refused, and the next whole lot above a broken one need not be.
  const startPasses = offLot && found.lots === whole && passes(whole + 1)
  const nextPasses = byQuantity && found.lots < whole && passesWhole(found.lots + 1)
  return {
    quantity: fromSteps(found.lots, lot),
    largest: found.largest && !startPasses && !nextPasses,
  }
}

/** The same action for another quantity, in instrument units. */
export function withQuantity(action: Action, quantity: number): Action {
  return action.type === 'order' || action.type === 'replace' ? { ...action, quantity } : action
}

/** The findings and facts of a judgement as they are recorded. */
export function trialOf(program: Program, { action, facts, judgement }: Judged): LiveTrial {
  return new LiveTrial(program, action.type, facts, judgement.findings)
}
