/**
 * Knight Capital, 2012-08-01: for 45 minutes from the open a router that forgot what it had sold turned 212 orders of customers into over 4
 * million orders of its own in 154 stocks, and traded over 397 million shares. 3.5 billion dollars long in 80 stocks and 3.15 billion short
 * in 74 were left, and a loss of over 460 million.
 *
 * One request here stands for two thousand of those. What the customers' orders were for was not published: 500 shares each here.
 */
import { afterEach, expect, test } from 'vitest'
import type { Order } from '../../src/protocol/action.ts'
import { policiesWithout } from '../support/policy.ts'
import { CONSTITUTION, POLICIES } from '../support/sidecar.ts'
import { copyOf, editFile, shadow } from './support/constitution.ts'
import {
  accountOf,
  barOf,
  Desk,
  dollars,
  instrumentOf,
  quietBars,
  tell,
  whole,
  type Verdict,
} from './support/desk.ts'

/** Half past nine in New York, on a Wednesday on which the constitution is in force. */
const OPENING = Date.parse('2026-12-02T14:30:00Z')
const PARENTS = 212
const PARENT_SHARES = 500
/** Children that fit into a parent; the sixth is too many. */
const FITTING = 5
const SHARES = 397_000_000
/** What was left in the end, long and short, for each share traded. */
const PRICE = 16.75
/** Two thousand children at once. */
const LUMP = 200_000
const LONG = 80
const STOCKS = 154
/** Of its own. */
const EQUITY = 365_000_000
const CHILDREN = 4_000_000 / 2_000
const MINUTES = 45
const STEP_MS = 4_000
/** How long a price is good for. */
const PRICE_MS = 2_000

const stockOf = (index: number): string => `S${String((index % STOCKS) + 1).padStart(3, '0')}`
const sideOf = (index: number): 'buy' | 'sell' => (index % STOCKS < LONG ? 'buy' : 'sell')
const STOCK_NAMES = Array.from({ length: STOCKS }, (_, index) => stockOf(index))

const child = (parent: number, quantity: number, more: Partial<Order> = {}): Order => ({
  type: 'order',
  account: 'market-making',
  instrument: stockOf(parent),
  side: sideOf(parent),
  quantity,
  orderType: 'limit',
  limitPrice: PRICE,
  strategy: 'router',
  ...more,
})

/** Children had 99.25 shares on average. */
const CHILD_SHARES = [99, 100, 98, 100] as const
const sharesOf = (index: number): number => CHILD_SHARES[index % 4] as number

/** A child that says whose it is. */
const childOf = (parent: number, index: number): Order =>
  child(parent, sharesOf(index), { parent: { id: `customer-${parent + 1}`, quantity: PARENT_SHARES } })

/** A price that the market does not reach: it rests. */
const away = (parent: number): Order =>
  child(parent, 100, { limitPrice: PRICE + (sideOf(parent) === 'buy' ? -0.25 : 0.25) })

let desk: Desk
let step = 0
afterEach(() => desk.end())

/** The opening, with a router and a trader beside it. */
async function open(constitution = CONSTITUTION, policies = POLICIES): Promise<void> {
  step = 0
  desk = new Desk({ from: OPENING, sources: ['nyse', 'bats'], constitution, policies })
  await desk.open(['alpha', 'router'], ['hedger', 'manual'])
  await desk.observe(
    ...STOCK_NAMES.flatMap((name, index) => [
      instrumentOf(name, OPENING, {
        assetClass: 'equity',
        tick: 0.01,
        adv: 20_000_000,
        sharesOutstanding: 500_000_000,
      }),
      ...quietBars(name, PRICE, 600_000, OPENING),
      ...(sideOf(index) === 'sell'
        ? [
            {
              kind: 'locate' as const,
              account: 'market-making',
              instrument: name,
              quantity: 10_000_000,
              at: OPENING,
            },
          ]
        : []),
    ]),
    { kind: 'portfolio', account: 'market-making', positions: [], at: OPENING - 1 },
  )
  await quote(STOCK_NAMES)
}

const quote = (names: readonly string[]): Promise<void> =>
  desk.price(Object.fromEntries(names.map((name) => [name, PRICE])))

/** All that is reported beside prices: bars each minute, the account thrice a minute, heartbeats each third step. */
async function world(elapsed: number): Promise<void> {
  const now = OPENING + elapsed
  if (elapsed % (3 * STEP_MS) === 0) await desk.beat()
  if (elapsed % 20_000 === 0) await desk.observe(accountOf('market-making', EQUITY, now))
  if (elapsed % 300_000 === 0) await desk.dropCopy('market-making')
  if (elapsed % 60_000 === 0 && elapsed > 0) {
    await quote(STOCK_NAMES)
    await desk.observe(...STOCK_NAMES.map((name) => barOf(name, now - 60_000, [PRICE, PRICE], 600_000)))
  }
}

/** Plays children `from` until `to` of the whole run, at its pace; goes on where it was left. */
async function play(from: number, to: number, order: (index: number) => Order): Promise<void> {
  const steps = (MINUTES * 60_000) / STEP_MS
  for (let next = from; next < to; step++) {
    desk.rig.now = OPENING + step * STEP_MS
    await world(step * STEP_MS)
    const due = Math.min(to, Math.ceil(((step + 1) * CHILDREN) / steps))
    const orders = Array.from({ length: due - next }, (_, index) => order(next + index))
    // A price is good for two seconds, and all that is due in a step comes within them.
    await quote([...new Set(orders.map(({ instrument }) => instrument))])
    for (const [index, each] of orders.entries()) {
      desk.rig.now = OPENING + step * STEP_MS + Math.floor((index * PRICE_MS) / orders.length)
      await desk.trade('alpha', each)
      await desk.settle()
    }
    next = due
  }
}

/** Whose child each is, in the pace of the whole run. */
const parentOf = (index: number): number => Math.floor((index * PARENTS) / CHILDREN)
const sum = (a: number, b: number): number => a + b
const traded = (): number => desk.venue.total.bought + desk.venue.total.sold

test('a router that names its parents: the first share too many halts it, and nothing passes after', async () => {
  await open()
  await world(0)
  const resting = await desk.trade('alpha', away(0))
  expect(resting.verdict).toBe('allow')
  await play(0, FITTING, (index) => childOf(0, index))
  await quote([stockOf(1)])
  const { permit } = await desk.ask('alpha', child(1, 100))
  await play(FITTING, FITTING + 1, (index) => childOf(0, index))

  const first = desk.firstDenied
  expect(first.codes).toEqual(['PARENT_OVERRUN'])
  const fitting = Array.from({ length: FITTING }, (_, index) => sharesOf(index)).reduce(sum)
  expect(first.reasons[0]).toMatchObject({ observed: fitting + sharesOf(FITTING), limit: PARENT_SHARES })
  expect(first.reached).toMatchObject({ bought: fitting, sold: 0 })
  const { halts } = (await desk.rig.get('/v1/state')).body as { halts: { halt: string }[] }
  expect(halts).toMatchObject([
    { by: 'parent-overrun', state: 'halted', scope: { kind: 'strategy', name: 'router' } },
  ])
  await desk.expectStopped('alpha', {
    permit,
    resting: resting.decision,
    attempts: [childOf(211, 1), child(2, 100), child(0, 100, { side: 'sell' })],
  })
  await play(FITTING + 1, 100, (index) => childOf(parentOf(index), index))
  expect(desk.verdicts.slice(-94).every(({ codes }) => codes.includes('HALTED'))).toBe(true)
  expect(traded()).toBe(fitting)
  desk.expectPositions('market-making')
  tell(
    'Knight 2012, parents named',
    `PARENT_OVERRUN on child ${FITTING + 1} of ${whole(CHILDREN)}, ${(first.at - OPENING) / 1000} s after the open, halts the strategy`,
    `${fitting} shares, ${dollars(first.reached.notional)} reached, of ${whole(SHARES)}`,
  )
  // Two people let it go on: the next customer is served, and the next share too many halts it again.
  for (const operator of ['operator-1', 'operator-2'])
    await desk.rig.call('DELETE', `/v1/halts/${halts[0]?.halt}`, operator, { body: { reason: 'looked at' } })
  await quote([stockOf(0), stockOf(20)])
  expect((await desk.trade('alpha', childOf(20, 0))).verdict).toBe('allow')
  expect((await desk.trade('alpha', childOf(0, 0))).codes).toEqual(['PARENT_OVERRUN'])
  expect((await desk.trade('alpha', childOf(20, 1))).codes).toEqual(['HALTED'])
  await desk.expectJournal()
}, 60_000)

test('where the rule only denies, each parent is stopped at its first share too many, and 45 minutes trade what customers wanted', async () => {
  const denying = copyOf(CONSTITUTION, (directory) =>
    editFile(directory, 'rules/parents.yaml', '    raise: { state: halted, scope: strategy }\n', ''),
  )
  await open(denying, policiesWithout('agent-insists'))
  await world(0)
  const resting = await desk.trade('alpha', away(0))
  expect(resting.verdict).toBe('allow')
  await play(0, CHILDREN, (index) => childOf(parentOf(index), index))

  const first = desk.firstDenied
  expect(first.codes).toEqual(['PARENT_OVERRUN'])
  const fitting = Array.from({ length: FITTING }, (_, index) => sharesOf(index)).reduce(sum)
  expect(first.reasons[0]).toMatchObject({ observed: fitting + sharesOf(FITTING), limit: PARENT_SHARES })
  expect(first.reached).toMatchObject({ bought: fitting, sold: 0 })
  expect(first.reached.notional).toBeCloseTo(fitting * PRICE)
  // Nothing else denied anything, and of each parent just so much passed as fits.
  const passed = new Map<number, number[]>()
  for (let index = 0; index < CHILDREN; index++) {
    const before = passed.get(parentOf(index)) ?? []
    if (before.length < FITTING) passed.set(parentOf(index), [...before, sharesOf(index)])
  }
  const expected = [...passed.values()].flat()
  expect(passed.size).toBe(PARENTS)
  expect(desk.counts).toEqual({ PARENT_OVERRUN: CHILDREN - expected.length })
  expect(traded()).toBe(expected.reduce(sum))
  expect(traded()).toBeLessThanOrEqual(PARENTS * PARENT_SHARES)
  desk.expectPositions('market-making')
  tell(
    'Knight 2012, parents named and nothing halted',
    `PARENT_OVERRUN on child ${FITTING + 1} of ${whole(CHILDREN)}, ${(first.at - OPENING) / 1000} s after the open, at ${fitting} shares, ${dollars(first.reached.notional)}`,
    `PARENT_OVERRUN ${whole(CHILDREN - expected.length)} times in ${MINUTES} minutes`,
    `${whole(traded())} shares, ${dollars(desk.venue.total.notional)} reached: what ${PARENTS} customers wanted, of ${whole(SHARES)}`,
  )

  await quote([stockOf(1), stockOf(2)])
  const { permit } = await desk.ask('alpha', child(1, 100))
  await desk.halt({ kind: 'strategy', name: 'router' })
  await desk.expectStopped('alpha', {
    permit,
    resting: resting.decision,
    attempts: [childOf(211, 1), child(2, 100), child(0, 100, { side: 'sell' })],
  })
  await desk.expectJournal()
}, 180_000)

test('without the rule the same children go on past their parent', async () => {
  const without = copyOf(CONSTITUTION, (directory) => shadow(directory, 'parent-overrun'))
  await open(without)
  await play(0, 8, (index) => childOf(0, index))
  expect(traded()).toBe(8 * 99.25)
})

test('a router that names no parent, at a tenth of its pace: throttled at once, and its fifty fills latch it', async () => {
  // A hundred denials within a minute would halt the agent before.
  await open(CONSTITUTION, policiesWithout('agent-insists'))
  const perSecond = 148
  await world(0)
  const resting = await desk.trade('alpha', away(0))
  let permit: string | null = null
  const isLatched = ({ codes }: Verdict): boolean => codes.includes('RUNAWAY_STRATEGY')
  for (let second = 1; !desk.verdicts.some(isLatched); second++) {
    expect(second).toBeLessThan(10)
    desk.rig.now = OPENING + second * 1_000
    await desk.beat()
    await desk.observe(accountOf('market-making', EQUITY, desk.rig.now))
    await quote(STOCK_NAMES)
    const orders = Array.from({ length: perSecond }, (_, index) =>
      child((second - 1) * perSecond + index, 100),
    )
    // One of each second's is not sent at once: its permit is out when the strategy is halted.
    const [kept, ...sent] = orders as [Order, ...Order[]]
    const answer = await desk.ask('alpha', kept)
    permit = answer.permit ?? permit
    for (const each of sent) await desk.trade('alpha', each)
    await desk.settle()
  }
  const first = desk.firstDenied
  expect(first.codes).toEqual(['AGENT_MESSAGE_RATE'])
  const latched = desk.verdicts.find(isLatched)
  if (latched === undefined) throw new Error('the strategy was never stopped')
  expect(latched.reasons.find(({ code }) => code === 'RUNAWAY_STRATEGY')).toMatchObject({ limit: 50 })
  const reached = latched.reached.bought + latched.reached.sold
  expect(traded()).toBe(reached)
  desk.expectPositions('market-making')
  tell(
    'Knight 2012, no parents, a tenth of the pace',
    `AGENT_MESSAGE_RATE after ${(first.at - OPENING) / 1000} s`,
    `RUNAWAY_STRATEGY after ${(latched.at - OPENING) / 1000} s`,
    `${whole(reached)} shares, ${dollars(latched.reached.notional)} reached`,
    JSON.stringify(desk.counts),
  )
  await desk.expectStopped('alpha', {
    permit,
    resting: resting.decision,
    attempts: [child(0, 100), child(LONG, 100)],
  })
  // Ten quiet minutes do not lift it, and neither does one person.
  desk.rig.now += 600_000
  await desk.beat()
  expect((await desk.trade('alpha', child(3, 100))).codes).toContain('HALTED')
  const [halt] = (await desk.rig.get('/v1/state')).body.halts as { halt: string; by: string }[]
  expect(halt?.by).toBe('runaway-strategy')
  const lift = (as: string) =>
    desk.rig.call('DELETE', `/v1/halts/${halt?.halt}`, as, { body: { reason: 'looked at' } })
  expect((await lift('operator-1')).body).toMatchObject({ lifted: false })
  expect((await desk.trade('alpha', child(4, 100))).codes).toContain('HALTED')
  expect((await lift('operator-2')).body).toMatchObject({ lifted: true })
  expect((await desk.trade('alpha', child(5, 100))).codes).not.toContain('HALTED')
  await desk.expectJournal()
})

test('below every throttle, two thousand children in each order: gross leverage ends it, and a halt holds', async () => {
  await open()
  await world(0)
  const resting = await desk.trade('alpha', away(0))
  const lump = (index: number): Order => child(index, LUMP)
  await play(0, 150, lump)
  const first = desk.firstDenied
  expect(first.codes).toEqual(['GROSS_LEVERAGE'])
  const reached = first.reached.bought + first.reached.sold
  // What rests counts too.
  expect((reached + 100) * PRICE).toBeLessThanOrEqual(EQUITY)
  expect((reached + 100 + LUMP) * PRICE).toBeGreaterThan(EQUITY)
  expect(traded()).toBe(reached)
  desk.expectPositions('market-making')
  tell(
    'Knight 2012, slow lumps',
    `GROSS_LEVERAGE after ${(first.at - OPENING) / 1000} s`,
    `${whole(reached)} shares, ${dollars(first.reached.notional)} reached`,
    `${((100 * reached) / SHARES).toFixed(1)} % of what was traded`,
  )
  // The last permit before the halt: an exit, which leverage does not forbid.
  const exit = child(0, 100, { side: 'sell' })
  const { permit } = await desk.ask('alpha', exit)
  await desk.halt({ kind: 'account', name: 'market-making' })
  await desk.expectStopped('alpha', { permit, resting: resting.decision, attempts: [lump(7), exit] })
  await desk.expectJournal()
})
