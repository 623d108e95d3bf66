/** Four partitions shared out among two and three sidecars under load: one joins, one is killed, trading is halted; afterwards every journal and log tell one story, within the law. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../support/http.ts'
import { RedisServer } from '../support/redis.ts'
import { LOTS_MAX } from './cluster-law.ts'
import { PartitionsRig } from './partitions-rig.ts'

let rig: PartitionsRig

/** All that is left tells one story, in which each desk came up to its limit. */
async function expectOneStory(): Promise<void> {
  await rig.cameToLimits()
  // An order of three lots is denied where two are left.
  for (const { lotsMost } of await rig.expectOneStory()) expect(lotsMost).toBeGreaterThan(LOTS_MAX - 3)
}

beforeAll(async () => {
  rig = await PartitionsRig.start(await RedisServer.start(), 4, {
    all: ['ada', 'bea', 'cyd'],
    names: ['ada', 'bea'],
  })
}, 60_000)
afterAll(() => rig?.end(), 60_000)

test(
  'two share four partitions, and a third takes its share when it joins',
  { timeout: 120_000 },
  async () => {
    rig.load()
    await rig.sharedOut()
    await rig.hears(20)
    await rig.join(rig.seat('cyd'))
    await rig.sharedOut()
    await rig.hears(20)
    await expectOneStory()
    // Whoever asked meanwhile waited, and was not turned away: but where a lease was lost, as on a machine that is too busy to renew it.
    const turnedAway = [...rig.refusals.keys()].filter((refusal) => refusal.startsWith('HOME_UNKNOWN'))
    expect(turnedAway.filter((refusal) => !/lease|epoch/.test(refusal))).toEqual([])
  },
)

test(
  'what one that is killed was home to goes on elsewhere, and comes back to it',
  { timeout: 120_000 },
  async () => {
    rig.load()
    for (const name of ['bea', 'ada']) {
      const seat = rig.seat(name)
      await rig.hears(10)
      await rig.kill(seat)
      await rig.hears(10)
      await rig.sharedOut()
      await rig.join(seat)
      await rig.sharedOut()
    }
    await expectOneStory()
  },
)

test('no partition is missed by a halt, whatever is moved meanwhile', { timeout: 120_000 }, async () => {
  rig.load()
  await rig.hears(5)
  for (let turn = 0; turn < 3; turn += 1) {
    const body = { scope: { kind: 'everything' }, state: 'halted', reason: `turn ${turn}` }
    const moved = turn === 1 ? rig.seat('cyd') : undefined
    if (moved !== undefined) await rig.kill(moved)
    let halt: unknown
    await until('it is halted everywhere', async () => {
      const [seat] = rig.living
      const answer = seat && (await rig.call(seat, 'POST', '/v1/halts', 'operator-1', body))
      halt = answer?.body.halt
      return answer?.status === 200
    })
    for (const operator of ['operator-1', 'operator-2'])
      await until(`${operator} resumes`, async () => {
        const seat = rig.living.at(-1)
        const path = `/v1/halts/${String(halt)}`
        const answer = seat && (await rig.call(seat, 'DELETE', path, operator, { reason: 'over' }))
        return (
          answer?.status === 200 ||
          ['HALT_UNKNOWN', 'HALT_SECOND_OPERATOR'].includes(String(answer?.body.code))
        )
      })
    if (moved !== undefined) await rig.join(moved)
    await rig.hears(5)
  }
  await expectOneStory()
})
