/**
 * Positions. The first portfolio of an account is where they begin; after it they are the fold of executions. A later portfolio is the
 * broker's word: it is compared, and what differs is kept until an operator adopts it.
 */
import { List, Map } from 'immutable'
import { fromSteps } from '../base/exact.ts'
import { compare, divide, minus, plus, rational, toNumberUp } from '../base/rational.ts'
import {
  keyOf,
  type Ledger,
  type OrderState,
  type OrderVersion,
  type PortfolioState,
  type Spent,
} from './ledger.ts'
import { heldAgainst } from './committed.ts'
import { worthOfLots } from './exposure.ts'
import { hold } from './marks.ts'

export const NO_PORTFOLIO: PortfolioState = {
  completeAt: undefined,
  beganAt: undefined,
  positions: Map(),
  fills: List(),
  lastFillAt: undefined,
  broker: undefined,
}

/** Fills remembered of an account, to tell which of them a portfolio knows of already. */
const FILLS_KEPT = 4_096
/** Sums of what was spent between two reports of an account. */
const SPENT_KEPT = 4_096

/** Counts `lots` more of `order` as filled at `at`: in the position, and as spent until the account is reported again. */
export function countFill(ledger: Ledger, order: OrderState, lots: number, at: number): Ledger {
  const instrument = ledger.instruments.get(order.instrument)
  if (lots === 0 || instrument === undefined) return ledger
  const before = ledger.portfolios.get(order.account) ?? NO_PORTFOLIO
  const quantity = (order.side === 'buy' ? 1 : -1) * fromSteps(lots, instrument.lot)
  const after = addFill(before, order.instrument, quantity, at)
  return {
    ...ledger,
    portfolios: ledger.portfolios.set(order.account, after),
    locates: borrow(
      ledger.locates,
      keyOf(order.account, order.instrument),
      shorter(before, after, order.instrument),
      at,
    ),
    spent: spend(ledger, order, {
      lots,
      opened: lots - closedBy(ledger, before, after, order, { lots, at }),
      at,
    }),
    holders: hold(ledger.holders, order.account, [order.instrument]),
  }
}

/** By how much a position came to be shorter. */
function shorter(before: PortfolioState, after: PortfolioState, instrument: string): number {
  const shortIn = ({ positions }: PortfolioState) => Math.max(-(positions.get(instrument)?.quantity ?? 0), 0)
  return minus(shortIn(after), shortIn(before))
}

/** What is sold short after shares were located uses them up; what is bought back can be borrowed again only when somebody reports so. */
function borrow(locates: Ledger['locates'], key: string, quantity: number, at: number): Ledger['locates'] {
  const located = locates.get(key)
  if (located === undefined || quantity <= 0 || at < located.at) return locates
  return locates.set(key, { ...located, quantity: Math.max(minus(located.quantity, quantity), 0) })
}

function addFill(
  portfolio: PortfolioState,
  instrument: string,
  quantity: number,
  at: number,
): PortfolioState {
  const { completeAt, beganAt, broker } = portfolio
  const fills = portfolio.fills.push({ at, instrument, quantity })
  const kept = {
    ...portfolio,
    fills: fills.size > FILLS_KEPT ? fills.shift() : fills,
    lastFillAt: Math.max(portfolio.lastFillAt ?? at, at),
  }
  // Nobody has said where positions begin, or the beginning holds this fill already.
  if (completeAt === undefined || beganAt === undefined || at < beganAt) return kept
  const position = portfolio.positions.get(instrument)
  const positions = portfolio.positions.set(instrument, {
    quantity: plus(position?.quantity ?? 0, quantity),
    at: Math.max(position?.at ?? completeAt, at),
  })
  // The broker knew of this fill before we did.
  const known = broker !== undefined && at < broker.at
  return { ...kept, positions, broker: known ? differBy(broker, instrument, -quantity, at) : broker }
}

/** Lots of a fill that made a position smaller; none where the position does not tell, since it was begun anew after it. */
function closedBy(
  ledger: Ledger,
  before: PortfolioState,
  after: PortfolioState,
  order: OrderState,
  { lots, at }: Pick<Filled, 'lots' | 'at'>,
): number {
  // The broker's word from after it holds the fill already.
  const isKnownToBroker = before.broker !== undefined && at < before.broker.at
  return after.positions === before.positions
    ? 0
    : Math.min(lots, heldAgainst(ledger, before, order, isKnownToBroker))
}

interface Filled {
  readonly lots: number
  /** Of them, those that made no position smaller. */
  readonly opened: number
  readonly at: number
}

function spend(ledger: Ledger, order: OrderState, { lots, opened, at }: Filled): Ledger['spent'] {
  // A replacement may have been in force already.
  const micro = [order, ...order.pending]
    .map((version) => costOf(version, lots, opened))
    .reduce((most, cost) =>
      most === undefined || cost === undefined ? undefined : cost > most ? cost : most,
    )
  return addSpent(ledger.spent, order.account, { at, micro })
}

/** What was spent of `account`, with one more. */
export function addSpent(spent: Ledger['spent'], account: string, more: Spent): Ledger['spent'] {
  const longer = (spent.get(account) ?? List<Spent>()).push(more)
  if (longer.size <= SPENT_KEPT) return spent.set(account, longer)
  // The two oldest become one that counts until the later of them is reported.
  const [first, second] = [longer.get(0) as Spent, longer.get(1) as Spent]
  const merged = {
    at: Math.max(first.at, second.at),
    micro: first.micro === undefined || second.micro === undefined ? undefined : first.micro + second.micro,
  }
  return spent.set(account, longer.shift().set(0, merged))
}

/** What so many lots cost at worst, rounded up; of an exit those that `opened` a position. */
function costOf(
  { worth, exitWorth, lots }: OrderVersion,
  filled: number,
  opened: number,
): bigint | undefined {
  if (exitWorth === 0n) return worthOfLots(worth, lots, filled)
  return opened === 0 ? 0n : worthOfLots(exitWorth, lots, opened)
}

/** What the account's report at `at` holds already is not counted beside it any more. What was spent at that moment is not in it, as no fill of that moment is in a portfolio. */
export function reported(spent: Ledger['spent'], account: string, at: number): Ledger['spent'] {
  const list = spent.get(account)
  if (list === undefined) return spent
  const left = list.filter((each) => each.at >= at)
  return left.size === 0 ? spent.delete(account) : spent.set(account, left)
}

/** A portfolio as of `at`: the beginning of positions, or the broker's word on them. */
export function report(
  before: PortfolioState | undefined,
  positions: readonly { readonly instrument: string; readonly quantity: number }[],
  at: number,
  arrived = at,
): PortfolioState {
  const reported = Map(positions.map(({ instrument, quantity }) => [instrument, quantity]))
  if (before?.completeAt === undefined) {
    let quantities = reported
    // A fill of the same moment is not in it.
    for (const fill of before?.fills ?? [])
      if (fill.at >= at)
        quantities = quantities.update(fill.instrument, 0, (quantity) => plus(quantity, fill.quantity))
    return {
      ...(before ?? NO_PORTFOLIO),
      completeAt: at,
      beganAt: at,
      positions: quantities.map((quantity) => ({ quantity, at })),
      broker: { at, differences: Map(), since: Map() },
    }
  }
  let differences = Map<string, number>()
  let since = Map<string, number>()
  let ours = before.positions
  const then = asOf(before, at)
  for (const instrument of new Set([...then.keys(), ...reported.keys()])) {
    const difference = minus(reported.get(instrument) ?? 0, then.get(instrument) ?? 0)
    if (difference !== 0) {
      differences = differences.set(instrument, difference)
      since = since.set(instrument, before.broker?.since.get(instrument) ?? arrived)
    } else {
      const position = ours.get(instrument)
      // Confirmed.
      if (position !== undefined) ours = ours.set(instrument, { ...position, at: Math.max(position.at, at) })
    }
  }
  return {
    ...before,
    completeAt: Math.max(before.completeAt, at),
    positions: ours,
    broker: { at, differences, since },
  }
}

/** Our positions without the fills from `at` on: what a portfolio of that moment knows. */
function asOf({ positions, fills }: PortfolioState, at: number): Map<string, number> {
  let quantities = positions.map(({ quantity }) => quantity)
  for (const fill of fills) {
    if (fill.at >= at)
      quantities = quantities.update(fill.instrument, 0, (quantity) => minus(quantity, fill.quantity))
  }
  return quantities
}

/** Takes the broker's word on an account's positions for ours. What it is shorter by was borrowed: a fill that is told later is in it already, and takes nothing off. */
export function adoptPortfolio(ledger: Ledger, account: string, at: number): Ledger {
  const before = ledger.portfolios.get(account)
  const { broker } = before ?? {}
  if (before === undefined || broker === undefined) return ledger
  const after = adopt(before, broker, at)
  const locates = [...broker.differences.keys()].reduce(
    (left, instrument) =>
      borrow(left, keyOf(account, instrument), shorter(before, after, instrument), broker.at),
    ledger.locates,
  )
  return {
    ...ledger,
    portfolios: ledger.portfolios.set(account, after),
    locates,
    holders: hold(ledger.holders, account, after.positions.keys()),
  }
}

function adopt(
  portfolio: PortfolioState,
  said: NonNullable<PortfolioState['broker']>,
  at: number,
): PortfolioState {
  let { positions } = portfolio
  for (const [instrument, difference] of said.differences)
    positions = positions.set(instrument, {
      quantity: plus(positions.get(instrument)?.quantity ?? 0, difference),
      at,
    })
  const broker = { ...said, differences: Map<string, number>(), since: Map<string, number>() }
  // Positions begin with that portfolio now: fills from before it that are reported late are in it already.
  return { ...portfolio, positions, broker, beganAt: broker.at }
}

function differBy(
  broker: NonNullable<PortfolioState['broker']>,
  instrument: string,
  quantity: number,
  at: number,
): PortfolioState['broker'] {
  const difference = plus(broker.differences.get(instrument) ?? 0, quantity)
  const { differences, since } = broker
  if (difference === 0)
    return { ...broker, differences: differences.delete(instrument), since: since.delete(instrument) }
  return {
    ...broker,
    differences: differences.set(instrument, difference),
    since: since.set(instrument, since.get(instrument) ?? at),
  }
}

/** The word of a fill that the broker knows of may come later than his, in milliseconds; what comes later still was lost. */
export const SETTLING = 10_000

/**
 * The largest difference from the broker's word, as a share of ours; of one lot where we hold less. `settling` where all that differs may be fills of our open orders
 * of which we hear in a moment: then it is no break yet, and nobody can say that it is none.
 */
export function positionBreak(ledger: Ledger, account: string, now: number): number | 'settling' | undefined {
  const portfolio = ledger.portfolios.get(account)
  const broker = portfolio?.broker
  if (portfolio === undefined || broker === undefined) return undefined
  if (broker.differences.size > 0 && isSettling(ledger, account, broker, now)) return 'settling'
  let largest = rational(0)
  for (const [name, difference] of broker.differences) {
    const ours = rational(Math.abs(portfolio.positions.get(name)?.quantity ?? 0))
    const lot = rational(ledger.instruments.get(name)?.lot ?? 1)
    const share = divide(rational(Math.abs(difference)), compare(ours, lot) < 0 ? lot : ours)
    if (share !== undefined && compare(share, largest) > 0) largest = share
  }
  return toNumberUp(largest)
}

/** Whether each difference is young, and no more than what is open on its side: so all of it is counted as open already. */
function isSettling(
  { exposures, instruments }: Ledger,
  account: string,
  { differences, since }: NonNullable<PortfolioState['broker']>,
  now: number,
): boolean {
  return differences.every((difference, name) => {
    const lot = instruments.get(name)?.lot
    const known = since.get(name)
    if (lot === undefined || known === undefined || now - known >= SETTLING) return false
    const { buy, sell } = exposures.get(account)?.get(name) ?? { buy: 0, sell: 0 }
    const open = fromSteps(difference > 0 ? buy : sell, lot)
    return compare(rational(Math.abs(difference)), rational(open)) <= 0
  })
}
