/** The cluster over Redis: its keys under `ephor:`. */
import { randomUUID } from 'node:crypto'
import { EphorError } from '../base/errors.ts'
import {
  HANDED_OVER_MS,
  hashOfLine,
  LEASE_MS,
  PAYLOAD_MS,
  portionsOf,
  type Acquired,
  type Appended,
  type Cluster,
  type First,
  type Inbox,
  type Lease,
  type Log,
  type LogEnd,
  type LogEntry,
  type Renewed,
  type Retention,
  type Settled,
  type Texts,
  type Unreachable,
} from './cluster.ts'
import { nameOfPartition, WHOLE, type Partition } from '../protocol/partition.ts'
import type { BatchWindow } from './batching.ts'
import { EmergencyLane } from './emergency.ts'
import { Guard } from './guard.ts'
import { isReached, RedisConnection } from './redis-connection.ts'
import { inspect, replicated } from './redis-inspect.ts'
import { readPlace, type PlaceOptions, type RedisPlace } from './redis-place.ts'
import { retentionOver } from './redis-retention.ts'
import { sharedHalts, type ClosableHalts } from './shared-halts.ts'
import { inboxOver } from './redis-inbox.ts'
import { logEntryOf, readStream, WAIT_MS_MAX } from './stream-entry.ts'

/** Milliseconds that replicas have, before a group is sent again. */
const REPLICATED_MS = 150

/** Of all partitions. */
const KEYS = { halts: 'ephor:halts', partitions: 'ephor:partitions' } as const

/** Of one: all in one slot. */
interface PartitionKeys {
  readonly lease: string
  readonly log: string
  readonly inbox: string
  /** The lane of the inbox that is taken first. */
  readonly critical: string
  readonly reports: string
  readonly sent: (request: string) => string
}

function keysOf({ number }: Partition): PartitionKeys {
  const tag = `ephor:{${nameOfPartition(number)}}`
  return {
    lease: `${tag}:lease`,
    log: `${tag}:log`,
    inbox: `${tag}:inbox`,
    critical: `${tag}:critical`,
    reports: `${tag}:reports`,
    sent: (request) => `${tag}:sent:${request}`,
  }
}

export interface RedisOptions extends PlaceOptions {
  /** A URL of `PLACE_FORMS`. */
  readonly url: string
  /** A Redis of its own for halts; else the same. */
  readonly emergency?: string | undefined
  /** Replicas that have to have a group of records before anybody is told; else 1 behind Sentinel and in a Cluster, and 0 otherwise. */
  readonly replicas?: number | undefined
  /** How long inputs that are handed on are gathered; `none` where left out. */
  readonly window?: BatchWindow | undefined
  /** What this sidecar is called. */
  readonly name: string
  /** Which partition; else the only one. Their number is written down at the first start and never changes. */
  readonly partition?: Partition | undefined
}

export interface Opened {
  readonly cluster: Cluster
  /** What is not good and can be lived with. */
  readonly warnings: readonly string[]
}

/** The way to several partitions at once, over one emergency lane. */
export interface OpenedAll {
  /** By their numbers. */
  readonly clusters: readonly Cluster[]
  readonly warnings: readonly string[]
}

/** Connects and looks at the server. Throws `CLUSTER_UNREACHABLE` or `REDIS_UNFIT`; the latter says what to set. */
export async function openRedis({ partition = WHOLE, ...options }: RedisOptions): Promise<Opened> {
  const { clusters, warnings } = await openEach(options, [partition])
  const [cluster] = clusters
  if (cluster === undefined) throw new Error('invariant: one is opened for each partition')
  return { cluster, warnings }
}

/** The same for all of so many partitions. */
export function openPartitions(options: Omit<RedisOptions, 'partition'>, of: number): Promise<OpenedAll> {
  return openEach(
    options,
    Array.from({ length: of }, (_, number) => ({ number, of })),
  )
}

async function openEach(
  { url, emergency, name, replicas: wanted, window = 'none', ...more }: Omit<RedisOptions, 'partition'>,
  partitions: readonly Partition[],
): Promise<OpenedAll> {
  const place = readPlace(url, more)
  const replicas = wanted ?? (place.kind === 'single' ? 0 : 1)
  const opened = partitions.map((partition) => ({ partition, connections: connectionsTo(place) }))
  const [first] = opened
  if (first === undefined) throw new Error('invariant: there is a partition')
  const each = opened.flatMap(({ connections }) => Object.values(connections))
  try {
    await Promise.all(each.map((connection) => connection.connect()))
    const { commands } = first.connections
    const { refusals, warnings } = await inspect(commands, place, replicas)
    const all = [
      ...refusals,
      ...(refusals.length > 0 ? [] : await partitionProblems(commands, first.partition)),
    ]
    if (all.length > 0) throw new EphorError('REDIS_UNFIT', `${place.shown}: ${all.join('; ')}`)
    const haltsPlace = emergency === undefined ? place : readPlace(emergency, more)
    const lane = new EmergencyLane(haltsPlace, KEYS.halts)
    const { of } = first.partition
    const ears = of === 1 ? [lane] : sharedHalts(lane, opened.length, of)
    return {
      clusters: opened.map(
        ({ partition, connections }, number) =>
          new RedisCluster({ name, replicas, place: partition, window }, connections, ears[number] ?? lane),
      ),
      warnings: warnings.map((text) => `${place.shown}: ${text}`),
    }
  } catch (error) {
    for (const connection of each) connection.close()
    if (error instanceof EphorError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new EphorError('CLUSTER_UNREACHABLE', `${place.shown}: ${reason}`, { cause: error })
  }
}

function connectionsTo(place: RedisPlace): Connections {
  return {
    commands: new RedisConnection(place, 'commands', 0),
    // Waiting for replicas must not hold up a renewal.
    appends: new RedisConnection(place, 'appends', REPLICATED_MS),
    log: new RedisConnection(place, 'log', WAIT_MS_MAX),
    inbox: new RedisConnection(place, 'inbox', WAIT_MS_MAX),
  }
}

async function partitionProblems(connection: RedisConnection, { of }: Partition): Promise<string[]> {
  const put = await connection.tell((redis) => redis.setnx(KEYS.partitions, of))
  const found = isReached(put) ? await connection.tell((redis) => redis.get(KEYS.partitions)) : put
  if (!isReached(found)) return [`\`${KEYS.partitions}\` cannot be written: ${found.detail}`]
  if (found === String(of)) return []
  return [
    `it was begun with ${found} partitions and this sidecar has ${of}: that never changes, so start with the number it was begun with, or name another server`,
  ]
}

interface Connections {
  readonly commands: RedisConnection
  readonly appends: RedisConnection
  readonly log: RedisConnection
  readonly inbox: RedisConnection
}

class RedisCluster implements Cluster {
  readonly name: string
  readonly lease: Lease
  readonly log: Log
  readonly inbox: Inbox
  readonly halts: ClosableHalts
  readonly texts: Texts
  readonly payloads: Texts
  readonly retention: Retention
  readonly partition: string
  readonly place: Partition
  readonly first: First | undefined
  readonly guards: readonly Guard[]
  readonly #connections: Connections

  constructor(
    {
      name,
      replicas,
      place,
      window,
    }: {
      readonly name: string
      readonly replicas: number
      readonly place: Partition
      readonly window: BatchWindow
    },
    connections: Connections,
    halts: ClosableHalts,
  ) {
    this.name = name
    this.place = place
    this.partition = nameOfPartition(place.number)
    const keys = keysOf(place)
    this.#connections = connections
    this.lease = leaseOver(connections.commands, keys, name, replicas)
    this.log = logOver(connections, keys, replicas)
    // Renewals and appends are not held up: whether they get through decides who is home.
    const guard = new Guard(place.of === 1 ? 'redis' : `redis ${this.partition}`)
    this.guards = [guard]
    this.inbox = inboxOver(connections, keys, { name, guard, window })
    this.halts = halts
    this.texts = textsOver(connections.commands, 'ephor:text:')
    this.payloads = textsOver(connections.commands, 'ephor:payload:', PAYLOAD_MS)
    this.retention = retentionOver(connections, keys)
    this.first = place.number === 0 ? undefined : firstOver(connections, place, replicas)
  }

  async close(): Promise<void> {
    for (const connection of Object.values(this.#connections)) connection.close()
    await this.halts.close()
  }
}

/** A home does not read its own log, so the connection for that is free. */
function firstOver(connections: Connections, { of }: Partition, replicas: number): First {
  const number = 0
  const keys = keysOf({ number, of })
  const retention = retentionOver(connections, keys)
  return { partition: nameOfPartition(number), log: logOver(connections, keys, replicas), retention }
}

function leaseOver(commands: RedisConnection, keys: PartitionKeys, name: string, replicas: number): Lease {
  // Two processes with one name by mistake do not take it from each other.
  const process = randomUUID()
  return {
    acquire: async (floor, accepted = ''): Promise<Acquired | Unreachable> => {
      const args = [name, LEASE_MS, floor, accepted, process, Math.max(LEASE_MS, HANDED_OVER_MS)]
      const reply = await commands.script('ephorAcquire', [keys.lease, keys.log], args)
      if (!isReached(reply)) return reply
      const [kind, first, second, third] = reply
      if (kind === 'acquired') {
        // A failover that forgot it would give its epoch to another.
        const kept = await withReplicas(commands, keys.lease, replicas)
        return kept ?? { kind, epoch: Number(first), end: endOf(second, third) }
      }
      const holder = String(first)
      return kind === 'held' ? { kind, holder, leftMs: Number(second) } : { kind: 'orphaned', holder }
    },
    renew: async (epoch): Promise<Renewed | Unreachable> => {
      const reply = await commands.script('ephorRenew', [keys.lease], [epoch, LEASE_MS])
      if (!isReached(reply)) return reply
      const [kind, other] = reply
      if (kind === 'lost') return { kind, epoch: Number(other) }
      return kind === 'renewed' ? { kind } : { kind: 'restarted' }
    },
    settle: async (epoch): Promise<Settled | Unreachable> => {
      const reply = await commands.script('ephorSettle', [keys.lease], [epoch])
      if (!isReached(reply)) return reply
      const [kind, other] = reply
      if (kind === 'lost') return { kind, epoch: Number(other) }
      return kind === 'settled' ? { kind } : { kind: 'restarted' }
    },
    release: async (epoch, successor = '') => {
      await commands.script('ephorRelease', [keys.lease], [epoch, successor, HANDED_OVER_MS])
    },
  }
}

function logOver({ commands, appends, log }: Connections, keys: PartitionKeys, replicas: number): Log {
  const appendSome = async (epoch: number, some: readonly LogEntry[]): Promise<Appended | Unreachable> => {
    const args = [epoch, some[0]?.sequence ?? 0, some.at(-1)?.seal ?? '', ...some.map(({ line }) => line)]
    const reply = await appends.script('ephorAppend', [keys.lease, keys.log], args)
    if (!isReached(reply)) return reply
    const [kind, number, hash] = reply
    if (kind === 'appended') return { kind }
    if (kind === 'stale') return { kind, epoch: Number(number) }
    if (kind === 'restarted') return { kind }
    return { kind: kind === 'behind' ? 'behind' : 'differs', end: endOf(number, hash) }
  }
  return {
    append: async (epoch, entries) => {
      for (const some of portionsOf(entries)) {
        const appended = await appendSome(epoch, some)
        if (appended.kind !== 'appended') return appended
      }
      return (await withReplicas(appends, keys.log, replicas)) ?? { kind: 'appended' }
    },
    end: async () => {
      const reply = await commands.tell((redis) => redis.xrevrange(keys.log, '+', '-', 'COUNT', 1))
      if (!isReached(reply)) return reply
      const last = reply[0]
      const [entry] = last === undefined ? [] : [logEntryOf(last)]
      if (entry === undefined) return { kind: 'end', end: endOf(0, '0'.repeat(64)), first: 0 }
      const begin = await commands.tell((redis) => redis.xrange(keys.log, '-', '+', 'COUNT', 1))
      if (!isReached(begin)) return begin
      const first = begin[0] === undefined ? 0 : logEntryOf(begin[0]).sequence
      return { kind: 'end', end: endOf(entry.sequence, hashOfLine(entry.line)), first }
    },
    read: async (sequence, max, waitMs) => {
      const reply = await readStream(log, max, waitMs, keys.log, `${sequence}-0`)
      return isReached(reply) ? { kind: 'read', entries: reply.map(logEntryOf) } : reply
    },
  }
}

/** Waits until so many replicas have what was written; what came of it where they do not. */
async function withReplicas(
  connection: RedisConnection,
  key: string,
  replicas: number,
): Promise<Unreachable | undefined> {
  if (replicas === 0) return undefined
  const kept = await replicated(connection, key, replicas, REPLICATED_MS)
  return kept.kind === 'unreachable' ? kept : undefined
}

/** Texts under a prefix and their hash, for good or for `keptMs`. */
function textsOver(commands: RedisConnection, prefix: string, keptMs?: number): Texts {
  const key = (hash: string): string => `${prefix}${hash}`
  return {
    keep: async (hash, text) => {
      const reply = await commands.tell((redis) =>
        keptMs === undefined ? redis.set(key(hash), text) : redis.set(key(hash), text, 'PX', keptMs),
      )
      return isReached(reply) ? { kind: 'kept' } : reply
    },
    text: async (hash) => {
      const reply = await commands.tell((redis) => redis.get(key(hash)))
      return isReached(reply) ? { kind: 'text', text: reply ?? undefined } : reply
    },
  }
}

function endOf(sequence: unknown, hash: unknown): LogEnd {
  return { sequence: Number(sequence), hash: String(hash) }
}
