/** Sidecars, Redis and inputs are killed, stopped, restarted and doubled under load; afterwards every journal and the log tell one story, within the law. */
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../support/http.ts'
import { check, logLines, type Findings } from './cluster-check.ts'
import { LOTS_MAX } from './cluster-law.ts'
import { ClusterRig } from './cluster-rig.ts'

const TURNS = process.env.EPHOR_LONG === '1' ? 30 : 2
/** Milliseconds from a kill to the first verdict of the next home. */
const PROMOTION_MS_MAX = 600

let rig: ClusterRig
beforeAll(async () => {
  rig = await ClusterRig.start()
})
afterAll(() => rig.end())

/** Ends the load, and holds all that is left against the law and what was heard. */
async function expectOneStory(): Promise<Findings> {
  const found = await rig.story()
  expect(found.violations).toEqual([])
  expect(rig.contradictions).toEqual([])
  return found
}

test('a home that is killed is followed by the other', { timeout: 120_000 }, async () => {
  rig.load()
  const times: number[] = []
  for (let turn = 0; turn < TURNS; turn += 1) {
    await rig.homeNow()
    await rig.hears(30)
    const home = await rig.homeNow()
    await home.sidecar.kill()
    times.push(await rig.decidesWithin(rig.other(home)))
    await rig.restart(home)
  }
  const found = await expectOneStory()
  expect(found.promotions).toBeGreaterThan(TURNS)
  // An order of three lots is denied where two are left; more than all of them is a violation.
  expect(found.lotsMost).toBeGreaterThan(LOTS_MAX - 3)
  expect(found.denied).toBeGreaterThan(0)
  const shown = times.map((time) => time.toFixed(0)).join(', ')
  console.info(
    `killed ${TURNS} homes: a verdict from the next after ${shown} ms (budget ${PROMOTION_MS_MAX}); ${rig.heard.length} verdicts heard, ${found.records} records, ${found.taken} inputs handed on, at most ${found.lotsMost} of ${LOTS_MAX} lots`,
  )
})

test('a home that is stopped past its lease and goes on releases nothing', { timeout: 120_000 }, async () => {
  rig.load()
  for (let turn = 0; turn < TURNS; turn += 1) {
    await rig.homeNow()
    await rig.hears(30)
    const home = await rig.homeNow()
    home.sidecar.child.kill('SIGSTOP')
    await rig.decidesWithin(rig.other(home))
    await rig.hears(10)
    home.sidecar.child.kill('SIGCONT')
    await until('it follows', async () => (await rig.home()) === rig.other(home), 20_000)
  }
  await expectOneStory()
})

test(
  'a Redis that is killed and started again loses nothing that was heard',
  { timeout: 120_000 },
  async () => {
    rig.load()
    await rig.homeNow()
    await rig.hears(30)
    const home = await rig.homeNow()
    await rig.redis.kill()
    await until('both say so', async () => (await rig.home()) === undefined, 20_000)
    const count = rig.heard.length
    await pause(300)
    // Without the log nothing new is decided, by anybody.
    expect(rig.heard.length).toBe(count)
    await rig.redis.start()
    expect(await rig.homeNow()).toBe(home)
    await rig.hears(30)
    await expectOneStory()
  },
)

test('inputs that are in the inbox twice are decided once', { timeout: 120_000 }, async () => {
  rig.load()
  const redis = rig.connect()
  const doubled = new Set<string>()
  for (let turn = 0; turn < 5; turn += 1) {
    await rig.hears(20)
    for (const [id, fields] of await redis.xrange('ephor:{p00}:inbox', '-', '+')) {
      if (doubled.has(id)) continue
      doubled.add(id)
      doubled.add((await redis.xadd('ephor:{p00}:inbox', '*', ...fields)) ?? '')
    }
  }
  redis.disconnect()
  const found = await expectOneStory()
  expect(doubled.size).toBeGreaterThan(20)
  const codes = [...rig.refusals].map(([code, count]) => `${code} ${count}`).join(', ')
  console.info(
    `all: ${rig.heard.length} verdicts heard, ${found.decisions} decided, ${found.promotions} promotions, 0 violations; no verdict: ${codes || 'never'}`,
  )
})

test('the checker sees what is wrong', async () => {
  const redis = rig.connect()
  const log = await logLines(redis)
  redis.disconnect()
  const seen = (lines: readonly string[], epochs = log.epochs): string[] => [
    ...check({ lines, epochs }, {}, []).violations,
  ]
  expect(seen(log.lines)).toEqual([])
  const place = log.lines.findIndex((line) => line.includes('"verdict":"allow"'))
  expect(place).toBeGreaterThan(0)
  // A record that was changed, one that is missing, one that is there twice, and epochs that go back.
  const changed = log.lines.with(place, (log.lines[place] ?? '').replaceAll('"quantity":', '"quantity":9'))
  expect(seen(changed).join()).toContain('not linked')
  expect(seen(changed).join()).toContain('lots are held')
  expect(seen(log.lines.toSpliced(place, 1)).join()).toContain('not linked')
  expect(seen(log.lines.toSpliced(place, 0, log.lines[place] ?? '')).join()).toContain('decided twice')
  expect(seen(log.lines, log.epochs.toReversed()).join()).toContain('goes back')
  const heard = [{ decision: 'd-1', verdict: 'allow', sequence: 1, permit: null }]
  expect(check(log, {}, heard).violations.join()).toContain('says otherwise')
  expect(check(log, { ada: log.lines.slice(1) }, []).violations.join()).toContain('is not the log')
})
