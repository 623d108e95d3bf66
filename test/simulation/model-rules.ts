/** The constitution under test, judged naively: every sum is added up from all that ever happened. */
import type { Action } from '../../src/protocol/action.ts'
import { isMarketOpen } from './calendar.ts'
import {
  FILLED_LOTS_MAX,
  GROSS_MICRO_MAX,
  OPEN_LOTS_MAX,
  INSTRUMENTS,
  POSITION_LOTS_MAX,
  SENT_MAX,
  TRANSFER_MICRO_MAX,
} from './constitution.ts'
import { lotsOf, magnitude, most, sum, worthAtReference, worthAtWorst } from './lots.ts'
import { filledToday, sentToday, type Days } from './model-days.ts'
import type { Words } from './model-signoffs.ts'
import {
  exitLots,
  basketWorth,
  isOpen,
  newestOf,
  openLots,
  openWorth,
  type Away,
  type Counted,
  type Entry,
  type Holdings,
  type Size,
  type Stop,
} from './model-state.ts'

/** All that is remembered. */
export interface History {
  readonly entries: readonly Entry[]
  readonly fills: readonly Counted[]
  readonly stops: readonly Stop[]
  /** By account: what positions begin with, and the broker's last word. */
  readonly began: ReadonlyMap<string, Holdings>
  readonly broker: ReadonlyMap<string, Holdings>
  readonly away: readonly Away[]
  /** By account, in micro-units. */
  readonly credit: ReadonlyMap<string, { readonly micro: bigint; readonly at: number }>
  readonly parents: ReadonlyMap<
    string,
    {
      readonly instrument: string
      readonly side: 'buy' | 'sell'
      readonly strategy: string
      readonly lots: bigint
    }
  >
  /** What the first order declared, in micro-units. */
  readonly baskets: ReadonlyMap<string, { readonly strategy: string; readonly micro: bigint }>
  readonly strategies: ReadonlyMap<string, readonly string[]>
  readonly days: Days
  readonly words: Words
}

/** An order as it would stand. */
interface Wanted {
  readonly account: string
  readonly instrument: string
  readonly side: 'buy' | 'sell'
  readonly lots: bigint
  readonly worth: bigint
  readonly parent: { readonly key: string; readonly lots: bigint | undefined } | undefined
  readonly basket: { readonly key: string; readonly micro: bigint | undefined } | undefined
  readonly replaces: Entry | undefined
  readonly strategy: string
}

export interface Opinion {
  readonly allowed: boolean
  readonly reducing: boolean
  readonly strategy: string
  /** What it would reserve of the account's money. */
  readonly worth: bigint
  /** What an exit costs where it opens a position. */
  readonly exit: bigint
  /** What it would count in its basket, an exit too. */
  readonly value: bigint
}

export const findEntry = ({ entries }: History, id: string): Entry | undefined =>
  entries.find(({ sizes }) => sizes.some((size) => size.id === id))

/** What fills from `from` on, and before `to`, came to in an instrument. */
function filled({ fills }: History, account: string, instrument: string, from: number, to: number): bigint {
  return sum(
    fills
      .filter((fill) => fill.account === account && fill.instrument === instrument)
      .filter(({ at }) => at >= from && at < to)
      .map(({ lots }) => lots),
  )
}

export function position(history: History, account: string, instrument: string): bigint | undefined {
  const began = history.began.get(account)
  if (began === undefined) return undefined
  return (
    (began.lots.get(instrument) ?? 0n) +
    filled(history, account, instrument, began.at, Number.POSITIVE_INFINITY)
  )
}

/** How the broker's last word differs from what we held then. */
export function difference(history: History, account: string, instrument: string): bigint {
  const [began, broker] = [history.began.get(account), history.broker.get(account)]
  if (began === undefined || broker === undefined) return 0n
  const then = (began.lots.get(instrument) ?? 0n) + filled(history, account, instrument, began.at, broker.at)
  return (broker.lots.get(instrument) ?? 0n) - then
}

/** Lots open on one side, of all entries but `without`. */
export function open(
  { entries }: History,
  account: string,
  instrument: string,
  side: 'buy' | 'sell',
  without?: Entry,
): bigint {
  return sum(
    entries
      .filter((entry) => entry.account === account && entry.instrument === instrument && entry.side === side)
      .filter((entry) => entry !== without)
      .map(openLots),
  )
}

/** What is open, exits for more than is held too, and what was spent since the account was reported. */
export function committed(history: History, account: string, without?: Entry): bigint {
  const { entries, fills, away } = history
  const ofAccount = entries.filter((entry) => entry.account === account && entry !== without)
  const spent = fills.filter((fill) => fill.account === account && !fill.settled)
  const sent = away.filter((one) => one.account === account && !one.settled)
  const beyond = INSTRUMENTS.flatMap(({ name }) =>
    (['buy', 'sell'] as const).flatMap((side) => {
      const exits = ofAccount.filter((entry) => entry.instrument === name && entry.side === side)
      return sum(exits.map(exitLots)) > heldAgainst(history, { account, instrument: name, side })
        ? exits.map((entry) => openWorth(entry, 'exit'))
        : []
    }),
  )
  return (
    sum(ofAccount.map((entry) => openWorth(entry))) +
    sum(beyond) +
    sum([...spent, ...sent].map(({ worth }) => worth))
  )
}

/** What is held for certain: the smaller of our position and the broker's, and none where they are on opposite sides. */
function certainly(history: History, account: string, instrument: string): bigint | undefined {
  const ours = position(history, account, instrument)
  if (ours === undefined) return undefined
  const theirs = ours + difference(history, account, instrument)
  if (ours * theirs <= 0n && ours !== theirs) return 0n
  return magnitude(ours) < magnitude(theirs) ? ours : theirs
}

/** Lots that an order of this side makes fewer, for certain; or by what we count. */
export function heldAgainst(
  history: History,
  { account, instrument, side }: Pick<Entry, 'account' | 'instrument' | 'side'>,
  byUs = false,
): bigint {
  const held = byUs ? position(history, account, instrument) : certainly(history, account, instrument)
  const against = side === 'sell' ? (held ?? 0n) : -(held ?? 0n)
  return against > 0n ? against : 0n
}

/** What the children of a parent come to. */
export function ofParent({ entries }: History, key: string, without?: Entry): bigint {
  return sum(
    entries
      .filter((entry) => entry.parent === key && entry !== without)
      .map((entry) => entry.filled + openLots(entry)),
  )
}

/** What the orders of a basket come to, in micro-units. */
export function ofBasket({ entries }: History, key: string, without?: Entry): bigint {
  return sum(entries.filter((entry) => entry.basket === key && entry !== without).map(basketWorth))
}

/** The strictest state in force over what an action is about. */
export function tradingState(
  { stops }: History,
  agent: string,
  action: Action,
  strategy: string,
): 'active' | 'reducing' | 'halted' {
  const covering = stops.filter(({ scope }) => {
    if (scope.kind === 'everything') return true
    if (scope.kind === 'account') return 'account' in action && action.account === scope.name
    if (scope.kind === 'agent') return agent === scope.name
    if (scope.kind === 'strategy') return strategy === scope.name
    return (
      (action.type === 'transfer' ? action.asset : 'instrument' in action && action.instrument) === scope.name
    )
  })
  if (covering.some(({ state }) => state === 'halted')) return 'halted'
  return covering.length > 0 ? 'reducing' : 'active'
}

export const ownStrategy = ({ strategies }: History, agent: string): string =>
  strategies.get(agent)?.[0] ?? `agent:${agent}`

const NO: Opinion = { allowed: false, reducing: false, strategy: '', worth: 0n, exit: 0n, value: 0n }

/** What the constitution says at `now` to an action that was not asked before. */
export function judge(history: History, agent: string, action: Action, now: number): Opinion {
  if (action.type === 'cancel')
    return {
      allowed: isTheirs(history, agent, action.order),
      reducing: true,
      strategy: ownStrategy(history, agent),
      worth: 0n,
      exit: 0n,
      value: 0n,
    }
  if (action.type === 'transfer') return judgeTransfer(history, agent, action, now)
  if (action.type === 'change') return NO
  const wanted = want(history, agent, action)
  return wanted === undefined ? NO : judgeOrder(history, { agent, action, wanted, now })
}

/** Whether an agent may cancel an order: its own, one of a strategy that it is registered with, and what nobody knows. */
function isTheirs(history: History, agent: string, order: string): boolean {
  const entry = findEntry(history, order)
  if (entry === undefined || entry.agent === agent) return true
  return history.strategies.get(agent)?.includes(entry.strategy) === true
}

function judgeTransfer(
  history: History,
  agent: string,
  action: Action & { type: 'transfer' },
  now: number,
): Opinion {
  const { account, asset, amount } = action
  const strategy = ownStrategy(history, agent)
  const known = history.credit.has(account) || history.began.has(account)
  const worth = worthOfAsset(asset, amount)
  const active = tradingState(history, agent, action, strategy) === 'active'
  const signed = history.words.people(agent, action, now).length >= 2
  return { ...NO, allowed: known && active && signed && worth <= TRANSFER_MICRO_MAX, strategy, worth }
}

const worthOfAsset = (asset: string, amount: number): bigint => {
  const price = INSTRUMENTS.find(({ name }) => name === asset)?.price ?? 1
  return BigInt(Math.round(amount * 1e6)) * BigInt(price)
}

function want(
  history: History,
  agent: string,
  action: Action & { type: 'order' | 'replace' },
): Wanted | undefined {
  const { account, instrument } = action
  const lots = lotsOf(instrument, action.quantity)
  if (lots === undefined) return undefined
  if (action.type === 'order') {
    const { side, parent, basket, limitPrice } = action
    const registered = history.strategies.get(agent) ?? []
    if (action.strategy !== undefined && !registered.includes(action.strategy)) return undefined
    const strategy = action.strategy ?? ownStrategy(history, agent)
    const worth = worthAtWorst(instrument, lots, limitPrice)
    const key = parent && `${account} ${agent} ${parent.id}`
    const declared = parent && { key: key ?? '', lots: lotsOf(instrument, parent.quantity) }
    const of = basket && { key: `${account} ${agent} ${basket.id}`, micro: microOf(basket.value) }
    return {
      account,
      instrument,
      side,
      lots,
      worth,
      parent: declared,
      basket: of,
      replaces: undefined,
      strategy,
    }
  }
  const replaces = findEntry(history, action.order)
  if (replaces === undefined || !isOpen(replaces) || replaces.agent !== agent) return undefined
  if (replaces.isTransfer) return undefined
  if (replaces.account !== account || replaces.instrument !== instrument) return undefined
  const newest = newestOf(replaces)
  if (newest?.id !== action.order) return undefined
  if (replaces.market && action.limitPrice !== undefined) return undefined
  // Which price the venue keeps is not known while a replacement waits there.
  const isWaiting = newest !== replaces.sizes[replaces.current]
  if (!replaces.market && action.limitPrice === undefined && isWaiting) return undefined
  const price = action.limitPrice ?? newest?.price
  const parent = replaces.parent === undefined ? undefined : { key: replaces.parent, lots: undefined }
  const basket = replaces.basket === undefined ? undefined : { key: replaces.basket, micro: undefined }
  const { side, strategy } = replaces
  const worth = worthAtWorst(instrument, lots, price)
  return { account, instrument, side, lots, worth, parent, basket, replaces, strategy }
}

const microOf = (value: number): bigint => BigInt(Math.round(value * 1e6))

/** What is asked for, by whom and when. */
interface Asked {
  readonly agent: string
  readonly action: Action
  readonly wanted: Wanted
  readonly now: number
}

function judgeOrder(history: History, asked: Asked): Opinion {
  const { agent, action, wanted } = asked
  const { parent, basket, strategy } = wanted
  const reducing = isReducing(history, wanted)
  const opinion = (allowed: boolean): Opinion => ({
    allowed,
    reducing,
    strategy,
    worth: reducing ? 0n : wanted.worth,
    exit: reducing ? wanted.worth : 0n,
    value: wanted.worth,
  })
  if (!history.credit.has(wanted.account) && !history.began.has(wanted.account)) return NO
  const known = parent && history.parents.get(parent.key)
  if (known !== undefined && (known.instrument !== wanted.instrument || known.side !== wanted.side)) return NO
  if (parent !== undefined && known === undefined && parent.lots === undefined) return NO
  if (known !== undefined && wanted.replaces === undefined)
    if (known.lots !== parent?.lots || known.strategy !== strategy) return NO
  const begun = basket && history.baskets.get(basket.key)
  if (begun !== undefined && wanted.replaces === undefined)
    if (begun.micro !== basket?.micro || begun.strategy !== strategy) return NO
  const state = tradingState(history, agent, action, strategy)
  if (state === 'halted') return opinion(false)
  return opinion(reducing || (state === 'active' && fits(history, asked)))
}

/** Lots that would be open on the order's side with it, what it replaces left out and what that has filled counted in its own. */
function openWith(history: History, { account, instrument, side, lots, replaces }: Wanted): bigint {
  return open(history, account, instrument, side, replaces) + lots - (replaces?.filled ?? 0n)
}

function isReducing(history: History, wanted: Wanted): boolean {
  return isExit(history, wanted, openWith(history, wanted))
}

/** Whether so many lots of a side make a position smaller, and do not open another. */
export function isExit(
  history: History,
  { account, instrument, side }: Pick<Wanted, 'account' | 'instrument' | 'side'>,
  lots: bigint,
): boolean {
  const held = certainly(history, account, instrument)
  if (held === undefined) return false
  return (side === 'sell' ? held > 0n : held < 0n) && lots <= magnitude(held)
}

/** Whether every limit holds with it. */
function fits(history: History, { agent, wanted, now }: Asked): boolean {
  const { account, instrument, side, lots, parent, basket, replaces, worth } = wanted
  // What of it may still fill.
  const left = (worth / lots) * most(lots - (replaces?.filled ?? 0n), 0n)
  const [asOrder, inBasket] = [mayCost(wanted, left, 'worth'), mayCost(wanted, left, 'value')]
  if (!isMarketOpen(instrument, now)) return false
  if (sentToday(history.days, agent, instrument, now) >= SENT_MAX) return false
  if (filledToday(history.days, wanted, now) + lots > FILLED_LOTS_MAX) return false
  const held = position(history, account, instrument)
  const credit = history.credit.get(account)
  if (held === undefined || credit === undefined) return false
  const opposing = open(history, account, instrument, side === 'buy' ? 'sell' : 'buy')
  if (openWith(history, wanted) + opposing > OPEN_LOTS_MAX) return false
  const after = side === 'buy' ? held + openWith(history, wanted) : held - openWith(history, wanted)
  if (side === 'buy' ? after > POSITION_LOTS_MAX : after < -POSITION_LOTS_MAX) return false
  if (committed(history, account, replaces) + asOrder > credit.micro) return false
  const others = INSTRUMENTS.filter(({ name }) => name !== instrument).map(({ name }) =>
    worthAtReference(name, worst(history, account, name)),
  )
  if (sum(others) + worthAtReference(instrument, magnitude(after)) > GROSS_MICRO_MAX) return false
  if (basket !== undefined) {
    const most = history.baskets.get(basket.key)?.micro ?? basket.micro ?? 0n
    if (ofBasket(history, basket.key, replaces) + (replaces?.filledValue ?? 0n) + inBasket > most)
      return false
  }
  if (parent === undefined) return true
  const size = history.parents.get(parent.key)?.lots ?? parent.lots ?? 0n
  return ofParent(history, parent.key, replaces) + lots <= size
}

/** What may still fill of it, `left` by itself: some lots may fill as what it replaces. That is looked at where it comes to more than it could before. */
function mayCost({ replaces, lots, worth }: Wanted, left: bigint, of: 'worth' | 'value'): bigint {
  if (replaces === undefined) return left
  const size: Size = { id: '', lots, price: undefined, worth, exit: 0n, value: worth, gone: false }
  const both = openWorth({ ...replaces, sizes: [...replaces.sizes, size] }, of)
  return both > openWorth(replaces, of) ? both : left
}

/** The largest position, of either sign, that an instrument could come to. */
function worst(history: History, account: string, instrument: string): bigint {
  const held = position(history, account, instrument) ?? 0n
  return most(
    magnitude(held + open(history, account, instrument, 'buy')),
    magnitude(held - open(history, account, instrument, 'sell')),
  )
}
