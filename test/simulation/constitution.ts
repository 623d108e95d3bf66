/** A small constitution with hard limits on all that is reserved, and the market in which it is simulated. */
import { compile } from '../../src/constitution/compile.ts'
import type { Observation } from '../../src/protocol/observation.ts'
import { constitutionOf } from '../support/constitution.ts'

/** Lots that a position may come to on either side if all that is open there fills. */
export const POSITION_LOTS_MAX = 20n
/** Worth that all positions of an account may come to, in micro-units. */
export const GROSS_MICRO_MAX = 4_500_000_000n
/** Worth of one transfer, in micro-units. */
export const TRANSFER_MICRO_MAX = 1_500_000_000n

export const ACCOUNTS = ['first', 'second'] as const
export const AGENTS = ['ada', 'bob', 'cy'] as const

export interface Listed {
  readonly name: string
  readonly lot: number
  readonly tick: number
  /** The reference, which stays. */
  readonly price: number
}

/** One lot of each is worth 100 at the reference; lots are whole, broken and larger than one. */
export const INSTRUMENTS: readonly Listed[] = [
  { name: 'ONE', lot: 1, tick: 2, price: 100 },
  { name: 'TENTH', lot: 0.1, tick: 20, price: 1000 },
  { name: 'FIVE', lot: 5, tick: 0.4, price: 20 },
]

const measured = (type: unknown, source: string, more: object = {}): object => ({ type, source, ...more })
const ALWAYS = { always: true }

const FACTS = {
  actions: {
    order: ['order', 'replace'],
    parent: ['order', 'replace'],
    basket: ['order', 'replace'],
    position: ['order', 'replace'],
    market: ['order', 'replace'],
    instrument: ['order', 'replace', 'cancel'],
    account: ['order', 'replace', 'cancel', 'transfer'],
    transfer: ['transfer'],
  },
  facts: {
    'trading.state': measured(['active', 'reducing', 'halted'], 'ledger', ALWAYS),
    'action.reducing': measured('boolean', 'ledger'),
    'order.side': measured(['buy', 'sell'], 'action', ALWAYS),
    'order.orderType': measured(['limit', 'market'], 'action', ALWAYS),
    'order.quantity': measured('quantity', 'action', ALWAYS),
    'order.limitPrice': measured('price', 'action', { always: "order.orderType == 'limit'" }),
    'order.hasParent': measured('boolean', 'action', ALWAYS),
    'order.hasBasket': measured('boolean', 'action', ALWAYS),
    'instrument.lot': measured('quantity', 'market', ALWAYS),
    'instrument.multiplier': measured('ratio', 'market', ALWAYS),
    'instrument.fx': measured('fx', 'market'),
    'market.reference': measured('price', 'market'),
    'position.quantity': measured('quantity', 'ledger'),
    'position.open': measured('quantity', 'ledger', ALWAYS),
    'account.credit': measured('money', 'ledger'),
    'account.committed': measured('money', 'ledger'),
    'account.otherGross': measured('money', 'ledger'),
    'parent.quantity': measured('quantity', 'ledger'),
    'parent.committed': measured('quantity', 'ledger'),
    'basket.value': measured('money', 'ledger'),
    'basket.committed': measured('money', 'ledger'),
    'transfer.amount': measured('quantity', 'action', ALWAYS),
    'transfer.price': measured('money/quantity', 'market'),
    'transfer.value': { type: 'money', is: 'transfer.amount * transfer.price' },
    'order.worstPrice': {
      type: 'price',
      is: "if(order.orderType == 'limit', max(order.limitPrice, market.reference), market.reference * 1.1)",
    },
    'order.value': {
      type: 'money',
      is: 'order.quantity * instrument.multiplier * order.worstPrice * instrument.fx',
    },
    'order.direction': { type: 'ratio', is: "if(order.side == 'buy', 1, -1)" },
    'position.after': {
      type: 'quantity',
      is: 'position.quantity + order.direction * (position.open + order.quantity)',
    },
  },
}

const EITHER = { actions: ['order', 'replace'] }
const RULES = [
  {
    id: 'halted',
    forbid: "trading.state == 'halted'",
    applies: { actions: ['order', 'replace', 'transfer'] },
  },
  { id: 'reducing-only', forbid: "trading.state == 'reducing'", applies: EITHER, exits: true },
  { id: 'no-transfers', forbid: "trading.state == 'reducing'", applies: { actions: ['transfer'] } },
  { id: 'long-limit', forbid: 'position.after > instrument.lot * 20', side: 'buy' },
  { id: 'short-limit', forbid: 'position.after < instrument.lot * -20', side: 'sell' },
  { id: 'credit', forbid: 'account.committed + order.value > account.credit', applies: EITHER, exits: true },
  {
    id: 'gross',
    forbid:
      'account.otherGross + abs(position.after) * instrument.multiplier * market.reference * instrument.fx > 4500 USD',
    applies: EITHER,
    exits: true,
  },
  {
    id: 'parent-size',
    forbid: 'order.hasParent and parent.committed + order.quantity > parent.quantity',
    applies: EITHER,
    exits: true,
  },
  {
    id: 'basket-total',
    forbid: 'order.hasBasket and basket.committed + order.value > basket.value',
    applies: EITHER,
    exits: true,
  },
  { id: 'transfer-cap', forbid: 'transfer.value > 1500 USD', applies: { actions: ['transfer'] } },
].map(({ id, forbid, applies, side, exits }) => ({
  id,
  title: id,
  forbid,
  applies: applies ?? { ...EITHER, 'order.side': [side] },
  ...(exits === true || side !== undefined ? { unless: 'action.reducing' } : {}),
}))

export const PROGRAM = compile(
  constitutionOf({ 'facts.yaml': JSON.stringify(FACTS), 'rules/all.yaml': JSON.stringify({ rules: RULES }) }),
)

/** Each instrument with a price from two sources. */
export const market = (at: number): Observation[] =>
  INSTRUMENTS.flatMap(({ name: instrument, lot, tick, price }): Observation[] => [
    {
      kind: 'instrument',
      instrument,
      assetClass: 'equity',
      currency: 'USD',
      lot,
      tick,
      multiplier: 1,
      status: 'open',
      at,
    },
    { kind: 'price', instrument, source: 'nyse', price, at },
    { kind: 'price', instrument, source: 'bats', price, at },
  ])
