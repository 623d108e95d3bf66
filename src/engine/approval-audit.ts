/** Holds every certificate, and every action that drew on one, against what the journal says of the vote: a second look, from the records alone. */
import { canonicalJson } from '../base/canonical-json.ts'
import { digestOf } from '../base/hash.ts'
import { verifyCertificate } from '../consensus/verify-certificate.ts'
import { stepAt } from '../optimizer/slice.ts'
import type { Action } from '../protocol/action.ts'
import type { Certificate } from '../protocol/certificate.ts'
import type { ApprovalUse, DecisionCore } from '../protocol/decision.ts'
import type { Event, OpenedRound, TimedEvent } from '../protocol/event.ts'
import { keepsHorizon, leftAfter, liesWithin, parentOf, wholeOf } from './approval.ts'
import { ConsentAudit } from './consent-audit.ts'

/** A certificate that was recorded, and what can still be drawn on it. */
interface Recorded {
  readonly certificate: Certificate
  left: number
  /** The parent that the first draw fixed, where it is sent over a horizon. */
  parent: string | undefined
  isStopped: boolean
  isLapsed: boolean
}

export class ApprovalAudit {
  /** Public keys as registered last, by agent. */
  readonly #keys = new Map<string, string>()
  /** Hashes of the policies in force, each by itself. */
  #policies = new Set<string>()
  readonly #opened = new Map<string, OpenedRound>()
  readonly #recorded = new Map<string, Recorded>()
  readonly #byHash = new Map<string, Recorded>()
  readonly #consents = new ConsentAudit((hash) => this.#byHash.get(hash))
  /** Proposals that were put to the vote before another constitution came into force. */
  readonly #lapsed = new Set<string>()

  /** Certificates that were recorded and stand. */
  #standing = 0

  get certificates(): number {
    return this.#standing
  }

  /** Takes the next record, or what another partition recorded where `isFollowed`; answers what is wrong with the certificate that it holds, draws on or rests on, `undefined` when nothing is. */
  take(timed: TimedEvent, isFollowed = false): string | undefined {
    const problem = this.#consents.take(timed, isFollowed)
    return this.#take(timed.event) ?? problem
  }

  #take(event: Event): string | undefined {
    switch (event.type) {
      case 'registered': {
        const { agent, publicKey } = event.registration
        if (publicKey === undefined) this.#keys.delete(agent)
        else this.#keys.set(agent, publicKey)
        return undefined
      }
      case 'quorate':
        this.#policies = new Set(event.policies.map(digestOf))
        return undefined
      case 'proposed':
      case 'asked':
        return first(event.rounds.map((round) => this.#open(round)))
      case 'certified':
        return this.#certify(event.certificate)
      case 'stopped': {
        const recorded = this.#recorded.get(event.proposal)
        if (recorded !== undefined) recorded.isStopped = true
        return undefined
      }
      case 'activated':
        for (const recorded of this.#recorded.values()) recorded.isLapsed = true
        for (const id of this.#opened.keys()) this.#lapsed.add(id)
        return undefined
      case 'decided':
        return this.#draw(event.decision)
      default:
        return undefined
    }
  }

  #open(round: OpenedRound): string | undefined {
    const { proposal, policy, roster } = round
    const id = proposal.proposal
    if (this.#opened.has(id)) return `\`${id}\` was put to the vote twice`
    this.#opened.set(id, round)
    if (!this.#policies.has(digestOf(policy)))
      return `\`${id}\` was put to the vote under a policy that was not in force`
    const stranger = roster.voters.find(({ agent, publicKey }) => this.#keys.get(agent) !== publicKey)
    return stranger && `\`${id}\`: the key of \`${stranger.agent}\` is not the one registered`
  }

  #certify(certificate: Certificate): string | undefined {
    const id = certificate.proposal.proposal
    const opened = this.#opened.get(id)
    if (opened === undefined) return `a certificate of \`${id}\`, which was not put to the vote`
    // A second one would let what was approved be drawn on anew.
    if (this.#recorded.has(id)) return `a second certificate of \`${id}\``
    const { subject } = certificate.proposal
    const left = subject.kind === 'action' ? wholeOf(subject.action) : 0
    const found = verifyCertificate(certificate)
    const problems = found.isValid ? [] : found.problems
    const isSame =
      canonicalJson(certificate.proposal) === canonicalJson(opened.proposal) &&
      certificate.rosterHash === digestOf(opened.roster) &&
      certificate.policyHash === digestOf(opened.policy)
    const differs = isSame ? [] : ['it is not of what was put to the vote']
    const all = [...problems, ...differs]
    if (all.length > 0) return `the certificate of \`${id}\` does not stand: ${all.join('; ')}`
    const recorded = {
      certificate,
      left,
      parent: undefined,
      isStopped: false,
      isLapsed: this.#lapsed.has(id),
    }
    this.#recorded.set(id, recorded)
    this.#byHash.set(certificate.certificate, recorded)
    this.#standing += 1
    return undefined
  }

  #draw(decision: DecisionCore): string | undefined {
    const problems = (decision.approvals ?? []).map((use) => {
      const problem = this.#problemOf(use, decision)
      return problem && `\`${use.proposal}\` was drawn on, and ${problem}`
    })
    const { verdict, action } = decision
    if (verdict === 'allow' || verdict === 'narrow')
      for (const { proposal } of decision.approvals ?? []) {
        const recorded = this.#recorded.get(proposal)
        if (recorded === undefined) continue
        recorded.left = leftAfter(recorded.left, action)
        const { subject } = recorded.certificate.proposal
        if (subject.kind === 'action')
          recorded.parent = parentOf({ action: subject.action, parent: recorded.parent }, decision)
      }
    return first(problems)
  }

  #problemOf(
    { proposal, certificate: hash, rules }: ApprovalUse,
    decision: DecisionCore,
  ): string | undefined {
    const recorded = this.#recorded.get(proposal)
    if (recorded === undefined) return 'no certificate of it that stands was recorded before'
    const { certificate, left, isStopped, isLapsed } = recorded
    const { envelope, proposal: approved } = certificate
    if (certificate.certificate !== hash) return 'its certificate is another'
    if (envelope === null) return `it was ${certificate.outcome}`
    if (isStopped) return 'it was cancelled'
    if (isLapsed && envelope.constitution === decision.constitution)
      return 'another constitution came into force since it was put to the vote'
    if (decision.at < certificate.closed || decision.at >= envelope.until) return 'it was over, or not yet'
    if (envelope.constitution !== decision.constitution) return 'it was approved under another constitution'
    if (approved.agent !== decision.request.agent) return `it was approved for \`${approved.agent}\``
    if (canonicalJson(approved.rules) !== canonicalJson(rules))
      return `it is about ${approved.rules.join(', ')}`
    const { subject } = approved
    if (subject.kind !== 'action' || !liesWithin(decision.action, { action: subject.action, left }))
      return `the action is not within what was approved, of which ${left} was left`
    return decision.request.approval === proposal
      ? offHorizon(decision, subject.action, recorded.parent)
      : undefined
  }
}

/** Why a draw does not keep the horizon that was approved, of which slices of `parent` are sent. */
function offHorizon(
  { request, action, tuning, at }: DecisionCore,
  approved: Action,
  parent: string | undefined,
): string | undefined {
  if (!keepsHorizon(request.action, request.accept, { action: approved }))
    return 'it was approved for another horizon'
  if (parent === undefined || action.type !== 'order') return undefined
  if (action.parent?.id !== parent) return `what was approved is sent as slices of \`${parent}\``
  return tuning?.outcome === 'tuned' && tuning.step > stepAt(tuning.plan, at)
    ? `step ${tuning.step} of it was not due`
    : undefined
}

function first(problems: readonly (string | undefined)[]): string | undefined {
  return problems.find((problem) => problem !== undefined)
}
