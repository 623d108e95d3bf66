/** What the venue says of the end of an order that was set aside, and that is not the end of what was sent by all that is known. */
import { findOrder } from '../ledger/orders.ts'
import { isEnd, type Execution } from '../protocol/execution.ts'
import type { State } from './state.ts'

/**
 * Whether the report tells of an end that changes nothing. The sidecar may still redeem what was set aside, or has and has not told, and hours may lie between that and the sending. So an end counts
 * from when on the venue had the order by its own word and clock, or where it fills more; and a rejection, which is of what it never had, where it comes after the redemption.
 */
export function isUnsent(
  { ledger }: Pick<State, 'ledger'>,
  execution: Pick<Execution, 'order' | 'event' | 'at'>,
  lots: number,
): boolean {
  if (!isEnd(execution)) return false
  const order = findOrder(ledger, execution.order)
  if (order?.allotted === undefined || lots > order.filled) return false
  const { tookAt, sentFrom } = order
  if (tookAt !== undefined) return execution.at < tookAt
  return execution.event !== 'rejected' || sentFrom === undefined || execution.at < sentFrom
}
