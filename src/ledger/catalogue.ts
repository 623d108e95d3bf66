/** Every fact the sidecar can measure: its type, its source, and how it is read from the ledger. */
import type { Constitution, Origin, Reading, Source } from '../constitution/model.ts'
import { calendarsOf, tradingDayStart } from '../constitution/trading-day.ts'
import { add, multiply, rational, toNumber, toNumberUp } from '../base/rational.ts'
import { fromSteps } from '../base/exact.ts'
import { ASSET_CLASSES } from '../protocol/observation.ts'
import { FIELDS, keyIn } from './happening.ts'
import { move, volume } from './history.ts'
import { basketCommitted, basketValue } from './baskets.ts'
import { worthOf } from './book.ts'
import { committedOf } from './committed.ts'
import { weightOf } from './exposure.ts'
import { keyOf, type Ledger } from './ledger.ts'
import { positionBreak } from './positions.ts'
import { NUMBER_MAX, NUMBER_MIN } from '../protocol/common.ts'
import { referenceOf, type Reference } from './reference.ts'
import { approversOf, signoffsFor } from './signoffs.ts'
import {
  isReducing,
  openLots,
  opposingLots,
  positionOf,
  strategyAllowed,
  strategyOf,
  type Subject,
} from './subject.ts'
import { tradingState } from './trading-state.ts'
import { fieldsOf } from './window-fields.ts'
import { isOwn, readTally } from './windows.ts'

/** What one measurement works with. */
export interface Measuring {
  readonly ledger: Ledger
  readonly subject: Subject
  /** Of `money`. */
  readonly currency: string
  /** Of the constitution. */
  readonly tables: Constitution['tables']
  readonly now: number
  /** The `maxAge` that the constitution gives a fact. */
  readonly maxAgeOf: (fact: string) => number | undefined
  readonly reference: Reference
}

type EntryType = string | readonly string[]

interface Entry {
  /** As written in a facts file: a unit or kind, or the list of all values it can have. `text` may be declared as an enumeration too. */
  readonly type: EntryType
  readonly source: Source
  readonly read: (measuring: Measuring) => Reading | undefined
}

type Value = Reading['value']

const said = (value: Value | undefined, source: string, at?: number): Reading | undefined =>
  value === undefined ? undefined : { value, at, source }

/** A reading that tells its age also where it has no value that counts: not a number is unknown, whatever its age. */
const dated = (value: number | undefined, source: string, at: number | undefined): Reading | undefined =>
  at === undefined ? undefined : { value: value ?? Number.NaN, at, source }

const fromAction = (type: EntryType, read: (subject: Subject) => Value | undefined): Entry => ({
  type,
  source: 'action',
  read: ({ subject }) => said(read(subject), 'action'),
})

const fromInstrument = (
  type: EntryType,
  field: 'assetClass' | 'sector' | 'status' | 'lot' | 'tick' | 'multiplier' | 'adv' | 'sharesOutstanding',
): Entry => ({
  type,
  source: 'market',
  read: ({ subject: { instrument } }) => said(instrument?.[field], 'instrument', instrument?.at),
})

const fromLedger = (type: EntryType, read: (measuring: Measuring) => Reading | undefined): Entry => ({
  type,
  source: 'ledger',
  read,
})

const fromMarket = (type: EntryType, read: (measuring: Measuring) => Reading | undefined): Entry => ({
  type,
  source: 'market',
  read,
})

const account = (measuring: Measuring) => {
  const { subject, ledger, currency } = measuring
  const state = subject.account === undefined ? undefined : ledger.accounts.get(subject.account)
  // Money is in the constitution's currency; an account kept in another has no worth here until its rates are read.
  return state?.currency === currency ? state : undefined
}

const fromAccount = (field: 'equity' | 'dayOpenEquity' | 'highWater'): Entry =>
  fromLedger('money', (measuring) => {
    const state = account(measuring)
    return state && said(state[field], 'account', state.at)
  })

export const CATALOGUE: Readonly<Record<string, Entry>> = {
  'agent.id': fromAction('text', ({ agent }) => agent),
  'agent.heartbeatAge': fromLedger('duration', ({ ledger, subject, now }) => {
    const at = ledger.agents.get(subject.agent)?.heartbeatAt
    return at === undefined ? undefined : said(Math.max(now - at, 0), 'heartbeat', at)
  }),
  'account.id': fromAction('text', (subject) => subject.account),
  'strategy.id': fromLedger('text', ({ ledger, subject }) =>
    strategyAllowed(ledger, subject) ? said(strategyOf(ledger, subject), 'registration') : undefined,
  ),
  'trading.state': fromLedger(['active', 'reducing', 'halted'], (measuring) =>
    said(tradingState(measuring.ledger, measuring.subject), 'halts'),
  ),
  'action.reducing': fromLedger('boolean', ({ ledger, subject, now, maxAgeOf }) =>
    said(isReducing(ledger, subject, now, maxAgeOf('position.quantity')), 'portfolio'),
  ),

  'order.side': fromAction(['buy', 'sell'], ({ order }) => order?.side),
  'order.orderType': fromAction(['limit', 'market'], ({ order }) => order?.orderType),
  'order.quantity': fromAction('quantity', ({ order }) => order?.quantity),
  'order.limitPrice': fromAction('price', ({ order }) => order?.limitPrice),
  'order.filled': fromLedger(
    'quantity',
    ({ subject: { order, instrument } }) =>
      order && instrument && said(fromSteps(order.replaces?.filled ?? 0, instrument.lot), 'ledger'),
  ),
  'order.hasBasket': fromAction('boolean', ({ order }) => order && order.basket !== undefined),
  'order.hasParent': fromAction('boolean', ({ order }) => order && order.parent !== undefined),

  'instrument.id': fromAction('text', ({ action }) =>
    'instrument' in action ? action.instrument : undefined,
  ),
  'instrument.class': fromInstrument(ASSET_CLASSES, 'assetClass'),
  'instrument.sector': fromInstrument('text', 'sector'),
  'instrument.status': fromInstrument(['open', 'closed', 'halted'], 'status'),
  'instrument.lot': fromInstrument('quantity', 'lot'),
  'instrument.tick': fromInstrument('price', 'tick'),
  'instrument.multiplier': fromInstrument('ratio', 'multiplier'),
  'instrument.adv': fromInstrument('quantity', 'adv'),
  'instrument.sharesOutstanding': fromInstrument('quantity', 'sharesOutstanding'),
  'instrument.fx': fromMarket('fx', ({ ledger, subject, currency }) =>
    rateOf(ledger, subject.instrument?.currency, currency),
  ),

  'market.reference': fromMarket('price', ({ reference }) => dated(reference.price, 'median', reference.at)),
  'market.age': fromMarket('duration', ({ reference, now }) =>
    reference.at === undefined ? undefined : said(Math.max(now - reference.at, 0), 'median', reference.at),
  ),
  'market.sources': fromMarket('count', ({ reference }) => said(reference.sources, 'prices')),
  'market.disagreement': fromMarket('ratio', ({ reference }) =>
    dated(reference.disagreement, 'prices', reference.at),
  ),

  'position.quantity': fromLedger('quantity', ({ ledger, subject: { order } }) => {
    const position = order && positionOf(ledger, order.account, order.instrument)
    return position && said(position.quantity, 'portfolio', position.at)
  }),
  'position.open': fromLedger(
    'quantity',
    ({ ledger, subject: { order, instrument } }) =>
      order && instrument && said(fromSteps(openLots(ledger, order), instrument.lot), 'ledger'),
  ),
  'position.opposing': fromLedger(
    'quantity',
    ({ ledger, subject: { order, instrument } }) =>
      order && instrument && said(fromSteps(opposingLots(ledger, order), instrument.lot), 'ledger'),
  ),
  'position.located': fromLedger('quantity', ({ ledger, subject: { order } }) => {
    const located = order && ledger.locates.get(keyOf(order.account, order.instrument))
    return located === undefined ? said(0, 'no locate') : said(located.quantity, 'locate', located.at)
  }),
  'position.brokerQuantity': fromLedger('quantity', ({ ledger, subject: { order } }) => {
    const position = order && positionOf(ledger, order.account, order.instrument)
    const broker = order && ledger.portfolios.get(order.account)?.broker
    if (position === undefined || broker === undefined) return undefined
    const difference = broker.differences.get(order?.instrument ?? '') ?? 0
    return said(toNumber(add(rational(position.quantity), rational(difference))), 'portfolio', broker.at)
  }),
  'order.ownOpposing': fromLedger('boolean', (measuring) => {
    const { order } = measuring.subject
    return order && said(bestOpposing(measuring) !== undefined, 'ledger')
  }),
  'order.ownBestPrice': fromLedger('price', (measuring) => {
    const best = bestOpposing(measuring)
    if (best === undefined) return undefined
    // A market order meets every price.
    if (Number.isNaN(best))
      return said(measuring.subject.order?.side === 'buy' ? NUMBER_MIN : NUMBER_MAX, 'ledger')
    return said(best, 'ledger')
  }),

  'account.equity': fromAccount('equity'),
  'account.dayOpenEquity': fromAccount('dayOpenEquity'),
  'account.highWater': fromAccount('highWater'),
  'account.credit': fromLedger('money', (measuring) => {
    const state = account(measuring)
    return state && said(state.credit, 'account', state.creditAt)
  }),
  'account.committed': fromLedger('money', (measuring) => said(committed(measuring), 'ledger')),
  'account.otherGross': fromLedger('money', (measuring) =>
    said(others(measuring, 'gross', 'account.otherGross'), 'ledger'),
  ),
  'account.otherNet': fromLedger('money', (measuring) =>
    said(others(measuring, 'net', 'account.otherNet'), 'ledger'),
  ),
  'account.positionBreak': fromLedger('ratio', (measuring) => {
    const { ledger, subject, now } = measuring
    const found = subject.account === undefined ? undefined : positionBreak(ledger, subject.account, now)
    const at = ledger.portfolios.get(subject.account ?? '')?.broker?.at
    return dated(found === 'settling' ? undefined : found, 'portfolio', at)
  }),
  // Too much rather than too little: every other position where nobody said of which sector the order is.
  'sector.otherGross': fromLedger('money', (measuring) =>
    said(others(measuring, 'gross', 'sector.otherGross', measuring.subject.instrument?.sector), 'ledger'),
  ),

  'parent.quantity': fromLedger('quantity', ({ ledger, subject: { order, instrument } }) => {
    if (order?.parent === undefined || instrument === undefined) return undefined
    const { key, quantity } = order.parent
    const lots = ledger.parents.get(key)?.quantity
    return said(lots === undefined ? quantity : fromSteps(lots, instrument.lot), 'ledger')
  }),
  'parent.committed': fromLedger('quantity', ({ ledger, subject: { order, instrument } }) => {
    if (order?.parent === undefined || instrument === undefined) return undefined
    const lots = ledger.parents.get(order.parent.key)?.committed ?? 0
    return said(fromSteps(lots - weightOf(order.replaces).parentLots, instrument.lot), 'ledger')
  }),

  'basket.value': fromLedger('money', ({ ledger, subject, currency }) =>
    said(basketValue(ledger, subject, currency), 'ledger'),
  ),
  'basket.committed': fromLedger('money', ({ ledger, subject, currency }) =>
    said(basketCommitted(ledger, subject, currency), 'ledger'),
  ),

  'transfer.amount': fromAction('quantity', ({ action }) =>
    action.type === 'transfer' ? action.amount : undefined,
  ),
  'transfer.asset': fromAction('text', ({ action }) =>
    action.type === 'transfer' ? action.asset : undefined,
  ),
  'transfer.destination': fromAction('text', ({ action }) =>
    action.type === 'transfer' ? action.destination : undefined,
  ),
  'transfer.price': fromMarket('money/quantity', assetPrice),
  'transfer.approvers': fromLedger('count', ({ ledger, subject: { agent, action }, now }) => {
    const live = signoffsFor(ledger.signoffs, agent, action, now)
    return said(
      approversOf(live, (name) => ledger.agents.has(name)),
      'signoffs',
    )
  }),
  // Nobody can sign or approve a change through this version, so nobody has: default deny.
  'change.subject': fromAction(['strategy', 'limit', 'privilege'], ({ action }) =>
    action.type === 'change' ? action.subject : undefined,
  ),
  'change.version': fromAction('text', ({ action }) =>
    action.type === 'change' ? action.version : undefined,
  ),
  'change.signed': fromLedger('boolean', () => said(false, 'signatures')),
  'change.approvedVersion': fromLedger('text', () => undefined),
  'change.approvers': fromLedger('count', () => said(0, 'approvals')),
  'change.hasScope': fromLedger('boolean', () => said(false, 'grants')),
  'change.lasts': fromLedger('duration', () => undefined),
}

/** Reads the window fact `name`: over the market from its history, over what agents did from what was counted. */
export function readWindow(
  measuring: Measuring,
  name: string,
  origin: Origin & { kind: 'window' },
): Reading | undefined {
  const { ledger, now, subject } = measuring
  if (!isLiveWindow(origin)) return undefined
  if (isOwn(origin)) {
    const key = keyIn(origin.by, fieldsOf(ledger, subject))
    const began = dayBegan(measuring, origin)
    if (key === undefined || began === undefined) return undefined
    return said(readTally(ledger.windows, name, origin, key, now, began.at), 'ledger')
  }
  if (typeof origin.window !== 'number') return undefined
  const instrument = 'instrument' in subject.action ? subject.action.instrument : ''
  if (origin.function === 'move')
    return said(
      move(ledger.ticks.get(instrument), ledger.bars.get(instrument), now, origin.window),
      'history',
    )
  return said(volume(ledger.bars.get(instrument), now, origin.window), 'bars')
}

/** When the trading day of the action's calendar began, `at` undefined for a window that goes by none; `undefined` where the action has no calendar. */
function dayBegan(
  measuring: Measuring,
  { calendar }: Origin & { kind: 'window' },
): { readonly at: number | undefined } | undefined {
  if (calendar === undefined) return { at: undefined }
  const table = measuring.tables.get(calendar)
  const sessions =
    table &&
    calendarsOf(table)(
      table.keys.map((name) => {
        const value = (measuring.ledger.stated.get(name) ?? CATALOGUE[name]?.read(measuring))?.value
        return typeof value === 'string' ? value : undefined
      }),
    )
  return sessions && { at: tradingDayStart(sessions, measuring.now) }
}

/** Whether a window is measured at all times. */
export function isLiveWindow(origin: Origin & { kind: 'window' }): boolean {
  return (
    untold(origin) === undefined && (isOwn(origin) || (origin.window !== 'day' && origin.by.length === 1))
  )
}

/** A name in `by` that nothing in the window's stream carries; `undefined` when there is none. */
export function untold({ of, by }: Origin & { kind: 'window' }): string | undefined {
  const fields: readonly string[] = FIELDS[of] ?? ['instrument.id']
  return by.find((name) => !fields.includes(name))
}

/** What one unit of `from` is worth in `to`: 1 for the same, else a reported rate (never an inverted one, which would round). */
export function rateOf(ledger: Ledger, from: string | undefined, to: string): Reading | undefined {
  if (from === undefined) return undefined
  if (from === to) return said(1, 'same currency')
  const rate = ledger.rates.get(`${from}/${to}`)
  return rate && said(rate.price, 'fx', rate.at)
}

/** Worth of one unit of what is transferred: a currency by its rate, an instrument by its reference price. */
function assetPrice({ ledger, subject, currency, now, maxAgeOf }: Measuring): Reading | undefined {
  if (subject.action.type !== 'transfer') return undefined
  const { asset } = subject.action
  const rate = rateOf(ledger, asset, currency)
  if (rate !== undefined) return rate
  const instrument = ledger.instruments.get(asset)
  if (instrument?.currency !== currency) return undefined
  const { price, at } = referenceOf(ledger.prices.get(asset), now, maxAgeOf('transfer.price'))
  const worth =
    price === undefined ? undefined : toNumber(multiply(rational(price), rational(instrument.multiplier)))
  return dated(worth, 'median', at)
}

/** Own orders on the other side of the instrument, of all accounts: the price furthest into the market, NaN for one without a limit. */
function bestOpposing({ ledger, subject: { order } }: Measuring): number | undefined {
  if (order === undefined) return undefined
  return ledger.resting.get(order.instrument)?.[order.side === 'buy' ? 'sell' : 'buy'].best
}

function committed({ ledger, subject }: Measuring): number | undefined {
  if (subject.account === undefined) return undefined
  const { micro, unknown } = committedOf(ledger, subject.account, subject.order?.replaces)
  return unknown > 0 ? undefined : toNumberUp({ numerator: micro, denominator: 1_000_000n })
}

/**
 * Adds up what the account's other positions, or those of one `sector` and of none, are worth at their references: gross, each as if the worse of its sides filled; net, as if all
 * that is open on this order's side did. Unknown when any of them is. The prices they are marked at may be as old as the `maxAge` of `fact`, and as old
 * as the reference where that has none.
 */
function others(
  measuring: Measuring,
  kind: 'gross' | 'net',
  fact: string,
  sector?: string,
): number | undefined {
  const { ledger, subject, now, currency, maxAgeOf } = measuring
  const { account, order } = subject
  if (account === undefined || order === undefined) return undefined
  const markAge = maxAgeOf(fact) ?? maxAgeOf('market.reference')
  const rateAge = maxAgeOf('instrument.fx')
  const worth = worthOf(ledger, account, order.instrument, { currency, now, markAge, rateAge, sector })
  if (worth === undefined || worth.unknown > 0) return undefined
  return kind === 'gross' ? toNumberUp(worth.gross) : toNumber(worth[order.side])
}
