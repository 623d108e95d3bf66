/** Three partitions over a Redis Cluster and behind Sentinel, under load: a halt, and masters are killed; afterwards every journal and log tell one story, within the law. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../support/http.ts'
import type { RedisServer } from '../support/redis.ts'
import { RedisClusterNodes, SentinelTrio } from '../support/redis-deployments.ts'
import { LOTS_MAX } from './cluster-law.ts'
import { PartitionsRig } from './partitions-rig.ts'

const OF = 3
const NAMES = { all: ['ada', 'bea'] }
const EVERYTHING = { scope: { kind: 'everything' }, state: 'halted', reason: 'test' }

/** A deployment with sidecars over it. */
interface Deployed {
  readonly rig: PartitionsRig
  /** Who takes writes of `key`. */
  readonly masterOf: (key: string) => Promise<RedisServer>
  /** Keys whose masters are killed, one after another. */
  readonly keys: readonly string[]
}

function suite(deploy: () => Promise<Deployed>): void {
  let deployed: Deployed
  let rig: PartitionsRig
  beforeAll(async () => {
    deployed = await deploy()
    ;({ rig } = deployed)
  }, 120_000)
  afterAll(() => rig?.end(), 60_000)

  test('desks are registered through one sidecar, and judged through either', async () => {
    rig.load()
    await rig.sharedOut()
    await rig.hears(5)
    // Some of it was handed on.
    for (const { taken, promotions } of await rig.expectOneStory()) {
      expect(taken).toBeGreaterThan(0)
      expect(promotions).toBeGreaterThan(0)
    }
  })

  test('a halt is taken by every home', async () => {
    rig.load()
    await rig.hears(5)
    const [one, two] = rig.living
    if (one === undefined || two === undefined) throw new Error('there are two')
    const halted = await rig.call(one, 'POST', '/v1/halts', 'operator-1', EVERYTHING)
    expect(halted.status, halted.text).toBe(200)
    const { halt } = halted.body
    await until('the other has it of all', async () => {
      const { body } = await rig.call(two, 'GET', '/v1/state', 'auditor')
      const [found] = body.halts as { readonly halt: string; readonly partitions: readonly string[] }[]
      return found?.halt === halt && found?.partitions.length === OF
    })
    for (const operator of ['operator-1', 'operator-2'])
      await until(`${operator} lifts it`, async () => {
        const path = `/v1/halts/${String(halt)}`
        const { status, body } = await rig.call(two, 'DELETE', path, operator, { reason: 'over' })
        // Where a home was too busy to answer it may have done it all the same.
        return status === 200 || ['HALT_SECOND_OPERATOR', 'HALT_UNKNOWN'].includes(String(body.code))
      })
    await rig.hears(5)
    await rig.expectOneStory()
  })

  test('masters are killed, others take their places, and all goes on', async () => {
    rig.load()
    for (const key of deployed.keys) {
      await rig.hears(10)
      const master = await deployed.masterOf(key)
      await master.kill()
      await until(
        `another is master of ${key}`,
        () =>
          deployed.masterOf(key).then(
            (now) => now !== master,
            () => false,
          ),
        30_000,
      )
      await master.start()
    }
    await rig.hears(120)
    await rig.cameToLimits()
    // Nothing but the limit denies; how near to it each desk was when it did is a matter of how many of its permits ran out while nobody was home.
    for (const { lotsMost, denied } of await rig.expectOneStory()) {
      expect(lotsMost).toBeLessThanOrEqual(LOTS_MAX)
      expect(denied).toBeGreaterThan(0)
    }
  })
}

describe('over a Redis Cluster of three masters with a replica each', () => {
  suite(async () => {
    const nodes = await RedisClusterNodes.start()
    const rig = await PartitionsRig.start(nodes, OF, NAMES)
    const keys = ['ephor:{p00}:lease', 'ephor:halts']
    const masters = await Promise.all([...keys, 'ephor:{p02}:lease'].map((key) => nodes.masterOf(key)))
    // Of the first partition, of the lane of halts and of the last: each another, so that all of them are used.
    expect(new Set(masters).size).toBe(masters.length)
    return { rig, masterOf: (key) => nodes.masterOf(key), keys }
  })
})

describe('behind Sentinel', () => {
  suite(async () => {
    const trio = await SentinelTrio.start()
    const rig = await PartitionsRig.start(trio, OF, NAMES)
    return { rig, masterOf: () => trio.master(), keys: ['all'] }
  })
})
