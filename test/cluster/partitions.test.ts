/** Real sidecars of two partitions over one Redis: each decides on its own owners', halts reach both, and whoever is home next goes on. */
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openRedis } from '../../src/cluster/redis.ts'
import { partitionOf } from '../../src/protocol/partition.ts'
import type { Event } from '../../src/protocol/event.ts'
import { journalLines } from '../chaos/cluster-check.ts'
import { until } from '../support/http.ts'
import { order, quietMarket } from '../support/market.ts'
import { RedisServer } from '../support/redis.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

const OF = 2
/** An owner whose home is the second partition. */
const DESK = ['desk-a', 'desk-b', 'desk-c', 'desk-d'].find((owner) => partitionOf(owner, OF) === 1) ?? ''

let server: RedisServer
let rigs: Rig[]
beforeAll(async () => {
  server = await RedisServer.start()
  rigs = []
})
afterAll(async () => {
  await Promise.all(rigs.map((rig) => rig.end()))
  await server.end()
})

async function enter(name: string, number: number, rig = new Rig()): Promise<Rig> {
  const partition = { number, of: OF }
  const { cluster } = await openRedis({ url: server.url, name, partition })
  await until('halts are heard', () => Number.isFinite(cluster.halts.ageMs()))
  if (!rigs.includes(rig)) rigs.push(rig)
  return rig.start({ cluster })
}

const registration = { agent: 'alpha', role: 'trader', owner: DESK }
const register = (rig: Rig) => rig.post('/v1/agents', 'operator-1', registration)
const owners = (rig: Rig) => rig.running.sidecar.durableState.ledger.owners
const own = (rig: Rig) => rig.post('/v1/accounts', 'operator-1', { account: 'main', owner: DESK })

test('two partitions over one Redis', async () => {
  const first = await enter('one', 0)
  const home = await enter('one', 1)
  const other = await enter('two', 1)
  expect(other.running.sidecar.home).toMatchObject({ isHere: false, name: 'one' })

  // What operators say of agents and accounts is fixed in the first, and taken over from there, in its order.
  for (const say of [register, own])
    for (const rig of [home, other])
      expect((await say(rig)).body).toMatchObject({ status: 421, code: 'PARTITION_WRONG' })
  const request = other.request(order())
  expect((await other.post('/v1/actions', 'alpha', request)).body.code).toBe('AGENT_UNKNOWN')
  for (const say of [register, own]) expect((await say(first)).status).toBe(200)
  await until('the second has heard of both', () => owners(other).get('main') === DESK)
  expect(other.running.sidecar.durableState.ledger.agents.get('alpha')?.owner).toBe(DESK)

  // The market is told to both, and the account to its own.
  await home.observe(...quietMarket(OPEN - 1))
  expect((await other.post('/v1/agents/alpha/heartbeat', 'alpha', {})).status).toBe(200)
  const decided = await other.post('/v1/actions', 'alpha', request)
  expect(decided.body).toMatchObject({ verdict: 'allow' })
  expect((await first.post('/v1/actions', 'alpha', request)).body).toMatchObject({
    status: 421,
    code: 'PARTITION_WRONG',
    detail: `\`alpha\` of \`${DESK}\` belongs to p01, and this is p00`,
  })

  // A halt that is raised at one is in force in both, under one name.
  const halted = await first.post('/v1/halts', 'operator-1', {
    scope: { kind: 'everything' },
    state: 'halted',
    reason: 'test',
  })
  expect(halted.body.halt).toMatch(/^h-\d+-\d+$/)
  const halts = (rig: Rig): string[] => [...rig.running.sidecar.durableState.ledger.halts.keys()]
  await until('both have it', () => [first, home, other].every((rig) => halts(rig).length === 1))
  expect([first, home, other].flatMap(halts)).toEqual(Array(3).fill(halted.body.halt))

  // Whoever is home next knows what was decided, and which partition it is.
  await home.stop()
  await until('another is home', () => other.running.sidecar.home?.isHere === true)
  expect((await first.post('/v1/accounts', 'operator-1', { account: 'more', owner: DESK })).status).toBe(200)
  await until('the next home follows on', () => owners(other).get('more') === DESK)
  const again = await other.post('/v1/actions', 'alpha', request)
  expect(again.body.code).toBe('HALTED_SINCE')
  const lines = journalLines(other.journal)
  const events = lines.map((line) => (JSON.parse(line) as { event: Event }).event)
  expect(events.filter(({ type }) => type === 'decided')).toHaveLength(1)
  const followed = events.flatMap((event) => (event.type === 'followed' ? [event.event?.type] : []))
  expect(followed.slice(-3)).toEqual(['registered', 'owned', 'owned'])
  // What stops trading comes before what allows it, as in the first.
  expect(followed.slice(0, -3)).toEqual(['policed', 'quorate', 'steered', 'activated', 'routed'])
  expect(events.flatMap((event) => (event.type === 'promoted' ? [event.partition] : []))).toEqual([
    { number: 1, of: OF },
    undefined,
  ])

  // A journal is of one partition, and this Redis of as many as it was begun with.
  await first.stop()
  await expect(enter('one', 1, first)).rejects.toMatchObject({ code: 'LOG_DIFFERS' })
  await expect(openRedis({ url: server.url, name: 'one' })).rejects.toMatchObject({
    code: 'REDIS_UNFIT',
    detail: expect.stringContaining('begun with 2 partitions and this sidecar has 1'),
  })
  const redis = new Redis(server.url)
  const keys = await redis.keys('ephor:{*}:log')
  redis.disconnect()
  expect(keys.toSorted()).toEqual(['ephor:{p00}:log', 'ephor:{p01}:log'])
}, 60_000)
