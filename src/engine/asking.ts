/** Puts to the vote what no action waits for, and does what follows: lifting a halt, an exception to a rule, a change of what is judged or voted by. */
import { digestOf } from '../base/hash.ts'
import { refuse, type Refusal } from '../consensus/refusal.ts'
import { openRound } from '../consensus/round.ts'
import type { ClosedRound, OpenRound } from '../consensus/round-state.ts'
import { addRound } from '../consensus/rounds.ts'
import { stateOf } from '../ledger/grants.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { Event, OpenedRound } from '../protocol/event.ts'
import type { Policy } from '../protocol/policy.ts'
import { isChange, matterOf, type Proposal, type Subject } from '../protocol/proposal.ts'
import { serialId } from './placing.ts'
import { rosterOf } from './rosters.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

/** What agents are asked. */
export type Asked = Extract<Event, { type: 'asked' }>

/** The policies that decide what no action waits for. */
export const RESUMING = 'resume-after-halt'
export const ACTIVATING = 'constitution-activation'
export const GRANTING = 'grants'

/** Changes that agents approved and that are not in force yet, at one time. */
const RESOLUTIONS_MAX = 100

/** A round as it would open now on `proposal`, by the agents as they are; or why it cannot. */
export function openedOn(state: State, proposal: Proposal, policy: Policy, now: number): OpenRound | Refusal {
  const roster = rosterOf(state, proposal, policy, now)
  if ('type' in roster) return roster
  const answers = state.quorum.answers.get(policy.name) ?? []
  return openRound({ proposal, policy, frozen: roster, answers, at: now })
}

export function recordOf({ opening, deadline }: OpenRound): OpenedRound {
  return { proposal: opening.proposal, policy: opening.policy, roster: opening.frozen.roster, deadline }
}

/** The id of a proposal that would be recorded `ahead` records from now. */
export function idOfAsking(state: State, policy: string, ahead = 1): string {
  return `q-${serialId(state, ahead)}.${policy}`
}

interface Question {
  readonly subject: Subject
  readonly policy: string
  /** Who asks. */
  readonly by: string
  /** How many records from now it is recorded: 1 where left out. */
  readonly ahead?: number
}

/** The event by which agents are asked; `undefined` where none can be asked, so that people decide. */
export function ask(
  state: State,
  { subject, policy: name, by, ahead }: Question,
  now: number,
): Asked | Refusal | undefined {
  const { quorum, program, ledger } = state
  const policy = quorum.policies?.byName.get(name)
  if (policy === undefined || program === undefined) return undefined
  const matter = matterOf(subject)
  const open = quorum.rounds.open.find(
    ({ opening: { proposal } }, id) => !quorum.lapsed.has(id) && matterOf(proposal.subject) === matter,
  )
  if (open !== undefined) return refuse('ROUND_EXISTS', `\`${open.opening.proposal.proposal}\` is open`)
  // The roster leaves out who proposes: a name would do to be rid of a vote.
  if (ledger.agents.has(by)) return refuse('PROPOSER_IS_AGENT', `\`${by}\` is registered as an agent`)
  const proposal: Proposal = {
    schema: SCHEMA_VERSION,
    proposal: idOfAsking(state, name, ahead),
    agent: by,
    subject,
    digest: digestOf(subject),
    policy: name,
    rules: [],
    constitution: program.constitution.hash,
    at: now,
  }
  if (isChange(subject)) {
    const standing = quorum.resolutions.count(({ until }) => until > now)
    if (standing >= RESOLUTIONS_MAX)
      return refuse('APPROVALS_FULL', `${standing} changes are approved and not in force`)
  }
  const round = openedOn(state, proposal, policy, now)
  if ('type' in round) return undefined
  // That all rounds are taken is no reason for people to decide: somebody may have taken them for that.
  const added = addRound(quorum.rounds, round)
  if ('type' in added) return added
  return { schema: SCHEMA_VERSION, type: 'asked', by, rounds: [recordOf(round)] }
}

/** The event by which agents are asked to lift a halt; `undefined` where none can be asked, so that operators decide. */
export function askToResume(
  state: State,
  { halt, operator: by, reason, rebase }: Input & { kind: 'resume' },
  now: number,
): Asked | Refusal | undefined {
  const subject: Subject = { kind: 'resume', halt, reason, ...(rebase === true ? { rebase } : {}) }
  return ask(state, { subject, policy: RESUMING, by }, now)
}

/** What follows from the end of a round that no action waits for; nothing where it lapsed: another constitution came into force since it opened, or the halt was raised again. */
export function followsFrom(
  { quorum, ledger }: State,
  round: ClosedRound,
  certificate: string,
  now: number,
): Event | undefined {
  const { proposal } = round.opening
  const { subject, proposal: id, agent } = proposal
  if (quorum.lapsed.has(id)) return undefined
  if (subject.kind === 'resume') {
    if (round.state !== 'approved' || !ledger.halts.has(subject.halt)) return undefined
    const { halt, reason, rebase } = subject
    const asked = { halt, operator: agent, reason, ...(rebase === true ? { rebase } : {}) }
    return { schema: SCHEMA_VERSION, type: 'resumed', ...asked, certificate }
  }
  if (subject.kind !== 'grant') return undefined
  const { grant } = subject
  const waits = ledger.grants.get(grant)
  if (waits === undefined || stateOf(waits, now) !== 'proposed') return undefined
  return round.state === 'approved'
    ? {
        schema: SCHEMA_VERSION,
        type: 'grantApproved',
        grant,
        by: id,
        reason: 'agents approved it',
        certificate,
      }
    : { schema: SCHEMA_VERSION, type: 'grantRevoked', grant, by: id, reason: outcomeOf(round) }
}

/** In a word, what a round came to. */
export function outcomeOf(round: ClosedRound): string {
  return round.state === 'rejected' ? round.reason : round.state
}
