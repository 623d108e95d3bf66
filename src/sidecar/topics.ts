/** Agents' topics: signs and publishes what callers say, and tells readers what was said by whoever may say it, from where they left off. */
import { systemTimers, type Clock, type Timers } from '../base/clock.ts'
import { isLater } from '../base/entry-id.ts'
import { EphorError } from '../base/errors.ts'
import { placeBefore, type Board, type Seal, type TopicEntry } from '../cluster/board.ts'
import {
  isSignedBy,
  readEnvelope,
  sealEnvelope,
  sealText,
  timeText,
  typeOf,
  type EnvelopeRefusal,
  type Reader,
} from '../protocol/envelope.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import { isTogether, openTogether, sealTogether } from '../protocol/together.ts'
import {
  Place,
  TOPIC_NAMES,
  TOPICS,
  TopicData,
  type Publication,
  type Topic,
  type TopicMessage,
} from '../protocol/topic.ts'
import type { Peers } from './sealed-inbox.ts'
import { traceInHand } from './trace.ts'

const KIND = 'topic'
const READER: Reader = { major: 1, minor: 0 }
const TTL_MS = 3_600_000
/** Entries of a topic that are read at once; each may hold many messages. */
const READ_MAX = 64
/** Messages that are opened in one turn of the event loop, at the least. */
const TURN_MAX = 500
const WAIT_MS = 1_000
const RETRY_MS = 100
const PUT_TRIES = 10

/** Who says it, by its token. */
interface Speaker {
  readonly name: string
  readonly role: 'agent' | 'feeder' | 'operator'
}

export interface TopicParts {
  readonly board: Board
  readonly clock: Clock
  readonly timers?: Timers
  /** What this sidecar is called. */
  readonly name: string
  readonly peers?: Peers | undefined
}

/** Why a message was not told. */
export type Untold = EnvelopeRefusal | 'forged'

type Listener = (message: TopicMessage) => void

/** Who is told what is said. */
export interface TopicReader {
  /** Called once it is certain that it can begin. */
  readonly begin: () => void
  readonly tell: Listener
  /** Resolves when it can take more of what is past. */
  readonly room: () => Promise<void>
  readonly isGone: () => boolean
}

/** Messages that are kept for a reader while it reads what is past; what is beyond is read again. */
const HELD_MAX = 10_000

export class Topics {
  readonly #parts: TopicParts
  readonly #timers: Timers
  readonly #listeners = new Map<Topic, Set<Listener>>(TOPIC_NAMES.map((name) => [name, new Set()]))
  #running: Promise<void> | undefined
  #isClosed = false
  readonly untold: Record<Untold, number> = { unreadable: 0, version: 0, expired: 0, forged: 0 }

  constructor(parts: TopicParts) {
    this.#parts = parts
    this.#timers = parts.timers ?? systemTimers
  }

  /** Says it to all who listen, through any sidecar. Throws `CLUSTER_UNREACHABLE` where it may not have been said. */
  async publish(
    topic: Topic,
    said: Publication,
    { name, role }: Speaker,
  ): Promise<{ place: string; expires: number }> {
    const { board, clock } = this.#parts
    const { id, data, priority = 'normal', ttlMs = TTL_MS, correlation, causation } = said
    const { traceparent = traceInHand() } = said
    const now = clock.now()
    const expires = now + ttlMs
    const text = sealEnvelope({
      specversion: '1.0',
      id,
      source: this.#parts.name,
      type: typeOf(KIND, READER),
      time: timeText(now),
      subject: name,
      ...(correlation === undefined ? {} : { correlationid: correlation }),
      ...(causation === undefined ? {} : { causationid: causation }),
      ...(traceparent === undefined ? {} : { traceparent }),
      priority,
      expiresat: timeText(expires),
      data: { topic, role, said: data },
    })
    const request = `${name}:${id}`
    for (let left = PUT_TRIES; ; left -= 1) {
      const put = await board.publish(topic, { request, text }, this.#seal, priority === 'critical')
      if (put.kind === 'put') return { place: put.place, expires }
      if (left === 0) throw new EphorError('CLUSTER_UNREACHABLE', put.detail)
      await this.#timers.pause(RETRY_MS / 2)
    }
  }

  /** One message is signed by itself, and several once. */
  readonly #seal: Seal = (texts) => {
    const { name: source, clock, peers } = this.#parts
    const [only = ''] = texts
    return texts.length === 1
      ? sealText(only, peers?.signer)
      : sealTogether(texts, { source, now: clock.now() }, peers?.signer)
  }

  /**
   * Tells `reader` what is said on a topic: what stands behind `after`, where that is given, as fast as it takes it, and then what comes. What it answers ends
   * it. Throws `CLUSTER_UNREACHABLE` where it cannot begin or go on, and `QUERY_INVALID` where `after` is beyond the last message.
   */
  async follow(topic: Topic, after: string | undefined, reader: TopicReader): Promise<() => void> {
    const { board } = this.#parts
    const ended = await board.end(topic)
    if (ended.kind === 'unreachable') throw new EphorError('CLUSTER_UNREACHABLE', ended.detail)
    // A place that nobody has reached would be silence until somebody does.
    if (after !== undefined && isLater(after, ended.place))
      throw new EphorError('QUERY_INVALID', `there is no message ${after} yet; the last is ${ended.place}`)
    let told = after ?? ended.place
    let held: TopicMessage[] | undefined = []
    const tell = (message: TopicMessage): void => {
      if (!isLater(message.place, told)) return
      told = message.place
      reader.tell(message)
    }
    let isBehind = false
    const hear: Listener = (message) => {
      if (held === undefined) tell(message)
      else if (held.length < HELD_MAX) held.push(message)
      else isBehind = true
    }
    const listeners = this.#listeners.get(topic)
    listeners?.add(hear)
    const stop = (): void => {
      listeners?.delete(hear)
    }
    try {
      await this.#begin()
      reader.begin()
      let at = told
      do {
        if (isBehind) held = []
        isBehind = false
        // What is told from here on is heard; what came before that is read.
        const from = this.#at.get(topic) ?? '0-0'
        while (isLater(from, at) && !reader.isGone()) {
          const read = await board.read(topic, at, READ_MAX)
          if (read.kind === 'unreachable') throw new EphorError('CLUSTER_UNREACHABLE', read.detail)
          await this.#open(read.entries, tell)
          const last = read.entries.at(-1)
          if (last === undefined) break
          at = last.place
          await reader.room()
        }
      } while (isBehind && !reader.isGone())
    } catch (error) {
      stop()
      throw error
    }
    for (const message of held) tell(message)
    held = undefined
    return stop
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#parts.board.close()
    await this.#running
  }

  readonly #at = new Map<string, string>()

  /** Sees to it that what is said is heard. */
  async #begin(): Promise<void> {
    if (this.#running === undefined) {
      const { board } = this.#parts
      const ends = await Promise.all(
        TOPIC_NAMES.map(async (topic) => [topic, await board.end(topic)] as const),
      )
      for (const [topic, end] of ends) {
        if (end.kind === 'unreachable') throw new EphorError('CLUSTER_UNREACHABLE', end.detail)
        // Another may have begun meanwhile.
        if (!this.#at.has(topic)) this.#at.set(topic, end.place)
      }
      this.#running ??= this.#run()
    }
  }

  /** One blocking read for all topics and readers, from places that are known. */
  async #run(): Promise<void> {
    const { board } = this.#parts
    while (!this.#isClosed) {
      const read = await board.wait(this.#at, READ_MAX, WAIT_MS)
      if (read.kind === 'unreachable') {
        await this.#timers.pause(RETRY_MS)
        continue
      }
      for (const { topic, place } of read.entries) this.#at.set(topic, place)
      await this.#open(read.entries, (message) => {
        for (const listener of this.#listeners.get(message.topic) ?? []) listener(message)
      })
    }
  }

  /** Tells what is in the entries; of many, others have their turn between. */
  async #open(entries: readonly TopicEntry[], tell: Listener): Promise<void> {
    let opened = 0
    for (const entry of entries) {
      if (opened >= TURN_MAX) {
        opened = 0
        await this.#timers.pause(0)
      }
      for (const message of this.#messagesOf(entry)) {
        opened += 1
        if (typeof message === 'string') this.untold[message] += 1
        else tell(message)
      }
    }
  }

  /** What was said together is taken whole, or none of it is. */
  #messagesOf({ topic, place, text }: TopicEntry): (TopicMessage | Untold)[] {
    if (!isTogether(text)) return [this.#messageOf({ topic, place, text }, (by) => this.#isBy(by, text))]
    const opened = openTogether(text, this.#parts.clock.now())
    const { lines } = opened
    if (opened.kind === 'refused') {
      const why = opened.why === 'differs' ? 'forged' : opened.why
      return lines.map(() => why)
    }
    const { head, envelope } = opened
    if (!this.#isBy(envelope.source, head)) return lines.map(() => 'forged')
    return lines.map((line, at) => {
      const own = placeBefore(place, lines.length - 1 - at)
      if (own === undefined) return 'forged'
      // Who signs for all signs for nobody else's.
      return this.#messageOf({ topic, place: own, text: line }, (by) => by === envelope.source)
    })
  }

  /** Whether that sidecar signed it, where keys are laid down. */
  #isBy(sidecar: string, text: string): boolean {
    const { keys } = this.#parts.peers ?? {}
    return keys === undefined || (keys.get(sidecar) ?? []).some((key) => isSignedBy(text, key))
  }

  #messageOf({ topic, place, text }: TopicEntry, isBy: (source: string) => boolean): TopicMessage | Untold {
    const read = readEnvelope(text, KIND, READER, this.#parts.clock.now())
    if (read.kind === 'refused') return read.why
    const { envelope } = read
    const { id, source, subject: from, time, expiresat, priority } = envelope
    if (!isBy(source)) return 'forged'
    const data = TopicData.safeParse(envelope.data)
    if (!data.success || from === undefined || expiresat === undefined) return 'unreadable'
    const { topic: meant, role, said } = data.data
    const [at, expires] = [Date.parse(time), Date.parse(expiresat)]
    if (meant !== topic || at < 0 || expires < 0 || !Place.safeParse(place).success) return 'unreadable'
    if (!(TOPICS[meant] as readonly string[]).includes(role)) return 'forged'
    const { correlationid: correlation, causationid: causation, traceparent } = envelope
    return {
      schema: SCHEMA_VERSION,
      topic: meant,
      place,
      id,
      from,
      role,
      sidecar: source,
      at,
      expires,
      priority,
      ...(correlation === undefined ? {} : { correlation }),
      ...(causation === undefined ? {} : { causation }),
      ...(traceparent === undefined ? {} : { traceparent }),
      // It came out of a text that is JSON.
      data: said as TopicMessage['data'],
    }
  }
}
