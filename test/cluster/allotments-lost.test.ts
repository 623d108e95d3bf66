/** What the log loses, and what a sidecar is called meanwhile, brings no redemption back: the book says what was redeemed. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MemoryStore } from '../../src/cluster/memory.ts'
import { permitIdOf } from '../../src/permit/verify.ts'
import type { ActionAnswer } from '../../src/protocol/decision.ts'
import { ALLOTTING } from '../support/allotting-policies.ts'
import { until as untilWithin, type Answer } from '../support/http.ts'
import { portfolio, quietMarket, sellAtMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

const until = (holds: () => unknown): Promise<void> =>
  untilWithin('it holds', async () => Boolean(await holds()))
const cut = new Set<string>()
/** Whose reading of the log alone fails. */
let blind = ''
/** How often each sidecar has looked for the lease. */
const looks = new Map<string, number>()
let store: MemoryStore
let rigs: Rig[]
beforeEach(() => {
  rigs = []
  cut.clear()
  blind = ''
  store = new MemoryStore({
    now: () => performance.now(),
    sleep: (ms) => pause(ms),
    fault: (call, name) => {
      if (call === 'acquire') looks.set(name, (looks.get(name) ?? 0) + 1)
      const isBlind = blind === name && call === 'read'
      return { kind: cut.has(name) || isBlind ? 'lost' : 'none', delayMs: 0 }
    },
  })
})
afterEach(async () => {
  cut.clear()
  await Promise.all(rigs.map((rig) => rig.end()))
})

async function enter(name: string, acceptAbsence?: string): Promise<Rig> {
  const rig = new Rig({ cluster: store.connect(name), policies: ALLOTTING })
  rigs.push(rig)
  return rig.start(acceptAbsence === undefined ? {} : { acceptAbsence })
}
const redeem = (rig: Rig, { permit }: ActionAnswer): Promise<Answer> =>
  rig.post(`/v1/permits/${permitIdOf(permit ?? '')}/redeem`, 'alpha', {})
const open = (rig: Rig): number => rig.running.sidecar.durableState.permits.setAside.size
const selling = (rig: Rig): number =>
  rig.running.sidecar.durableState.ledger.exposures.get('main')?.get('AAPL')?.sell ?? 0
/** Resolves once a look that was sent after this was answered, and what follows from it done. */
async function hasLooked(name: string): Promise<void> {
  const before = looks.get(name) ?? 0
  await until(() => (looks.get(name) ?? 0) >= before + 3)
}
const last = (rig: Rig): number => rig.running.sidecar.durableSequence

test('a redemption that the log loses with its end stays one, and is told to the home that comes next', async () => {
  const one = await enter('one')
  await one.observe(...quietMarket(OPEN - 1))
  const answer = await one.judge(sellAtMarket(1000), { allot: true })
  const before = last(one)
  expect((await redeem(one, answer)).status).toBe(200)
  cut.add('one')
  store.restart(last(one) - before)
  const three = await enter('three', 'one')
  await until(() => three.running.sidecar.home?.isHere)
  expect(open(three)).toBe(1)
  cut.delete('one')
  await until(() => one.running.sidecar.unready === undefined && open(one) === 1)
  expect(await redeem(one, answer)).toMatchObject({ status: 409, body: { code: 'PERMIT_SPENT' } })
  await until(() => {
    one.running.sidecar.tick(0)
    return open(three) === 0
  })
  expect(selling(three)).toBe(1000)
})

test('a sidecar whose history the log has left redeems nothing, in contact or cut off', async () => {
  const one = await enter('one')
  await one.observe(...quietMarket(OPEN - 1))
  const two = await enter('two')
  const before = last(one)
  const answer = await two.judge(sellAtMarket(1000), { allot: true })
  const after = last(one)
  // Nor does the inbox have it any more.
  await store.connect('else').inbox.trim({ inbox: '999999-0', critical: '999999-0' })
  cut.add('one')
  store.restart(after - before)
  const three = await enter('three', 'one')
  await until(() => three.running.sidecar.home?.isHere)
  three.now = two.now = OPEN + 1000
  await three.observe(...quietMarket(three.now))
  expect((await three.judge(sellAtMarket(1000))).verdict).toBe('allow')
  await until(() => two.running.sidecar.unready !== undefined)
  expect((await redeem(two, answer)).status).toBe(503)
  cut.add('two')
  // Each waits for halts a little: by the last of them none has been heard for long enough.
  for (let count = 0; count < 5; count += 1) expect((await redeem(two, answer)).status).toBe(503)
})

test.each([
  ['ends before what it has read', 0],
  ['went on to where it ends', 1],
])(
  'a sidecar in contact notices that the log %s, and redeems nothing once it is cut off',
  async (_, more) => {
    const one = await enter('one')
    await one.observe(...quietMarket(OPEN - 1))
    const two = await enter('two')
    const answer = await two.judge(sellAtMarket(1000), { allot: true })
    await until(() => last(two) === last(one))
    cut.add('one')
    await store.connect('else').inbox.trim({ inbox: '999999-0', critical: '999999-0' })
    // One record more than a promotion writes, so that the log is shorter for as long as nobody asks.
    store.restart(2 - more)
    const three = await enter('three', 'one')
    await until(() => three.running.sidecar.home?.isHere)
    expect(last(three)).toBe(last(two) - 1 + more)
    await hasLooked('two')
    cut.add('two')
    for (let count = 0; count < 5; count += 1) expect((await redeem(two, answer)).status).toBe(503)
  },
)

test('a sidecar that was behind a log which was brought back redeems again', async () => {
  const one = await enter('one')
  await one.observe(...quietMarket(OPEN - 1))
  const two = await enter('two')
  const answer = await two.judge(sellAtMarket(1000), { allot: true })
  await until(() => last(two) === last(one))
  store.restart(1)
  // Its home has the rest, and brings it back.
  await until(() => one.running.sidecar.home?.isHere && last(two) === last(one))
  await hasLooked('two')
  cut.add('two')
  await until(() => two.running.sidecar.unready !== undefined)
  expect(await redeem(two, answer)).toMatchObject({ status: 200, body: { cutOff: true } })
})

test('a sidecar that waits for a home which is gone redeems nothing while it is cut off: the log may have lost its end', async () => {
  const one = await enter('one')
  await one.observe(...quietMarket(OPEN - 1))
  const two = await enter('two')
  const answer = await two.judge(sellAtMarket(100), { allot: true })
  cut.add('one')
  store.restart()
  await until(() => two.running.sidecar.unready?.includes('waiting for `one`'))
  cut.add('two')
  await until(() => two.running.sidecar.unready?.includes('waiting for') === false)
  for (let count = 0; count < 5; count += 1) expect((await redeem(two, answer)).status).toBe(503)
  cut.clear()
  await until(() => two.running.sidecar.unready === undefined)
  expect((await redeem(two, answer)).status).toBe(200)
})

test('a sidecar that is called otherwise tells what it redeemed under its former name', async () => {
  const one = await enter('one')
  await one.observe(...quietMarket(OPEN - 1))
  const two = await enter('two')
  const answer = await two.judge(sellAtMarket(1000), { allot: true })
  cut.add('two')
  await until(() => two.running.sidecar.unready !== undefined)
  expect(await redeem(two, answer)).toMatchObject({ status: 200, body: { cutOff: true } })
  cut.delete('two')
  await two.stop()
  await two.start({ cluster: store.connect('renamed') })
  await until(() => {
    two.running.sidecar.tick(0)
    return open(one) === 0
  })
  expect(selling(one)).toBe(1000)
  await until(() => readFileSync(join(two.home, 'allotments.json'), 'utf8').includes('"told":'))
  await two.stop()
  await two.start({ cluster: store.connect('two') })
  expect(await redeem(two, answer)).toMatchObject({ status: 409, body: { code: 'PERMIT_SPENT' } })
})

test.each([
  ['was closed by hand, which the log says', false],
  ['was decided in what the log has lost', true],
])(
  'whose reading of the log alone fails, for a while before the cut, uses nothing: what it has %s',
  async (_, isLost) => {
    const one = await enter('one')
    await one.observe(...quietMarket(OPEN - 1))
    const two = await enter('two')
    const before = last(one)
    const answer = await two.judge(sellAtMarket(1000), { allot: true })
    await until(() => last(two) === last(one))
    const lost = last(one) - before
    await hasLooked('two')
    blind = 'two'
    if (isLost) {
      cut.add('one')
      await store.connect('else').inbox.trim({ inbox: '999999-0', critical: '999999-0' })
      store.restart(lost)
      const three = await enter('three', 'one')
      await until(() => three.running.sidecar.home?.isHere)
      three.now = OPEN + 1000
      await three.observe(...quietMarket(three.now))
      expect((await three.judge(sellAtMarket(1000))).verdict).toBe('allow')
    } else {
      one.now = OPEN + 1000
      const closed = quietMarket(one.now).map((each) =>
        'kind' in each && each.kind === 'portfolio' ? portfolio(one.now, 0) : each,
      )
      await one.observe(...closed)
    }
    // Longer than one look may be away.
    await pause(1_000)
    // Halts are heard until the cut.
    expect(two.running.sidecar.cores[0]?.stops).toEqual([])
    cut.add('two')
    for (let count = 0; count < 5; count += 1) expect((await redeem(two, answer)).status).not.toBe(200)
  },
)

describe('who looks for the lease after the log lost its end', () => {
  let gate: Promise<void> | undefined
  let open: () => void
  /** Whether `two` is cut off once its next look is answered. */
  let isLast: boolean
  const close = (): void => {
    gate = new Promise((done) => {
      open = () => {
        gate = undefined
        done()
      }
    })
  }
  /** `two`, whose looks wait where they are told to. */
  async function enterTwo(acceptAbsence?: string): Promise<Rig> {
    const real = store.connect('two')
    const acquire = async (...of: Parameters<typeof real.lease.acquire>) => {
      await gate
      const acquired = await real.lease.acquire(...of)
      if (isLast) cut.add('two')
      return acquired
    }
    const rig = new Rig({ cluster: { ...real, lease: { ...real.lease, acquire } }, policies: ALLOTTING })
    rigs.push(rig)
    return rig.start(acceptAbsence === undefined ? {} : { acceptAbsence })
  }
  /** The decision is lost while `two` does not look, with the home that had it. */
  async function loses(one: Rig, two: Rig): Promise<ActionAnswer> {
    const before = last(one)
    const answer = await two.judge(sellAtMarket(1000), { allot: true })
    await until(() => last(two) === last(one))
    await hasLooked('two')
    close()
    const lost = last(one) - before
    cut.add('one')
    await store.connect('else').inbox.trim({ inbox: '999999-0', critical: '999999-0' })
    store.restart(lost)
    // The lease of `one` runs out.
    await pause(600)
    return answer
  }
  async function soldBy(three: Rig): Promise<string> {
    await until(() => three.running.sidecar.home?.isHere)
    three.now = OPEN + 1000
    await three.observe(...quietMarket(three.now))
    return (await three.judge(sellAtMarket(1000))).verdict
  }
  beforeEach(() => {
    gate = undefined
    isLast = false
  })
  afterEach(() => open())

  test('hears that its home is gone, and uses nothing when another has gone on since', async () => {
    const one = await enter('one')
    await one.observe(...quietMarket(OPEN - 1))
    const two = await enterTwo()
    const answer = await loses(one, two)
    open()
    await until(() => two.running.sidecar.unready?.includes('waiting for `one`'))
    close()
    const three = await enter('three', 'one')
    expect(await soldBy(three)).toBe('allow')
    isLast = true
    open()
    await until(() => cut.has('two'))
    for (let count = 0; count < 5; count += 1) expect((await redeem(two, answer)).status).not.toBe(200)
  })

  test('gets it, and uses nothing where it is cut off before the log has the rest', async () => {
    const one = await enter('one')
    await one.observe(...quietMarket(OPEN - 1))
    const two = await enterTwo('one')
    const answer = await loses(one, two)
    isLast = true
    open()
    await until(() => cut.has('two'))
    const three = await enter('three', 'one')
    expect(await soldBy(three)).toBe('allow')
    for (let count = 0; count < 5; count += 1) expect((await redeem(two, answer)).status).not.toBe(200)
  })
})
