/** Whether a Redis can be built on: what would lose or remove what was written is refused, each with the setting to change. */
import type { Server } from './redis-connection.ts'
import type { RedisPlace } from './redis-place.ts'

/** What `CONFIG GET` says; empty where the server does not let us ask. */
export type ServerConfig = ReadonlyMap<string, string>

export interface Fitness {
  /** A sidecar does not start on it. */
  readonly refusals: readonly string[]
  readonly warnings: readonly string[]
}

/** What a server is to be part of. */
export interface Deployment {
  readonly kind: RedisPlace['kind']
  /** Replicas that have to have a group of records before anybody is told. */
  readonly replicas: number
  /** Milliseconds after which another master is made of a replica; `undefined` where nobody does, or it is not known. */
  readonly failoverMs?: number | undefined
}

const SINGLE: Deployment = { kind: 'single', replicas: 0 }

/** The oldest server with all that the scripts use. Valkey says which Redis it is like. */
const OLDEST = [6, 2] as const
const NEEDED = 'install Redis 6.2 or later, or Valkey'
/** What is asked of `CONFIG GET`. */
export const SETTINGS = [
  'save',
  'appendfsync',
  'min-replicas-to-write',
  'min-replicas-max-lag',
  'cluster-node-timeout',
] as const

/** Judges a server by its `INFO` and its configuration. */
export function fitnessOf(
  { info }: Pick<Server, 'info'>,
  config: ServerConfig,
  deployment: Deployment = SINGLE,
): Fitness {
  const refusals: string[] = []
  const warnings: string[] = []
  const say = (name: string): string => info.get(name) ?? ''
  const version = say('redis_version')
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
    refusals.push(`it is version ${version || 'unknown'}: ${NEEDED}`)
  const role = say('role')
  if (role !== 'master')
    refusals.push(
      `it is a ${role || 'server of unknown role'} and cannot be written: name the master in the URL`,
    )
  const policy = say('maxmemory_policy')
  if (policy !== 'noeviction')
    refusals.push(
      `it removes keys when memory is short: set \`maxmemory-policy noeviction\` (it is \`${policy}\`)`,
    )
  const onAppend = say('aof_enabled') === '1'
  const save = config.get('save')
  if (!onAppend && save === '')
    refusals.push('it keeps nothing over a restart: set `appendonly yes` and `appendfsync always`')
  else if (!onAppend) warnings.push('a restart loses what came after its last snapshot: set `appendonly yes`')
  const sync = config.get('appendfsync')
  if (onAppend && sync !== undefined && sync !== 'always')
    warnings.push(`a power cut loses what was written last: set \`appendfsync always\` (it is \`${sync}\`)`)
  if (config.size === 0)
    warnings.push(`it does not let us read its settings, so ${list(SETTINGS)} were not checked`)
  const isPart = say('cluster_enabled') === '1'
  if (isPart && deployment.kind !== 'cluster')
    refusals.push('it is part of a Redis Cluster: name it as `redis+cluster://…`')
  if (!isPart && deployment.kind === 'cluster')
    refusals.push('it is no part of a Redis Cluster: set `cluster-enabled yes`, or name it as `redis://…`')
  const replication = replicationOf(config, deployment, Number(say('connected_slaves')))
  refusals.push(...replication.refusals)
  warnings.push(...replication.warnings)
  return { refusals, warnings }
}

/** A master that goes on writing while another is made loses what it took: it has to stop before. */
function replicationOf(
  config: ServerConfig,
  { kind, replicas, failoverMs }: Deployment,
  connected: number,
): Fitness {
  if (replicas === 0) {
    const warnings: string[] = []
    if (kind !== 'single')
      warnings.push('a failover loses what no replica has yet: leave `redis.replicas` at 1 or more')
    else if (connected > 0)
      warnings.push(`it has ${connected} replicas and none is waited for: set \`redis.replicas: 1\``)
    return { refusals: [], warnings }
  }
  const refusals: string[] = []
  const least = config.get('min-replicas-to-write')
  if (least !== undefined && Number(least) < replicas)
    refusals.push(
      `it goes on writing without replicas: set \`min-replicas-to-write ${replicas}\` (it is \`${least}\`)`,
    )
  const lag = config.get('min-replicas-max-lag')
  if (lag !== undefined && failoverMs !== undefined && Number(lag) * 1_000 >= failoverMs)
    refusals.push(
      `it goes on writing for ${lag} s without a word from its replicas, and another is master after ${failoverMs} ms: set \`min-replicas-max-lag ${Math.max(1, Math.ceil(failoverMs / 1_000) - 1)}\`, or a longer ${kind === 'cluster' ? '`cluster-node-timeout`' : '`down-after-milliseconds`'}`,
    )
  return { refusals, warnings: [] }
}

function list(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ')
}
