/** The lanes of an inbox in memory. */
import {
  INBOX_LANES,
  INBOX_WAITING_MAX,
  type InboxEntry,
  type InboxLane,
  type InboxPlaces,
  type Put,
  type Took,
} from './cluster.ts'

/** An input that waits, under the request that put it there. */
interface Waiting {
  readonly request: string
  readonly place: number
  readonly entry: InboxEntry
}

export class MemoryInbox {
  readonly #lanes: Record<InboxLane, Waiting[]> = { critical: [], inbox: [] }
  readonly #next: () => number

  /** `next` is the number of the next entry of anything in the store. */
  constructor(next: () => number) {
    this.#next = next
  }

  put(lane: InboxLane, request: string, input: Pick<InboxEntry, 'sidecar' | 'input'>): Put {
    const waiting = this.#lanes[lane]
    const known = waiting.find((other) => other.request === request)
    if (known !== undefined) return { kind: 'put', entry: known.entry.entry }
    if (waiting.length >= INBOX_WAITING_MAX) return { kind: 'full', waiting: waiting.length }
    const place = this.#next()
    const entry = `${place}-0`
    waiting.push({ request, place, entry: { lane, entry, ...input } })
    return { kind: 'put', entry }
  }

  take(after: InboxPlaces, max: number): Took {
    const of = (lane: InboxLane): InboxEntry[] =>
      behind(this.#lanes[lane], placeOf(after[lane]))
        .map(({ entry }) => entry)
        .slice(0, max)
    return { kind: 'took', entries: INBOX_LANES.flatMap(of) }
  }

  trim(taken: InboxPlaces): void {
    for (const lane of INBOX_LANES) this.#lanes[lane] = behind(this.#lanes[lane], placeOf(taken[lane]))
  }
}

/** Those with a larger place: entries lie in the order of their places. */
function behind(entries: readonly Waiting[], place: number): Waiting[] {
  const first = entries.findLastIndex((entry) => entry.place <= place)
  return entries.slice(first + 1)
}

export function placeOf(entry: string): number {
  return Number(entry.split('-')[0])
}
