/** Questions that are put to the vote: rounds, who votes for whom, decisions that wait, and approvals that still stand. */
import { Map } from 'immutable'
import { answersIn, tooMany, type Answers } from '../consensus/deadline.ts'
import { delegate, revoke } from '../consensus/delegation.ts'
import { frozen } from '../consensus/roster.ts'
import { openRound } from '../consensus/round.ts'
import { addRound, NO_ROUNDS, stepRound, withoutStale, type Rounds } from '../consensus/rounds.ts'
import type { ClosedRound, RoundEvent } from '../consensus/round-state.ts'
import type { Fields } from '../ledger/happening.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { askedFields } from '../ledger/own-actions.ts'
import type { ActionRequest } from '../protocol/action.ts'
import type { Certificate } from '../protocol/certificate.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { Event, ForAll, OpenedRound } from '../protocol/event.ts'
import type { Policy } from '../protocol/policy.ts'
import type { RoutingInForce } from './routing.ts'
import { isChange, matterOf, type Change, type Proposal } from '../protocol/proposal.ts'
import type { Delegation } from '../protocol/roster.ts'
import { leftAfter, parentOf, wholeOf, type Approval } from './approval.ts'

/** A decision that waits for what its rounds come to. */
export interface WaitingDecision {
  readonly request: ActionRequest
  /** The digest of the decision. */
  readonly digest: string
  readonly proposals: readonly string[]
  /** What it is counted under as a message meanwhile. */
  readonly fields: Fields
}

/** A change that a quorum approved, and that is not in force yet: it is checked again when it is put in force. */
export interface Resolution {
  readonly certificate: string
  readonly subject: Change
  /** Who asked. */
  readonly by: string
  /** Milliseconds since 1970. */
  readonly until: number
}

/** A change that one person asked for where nobody could vote; a second makes it take effect. */
export interface Requested {
  readonly subject: Change
  readonly by: string
  readonly reason: string
  /** Milliseconds since 1970. */
  readonly until: number
}

export interface Quorum {
  /** The policies in force; `undefined` where nothing can be put to the vote. */
  readonly policies: { readonly hash: string; readonly byName: Map<string, Policy> } | undefined
  /** How actions are routed to specialists; `undefined` where all are asked. */
  readonly routing: RoutingInForce | undefined
  readonly rounds: Rounds
  readonly delegations: readonly Delegation[]
  /** How the last rounds were answered, by policy in force, from the oldest. */
  readonly answers: Map<string, readonly Answers[]>
  /** By the id of the decision. */
  readonly waiting: Map<string, WaitingDecision>
  /** By proposal: those that can still be drawn on. */
  readonly approvals: Map<string, Approval>
  /** By proposal. */
  readonly resolutions: Map<string, Resolution>
  /** By what they are about: one each. */
  readonly requests: Map<string, Requested>
  /** Rounds that are open and were already when another constitution came into force, or the halt that they are on was raised again: nothing follows from them. */
  readonly lapsed: Map<string, true>
  /** What the first of several partitions has open that is for all, as it was followed: it is counted there. By proposal. */
  readonly followed: Map<string, OpenedRound>
  /** The last halt that agents let that partition lift, as it was followed. */
  readonly lift: { readonly certificate: string; readonly proposal: Proposal } | undefined
  /** The proposal whose round is over and has no certificate yet: that follows in the same group, of which a torn write may keep the beginning alone. */
  readonly uncertified: string | undefined
  /** The decision that waits for no round any more and is not recorded yet, by the same. */
  readonly undecided: string | undefined
}

export const NO_QUORUM: Quorum = {
  policies: undefined,
  routing: undefined,
  rounds: NO_ROUNDS,
  delegations: [],
  answers: Map(),
  waiting: Map(),
  approvals: Map(),
  resolutions: Map(),
  requests: Map(),
  lapsed: Map(),
  followed: Map(),
  lift: undefined,
  uncertified: undefined,
  undecided: undefined,
}

/** The quorum after an event, at `at`; `quorum` itself where the event is none of its affairs. */
export function quorumAfter(before: Quorum, event: Event, at: number, ledger: Ledger): Quorum {
  const quorum = after(before, event, at, ledger)
  if (quorum === before) return before
  const rounds = withoutStale(quorum.rounds)
  return rounds === quorum.rounds ? quorum : { ...quorum, rounds }
}

function after(quorum: Quorum, event: Event, at: number, ledger: Ledger): Quorum {
  switch (event.type) {
    case 'proposed':
      return proposed(quorum, event, at, ledger)
    case 'asked':
      return { ...unrequested(quorum, event.rounds), rounds: opened(quorum.rounds, event.rounds, at) }
    case 'voted': {
      const { vote } = event
      return stepped(quorum, vote.round, { type: 'vote', vote, standing: 'authentic', at })
    }
    case 'stopped': {
      const { proposal, how, by, isOperator } = event
      const next = stepped(
        quorum,
        proposal,
        how === 'withdrawn' ? { type: 'withdraw', by, at } : { type: 'cancel', by, isOperator, at },
      )
      return {
        ...next,
        approvals: next.approvals.delete(proposal),
        resolutions: next.resolutions.delete(proposal),
      }
    }
    case 'certified':
      return certified(quorum, event, at)
    case 'followed':
      return event.event === undefined ? quorum : afterFollowed(quorum, event.event, at, ledger)
    case 'decided':
      return decided(quorum, event.decision)
    case 'delegated':
    case 'revoked': {
      const { from, field } = event
      const { delegations } = quorum
      const next =
        event.type === 'delegated'
          ? delegate(delegations, { from, to: event.to, field }, new Set())
          : revoke(delegations, from, field, new Set())
      if ('type' in next) throw new Error(`invariant: ${next.detail} was checked before it was recorded`)
      return { ...quorum, delegations: next }
    }
    case 'requested': {
      const { subject, by, reason, until } = event
      if (!isChange(subject)) throw new Error(`invariant: a ${subject.kind} is requested by nobody`)
      return { ...quorum, requests: quorum.requests.set(matterOf(subject), { subject, by, reason, until }) }
    }
    case 'activated':
      return superseded(quorum)
    case 'halted': {
      // What was asked before it was raised again was not asked about this.
      const asked = askedOnHalt(quorum, event.halt)
      return asked.isEmpty()
        ? quorum
        : { ...quorum, lapsed: quorum.lapsed.merge(asked.map((): true => true)) }
    }
    case 'routed': {
      const { hash, content } = event
      return { ...withoutMatter(quorum, 'policies routing'), routing: { hash, content } }
    }
    case 'steered':
      return withoutMatter(quorum, 'policies optimizer')
    case 'quorate': {
      const byName = Map(event.policies.map((policy) => [policy.name, policy]))
      return {
        ...withoutMatter(quorum, 'policies consensus'),
        policies: { hash: event.hash, byName },
        answers: quorum.answers.filter((_, name) => byName.has(name)),
      }
    }
    default:
      return quorum
  }
}

/** Proposals by which agents are asked to lift a halt, here or in the first partition, but for those from which nothing follows any more. */
export function askedOnHalt({ rounds, followed, lapsed }: Quorum, halt: string): Map<string, Proposal> {
  const isOn = ({ subject }: Proposal, id: string): boolean =>
    subject.kind === 'resume' && subject.halt === halt && !lapsed.has(id)
  const here = rounds.open.filter(({ opening: { proposal } }, id) => isOn(proposal, id))
  const there = followed.filter(({ proposal }, id) => isOn(proposal, id))
  return here.map(({ opening: { proposal } }) => proposal).merge(there.map(({ proposal }) => proposal))
}

/** After what the first partition recorded for all: its rounds are open and counted there, and what they approved holds here. */
function afterFollowed(quorum: Quorum, event: ForAll, at: number, ledger: Ledger): Quorum {
  switch (event.type) {
    case 'asked': {
      const more = event.rounds.map((round) => [round.proposal.proposal, round] as const)
      return { ...unrequested(quorum, event.rounds), followed: quorum.followed.merge(Map(more)) }
    }
    case 'certified': {
      const { certificate, proposal, envelope } = event.certificate
      const id = proposal.proposal
      const isVoid = envelope === null || quorum.lapsed.has(id)
      const next = { ...quorum, followed: quorum.followed.delete(id), lapsed: quorum.lapsed.delete(id) }
      if (isVoid) return next
      return isChange(proposal.subject)
        ? { ...next, resolutions: resolvedBy(quorum, event.certificate, proposal.subject) }
        : { ...next, lift: { certificate, proposal } }
    }
    case 'stopped':
      return { ...quorum, resolutions: quorum.resolutions.delete(event.proposal) }
    default:
      return after(quorum, event, at, ledger)
  }
}

/** Another constitution is in force: what was approved or asked under the old one is over for good, also when the old one comes back. */
function superseded(quorum: Quorum): Quorum {
  const open = quorum.rounds.open.map((): true => true).merge(quorum.followed.map((): true => true))
  const isIdle = open.isEmpty() && quorum.approvals.isEmpty() && quorum.resolutions.isEmpty()
  if (isIdle && quorum.requests.isEmpty()) return quorum
  return {
    ...quorum,
    approvals: NO_QUORUM.approvals,
    resolutions: NO_QUORUM.resolutions,
    requests: NO_QUORUM.requests,
    lapsed: open,
  }
}

/** Who asks the agents has not asked another person: what they come to is not to be had by a second person's word on what was asked before them. */
function unrequested(quorum: Quorum, asked: readonly OpenedRound[]): Quorum {
  const matters = asked.flatMap(({ proposal: { subject } }) => (isChange(subject) ? [matterOf(subject)] : []))
  return matters.length === 0 ? quorum : { ...quorum, requests: quorum.requests.deleteAll(matters) }
}

/** A change that took effect is asked for no more. */
function withoutMatter(quorum: Quorum, matter: string): Quorum {
  return {
    ...quorum,
    resolutions: quorum.resolutions.filter(({ subject }) => matterOf(subject) !== matter),
    requests: quorum.requests.delete(matter),
  }
}

function proposed(
  quorum: Quorum,
  { decision, rounds: open }: Extract<Event, { type: 'proposed' }>,
  at: number,
  ledger: Ledger,
): Quorum {
  const rounds = opened(quorum.rounds, open, at)
  const waiting = quorum.waiting.set(decision.decision, {
    request: decision.request,
    digest: decision.digest,
    proposals: open.map(({ proposal }) => proposal.proposal),
    fields: askedFields(ledger, decision.request),
  })
  return { ...quorum, rounds, waiting }
}

function opened(before: Rounds, open: readonly OpenedRound[], at: number): Rounds {
  let rounds = before
  for (const { proposal, policy, roster, deadline } of open) {
    const round = openRound({ proposal, policy, frozen: frozen(roster), answers: [], at })
    const more = 'state' in round ? addRound(rounds, { ...round, deadline }) : round
    if ('type' in more) throw new Error(`invariant: ${more.detail} was checked before it was recorded`)
    rounds = more
  }
  return rounds
}

function stepped(quorum: Quorum, proposal: string, event: RoundEvent): Quorum {
  const [rounds] = stepRound(quorum.rounds, proposal, event)
  const isOver = quorum.rounds.open.has(proposal) && !rounds.open.has(proposal)
  return { ...quorum, rounds, uncertified: isOver ? proposal : quorum.uncertified }
}

/** A round is over, by its votes or by its time; what it approved can be drawn on. */
function certified(
  quorum: Quorum,
  { certificate: it }: Extract<Event, { type: 'certified' }>,
  at: number,
): Quorum {
  const { proposal, envelope } = it
  const { subject, proposal: id } = proposal
  // This one alone: another whose time is over too is open until its own certificate is recorded, and what waits for both waits on.
  const closed = stepped(quorum, id, { type: 'tick', at })
  const answers = answersWith(quorum, closed.rounds.closed.get(id))
  const decision = decisionOfProposal(id)
  const waitsOn = closed.waiting.get(decision)?.proposals.some((one) => closed.rounds.open.has(one))
  const next = {
    ...closed,
    lapsed: quorum.lapsed.delete(id),
    answers,
    uncertified: undefined,
    undecided: waitsOn === false ? decision : undefined,
  }
  if (envelope === null || quorum.lapsed.has(id)) return next
  if (isChange(subject)) return { ...next, resolutions: resolvedBy(quorum, it, subject) }
  if (subject.kind !== 'action') return next
  const { action } = subject
  const approval: Approval = {
    certificate: it.certificate,
    agent: proposal.agent,
    action,
    rules: proposal.rules,
    constitution: envelope.constitution,
    until: envelope.until,
    left: wholeOf(action),
    parent: undefined,
  }
  const standing = quorum.approvals.filter(({ until }) => until > at)
  return { ...next, approvals: standing.set(id, approval) }
}

/** The changes that are approved, with one more: those that were over when it was agreed to are left out, whenever and wherever that is followed. */
function resolvedBy(
  { resolutions }: Quorum,
  { certificate, proposal, envelope, closed }: Certificate,
  subject: Change,
): Quorum['resolutions'] {
  const until = envelope?.until ?? 0
  return resolutions
    .filter((one) => one.until > closed)
    .set(proposal.proposal, { certificate, subject, by: proposal.agent, until })
}

/** How rounds were answered, with one more that is over: of policies in force, and as many as are looked at. */
function answersWith({ answers, policies }: Quorum, round: ClosedRound | undefined): Quorum['answers'] {
  const name = round?.opening.policy.name
  if (round === undefined || name === undefined || policies?.byName.has(name) !== true) return answers
  // What somebody broke off tells nothing of those who were asked.
  if (round.state !== 'approved' && round.state !== 'rejected') return answers
  const all = [...(answers.get(name) ?? []), answersIn(round)]
  return answers.set(name, all.slice(tooMany(all)))
}

/** A decision is final: it waits no more, and what it draws on has so much less left. */
function decided(quorum: Quorum, decision: DecisionCore): Quorum {
  const { decision: id, verdict, approvals: used = [], action } = decision
  if (used.length === 0 && !quorum.waiting.has(id)) return quorum
  let { approvals } = quorum
  if (verdict === 'allow' || verdict === 'narrow')
    for (const { proposal } of used) {
      const approval = approvals.get(proposal)
      if (approval === undefined) continue
      const left = leftAfter(approval.left, action)
      const parent = parentOf(approval, decision)
      approvals =
        left > 0 ? approvals.set(proposal, { ...approval, left, parent }) : approvals.delete(proposal)
    }
  const undecided = quorum.undecided === id ? undefined : quorum.undecided
  return { ...quorum, approvals, waiting: quorum.waiting.delete(id), undecided }
}

/** The decision that waits for a proposal. */
function decisionOfProposal(proposal: string): string {
  return `d-${proposal.slice(2).split('.')[0]}`
}
