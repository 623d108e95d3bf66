/** Whether a Redis can be built on: what would lose or remove what was written is refused, each with the setting to change. */
import type { Server } from './redis-connection.ts'

/** What `CONFIG GET` says; empty where the server does not let us ask. */
export type ServerConfig = ReadonlyMap<string, string>

export interface Fitness {
  /** A sidecar does not start on it. */
  readonly refusals: readonly string[]
  readonly warnings: readonly string[]
}

/** The oldest server with all that the scripts use. */
const OLDEST = [6, 2] as const

/** Judges a server by its `INFO` and its configuration. */
export function fitnessOf({ info }: Pick<Server, 'info'>, config: ServerConfig): Fitness {
  const refusals: string[] = []
  const warnings: string[] = []
  const say = (name: string): string => info.get(name) ?? ''
  const version = say('redis_version')
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
    refusals.push(`it is version ${version || 'unknown'}: install 6.2 or later`)
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
    warnings.push('it does not let us read its settings, so `save` and `appendfsync` were not checked')
  if (say('cluster_enabled') === '1')
    refusals.push('it is part of a Redis Cluster, which this version does not follow: name a single server')
  return { refusals, warnings }
}
