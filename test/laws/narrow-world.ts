/** Random markets in which an order is a little too large: what the narrowing search is held against. */
import fc from 'fast-check'
import { join } from 'node:path'
import { fromSteps } from '../../src/base/exact.ts'
import { compile, type Program } from '../../src/constitution/compile.ts'
import { filesOfCanonicalText } from '../../src/constitution/check.ts'
import { buildWorld } from '../../src/engine/world.ts'
import { beat, register } from '../../src/ledger/fold.ts'
import { reserve } from '../../src/ledger/orders.ts'
import { anOrder } from '../support/orders.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import type { Order } from '../../src/protocol/action.ts'
import { loadConstitution } from '../../src/sidecar/constitutions.ts'
import { constitutionOf } from '../support/constitution.ts'

/** A Tuesday on which every session is open. */
export const NOW = Date.parse('2026-12-01T15:00:00Z')

const LOTS = [1, 0.1, 100, 0.01, 0.3, 5, 1e-8, 0.7] as const
const TICKS = [0.01, 0.25, 0.0001, 1] as const
const CLASSES = ['equity', 'crypto', 'future', 'option', 'fx', 'bond'] as const

export interface Market {
  readonly lot: number
  readonly tick: number
  readonly assetClass: (typeof CLASSES)[number]
  /** In ticks. */
  readonly price: number
  readonly limitOffset: number
  readonly orderType: 'limit' | 'market'
  readonly side: 'buy' | 'sell'
  /** Of the order, in lots; `stray` of a lot beside it now and then. */
  readonly lots: number
  readonly stray: number
  readonly multiplier: number
  /** Equity, volumes and issue as multiples of what would just do, in percent. */
  readonly equityRoom: number
  readonly advRoom: number
  readonly volumeRoom: number
  readonly held: number
  readonly open: number
  readonly other: number
  readonly missing: readonly string[]
}

const room = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 120 }) },
  fc.integer({ min: 100, max: 10_000 }),
)

export const market: fc.Arbitrary<Market> = fc.record({
  lot: fc.constantFrom(...LOTS),
  tick: fc.constantFrom(...TICKS),
  assetClass: fc.constantFrom(...CLASSES),
  price: fc.integer({ min: 200, max: 100_000 }),
  limitOffset: fc.integer({ min: -3, max: 3 }),
  orderType: fc.constantFrom('limit', 'limit', 'market'),
  side: fc.constantFrom('buy', 'sell'),
  lots: fc.oneof(
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 5000 }),
    fc.integer({ min: 1, max: 10_000_000 }),
  ),
  stray: fc.constantFrom(0, 0, 0, 0, 0.5, 0.999),
  multiplier: fc.constantFrom(1, 1, 50, 0.1),
  equityRoom: room,
  advRoom: room,
  volumeRoom: room,
  held: fc.oneof(fc.constant(0), fc.integer({ min: -200, max: 200 })),
  open: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 150 })),
  other: fc.integer({ min: -100, max: 100 }),
  missing: fc.oneof(
    { weight: 9, arbitrary: fc.constant([]) },
    fc.subarray(['price', 'bar', 'account', 'portfolio'], { maxLength: 1 }),
  ),
})

const SHIPPED = loadConstitution(join(import.meta.dirname, '../../constitution'))
const shippedText = SHIPPED.constitution?.text ?? ''

/** More facts and rules than are shipped: positions, a floor, steps, a quorum. */
const MORE_FACTS = {
  'order.side': { type: ['buy', 'sell'], source: 'action', always: true },
  'order.direction': { type: 'ratio', is: "if(order.side == 'buy', 1, -1)" },
  'position.quantity': { type: 'quantity', source: 'ledger' },
  'position.open': { type: 'quantity', source: 'ledger' },
  'position.after': {
    type: 'quantity',
    is: 'position.quantity + order.direction * (position.open + order.quantity)',
  },
  'position.worth': {
    type: 'money',
    is: 'abs(position.quantity + order.direction * (position.open + order.quantity)) * instrument.multiplier * market.reference * instrument.fx',
  },
  'account.otherNet': { type: 'money', source: 'ledger' },
}
const EXIT = { unless: 'action.reducing' }
const EITHER = { actions: ['order', 'replace'] }
const RULES: Readonly<Record<string, object>> = {
  'worth-cap': { applies: EITHER, forbid: 'position.worth > 5% * account.equity', ...EXIT },
  'net-cap': {
    applies: EITHER,
    forbid:
      'abs(account.otherNet + position.after * instrument.multiplier * market.reference * instrument.fx) > 5% * account.equity',
    ...EXIT,
  },
  'short-sale': {
    applies: EITHER,
    forbid: "order.side == 'sell' and position.open + order.quantity > max(position.quantity, 0)",
    ...EXIT,
  },
  floor: { applies: EITHER, forbid: 'order.value < 0.01% * account.equity', ...EXIT },
  round: { applies: EITHER, forbid: 'not multiple(order.quantity, instrument.lot * 10)', ...EXIT },
  gap: {
    applies: EITHER,
    forbid: 'order.quantity > instrument.lot * 40 and order.quantity < instrument.lot * 60',
    ...EXIT,
  },
  escalated: { applies: EITHER, escalate: 'order.value > 1% * account.equity', to: 'desk', ...EXIT },
  'never-exits': { applies: EITHER, forbid: 'action.reducing and order.quantity > instrument.lot * 20' },
}

/** Who asks in these markets. */
export const AGENT = 'hedger'

function draft(names: readonly string[], { withShipped }: { readonly withShipped: boolean }): Program {
  const files = filesOfCanonicalText(shippedText)
  const facts = JSON.parse(files.get('facts.yaml') ?? '') as { facts: Record<string, object> }
  const rules = withShipped
    ? (JSON.parse(files.get('rules/all.yaml') ?? '') as { rules: object[] }).rules
    : []
  const more = names.map((id) => ({ id, title: id, ...RULES[id] }))
  return compile(
    constitutionOf({
      ...Object.fromEntries(files),
      'facts.yaml': JSON.stringify({ ...facts, facts: { ...facts.facts, ...MORE_FACTS } }),
      'rules/all.yaml': JSON.stringify({ rules: [...rules, ...more] }),
    }),
  )
}

/** What is shipped, and drafts on top of it and beside it, each compiled once. */
export const PROGRAMS: readonly Program[] = [
  draft([], { withShipped: true }),
  draft(['worth-cap'], { withShipped: true }),
  draft(['worth-cap', 'short-sale'], { withShipped: false }),
  draft(['worth-cap', 'escalated'], { withShipped: false }),
  draft(['net-cap'], { withShipped: true }),
  draft(['worth-cap', 'floor'], { withShipped: false }),
  draft(['worth-cap', 'round'], { withShipped: false }),
  draft(['worth-cap', 'gap'], { withShipped: false }),
  draft(['never-exits', 'worth-cap'], { withShipped: false }),
]

/** The ledger of a market, and the order that is sent into it. */
export function marketOf(given: Market, program: Program): { ledger: Ledger; order: Order } {
  const { lot, tick, lots, assetClass, multiplier, side, orderType } = given
  const price = fromSteps(given.price, tick)
  const quantity = Number((fromSteps(lots, lot) + given.stray * lot).toPrecision(15))
  const worth = fromSteps(lots, lot) * price * multiplier
  const share = (percent: number, of: number): number =>
    Number(Math.min((of * percent) / 100, 1e14).toPrecision(12))
  const name = 'THING'
  const observations = [
    {
      kind: 'instrument',
      instrument: name,
      assetClass,
      currency: 'USD',
      lot,
      tick,
      multiplier,
      adv: share(given.advRoom, quantity * 100),
      sharesOutstanding: share(1000, quantity * 1000),
      status: 'open',
      at: NOW,
    },
    {
      kind: 'instrument',
      instrument: 'OTHER',
      assetClass: 'equity',
      currency: 'USD',
      lot: 1,
      tick: 0.01,
      multiplier: 1,
      status: 'open',
      at: NOW,
    },
    { kind: 'price', instrument: name, source: 'a', price, at: NOW },
    { kind: 'price', instrument: name, source: 'b', price, at: NOW },
    { kind: 'price', instrument: 'OTHER', source: 'a', price: 10, at: NOW },
    { kind: 'price', instrument: 'OTHER', source: 'b', price: 10, at: NOW },
    {
      kind: 'bar',
      instrument: name,
      from: NOW - 300_000,
      to: NOW,
      open: price,
      high: price,
      low: price,
      close: price,
      volume: share(given.volumeRoom, quantity / 0.09),
    },
    {
      kind: 'account',
      account: 'main',
      currency: 'USD',
      equity: share(given.equityRoom, worth * 50),
      cash: share(given.equityRoom, worth * 50),
      at: NOW,
    },
    {
      kind: 'portfolio',
      account: 'main',
      positions: [
        { instrument: name, quantity: fromSteps(given.held, lot) },
        { instrument: 'OTHER', quantity: given.other },
      ],
      at: NOW,
    },
  ].filter(({ kind }) => !given.missing.includes(kind))
  // Volumes are drawn by themselves: before the instrument is described none is too much for it.
  const volumesFirst = observations.toSorted((a, b) => Number(b.kind === 'bar') - Number(a.kind === 'bar'))
  let ledger = buildWorld(volumesFirst, program.constitution, NOW)
  ledger = beat(register(ledger, { agent: AGENT, role: 'trader', strategies: [] }, NOW), AGENT, NOW)
  if (given.open > 0)
    ledger = reserve(ledger, anOrder({ agent: 'alpha', instrument: name, side, lots: given.open }), undefined)
  const limit = orderType === 'limit' ? { limitPrice: fromSteps(given.price + given.limitOffset, tick) } : {}
  return {
    ledger,
    order: { type: 'order', account: 'main', instrument: name, side, quantity, orderType, ...limit },
  }
}
