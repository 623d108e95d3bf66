/** What tells one action from another in a window: who, on what, and for an order which. */
import type { Fields } from './happening.ts'
import type { Ledger } from './ledger.ts'
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

/** A cancel counts towards the strategy of the order that it cancels. */
function strategyCounted(ledger: Ledger, subject: Subject): string {
  const { action, agent } = subject
  const cancelled = action.type === 'cancel' ? findOrder(ledger, action.order) : undefined
  const own = cancelled?.agent === agent ? cancelled.strategy : undefined
  return own ?? strategyOf(ledger, subject)
}
