/** Holds the journal of one of several partitions against what is this one's to decide: a second look, from the records alone. */
import { nameOfPartition, partitionOf, type Partition } from '../protocol/partition.ts'
import { DEFAULT_OWNER } from '../protocol/account.ts'
import type { AgentRegistration } from '../protocol/agent.ts'
import type { Event } from '../protocol/event.ts'
import type { Subject } from '../protocol/proposal.ts'
import { NEVER } from '../ledger/track-record.ts'
import { placeOf } from '../protocol/taken.ts'
import { isForOthers } from './halts.ts'
import { isForAll } from './placing.ts'

export class PartitionAudit {
  readonly #ofAccounts = new Map<string, string>()
  readonly #ofAgents = new Map<string, string>()
  readonly #ofStrategies = new Map<string, string>()
  /** Halts for all that had no name in all of them yet. */
  readonly #onTheirWay = new Set<string>()
  /** The last day that was told, by agent. */
  readonly #rated = new Map<string, number>()
  /** `undefined` where the journal is of all owners. */
  #partition: Partition | undefined
  #records = 0
  #followed = 0

  /** Takes the next record; answers why it does not belong into this journal; `undefined` where it does. */
  take(event: Event): string | undefined {
    this.#records += 1
    if (event.type === 'promoted' && event.partition !== undefined) {
      if (this.#records > 1) return 'a journal is of one partition from its first record on'
      this.#partition = event.partition
    }
    const partition = this.#partition
    if (partition === undefined)
      return event.type === 'followed' ? 'there is no other partition that could be followed' : undefined
    return this.#problemOf(event, partition)
  }

  #problemOf(event: Event, { number, of }: Partition): string | undefined {
    if (number > 0 && isOfFirst(event))
      return `\`${event.type}\` is recorded by ${nameOfPartition(0)} and followed here`
    switch (event.type) {
      case 'halted':
        if (isForOthers({ id: event.halt, scope: event.scope })) this.#onTheirWay.add(event.halt)
        return undefined
      case 'resumed':
        return this.#onTheirWay.has(event.halt)
          ? `\`${event.halt}\` is for all partitions, and was lifted by a name that only this one has`
          : undefined
      case 'followed': {
        const { after, record } = event
        const before = this.#followed
        this.#followed = record
        if (number === 0) return `${nameOfPartition(0)} follows nobody`
        if (after !== before || record <= after)
          return `record ${record} follows ${after}, and ${before} was followed last`
        const said = event.event
        if (said === undefined) return undefined
        const { type } = said
        return isForAll(said)
          ? this.#fix(said)
          : `\`${type}\` of ${nameOfPartition(0)} is its own, and was followed`
      }
      case 'proposed':
      case 'decided':
        return this.#elsewhere('agent', event.decision.request.agent, this.#ofAgents, { number, of })
      case 'observed':
        return 'account' in event.observation
          ? this.#elsewhere('account', event.observation.account, this.#ofAccounts, { number, of })
          : undefined
      case 'adopted':
        return this.#elsewhere('account', event.account, this.#ofAccounts, { number, of })
      default:
        return this.#fix(event)
    }
  }

  #elsewhere(
    what: string,
    name: string,
    owners: ReadonlyMap<string, string>,
    { number, of }: Partition,
  ): string | undefined {
    const owner = owners.get(name)
    if (owner === undefined) return `${what} \`${name}\` has no owner here`
    const home = partitionOf(owner, of)
    return home === number
      ? undefined
      : `${what} \`${name}\` of \`${owner}\` belongs to ${nameOfPartition(home)}`
  }

  /** Owners are for good. */
  #fix(event: Event): string | undefined {
    if (event.type === 'rated') return this.#rate(event)
    if (event.type === 'owned') return fix(this.#ofAccounts, event.account, event.owner)
    return event.type === 'registered' ? this.#fixAgent(event.registration) : undefined
  }

  /** Each day is told once, in its order. */
  #rate({ partition, days }: Extract<Event, { type: 'rated' }>): string | undefined {
    for (const { agent, day } of days) {
      const home = partitionOf(this.#ofAgents.get(agent) ?? '', this.#partition?.of ?? 1)
      if (home !== partition)
        return `${nameOfPartition(partition)} told how \`${agent}\` of ${nameOfPartition(home)} did`
      const before = this.#rated.get(agent) ?? NEVER
      if (day <= before) return `day ${day} of \`${agent}\` was told after day ${before}`
      this.#rated.set(agent, day)
    }
    return undefined
  }

  #fixAgent({ agent, owner = DEFAULT_OWNER, strategies }: AgentRegistration): string | undefined {
    const problems = strategies.map((strategy) => fix(this.#ofStrategies, strategy, owner))
    return fix(this.#ofAgents, agent, owner) ?? problems.find((problem) => problem !== undefined)
  }
}

/** Whether the first partition alone may record it: what is for all, but for what another asks and lifts of its own. */
function isOfFirst(event: Event): boolean {
  if (!isForAll(event)) return false
  switch (event.type) {
    case 'asked':
      return event.rounds.some(({ proposal }) => isOnAll(proposal.subject))
    case 'certified':
      return isOnAll(event.certificate.proposal.subject)
    case 'resumed':
      return placeOf(event.halt) !== undefined
    default:
      return true
  }
}

function isOnAll(subject: Subject): boolean {
  return subject.kind !== 'resume' || placeOf(subject.halt) !== undefined
}

function fix(owners: Map<string, string>, name: string, owner: string): string | undefined {
  const before = owners.get(name) ?? owner
  owners.set(name, owner)
  return before === owner ? undefined : `\`${name}\` was \`${before}\`’s and became \`${owner}\`’s`
}
