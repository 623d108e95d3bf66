/** The board over Redis, on connections of its own: what agents tell each other does not stand before what is decided. */
import { BATCH_WINDOWS_MS, Batching, type BatchWindow } from './batching.ts'
import {
  SHARED_MAX,
  TOPIC_MAX,
  type Board,
  type Leased,
  type Said,
  type Seal,
  type SharedWrite,
  type TopicRead,
  type Written,
  type Fence,
} from './board.ts'
import type { Unreachable } from './cluster.ts'
import { Guard } from './guard.ts'
import { isReached, RedisConnection } from './redis-connection.ts'
import { readPlace, type PlaceOptions } from './redis-place.ts'
import { WAIT_MS_MAX } from './stream-entry.ts'

const REQUEST_MS = 10_000
/** Milliseconds that the token of a lease is remembered after its end: after that the clock keeps tokens growing. */
const TOKEN_MS = 60_000

const topicKey = (topic: string): string => `ephor:topic:{${topic}}`
const KEYS = {
  value: (key: string) => `ephor:{shared}:value:${key}`,
  lease: (key: string) => `ephor:{shared}:lease:${key}`,
  values: 'ephor:{shared}:values',
  leases: 'ephor:{shared}:leases',
}

/** Connects. Rejects with the library's error where it cannot. */
export async function openRedisBoard(
  url: string,
  { window = 'none', ...more }: PlaceOptions & { readonly window?: BatchWindow | undefined } = {},
): Promise<Board> {
  const place = readPlace(url, more)
  const commands = new RedisConnection(place, 'board', 0)
  const topics = new RedisConnection(place, 'topics', WAIT_MS_MAX)
  try {
    await Promise.all([commands.connect(), topics.connect()])
  } catch (error) {
    commands.close()
    topics.close()
    throw error
  }
  return new RedisBoard(commands, topics, BATCH_WINDOWS_MS[window])
}

/** The calls that a guard may turn away. */
type Guarded = Pick<RedisConnection, 'script' | 'tell' | 'close'>

function guardedBy(guard: Guard, connection: RedisConnection): Guarded {
  return {
    script: (...call) => guard.run(() => connection.script(...call)),
    tell: (command) => guard.run(() => connection.tell(command)),
    close: () => connection.close(),
  }
}

interface Sealable extends Said {
  readonly seal: Seal
}

/** Characters of what goes together, so that an entry is no larger for that than one of a single message may be. */
const TOGETHER_CHARACTERS_MAX = 65_536

/** What goes together each; of those with one request the first. */
function portionsOf(all: readonly Sealable[]): Sealable[][] {
  const portions: Sealable[][] = []
  const requests = new Set<string>()
  let left = 0
  for (const one of all) {
    if (requests.has(one.request)) continue
    requests.add(one.request)
    left -= one.text.length
    const portion = portions.at(-1)
    if (portion !== undefined && left >= 0) portion.push(one)
    else {
      portions.push([one])
      left = TOGETHER_CHARACTERS_MAX - one.text.length
    }
  }
  return portions
}

class RedisBoard implements Board {
  readonly #commands: Guarded
  readonly #topics: RedisConnection
  readonly guards: readonly Guard[]
  readonly #windowMs: number
  readonly #batches = new Map<string, Batching<Sealable, string>>()

  constructor(commands: RedisConnection, topics: RedisConnection, windowMs: number) {
    const guard = new Guard('board')
    this.guards = [guard]
    // What waits for a message is no failure, so that connection is not guarded.
    this.#commands = guardedBy(guard, commands)
    this.#topics = topics
    this.#windowMs = windowMs
  }

  async publish(topic: string, said: Said, seal: Seal, isUrgent?: boolean): ReturnType<Board['publish']> {
    const place = await this.#publishing(topic).add({ ...said, seal }, isUrgent)
    return typeof place === 'string' ? { kind: 'put', place } : place
  }

  /** What is published on a topic, gathered. */
  #publishing(topic: string): Batching<Sealable, string> {
    const known = this.#batches.get(topic)
    if (known !== undefined) return known
    const made = new Batching<Sealable, string>(this.#windowMs, async (all) => {
      const places = new Map<string, string>()
      const ended = await Promise.all(portionsOf(all).map((some) => this.#put(topic, some, places)))
      return ended.find((one) => one !== undefined) ?? all.map(({ request }) => places.get(request) ?? '')
    })
    this.#batches.set(topic, made)
    return made
  }

  /** Puts messages there as one entry, and notes the place of each in `places`; those that were said before are left out. */
  async #put(
    topic: string,
    said: readonly Sealable[],
    places: Map<string, string>,
  ): Promise<Unreachable | undefined> {
    const [first] = said
    if (first === undefined) return undefined
    const key = topicKey(topic)
    const keys = [key, `${key}:sent`, `${key}:sent:before`]
    const text = first.seal(said.map((one) => one.text))
    const requests = said.map(({ request }) => request)
    const reply = await this.#commands.script('ephorPublish', keys, [
      TOPIC_MAX,
      REQUEST_MS,
      text,
      ...requests,
    ])
    if (!isReached(reply)) return reply
    for (const [at, { request }] of said.entries())
      if (reply[at] !== '') places.set(request, String(reply[at]))
    return this.#put(
      topic,
      said.filter(({ request }) => !places.has(request)),
      places,
    )
  }

  async read(topic: string, after: string, max: number): Promise<TopicRead | Unreachable> {
    const reply = await this.#commands.tell((redis) =>
      redis.xrange(topicKey(topic), `(${after}`, '+', 'COUNT', max),
    )
    if (!isReached(reply)) return reply
    return {
      kind: 'read',
      entries: reply.map(([place, fields]) => ({ topic, place, text: fields[1] ?? '' })),
    }
  }

  async end(topic: string): ReturnType<Board['end']> {
    const reply = await this.#commands.tell((redis) => redis.xrevrange(topicKey(topic), '+', '-', 'COUNT', 1))
    return isReached(reply) ? { kind: 'end', place: reply[0]?.[0] ?? '0-0' } : reply
  }

  async wait(
    after: ReadonlyMap<string, string>,
    max: number,
    waitMs: number,
  ): Promise<TopicRead | Unreachable> {
    const keys = [...after.keys()].map(topicKey)
    const reply = await this.#topics.tell((redis) =>
      redis.xread(
        'COUNT',
        max,
        'BLOCK',
        Math.max(1, Math.min(waitMs, WAIT_MS_MAX)),
        'STREAMS',
        ...keys,
        ...after.values(),
      ),
    )
    if (!isReached(reply)) return reply
    const found = new Map((reply ?? []) as [string, [string, string[]][]][])
    return {
      kind: 'read',
      entries: [...after.keys()].flatMap((topic) =>
        (found.get(topicKey(topic)) ?? []).map(([place, fields]) => ({
          topic,
          place,
          text: fields[1] ?? '',
        })),
      ),
    }
  }

  async get(key: string): ReturnType<Board['get']> {
    const reply = await this.#commands.script('ephorSharedGet', [KEYS.value(key)], [])
    if (!isReached(reply)) return reply
    const [version, text, left] = reply
    if (version === '') return { kind: 'value', value: undefined }
    const leftMs = Number(left) < 0 ? null : Number(left)
    return { kind: 'value', value: { version: Number(version), text: String(text), leftMs } }
  }

  async put(key: string, write: SharedWrite): Promise<Written | Unreachable> {
    const { text, expected = '', ttlMs = '', fence } = write
    const reply = await this.#commands.script(
      'ephorSharedPut',
      [KEYS.value(key), KEYS.lease(key), KEYS.values],
      [SHARED_MAX, key, text, expected, ttlMs, fence?.token ?? '', fence?.holder ?? ''],
    )
    if (!isReached(reply)) return reply
    const [kind, number] = reply
    switch (kind) {
      case 'written':
      case 'conflict':
        return { kind, version: Number(number) }
      case 'fenced':
        return { kind, token: Number(number) }
      default:
        return { kind: 'full', keys: Number(number) }
    }
  }

  async lease(key: string, holder: string, ttlMs: number): Promise<Leased | Unreachable> {
    const reply = await this.#commands.script(
      'ephorSharedLease',
      [KEYS.lease(key), KEYS.leases],
      [SHARED_MAX, key, holder, ttlMs, TOKEN_MS],
    )
    if (!isReached(reply)) return reply
    const [kind, first, left] = reply
    if (kind === 'leased') return { kind, token: Number(first), leftMs: Number(left) }
    if (kind === 'held') return { kind, holder: String(first), leftMs: Number(left) }
    return { kind: 'full', keys: Number(first) }
  }

  async release(key: string, { token, holder }: Fence): ReturnType<Board['release']> {
    const reply = await this.#commands.script('ephorSharedRelease', [KEYS.lease(key)], [token, holder])
    return isReached(reply) ? { kind: 'released', was: reply[1] === 1 } : reply
  }

  async close(): Promise<void> {
    this.#commands.close()
    this.#topics.close()
  }
}
