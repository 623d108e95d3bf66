/** Halts reach every sidecar whatever is full, blocked or gone, and no verdict or redemption leaves where they are not heard. */
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { v7 as uuidv7 } from 'uuid'
import { until } from '../support/http.ts'
import { cancel, order } from '../support/market.ts'
import { journalLines } from './cluster-check.ts'
import { ClusterRig, type Seat } from './cluster-rig.ts'

/** Milliseconds from the loss of contact, or from a halt, after which nothing may be allowed any more. */
const REFUSES_WITHIN_MS = 350

let rig: ClusterRig
beforeEach(async () => {
  rig = await ClusterRig.start()
  await rig.homeNow()
})
afterEach(() => rig.end())

const EVERYTHING = { scope: { kind: 'everything' }, state: 'halted', reason: 'test' }
const request = (): { id: string; agent: string; action: unknown } => ({
  id: uuidv7(),
  agent: 'alpha',
  action: order({ quantity: 1 }),
})

/** One that was allowed and not redeemed. */
async function allowed(seat: Seat): Promise<{ body: ReturnType<typeof request>; permit: string }> {
  const body = request()
  let decision = ''
  await until('it is allowed', async () => {
    const answer = await rig.post(seat, 'alpha', '/v1/actions', body).catch(() => undefined)
    decision = String(answer?.body.decision)
    return answer?.body.verdict === 'allow'
  })
  return { body, permit: decision.replace(/^d-/, 'p-') }
}

/** What each sidecar answers to an old verdict, an old permit and a new action: none may let anything through. */
async function letsThrough(live: Awaited<ReturnType<typeof allowed>>[]): Promise<string[]> {
  const through: string[] = []
  for (const [place, seat] of rig.seats.entries()) {
    const one = live[place]
    if (one === undefined) throw new Error('one for each sidecar')
    const calls = {
      recalled: rig.post(seat, 'alpha', '/v1/actions', one.body),
      redeemed: rig.post(seat, 'alpha', `/v1/permits/${one.permit}/redeem`, {}),
      judged: rig.post(seat, 'alpha', '/v1/actions', request()),
    }
    for (const [what, call] of Object.entries(calls)) {
      const answer = await call.catch(() => undefined)
      if (answer?.status === 200 && answer.body.verdict !== 'deny') through.push(`${seat.name} ${what}`)
    }
  }
  return through
}

const home = (): Promise<Seat> => rig.homeNow()

test('a halt raised anywhere holds everywhere: for what is new, what is recalled and what is redeemed', async () => {
  const live = [await allowed(await home()), await allowed(rig.other(await home()))]
  const follower = rig.other(await home())
  const halt = await rig.post(follower, 'operator-1', '/v1/halts', EVERYTHING)
  expect(halt.status, halt.text).toBe(200)
  const began = performance.now()
  expect(await letsThrough(live)).toEqual([])
  expect(performance.now() - began).toBeLessThan(5_000)
  // It is one halt, also where it is raised again at the other, and two operators lift it.
  const again = await rig.post(await home(), 'operator-1', '/v1/halts', EVERYTHING)
  expect(again.body).toMatchObject({ halt: halt.body.halt })
})

test('a halt passes an inbox that is full', async () => {
  const [at, follower] = [await home(), rig.other(await home())]
  const redis = rig.connect()
  const many = redis.pipeline()
  for (let count = 0; count < 4_000; count += 1) many.xadd('ephor:{p00}:inbox', '*', 'input', '{}')
  await many.exec()
  const sent = await rig.post(follower, 'operator-1', '/v1/halts', EVERYTHING)
  expect(sent.status, sent.text).toBe(200)
  await until(
    'the home has taken all',
    () => journalLines(at.rig.journal).filter((line) => line.includes('"lane":"inbox"')).length >= 4_000,
    30_000,
  )
  redis.disconnect()
  const lines = journalLines(at.rig.journal)
  const halted = lines.findIndex((line) => line.includes('"type":"halted"'))
  const behind = lines.slice(halted).filter((line) => line.includes('"lane":"inbox"')).length
  expect(halted).toBeGreaterThan(0)
  expect(behind).toBeGreaterThan(0)
})

for (const [how, resume] of [
  ['stopped', 'SIGCONT'],
  ['killed', undefined],
] as const)
  test(`while Redis is ${how} nothing is let through; a halt raised meanwhile holds when it is back`, async () => {
    const live = [await allowed(await home()), await allowed(rig.other(await home()))]
    const seat = rig.other(await home())
    if (resume === undefined) await rig.redis.kill()
    else rig.redis.child.kill('SIGSTOP')
    await pause(REFUSES_WITHIN_MS)
    expect(await letsThrough(live)).toEqual([])
    const halt = await rig.post(seat, 'operator-1', '/v1/halts', EVERYTHING).catch(() => undefined)
    // Nobody else has it yet, and it is said so, or the caller has gone before.
    expect([undefined, 503]).toContain(halt?.status)
    const watch = new AbortController()
    const seen: string[] = []
    const watching = (async () => {
      while (!watch.signal.aborted) {
        const answer = await rig.post(seat, 'alpha', '/v1/actions', request()).catch(() => undefined)
        if (answer?.status === 200 && answer.body.verdict !== 'deny') seen.push(answer.text)
        await pause(5)
      }
    })()
    if (resume === undefined) await rig.redis.start()
    else rig.redis.child.kill(resume)
    await rig.homeNow()
    await until(
      'the halt is on record',
      () => journalLines(seat.rig.journal).some((line) => line.includes('"type":"halted"')),
      20_000,
    )
    watch.abort()
    await watching
    expect(seen).toEqual([])
    expect(await letsThrough(live)).toEqual([])
    // Cancels stay possible under a halt.
    const cancelled = { ...request(), action: cancel() }
    await until(
      'a cancel is allowed, though the home may have changed once more',
      async () => {
        const answer = await rig.post(seat, 'alpha', '/v1/actions', cancelled).catch(() => undefined)
        return answer?.body.verdict === 'allow'
      },
      20_000,
    )
  })
