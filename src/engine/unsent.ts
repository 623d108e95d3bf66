/** What the venue says of an order that is set aside, and that by all that is known nobody has sent. */
import { findOrder } from '../ledger/orders.ts'
import type { Execution } from '../protocol/execution.ts'
import type { State } from './state.ts'

/**
 * Whether the report is about what is set aside and open, and tells of nothing that filled. It frees nothing then: the sidecar may still redeem it, or has
 * and has not told. What filled was sent, whoever sent it.
 */
export function isUnsent(
  { permits, ledger }: Pick<State, 'permits' | 'ledger'>,
  { order: named }: Pick<Execution, 'order'>,
  lots: number,
): boolean {
  if (lots > 0 || permits.setAside.isEmpty()) return false
  const order = findOrder(ledger, named)
  return order !== undefined && permits.setAside.has(order.id)
}
