/** The inbox of a partition over Redis: a stream for each lane, and the requests that are known of late. */
import { BATCH_WINDOWS_MS, Batching, type BatchWindow } from './batching.ts'
import {
  INBOX_LANES,
  INBOX_WAITING_MAX,
  type Inbox,
  type InboxEntry,
  type InboxLane,
  type Put,
} from './cluster.ts'
import type { Guard } from './guard.ts'
import { isReached, type RedisConnection } from './redis-connection.ts'
import { fieldOf, readStreams, type StreamEntry } from './stream-entry.ts'

/** How long a request is known, in milliseconds: longer than anybody sends it again. */
const REQUEST_MS = 10_000

/** What is put, under the request that puts it. */
interface Sent {
  readonly request: string
  readonly input: string
}

interface Connections {
  readonly commands: RedisConnection
  /** That may be waited on. */
  readonly inbox: RedisConnection
}

interface Keys extends Readonly<Record<InboxLane, string>> {
  readonly sent: (request: string) => string
}

interface InboxParts {
  /** Who puts. */
  readonly name: string
  readonly guard: Guard
  readonly window: BatchWindow
}

/** An inbox whose entries are put together as a window says, behind `guard`. */
export function inboxOver(
  { commands, inbox }: Connections,
  keys: Keys,
  { name, guard, window }: InboxParts,
): Inbox {
  const puttingInto = (lane: InboxLane): Batching<Sent, Put> =>
    new Batching(BATCH_WINDOWS_MS[window], async (all) => {
      const lanes = [keys[lane], ...all.map(({ request }) => keys.sent(request))]
      const args = [INBOX_WAITING_MAX, REQUEST_MS, name, ...all.map(({ input }) => input)]
      const reply = await guard.run(() => commands.script('ephorPut', lanes, args))
      if (!isReached(reply)) return reply
      const [waiting, ...entries] = reply
      return entries.map((entry) =>
        entry === '' ? { kind: 'full', waiting: Number(waiting) } : { kind: 'put', entry: String(entry) },
      )
    })
  const putting = { critical: puttingInto('critical'), inbox: puttingInto('inbox') }
  return {
    put: (request, input, lane = 'inbox') => putting[lane].add({ request, input }, lane === 'critical'),
    take: async (after, max, waitMs) => {
      const places = INBOX_LANES.map((lane) => [keys[lane], after[lane]] as const)
      const reply = await readStreams(inbox, max, waitMs, places)
      if (!isReached(reply)) return reply
      const entries = INBOX_LANES.flatMap((lane) =>
        (reply.get(keys[lane]) ?? []).map((entry) => inboxEntryOf(lane, entry)),
      )
      return { kind: 'took', entries }
    },
    trim: async (taken) => {
      for (const lane of INBOX_LANES)
        await commands.tell((redis) => redis.xtrim(keys[lane], 'MINID', '~', taken[lane]))
    },
  }
}

function inboxEntryOf(lane: InboxLane, [entry, fields]: StreamEntry): InboxEntry {
  return { lane, entry, sidecar: fieldOf(fields, 'sidecar'), input: fieldOf(fields, 'input') }
}
