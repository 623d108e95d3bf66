/** What tells one action from another in a window: who, on what, and for an order which. */
import type { Fields } from './happening.ts'
import type { Ledger, OrderState } from './ledger.ts'
import { findOrder } from './orders.ts'
import { strategyOf, type Subject } from './subject.ts'

export function fieldsOf(ledger: Ledger, subject: Subject): Fields {
  const { agent, account, action, order } = subject
  const fields: { -readonly [Name in keyof Fields]: Fields[Name] } = {
    'agent.id': agent,
    'strategy.id': strategyCounted(ledger, subject),
  }
  if (account !== undefined) fields['account.id'] = account
  if ('instrument' in action) fields['instrument.id'] = action.instrument
  if (order !== undefined) {
    fields['order.side'] = order.side
    fields['order.orderType'] = order.orderType
    fields['order.quantity'] = String(order.quantity)
    // Two orders at the market have the same price, whatever it will be.
    fields['order.price'] = String(order.limitPrice ?? 'market')
  }
  if (action.type === 'transfer') {
    fields['transfer.asset'] = action.asset
    fields['transfer.destination'] = action.destination
  }
  return fields
}

/**
 * The fields that an action counts under. Who cancels what is not its own counts for itself alone, or it could use up the account's messages with cancels of
 * nothing, which cost it nothing.
 */
export function fieldsCounted(ledger: Ledger, subject: Subject): Fields {
  const fields = fieldsOf(ledger, subject)
  if (subject.action.type !== 'cancel' || ownCancelled(ledger, subject)?.account === subject.account)
    return fields
  const { 'account.id': _, ...others } = fields
  return others
}

/** A cancel counts towards the strategy of the order that it cancels. */
function strategyCounted(ledger: Ledger, subject: Subject): string {
  return ownCancelled(ledger, subject)?.strategy ?? strategyOf(ledger, subject)
}

/** The agent's own order that it cancels. */
function ownCancelled(ledger: Ledger, { action, agent }: Subject): OrderState | undefined {
  const cancelled = action.type === 'cancel' ? findOrder(ledger, action.order) : undefined
  return cancelled?.agent === agent ? cancelled : undefined
}
