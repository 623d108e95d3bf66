/** What an action is about once the ledger has been asked: the order it replaces, the instrument, the strategy it counts towards. */
import { wholeSteps } from '../base/exact.ts'
import type { Action } from '../protocol/action.ts'
import { certainLots } from './certain.ts'
import { weightOf } from './exposure.ts'
import { findOrder, isLive } from './orders.ts'
import { parentKey, type InstrumentState, type Ledger, type OrderState } from './ledger.ts'

/** An order as it would stand: proposed, or what a replacement makes of an earlier one. */
export interface ProposedOrder {
  readonly account: string
  readonly instrument: string
  readonly side: 'buy' | 'sell'
  readonly quantity: number
  readonly orderType: 'limit' | 'market'
  readonly limitPrice: number | undefined
  /** Its key, and the quantity it declares; a replacement declares none. */
  readonly parent: { readonly key: string; readonly quantity: number | undefined } | undefined
  /** Its key, and the worth it declares in the constitution's currency; a replacement declares none. */
  readonly basket: { readonly key: string; readonly value: number | undefined } | undefined
  readonly strategy: string | undefined
  /** The order that this one replaces. */
  readonly replaces: OrderState | undefined
}

export interface Subject {
  readonly agent: string
  readonly action: Action
  readonly account: string | undefined
  readonly instrument: InstrumentState | undefined
  /** For an order, and for a replacement of an order that is known. */
  readonly order: ProposedOrder | undefined
  /** The strategy, where it is known without an order. */
  readonly strategy?: string | undefined
}

/** Looks up what `action` is about. */
export function subjectOf(ledger: Ledger, agent: string, action: Action): Subject {
  const account = 'account' in action ? action.account : undefined
  const instrument = 'instrument' in action ? ledger.instruments.get(action.instrument) : undefined
  return { agent, action, account, instrument, order: proposedOrder(ledger, agent, action) }
}

function proposedOrder(ledger: Ledger, agent: string, action: Action): ProposedOrder | undefined {
  if (action.type === 'order') {
    const { account, instrument, side, quantity, orderType, limitPrice, parent, basket, strategy } = action
    return {
      account,
      instrument,
      side,
      quantity,
      orderType,
      limitPrice,
      parent: parent && { key: parentKey(account, agent, parent.id), quantity: parent.quantity },
      basket: basket && { key: parentKey(account, agent, basket.id), value: basket.value },
      strategy,
      replaces: undefined,
    }
  }
  if (action.type !== 'replace') return undefined
  const replaces = findOrder(ledger, action.order)
  const newest = replaces?.pending.at(-1) ?? replaces
  if (
    replaces === undefined ||
    !isLive(replaces) ||
    // It was signed off word for word.
    replaces.type === 'transfer' ||
    // Only the newest of what an order was asked to become can be replaced.
    action.order !== newest?.id ||
    replaces.agent !== agent ||
    replaces.account !== action.account ||
    replaces.instrument !== action.instrument
  )
    return undefined
  const { account, instrument, side, orderType, parent, basket, strategy } = replaces
  // A price on a market order is not dropped: the engine refuses it.
  const limitPrice = action.limitPrice ?? newest.limitPrice
  return {
    account,
    instrument,
    side,
    quantity: action.quantity,
    orderType,
    limitPrice,
    parent: parent === undefined ? undefined : { key: parent, quantity: undefined },
    basket: basket === undefined ? undefined : { key: basket, value: undefined },
    strategy: strategy === ownBucket(agent) ? undefined : strategy,
    replaces,
  }
}

/** The strategy an action counts towards: of a replacement that of its order, else named and registered, else the agent's first, else the agent's own bucket. */
export function strategyOf(ledger: Ledger, { agent, order, strategy }: Subject): string {
  return (
    strategy ??
    order?.replaces?.strategy ??
    order?.strategy ??
    ledger.agents.get(agent)?.strategies[0] ??
    ownBucket(agent)
  )
}

/** Whether `strategy` is one that the agent is registered with, or its own bucket. */
export function isOwnStrategy(ledger: Ledger, agent: string, strategy: string): boolean {
  return strategy === ownBucket(agent) || ledger.agents.get(agent)?.strategies.includes(strategy) === true
}

function ownBucket(agent: string): string {
  return `agent:${agent}`
}

/** Whether the agent may name the strategy it names: only one it is registered with. */
export function strategyAllowed(ledger: Ledger, { agent, order }: Subject): boolean {
  return (
    order?.strategy === undefined || ledger.agents.get(agent)?.strategies.includes(order.strategy) === true
  )
}

/**
 * Lots on the order's side that may still fill, without the order that is replaced, and without what that one has filled: a replacement's
 * quantity holds both.
 */
export function openLots(ledger: Ledger, { account, instrument, side, replaces }: ProposedOrder): number {
  const open = ledger.exposures.get(account)?.get(instrument)?.[side] ?? 0
  return replaces === undefined ? open : open - weightOf(replaces).lots - replaces.filled
}

/** Lots of the same account that may still fill on the other side. */
export function opposingLots(ledger: Ledger, { account, instrument, side }: ProposedOrder): number {
  return ledger.exposures.get(account)?.get(instrument)?.[side === 'buy' ? 'sell' : 'buy'] ?? 0
}

/** The position, in instrument units; `undefined` when nobody has said. */
export function positionOf(
  ledger: Ledger,
  account: string,
  instrument: string,
): { quantity: number; at: number } | undefined {
  const portfolio = ledger.portfolios.get(account)
  const position = portfolio?.positions.get(instrument)
  if (position !== undefined || portfolio?.completeAt === undefined) return position
  return { quantity: 0, at: portfolio.completeAt }
}

/**
 * Whether the order certainly makes the position smaller: against it, and never through zero even if all that is open on its side fills. `undefined`
 * when the position is not known, or is older than `maxAge` milliseconds.
 */
export function isReducing(
  ledger: Ledger,
  subject: Subject,
  now: number,
  maxAge: number | undefined,
): boolean | undefined {
  const { order, instrument, action } = subject
  if (action.type === 'cancel') return true
  if (order === undefined || instrument === undefined)
    return action.type === 'order' || action.type === 'replace' ? undefined : false
  const position = statedNumber(ledger, 'position.quantity') ?? freshPosition(ledger, order, now, maxAge)
  if (position === undefined) return undefined
  const { lot } = instrument
  const held = certainLots(ledger.portfolios.get(order.account), order.instrument, position, lot)
  const proposed = wholeSteps(order.quantity, lot)
  const statedOpen = statedNumber(ledger, 'position.open')
  const open = statedOpen === undefined ? openLots(ledger, order) : wholeSteps(statedOpen, lot)
  if (held === undefined || proposed === undefined || open === undefined) return undefined
  return coversHeld(held, order.side, open + proposed)
}

/** Whether so many `lots` on `side` make a position of `held` lots smaller, and do not take it through zero. */
function coversHeld(held: number, side: 'buy' | 'sell', lots: number): boolean {
  return (side === 'sell' ? held > 0 : held < 0) && lots <= Math.abs(held)
}

/** Whether what the decision `id` made of an order, which reduced then, certainly does still: it and all else that is open on its side make the position smaller. */
export function stillReduces(ledger: Ledger, order: OrderState, id: string): boolean {
  const { account, instrument, side, filled, pending } = order
  const lot = ledger.instruments.get(instrument)?.lot
  const position = positionOf(ledger, account, instrument)
  if (lot === undefined || position === undefined) return false
  const held = certainLots(ledger.portfolios.get(account), instrument, position.quantity, lot)
  // A replacement is looked at without what it replaces, as when it was judged.
  const { lots } = pending.find((version) => version.id === id) ?? order
  const others = (ledger.exposures.get(account)?.get(instrument)?.[side] ?? 0) - weightOf(order).lots
  return held !== undefined && coversHeld(held, side, others + Math.max(lots - filled, 0))
}

function statedNumber(ledger: Ledger, fact: string): number | undefined {
  const value = ledger.stated.get(fact)?.value
  return typeof value === 'number' ? value : undefined
}

function freshPosition(
  ledger: Ledger,
  { account, instrument }: ProposedOrder,
  now: number,
  maxAge: number | undefined,
): number | undefined {
  const position = positionOf(ledger, account, instrument)
  return position === undefined || (maxAge !== undefined && now - position.at > maxAge)
    ? undefined
    : position.quantity
}
