/** Tells what happened, as soon as it is durable, to those who listen, and to those who wait for one decision. */
import type { Event } from '../protocol/event.ts'

/** An event with its record's sequence and clock reading. */
export interface Happened {
  readonly sequence: number
  readonly at: number
  readonly event: Event
  /** In whose journal, where there are several partitions. */
  readonly partition?: string
}

type Listener = (happened: Happened) => void

/** Hears of every durable event, in the order of the journal. Listeners return at once and do not throw. */
export class Feed {
  readonly #listeners = new Set<Listener>()
  readonly #waiting = new Map<string, Set<() => void>>()

  /** Whether anybody would hear. */
  get isHeard(): boolean {
    return this.#listeners.size > 0 || this.#waiting.size > 0
  }

  publish(happened: readonly Happened[]): void {
    for (const one of happened) {
      for (const listener of this.#listeners) listener(one)
      if (one.event.type !== 'decided') continue
      for (const wake of this.#waiting.get(one.event.decision.decision) ?? []) wake()
    }
  }

  /** Hears what comes from now on; the answer ends it. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** Resolves when the decision is final, or after `ms`. */
  decided(decision: string, ms: number): Promise<void> {
    return new Promise((done) => {
      const waiters = this.#waiting.get(decision) ?? new Set()
      this.#waiting.set(decision, waiters)
      const wake = (): void => {
        clearTimeout(timer)
        waiters.delete(wake)
        if (waiters.size === 0) this.#waiting.delete(decision)
        done()
      }
      const timer = setTimeout(wake, ms)
      waiters.add(wake)
    })
  }

  /** Wakes all who wait, before the end. */
  close(): void {
    // Copies: whoever is woken leaves the set.
    const waiting = Array.from(this.#waiting.values(), (waiters) => Array.from(waiters))
    for (const wake of waiting.flat()) wake()
  }
}
