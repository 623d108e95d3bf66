/** What a quorum approved: how much of it is left, and which actions lie within it. */
import type { Map } from 'immutable'
import { canonicalJson } from '../base/canonical-json.ts'
import { minus } from '../base/rational.ts'
import { refuse, type Refusal } from '../consensus/refusal.ts'
import type { Program } from '../constitution/compile.ts'
import { parentKey, type Ledger } from '../ledger/ledger.ts'
import { stepAt } from '../optimizer/slice.ts'
import type { Action, ActionRequest } from '../protocol/action.ts'
import type { ApprovalUse, DecisionCore } from '../protocol/decision.ts'

/** What was approved, and how much of it is left. */
export interface Approval {
  readonly certificate: string
  readonly agent: string
  readonly action: Action
  /** The rules that it satisfies, and no others. */
  readonly rules: readonly string[]
  readonly constitution: string
  /** Milliseconds since 1970. */
  readonly until: number
  /** In instrument units, of an order; 1 of anything else that was not done yet, then 0. */
  readonly left: number
  /** Of an order that is sent over a horizon: the parent that the first draw made of it, whose slices are all that it covers from then on. */
  readonly parent: string | undefined
}

/** Approvals of one agent that can be drawn on at one time. */
const APPROVALS_OF_AGENT_MAX = 100
/** Approvals that can be drawn on at one time, with those that open rounds may still make. */
const APPROVALS_MAX = 20_000

/**
 * Why no more may be asked for `agent` at `now`; `undefined` where there is room for what it comes to. Told before a round opens: none that was approved is
 * lost, and none makes room by pushing out another.
 */
export function approvalsFull(
  approvals: Map<string, Approval>,
  open: number,
  agent: string,
  now: number,
): Refusal | undefined {
  // Those that are over are kept until the next is approved, and are looked for only where they could matter.
  if (approvals.size >= APPROVALS_OF_AGENT_MAX) {
    const own = approvals.count((one) => one.agent === agent && one.until > now)
    if (own >= APPROVALS_OF_AGENT_MAX) return refuse('APPROVALS_FULL', `\`${agent}\` can draw on ${own}`)
  }
  if (approvals.size + open < APPROVALS_MAX) return undefined
  const standing = approvals.count(({ until }) => until > now)
  return standing + open < APPROVALS_MAX
    ? undefined
    : refuse('APPROVALS_FULL', `${standing} stand and ${open} rounds are open`)
}

/** All of what was approved, in the unit of `Approval.left`. */
export function wholeOf(action: Action): number {
  return action.type === 'order' ? action.quantity : 1
}

/** What is left of `left` once `action` was done. */
export function leftAfter(left: number, action: Action): number {
  return minus(left, wholeOf(action))
}

/**
 * The approval of `proposal` as it can be drawn on for a request; none where it does not stand: it must be this agent's, under the constitution in force,
 * before its end, and the action must lie within what was approved and is left of it.
 */
export function approvedBy(
  approvals: Map<string, Approval>,
  proposal: string,
  { agent, action }: Pick<ActionRequest, 'agent' | 'action'>,
  { constitution }: Program,
  now: number,
): ApprovalUse[] {
  const approval = approvals.get(proposal)
  if (
    approval === undefined ||
    approval.agent !== agent ||
    approval.constitution !== constitution.hash ||
    now >= approval.until ||
    !liesWithin(action, approval)
  )
    return []
  return [{ proposal, certificate: approval.certificate, rules: [...approval.rules] }]
}

/** The same for a request that names the approval, which must keep the horizon, too, that it was given for: one plan, and no slice of it before its time. */
export function drawnOn(
  { parents }: Pick<Ledger, 'parents'>,
  approvals: Map<string, Approval>,
  proposal: string,
  request: ActionRequest,
  program: Program,
  now: number,
): ApprovalUse[] {
  const approval = approvals.get(proposal)
  return approval === undefined ||
    !keepsHorizon(request.action, request.accept, approval) ||
    !keepsTime(parents, approval, request, now)
    ? []
    : approvedBy(approvals, proposal, request, program, now)
}

/** Whether it is the next slice of the plan that the first draw began, and due: a plan that is over is done, and what is left of it is due. */
function keepsTime(
  parents: Ledger['parents'],
  { parent }: Pick<Approval, 'parent'>,
  { agent, action }: ActionRequest,
  now: number,
): boolean {
  if (parent === undefined || action.type !== 'order') return true
  const schedule = parents.get(parentKey(action.account, agent, parent))?.schedule
  return (
    action.parent?.id === parent && (schedule === undefined || stepAt(schedule.plan, now) >= schedule.next)
  )
}

/** The parent by which an order that was approved for a horizon is sent: its own, where it names none. */
export function parentOf(
  { action, parent }: Pick<Approval, 'action' | 'parent'>,
  { decision, action: sent }: Pick<DecisionCore, 'decision' | 'action'>,
): string | undefined {
  if (parent !== undefined || action.type !== 'order' || action.execution === undefined) return parent
  return (sent.type === 'order' ? sent.parent?.id : undefined) ?? decision
}

/** Whether an action is no more than what was approved: an order of less, or at a better limit, and of the same parent; anything else just as it was. */
export function liesWithin(
  action: Action,
  { action: approved, left }: Pick<Approval, 'action' | 'left'>,
): boolean {
  if (action.type !== 'order' || approved.type !== 'order')
    return left > 0 && canonicalJson(action) === canonicalJson(approved)
  const { quantity, limitPrice, parent, execution: _execution, ...rest } = action
  const { quantity: _most, limitPrice: limit, parent: of, execution: _by, ...same } = approved
  if (quantity > left || canonicalJson(rest) !== canonicalJson(same)) return false
  // One that was approved without is the parent of its slices.
  if (of !== undefined && (parent?.id !== of.id || parent.quantity !== of.quantity)) return false
  if (limit === undefined || limitPrice === undefined) return limit === limitPrice
  return action.side === 'buy' ? limitPrice <= limit : limitPrice >= limit
}

/**
 * Whether an order is asked for over the horizon for which it was approved, and as one that may get a part: what of it is sent now is then for the optimizer to say, where one
 * is in force for it. Slower than was approved is less.
 */
export function keepsHorizon(
  action: Action,
  accept: ActionRequest['accept'],
  { action: approved }: Pick<Approval, 'action'>,
): boolean {
  if (action.type !== 'order' || approved.type !== 'order' || approved.execution === undefined) return true
  const { horizonMs, urgency } = approved.execution
  return (
    action.execution?.horizonMs === horizonMs &&
    action.execution.urgency === urgency &&
    accept?.includes('narrow') === true
  )
}
