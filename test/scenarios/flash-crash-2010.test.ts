/**
 * Flash crash, 2010-05-06: a program sold 75,000 E-minis, worth 4.1 billion dollars, at 9 % of the volume of the minute before, regardless of
 * price or time. Within six minutes the index went from 1117.1 to 1059.0, volume rose, quotes lagged, and the program sold faster.
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Order } from '../../src/protocol/action.ts'
import { emergencyText, policyDirectory } from '../support/policy.ts'
import { POLICIES } from '../support/sidecar.ts'
import { accountOf, barOf, Desk, dollars, instrumentOf, quietBars, tell, whole } from './support/desk.ts'

/** Twenty to three in New York, on a Wednesday. */
const START = Date.parse('2026-12-02T19:40:00Z')
const CONTRACTS = 75_000
const MULTIPLIER = 50
const [BEFORE, AFTER] = [1117.1, 1059]
const FALL_MINUTES = 6
const PROGRAM_MINUTES = 20
const EQUITY = 10_000_000_000
const SLICE_MS = 10_000

/** The index fell ever faster and came back slowly; futures trade in quarters. */
function indexAt(minutes: number): number {
  const fallen = BEFORE - (BEFORE - AFTER) * (Math.min(minutes, FALL_MINUTES) / FALL_MINUTES) ** 2
  const back = Math.max(minutes - FALL_MINUTES, 0) / (PROGRAM_MINUTES - FALL_MINUTES)
  return Math.round((fallen + (BEFORE - AFTER) * 0.8 * back) * 4) / 4
}
/** 75,000 are 9 % of what traded in these twenty minutes. */
const volumeOf = (minute: number): number => Math.min(28_000 + Math.max(minute, 0) * 3_000, 44_300)

const sell = (quantity: number, more: Partial<Order> = {}): Order => ({
  type: 'order',
  account: 'fund',
  instrument: 'ESM0',
  side: 'sell',
  quantity,
  orderType: 'limit',
  limitPrice: 1117,
  ...more,
})
const { limitPrice: _, ...atMarket } = sell(CONTRACTS, { orderType: 'market' })

let desk: Desk
beforeEach(() => openDesk())
async function openDesk(policies = POLICIES): Promise<void> {
  desk = new Desk({ from: START, sources: ['cme', 'vendor'], multiplier: MULTIPLIER, policies })
  await desk.open(['alpha', 'unwind'], ['hedger', 'manual'])
  await desk.observe(
    instrumentOf('ESM0', START, { assetClass: 'future', tick: 0.25, multiplier: MULTIPLIER, adv: 2_500_000 }),
    ...quietBars('ESM0', indexAt(0), volumeOf(-1), START),
    { kind: 'portfolio', account: 'fund', positions: [], at: START },
    { kind: 'portfolio', account: 'holder', positions: [{ instrument: 'ESM0', quantity: 2_000 }], at: START },
  )
  await world(0)
}
afterEach(() => desk.end())

/** All that is reported at `second`; the second source lags where `lagging`. */
async function world(second: number, lagging = false): Promise<void> {
  desk.rig.now = START + second * 1_000
  const { now } = desk.rig
  await desk.beat()
  if (second % 30 === 0) await desk.observe(...['fund', 'holder'].map((name) => accountOf(name, EQUITY, now)))
  if (second % 60 === 0 && second > 0) {
    const minute = second / 60 - 1
    await desk.observe(barOf('ESM0', now - 60_000, [indexAt(minute), indexAt(minute + 1)], volumeOf(minute)))
  }
  const price = indexAt(second / 60)
  if (lagging) await desk.observe({ kind: 'price', instrument: 'ESM0', source: 'cme', price, at: now })
  else await desk.price({ ESM0: price })
}

/** A slice of the program: 9 % of the volume of the minute before, over six slices, for whatever price there is. */
const slice = (second: number, share = 0.09): Order => {
  const { limitPrice: _, ...rest } = sell(
    Math.floor((share * volumeOf(Math.floor(second / 60) - 1) * SLICE_MS) / 60_000),
    { orderType: 'market' },
  )
  return rest
}

test('75,000 at the market: denied before one is sold', async () => {
  const whole75 = await desk.trade('alpha', atMarket)
  expect(whole75.codes).toEqual(
    expect.arrayContaining(['LARGE_WITHOUT_LIMIT', 'ORDER_SIZE', 'ORDER_VALUE_CAP', 'PARTICIPATION']),
  )
  expect(whole75.reasons.find(({ code }) => code === 'PARTICIPATION')).toMatchObject({
    observed: CONTRACTS,
    limit: expect.closeTo(12_600),
  })
  expect(desk.venue.total.sold).toBe(0)
  const worth = CONTRACTS * MULTIPLIER * indexAt(0)
  expect(worth / 1e9).toBeCloseTo(4.19, 2)
  tell('Flash crash 2010, at once', whole75.codes.join(' '), `0 of 75,000 contracts, $0 of ${dollars(worth)}`)
  await desk.expectJournal()
})

test('the program, in slices: it may be 9 % of the market and no more, and ends when the market has moved 5 % in five minutes, and who holds can still get out', async () => {
  let permit: string | null = null
  for (let second = 1; second <= FALL_MINUTES * 60; second++) {
    await world(second)
    if (second % (SLICE_MS / 1000) === 0) await desk.trade('alpha', slice(second))
    await desk.settle()
  }
  const first = desk.firstDenied
  // Of the five minutes before, four bars are whole.
  expect(first.codes).toEqual(['PARTICIPATION'])
  expect(first.reasons[0]).toMatchObject({ limit: 0.09 * (28_000 + 31_000 + 34_000 + 37_000) })
  const fast = desk.verdicts.find(({ codes }) => codes.includes('FAST_MARKET'))
  expect(fast?.reasons[0]).toMatchObject({ code: 'FAST_MARKET', limit: 0.05 })
  const { sold, notional } = desk.venue.total
  expect(fast?.reached).toEqual(desk.venue.total)
  expect(sold).toBeLessThan(0.09 * (28_000 + 31_000 + 34_000 + 37_000 + 40_000 + 43_000))
  desk.expectPositions('fund')
  tell(
    'Flash crash 2010, in slices',
    `PARTICIPATION after ${(first.at - START) / 1000} s, ${whole(first.reached.sold)} contracts, ${dollars(first.reached.notional)}`,
    `FAST_MARKET after ${((fast?.at ?? 0) - START) / 1000} s`,
    `${whole(sold)} of 75,000 contracts, ${dollars(notional)} reached`,
  )

  // Getting out is no new risk: not while the market is fast, nor when quotes lag.
  const exit = sell(500, { account: 'holder', limitPrice: 1050 })
  expect((await desk.trade('hedger', exit)).verdict).toBe('allow')
  await desk.settle()
  for (let lag = 1; lag <= 3; lag++) await world(FALL_MINUTES * 60 + lag, true)
  const lagging = await desk.trade('alpha', slice(FALL_MINUTES * 60))
  expect(lagging.codes).toContain('REFERENCE_UNTRUSTED')
  expect((await desk.trade('hedger', { ...exit, quantity: 400 })).verdict).toBe('allow')
  await desk.settle()
  // The venue stops the instrument, and an operator everything.
  const resting = await desk.trade('hedger', { ...exit, quantity: 50, limitPrice: 1090 })
  permit = (await desk.ask('hedger', { ...exit, quantity: 60 })).permit
  await desk.halt({ kind: 'everything' })
  await desk.expectStopped('hedger', {
    permit,
    resting: resting.decision,
    attempts: [exit, sell(1), { ...exit, side: 'buy' }],
  })
  for (let second = FALL_MINUTES * 60 + 30; second < PROGRAM_MINUTES * 60; second += 30) {
    await world(second)
    expect((await desk.trade('alpha', slice(second))).codes).toContain('HALTED')
  }
  expect(desk.venue.traded.get('ESM0')?.sold).toBe(sold + 900)
  await desk.expectJournal()
})

test('a program twice as fast is more of the market than it may be, before the market moves', async () => {
  for (let second = 1; second <= 180; second++) {
    await world(second)
    if (second % (SLICE_MS / 1000) === 0) await desk.trade('alpha', slice(second, 0.18))
    await desk.settle()
  }
  const first = desk.firstDenied
  expect(first.codes).toEqual(['PARTICIPATION'])
  const { sold, notional } = first.reached
  expect(first.at - START).toBeLessThan(180_000)
  expect(sold).toBeLessThanOrEqual(12_600)
  // What passes afterwards is what 9 % leave, and that changes with the market alone.
  expect(desk.venue.total.sold).toBeLessThanOrEqual(0.09 * (2 * 28_000 + 28_000 + 31_000 + 34_000))
  tell(
    'Flash crash 2010, twice as fast',
    `PARTICIPATION after ${(first.at - START) / 1000} s`,
    `${whole(sold)} of 75,000 contracts, ${dollars(notional)} reached`,
  )
  await desk.expectJournal()
})

test('a monitor halts the future on the tick with which it has moved 5 %, whoever asks and whether anybody does', async () => {
  await desk.end()
  const policies = policyDirectory(
    emergencyText({
      id: 'index-falls',
      watches: 'price-move',
      limit: '5%',
      window: '10min',
      only: { instruments: ['ESM0'] },
      state: 'halted',
      scope: 'instrument',
    }),
  )
  await openDesk(policies)
  const halts = async () => (await desk.rig.get('/v1/state')).body.halts as { halt: string; at: number }[]
  let fallen = 0
  for (let second = 1; second <= FALL_MINUTES * 60 && fallen === 0; second++) {
    await world(second)
    if ((await halts()).length > 0) fallen = second
  }
  // The first second in which the highest and the lowest are more than 5 % of the first apart.
  const expected = Array.from({ length: FALL_MINUTES * 60 }, (_, index) => index + 1).find(
    (second) => indexAt(0) - indexAt(second / 60) > 0.05 * indexAt(0),
  )
  expect(fallen).toBe(expected)
  expect(await halts()).toMatchObject([
    { by: 'index-falls', scope: { kind: 'instrument', name: 'ESM0' }, at: START + fallen * 1_000 },
  ])
  expect((await desk.trade('alpha', slice(fallen))).codes).toContain('HALTED')
  expect((await desk.trade('hedger', sell(500, { account: 'holder', limitPrice: 1050 }))).codes).toContain(
    'HALTED',
  )
  // The index comes back, and nothing comes back with it.
  for (let second = 360; second <= PROGRAM_MINUTES * 60; second += 60) await world(second)
  expect(await halts()).toHaveLength(1)
  expect((await desk.trade('alpha', sell(1, { limitPrice: 1100 }))).codes).toContain('HALTED')
  expect(desk.venue.total.sold).toBe(0)
  tell('Flash crash 2010, a monitor', `ESM0 halted ${fallen} s after the program began, on the tick`)
  await desk.expectJournal()
})
