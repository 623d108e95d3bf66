/** What the venue says of the end of an order that was set aside, and that is not the end of what was sent by all that is known. */
import { findOrder } from '../ledger/orders.ts'
import { isEnd, type Execution } from '../protocol/execution.ts'
import type { State } from './state.ts'

/**
 * Whether the report tells of an end that changes nothing. One without a fill of what is set aside and open, or was written off: the sidecar may still redeem it, or
 * has and has not told. One from before it was sent, which comes late: it may rest at the venue by now. What the venue accepted or filled was sent, whoever sent it.
 */
export function isUnsent(
  { permits, ledger }: Pick<State, 'permits' | 'ledger'>,
  execution: Pick<Execution, 'order' | 'event' | 'at'>,
  lots: number,
): boolean {
  if (!isEnd(execution)) return false
  const order = findOrder(ledger, execution.order)
  if (order === undefined || lots > order.filled) return false
  const { id, allotted, filled, state } = order
  const sentFrom = order.tookAt ?? order.sentFrom
  if (allotted === undefined) return false
  if (sentFrom !== undefined && execution.at < sentFrom) return true
  return filled === 0 && (permits.setAside.has(id) || state === 'lapsed')
}
