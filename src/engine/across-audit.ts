/** Holds the journals of several partitions against each other, from the records alone: what was followed is what the first recorded, all of it, and no halt of all passed one by. */
import { canonicalJson } from '../base/canonical-json.ts'
import { isLater } from '../base/entry-id.ts'
import type { Event } from '../protocol/event.ts'
import { isForAll } from './placing.ts'

/** A record with the hash that it states. */
export interface Hashed {
  readonly sequence: number
  readonly hash: string
  readonly event: Event
}

/** What one journal says of halts of the lane. */
interface Taken {
  readonly entries: Set<string>
  last: string
}

const FIRST = 'p00'

export class AcrossAudit {
  /** What the first recorded for all, by sequence, in order. */
  readonly #fixed = new Map<number, { readonly hash: string; readonly text: string }>()
  readonly #halts = new Map<string, Taken>()
  /** The sequences of that, and how many of them each other partition has followed. */
  readonly #order: number[] = []
  readonly #followed = new Map<string, number>()
  #end = 0

  /** Takes the next record of a partition, all of the first before those of others; answers what is wrong with it. */
  take(partition: string, { sequence, hash, event }: Hashed): string | undefined {
    const halts = this.#halts.get(partition) ?? { entries: new Set(), last: '0-0' }
    this.#halts.set(partition, halts)
    if (event.type === 'taken' && event.lane === 'halts') {
      halts.entries.add(event.entry)
      halts.last = event.entry
    }
    if (partition === FIRST) {
      this.#end = sequence
      if (isForAll(event)) {
        this.#fixed.set(sequence, { hash, text: canonicalJson(event) })
        this.#order.push(sequence)
      }
      return undefined
    }
    return event.type === 'followed' ? this.#wrong(partition, event) : undefined
  }

  #wrong(
    partition: string,
    { record, hash, event }: Extract<Event, { type: 'followed' }>,
  ): string | undefined {
    const place = this.#followed.get(partition) ?? 0
    const next = this.#order[place] ?? Infinity
    let passed = place
    while ((this.#order[passed] ?? Infinity) <= record) passed += 1
    this.#followed.set(partition, passed)
    if (next < record || (next === record && event === undefined))
      return `record ${next} of ${FIRST} was not followed`
    // A sidecar may have read less of the first than of what followed it.
    if (record > this.#end || event === undefined) return undefined
    const said = this.#fixed.get(record)
    return said?.hash === hash && said.text === canonicalJson(event)
      ? undefined
      : `record ${record} of ${FIRST} does not say what was followed`
  }

  /** What is wrong with all of them together. */
  problems(): string[] {
    const found: string[] = []
    for (const [partition, { entries, last }] of this.#halts)
      for (const [other, taken] of this.#halts)
        for (const entry of taken.entries)
          if (!isLater(entry, last) && !entries.has(entry))
            found.push(`${partition} took the halt ${last} and not ${entry}, which ${other} took`)
    return [...new Set(found)]
  }
}
