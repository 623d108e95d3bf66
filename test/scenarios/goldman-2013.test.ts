/**
 * Goldman Sachs, 2013-08-20: after a change of a program, expressions of interest went out as orders to sell options at one dollar each:
 * about 16,000 orders for 1.5 million contracts, in the minutes around the open. Price bands before the open were wide, and circuit breakers
 * that did stop orders were lifted by hand. 38 million dollars were lost.
 *
 * One request here stands for twenty of those, at their pace: sixteen a second.
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Action, Order } from '../../src/protocol/action.ts'
import { expectProblem } from '../support/http.ts'
import { accountOf, Desk, dollars, instrumentOf, quietBars, tell, whole } from './support/desk.ts'
import { policiesWithout } from '../support/policy.ts'

/** Twenty seconds before half past nine in New York, on a Wednesday. */
const START = Date.parse('2026-12-02T14:29:40Z')
const OPENING = START + 20_000
const ORDERS = 16_000 / 20
/** 1.5 million contracts in 16,000 orders. */
const CONTRACTS = 94
const PER_SECOND = 16
const MULTIPLIER = 100
const EQUITY = 1_000_000_000

/** Options worth several dollars, and some that are worth about one. */
const SERIES = Array.from({ length: 40 }, (_, index) => ({ name: `OPT${index + 1}`, price: 2 + index / 4 }))
const CHEAP = Array.from({ length: 40 }, (_, index) => ({ name: `LOW${index + 1}`, price: 1 }))

const atOneDollar = (instrument: string, more: Partial<Order> = {}): Order => ({
  type: 'order',
  account: 'axes',
  instrument,
  side: 'sell',
  quantity: CONTRACTS,
  orderType: 'limit',
  limitPrice: 1,
  ...more,
})

let desk: Desk
let permit: string | null = null
beforeEach(async () => {
  // What the rules do by themselves: the shipped policy halts an agent that is denied so often.
  const policies = policiesWithout('agent-insists')
  desk = new Desk({ from: START, sources: ['opra', 'vendor'], multiplier: MULTIPLIER, policies })
  await desk.open(['hedger', 'axes'])
  await desk.observe(
    ...[...SERIES, ...CHEAP].flatMap(({ name, price }) => [
      instrumentOf(name, START, { assetClass: 'option', tick: 0.01, multiplier: MULTIPLIER, adv: 50_000 }),
      ...quietBars(name, price, 2_000, START),
    ]),
    { kind: 'portfolio', account: 'axes', positions: [], at: START },
  )
})
afterEach(() => desk.end())

/** Plays `count` orders from `from` on, sixteen a second; stops when `until` holds at the end of a second. */
async function play(
  from: number,
  count: number,
  order: (index: number) => Order,
  until = (): boolean => false,
): Promise<void> {
  for (let sent = 0; sent < count && !until(); sent += PER_SECOND) {
    const start = from + (sent / PER_SECOND) * 1_000
    desk.rig.now = start
    await desk.beat()
    await desk.observe(accountOf('axes', EQUITY, desk.rig.now))
    if ((start - START) % 60_000 === 0 && start > START)
      await desk.observe(
        ...[...SERIES, ...CHEAP].flatMap(({ name, price }) => quietBars(name, price, 2_000, start)),
      )
    await desk.price(Object.fromEntries([...SERIES, ...CHEAP].map(({ name, price }) => [name, price])))
    for (let index = 0; index < PER_SECOND; index++) {
      desk.rig.now = start + Math.floor((index * 1_000) / PER_SECOND)
      // The first of each second is not sent at once: its permit is out when trading is halted.
      if (index > 0) await desk.trade('hedger', order(sent + index))
      else permit = (await desk.ask('hedger', order(sent))).permit ?? permit
    }
    await desk.settle()
  }
}

test('a dollar for what is worth more: outside the band before the open and after it, and nothing is sold', async () => {
  await play(START, ORDERS, (index) => atOneDollar(SERIES[index % SERIES.length]?.name ?? ''))
  const first = desk.firstDenied
  expect(first).toMatchObject({ at: START, codes: ['MARKET_CLOSED', 'PRICE_BAND'] })
  expect(first.reasons[1]).toMatchObject({ observed: 1, limit: expect.closeTo(0.06) })
  const opened = desk.verdicts.find(({ at }) => at >= OPENING)
  expect(opened?.codes).toEqual(['PRICE_BAND'])
  expect(desk.counts).toEqual({ PRICE_BAND: ORDERS, MARKET_CLOSED: PER_SECOND * 20 })
  expect(desk.venue.total).toEqual({ bought: 0, sold: 0, notional: 0 })

  // Breakers are not lifted by saying so.
  for (const target of ['price-band', 'agent-message-rate']) {
    const lift: Action = { type: 'change', subject: 'limit', target, from: 'on', to: 'off' }
    desk.rig.now += 1_000
    await desk.beat()
    expect((await desk.trade('hedger', lift)).codes).toEqual(['CHANGE_UNSIGNED', 'OVERRIDE_UNBOUNDED'])
  }
  tell(
    'Goldman 2013',
    `PRICE_BAND on the first of ${whole(ORDERS)} orders, and on all; MARKET_CLOSED before the open`,
    `0 of ${whole(ORDERS * CONTRACTS)} contracts, $0; override OVERRIDE_UNBOUNDED`,
  )
  await desk.expectJournal()
})

test('a dollar for what is worth one: ten a second pass until their fills latch, and no one person lifts it', async () => {
  const cheap = (index: number): Order => atOneDollar(CHEAP[index % CHEAP.length]?.name ?? '')
  const isLatched = (): boolean => desk.verdicts.some(({ codes }) => codes.includes('RUNAWAY_STRATEGY'))
  desk.rig.now = OPENING
  await desk.beat()
  await desk.observe(accountOf('axes', EQUITY, OPENING))
  await desk.price({ LOW1: 1 })
  const resting = await desk.trade('hedger', atOneDollar('LOW1', { limitPrice: 1.02 }))
  expect(resting.verdict).toBe('allow')
  await play(OPENING + 1_000, 10 * PER_SECOND, cheap, isLatched)
  const first = desk.firstDenied
  expect(first.codes).toEqual(['AGENT_MESSAGE_RATE'])
  // The eleventh of the first second.
  expect(first.at - OPENING - 1_000).toBe(Math.floor(10_000 / PER_SECOND))
  const latched = desk.verdicts.find(({ codes }) => codes.includes('RUNAWAY_STRATEGY'))
  const { sold, notional } = desk.venue.total
  expect(latched?.reached).toEqual(desk.venue.total)
  expect(notional).toBe(sold * MULTIPLIER)
  desk.expectPositions('axes')
  tell(
    'Goldman 2013, worth about a dollar',
    `AGENT_MESSAGE_RATE on order 11`,
    `RUNAWAY_STRATEGY ${((latched?.at ?? 0) - OPENING - 1_000) / 1000} s after the first`,
    `${whole(sold)} contracts, ${dollars(notional)} reached, of 1,500,000 contracts`,
  )
  const [halt] = (await desk.rig.get('/v1/state')).body.halts as { halt: string }[]
  const lift = (as: string) =>
    desk.rig.call('DELETE', `/v1/halts/${halt?.halt}`, as, { body: { reason: 'the desk asked for it' } })
  expect((await lift('operator-1')).body).toMatchObject({ lifted: false })
  expectProblem(await lift('operator-1'), 'HALT_SECOND_OPERATOR', 'operator-1')
  await desk.expectStopped('hedger', {
    permit,
    resting: resting.decision,
    attempts: [cheap(3), atOneDollar('LOW2', { side: 'buy' })],
  })
  await desk.expectJournal()
})
