/**
 * What all open orders come to in sum: lots by account, instrument and side; money by account; prices at rest; lots of parents. Each is kept
 * by differences, so that reading it costs the same however many orders are open.
 */
import { Map } from 'immutable'
import type { LedgerDraft } from './draft.ts'
import {
  keyOf,
  type Committed,
  type Exits,
  type Exposure,
  type Ledger,
  type Levels,
  type OrderState,
  type OrderVersion,
} from './ledger.ts'

/** What one order counts for. */
export interface Weight {
  /** That may still fill. */
  readonly lots: number
  /** Their worth in micro-units; `undefined` when nobody could say. */
  readonly worth: bigint | undefined
  /** Of them those of exits, and their worth where they open a position. */
  readonly exitLots: number
  readonly exitWorth: bigint | undefined
  /** What counts towards the parent: filled and open. */
  readonly parentLots: number
  /** What counts towards the basket, in micro-units: filled and open; `undefined` when nobody could say. */
  readonly basketWorth: bigint | undefined
  /** Prices it may rest at; NaN for none. */
  readonly prices: readonly number[]
}

const NOTHING: Weight = {
  lots: 0,
  worth: 0n,
  exitLots: 0,
  exitWorth: 0n,
  parentLots: 0,
  basketWorth: 0n,
  prices: [],
}

export function weightOf(order: OrderState | undefined): Weight {
  if (order === undefined) return NOTHING
  const { filled } = order
  if (order.state === 'ended' || order.state === 'lapsed')
    return { ...NOTHING, parentLots: filled, basketWorth: basketWorthOf(order, []) }
  if (order.pending.length === 0) {
    const lots = Math.max(0, order.lots - filled)
    return {
      lots,
      worth: worthOf(order.worth, order.lots, filled),
      exitLots: isExit(order) ? lots : 0,
      exitWorth: worthOf(order.exitWorth, order.lots, filled),
      parentLots: filled + lots,
      basketWorth: basketWorthOf(order, [order]),
      prices: [order.limitPrice ?? Number.NaN],
    }
  }
  const versions = [order, ...order.pending]
  const lots = Math.max(0, ...versions.map((version) => version.lots - filled))
  const exits = versions.filter(isExit)
  const left = (of: 'worth' | 'exitWorth') => openAtWorst(versions, of, filled)
  return {
    lots,
    worth: left('worth'),
    exitLots: Math.max(0, ...exits.map((version) => version.lots - filled)),
    exitWorth: left('exitWorth'),
    parentLots: filled + lots,
    basketWorth: basketWorthOf(order, versions),
    prices: versions.map(({ limitPrice }) => limitPrice ?? Number.NaN),
  }
}

function isExit({ exitWorth }: OrderVersion): boolean {
  return exitWorth !== 0n
}

/**
 * What is open of `versions` at worst, rounded up: each lot as the dearest of those that come to it, since one may fill in part before the next takes its place.
 * `undefined` where nobody can say of one.
 */
export function openAtWorst<Of extends 'worth' | 'exitWorth' | 'value'>(
  versions: readonly Pick<OrderVersion, 'lots' | Of>[],
  of: Of,
  filled: number,
): bigint | undefined {
  const open: { readonly lots: number; readonly all: bigint }[] = []
  for (const { lots, [of]: all } of versions) {
    if (lots <= filled) continue
    if (all === undefined) return undefined
    open.push({ lots, all })
  }
  open.sort((a, b) => Number(b.all * BigInt(a.lots) - a.all * BigInt(b.lots)))
  let [sum, reached] = [0n, filled]
  for (const { lots, all } of open) {
    if (lots <= reached) continue
    sum += worthOfLots(all, lots, lots - reached) ?? 0n
    reached = lots
  }
  return sum
}

/** The greatest; `undefined` where nobody can say of one. */
function worstOf(worths: readonly (bigint | undefined)[]): bigint | undefined {
  return worths.reduce((worst, worth) =>
    worst === undefined || worth === undefined ? undefined : worth > worst ? worth : worst,
  )
}

/** What an order counts towards its basket: what filled, and what is open as the worst of `versions`. */
function basketWorthOf(
  { basket, filled, filledValue }: OrderState,
  versions: readonly OrderVersion[],
): bigint | undefined {
  if (basket === undefined) return 0n
  const open = openAtWorst(versions, 'value', filled)
  return filledValue === undefined || open === undefined ? undefined : filledValue + open
}

/** What so many lots more that filled count for in the order's basket: a replacement may have been in force already. */
export function filledValueOf({ basket, pending, ...order }: OrderState, more: number): bigint | undefined {
  if (basket === undefined || more === 0) return 0n
  return worstOf([order, ...pending].map(({ value, lots }) => worthOfLots(value, lots, more)))
}

/** Worth of so many lots where all are worth `value`, rounded up. */
export function worthOfLots(value: bigint | undefined, lots: number, counted: number): bigint | undefined {
  return value === undefined ? undefined : (value * BigInt(counted) + BigInt(lots) - 1n) / BigInt(lots)
}

/** Worth of what is left, rounded up. */
function worthOf(worth: bigint | undefined, lots: number, filled: number): bigint | undefined {
  if (filled >= lots) return 0n
  if (worth === undefined || filled === 0) return worth
  return worthOfLots(worth, lots, lots - filled)
}

/** Brings the sums of `next` in step with an order that became `after` and was `before`; a new one was nothing. */
export function reweigh(next: LedgerDraft, before: OrderState | undefined, after: OrderState): void {
  const was = weightOf(before)
  const is = weightOf(after)
  next.exposures = addExposure(next.exposures, after, is.lots - was.lots)
  next.committed = commit(next.committed, after.account, was.worth, is.worth)
  next.exits = addExits(next.exits, after, was, is)
  next.resting = rest(next.resting, after, was.prices, is.prices)
  next.parents = addToParent(next.parents, after, is.parentLots - was.parentLots)
  next.baskets = addToBasket(next.baskets, after, was.basketWorth, is.basketWorth)
}

const NO_EXPOSURE: Exposure = { buy: 0, sell: 0 }

function addExposure(
  exposures: Ledger['exposures'],
  { account, instrument, side }: OrderState,
  lots: number,
): Ledger['exposures'] {
  if (lots === 0) return exposures
  const ofAccount = exposures.get(account) ?? Map<string, Exposure>()
  const exposure = ofAccount.get(instrument) ?? NO_EXPOSURE
  const { buy, sell } = exposure
  const next = side === 'buy' ? { buy: buy + lots, sell } : { buy, sell: sell + lots }
  const rest =
    next.buy === 0 && next.sell === 0 ? ofAccount.delete(instrument) : ofAccount.set(instrument, next)
  return rest.size === 0 ? exposures.delete(account) : exposures.set(account, rest)
}

export const NOTHING_COMMITTED: Committed = { micro: 0n, unknown: 0 }

/** What is committed of an account after a part of it that was worth `was` is worth `is`, in micro-units; `undefined` where nobody can say. */
export function commit(
  committed: Ledger['committed'],
  account: string,
  was: bigint | undefined,
  is: bigint | undefined,
): Ledger['committed'] {
  if (was === is) return committed
  const next = changed(committed.get(account) ?? NOTHING_COMMITTED, was, is)
  return next.micro === 0n && next.unknown === 0 ? committed.delete(account) : committed.set(account, next)
}

function addExits(
  exits: Ledger['exits'],
  { account, instrument, side }: OrderState,
  was: Weight,
  is: Weight,
): Ledger['exits'] {
  if (was.exitLots === is.exitLots && was.exitWorth === is.exitWorth) return exits
  const key = keyOf(instrument, side)
  const ofAccount = exits.get(account) ?? Map<string, Exits>()
  const known = ofAccount.get(key)
  const lots = (known?.lots ?? 0) + is.exitLots - was.exitLots
  const worth = changed(known?.worth ?? NOTHING_COMMITTED, was.exitWorth, is.exitWorth)
  const rest = lots === 0 ? ofAccount.delete(key) : ofAccount.set(key, { instrument, side, lots, worth })
  return rest.size === 0 ? exits.delete(account) : exits.set(account, rest)
}

function rest(
  resting: Ledger['resting'],
  { instrument, side }: OrderState,
  was: readonly number[],
  is: readonly number[],
): Ledger['resting'] {
  if (was.length === is.length && was.every((price, at) => Object.is(price, is[at]))) return resting
  const sides = resting.get(instrument) ?? { buy: NO_LEVELS, sell: NO_LEVELS }
  let levels = sides[side]
  // First what is added: the best of them then needs no search where it stays.
  for (const price of is) levels = addLevel(levels, price, side)
  for (const price of was) levels = removeLevel(levels, price, side)
  const { buy, sell } = sides
  const next = side === 'buy' ? { buy: levels, sell } : { buy, sell: levels }
  return next.buy.counts.size === 0 && next.sell.counts.size === 0
    ? resting.delete(instrument)
    : resting.set(instrument, next)
}

const NO_LEVELS: Levels = { best: undefined, counts: Map() }

/** The price that is furthest into the market: highest of bids, lowest of offers. A market order, NaN, is further than any. */
function better(a: number, b: number, side: 'buy' | 'sell'): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.NaN
  return side === 'buy' ? Math.max(a, b) : Math.min(a, b)
}

function addLevel({ best, counts }: Levels, price: number, side: 'buy' | 'sell'): Levels {
  return {
    best: best === undefined ? price : better(best, price, side),
    counts: counts.set(price, (counts.get(price) ?? 0) + 1),
  }
}

function removeLevel({ best, counts }: Levels, price: number, side: 'buy' | 'sell'): Levels {
  const left = (counts.get(price) ?? 0) - 1
  if (left > 0) return { best, counts: counts.set(price, left) }
  const fewer = counts.delete(price)
  if (!Object.is(best, price)) return { best, counts: fewer }
  let next: number | undefined
  for (const other of fewer.keys()) next = next === undefined ? other : better(next, other, side)
  return { best: next, counts: fewer }
}

function addToParent(parents: Ledger['parents'], { parent }: OrderState, lots: number): Ledger['parents'] {
  if (parent === undefined || lots === 0) return parents
  const state = parents.get(parent)
  return state === undefined ? parents : parents.set(parent, { ...state, committed: state.committed + lots })
}

/** A sum after a part of it that was worth `was` is worth `is`; `undefined` where nobody can say. */
export function changed(
  { micro, unknown }: Committed,
  was: bigint | undefined,
  is: bigint | undefined,
): Committed {
  return {
    micro: micro + (is ?? 0n) - (was ?? 0n),
    unknown: unknown + (is === undefined ? 1 : 0) - (was === undefined ? 1 : 0),
  }
}

function addToBasket(
  baskets: Ledger['baskets'],
  { basket }: OrderState,
  was: bigint | undefined,
  is: bigint | undefined,
): Ledger['baskets'] {
  if (basket === undefined || was === is) return baskets
  const state = baskets.get(basket)
  return state === undefined
    ? baskets
    : baskets.set(basket, { ...state, committed: changed(state.committed, was, is) })
}
