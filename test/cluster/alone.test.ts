/** What was one of several sidecars never decides by itself, beside the others; where their Redis is lost, an empty one takes its place. */
import { afterEach, expect, test } from 'vitest'
import { until } from '../support/http.ts'
import { order, quietMarket } from '../support/market.ts'
import { RedisServer } from '../support/redis.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

const rig = new Rig()
const servers: RedisServer[] = []
afterEach(async () => {
  await rig.end()
  await Promise.all(servers.map((server) => server.end()))
})

async function withRedis(): Promise<void> {
  const server = await RedisServer.start()
  servers.push(server)
  await rig.start({ redis: server.url })
  await until('it is ready', async () => (await rig.get('/readyz', null)).status === 200)
}

test('a sidecar that was one of several is not started without Redis, and goes on over an empty one', async () => {
  // By itself, and then as one of several.
  await rig.start()
  await rig.observe(...quietMarket(OPEN))
  await rig.stop()
  await withRedis()
  const { decision } = await rig.judge(order())
  await rig.stop()
  await expect(rig.start({ redis: undefined } as never)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    detail: expect.stringMatching(
      /journal of one of several sidecars, whose home was `.+` \(epoch 1\).*`--redis`/,
    ),
  })
  // Its lock is given back, and nothing was recorded.
  await withRedis()
  expect((await rig.get(`/v1/decisions/${decision}`, 'alpha')).status).toBe(200)
  expect((await rig.judge(order())).verdict).toBe('allow')
})
