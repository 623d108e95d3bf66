/** Holds what a quorum or two people let happen against what the journal says of them: halts lifted, exceptions, other constitutions and policies. */
import { canonicalJson } from '../base/canonical-json.ts'
import { isIn } from '../consensus/weights.ts'
import type { Certificate } from '../protocol/certificate.ts'
import type { Event, TimedEvent } from '../protocol/event.ts'
import type { Group } from '../protocol/policy.ts'
import { matterOf, type Subject } from '../protocol/proposal.ts'
import type { Voter } from '../protocol/roster.ts'
import { ACTIVATING } from './asking.ts'
import { changeIn, isSameChange, type Enacted } from './consent.ts'
import { HaltAudit } from './halt-audit.ts'
import { movesOrders } from './optimizer.ts'

/** A certificate that was recorded and stands, and what became of it. */
export interface Standing {
  readonly certificate: Certificate
  /** Whether it was cancelled or withdrawn after it was approved. */
  readonly isStopped: boolean
  /** Whether another constitution came into force since it was asked for. */
  readonly isLapsed: boolean
}

type Of<T extends Event['type']> = Extract<Event, { type: T }>

export class ConsentAudit {
  /** Agents that serve and have a key. */
  readonly #voters = new Map<string, Pick<Voter, 'role' | 'field'>>()
  readonly #agents = new Set<string>()
  readonly #requests = new Map<string, Of<'requested'>>()
  readonly #grants = new Map<string, Of<'grantProposed'>>()
  /** Certificates that had their effect. */
  readonly #spent = new Set<string>()
  readonly #find: (certificate: string) => Standing | undefined
  readonly #halts: HaltAudit
  /** Who decides on changes, by the policies in force. */
  #deciding: readonly Group[] | undefined
  #hasConstitution = false

  /** `find` gives the certificate with a hash, where one that stands was recorded. */
  constructor(find: (certificate: string) => Standing | undefined) {
    this.#find = find
    this.#halts = new HaltAudit((certificate) => find(certificate)?.certificate)
  }

  /** Takes the next record, or what another partition recorded where `isFollowed`; answers for what it had no consent, `undefined` where it needed none or had it. */
  take({ at, event }: TimedEvent, isFollowed = false): string | undefined {
    const problem = this.#halts.take(event, isFollowed)
    // Whether it was in time is told by the clock of who put it in force.
    return this.#take(event, isFollowed ? undefined : at) ?? problem
  }

  #take(event: Event, at: number | undefined): string | undefined {
    switch (event.type) {
      case 'registered': {
        const { agent, role, field = null, publicKey } = event.registration
        this.#agents.add(agent)
        if (publicKey === undefined) this.#voters.delete(agent)
        else this.#voters.set(agent, { role, field })
        return undefined
      }
      case 'retired':
        this.#voters.delete(event.agent)
        return undefined
      case 'requested':
        this.#requests.set(matterOf(event.subject), event)
        return undefined
      case 'resumed':
        return this.#resumed(event)
      case 'grantProposed':
        this.#grants.set(event.grant, event)
        return undefined
      case 'grantApproved':
        return this.#granted(event)
      case 'activated': {
        const problem = this.#changed(event, at)
        this.#hasConstitution = true
        this.#requests.clear()
        return problem
      }
      case 'quorate': {
        const problem = this.#changed(event, at)
        this.#requests.delete('policies consensus')
        this.#deciding = event.policies.find(({ name }) => name === ACTIVATING)?.voters
        return problem
      }
      case 'routed': {
        const problem = this.#changed(event, at)
        this.#requests.delete('policies routing')
        return problem
      }
      case 'steered': {
        const problem = movesOrders(event.content) ? this.#changed(event, at) : undefined
        this.#requests.delete('policies optimizer')
        return problem
      }
      default:
        return undefined
    }
  }

  #resumed({ halt, operator, reason, rebase, certificate }: Of<'resumed'>): string | undefined {
    if (certificate === undefined) return undefined
    const subject: Subject = { kind: 'resume', halt, reason, ...(rebase === undefined ? {} : { rebase }) }
    const problem = this.#problemOf(
      certificate,
      (approved) => canonicalJson(approved) === canonicalJson(subject),
    )
    const asked = this.#find(certificate)?.certificate.proposal.agent
    const other = asked === operator ? undefined : `\`${asked ?? ''}\` asked for it`
    return told(`\`${halt}\` was lifted by a quorum`, problem ?? other)
  }

  #granted({ grant, by, certificate }: Of<'grantApproved'>): string | undefined {
    const what = `\`${grant}\` was approved`
    const proposed = this.#grants.get(grant)
    if (certificate === undefined)
      return told(what, proposed?.proposal && `by \`${by}\`, and \`${proposed.proposal}\` decides it`)
    if (proposed === undefined) return told(what, 'it was not proposed')
    const { terms, reason } = proposed
    const subject: Subject = { kind: 'grant', grant, terms, reason }
    return told(
      what,
      this.#problemOf(certificate, (approved) => canonicalJson(approved) === canonicalJson(subject)),
    )
  }

  #changed(event: Enacted, at: number | undefined): string | undefined {
    const { certificate, first, by } = event
    const change = changeIn(event)
    const what =
      change.kind === 'activation' ? `\`${change.constitution}\` came into force` : 'policies came into force'
    const isSame = (subject: Subject): boolean => isSameChange(subject, change)
    if (certificate !== undefined) return told(what, this.#problemOf(certificate, isSame, at))
    if (first !== undefined) {
      const asked = this.#requests.get(matterOf(change))
      if (
        asked === undefined ||
        asked.by !== first.by ||
        asked.reason !== first.reason ||
        !isSame(asked.subject)
      )
        return told(what, `\`${first.by}\` did not ask for just this`)
      if (at !== undefined && at >= asked.until)
        return told(what, `\`${first.by}\` asked for it too long ago`)
      const name = [by, first.by].find((one) => this.#agents.has(one))
      if (name !== undefined) return told(what, `\`${name}\` is an agent’s name`)
      return told(what, by === first.by ? `\`${by}\` is one person` : undefined)
    }
    const deciding = this.#deciding
    const canVote = [...this.#voters.values()].some(
      (voter) => deciding !== undefined && isIn(deciding, voter),
    )
    return told(
      what,
      this.#hasConstitution && canVote ? `by \`${by}\` alone, and there are agents to ask` : undefined,
    )
  }

  /** Why a certificate is not the word of a quorum on what `isThis` tells, or not any more. */
  #problemOf(hash: string, isThis: (subject: Subject) => boolean, at?: number): string | undefined {
    const found = this.#find(hash)
    if (found === undefined) return 'no such certificate that stands was recorded before'
    const { certificate, isStopped, isLapsed } = found
    const { envelope, outcome, proposal } = certificate
    if (envelope === null) return `it was ${outcome}`
    if (!isThis(proposal.subject)) return 'the certificate is of something else'
    if (isStopped) return 'the approval was taken back'
    if (isLapsed) return 'another constitution came into force since it was asked for'
    if (at !== undefined && at >= envelope.until) return 'the approval was over'
    if (this.#spent.has(hash)) return 'the certificate had its effect before'
    this.#spent.add(hash)
    return undefined
  }
}

function told(what: string, problem: string | undefined): string | undefined {
  return problem === undefined || problem === '' ? undefined : `${what}, and ${problem}`
}
