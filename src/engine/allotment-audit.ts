/** Holds what was set aside against the policy in force, and each use of it against the sidecar that it is for: a second look, from the records alone. */
import { isSameBook, type Allotted, type AllotmentTerms } from '../protocol/allotment.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { Event, TimedEvent } from '../protocol/event.ts'
import { isEnd } from '../protocol/execution.ts'
import { permitEnd } from '../protocol/permit.ts'

interface SetAside {
  readonly agent: string
  readonly allotted: Allotted
  readonly expires: number
  /** `sent` where it was redeemed, or the venue took or filled it; else by whose word it came free. */
  state: 'open' | 'sent' | 'unused' | 'givenBack' | 'writtenOff'
}

export class AllotmentAudit {
  readonly #all = new Map<string, SetAside>()
  /** How many of each agent are open. */
  readonly #open = new Map<string, number>()
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
      case 'executed':
        return this.#execute(event)
      default:
        return undefined
    }
  }

  #decide(decision: DecisionCore): string | undefined {
    const { decision: id, request, verdict, allotted, expires } = decision
    const isAllowed = verdict === 'allow' || verdict === 'narrow'
    if (allotted === undefined) {
      if (!isAllowed) return undefined
      if (request.allot !== undefined) return `\`${id}\` was to be set aside, and is for everybody`
      const isLong = expires !== null && expires > permitEnd(decision.at)
      return isLong
        ? `\`${id}\` has a permit that lives for longer than others, and was not set aside`
        : undefined
    }
    const problem = isAllowed ? this.#problemOf(decision) : 'it was not allowed'
    this.#open.set(request.agent, this.#openOf(request.agent) + 1)
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
    const own = this.#openOf(request.agent)
    return own < terms.perAgent ? undefined : `${own} of \`${request.agent}\` were already`
  }

  #openOf(agent: string): number {
    return this.#open.get(agent) ?? 0
  }

  /** It is not open any more. */
  #become(known: SetAside, state: Exclude<SetAside['state'], 'open'>): void {
    if (known.state === 'open') this.#open.set(known.agent, this.#openOf(known.agent) - 1)
    known.state = state
  }

  #execute({ execution, lots, anomaly }: Extract<Event, { type: 'executed' }>): string | undefined {
    const known = this.#all.get(execution.order)
    if (known === undefined) return undefined
    if (lots > 0 || !isEnd(execution)) this.#become(known, 'sent')
    else if (known.state === 'open' && anomaly !== 'NOT_SENT')
      return `\`${execution.order}\` ended at the venue without the word of its sidecar that it was sent`
    return undefined
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
    this.#become(known, 'sent')
    if (!isSameBook(known.allotted, allotted))
      return `\`${decision}\` was redeemed at \`${allotted?.to ?? 'any'}\`, and was set aside for \`${known.allotted.to}\``
    if (state === 'sent') return `\`${decision}\` was redeemed, and had been sent already`
    // Who was taken for gone may have used it all the same: that is told, and counts. Who said that it was not used may not have.
    const isFree = state !== 'open' && (state !== 'writtenOff' || cutOff === undefined)
    if (isFree) return `\`${decision}\` was redeemed, and was free already`
    if (cutOff === undefined && at >= expires) return `\`${decision}\` was redeemed, and was over`
    return cutOff !== undefined && cutOff >= expires
      ? `\`${decision}\` was redeemed while cut off, and was over`
      : undefined
  }

  #return({ decision, how, allotted, by, reason }: Extract<Event, { type: 'returned' }>): string | undefined {
    const known = this.#all.get(decision)
    if (known === undefined) return `\`${decision}\` came free as what was set aside, and was not`
    const { state } = known
    this.#become(known, how)
    if (state !== 'open')
      return `\`${decision}\` came free, and was ${state === 'sent' ? 'sent' : 'free'} already`
    if (!isSameBook(known.allotted, allotted))
      return `\`${decision}\` came free by the word of \`${allotted.to}\`, and was set aside for \`${known.allotted.to}\``
    if (how === 'givenBack' && by !== known.agent)
      return `\`${decision}\` was given back by \`${by ?? 'nobody'}\`, and is \`${known.agent}\`’s`
    return how === 'writtenOff' && (by === undefined || reason === undefined)
      ? `\`${decision}\` was written off without a name and a reason`
      : undefined
  }
}
