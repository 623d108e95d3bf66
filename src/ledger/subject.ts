/** What an action is about once the ledger has been asked: the order it replaces, the instrument, the strategy it counts towards. */
import { wholeSteps } from '../base/exact.ts'
import type { Action } from '../protocol/action.ts'
import { keyOf, type InstrumentState, type Ledger, type OrderState } from './ledger.ts'

/** An order as it would stand: proposed, or what a replacement makes of an earlier one. */
export interface ProposedOrder {
  readonly account: string
  readonly instrument: string
  readonly side: 'buy' | 'sell'
  readonly quantity: number
  readonly orderType: 'limit' | 'market'
  readonly limitPrice: number | undefined
  readonly parent: { readonly id: string; readonly quantity: number | undefined } | undefined
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
}

/** Looks up what `action` is about. */
export function subjectOf(ledger: Ledger, agent: string, action: Action): Subject {
  const account = 'account' in action ? action.account : undefined
  const instrument = 'instrument' in action ? ledger.instruments.get(action.instrument) : undefined
  return { agent, action, account, instrument, order: proposedOrder(ledger, action) }
}

function proposedOrder(ledger: Ledger, action: Action): ProposedOrder | undefined {
  if (action.type === 'order') {
    const { account, instrument, side, quantity, orderType, limitPrice, parent, strategy } = action
    return {
      account,
      instrument,
      side,
      quantity,
      orderType,
      limitPrice,
      parent,
      strategy,
      replaces: undefined,
    }
  }
  if (action.type !== 'replace') return undefined
  const replaces = ledger.orders.get(action.order)
  if (
    replaces === undefined ||
    replaces.account !== action.account ||
    replaces.instrument !== action.instrument
  )
    return undefined
  const { account, instrument, side, orderType, parent, strategy } = replaces
  const limitPrice = orderType === 'limit' ? (action.limitPrice ?? replaces.limitPrice) : undefined
  return {
    account,
    instrument,
    side,
    quantity: action.quantity,
    orderType,
    limitPrice,
    parent: parent === undefined ? undefined : { id: parent, quantity: undefined },
    strategy,
    replaces,
  }
}

/** The strategy an action counts towards: named and registered, else the agent's first, else the agent's own bucket. */
export function strategyOf(ledger: Ledger, { agent, order }: Subject): string {
  return order?.strategy ?? ledger.agents.get(agent)?.strategies[0] ?? `agent:${agent}`
}

/** Whether the agent may name the strategy it names. Without a registration there is nothing to hold it against. */
export function strategyAllowed(ledger: Ledger, { agent, order }: Subject): boolean {
  const registered = ledger.agents.get(agent)
  return (
    registered === undefined ||
    order?.strategy === undefined ||
    registered.strategies.includes(order.strategy)
  )
}

/** Whole lots on the order's side that may still fill, without the order that is replaced. */
export function openLots(ledger: Ledger, order: ProposedOrder): number {
  const lots = ledger.open.get(keyOf(order.account, order.instrument, order.side)) ?? 0
  return lots - (order.replaces?.lots ?? 0)
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
 * when the position is not known.
 */
export function isReducing(ledger: Ledger, subject: Subject): boolean | undefined {
  const { order, instrument } = subject
  if (subject.action.type === 'cancel') return true
  if (order === undefined || instrument === undefined)
    return subject.action.type === 'order' || subject.action.type === 'replace' ? undefined : false
  const stated = ledger.stated.get('position.quantity')?.value
  const position =
    typeof stated === 'number' ? stated : positionOf(ledger, order.account, order.instrument)?.quantity
  if (position === undefined) return undefined
  const statedOpen = ledger.stated.get('position.open')?.value
  const { lot } = instrument
  const held = wholeSteps(position, lot)
  const proposed = wholeSteps(order.quantity, lot)
  const open = typeof statedOpen === 'number' ? wholeSteps(statedOpen, lot) : openLots(ledger, order)
  if (held === undefined || proposed === undefined || open === undefined) return undefined
  const against = order.side === 'sell' ? held > 0 : held < 0
  return against && open + proposed <= Math.abs(held)
}
