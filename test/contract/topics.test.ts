/** Topics and shared values over HTTP and with the client: by a sidecar alone, and by two over one Redis. */
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient, type Client } from '../../src/client/client.ts'
import { openRedis } from '../../src/cluster/redis.ts'
import { openRedisBoard } from '../../src/cluster/redis-board.ts'
import { sealEnvelope, timeText, typeOf } from '../../src/protocol/envelope.ts'
import type { TopicMessage } from '../../src/protocol/topic.ts'
import { expectProblem, until } from '../support/http.ts'
import { RedisServer } from '../support/redis.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

const alone = new Rig()
const one = new Rig()
const two = new Rig()
let redis: RedisServer
const clients: Client[] = []

beforeAll(async () => {
  redis = await RedisServer.start()
  await alone.start()
  for (const [name, rig] of Object.entries({ one, two })) {
    const { cluster } = await openRedis({ url: redis.url, name })
    await rig.start({ cluster, board: await openRedisBoard(redis.url) })
  }
}, 60_000)
afterAll(async () => {
  for (const client of clients) client.close()
  await Promise.all([alone, one, two].map((rig) => rig.end()))
  await redis.end()
})

function clientOf(rig: Rig, agent = 'alpha'): Client {
  const client = createClient({
    url: rig.base,
    token: rig.token(agent),
    agent,
    clock: { now: () => rig.now, steadyMicros: () => performance.now() * 1000 },
  })
  clients.push(client)
  return client
}

/** The next messages of what is heard. */
async function next(heard: AsyncIterable<TopicMessage>, count: number): Promise<TopicMessage[]> {
  const messages: TopicMessage[] = []
  for await (const message of heard) {
    messages.push(message)
    if (messages.length === count) break
  }
  return messages
}

describe.each([
  ['a sidecar alone', () => [alone, alone] as const],
  ['two over one Redis', () => [one, two] as const],
])('%s', (_, rigs) => {
  test('what one agent says another hears, from where it left off', async () => {
    const [here, there] = rigs()
    const [said, listening] = [clientOf(here), clientOf(there, 'hedger')]
    const heard = await listening.hear('market_insights')
    const first = await said.publish('market_insights', {
      data: { trend: 'up' },
      priority: 'high',
      correlation: 'd-1',
    })
    await said.publish('market_insights', { data: { trend: 'down' } })
    const [a, b] = await next(heard, 2)
    expect(a).toMatchObject({
      from: 'alpha',
      role: 'agent',
      data: { trend: 'up' },
      priority: 'high',
      correlation: 'd-1',
    })
    expect(a?.place).toBe(first.place)
    expect(b).toMatchObject({ data: { trend: 'down' }, priority: 'normal' })
    const again = await next(await listening.hear('market_insights', { after: first.place }), 1)
    expect(again).toEqual([b])
    const all = await next(await listening.hear('market_insights', { after: '0-0' }), 2)
    expect(all).toEqual([a, b])
  })

  test('one id is told once', async () => {
    const [here, there] = rigs()
    const id = here.request({}).id
    const body = { id, data: { n: 1 } }
    const places = await Promise.all(
      [here, there].map((rig) => rig.post('/v1/topics/risk_warnings', 'alpha', body)),
    )
    expect(new Set(places.map(({ body: answer }) => answer.place)).size).toBe(1)
  })

  test('a value is written over one version, read where it was not written, and under a lease', async () => {
    const [here, there] = [clientOf(rigs()[0]), clientOf(rigs()[1], 'hedger')]
    expect(await here.shared('plan')).toMatchObject({ version: 0, value: null })
    const { version } = await here.share('plan', { value: { steps: [1, 2] }, version: 0 })
    expect(await there.shared('plan')).toMatchObject({ version, value: { steps: [1, 2] }, leftMs: null })
    await expect(there.share('plan', { value: 1, version: 0 })).rejects.toMatchObject({
      code: 'SHARED_CONFLICT',
    })
    const lease = await here.lease('plan', 5_000)
    await expect(there.lease('plan', 5_000)).rejects.toMatchObject({ code: 'LEASE_HELD' })
    await here.share('plan', { value: 2, lease: lease.token })
    expect(await here.releaseLease('plan', lease.token)).toMatchObject({ released: true })
    const next = await there.lease('plan', 5_000)
    expect(next.token).toBeGreaterThan(lease.token)
    await expect(here.share('plan', { value: 3, lease: lease.token })).rejects.toMatchObject({
      code: 'LEASE_LOST',
      // Whoever is told another's token could give that lease up.
      detail: expect.not.stringContaining(String(next.token)) as string,
    })
    expect((await there.shared('plan')).value).toBe(2)
  })

  test('what many say at once merges', async () => {
    const [here, there] = [clientOf(rigs()[0]), clientOf(rigs()[1], 'hedger')]
    await Promise.all(
      Array.from({ length: 10 }, (__, n) =>
        (n % 2 === 0 ? here : there).sayMerged('seen', { kind: 'counter', add: n }),
      ),
    )
    expect(await there.merged('seen')).toMatchObject({ kind: 'counter', value: 45, shared: true })
    expect(await here.merged('seen')).toMatchObject({ value: 45 })
    await here.sayMerged('names', { kind: 'set', add: ['x', 'y'] })
    await there.sayMerged('names', { kind: 'set', remove: ['x'], add: ['z'] })
    expect((await here.merged('names')).value).toEqual(['y', 'z'])
    await expect(here.sayMerged('names', { kind: 'counter', add: 1 })).rejects.toMatchObject({
      code: 'SHARED_CONFLICT',
    })
  })
})

test('roles, names and sizes are held', async () => {
  const id = alone.request({}).id
  const body = { id, data: {} }
  expectProblem(
    await alone.post('/v1/topics/execution_status', 'operator-1', body),
    'ROLE_FORBIDDEN',
    'agent or feeder',
  )
  expectProblem(await alone.post('/v1/topics/execution_status', 'auditor', body), 'ROLE_FORBIDDEN', 'auditor')
  expect((await alone.post('/v1/topics/gossip', 'alpha', body)).status).toBeGreaterThanOrEqual(400)
  expectProblem(
    await alone.post('/v1/topics/risk_warnings', 'alpha', { ...body, ttlMs: 0 }),
    'BODY_INVALID',
    '/ttlMs',
  )
  expectProblem(
    await alone.post('/v1/topics/risk_warnings', 'alpha', { id, data: { text: 'x'.repeat(70_000) } }),
    'BODY_INVALID',
    '/data',
  )
  expectProblem(
    await alone.call('PUT', '/v1/shared/big', 'alpha', { body: { value: 'x'.repeat(70_000) } }),
    'BODY_INVALID',
    '/value',
  )
})

test('a reader that is far behind is told all of it, as fast as it reads', async () => {
  const client = clientOf(alone, 'hedger')
  const text = 'x'.repeat(60_000)
  const first = await client.publish('market_insights', { data: { n: -1 } })
  for (let n = 0; n < 120; n += 1) await client.publish('market_insights', { data: { n, text } })
  // More than a stream lets wait: 7 MB.
  const told = await next(await client.hear('market_insights', { after: first.place }), 120)
  expect(told.map(({ data }) => data.n)).toEqual(Array.from({ length: 120 }, (_, n) => n))
})

test('foreign messages and those that are over are not told, and counted', async () => {
  const raw = new Redis(redis.url)
  const key = 'ephor:topic:{emergency_signals}'
  const envelope = {
    specversion: '1.0',
    id: 'x',
    source: 'one',
    type: typeOf('topic', { major: 1, minor: 0 }),
    time: timeText(OPEN),
    subject: 'alpha',
    priority: 'critical',
    expiresat: timeText(OPEN + 60_000),
    data: { topic: 'emergency_signals', role: 'agent', said: { n: 1 } },
  } as const
  for (const text of [
    'nonsense',
    sealEnvelope({ ...envelope, type: 'ephor.topic.9.0' }),
    sealEnvelope({ ...envelope, expiresat: timeText(OPEN - 1) }),
    // A feeder says nothing on this topic, whoever wrote that it did.
    sealEnvelope({ ...envelope, data: { ...envelope.data, role: 'feeder' } }),
    sealEnvelope(envelope),
  ])
    await raw.xadd(key, '*', 'text', text)
  raw.disconnect()
  const heard = await clientOf(two, 'hedger').hear('emergency_signals', { after: '0-0' })
  expect(await next(heard, 1)).toMatchObject([{ data: { n: 1 }, priority: 'critical' }])
  const { text } = await two.get('/metrics', null)
  for (const why of ['unreadable', 'version', 'expired', 'forged'])
    expect(text).toMatch(new RegExp(`ephor_topic_messages_untold\\{why="${why}"\\} [1-9]`))
})

test('without Redis a value that merges is said here, and is with the others when it is back', async () => {
  const client = clientOf(one)
  await client.sayMerged('later', { kind: 'counter', add: 1 })
  await redis.kill()
  expect(await client.sayMerged('later', { kind: 'counter', add: 2 })).toMatchObject({
    value: 3,
    shared: false,
  })
  await expect(client.shared('plan')).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE' })
  await redis.start()
  await until('it is shared', async () => {
    await pause(50)
    return (await client.merged('later')).shared
  })
  expect(await clientOf(two, 'hedger').merged('later')).toMatchObject({ value: 3 })
})

test('a place that no message has reached is refused, and not silence', async () => {
  const after = '9999999999999999-0'
  const answer = await one.get(`/v1/topics/market_insights/events?after=${after}`, 'alpha')
  expectProblem(answer, 'QUERY_INVALID', `there is no message ${after} yet`)
})
