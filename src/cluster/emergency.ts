/** The emergency lane over Redis, as the sidecar sees it: a thread reads and writes, and what it heard is looked at without waiting for it. */
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads'
import { isLater } from '../base/entry-id.ts'
import type { HaltEntry, Halts, Put, Unreachable } from './cluster.ts'
import { EmergencyMemory } from './emergency-memory.ts'
import type { HEARD, ThreadData, TrimOrder, WriteAnswer, WriteOrder } from './emergency-thread.ts'
import type { RedisPlace } from './redis-place.ts'

/** Milliseconds before a thread that ended is begun again. */
const AGAIN_MS = 100
/** Halts are kept so long after they were taken, in milliseconds. */
const KEPT_MS = 3_600_000
/** Halts that wait to be written here. */
const ORDERS_MAX = 1_000

/** A thread runs what is built: from the sources, as in tests, too. */
const THREAD = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/cluster/emergency-thread.js' : './emergency-thread.js',
  import.meta.url,
)

interface Waiting {
  readonly order: WriteOrder
  readonly answer: (result: Put | Unreachable) => void
  readonly written: (entry: string) => void
}

export class EmergencyLane implements Halts {
  readonly #place: RedisPlace
  readonly #key: string
  readonly #listeners: (() => void)[] = []
  readonly #waiting = new Map<string, Waiting>()
  #memory = new EmergencyMemory()
  #channel = new MessageChannel()
  #worker: Worker | undefined
  #taken = 0
  /** What a thread that ended had handed over, and nobody had looked at. */
  #left: HaltEntry[] = []
  #last = '0-0'
  /** The latest entry that a journal here has. */
  #known = '0-0'
  #notices = 0
  #isClosed = false

  constructor(place: RedisPlace, key: string) {
    this.#place = place
    this.#key = key
    this.#begin()
  }

  hear(): readonly HaltEntry[] {
    if (this.#left.length > 0) return this.#left.splice(0)
    if (this.#memory.count === this.#taken) return NOTHING
    const entries: HaltEntry[] = []
    for (;;) {
      const received = receiveMessageOnPort(this.#channel.port1)
      if (received === undefined) return entries
      const entry = received.message as HaltEntry
      this.#taken += 1
      this.#last = entry.entry
      entries.push(entry)
    }
  }

  ageMs(): number {
    return this.#memory.ageMs()
  }

  put(
    { request, text, alwaysFits }: { request: string; text: string; alwaysFits: boolean },
    written: (entry: string) => void,
  ): Promise<Put | Unreachable> {
    if (this.#isClosed) return Promise.resolve({ kind: 'unreachable', detail: 'closed' })
    if (this.#waiting.size >= ORDERS_MAX && !alwaysFits)
      return Promise.resolve({ kind: 'full', waiting: this.#waiting.size })
    return new Promise((answer) => {
      const order: WriteOrder = { request, kind: 'halt', text, alwaysFits, after: this.#known }
      this.#waiting.set(request, { order, answer, written })
      this.#order(order)
    })
  }

  notice(text: string): void {
    this.#notices += 1
    const request = `notice-${process.pid}-${this.#notices}-${Date.now()}`
    this.#order({ request, kind: 'notice', text, alwaysFits: false, after: this.#known })
  }

  listen(listener: () => void): void {
    this.#listeners.push(listener)
  }

  knows(taken: string): void {
    if (isLater(taken, this.#known)) this.#known = taken
  }

  /** Every home reads this stream, so none may cut it where it stands itself. */
  trim(taken: string): Promise<void> {
    const old = Number(taken.split('-')[0]) - KEPT_MS
    if (old > 0) this.#order({ kind: 'trim', before: `${old}-0` })
    return Promise.resolve()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const { answer } of this.#waiting.values()) answer({ kind: 'unreachable', detail: 'closed' })
    this.#waiting.clear()
    await this.#worker?.terminate()
  }

  /** Begins the thread. Until it has read to the end nothing counts as surely heard. */
  #begin(): void {
    this.#memory = new EmergencyMemory()
    this.#channel = new MessageChannel()
    this.#taken = 0
    const { port1, port2 } = this.#channel
    const workerData: ThreadData = {
      place: this.#place,
      key: this.#key,
      shared: this.#memory.shared,
      port: port2,
      after: this.#last,
    }
    const worker = new Worker(THREAD, { workerData, transferList: [port2], name: 'ephor-emergency' })
    this.#worker = worker
    worker.on('message', (message: WriteAnswer | typeof HEARD) => this.#told(message))
    // What ended it is said by the age of what was heard: nothing new is allowed until another has read.
    worker.on('error', () => undefined)
    worker.on('exit', () => {
      this.#left = [...this.hear()]
      // From here on nothing counts as surely heard, though what the thread said last was a moment ago.
      this.#memory = new EmergencyMemory()
      this.#taken = 0
      port1.close()
      if (!this.#isClosed) setTimeout(() => this.#isClosed || this.#begin(), AGAIN_MS).unref()
    })
    worker.unref()
    for (const { order } of this.#waiting.values()) this.#order(order)
  }

  #order(order: WriteOrder | TrimOrder): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#worker?.postMessage(order)
  }

  #told(message: WriteAnswer | typeof HEARD): void {
    if (typeof message === 'string') {
      for (const listener of this.#listeners) listener()
      return
    }
    const { request, ...result } = message
    const waiting = this.#waiting.get(request)
    if (waiting === undefined) return
    if (result.kind !== 'unreachable') this.#waiting.delete(request)
    if (result.kind === 'put') waiting.written(result.entry)
    waiting.answer(result)
  }
}

const NOTHING: readonly HaltEntry[] = []
