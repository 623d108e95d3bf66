/** Puts to the vote what the rules escalate, counts the votes, and decides once the rounds are over. */
import { certificateOf } from '../consensus/certificate.ts'
import { digestOf } from '../base/hash.ts'
import { delegate, revoke } from '../consensus/delegation.ts'
import { refuse, type Refusal } from '../consensus/refusal.ts'
import type { ClosedRound, Round, RoundEffect, RoundEvent } from '../consensus/round-state.ts'
import { addRound, nextDeadline, roundOf, stepRound, tickRounds, votedOn } from '../consensus/rounds.ts'
import { verifyVote } from '../consensus/vote.ts'
import type { Program } from '../constitution/compile.ts'
import { stateOf } from '../ledger/grants.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { Action } from '../protocol/action.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { Event, OpenedRound } from '../protocol/event.ts'
import type { Decided } from '../protocol/evidence.ts'
import { measure } from '../ledger/measure.ts'
import { withoutAsked } from '../ledger/own-actions.ts'
import { subjectOf } from '../ledger/subject.ts'
import type { Policy } from '../protocol/policy.ts'
import { isChange, type Proposal, type Subject, type Vote } from '../protocol/proposal.ts'
import { approvalsFull, approvedBy } from './approval.ts'
import { followsFrom, openedOn, outcomeOf, recordOf } from './asking.ts'
import { consequences } from './consequences.ts'
import { decide, type Closed } from './decide.ts'
import type { WaitingDecision } from './quorum.ts'
import { routingOf } from './routing.ts'
import type { ModelOf } from './optimizer.ts'
import type { State } from './state.ts'
import { fold, recorded, refused, type Input, type Step } from './step.ts'
import { wantsTuning } from './tune.ts'
import { isRegistered, serves } from './voters.ts'

/** Decisions of one agent that may wait for rounds at one time. */
const WAITING_MAX = 100

/** The proposal's id: the decision's under another letter, and the policy that decides it. */
function proposalId(decision: string, policy: string): string {
  return `${decision.replace(/^d-/, 'q-')}.${policy}`
}

/** The action as it would be sent: an agent that accepts no parts gets an order whole, whatever its horizon, and nobody votes on what will not be. */
function asSent({ action, request }: DecisionCore): Action {
  if (action.type !== 'order' || wantsTuning(request)) return action
  const { execution: _, ...whole } = action
  return whole
}

/** The event by which a pending decision is put to the vote, a round for each policy that its rules name; or why it cannot be. */
export function propose(
  state: State,
  program: Program,
  decided: Decided,
  now: number,
): Extract<Event, { type: 'proposed' }> | Refusal {
  const { decision, evidence } = decided
  const { request } = decision
  const { quorum } = state
  const waiting = quorum.waiting.count((one) => one.request.agent === request.agent)
  if (waiting >= WAITING_MAX) return refuse('ROUNDS_FULL', `${waiting} of ${request.agent} wait`)
  const full = approvalsFull(quorum.approvals, quorum.rounds.open.size, request.agent, now)
  if (full !== undefined) return full
  const subject: Subject = { kind: 'action', action: asSent(decision) }
  const digest = digestOf(subject)
  const opened: OpenedRound[] = []
  let { rounds } = quorum
  for (const [name, rules] of escalations(program, decision)) {
    const policy = quorum.policies?.byName.get(name)
    if (policy === undefined) return refuse('POLICY_DIFFERS', `\`${name}\``)
    const proposal: Proposal = {
      schema: SCHEMA_VERSION,
      proposal: proposalId(decision.decision, name),
      agent: request.agent,
      subject,
      digest,
      policy: name,
      rules,
      constitution: decision.constitution,
      at: now,
    }
    const round = routedOn(state, program, decision, proposal, policy, now)
    if ('type' in round) return round
    const added = addRound(rounds, round)
    if ('type' in added) return added
    rounds = added
    opened.push(recordOf(round))
  }
  const proposals = opened.map(({ proposal }) => proposal.proposal)
  return {
    schema: SCHEMA_VERSION,
    type: 'proposed',
    decision: { ...decision, proposals },
    evidence,
    rounds: opened,
  }
}

/** The round among those whom the routing policy names; among all where it names nobody, or too few for a round by the policy. */
function routedOn(
  state: State,
  program: Program,
  { action, request }: DecisionCore,
  proposal: Proposal,
  policy: Policy,
  now: number,
): ReturnType<typeof openedOn> {
  const { ledger, quorum } = state
  const read = measure(ledger, subjectOf(ledger, request.agent, action), program.constitution, now)
  const routing = routingOf(quorum.routing, program, policy, action.type, read, now)
  const among = routing && openedOn(state, { ...proposal, routing }, policy, now)
  return among === undefined || 'type' in among ? openedOn(state, proposal, policy, now) : among
}

/** Rules that escalate the decision, by the policy that each of them names. */
function escalations(program: Program, { reasons }: DecisionCore): Map<string, string[]> {
  const rules = new Map(program.constitution.rules.map((rule) => [rule.id, rule]))
  const byPolicy = new Map<string, string[]>()
  for (const { rule: id, effect, result } of reasons) {
    const to = id === null ? undefined : rules.get(id)?.to
    if (id === null || to === undefined || effect !== 'escalate' || result !== 'breach') continue
    byPolicy.set(to, [...(byPolicy.get(to) ?? []), id])
  }
  return byPolicy
}

/** The state after the rounds whose time is over, with the events of their ends and of what was decided by them. */
export function closeDue(state: State, read: number, modelOf: ModelOf): readonly [State, readonly Event[]] {
  // What is recorded now comes after the last record, also where the clock has gone back: no round may close in its fold and not here.
  const now = Math.max(read, state.lastAt)
  const next = nextDeadline(state.quorum.rounds)
  if (next === null || next > now) return [state, []]
  const [rounds, closed] = tickRounds(state.quorum.rounds, now)
  const events: Event[] = []
  let after = state
  for (const { round: id } of closed) {
    const [settled, more] = settle(after, roundOf(rounds, id) as ClosedRound, now, modelOf)
    events.push(...more)
    after = settled
  }
  return [after, events]
}

/** What follows from the end of a round: its certificate, and the decision, once all rounds that it waits for are over. */
function settle(
  state: State,
  round: ClosedRound,
  now: number,
  modelOf: ModelOf,
): readonly [State, readonly Event[]] {
  const certified = {
    schema: SCHEMA_VERSION,
    type: 'certified',
    certificate: certificateOf(round),
  } as const
  const next = fold(state, [certified], now)
  const follows = followsFrom(state, round, certified.certificate.certificate, now)
  if (follows !== undefined) return [fold(next, [follows], now), [certified, follows]]
  const [after, decided] = conclude(next, now, modelOf)
  return [after, [certified, ...decided]]
}

/** The state with the decision that waits for no round any more, where there is one, and its events. */
function conclude(state: State, now: number, modelOf: ModelOf): readonly [State, readonly Event[]] {
  const { rounds: known, waiting: all, undecided } = state.quorum
  const waiting = undecided === undefined ? undefined : all.get(undecided)
  if (waiting === undefined) return [state, []]
  const rounds = waiting.proposals.map((proposal) => roundOf(known, proposal))
  const ended = rounds.filter((one): one is ClosedRound => one !== undefined && one.state !== 'open')
  const decided = release(state, waiting, ended, now, modelOf)
  const [after, more] = consequences(fold(state, [decided], now), decided.decision, now)
  return [after, [decided, ...more]]
}

/** The state with what a torn write left out of the end of a round: its certificate, or the decision that waited for it. */
export function settleTorn(state: State, read: number, modelOf: ModelOf): readonly [State, readonly Event[]] {
  const { rounds, uncertified, undecided } = state.quorum
  if (uncertified === undefined && undecided === undefined) return [state, []]
  const now = Math.max(read, state.lastAt)
  const round = uncertified === undefined ? undefined : roundOf(rounds, uncertified)
  return round === undefined || round.state === 'open'
    ? conclude(state, now, modelOf)
    : settle(state, round, now, modelOf)
}

/** The final verdict: what was approved is judged again, whole; what was not, is denied. */
function release(
  state: State,
  waiting: WaitingDecision,
  rounds: readonly ClosedRound[],
  now: number,
  modelOf: ModelOf,
): Extract<Event, { type: 'decided' }> {
  const { ledger, quorum, optimizer } = state
  const { request, proposals } = waiting
  const program = state.program as Program
  // A round that ended so long ago that it was forgotten may have been rejected.
  const failed =
    rounds.length < proposals.length ? null : rounds.find(({ state: outcome }) => outcome !== 'approved')
  const answer: Closed =
    failed === undefined
      ? { code: 'APPROVAL_LAPSED', why: null, isFinal: false }
      : { code: 'QUORUM_REJECTED', why: failed === null ? 'forgotten' : outcomeOf(failed), isFinal: true }
  const approvals = rounds.flatMap(({ opening }) =>
    approvedBy(quorum.approvals, opening.proposal.proposal, request, program, now),
  )
  const at = rounds[0]?.opening.proposal.at ?? now
  const windows = withoutAsked(ledger.windows, waiting, at)
  const court = { ledger: { ...ledger, windows }, program, now, approvals, desk: { optimizer, modelOf } }
  const { decision, evidence } = decide(court, request, answer)
  return {
    schema: SCHEMA_VERSION,
    type: 'decided',
    decision: { ...decision, proposals: [...proposals] },
    evidence,
  }
}

export function handleVote(
  state: State,
  { vote }: Input & { kind: 'vote' },
  now: number,
  modelOf: ModelOf,
): Step {
  const event: RoundEvent = { type: 'vote', vote, standing: standingOf(state, vote, now), at: now }
  const [rounds, effects] = stepRound(state.quorum.rounds, vote.round, event)
  const refusal = refusalIn(effects)
  if (refusal !== undefined) return refused(state, refusal.code, refusal.detail)
  const after = roundOf(rounds, vote.round) as Round
  const body = { proposal: vote.round, state: after.state }
  if (effects.some(({ type }) => type === 'repeated'))
    return [state, [], [{ kind: 'done', body: { ...body, repeated: true } }]]
  const voted: Event = { schema: SCHEMA_VERSION, type: 'voted', vote }
  const next = fold(state, [voted], now)
  const wasOpen = roundOf(state.quorum.rounds, vote.round)?.state === 'open'
  const [settled, more] = wasOpen && after.state !== 'open' ? settle(next, after, now, modelOf) : [next, []]
  return [settled, [voted, ...more], [{ kind: 'done', body: { ...body, repeated: false } }]]
}

/** What is found of a voter: a key that was changed since the round opened signs for nobody. */
function standingOf({ ledger, quorum }: State, vote: Vote, now: number): 'authentic' | 'forged' | 'retired' {
  const agent = ledger.agents.get(vote.agent)
  if (agent === undefined || !serves(agent, now)) return 'retired'
  const frozen = roundOf(quorum.rounds, vote.round)?.opening.frozen.byName.get(vote.agent)
  if (frozen === undefined || agent.publicKey !== frozen.publicKey) return 'forged'
  return verifyVote(vote, frozen.publicKey) ? 'authentic' : 'forged'
}

export function handleStop(
  state: State,
  { proposal, how, by, isOperator }: Input & { kind: 'stop' },
  now: number,
  modelOf: ModelOf,
): Step {
  const event: RoundEvent =
    how === 'withdrawn' ? { type: 'withdraw', by, at: now } : { type: 'cancel', by, isOperator, at: now }
  const before = roundOf(state.quorum.rounds, proposal)
  const [rounds, effects] = stepRound(state.quorum.rounds, proposal, event)
  const refusal = refusalIn(effects)
  if (refusal !== undefined) return refused(state, refusal.code, refusal.detail)
  if (before?.state === 'approved' && isDone(state, before))
    return refused(
      state,
      'ROUND_CLOSED',
      `what \`${proposal}\` approved is done, or was overtaken: there is nothing left to take back`,
    )
  const stopped: Event = { schema: SCHEMA_VERSION, type: 'stopped', proposal, how, by, isOperator }
  const next = fold(state, [stopped], now)
  const after = roundOf(rounds, proposal) as ClosedRound
  const [settled, more] =
    before?.state === 'open' ? settle(next, after, now, modelOf) : tookBack(next, after, by, now)
  return [settled, [stopped, ...more], [{ kind: 'done', body: { proposal, state: how } }]]
}

/** Whether what was approved has happened: the halt is lifted, the change in force or overtaken by another. */
function isDone({ quorum }: State, { opening }: ClosedRound): boolean {
  const { subject, proposal } = opening.proposal
  return subject.kind === 'resume' || (isChange(subject) && !quorum.resolutions.has(proposal))
}

/** What ends with an approval that is taken back: the exception that it made. An approval that waits to be drawn on is gone by itself. */
function tookBack(
  state: State,
  round: ClosedRound,
  by: string,
  now: number,
): readonly [State, readonly Event[]] {
  const { subject } = round.opening.proposal
  const grant = subject.kind === 'grant' ? state.ledger.grants.get(subject.grant) : undefined
  // One whose last use was drawn on still holds up what is on its way.
  if (grant === undefined || !['live', 'used'].includes(stateOf(grant, now))) return [state, []]
  const reason = 'the approval was taken back'
  const event: Event = { schema: SCHEMA_VERSION, type: 'grantRevoked', grant: grant.id, by, reason }
  return [fold(state, [event], now), [event]]
}

function refusalIn(effects: readonly RoundEffect[]): Refusal | undefined {
  return effects.find((effect): effect is Refusal => effect.type === 'refused')
}

/** An agent gives its votes on a field to another, or takes them back (`to` is null). */
export function handleDelegate(
  state: State,
  { from, to, field }: Input & { kind: 'delegate' },
  now: number,
): Step {
  const { ledger, quorum } = state
  for (const agent of to === null ? [from] : [from, to])
    if (!isRegistered(ledger, agent)) return refused(state, 'AGENT_UNKNOWN', `\`${agent}\` is not registered`)
  const fields = votedOn(quorum.rounds, from)
  const next =
    to === null
      ? revoke(quorum.delegations, from, field, fields)
      : delegate(quorum.delegations, { from, to, field }, fields)
  if ('type' in next) return refused(state, next.code, next.detail)
  const event: Event =
    to === null
      ? { schema: SCHEMA_VERSION, type: 'revoked', from, field }
      : { schema: SCHEMA_VERSION, type: 'delegated', from, to, field }
  return recorded(state, event, now, { agent: from, field })
}
