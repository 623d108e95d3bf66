/** The suite over a Redis Cluster and behind Sentinel, with real failovers; passwords, users and TLS. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openRedis } from '../../src/cluster/redis.ts'
import { GENESIS } from '../../src/journal/record.ts'
import { until } from '../support/http.ts'
import { RedisServer } from '../support/redis.ts'
import { provide } from '../support/programs.ts'
import { flushAll, RedisClusterNodes, SentinelTrio } from '../support/redis-deployments.ts'
import { acquired, conformance, linesAfter, type Bench } from './conformance.ts'

/** A failover for each test takes long, and is in the chaos suite as well. */
const WITHOUT = { lostReplies: true, restarts: process.env.EPHOR_LONG !== '1' }

/** What a test of the suite can do to a deployment: failovers take the place of restarts, and replies are lost in the tests of a single server. */
const bench = (url: () => string, flush: () => Promise<void>, failOver: () => Promise<void>): Bench => ({
  connect: async (name) => (await openRedis({ url: url(), name })).cluster,
  pass: (ms) => pause(ms),
  restart: failOver,
  loseReply: () => {
    throw new Error('left out')
  },
  end: flush,
})

describe('a Redis Cluster of three masters with a replica each', () => {
  let nodes: RedisClusterNodes
  beforeAll(async () => {
    nodes = await RedisClusterNodes.start()
  })
  afterAll(() => nodes.end())

  conformance(
    async () =>
      bench(
        () => nodes.url,
        () => nodes.flush(),
        async () => {
          const master = await nodes.masterOf('ephor:{p00}:lease')
          await master.kill()
          await until(
            'its replica is master',
            () =>
              nodes.masterOf('ephor:{p00}:lease').then(
                () => true,
                () => false,
              ),
            30_000,
          )
          await master.start()
        },
      ),
    WITHOUT,
  )

  test('one of its nodes by itself is refused, and said how to name it', async () => {
    const url = nodes.servers[0]?.url ?? ''
    await expect(openRedis({ url, name: 'one' })).rejects.toMatchObject({
      code: 'REDIS_UNFIT',
      detail: expect.stringContaining('redis+cluster://'),
    })
  })
})

describe('a master with replicas that Sentinels watch', () => {
  let trio: SentinelTrio
  beforeAll(async () => {
    trio = await SentinelTrio.start()
  })
  afterAll(() => trio.end())

  conformance(
    async () =>
      bench(
        () => trio.url,
        async () => flushAll(await trio.master()),
        async () => {
          const master = await trio.master()
          await master.kill()
          await trio.follows(master)
          await master.start()
        },
      ),
    WITHOUT,
  )

  test('a group that no replica has is not told to anybody', async () => {
    const { cluster } = await openRedis({ url: trio.url, name: 'one' })
    const epoch = await acquired(cluster)
    const master = await trio.master()
    const replicas = trio.servers.filter((each) => each !== master)
    for (const each of replicas) each.child.kill('SIGSTOP')
    const lines = linesAfter(GENESIS, 1)
    const held = await cluster.log.append(epoch, lines)
    for (const each of replicas) each.child.kill('SIGCONT')
    expect(held).toMatchObject({ kind: 'unreachable', detail: '0 of 1 replicas have it' })
    await until(
      'they have it',
      async () => (await cluster.log.append(epoch, lines)).kind === 'appended',
      20_000,
    )
    await cluster.close()
  })

  test.each([
    ['min-replicas-to-write', '0', 'set `min-replicas-to-write 1`'],
    ['min-replicas-max-lag', '10', 'set `min-replicas-max-lag 2`'],
  ])('with %s %s the start is refused: %s', async (setting, value, remedy) => {
    const redis = new Redis((await trio.master()).url)
    const [, before = ''] = await redis.config('GET', setting)
    await redis.config('SET', setting, value)
    await expect(openRedis({ url: trio.url, name: 'one' })).rejects.toMatchObject({
      code: 'REDIS_UNFIT',
      detail: expect.stringContaining(remedy),
    })
    await redis.config('SET', setting, before)
    redis.disconnect()
  })
})

describe('who is let in', () => {
  test('a user of an access list with what sidecars need, and nobody without its password', async () => {
    const server = await RedisServer.start()
    const redis = new Redis(server.url)
    const rules =
      'on >secret ~ephor:* ~{ephor:* +@read +@write +@scripting +@connection +info +config|get +wait +time'
    await redis.call('ACL', 'SETUSER', 'ephor', ...rules.split(' '))
    await redis.call('ACL', 'SETUSER', 'default', 'off')
    redis.disconnect()
    const url = server.url.replace('redis://', 'redis://ephor:secret@')
    const { cluster, warnings } = await openRedis({ url, name: 'one' })
    expect(warnings).toEqual([])
    const epoch = await acquired(cluster)
    expect(await cluster.log.append(epoch, linesAfter(GENESIS, 1))).toEqual({ kind: 'appended' })
    await until('halts are heard', () => cluster.halts.ageMs() < 1_000)
    await cluster.close()
    const wrong = openRedis({ url: url.replace('secret', 'guess'), name: 'one' })
    await expect(wrong).rejects.toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      detail: expect.stringContaining('WRONGPASS'),
    })
    await expect(wrong).rejects.not.toThrow('guess')
    await server.end()
  })

  test('TLS with certificates of one’s own, both ways', async ({ skip }) => {
    skip(!provide('openssl'), 'no `openssl` to make certificates with')
    const directory = mkdtempSync(join(tmpdir(), 'ephor-tls-'))
    const file = (name: string): string => join(directory, name)
    const openssl = (...args: readonly string[]): void => {
      const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' })
      if (status !== 0) throw new Error(stderr)
    }
    openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=ephor',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      file('key.pem'),
      '-out',
      file('cert.pem'),
    )
    const server = await RedisServer.start(
      '--tls-cert-file',
      file('cert.pem'),
      '--tls-key-file',
      file('key.pem'),
      '--tls-ca-cert-file',
      file('cert.pem'),
      '--tls-port',
      '0',
    )
    const port = server.port
    const redis = new Redis(server.url)
    await redis.config('SET', 'port', '0')
    await redis.config('SET', 'tls-port', String(port))
    redis.disconnect()
    const url = `rediss://127.0.0.1:${port}`
    const [cert, key] = [readFileSync(file('cert.pem'), 'utf8'), readFileSync(file('key.pem'), 'utf8')]
    const { cluster } = await openRedis({ url, name: 'one', tls: { ca: cert, cert, key } })
    expect(await acquired(cluster)).toBe(1)
    await until('halts are heard', () => cluster.halts.ageMs() < 1_000)
    await cluster.close()
    // Whom we do not believe, and who does not believe us.
    await expect(openRedis({ url, name: 'one' })).rejects.toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      detail: expect.stringMatching(/self.signed/),
    })
    await expect(openRedis({ url, name: 'one', tls: { ca: cert } })).rejects.toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
    })
    await server.end()
    rmSync(directory, { recursive: true, force: true })
  })
})
