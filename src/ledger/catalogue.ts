/** Every fact the sidecar can measure: its type, its source, and how it is read from the ledger. */
import type { Origin, Reading, Source } from '../constitution/model.ts'
import { add, multiply, negate, rational, toNumber, type Rational } from '../base/rational.ts'
import { fromSteps } from '../base/exact.ts'
import { ASSET_CLASSES } from '../protocol/observation.ts'
import { FIELDS, keyIn } from './happening.ts'
import { move, volume } from './history.ts'
import { keyOf, type Halt, type Ledger } from './ledger.ts'
import { referenceOf, type Reference } from './reference.ts'
import { isReducing, openLots, positionOf, strategyAllowed, strategyOf, type Subject } from './subject.ts'
import { fieldsOf } from './window-fields.ts'
import { isOwn, readTally } from './windows.ts'

/** What one measurement works with. */
export interface Measuring {
  readonly ledger: Ledger
  readonly subject: Subject
  /** Of `money`. */
  readonly currency: string
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
  /**
   * `live`: measured always. `unspent`: known to be nothing until the first action, and not measured after it, because this
   * version does not yet follow executions.
   */
  readonly measured: 'live' | 'unspent'
  readonly read: (measuring: Measuring) => Reading | undefined
}

type Value = Reading['value']

const said = (value: Value | undefined, source: string, at?: number): Reading | undefined =>
  value === undefined ? undefined : { value, at, source }

const fromAction = (type: EntryType, read: (subject: Subject) => Value | undefined): Entry => ({
  type,
  source: 'action',
  measured: 'live',
  read: ({ subject }) => said(read(subject), 'action'),
})

const fromInstrument = (
  type: EntryType,
  field: 'assetClass' | 'status' | 'lot' | 'tick' | 'multiplier' | 'adv' | 'sharesOutstanding',
): Entry => ({
  type,
  source: 'market',
  measured: 'live',
  read: ({ subject: { instrument } }) => said(instrument?.[field], 'instrument', instrument?.at),
})

const fromLedger = (type: EntryType, read: (measuring: Measuring) => Reading | undefined): Entry => ({
  type,
  source: 'ledger',
  measured: 'live',
  read,
})

const fromMarket = (type: EntryType, read: (measuring: Measuring) => Reading | undefined): Entry => ({
  type,
  source: 'market',
  measured: 'live',
  read,
})

/** Nothing has been sent yet, so nothing is open, filled or counted. */
const unspent = (type: string, nothing: (measuring: Measuring) => Value | undefined): Entry => ({
  type,
  source: 'ledger',
  measured: 'unspent',
  read: (measuring) => (measuring.ledger.acted === 0 ? said(nothing(measuring), 'ledger') : undefined),
})

const account = (measuring: Measuring) => {
  const { subject, ledger, currency } = measuring
  const state = subject.account === undefined ? undefined : ledger.accounts.get(subject.account)
  // Money is in the constitution's currency; an account kept in another has no worth here until its rates are read.
  return state?.currency === currency ? state : undefined
}

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
    said(tradingState(measuring), 'halts'),
  ),
  'action.reducing': fromLedger('boolean', ({ ledger, subject, now, maxAgeOf }) =>
    said(isReducing(ledger, subject, now, maxAgeOf('position.quantity')), 'portfolio'),
  ),

  'order.side': fromAction(['buy', 'sell'], ({ order }) => order?.side),
  'order.orderType': fromAction(['limit', 'market'], ({ order }) => order?.orderType),
  'order.quantity': fromAction('quantity', ({ order }) => order?.quantity),
  'order.limitPrice': fromAction('price', ({ order }) => order?.limitPrice),
  'order.hasParent': fromAction('boolean', ({ order }) => order && order.parent !== undefined),

  'instrument.id': fromAction('text', ({ action }) =>
    'instrument' in action ? action.instrument : undefined,
  ),
  'instrument.class': fromInstrument(ASSET_CLASSES, 'assetClass'),
  'instrument.status': fromInstrument(['open', 'closed', 'halted'], 'status'),
  'instrument.lot': fromInstrument('quantity', 'lot'),
  'instrument.tick': fromInstrument('price', 'tick'),
  'instrument.multiplier': fromInstrument('ratio', 'multiplier'),
  'instrument.adv': fromInstrument('quantity', 'adv'),
  'instrument.sharesOutstanding': fromInstrument('quantity', 'sharesOutstanding'),
  'instrument.fx': fromMarket('fx', ({ ledger, subject, currency }) =>
    rateOf(ledger, subject.instrument?.currency, currency),
  ),

  'market.reference': fromMarket('price', ({ reference }) => said(reference.price, 'median', reference.at)),
  'market.age': fromMarket('duration', ({ reference, now }) =>
    reference.at === undefined ? undefined : said(Math.max(now - reference.at, 0), 'median', reference.at),
  ),
  'market.sources': fromMarket('count', ({ reference }) => said(reference.sources, 'prices')),
  'market.disagreement': fromMarket('ratio', ({ reference }) =>
    said(reference.disagreement, 'prices', reference.at),
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
  'position.located': fromLedger('quantity', ({ ledger, subject: { order } }) => {
    const located = order && ledger.locates.get(keyOf(order.account, order.instrument))
    return located === undefined ? said(0, 'no locate') : said(located.quantity, 'locate', located.at)
  }),
  'position.brokerQuantity': unspent('quantity', () => undefined),
  'order.ownOpposing': unspent('boolean', () => false),
  'order.ownBestPrice': unspent('price', () => undefined),

  'account.equity': fromLedger('money', (measuring) =>
    said(account(measuring)?.equity, 'account', account(measuring)?.at),
  ),
  'account.dayOpenEquity': fromLedger('money', (measuring) =>
    said(account(measuring)?.dayOpenEquity, 'account', account(measuring)?.at),
  ),
  'account.highWater': fromLedger('money', (measuring) =>
    said(account(measuring)?.highWater, 'account', account(measuring)?.at),
  ),
  'account.credit': fromLedger('money', (measuring) =>
    said(account(measuring)?.credit, 'account', account(measuring)?.at),
  ),
  'account.committed': unspent('money', () => 0),
  'account.otherGross': unspent('money', (measuring) =>
    others(measuring, (worth) => (worth.numerator < 0n ? negate(worth) : worth)),
  ),
  'account.otherNet': unspent('money', (measuring) => others(measuring, (worth) => worth)),
  'account.positionBreak': unspent('ratio', () => undefined),
  // Every other position counts, whatever its sector: too much rather than too little until positions are kept by sector.
  'sector.otherGross': unspent('money', (measuring) =>
    others(measuring, (worth) => (worth.numerator < 0n ? negate(worth) : worth)),
  ),

  'parent.quantity': unspent('quantity', ({ subject }) => subject.order?.parent?.quantity),
  'parent.committed': unspent('quantity', ({ subject }) =>
    subject.order?.parent === undefined ? undefined : 0,
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
  // Nobody can approve or sign through this version, so nobody has: default deny.
  'transfer.approvers': fromLedger('count', () => said(0, 'approvals')),
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
    return key === undefined ? undefined : said(readTally(ledger.windows, name, origin, key, now), 'ledger')
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

/** The strictest state in force over everything that covers the action. */
function tradingState({ ledger, subject }: Measuring): string {
  let state = 'active'
  for (const halt of ledger.halts.values()) {
    if (!covers(ledger, subject, halt)) continue
    if (halt.state === 'halted') return 'halted'
    state = 'reducing'
  }
  return state
}

/** Whether a halt's scope covers what the action is about. */
export function covers(ledger: Ledger, subject: Subject, { scope }: Halt): boolean {
  switch (scope.kind) {
    case 'everything':
      return true
    case 'account':
      return subject.account === scope.name
    case 'agent':
      return subject.agent === scope.name
    case 'strategy':
      return strategyOf(ledger, subject) === scope.name
    case 'instrument':
      return 'instrument' in subject.action && subject.action.instrument === scope.name
  }
}

/** What one unit of `from` is worth in `to`: 1 for the same, else a reported rate (never an inverted one, which would round). */
function rateOf(ledger: Ledger, from: string | undefined, to: string): Reading | undefined {
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
  if (price === undefined) return undefined
  return said(toNumber(multiply(rational(price), rational(instrument.multiplier))), 'median', at)
}

/** Adds up what the account's other positions are worth at their references; unknown when any of them is. */
function others(measuring: Measuring, weigh: (worth: Rational) => Rational): number | undefined {
  const { ledger, subject, currency, now, maxAgeOf } = measuring
  const portfolio = subject.account === undefined ? undefined : ledger.portfolios.get(subject.account)
  if (portfolio === undefined || subject.order === undefined) return undefined
  let total: Rational = rational(0)
  for (const [name, { quantity }] of portfolio.positions) {
    if (name === subject.order.instrument || quantity === 0) continue
    const instrument = ledger.instruments.get(name)
    const { price } = referenceOf(ledger.prices.get(name), now, maxAgeOf('market.reference'))
    const rate = rateOf(ledger, instrument?.currency, currency)?.value
    if (instrument === undefined || price === undefined || typeof rate !== 'number') return undefined
    const worth = [quantity, instrument.multiplier, price, rate].map(rational).reduce(multiply)
    total = add(total, weigh(worth))
  }
  return toNumber(total)
}
