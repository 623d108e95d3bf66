/** Makes the library's client for a place, set so that every command ends and none is ever sent twice by the library. */
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { RedisPlace } from './redis-place.ts'

/** Milliseconds after which a command counts as unanswered. */
const COMMAND_MS = 1_000
const CONNECT_MS = 1_000
/** Milliseconds between two tries to reach it. */
export const RETRY_MS = 50
/** … where it has been away for long. */
const RETRY_MS_MAX = 1_000

/** How one connection is used. */
export interface Usage {
  /** Shown in `CLIENT LIST` as `ephor-…`. */
  readonly purpose: string
  /** Milliseconds that its commands may block. */
  readonly waitMs: number
}

/** A client that does not connect yet. A Cluster's has the same commands. */
export function clientFor(place: RedisPlace & { readonly kind: 'single' }, usage: Usage): Redis
export function clientFor(place: RedisPlace, usage: Usage): Redis | Cluster
export function clientFor(place: RedisPlace, usage: Usage): Redis | Cluster {
  const { kind, nodes, group, sentinelPassword, database, tls } = place
  const options = optionsFor(place, usage)
  const [first] = nodes
  if (first === undefined) throw new Error('invariant: a place has a node at least')
  switch (kind) {
    case 'single':
      return new Redis({ ...options, ...first, db: database })
    case 'sentinel':
      return new Redis({
        ...options,
        sentinels: [...nodes],
        name: group ?? '',
        role: 'master',
        ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
        ...(tls === undefined ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true }),
        sentinelCommandTimeout: CONNECT_MS,
        // Where no Sentinel is there for long, each try costs more than the one before.
        sentinelRetryStrategy: (tries) => Math.min(tries * RETRY_MS, RETRY_MS_MAX),
      })
    case 'cluster': {
      return new Cluster([...nodes], {
        redisOptions: options,
        lazyConnect: true,
        enableOfflineQueue: false,
        enableAutoPipelining: false,
        clusterRetryStrategy: () => RETRY_MS,
        // What a closed connection left unanswered is ours to send again.
        retryDelayOnFailover: 0,
        slotsRefreshTimeout: CONNECT_MS,
        // Whoever is not told of a failover by a redirection asks.
        slotsRefreshInterval: COMMAND_MS,
      })
    }
  }
}

function optionsFor(
  { username, password, tls }: RedisPlace,
  { purpose, waitMs }: Usage,
): Omit<RedisOptions, 'replyMapping'> {
  return {
    lazyConnect: true,
    connectionName: `ephor-${purpose}`,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
    // Replies to `XREAD` have one form under both protocols' servers.
    protocol: 2,
    // We send again, with the same id: the library would send an unanswered script a second time without one.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    // A blocking read would hold up what is behind it.
    enableAutoPipelining: false,
    connectTimeout: CONNECT_MS,
    commandTimeout: COMMAND_MS + waitMs,
    // A dead connection is one that has said nothing for longer than a command may take.
    socketTimeout: COMMAND_MS + waitMs + RETRY_MS,
    retryStrategy: () => RETRY_MS,
    // A master that became a replica: its name may lead to another by now.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  }
}
