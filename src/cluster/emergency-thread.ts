/** The emergency lane's own thread: it reads halts over a connection of its own, whatever keeps the sidecar, and writes those that are raised here. */
import { setTimeout as pause } from 'node:timers/promises'
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
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
}

/** `put` and `full` end an order; after `unreachable` a halt is written as soon as it can be. */
export type WriteAnswer = (Put | Unreachable) & { readonly request: string }

/** Milliseconds from one read to the next where nothing is written. */
const BEAT_MS = 40
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
const reading = new RedisConnection(place, 'halts', BEAT_MS)
const writing = new RedisConnection(place, 'halts-write', 0)
let last = after

async function read(): Promise<void> {
  await reading.connectSoon()
  for (;;) {
    // Whatever was written before this moment is in the answer, or in one that was handed over.
    const sent = steadyMicros()
    const reply = await reading.tell((redis) =>
      redis.xread('COUNT', READ_MAX, 'BLOCK', BEAT_MS, 'STREAMS', key, last),
    )
    if (!isReached(reply)) {
      await pause(RETRY_MS)
      continue
    }
    const entries = reply?.[0]?.[1] ?? []
    for (const [entry, fields] of entries) {
      last = entry
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      port.postMessage(haltEntryOf(entry, fields))
      memory.handedOver()
    }
    if (entries.length < READ_MAX) memory.heardAt(sent)
    if (entries.length > 0) tell(HEARD)
  }
}

function haltEntryOf(entry: string, fields: readonly string[]): HaltEntry {
  const [kind, text = ''] = fields
  return kind === 'notice'
    ? { entry, kind, text }
    : { entry, kind: 'halt', text: kind === 'halt' ? text : '' }
}

/** Writes until it is written; whoever ordered is told before when that takes long. */
async function write({ request, kind, text, alwaysFits }: WriteOrder): Promise<void> {
  const keys = [key, `{${key}}:sent:${request}`]
  for (let left = ORDER_MS; ; left -= RETRY_MS) {
    const args = [alwaysFits ? 0 : WAITING_MAX, REQUEST_MS, kind, text, last]
    const reply = await writing.script('ephorHalt', keys, args)
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

/** Said after entries were handed over. */
export const HEARD = 'heard'

function tell(message: WriteAnswer | typeof HEARD): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(message)
}

parentPort?.on('message', (order: WriteOrder) => void write(order))
await Promise.all([writing.connectSoon(), read()])
