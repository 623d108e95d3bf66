/** The cluster over a real Redis keeps to the suite, and to what only a server can do to it. */
import { spawn } from 'node:child_process'
import type { Worker } from 'node:worker_threads'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { INBOX_BEGIN, type Cluster } from '../../src/cluster/cluster.ts'
import { openRedis } from '../../src/cluster/redis.ts'
import { luaFor, SCRIPTS } from '../../src/cluster/scripts.ts'
import { GENESIS } from '../../src/journal/record.ts'
import { until } from '../support/http.ts'
import { RedisServer } from '../support/redis.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { retention } from './retention.ts'
import { acquired, conformance, linesAfter, type Bench } from './conformance.ts'

/** What the request of each call has in it: arguments of the scripts. */
const REQUESTS = { append: '"what"', put: 'sent:', acquire: '400' } as const

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.end())

async function flush(): Promise<void> {
  const redis = new Redis(server.url)
  await redis.flushall()
  redis.disconnect()
}

describe('the suite', () => {
  const open = async (): Promise<Bench> => {
    await flush()
    const proxies = new Map<string, TcpProxy>()
    return {
      connect: async (name) => {
        const proxy = await TcpProxy.start(server.port)
        proxies.set(name, proxy)
        return (await openRedis({ url: proxy.url, name })).cluster
      },
      // Leases live by the clock of Redis, which no test can set.
      pass: (ms) => pause(ms),
      restart: async () => {
        await server.kill()
        await server.start()
      },
      loseReply: (name, call) => proxies.get(name)?.loseReplyTo(REQUESTS[call]),
      end: async () => {
        await Promise.all([...proxies.values()].map((proxy) => proxy.end()))
      },
    }
  }
  describe('conformance', () => {
    conformance(open)
  })
  describe('retention', () => {
    retention(open)
  })
})

describe('what a server can do', () => {
  let raw: Redis
  let cluster: Cluster

  beforeEach(async () => {
    await flush()
    raw = new Redis(server.url)
    cluster = (await openRedis({ url: server.url, name: 'one' })).cluster
  })
  afterEach(async () => {
    raw.disconnect()
    await cluster.close()
  })

  test('scripts that the server has forgotten are sent again', async () => {
    const epoch = await acquired(cluster)
    await raw.script('FLUSH')
    expect(await cluster.lease.renew(epoch)).toEqual({ kind: 'renewed' })
    await raw.script('FLUSH')
    expect(await cluster.log.append(epoch, linesAfter(GENESIS, 1))).toEqual({ kind: 'appended' })
  })

  test.each(['lease', 'log', 'inbox'])(
    'a foreign value in the place of the %s is told, and left as it is',
    async (part) => {
      const epoch = part === 'lease' ? 0 : await acquired(cluster)
      const key = `ephor:{p00}:${part}`
      await raw.set(key, 'foreign')
      const result = await {
        lease: () => cluster.lease.acquire(0),
        log: () => cluster.log.append(epoch, linesAfter(GENESIS, 1)),
        inbox: () => cluster.inbox.put('a', '1'),
      }[part as 'lease' | 'log' | 'inbox']()
      expect(result).toMatchObject({ kind: 'unreachable', detail: expect.stringContaining('WRONGTYPE') })
      expect(await raw.get(key)).toBe('foreign')
    },
  )

  test('a master that became a replica is told, and used again when it is a master', async () => {
    const epoch = await acquired(cluster)
    await raw.replicaof('127.0.0.1', '1')
    expect(await cluster.log.append(epoch, linesAfter(GENESIS, 1))).toMatchObject({
      kind: 'unreachable',
      detail: expect.stringContaining('READONLY'),
    })
    await raw.replicaof('NO', 'ONE')
    await expect
      .poll(async () => (await cluster.log.append(epoch, linesAfter(GENESIS, 1))).kind, { timeout: 10_000 })
      .toBe('appended')
  })

  test('one that is out of memory says so, loses nothing, and is used again when there is room', async () => {
    const epoch = await acquired(cluster)
    await raw.config('SET', 'maxmemory', '1')
    const lines = linesAfter(GENESIS, 1)
    expect(await cluster.log.append(epoch, lines)).toMatchObject({
      kind: 'unreachable',
      detail: expect.stringContaining('OOM'),
    })
    await raw.config('SET', 'maxmemory', '0')
    expect(await cluster.log.append(epoch, lines)).toEqual({ kind: 'appended' })
    expect(await cluster.log.read(0, 10, 0)).toEqual({ kind: 'read', entries: lines })
  })

  test('entries by others than us are read without harm', async () => {
    await raw.xadd('ephor:{p00}:inbox', '*', 'nonsense', '1')
    const took = await cluster.inbox.take(INBOX_BEGIN, 10, 0)
    expect(took).toMatchObject({ kind: 'took', entries: [{ sidecar: '', input: '' }] })
  })

  test('a large input is kept for a minute, and the text of a constitution for good', async () => {
    await cluster.payloads.keep('h', 'x')
    await cluster.texts.keep('h', 'x')
    const left = await raw.pttl('ephor:payload:h')
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThanOrEqual(60_000)
    expect(await raw.pttl('ephor:text:h')).toBe(-1)
  })

  test('a full inbox is said to be full', async () => {
    const many = raw.pipeline()
    for (let count = 0; count < 10_000; count += 1) many.xadd('ephor:{p00}:inbox', '*', 'a', '1')
    await many.exec()
    expect(await cluster.inbox.put('a', '1')).toEqual({ kind: 'full', waiting: 10_000 })
    // What is critical is not kept out, and is there with the first read.
    expect((await cluster.inbox.put('b', '2', 'critical')).kind).toBe('put')
    const took = await cluster.inbox.take(INBOX_BEGIN, 512, 0)
    expect(took.kind === 'took' && took.entries[0]).toMatchObject({ lane: 'critical', input: '2' })
  })

  test('of what is put together, what is known is known, what fits is put in order, and the rest is told that it is full', async () => {
    const many = raw.pipeline()
    for (let count = 0; count < 9_997; count += 1) many.xadd('ephor:{p00}:inbox', '*', 'a', '1')
    await many.exec()
    const known = await cluster.inbox.put('known', '0')
    const all = await Promise.all(
      ['a', 'known', 'b', 'a', 'c'].map((request) => cluster.inbox.put(request, request)),
    )
    expect(all.map(({ kind }) => kind)).toEqual(['put', 'put', 'put', 'put', 'full'])
    const [a, again, b, same] = all
    expect([again, same]).toEqual([known, a])
    const taken = await cluster.inbox.take(
      { ...INBOX_BEGIN, inbox: known.kind === 'put' ? known.entry : '' },
      10,
      0,
    )
    expect(taken).toMatchObject({
      kind: 'took',
      entries: [
        { ...(a?.kind === 'put' ? { entry: a.entry } : {}), input: 'a' },
        { ...(b?.kind === 'put' ? { entry: b.entry } : {}), input: 'b' },
      ],
    })
  })

  test('a sidecar whose event loop is blocked has heard the halt when it goes on', async () => {
    await expect.poll(() => cluster.halts.ageMs(), { timeout: 10_000, interval: 5 }).toBeLessThan(100)
    const raise = `sleep 0.1; redis-cli -p ${server.port} xadd ephor:halts '*' halt '{"stop":1}'`
    spawn('sh', ['-c', raise])
    const end = performance.now() + 500
    while (performance.now() < end);
    // In the same turn of the event loop: nothing was waited for.
    expect(cluster.halts.hear()).toMatchObject([{ kind: 'halt', text: '{"stop":1}' }])
    expect(cluster.halts.ageMs()).toBeLessThan(500)
  })

  test('a thread that ends takes nothing with it that it had handed over, and from then on nothing is surely heard', async () => {
    const threads: Worker[] = []
    const begun = (worker: Worker): void => void threads.push(worker)
    process.on('worker', begun)
    const own = (await openRedis({ url: server.url, name: 'ends' })).cluster
    try {
      await expect.poll(() => own.halts.ageMs(), { timeout: 10_000, interval: 5 }).toBeLessThan(100)
      await raw.xadd('ephor:halts', '*', 'halt', '{"late":1}')
      const end = performance.now() + 400
      while (performance.now() < end);
      // Those that were begun before may be told of as late as this one.
      await Promise.all(threads.map((thread) => thread.terminate()))
      expect(own.halts.ageMs()).toBe(Number.POSITIVE_INFINITY)
      expect(own.halts.hear()).toMatchObject([{ text: '{"late":1}' }])
      // The next one goes on behind it.
      await expect.poll(() => own.halts.ageMs(), { timeout: 10_000, interval: 5 }).toBeLessThan(100)
      expect(own.halts.hear()).toEqual([])
    } finally {
      process.off('worker', begun)
      await own.close()
    }
  })

  test('a clock that goes back with another master hides no halt behind those that were heard', async () => {
    const ahead = `${Date.now() + 600_000}-3`
    await raw.xadd('ephor:halts', ahead, 'halt', '{"first":1}')
    const heard: string[] = []
    const hears = (text: string): Promise<void> =>
      until(`\`${text}\` is heard`, () => {
        heard.push(...cluster.halts.hear().map((each) => each.text))
        return heard.includes(text)
      })
    await hears('{"first":1}')
    await raw.del('ephor:halts')
    const halt = { request: 'again', text: '{"second":2}', alwaysFits: true }
    const put = await cluster.halts.put(halt, () => undefined)
    expect(put).toMatchObject({ kind: 'put', entry: ahead.replace(/-3$/, '-4') })
    await hears('{"second":2}')
  })

  test('nor behind what a journal here has, of which the stream has nothing any more', async () => {
    // A process that has just started has heard nothing.
    const millis = Date.now() + 600_000
    cluster.halts.knows(`${millis}-3`)
    cluster.halts.knows(`${millis - 1}-9`)
    const put = (request: string) =>
      cluster.halts.put({ request, text: `{"halt":"${request}"}`, alwaysFits: true }, () => undefined)
    expect(await put('first')).toMatchObject({ entry: `${millis}-4` })
    // Where the stream goes further than that, it is followed.
    expect(await put('second')).toMatchObject({ entry: `${millis}-5` })
    await raw.del('ephor:halts')
    await raw.xadd('ephor:halts', `${millis}-1`, 'halt', '{"other":1}')
    cluster.halts.knows(`${millis}-7`)
    expect(await put('third')).toMatchObject({ entry: `${millis}-8` })
  })

  test('what every home took long ago is cut off where halts lie, also on a server of their own', async () => {
    const other = await RedisServer.start()
    const own = new Redis(other.url)
    const [yesterday, hours] = [Date.now() - 86_400_000, Date.now() - 7_200_000]
    const many = own.pipeline()
    for (let count = 0; count < 1_000; count += 1)
      many.xadd('ephor:halts', `${yesterday}-${count + 1}`, 'halt', '{}')
    await many.exec()
    const apart = (await openRedis({ url: server.url, emergency: other.url, name: 'apart' })).cluster
    try {
      await expect.poll(() => apart.halts.ageMs(), { timeout: 10_000, interval: 5 }).toBeLessThan(100)
      await apart.halts.trim(`${hours}-0`)
      await until('they are cut off', async () => (await own.xlen('ephor:halts')) < 200)
    } finally {
      await apart.close()
      own.disconnect()
      await other.end()
    }
  })

  test('a line that is open and dead ends its commands in time, and is replaced', async () => {
    const proxy = await TcpProxy.start(server.port)
    const held = (await openRedis({ url: proxy.url, name: 'held' })).cluster
    const epoch = await acquired(held)
    proxy.hold(true)
    expect((await held.lease.renew(epoch)).kind).toBe('unreachable')
    proxy.hold(false)
    await expect.poll(async () => (await held.lease.renew(epoch)).kind, { timeout: 10_000 }).toBe('renewed')
    await held.close()
    await proxy.end()
  })

  test('a lease that was written by a clock far ahead is over as soon as any', async () => {
    const { cluster: one } = await openRedis({ url: server.url, name: 'one' })
    const { cluster: other } = await openRedis({ url: server.url, name: 'other' })
    expect((await one.lease.acquire(0)).kind).toBe('acquired')
    // As after the clock of the server was an hour ahead when it was renewed last.
    await raw.hset('ephor:{p00}:lease', 'until', Date.now() + 3_600_000)
    expect(await other.lease.acquire(0)).toMatchObject({ kind: 'held', holder: 'one' })
    await expect.poll(async () => (await other.lease.acquire(0)).kind, { timeout: 5_000 }).toBe('acquired')
    await one.close()
    await other.close()
  })

  test('a server with another number of partitions is refused', async () => {
    await raw.set('ephor:partitions', '4')
    await expect(openRedis({ url: server.url, name: 'two' })).rejects.toMatchObject({
      code: 'REDIS_UNFIT',
      detail: expect.stringContaining('begun with 4 partitions'),
    })
  })
})

describe('a server that would lose what is written', () => {
  test.each([
    [['--maxmemory-policy', 'allkeys-lru'], 'set `maxmemory-policy noeviction`'],
    [['--appendonly', 'no'], 'set `appendonly yes`'],
    [['--replicaof', '127.0.0.1', '1'], 'name the master'],
  ])('with %j is refused: %s', async (settings, remedy) => {
    const unfit = await RedisServer.start(...settings)
    try {
      await expect(openRedis({ url: unfit.url, name: 'one' })).rejects.toMatchObject({
        code: 'REDIS_UNFIT',
        detail: expect.stringContaining(remedy),
      })
    } finally {
      await unfit.end()
    }
  })

  test('only now and then is warned of', async () => {
    const risky = await RedisServer.start('--appendfsync', 'everysec')
    const { cluster, warnings } = await openRedis({ url: risky.url, name: 'one' })
    expect(warnings).toEqual([expect.stringContaining('set `appendfsync always`')])
    await cluster.close()
    await risky.end()
  })

  test('that has no such database is refused, and not used in another', async () => {
    const small = await RedisServer.start('--databases', '4')
    const opening = openRedis({ url: `${small.url.replace(/\/\d*$/, '')}/9`, name: 'one' })
    await expect(opening).rejects.toMatchObject({
      detail: expect.stringContaining('DB index is out of range'),
    })
    const raw = new Redis(small.url)
    expect(await raw.dbsize()).toBe(0)
    raw.disconnect()
    await small.end()
  })

  test('that is not there is said so, without its password', async () => {
    const opening = openRedis({ url: 'redis://:secret@127.0.0.1:1', name: 'one' })
    await expect(opening).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE' })
    await expect(opening).rejects.not.toThrow('secret')
    await expect(openRedis({ url: 'http://here', name: 'one' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    })
  })
})

test('every script begins with the line that has undeclared keys refused, which servers before 7 do not get', () => {
  for (const { lua } of Object.values(SCRIPTS)) {
    expect(lua).toMatch(/^#!lua\n/)
    expect(luaFor(lua, 7)).toBe(lua)
    expect(luaFor(lua, 6)).not.toContain('#!lua')
  }
})
