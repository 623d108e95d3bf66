/** A board in the memory of one process: for a sidecar by itself, and for tests. */
import {
  SHARED_MAX,
  TOPIC_MAX,
  type Board,
  type Leased,
  type Said,
  type Seal,
  type SharedWrite,
  type TopicEntry,
  type TopicRead,
  type Written,
  type Fence,
} from './board.ts'

interface Held {
  readonly version: number
  readonly text: string
  readonly until: number
}

interface HeldLease {
  readonly holder: string
  readonly token: number
  readonly until: number
}

/** Requests that are remembered. */
const REQUESTS_MAX = 10_000

export class MemoryBoard implements Board {
  readonly #now: () => number
  readonly #topics = new Map<string, TopicEntry[]>()
  readonly #requests = new Map<string, string>()
  readonly #values = new Map<string, Held>()
  readonly #leases = new Map<string, HeldLease>()
  /** Of versions, tokens and places: never goes back. */
  #last = 0
  #wakers = new Set<() => void>()

  /** `now` in milliseconds. */
  constructor(now: () => number = () => Date.now()) {
    this.#now = now
  }

  async publish(topic: string, { request, text }: Said, seal: Seal): ReturnType<Board['publish']> {
    const sent = `${topic} ${request}`
    const known = this.#requests.get(sent)
    if (known !== undefined) return { kind: 'put', place: known }
    const place = `${this.#next()}-0`
    const entries = [...(this.#topics.get(topic) ?? []), { topic, place, text: seal([text]) }]
    this.#topics.set(topic, entries.slice(-TOPIC_MAX))
    this.#requests.set(sent, place)
    const [oldest] = this.#requests.keys()
    if (this.#requests.size > REQUESTS_MAX && oldest !== undefined) this.#requests.delete(oldest)
    for (const wake of this.#wakers) wake()
    this.#wakers = new Set()
    return { kind: 'put', place }
  }

  async read(topic: string, after: string, max: number): Promise<TopicRead> {
    return { kind: 'read', entries: this.#behind(topic, after).slice(0, max) }
  }

  async end(topic: string): ReturnType<Board['end']> {
    return { kind: 'end', place: this.#topics.get(topic)?.at(-1)?.place ?? '0-0' }
  }

  async wait(after: ReadonlyMap<string, string>, max: number, waitMs: number): Promise<TopicRead> {
    const look = (): TopicEntry[] =>
      [...after].flatMap(([topic, place]) => this.#behind(topic, place).slice(0, max))
    const found = look()
    if (found.length > 0 || waitMs <= 0) return { kind: 'read', entries: found }
    await new Promise<void>((done) => {
      const wake = (): void => {
        clearTimeout(timer)
        this.#wakers.delete(wake)
        done()
      }
      const timer = setTimeout(wake, waitMs)
      this.#wakers.add(wake)
    })
    return { kind: 'read', entries: look() }
  }

  async get(key: string): ReturnType<Board['get']> {
    const held = this.#value(key)
    if (held === undefined) return { kind: 'value', value: undefined }
    const { version, text, until } = held
    const leftMs = Number.isFinite(until) ? until - this.#now() : null
    return { kind: 'value', value: { version, text, leftMs } }
  }

  async put(key: string, { text, expected, ttlMs, fence }: SharedWrite): Promise<Written> {
    const version = this.#value(key)?.version ?? 0
    const lease = this.#leases.get(key)
    if (
      fence !== undefined &&
      (lease?.token !== fence.token || lease.holder !== fence.holder || lease.until <= this.#now())
    )
      return { kind: 'fenced', token: lease?.token ?? 0 }
    if (expected !== undefined && expected !== version) return { kind: 'conflict', version }
    if (version === 0 && this.#isFull(this.#values)) return { kind: 'full', keys: this.#values.size }
    const next = this.#next()
    const until = ttlMs === undefined ? Number.POSITIVE_INFINITY : this.#now() + ttlMs
    this.#values.set(key, { version: next, text, until })
    return { kind: 'written', version: next }
  }

  async lease(key: string, holder: string, ttlMs: number): Promise<Leased> {
    const now = this.#now()
    const held = this.#leases.get(key)
    const isHeld = held !== undefined && held.until > now
    if (isHeld && held.holder !== holder)
      return { kind: 'held', holder: held.holder, leftMs: held.until - now }
    if (held === undefined && this.#isFull(this.#leases)) return { kind: 'full', keys: this.#leases.size }
    const token = isHeld ? held.token : this.#next()
    this.#leases.set(key, { holder, token, until: now + ttlMs })
    return { kind: 'leased', token, leftMs: ttlMs }
  }

  async release(key: string, { token, holder }: Fence): ReturnType<Board['release']> {
    const held = this.#leases.get(key)
    const was = held?.token === token && held.holder === holder && held.until > this.#now()
    if (was) this.#leases.set(key, { ...held, until: 0 })
    return { kind: 'released', was }
  }

  async close(): Promise<void> {
    for (const wake of this.#wakers) wake()
  }

  #next(): number {
    this.#last = Math.max(this.#last + 1, Math.floor(this.#now() * 1000))
    return this.#last
  }

  #behind(topic: string, after: string): TopicEntry[] {
    const entries = this.#topics.get(topic) ?? []
    return entries.slice(
      entries.findLastIndex(({ place }) => Number.parseInt(place) <= Number.parseInt(after)) + 1,
    )
  }

  #value(key: string): Held | undefined {
    const held = this.#values.get(key)
    return held !== undefined && held.until > this.#now() ? held : undefined
  }

  /** Whether no more fit, after what is over is forgotten. */
  #isFull(of: Map<string, { readonly until: number }>): boolean {
    if (of.size < SHARED_MAX) return false
    for (const [key, { until }] of of) if (until <= this.#now()) of.delete(key)
    return of.size >= SHARED_MAX
  }
}
