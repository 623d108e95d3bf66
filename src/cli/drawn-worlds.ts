/** Draws states of an account and a market, and orders in them: what regions are checked in. */
import { fromSteps } from '../base/exact.ts'
import type { Constitution } from '../constitution/model.ts'
import { buildWorld } from '../engine/world.ts'
import { beat, register } from '../ledger/fold.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Order } from '../protocol/action.ts'

/** A Tuesday on which every session is open. */
const NOW = Date.parse('2026-12-01T15:00:00Z')
/** Has every permission in the constitution that is shipped. */
const AGENT = 'hedger'
const INSTRUMENT = 'THING'
const LOTS = [1, 0.1, 100, 0.01, 5, 1e-8] as const
const TICKS = [0.01, 0.25, 0.0001, 1] as const
const CLASSES = ['equity', 'crypto', 'future', 'option', 'fx', 'bond'] as const

/** One state, with orders that may be sent into it. */
export interface DrawnWorld {
  readonly ledger: Ledger
  readonly now: number
  readonly agent: string
  readonly lot: number
  readonly orders: readonly DrawnOrder[]
}

/** An order of which a part may be sent now. */
export interface DrawnOrder {
  readonly order: Order
  /** In whole lots; the order’s whole quantity. */
  readonly lots: number
  /** What later steps can take. */
  readonly later: number
  /** Of an approval, where there is one. */
  readonly approved: number | undefined
  /** From 0 to 1: where in its region something is chosen. */
  readonly share: number
}

/** The world that `chance` draws, with `count` orders. */
export function drawWorld(constitution: Constitution, chance: () => number, count: number): DrawnWorld {
  const between = (low: number, high: number): number => low + (high - low) * chance()
  const logarithmic = (low: number, high: number): number => low * (high / low) ** chance()
  const whole = (low: number, high: number): number => Math.floor(between(low, high + 1))
  const pick = <T>(list: readonly T[]): T => list[Math.floor(chance() * list.length)] as T
  const rarely = (part: number): boolean => chance() < part
  const exact = (value: number): number => Number(value.toPrecision(12))

  const [lot, tick, assetClass] = [pick(LOTS), pick(TICKS), pick(CLASSES)]
  const multiplier = pick([1, 1, 50, 0.1])
  const price = fromSteps(whole(200, 100_000), tick)
  const typical = Math.ceil(logarithmic(2, 1_000_000))
  const quantity = fromSteps(typical, lot)
  const worth = quantity * price * multiplier
  const room = (of: number): number => exact(Math.min(of * logarithmic(0.02, 50), 1e14))
  const equity = room(worth * 50)
  const session = { instrument: INSTRUMENT, at: NOW }
  const observations = [
    {
      kind: 'instrument',
      ...session,
      assetClass,
      currency: 'USD',
      lot,
      tick,
      multiplier,
      adv: room(quantity * 100),
      sharesOutstanding: room(quantity * 2000),
      status: rarely(0.01) ? 'halted' : 'open',
    },
    { kind: 'price', ...session, source: 'a', price },
    { kind: 'price', ...session, source: 'b', price: rarely(0.02) ? price * 2 : price },
    {
      kind: 'bar',
      instrument: INSTRUMENT,
      from: NOW - 300_000,
      to: NOW,
      open: price,
      high: price,
      low: price,
      close: price,
      volume: room(quantity / 0.09),
    },
    {
      kind: 'account',
      account: 'main',
      currency: 'USD',
      equity,
      cash: equity,
      ...(rarely(0.5) ? { credit: exact(equity * between(0, 2)) } : {}),
      at: NOW,
    },
    {
      kind: 'portfolio',
      account: 'main',
      positions: [{ instrument: INSTRUMENT, quantity: fromSteps(whole(-typical, typical), lot) }],
      at: NOW,
    },
    {
      kind: 'facts',
      facts: {
        'account.dayOpenEquity': exact(equity * between(0.9, 1.035)),
        'account.highWater': exact(equity * between(1, 1.112)),
        'agent.messages1s': rarely(0.02) ? whole(0, 20) : whole(0, 9),
        'account.messages1s': rarely(0.02) ? whole(0, 80) : whole(0, 49),
        'strategy.fills10s': rarely(0.02) ? whole(0, 80) : whole(0, 49),
        'agent.orders1d': whole(0, 49),
        'agent.fills1d': whole(0, 40),
        'position.open': fromSteps(rarely(0.4) ? whole(0, Math.ceil(typical / 4)) : 0, lot),
        'order.filled': 0,
        'position.opposing': fromSteps(rarely(0.4) ? whole(0, Math.ceil(typical / 4)) : 0, lot),
        'position.filled5min': fromSteps(rarely(0.4) ? whole(0, Math.ceil(typical / 4)) : 0, lot),
        'position.located': fromSteps(rarely(0.5) ? whole(0, 2 * typical) : 0, lot),
        'account.otherGross': exact(equity * between(0, 0.9)),
        'account.otherNet': exact(equity * between(-0.7, 0.7)),
        'account.committed': exact(equity * between(0, 0.3)),
        'market.move5min': between(0, 0.051),
      },
    },
  ].filter(({ kind }) => kind === 'instrument' || !rarely(0.003))
  // Volumes are drawn by themselves: before the instrument is described none is too much for it.
  const volumesFirst = observations.toSorted((a, b) => Number(b.kind === 'bar') - Number(a.kind === 'bar'))
  const ledger = buildWorld(volumesFirst, constitution, NOW)
  return {
    ledger: beat(register(ledger, { agent: AGENT, role: 'trader', strategies: [] }, NOW), AGENT, NOW),
    now: NOW,
    agent: AGENT,
    lot,
    orders: Array.from({ length: count }, () => {
      const lots = Math.ceil(typical * logarithmic(0.01, 2))
      const limit = rarely(0.7) ? { limitPrice: exact(price + tick * whole(-3, 3)) } : {}
      return {
        order: {
          type: 'order',
          account: 'main',
          instrument: INSTRUMENT,
          side: pick(['buy', 'sell'] as const),
          quantity: fromSteps(lots, lot),
          orderType: 'limitPrice' in limit ? 'limit' : 'market',
          ...limit,
        },
        lots,
        later: Math.floor(lots * between(0, 1.5)),
        approved: rarely(0.3) ? Math.floor(lots * between(0, 1.2)) : undefined,
        share: chance(),
      }
    }),
  }
}

/** A calm market and an account so large that the size of an order alone is what rules look at. */
export function quietWorld(constitution: Constitution) {
  const [instrument, account, price] = [INSTRUMENT, 'main', 100]
  const common = { instrument, at: NOW }
  const observations = [
    {
      kind: 'instrument',
      ...common,
      assetClass: 'equity',
      currency: 'USD',
      lot: 1,
      tick: 0.01,
      multiplier: 1,
      adv: 1e9,
      sharesOutstanding: 1e11,
      status: 'open',
    },
    { kind: 'price', ...common, source: 'a', price },
    { kind: 'price', ...common, source: 'b', price },
    { kind: 'account', account, currency: 'USD', equity: 1e12, cash: 1e12, at: NOW },
    { kind: 'portfolio', account, positions: [], at: NOW },
    { kind: 'facts', facts: { 'market.move5min': 0 } },
  ]
  const ledger = buildWorld(observations, constitution, NOW)
  return {
    ledger: beat(register(ledger, { agent: AGENT, role: 'trader', strategies: [] }, NOW), AGENT, NOW),
    now: NOW,
    agent: AGENT,
    instrument,
    account,
  }
}
