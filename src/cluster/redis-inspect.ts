/** Asks the servers of a place what they are, and judges each. */
import { isReached, type RedisConnection } from './redis-connection.ts'
import { clientFor } from './redis-client.ts'
import { fitnessOf, SETTINGS, type Fitness, type ServerConfig } from './redis-fitness.ts'
import type { RedisPlace } from './redis-place.ts'

/** All that is wrong with the servers behind a connection, once each. */
export async function inspect(
  connection: RedisConnection,
  place: RedisPlace,
  replicas: number,
): Promise<Fitness> {
  const refusals = new Set<string>()
  const warnings = new Set<string>()
  const watched = place.kind === 'sentinel' ? await downAfterMs(place) : undefined
  const servers = await connection.servers()
  for (const { info, ask } of servers) {
    const config = await configOf(ask)
    const failoverMs = place.kind === 'cluster' ? numberIn(config, 'cluster-node-timeout') : watched
    const found = fitnessOf({ info }, config, { kind: place.kind, replicas, failoverMs })
    for (const text of found.refusals) refusals.add(text)
    for (const text of found.warnings) warnings.add(text)
  }
  return { refusals: [...refusals], warnings: [...warnings] }
}

async function configOf(ask: (setting: string) => Promise<unknown>): Promise<ServerConfig> {
  const config = new Map<string, string>()
  for (const setting of SETTINGS) {
    // A server that does not let us ask says so with an error, which is no reason not to use it.
    const reply = await ask(setting).catch(() => undefined)
    if (Array.isArray(reply) && reply.length === 2) config.set(setting, String(reply[1]))
  }
  return config
}

function numberIn(config: ServerConfig, name: string): number | undefined {
  const text = config.get(name)
  return text === undefined ? undefined : Number(text)
}

/** After how long the Sentinels take the master for gone; `undefined` where none says it. */
async function downAfterMs(place: RedisPlace): Promise<number | undefined> {
  for (const node of place.nodes) {
    const { sentinelPassword, tls, shown, group } = place
    const sentinel = clientFor(
      { kind: 'single', nodes: [node], password: sentinelPassword, database: 0, tls, shown },
      { purpose: 'inspect', waitMs: 0 },
    )
    sentinel.on('error', () => undefined)
    try {
      await sentinel.connect()
      const reply = await sentinel.call('SENTINEL', 'MASTER', group ?? '')
      const fields = Array.isArray(reply) ? reply.map(String) : []
      const place = fields.indexOf('down-after-milliseconds')
      if (place >= 0) return Number(fields[place + 1])
    } catch {
      // The next may answer.
    } finally {
      sentinel.disconnect()
    }
  }
  return undefined
}

/** Whether so many replicas have what this connection wrote last under `key`, as `unreachable` when not within `withinMs`. */
export async function replicated(
  connection: RedisConnection,
  key: string,
  replicas: number,
  withinMs: number,
): Promise<{ readonly kind: 'replicated' } | { readonly kind: 'unreachable'; readonly detail: string }> {
  // In a Redis Cluster the key leads to the server that took the write.
  const reply = await connection.tell((redis) => redis.pipeline().exists(key).wait(replicas, withinMs).exec())
  if (!isReached(reply)) return reply
  const [error, count] = reply?.[1] ?? []
  if (error === null && Number(count) >= replicas) return { kind: 'replicated' }
  const why = error instanceof Error ? error.message : `${Number(count ?? 0)} of ${replicas} replicas have it`
  return { kind: 'unreachable', detail: why }
}
