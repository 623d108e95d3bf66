/** One connection to Redis, set so that every command ends, and none is ever sent twice by the library. */
import { Redis } from 'ioredis'
import type { Unreachable } from './cluster.ts'
import { luaFor, SCRIPTS, type ScriptName } from './scripts.ts'

/** Milliseconds after which a command counts as unanswered. */
const COMMAND_MS = 1_000
const CONNECT_MS = 1_000
/** Milliseconds between two tries to reach it. */
const RETRY_MS = 50

/** What the server says of itself when a connection is made. */
export interface Server {
  /** Another after each restart, and of each master. */
  readonly run: string
  /** The lines of `INFO`. */
  readonly info: ReadonlyMap<string, string>
}

type Reply = readonly (string | number)[]

/** A connection that knows which server it leads to. Commands fail while it does not. */
export class RedisConnection {
  readonly #redis: Redis
  #server: Server | undefined
  #problem = 'not connected yet'

  /** `waitMs` is how long its commands may block. Does not connect yet. */
  constructor(url: string, purpose: string, waitMs: number) {
    this.#redis = new Redis(url, {
      lazyConnect: true,
      connectionName: `ephor-${purpose}`,
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
    })
    this.#redis.on('error', (error) => {
      this.#problem = error.message
    })
    this.#redis.on('close', () => {
      this.#server = undefined
    })
    this.#redis.on('ready', () => {
      // A failure is the next command's to report.
      void this.#meet().catch(() => undefined)
    })
  }

  /** Connects for the first time; rejects with the library's error. */
  async connect(): Promise<Server> {
    try {
      await this.#redis.connect()
    } catch (error) {
      this.#redis.disconnect()
      throw error
    }
    return this.#server ?? (await this.#meet())
  }

  get run(): string | undefined {
    return this.#server?.run
  }

  /** Runs a script by its hash, and whole where the server does not know it. */
  script(
    name: ScriptName,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<Reply | Unreachable> {
    const run = this.#redis as unknown as Readonly<
      Record<ScriptName, (...all: (string | number)[]) => Promise<Reply>>
    >
    return this.tell(() => run[name](...keys, ...args))
  }

  /** What the command answers, or why it did not. */
  async tell<T>(command: (redis: Redis) => Promise<T>): Promise<T | Unreachable> {
    if (this.#server === undefined) return this.#unreachable(this.#problem)
    try {
      return await command(this.#redis)
    } catch (error) {
      return this.#unreachable(error instanceof Error ? error.message : String(error))
    }
  }

  close(): void {
    this.#problem = 'closed'
    this.#redis.disconnect()
  }

  async #meet(): Promise<Server> {
    const info = infoOf(await this.#redis.info())
    const server = { run: info.get('run_id') ?? '', info }
    const major = Number.parseInt(info.get('redis_version') ?? '', 10)
    for (const [name, { lua, numberOfKeys }] of Object.entries(SCRIPTS))
      this.#redis.defineCommand(name, { lua: luaFor(lua, major), numberOfKeys })
    this.#server = server
    return server
  }

  #unreachable(detail: string): Unreachable {
    return { kind: 'unreachable', detail }
  }
}

/** Whether it is a result and not what came of a lost call. */
export function isReached<T>(reply: T | Unreachable): reply is T {
  return !(typeof reply === 'object' && reply !== null && 'kind' in reply && reply.kind === 'unreachable')
}

function infoOf(text: string): Map<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':') && !line.startsWith('#'))
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)] as const),
  )
}
