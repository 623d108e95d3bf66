/** Which messages of the inbox were taken, as far as this sidecar can know: so that none that was signed once acts twice, also after another became home. */
import type { Event } from '../protocol/event.ts'

/** Messages that are remembered. */
const MESSAGES_MAX = 100_000

/** Why a message is not taken. */
export interface NotTaken {
  /** `HOME_LOST` where its sender may ask again. */
  readonly code: 'BODY_INVALID' | 'HOME_LOST'
  readonly detail: string
}

export class TakenMessages {
  /** By `SOURCE ID`. */
  readonly #places = new Map<string, { readonly place: string; readonly sequence: number }>()
  /** What was taken up to this record is not known here. */
  #from: number | undefined
  readonly #durable: () => number

  /** `durable` is the last record that is durable here: those before the first that is heard nobody tells. */
  constructor(durable: () => number) {
    this.#durable = durable
  }

  /** To be told of every event that is durable here, from some record on. */
  hear(event: Event, sequence: number): void {
    this.#from ??= sequence - 1
    if (event.type === 'taken' && event.message !== undefined)
      this.add(event.message, `${event.lane} ${event.entry}`, sequence)
  }

  /** Remembers it; what is forgotten for that narrows what can be told. */
  add(message: string, place: string, sequence = this.#durable()): void {
    this.#places.set(message, { place, sequence })
    const [oldest] = this.#places
    if (this.#places.size <= MESSAGES_MAX || oldest === undefined) return
    const [key, { sequence: last }] = oldest
    this.#places.delete(key)
    this.#from = Math.max(this.#from ?? 0, last)
  }

  /**
   * Why a message at `place`, its lane and entry, is not taken, whose sender had the log up to `after` when it was sealed. Had it been taken before, then by a record behind that one;
   * those are known from the first on that was heard.
   */
  refusalOf(message: string, place: string, after: number): NotTaken | undefined {
    this.#from ??= this.#durable()
    const before = this.#places.get(message)?.place
    // The same entry may be delivered again; the core knows it by its place.
    if (before !== undefined && before !== place)
      return { code: 'BODY_INVALID', detail: `\`${message}\` came before, as ${before}` }
    if (before !== undefined || after >= this.#from) return undefined
    return {
      code: 'HOME_LOST',
      detail: `it was sealed after record ${after}, and what was taken up to record ${this.#from} is not known here; ask again with the same id`,
    }
  }
}
