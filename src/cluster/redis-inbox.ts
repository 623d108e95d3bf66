/** The inbox of a partition over Redis: a stream for each lane, and the requests that are known of late. */
import { BATCH_WINDOWS_MS, Batching, type BatchWindow } from './batching.ts'
import {
  INBOX_LANES,
  INBOX_WAITING_MAX,
  type Inbox,
  type InboxEntry,
  type InboxLane,
  type Put,
  type SealEach,
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
  readonly seal: SealEach | undefined
}

/** As it is put: what goes together is sealed at once. */
function sealed(all: readonly Sent[]): readonly string[] {
  const seal = all[0]?.seal
  return all.every((one) => one.seal === seal)
    ? sealedBy(
        seal,
        all.map(({ input }) => input),
      )
    : all.flatMap((one) => sealedBy(one.seal, [one.input]))
}

const sealedBy = (seal: SealEach | undefined, inputs: readonly string[]): readonly string[] =>
  seal === undefined ? inputs : seal(inputs)

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
      const args = [INBOX_WAITING_MAX, REQUEST_MS, name, ...sealed(all)]
      const reply = await guard.run(() => commands.script('ephorPut', lanes, args))
      if (!isReached(reply)) return reply
      const [waiting, ...entries] = reply
      return entries.map((entry) =>
        entry === '' ? { kind: 'full', waiting: Number(waiting) } : { kind: 'put', entry: String(entry) },
      )
    })
  const putting = { critical: puttingInto('critical'), inbox: puttingInto('inbox') }
  return {
    put: (request, input, lane = 'inbox', seal) =>
      putting[lane].add({ request, input, seal }, lane === 'critical'),
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
