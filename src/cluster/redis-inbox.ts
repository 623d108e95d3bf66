/** The inbox of a partition over Redis: a stream, and the requests that are known of late. */
import { BATCH_WINDOWS_MS, Batching, type BatchWindow } from './batching.ts'
import type { Inbox, InboxEntry, Put } from './cluster.ts'
import type { Guard } from './guard.ts'
import { isReached, type RedisConnection } from './redis-connection.ts'
import { fieldOf, readStream, type StreamEntry } from './stream-entry.ts'

/** More inputs than this do not wait. */
const WAITING_MAX = 10_000
/** How long a request is known, in milliseconds: longer than anybody sends it again. */
const REQUEST_MS = 10_000

interface Connections {
  readonly commands: RedisConnection
  /** That may be waited on. */
  readonly inbox: RedisConnection
}

interface Keys {
  readonly inbox: string
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
  const putting = new Batching<{ readonly request: string; readonly input: string }, Put>(
    BATCH_WINDOWS_MS[window],
    async (all) => {
      const lanes = [keys.inbox, ...all.map(({ request }) => keys.sent(request))]
      const args = [WAITING_MAX, REQUEST_MS, name, ...all.map(({ input }) => input)]
      const reply = await guard.run(() => commands.script('ephorPut', lanes, args))
      if (!isReached(reply)) return reply
      const [waiting, ...entries] = reply
      return entries.map((entry) =>
        entry === '' ? { kind: 'full', waiting: Number(waiting) } : { kind: 'put', entry: String(entry) },
      )
    },
  )
  return {
    put: (request, input) => putting.add({ request, input }),
    take: async (after, max, waitMs) => {
      const reply = await readStream(inbox, max, waitMs, keys.inbox, after)
      return isReached(reply) ? { kind: 'took', entries: reply.map(inboxEntryOf) } : reply
    },
    trim: async (taken) => {
      await commands.tell((redis) => redis.xtrim(keys.inbox, 'MINID', '~', taken))
    },
  }
}

function inboxEntryOf([entry, fields]: StreamEntry): InboxEntry {
  return { entry, sidecar: fieldOf(fields, 'sidecar'), input: fieldOf(fields, 'input') }
}
