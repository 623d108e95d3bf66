/** Holds what was set aside against the policy in force, and each use of it against the sidecar that it is for: a second look, from the records alone. */
import { isSameBook, type Allotted, type AllotmentTerms } from '../protocol/allotment.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { Event, TimedEvent } from '../protocol/event.ts'
import { permitEnd } from '../protocol/permit.ts'

interface SetAside {
  readonly agent: string
  readonly allotted: Allotted
  readonly expires: number
  /** `sent` where it was redeemed, or the venue spoke of it. */
  state: 'open' | 'sent' | 'free'
}

export class AllotmentAudit {
  readonly #all = new Map<string, SetAside>()
  #terms: AllotmentTerms | undefined

  /** Takes the next record; answers what is wrong with what it sets aside, uses or frees, `undefined` when nothing is. */
  take({ at, event }: TimedEvent): string | undefined {
    switch (event.type) {
      case 'policed':
        this.#terms = event.content.allotments
        return undefined
      case 'decided':
        return this.#decide(event.decision)
      case 'redeemed':
        return this.#redeem(event, at)
      case 'lapsed':
        return this.#all.has(event.decision)
          ? `\`${event.decision}\` lapsed by the clock of the home, and was set aside: its sidecar says when it is free`
          : undefined
      case 'returned':
        return this.#return(event)
      case 'executed': {
        const known = this.#all.get(event.execution.order)
        if (known?.state === 'open') known.state = 'sent'
        return undefined
      }
      default:
        return undefined
    }
  }

  #decide(decision: DecisionCore): string | undefined {
    const { decision: id, request, verdict, allotted, expires } = decision
    const isAllowed = verdict === 'allow' || verdict === 'narrow'
    if (allotted === undefined)
      return isAllowed && request.allot !== undefined
        ? `\`${id}\` was to be set aside, and is for everybody`
        : undefined
    const problem = isAllowed ? this.#problemOf(decision) : 'it was not allowed'
    this.#all.set(id, { agent: request.agent, allotted, expires: expires ?? 0, state: 'open' })
    return problem && `\`${id}\` was set aside, and ${problem}`
  }

  #problemOf({ request, reducing, grants, approvals, at, expires }: DecisionCore): string | undefined {
    const terms = this.#terms
    if (request.allot === undefined) return 'nobody asked for that'
    if (terms === undefined) return 'the policy in force lets nothing be'
    if (!reducing) return 'it does not certainly reduce'
    if (grants !== undefined || approvals !== undefined) return 'it rests on what may be taken back'
    if (expires !== permitEnd(at, terms.life)) return `its permit does not live for ${terms.life} ms`
    const own = [...this.#all.values()].filter(
      ({ agent, state }) => agent === request.agent && state === 'open',
    )
    return own.length < terms.perAgent ? undefined : `${own.length} of \`${request.agent}\` were already`
  }

  #redeem(
    { decision, allotted, cutOff }: Extract<Event, { type: 'redeemed' }>,
    at: number,
  ): string | undefined {
    const known = this.#all.get(decision)
    if (known === undefined)
      return allotted === undefined && cutOff === undefined
        ? undefined
        : `\`${decision}\` was redeemed as what was set aside, and was not`
    const { state, expires } = known
    known.state = 'sent'
    if (!isSameBook(known.allotted, allotted))
      return `\`${decision}\` was redeemed at \`${allotted?.to ?? 'any'}\`, and was set aside for \`${known.allotted.to}\``
    if (state === 'sent') return `\`${decision}\` was redeemed, and had been sent already`
    // Who was taken for gone may have used it all the same: that is told, and counts.
    if (cutOff === undefined && (state === 'free' || at >= expires))
      return `\`${decision}\` was redeemed, and was ${state === 'free' ? 'free already' : 'over'}`
    return cutOff !== undefined && cutOff >= expires
      ? `\`${decision}\` was redeemed while cut off, and was over`
      : undefined
  }

  #return({ decision, how, allotted, by, reason }: Extract<Event, { type: 'returned' }>): string | undefined {
    const known = this.#all.get(decision)
    if (known === undefined) return `\`${decision}\` came free as what was set aside, and was not`
    if (known.state !== 'open') return `\`${decision}\` came free, and was ${known.state} already`
    known.state = 'free'
    if (!isSameBook(known.allotted, allotted))
      return `\`${decision}\` came free by the word of \`${allotted.to}\`, and was set aside for \`${known.allotted.to}\``
    if (how === 'givenBack' && by !== known.agent)
      return `\`${decision}\` was given back by \`${by ?? 'nobody'}\`, and is \`${known.agent}\`’s`
    return how === 'writtenOff' && (by === undefined || reason === undefined)
      ? `\`${decision}\` was written off without a name and a reason`
      : undefined
  }
}
