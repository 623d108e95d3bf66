/** The first of two partitions loses what another has followed: the other risks nothing new from then on, until it is brought back, or for good where it was not. */
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openRedis } from '../../src/cluster/redis.ts'
import { ownerIn } from '../support/desks.ts'
import { expectProblem, until } from '../support/http.ts'
import { cancel, order, quietMarket } from '../support/market.ts'
import { RedisServer } from '../support/redis.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

const OF = 2
const DESK = ownerIn(1, OF)
const LOG = 'ephor:{p00}:log'

let server: RedisServer
let redis: Redis
const rigs: Rig[] = []
beforeAll(async () => {
  server = await RedisServer.start()
  redis = new Redis(server.url)
})
afterAll(async () => {
  redis.disconnect()
  await Promise.all(rigs.map((rig) => rig.end()))
  await server.end()
})

async function enter(name: string, number: number, more: object = {}, rig = new Rig()): Promise<Rig> {
  const { cluster } = await openRedis({ url: server.url, name, partition: { number, of: OF } })
  await until('halts are heard', () => Number.isFinite(cluster.halts.ageMs()))
  if (!rigs.includes(rig)) rigs.push(rig)
  return rig.start({ cluster, ...more })
}

/** What a failover to a replica that was behind does: the log is there without its last records. */
async function loseFrom(sequence: number): Promise<void> {
  const entries = await redis.xrange(LOG, '-', '+')
  const kept = entries.filter(([id]) => Number(id.split('-')[0]) < sequence)
  expect(kept.length).toBeLessThan(entries.length)
  const whole = redis.multi().del(LOG)
  for (const [id, fields] of kept) whole.xadd(LOG, id, ...fields)
  await whole.exec()
}

const act = (rig: Rig, action: object) => rig.post('/v1/actions', 'alpha', rig.request(action))

test('what the first has lost freezes those who followed it', async () => {
  const first = await enter('one', 0)
  const home = await enter('two', 1)
  const other = await enter('three', 1)
  const register = { agent: 'alpha', role: 'trader', owner: DESK }
  expect((await first.post('/v1/agents', 'operator-1', register)).status).toBe(200)
  const before = first.running.sidecar.durableSequence
  expect((await first.post('/v1/accounts', 'operator-1', { account: 'main', owner: DESK })).status).toBe(200)
  await until('it is followed', () => home.running.sidecar.durableState.ledger.owners.has('main'))
  await home.observe(...quietMarket(OPEN - 1))
  const allowed = await act(other, order())
  expect(allowed.body.verdict).toBe('allow')
  const permit = `/v1/permits/${String(allowed.body.decision).replace(/^d-/, 'p-')}/redeem`

  // It is gone without a word, and so is what said whose the account is.
  await first.stop()
  await loseFrom(before + 1)
  for (const rig of [home, other])
    await until('nothing new is allowed', async () => (await act(rig, order())).status === 503)
  expectProblem(await act(home, order()), 'HOME_UNKNOWN', `ends at record ${before}, and was followed up to`)
  expectProblem(await act(other, order()), 'HOME_LOST', `ends at record ${before}, and was followed up to`)
  for (const rig of [home, other]) expect((await rig.post(permit, 'alpha', {})).status).toBe(503)
  // What risks nothing goes on.
  expect((await act(other, cancel(String(allowed.body.decision)))).body.verdict).toBe('allow')
  await home.observe(...quietMarket(OPEN))

  // Its home is there again, and brings it back.
  await enter('one', 0, {}, first)
  for (const rig of [home, other])
    await until('orders are judged again', async () => (await act(rig, order())).status === 200)
  expect((await other.post(permit, 'alpha', {})).status).toBe(200)
}, 60_000)

test('where its absence is accepted nothing is given to another before all who followed it are frozen, and they stay so', async () => {
  const [first, home] = rigs
  if (first === undefined || home === undefined) throw new Error('they are there')
  const { sequence } = home.running.sidecar.durableState.tenure.followed
  await first.stop()
  await redis.hset('ephor:{p00}:lease', { witness: 'one', proved: 'another run' })
  await loseFrom(sequence)
  const lostAt = performance.now()
  let allowedLast = lostAt
  const over = new AbortController()
  const load = (async () => {
    while (!over.signal.aborted) {
      const { body } = await act(home, order({ quantity: 1 }))
      if (body.verdict === 'allow') allowedLast = performance.now()
    }
  })()
  const next = await enter('four', 0, { acceptAbsence: 'one' })
  const promotedAt = performance.now()
  const another = { account: 'main', owner: ownerIn(0, OF) }
  expect((await next.post('/v1/accounts', 'operator-1', another)).status).toBe(200)
  await until('the others stop', () => home.running.sidecar.unready?.includes('first partition') === true)
  over.abort()
  await load
  expect(allowedLast - lostAt).toBeLessThan(1_500)
  expect(promotedAt - allowedLast).toBeGreaterThan(1_000)
  for (const rig of rigs.slice(1, 3)) expect((await act(rig, order())).status).toBe(503)
}, 60_000)
