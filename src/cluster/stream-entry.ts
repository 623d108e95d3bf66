/** Entries of streams: how they are read, and made into what they stand for. */
import type { LogEntry, Unreachable } from './cluster.ts'
import { isReached, type RedisConnection } from './redis-connection.ts'

export type StreamEntry = [id: string, fields: string[]]

export function fieldOf(fields: readonly string[], name: string): string {
  const place = fields.indexOf(name)
  return place < 0 ? '' : (fields[place + 1] ?? '')
}

export function logEntryOf([id, fields]: StreamEntry): LogEntry {
  const entry = { sequence: Number(id.split('-')[0]), line: fieldOf(fields, 'line') }
  const seal = fieldOf(fields, 'seal')
  return seal === '' ? entry : { ...entry, seal }
}

/** Milliseconds that a read waits at most. */
export const WAIT_MS_MAX = 1_000

/** At most `max` entries of a stream behind one; waits up to `waitMs` for the first. */
export async function readStream(
  connection: RedisConnection,
  max: number,
  waitMs: number,
  key: string,
  after: string,
): Promise<readonly StreamEntry[] | Unreachable> {
  const reply = await readStreams(connection, max, waitMs, [[key, after]])
  return isReached(reply) ? (reply.get(key) ?? []) : reply
}

/** The same of several streams at one moment, by their keys. */
export async function readStreams(
  connection: RedisConnection,
  max: number,
  waitMs: number,
  places: readonly (readonly [key: string, after: string])[],
): Promise<ReadonlyMap<string, readonly StreamEntry[]> | Unreachable> {
  const streams = [...places.map(([key]) => key), ...places.map(([, after]) => after)]
  const reply = await connection.tell((redis) =>
    waitMs > 0
      ? redis.xread('COUNT', max, 'BLOCK', Math.min(waitMs, WAIT_MS_MAX), 'STREAMS', ...streams)
      : redis.xread('COUNT', max, 'STREAMS', ...streams),
  )
  return isReached(reply) ? new Map(reply ?? []) : reply
}
