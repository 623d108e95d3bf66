/**
 * Holds the order in which halts are raised, asked about and lifted: what rules raise over an action comes into force with it, and nobody lifts what he was not
 * asked about. From the records alone.
 */
import { canonicalJson } from '../base/canonical-json.ts'
import type { Certificate } from '../protocol/certificate.ts'
import type { Event } from '../protocol/event.ts'

type Of<T extends Event['type']> = Extract<Event, { type: T }>

interface InForce {
  /** What it stops, as text. */
  readonly what: string
  /** The place among what was taken at which it was raised last. */
  readonly raised: number
  /** Operators who asked to lift it since. */
  readonly operators: Set<string>
}

export class HaltAudit {
  readonly #inForce = new Map<string, InForce>()
  /** The place at which agents were asked, by proposal. */
  readonly #asked = new Map<string, number>()
  readonly #find: (certificate: string) => Certificate | undefined
  /** What was raised over the last action, as text, and by what over which: the records after it put it in force. */
  readonly #owed = new Map<string, string>()
  #place = 0

  /** `find` gives the certificate with a hash, where one that stands was recorded. */
  constructor(find: (certificate: string) => Certificate | undefined) {
    this.#find = find
  }

  /** Takes the next record, or what another partition recorded where `isFollowed`: that may be about a halt that is in force there alone. Answers what is wrong with the halt that it raises, asks about or lifts, `undefined` where nothing is. */
  take(event: Event, isFollowed = false): string | undefined {
    const owed = isFollowed ? undefined : this.#stillOwed(event)
    return this.#take(event, isFollowed) ?? owed
  }

  /** What the action before raised and nothing put in force, once a record comes that does not follow from it. */
  #stillOwed(event: Event): string | undefined {
    if (event.type === 'halted') this.#owed.delete(whatOf(event))
    // After a torn write a new home says first that it is one, and then puts in force what is owed.
    if (['halted', 'tuningStopped', 'promoted'].includes(event.type)) return undefined
    const [problem] = this.#owed.values()
    this.#owed.clear()
    if (event.type === 'decided' || event.type === 'proposed')
      for (const raised of event.decision.raised)
        if (![...this.#inForce.values()].some(({ what }) => what === whatOf(raised)))
          this.#owed.set(
            whatOf(raised),
            `\`${raised.rule}\` raised \`${raised.state}\` over \`${event.decision.decision}\`, and it did not come into force`,
          )
    return problem
  }

  #take(event: Event, isFollowed: boolean): string | undefined {
    this.#place += 1
    switch (event.type) {
      case 'halted': {
        const { halt, replaces } = event
        const what = whatOf(event)
        const before = this.#inForce.get(replaces ?? halt)
        if (replaces !== undefined) this.#inForce.delete(replaces)
        this.#inForce.set(halt, { what, raised: this.#place, operators: new Set() })
        if (replaces !== undefined && before === undefined)
          return `\`${halt}\` was raised in the place of \`${replaces}\`, which was not in force`
        return before === undefined || before.what === what
          ? undefined
          : `\`${replaces ?? halt}\` was raised again, and as something else`
      }
      case 'asked':
        for (const { proposal } of event.rounds) {
          if (proposal.subject.kind !== 'resume') continue
          this.#asked.set(proposal.proposal, this.#place)
          if (!isFollowed && !this.#inForce.has(proposal.subject.halt))
            return `\`${proposal.proposal}\` asks about \`${proposal.subject.halt}\`, which is not in force`
        }
        return undefined
      case 'resumed':
        return isFollowed && !this.#inForce.has(event.halt) ? undefined : this.#resumed(event)
      default:
        return undefined
    }
  }

  #resumed({ halt, operator, certificate }: Of<'resumed'>): string | undefined {
    const held = this.#inForce.get(halt)
    if (held === undefined) return `\`${halt}\` was lifted, and it was not in force`
    if (certificate === undefined) {
      if (held.operators.has(operator)) return `\`${operator}\` asked twice to lift \`${halt}\``
      held.operators.add(operator)
      if (held.operators.size >= 2) this.#inForce.delete(halt)
      return undefined
    }
    this.#inForce.delete(halt)
    const proposal = this.#find(certificate)?.proposal.proposal ?? ''
    const asked = this.#asked.get(proposal)
    return asked === undefined || asked > held.raised
      ? undefined
      : `\`${halt}\` was lifted by a quorum, and it was raised again since \`${proposal}\` was asked`
  }
}

/** What a halt stops, as text. */
function whatOf({ scope, state }: Pick<Of<'halted'>, 'scope' | 'state'>): string {
  return canonicalJson({ scope, state })
}
