/** The emergency lane's own thread: it reads halts over a connection of its own, whatever keeps the sidecar, and writes those that are raised here. */
import { setTimeout as pause } from 'node:timers/promises'
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { isLater } from '../base/entry-id.ts'
import type { HaltEntry, Put, Unreachable } from './cluster.ts'
import { EmergencyMemory, steadyMicros } from './emergency-memory.ts'
import { isReached, RedisConnection } from './redis-connection.ts'
import type { RedisPlace } from './redis-place.ts'

/** With what the thread begins. */
export interface ThreadData {
  readonly place: RedisPlace
  readonly key: string
  readonly shared: SharedArrayBuffer
  /** Where entries are handed over. */
  readonly port: MessagePort
  /** The last entry that a thread before this one handed over. */
  readonly after: string
}

/** A halt or a notice to write. */
export interface WriteOrder {
  readonly request: string
  readonly kind: HaltEntry['kind']
  readonly text: string
  readonly alwaysFits: boolean
  /** An entry that is in a journal: this one comes after it. */
  readonly after: string
}

/** Entries up to a place to forget. */
export interface TrimOrder {
  readonly kind: 'trim'
  readonly before: string
}

/** `put` and `full` end an order; after `unreachable` a halt is written as soon as it can be. */
export type WriteAnswer = (Put | Unreachable) & { readonly request: string }

/** Milliseconds from one question to the next. */
const BEAT_MS = 40
/** Milliseconds of waiting for something to be written. */
const WAIT_MS = 1_000
/** Milliseconds before what could not be reached is tried again. */
const RETRY_MS = 10
/** Entries in one read. */
const READ_MAX = 256
/** Halts that wait in the lane at most, but for those that always fit. */
const WAITING_MAX = 10_000
/** Milliseconds that a request is known: longer than anybody writes it again. */
const REQUEST_MS = 3_600_000
/** Milliseconds of trying before whoever ordered is told that nothing is known. */
const ORDER_MS = 500

const { place, key, shared, port, after } = workerData as ThreadData
const memory = new EmergencyMemory(shared)
const waiting = new RedisConnection(place, 'halts-wait', WAIT_MS)
const asking = new RedisConnection(place, 'halts', 0)
let last = after

/** Waits for what is written, so that it is heard at once. */
async function wait(): Promise<void> {
  await waiting.connectSoon()
  for (;;) {
    const from = last
    const reply = await waiting.tell((redis) =>
      redis.xread('COUNT', READ_MAX, 'BLOCK', WAIT_MS, 'STREAMS', key, from),
    )
    if (isReached(reply)) hear(reply?.[0]?.[1] ?? [])
    else await pause(RETRY_MS)
  }
}

/** Asks whether there is more, again and again: a server may let whoever waits wait for longer than he said. */
async function beat(): Promise<void> {
  await asking.connectSoon()
  for (;;) {
    // Whatever was written before this moment is in the answer, or in one that was handed over.
    const sent = steadyMicros()
    const from = last
    const reply = await asking.tell((redis) => redis.xread('COUNT', READ_MAX, 'STREAMS', key, from))
    if (isReached(reply)) {
      const entries = reply?.[0]?.[1] ?? []
      hear(entries)
      if (entries.length < READ_MAX) memory.heardAt(sent)
      else continue
    }
    await pause(isReached(reply) ? BEAT_MS : RETRY_MS)
  }
}

/** Hands over what was not handed over before: both readers may have found it. */
function hear(entries: readonly (readonly [entry: string, fields: readonly string[]])[]): void {
  let isNews = false
  for (const [entry, fields] of entries) {
    if (!isLater(entry, last)) continue
    isNews = true
    last = entry
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    port.postMessage(haltEntryOf(entry, fields))
    memory.handedOver()
  }
  if (isNews) tell(HEARD)
}

function haltEntryOf(entry: string, fields: readonly string[]): HaltEntry {
  const [kind, text = ''] = fields
  return kind === 'notice'
    ? { entry, kind, text }
    : { entry, kind: 'halt', text: kind === 'halt' ? text : '' }
}

/** Writes until it is written; whoever ordered is told before when that takes long. */
async function write({ request, kind, text, alwaysFits, after: known }: WriteOrder): Promise<void> {
  const keys = [key, `{${key}}:sent:${request}`]
  for (let left = ORDER_MS; ; left -= RETRY_MS) {
    const args = [alwaysFits ? 0 : WAITING_MAX, REQUEST_MS, kind, text, isLater(known, last) ? known : last]
    const reply = await asking.script('ephorHalt', keys, args)
    if (isReached(reply)) {
      const [what, value] = reply
      tell({
        request,
        ...(what === 'put' ? { kind: what, entry: String(value) } : { kind: 'full', waiting: Number(value) }),
      })
      return
    }
    // What a home put in force by itself is in its log as well.
    if (kind === 'notice' && left <= 0) return
    if (left <= 0 && left > -RETRY_MS) tell({ request, ...reply })
    await pause(RETRY_MS)
  }
}

/** Over the connection of the lane, which may have a server of its own. */
async function trim({ before }: TrimOrder): Promise<void> {
  await asking.tell((redis) => redis.xtrim(key, 'MINID', '~', before))
}

/** Said after entries were handed over. */
export const HEARD = 'heard'

function tell(message: WriteAnswer | typeof HEARD): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(message)
}

parentPort?.on(
  'message',
  (order: WriteOrder | TrimOrder) => void (order.kind === 'trim' ? trim(order) : write(order)),
)
await Promise.all([wait(), beat()])
