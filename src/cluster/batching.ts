/** Gathers what is sent to one place within a window, and sends it together: a call costs both ends more than what is in it. */
import type { Unreachable } from './cluster.ts'

/** How long messages are gathered, by its name in the configuration. `none` gathers what comes in one turn of the event loop, which nobody waits for. */
export const BATCH_WINDOWS_MS = { none: 0, '1ms': 1, '10ms': 10 } as const
export type BatchWindow = keyof typeof BATCH_WINDOWS_MS

/** So many go at once, without waiting for the end of the window. */
const BATCH_MAX = 128

/** What waits for the end of its window. */
interface Waiting<T, R> {
  readonly item: T
  readonly done: (answer: R | Unreachable) => void
}

/** The batches of one place. */
export class Batching<T, R> {
  readonly #windowMs: number
  readonly #send: (items: readonly T[]) => Promise<readonly R[] | Unreachable>
  #waiting: Waiting<T, R>[] = []
  #cancel: (() => void) | undefined

  /** `send` answers for each item, in their order. It rejects as little as `Unreachable` does: never. */
  constructor(windowMs: number, send: (items: readonly T[]) => Promise<readonly R[] | Unreachable>) {
    this.#windowMs = windowMs
    this.#send = send
  }

  /** What became of it. What is urgent waits for no window, and takes along what waits before it. */
  add(item: T, isUrgent = false): Promise<R | Unreachable> {
    return new Promise((done) => {
      this.#waiting.push({ item, done })
      if (isUrgent || this.#waiting.length >= BATCH_MAX) this.#flush()
      else this.#cancel ??= this.#later()
    })
  }

  #later(): () => void {
    if (this.#windowMs === 0) {
      const turn = setImmediate(() => this.#flush())
      return () => clearImmediate(turn)
    }
    const timer = setTimeout(() => this.#flush(), this.#windowMs)
    return () => clearTimeout(timer)
  }

  #flush(): void {
    this.#cancel?.()
    this.#cancel = undefined
    const batch = this.#waiting
    this.#waiting = []
    void this.#answer(batch)
  }

  async #answer(batch: readonly Waiting<T, R>[]): Promise<void> {
    const answers = await this.#send(batch.map(({ item }) => item))
    for (const [place, { done }] of batch.entries()) done('kind' in answers ? answers : (answers[place] as R))
  }
}
