/** A small constitution with hard limits on all that is reserved, and the market in which it is simulated. */
import { compile, type Program } from '../../src/constitution/compile.ts'
import type { Observation } from '../../src/protocol/observation.ts'
import { constitutionOf } from '../support/constitution.ts'
import { HOURS } from './calendar.ts'

/** Lots that a position may come to on either side if all that is open there fills. */
export const POSITION_LOTS_MAX = 20n
/** Lots that an account may have open in an instrument, on both sides together. */
export const OPEN_LOTS_MAX = 12n
/** Worth that all positions of an account may come to, in micro-units. */
export const GROSS_MICRO_MAX = 4_500_000_000n
/** Worth of one transfer, in micro-units. */
export const TRANSFER_MICRO_MAX = 1_500_000_000n
/** What an agent may send in a trading day of the instrument that it asks for, exits aside. */
export const SENT_MAX = 6
/** Lots that may fill on one side of an instrument in its trading day, with those of the order that is asked for. */
export const FILLED_LOTS_MAX = 16n

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

/** The facts, their calendar being the table of that name. */
const factsBy = (calendar: string): object => ({
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
    'order.filled': measured('quantity', 'ledger', ALWAYS),
    'order.limitPrice': measured('price', 'action', { always: "order.orderType == 'limit'" }),
    'order.hasParent': measured('boolean', 'action', ALWAYS),
    'order.hasBasket': measured('boolean', 'action', ALWAYS),
    'instrument.lot': measured('quantity', 'market', ALWAYS),
    'instrument.multiplier': measured('ratio', 'market', ALWAYS),
    'instrument.fx': measured('fx', 'market'),
    'market.reference': measured('price', 'market'),
    'position.quantity': measured('quantity', 'ledger'),
    'position.open': measured('quantity', 'ledger', ALWAYS),
    'position.opposing': measured('quantity', 'ledger', ALWAYS),
    'account.credit': measured('money', 'ledger'),
    'account.committed': measured('money', 'ledger'),
    'account.otherGross': measured('money', 'ledger'),
    'parent.quantity': measured('quantity', 'ledger'),
    'parent.committed': measured('quantity', 'ledger'),
    'basket.value': measured('money', 'ledger'),
    'basket.committed': measured('money', 'ledger'),
    'agent.id': measured('text', 'action', ALWAYS),
    'account.id': measured('text', 'action', ALWAYS),
    'instrument.id': measured('text', 'action', ALWAYS),
    'market.session': { type: ['regular', 'closed'], table: calendar, source: 'clock' },
    'agent.sentToday': { type: 'count', count: 'messages', by: ['agent.id'], window: 'day', calendar },
    'account.filledToday': {
      type: 'quantity',
      sum: 'fill.quantity',
      by: ['account.id', 'instrument.id', 'order.side'],
      window: 'day',
      calendar,
    },
    'transfer.approvers': measured('count', 'ledger', ALWAYS),
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
    'order.leaves': { type: 'quantity', is: 'max(order.quantity - order.filled, 0)' },
    'order.leavesValue': {
      type: 'money',
      is: 'order.leaves * instrument.multiplier * order.worstPrice * instrument.fx',
    },
    'order.direction': { type: 'ratio', is: "if(order.side == 'buy', 1, -1)" },
    'position.after': {
      type: 'quantity',
      is: 'position.quantity + order.direction * (position.open + order.quantity)',
    },
  },
})

const EITHER = { actions: ['order', 'replace'] }
const RULES = [
  {
    id: 'halted',
    forbid: "trading.state == 'halted'",
    applies: { actions: ['order', 'replace', 'transfer'] },
  },
  { id: 'market-closed', forbid: "market.session == 'closed'", applies: EITHER, exits: true },
  { id: 'reducing-only', forbid: "trading.state == 'reducing'", applies: EITHER, exits: true },
  { id: 'no-transfers', forbid: "trading.state == 'reducing'", applies: { actions: ['transfer'] } },
  { id: 'long-limit', forbid: 'position.after > instrument.lot * 20', side: 'buy' },
  { id: 'short-limit', forbid: 'position.after < instrument.lot * -20', side: 'sell' },
  {
    id: 'open-on-both-sides',
    forbid: `position.open + position.opposing + order.quantity > instrument.lot * ${OPEN_LOTS_MAX}`,
    applies: EITHER,
    exits: true,
  },
  {
    id: 'credit',
    forbid: 'account.committed + order.leavesValue > account.credit',
    applies: EITHER,
    exits: true,
  },
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
    forbid: 'order.hasBasket and basket.committed + order.leavesValue > basket.value',
    applies: EITHER,
    exits: true,
  },
  { id: 'sent-today', forbid: `agent.sentToday >= ${SENT_MAX}`, applies: EITHER, exits: true },
  {
    id: 'filled-today',
    forbid: `account.filledToday + order.quantity > instrument.lot * ${FILLED_LOTS_MAX}`,
    applies: EITHER,
    exits: true,
  },
  { id: 'transfer-approvers', forbid: 'transfer.approvers < 2', applies: { actions: ['transfer'] } },
  { id: 'transfer-cap', forbid: 'transfer.value > 1500 USD', applies: { actions: ['transfer'] } },
].map(({ id, forbid, applies, side, exits }) => ({
  id,
  title: id,
  forbid,
  applies: applies ?? { ...EITHER, 'order.side': [side] },
  ...(exits === true || side !== undefined ? { unless: 'action.reducing' } : {}),
}))

const programOf = (version: string, calendar: string, hours = HOURS): Program =>
  compile(
    constitutionOf({
      'constitution.yaml': JSON.stringify({
        name: 'simulated',
        version,
        effectiveFrom: '2026-11-01T00:00:00Z',
        currency: 'USD',
      }),
      'facts.yaml': JSON.stringify(factsBy(calendar)),
      [`tables/${calendar}.csv`]: hours,
      'rules/all.yaml': JSON.stringify({ rules: RULES }),
    }),
  )

export const PROGRAM = programOf('1.0.0', 'hours')
/** The same rules by a calendar of another name, so that the windows are filled anew when it comes into force. */
export const NEXT = programOf('1.1.0', 'sessions')
/** As if there were no holidays: for the faults. */
export const WITHOUT_CLOSURES = programOf('1.0.0', 'hours', HOURS.replaceAll(/^\w+,closed,.*\n/gm, ''))

/** The program of a hash in a journal. */
export const programOfHash = (hash: string): Program | undefined =>
  [PROGRAM, NEXT].find(({ constitution }) => constitution.hash === hash)

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
