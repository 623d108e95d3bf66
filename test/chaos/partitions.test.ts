/** Four partitions shared out among two and three sidecars under load: one joins, one is killed, trading is halted; afterwards every journal and log tell one story, within the law. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { shareOf } from '../../src/sidecar/share.ts'
import { until } from '../support/http.ts'
import { check, journalLines, logLines } from './cluster-check.ts'
import { LOTS_MAX } from './cluster-law.ts'
import { checkAcross } from './partitions-check.ts'
import { PartitionsRig, type Seat } from './partitions-rig.ts'

const NAMES = ['ada', 'bea', 'cyd']

let rig: PartitionsRig
beforeAll(async () => {
  rig = await PartitionsRig.start(NAMES, ['ada', 'bea'])
}, 60_000)
afterAll(() => rig.end(), 60_000)

/** Resolves when each partition lies where it should among those that live, as all of them say. */
async function sharedOut(): Promise<void> {
  const names = rig.living.map(({ name }) => name)
  const wanted = rig.partitions.map((partition) => shareOf(partition, names))
  await until(
    `the partitions lie with ${wanted.join(', ')}`,
    async () => {
      const said = await Promise.all(rig.living.map((seat) => rig.places(seat)))
      return said.every((places) => wanted.every((name, number) => places[number]?.home === name))
    },
    30_000,
  )
}

/** Ends the load, and holds all that is left against the law and what was heard. */
async function expectOneStory(): Promise<void> {
  await rig.unload()
  await until(
    'all are ready',
    async () =>
      (await Promise.all(rig.living.map((seat) => rig.places(seat)))).every(({ length }) => length > 0),
    30_000,
  )
  const redis = rig.connect()
  const journalOf = ({ rig: { journal } }: Seat, partition: string): string[] =>
    journalLines(join(journal, partition))
  const logs = new Map<string, readonly string[]>()
  for (const partition of rig.partitions) {
    // Permits lapse meanwhile: a journal may have more by the time it is read.
    const log = await logLines(redis, partition)
    const read = (seat: Seat): string[] => journalOf(seat, partition).slice(0, log.lines.length)
    await until(
      `all have read ${partition} up to record ${log.lines.length}`,
      () => rig.living.every((seat) => read(seat).length === log.lines.length),
      20_000,
    )
    const journals = Object.fromEntries(rig.living.map((seat) => [seat.name, read(seat)]))
    const found = check(log, journals, rig.heard.get(partition) ?? [])
    expect({ partition, violations: found.violations }).toEqual({ partition, violations: [] })
    expect(found.lotsMost).toBe(LOTS_MAX)
    logs.set(partition, log.lines)
  }
  const halts = await redis.xrange('ephor:halts', '-', '+')
  redis.disconnect()
  const raised = halts.flatMap(([entry, [kind]]) => (kind === 'halt' ? [entry] : []))
  expect(checkAcross(logs, raised)).toEqual([])
  expect(rig.contradictions).toEqual([])
}

test(
  'two share four partitions, and a third takes its share when it joins',
  { timeout: 120_000 },
  async () => {
    rig.load()
    await sharedOut()
    await rig.hears(20)
    await rig.join(rig.seat('cyd'))
    await sharedOut()
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
      await sharedOut()
      await rig.join(seat)
      await sharedOut()
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
