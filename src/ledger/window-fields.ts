/** What tells one action from another in a window: who, on what, and for an order which. */
import type { Fields } from './happening.ts'
import type { Ledger, OrderState } from './ledger.ts'
import { findOrder } from './orders.ts'
import { strategyOf, type Subject } from './subject.ts'

export function fieldsOf(ledger: Ledger, subject: Subject): Fields {
  const { agent, account, action, order } = subject
  return {
    'agent.id': agent,
    'strategy.id': strategyCounted(ledger, subject),
    ...(account === undefined ? {} : { 'account.id': account }),
    ...('instrument' in action ? { 'instrument.id': action.instrument } : {}),
    ...(order === undefined
      ? {}
      : {
          'order.side': order.side,
          'order.orderType': order.orderType,
          'order.quantity': String(order.quantity),
          // Two orders at the market have the same price, whatever it will be.
          'order.price': String(order.limitPrice ?? 'market'),
        }),
    ...(action.type === 'transfer'
      ? { 'transfer.asset': action.asset, 'transfer.destination': action.destination }
      : {}),
  }
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
