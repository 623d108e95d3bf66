/** Where there are several partitions: which of them takes an input, and how what one of them opens is called. The core refuses what was sent to another. */
import type { ErrorCode } from '../base/errors.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { ownerOfAccount, ownerOfAgent } from '../ledger/owners.ts'
import { placeOf } from '../protocol/taken.ts'
import type { Event, ForAll } from '../protocol/event.ts'
import { nameOfPartition, partitionOf } from '../protocol/partition.ts'
import type { GrantScope } from '../protocol/grant.ts'
import type { Observation } from '../protocol/observation.ts'
import { isChange, type Proposal } from '../protocol/proposal.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

interface Misplaced {
  readonly code: ErrorCode
  readonly detail: string
}

/** What goes before the number in an id, so that two partitions call nothing the same; empty where there is one. */
export function markOf({ ledger: { partition } }: State): string {
  return partition.of === 1 ? '' : `${nameOfPartition(partition.number)}-`
}

/** The place in the lane of halts up to which it must have been taken before `event` of the first partition is followed: nobody lifts a halt before it is in force. */
export function laneBefore(event: ForAll): string | undefined {
  const halts = event.type === 'asked' ? event.rounds.map(({ proposal }) => haltOf(proposal)) : []
  const named = event.type === 'resumed' ? [event.halt] : halts
  return named.map(placeOf).find((place) => place !== undefined)
}

function haltOf({ subject }: Proposal): string {
  return subject.kind === 'resume' ? subject.halt : ''
}

/** An id of a question that no action waits for and that is no exception: those are used in one partition. */
const ASKED_FOR_ALL = /^q-p00-\d+\.(?!grants$)/

/** Whether what the first of several partitions records so is for all of them, and followed by the others. */
export function isForAll(event: Event): event is ForAll {
  switch (event.type) {
    case 'registered':
    case 'owned':
    case 'retired':
    case 'rated':
    case 'requested':
    case 'activated':
    case 'quorate':
    case 'routed':
    case 'policed':
    case 'steered':
    case 'resumed':
      return true
    case 'asked':
      return event.rounds.every(({ proposal }) => isAskedForAll(proposal))
    case 'certified':
      return isAskedForAll(event.certificate.proposal)
    case 'stopped':
      return ASKED_FOR_ALL.test(event.proposal)
    default:
      return false
  }
}

function isAskedForAll({ subject }: Proposal): boolean {
  return isChange(subject) || subject.kind === 'resume'
}

/** The id, after its letter, of what is recorded `ahead` records from now. */
export function serialId(state: State, ahead = 1): string {
  return `${markOf(state)}${state.sequence + ahead}`
}

/** Why an input is not to be handled here; `undefined` where it is, as always where there is one partition. */
export function placing({ ledger }: State, input: Input): Misplaced | undefined {
  if (ledger.partition.of === 1) return undefined
  switch (input.kind) {
    case 'action':
      return ofAgent(ledger, input.request.agent)
    case 'redeem':
      return ofAgent(ledger, input.agent)
    case 'signoff':
      return ofAgent(ledger, input.request.agent)
    case 'adopt':
      return ofAccount(ledger, input.account)
    case 'grant':
      return ofScope(ledger, input.request.scope)
    case 'vote':
      return ofId(ledger, input.vote.round)
    case 'stop':
      return ofId(ledger, input.proposal)
    case 'approve':
    case 'revoke':
      return ofId(ledger, input.grant)
    case 'unsign':
      return ofId(ledger, input.signoff)
    case 'resume':
      return placeOf(input.halt) !== undefined ? ofFirst(ledger, 'a halt of all') : ofId(ledger, input.halt)
    // Two operators at once could else make one account two owners' in two partitions.
    case 'register':
    case 'own':
    case 'retire':
    case 'rate':
      return ofFirst(ledger, 'what is said of agents and accounts')
    // Asked in each, agents would vote as often, and what one approved another could reject.
    case 'quorate':
    case 'route':
    case 'police':
    case 'steer':
    case 'activate':
      return ofFirst(ledger, 'the law')
    case 'follow':
      return ledger.partition.number === 0
        ? wrong(ledger, 'a record of the first partition', undefined)
        : undefined
    // These say something to every partition, each of its observations by itself, or are a home's own.
    case 'observations':
    case 'executions':
    case 'delegate':
    case 'beat':
    case 'halt':
    case 'promote':
    case 'tick':
      return undefined
  }
}

/** Why what is reported of an account is not to be recorded here. */
export function placingOf(ledger: Ledger, observation: Observation): Misplaced | undefined {
  return ledger.partition.of > 1 && 'account' in observation
    ? ofAccount(ledger, observation.account)
    : undefined
}

/** One that is not registered has no owner yet: decided on here, its ids would be decided on again where its owner lies. */
function ofAgent(ledger: Ledger, agent: string): Misplaced | undefined {
  if (!ledger.agents.has(agent))
    return {
      code: 'AGENT_UNKNOWN',
      detail: `\`${agent}\` is not registered here: its owner says where it acts`,
    }
  return ofOwner(ledger, `\`${agent}\``, ownerOfAgent(ledger, agent))
}

function ofAccount(ledger: Ledger, account: string): Misplaced | undefined {
  const owner = ownerOfAccount(ledger, account)
  if (owner === undefined)
    return { code: 'PARTITION_WRONG', detail: `nobody was registered here as the owner of \`${account}\`` }
  return ofOwner(ledger, `\`${account}\``, owner)
}

/** What is granted is used up in one place, so it is for one owner's: an instrument alone is everybody's. */
function ofScope(ledger: Ledger, { agent, account, strategy }: GrantScope): Misplaced | undefined {
  if (agent !== undefined) return ofAgent(ledger, agent)
  if (account !== undefined) return ofAccount(ledger, account)
  const owner = strategy === undefined ? undefined : ledger.runBy.get(strategy)
  if (owner === undefined)
    return {
      code: 'PARTITION_WRONG',
      detail:
        'name an agent, an account or a strategy that is run in `scope`: what is granted is used in one partition',
    }
  return ofOwner(ledger, `\`${strategy ?? ''}\``, owner)
}

function ofOwner(ledger: Ledger, what: string, owner: string): Misplaced | undefined {
  const { number, of } = ledger.partition
  const home = partitionOf(owner, of)
  return home === number ? undefined : wrong(ledger, `${what} of \`${owner}\``, home)
}

function ofFirst(ledger: Ledger, what: string): Misplaced | undefined {
  return ledger.partition.number === 0 ? undefined : wrong(ledger, what, 0)
}

/** What an id says of where it was given; one that says nothing may be a halt that all partitions have, or is known to none. */
const MARKED = /^[a-z]-p(\d{2,3})-/

function ofId(ledger: Ledger, id: string): Misplaced | undefined {
  const marked = MARKED.exec(id)?.[1]
  if (marked === undefined || Number(marked) === ledger.partition.number) return undefined
  return wrong(ledger, `\`${id}\``, Number(marked))
}

function wrong({ partition }: Ledger, what: string, home: number | undefined): Misplaced {
  const there = home === undefined ? 'is for the others' : `belongs to ${nameOfPartition(home)}`
  return {
    code: 'PARTITION_WRONG',
    detail: `${what} ${there}, and this is ${nameOfPartition(partition.number)}`,
  }
}
