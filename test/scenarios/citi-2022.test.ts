/**
 * Citi, 2022-05-02: a trader who wanted to sell a basket for 58 million dollars typed 58 million into the field for the quantity: 444
 * billion dollars in 349 stocks. 255 billion were blocked, 189 billion reached an algorithm, 1.4 billion were sold, 48 million were lost. The
 * warning could be clicked away.
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Action, Order } from '../../src/protocol/action.ts'
import { accountOf, barOf, Desk, dollars, instrumentOf, quietBars, tell, whole } from './support/desk.ts'

/** Nine in the morning in London: before the market, as on that holiday. Here New York trades. */
const START = Date.parse('2026-12-02T15:00:00Z')
const TYPED = 58_000_000
const MEANT = 58_000_000
const STOCKS = 349
/** What a basket is worth if 58 million are worth 444 billion. */
const BASKET = 7_655.17
/** What a share is worth if the 189 billion that reached the algorithm were sold in as many parts as stocks, in round figures. */
const SHARE = 50
const EQUITY = 6_000_000_000
const CAP = 0.02 * EQUITY

const basket: Order = {
  type: 'order',
  account: 'index',
  instrument: 'BASKET349',
  side: 'sell',
  quantity: Math.floor(MEANT / BASKET),
  orderType: 'limit',
  limitPrice: BASKET,
}
const typed: Order = { ...basket, quantity: TYPED }
const stockOf = (index: number): string => `B${String(index + 1).padStart(3, '0')}`
/** One stock's share of what was typed. */
const part = (index: number): Order => ({
  ...basket,
  instrument: stockOf(index),
  quantity: Math.floor((TYPED * BASKET) / STOCKS / SHARE),
  limitPrice: SHARE,
})
const lift: Action = {
  type: 'change',
  subject: 'limit',
  target: 'order-value-cap',
  from: CAP,
  to: 500_000_000_000,
}

let desk: Desk
beforeEach(async () => {
  desk = new Desk({ from: START, sources: ['desk', 'vendor'] })
  await desk.open(['alpha', 'baskets'])
  const names = ['BASKET349', ...Array.from({ length: STOCKS }, (_, index) => stockOf(index))]
  await desk.observe(
    ...names.flatMap((name) => [
      instrumentOf(name, START, {
        assetClass: 'equity',
        tick: 0.01,
        adv: 5_000_000,
        sharesOutstanding: 1_000_000_000,
      }),
      ...quietBars(name, name === 'BASKET349' ? BASKET : SHARE, 100_000, START),
      { kind: 'locate' as const, account: 'index', instrument: name, quantity: 1_000_000, at: START },
    ]),
    { kind: 'portfolio', account: 'index', positions: [], at: START },
  )
  await world()
})
afterEach(() => desk.end())

async function world(): Promise<void> {
  await desk.beat()
  await desk.observe(accountOf('index', EQUITY, desk.rig.now))
  await desk.price({ BASKET349: BASKET })
}

test('what was typed is denied by its value before anything is split, and what was meant is sold', async () => {
  const slip = await desk.trade('alpha', typed)
  expect(slip.verdict).toBe('deny')
  expect(slip.codes).toContain('ORDER_VALUE_CAP')
  const cap = slip.reasons.find(({ code }) => code === 'ORDER_VALUE_CAP')
  expect(cap).toMatchObject({ observed: TYPED * BASKET, limit: CAP, unit: 'USD' })
  expect(Math.round((TYPED * BASKET) / 1e9)).toBe(444)
  expect(desk.venue.total.notional).toBe(0)

  // Clicking on: no scope, no end, nobody who approved.
  const clicked = await desk.trade('alpha', lift)
  expect(clicked).toMatchObject({ verdict: 'deny', codes: ['CHANGE_UNSIGNED', 'OVERRIDE_UNBOUNDED'] })
  desk.rig.now += 1_000
  await world()
  expect((await desk.trade('alpha', typed)).codes).toContain('ORDER_VALUE_CAP')
  expect(desk.venue.total.notional).toBe(0)

  desk.rig.now += 1_000
  await world()
  expect((await desk.trade('alpha', basket)).verdict).toBe('allow')
  await desk.settle()
  expect(desk.venue.total.notional).toBeGreaterThan(MEANT - BASKET)
  expect(desk.venue.total.notional).toBeLessThanOrEqual(MEANT)
  desk.expectPositions('index')
  tell(
    'Citi 2022',
    `${slip.codes.join(' ')} on the first order, ${dollars(Number(cap?.observed))} against ${dollars(CAP)}`,
    '$0 sold of $444 bn; override OVERRIDE_UNBOUNDED',
    `${dollars(desk.venue.total.notional)} sold of what was meant`,
  )

  const resting = await desk.trade('alpha', { ...basket, quantity: 1_000, limitPrice: BASKET + 10 })
  const { permit } = await desk.ask('alpha', { ...basket, quantity: 500 })
  await desk.halt({ kind: 'account', name: 'index' })
  await desk.expectStopped('alpha', {
    permit,
    resting: resting.decision,
    attempts: [basket, typed, { ...basket, side: 'buy', quantity: 100 }],
  })
  await desk.expectJournal()
})

test('split into 349 stocks first, each part is denied by its value', async () => {
  for (let index = 0; index < STOCKS; index++) {
    if (index % 8 === 0) {
      desk.rig.now += 1_000
      await world()
      if (index > 0 && (desk.rig.now - START) % 60_000 === 0)
        await desk.observe(
          ...Array.from({ length: STOCKS }, (_, other) =>
            barOf(stockOf(other), desk.rig.now - 60_000, [SHARE, SHARE], 100_000),
          ),
        )
    }
    await desk.price({ [stockOf(index)]: SHARE })
    const { codes } = await desk.trade('alpha', part(index))
    expect(codes).toContain('ORDER_VALUE_CAP')
  }
  expect(desk.counts.ORDER_VALUE_CAP).toBe(STOCKS)
  expect(desk.venue.total.notional).toBe(0)
  tell(
    'Citi 2022, split first',
    `ORDER_VALUE_CAP ${STOCKS} times, ${dollars(part(0).quantity * SHARE)} each against ${dollars(CAP)}`,
    `${whole(desk.venue.total.sold)} shares sold`,
  )
  await desk.expectJournal()
})
