/** One connection to Redis that knows whether it leads anywhere: every call ends, as a reply or as `unreachable`. */
import type { Socket } from 'node:net'
import { Cluster, type Redis } from 'ioredis'
import type { Unreachable } from './cluster.ts'
import { clientFor, RETRY_MS } from './redis-client.ts'
import type { RedisPlace } from './redis-place.ts'
import { luaFor, SCRIPTS, type ScriptName } from './scripts.ts'

/** What a server says of itself. */
export interface Server {
  /** Another after each restart, and of each master. */
  readonly run: string
  /** The lines of `INFO`. */
  readonly info: ReadonlyMap<string, string>
}

/** A server that can be asked for its settings. */
export interface Asked extends Pick<Server, 'info'> {
  readonly ask: (setting: string) => Promise<unknown>
}

const ignore = (): void => undefined

type Reply = readonly (string | number)[]

/** A connection that has met its server. Commands fail while it has not. */
export class RedisConnection {
  readonly #redis: Redis | Cluster
  #server: Server | undefined
  #problem = 'not connected yet'
  #isMet = false
  #isClosed = false

  /** `waitMs` is how long its commands may block. Does not connect yet. */
  constructor(place: RedisPlace, purpose: string, waitMs: number) {
    this.#redis = clientFor(place, { purpose, waitMs })
    this.#redis.on('error', (error) => {
      this.#problem = error.message
      this.#outliveErrors()
    })
    this.#redis.on('connect', () => this.#outliveErrors())
    this.#redis.on('close', () => {
      this.#server = undefined
    })
    this.#redis.on('end', () => {
      // Whatever made the library give up, as Sentinels in the middle of a failover do: it is tried again.
      if (!this.#isClosed && this.#isMet) setTimeout(() => this.#again(), RETRY_MS).unref()
    })
    this.#redis.on('ready', () => {
      // A failure is the next command's to report.
      void this.#meet().catch(() => undefined)
    })
  }

  /** Connects for the first time; rejects with the library's error, or what it said before it gave up. */
  async connect(): Promise<Server> {
    try {
      await this.#redis.connect()
    } catch (error) {
      this.#redis.disconnect()
      const isVague = error instanceof Error && /closed|reconnect|None of startup nodes/i.test(error.message)
      throw isVague && this.#problem !== 'not connected yet'
        ? new Error(`${error.message}: ${this.#problem}`, { cause: error })
        : error
    }
    return this.#server ?? (await this.#meet())
  }

  /** Connects as soon as there is anything to connect to. */
  async connectSoon(): Promise<void> {
    this.#isMet = true
    await this.#redis.connect().catch(() => undefined)
  }

  /** The servers that take writes: one, or all masters of a Redis Cluster. */
  async servers(): Promise<readonly Asked[]> {
    const redis = this.#redis
    const all = redis instanceof Cluster ? redis.nodes('master') : [redis]
    return Promise.all(
      all.map(async (each) => ({
        info: infoOf(await each.info()),
        ask: (setting: string) => each.config('GET', setting),
      })),
    )
  }

  /** Runs a script by its hash, and whole where the server does not know it. One that does not say how many keys it has takes any number. */
  script(
    name: ScriptName,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<Reply | Unreachable> {
    const run = this.#redis as unknown as Readonly<
      Record<ScriptName, (...all: (string | number)[]) => Promise<Reply>>
    >
    const count = 'numberOfKeys' in SCRIPTS[name] ? [] : [keys.length]
    return this.tell(() => run[name](...count, ...keys, ...args))
  }

  /** What the command answers, or why it did not. */
  async tell<T>(command: (redis: Redis) => Promise<T>): Promise<T | Unreachable> {
    try {
      // A connection that could not be asked who is there when it was made is asked again.
      if (this.#server === undefined && this.#redis.status === 'ready') await this.#meet()
      if (this.#server === undefined) return this.#unreachable(this.#problem)
      // Both have the same commands.
      return await command(this.#redis as Redis)
    } catch (error) {
      return this.#unreachable(error instanceof Error ? error.message : String(error))
    }
  }

  close(): void {
    this.#isClosed = true
    this.#problem = 'closed'
    this.#redis.disconnect()
  }

  /** The library hears the first error of a socket and no more; of TLS there can be a second, and one that nobody hears ends the process. */
  #outliveErrors(): void {
    const redis = this.#redis
    if (redis instanceof Cluster) return
    const { stream } = redis as { readonly stream?: Socket }
    if (stream?.listeners('error').includes(ignore) === false) stream.on('error', ignore)
  }

  #again(): void {
    if (!this.#isClosed) void this.#redis.connect().catch(() => undefined)
  }

  async #meet(): Promise<Server> {
    await this.#selectDatabase()
    const info = infoOf(await this.#redis.info())
    const server = { run: info.get('run_id') ?? '', info }
    const major = Number.parseInt(info.get('redis_version') ?? '', 10)
    for (const [name, { lua, ...keys }] of Object.entries(SCRIPTS))
      this.#redis.defineCommand(name, { lua: luaFor(lua, major), ...keys })
    this.#server = server
    this.#isMet = true
    return server
  }

  /** The library goes on in database 0 where there is none of that number. Rejects with what the server says of it. */
  async #selectDatabase(): Promise<void> {
    const { options } = this.#redis
    if (this.#redis instanceof Cluster || options === undefined || !('db' in options)) return
    if (options.db !== undefined && options.db !== 0) await this.#redis.select(options.db)
  }

  #unreachable(detail: string): Unreachable {
    return { kind: 'unreachable', detail }
  }
}

/** Whether it is a result and not what came of a lost call. */
export function isReached<T>(reply: T | Unreachable): reply is T {
  return !(typeof reply === 'object' && reply !== null && 'kind' in reply && reply.kind === 'unreachable')
}

/** The lines of a reply to `INFO`, by name. */
function infoOf(text: string): Map<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':') && !line.startsWith('#'))
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)] as const),
  )
}
