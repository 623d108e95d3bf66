/** How a log is drained and cut over Redis: each archive is a consumer group of its stream, and who follows reports how far it has come. */
import {
  TRIM_MAX,
  type Heard,
  type ReadLog,
  type Retention,
  type Trimmed,
  type Unreachable,
} from './cluster.ts'
import { isReached, type RedisConnection } from './redis-connection.ts'
import { logEntryOf, type StreamEntry } from './stream-entry.ts'

/** The one consumer of each group: whoever writes the archive has its lock. */
const CONSUMER = 'archive'

interface Connections {
  readonly commands: RedisConnection
  /** Its commands may block. */
  readonly log: RedisConnection
}

export function retentionOver(
  { commands, log }: Connections,
  keys: { readonly log: string; readonly reports: string },
): Retention {
  return {
    report: async (name, sequence) => {
      await commands.script('ephorReport', [keys.reports], [name, sequence])
    },
    heard: async (ms): Promise<Heard | Unreachable> => {
      const reply = await commands.script('ephorHeard', [keys.reports], [ms])
      if (!isReached(reply)) return reply
      const reports = reply.slice(1).map((report) => {
        const [sequence = '', ...name] = String(report).split(' ')
        return { name: name.join(' '), sequence: Number(sequence) }
      })
      // Archives and partitions say how far they are, too: their names have a blank.
      return { kind: 'heard', reports: reports.filter(({ name }) => !name.includes(' ')) }
    },
    attach: async (archive, after) => {
      const made = await commands.tell(
        (redis) => redis.xgroup('CREATE', keys.log, archive, `${after}-0`, 'MKSTREAM') as Promise<string>,
      )
      return isReached(made) || made.detail.startsWith('BUSYGROUP') ? { kind: 'attached' } : made
    },
    drain: async (archive, which, max, waitMs): Promise<ReadLog | Unreachable> => {
      const reply = await log.tell((redis) =>
        which === 'others' && waitMs > 0
          ? redis.xreadgroup(
              'GROUP',
              archive,
              CONSUMER,
              'COUNT',
              max,
              'BLOCK',
              waitMs,
              'STREAMS',
              keys.log,
              '>',
            )
          : redis.xreadgroup(
              'GROUP',
              archive,
              CONSUMER,
              'COUNT',
              max,
              'STREAMS',
              keys.log,
              which === 'others' ? '>' : '0',
            ),
      )
      if (!isReached(reply)) return reply
      const streams = (reply ?? []) as [string, [string, string[] | null][]][]
      // What was cut off since it was given has no fields any more.
      const entries = (streams[0]?.[1] ?? []).filter((entry): entry is StreamEntry => entry[1] !== null)
      return { kind: 'read', entries: entries.map(logEntryOf) }
    },
    confirm: async (archive, sequences) => {
      if (sequences.length === 0) return
      await commands.tell((redis) => redis.xack(keys.log, archive, ...sequences.map((each) => `${each}-0`)))
    },
    trim: async (archived, heardMs): Promise<Trimmed | Unreachable> => {
      const reply = await commands.script(
        'ephorTrim',
        [keys.log, keys.reports],
        [archived, heardMs, TRIM_MAX],
      )
      if (!isReached(reply)) return reply
      return { kind: 'trimmed', first: Number(reply[1]), keptFor: String(reply[2]) }
    },
  }
}
