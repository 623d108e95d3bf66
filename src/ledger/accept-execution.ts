/** Decides what a report from the venue is worth. Money that moved is counted even where the report should not have come. */
import { canonicalJson } from '../base/canonical-json.ts'
import { wholeSteps } from '../base/exact.ts'
import type { ErrorCode } from '../base/errors.ts'
import type { Anomaly, Execution } from '../protocol/execution.ts'
import type { Ledger, OrderState } from './ledger.ts'
import { findOrder, isLive, rootOf } from './orders.ts'
import { reportedOn } from './venue-ids.ts'

export type Accepted =
  /** Counted; `anomaly` where it should not have come. `lots` are those filled by now. */
  | { readonly kind: 'counted'; readonly lots: number; readonly anomaly: Anomaly | null }
  /** Reported before, word for word. */
  | { readonly kind: 'repeated' }
  /** Not counted; kept as an anomaly. */
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly detail: string }

/** What becomes of `execution`, which arrives at `now`. */
export function acceptExecution(ledger: Ledger, execution: Execution, now: number): Accepted {
  const { execution: id, order: named, event, at } = execution
  const refuse = (code: ErrorCode, detail: string): Accepted => ({ kind: 'refused', code, detail })
  if (at > now) return refuse('OBSERVATION_IN_FUTURE', `execution ${id} says ${at} and it is ${now}`)
  const order = findOrder(ledger, named)
  if (order === undefined)
    return refuse(
      'EXECUTION_ORDER_UNKNOWN',
      `execution ${id} is about ${named}, and no such order was allowed`,
    )
  const before = order.executions.find((other) => other.execution === id)
  if (before !== undefined) {
    return canonicalJson(before) === canonicalJson(execution)
      ? { kind: 'repeated' }
      : refuse('EXECUTION_CONFLICT', `execution ${id} on ${named} was reported with other content before`)
  }
  const other = reportedOn(ledger.venueIds, order.account, id)
  if (other !== undefined && other !== rootOf(ledger, named))
    return refuse(
      'EXECUTION_CONFLICT',
      `execution ${id} in ${order.account} was reported on ${other} before, and now on ${named}; one of them is wrong`,
    )
  if (event === 'replaced' && !isWaiting(order, named) && !endedAs(order, execution))
    return refuse(
      'EXECUTION_CONFLICT',
      `execution ${id} confirms ${named}, which is no replacement that is waiting`,
    )
  // By its first name it was taken, where a replacement of it was confirmed.
  const isFirst = !order.versionIds.includes(named)
  if (event === 'rejected' && (isFirst || named === order.id) && (order.filled > 0 || named !== order.id))
    return refuse(
      'EXECUTION_CONFLICT',
      `execution ${id} rejects ${named}, which the venue has ${order.filled > 0 ? `filled ${order.filled} lots of` : 'replaced'}`,
    )
  const lot = ledger.instruments.get(order.instrument)?.lot
  const said = execution.filled === undefined ? order.filled : lot && wholeSteps(execution.filled, lot)
  if (said === undefined)
    return refuse(
      'EXECUTION_OFF_LOT',
      `execution ${id} says ${execution.filled} filled, which is no whole number of lots of ${lot}`,
    )
  // A late report of anything else is news all the same, and less filled was true when it was said.
  if (said < order.filled && event === 'filled')
    return refuse(
      'EXECUTION_BACKWARDS',
      `execution ${id} says ${said} lots of ${named} filled, and ${order.filled} are already`,
    )
  const lots = Math.max(said, order.filled)
  const most = Math.max(order.lots, ...order.pending.map((version) => version.lots))
  const anomaly = lots > most ? 'FILLED_OVER' : isLive(order) ? null : 'AFTER_END'
  return { kind: 'counted', lots, anomaly }
}

function isWaiting({ pending }: OrderState, id: string): boolean {
  return pending.some((version) => version.id === id)
}

/** Whether the order was told to have ended as a replacement of which the earlier word, that it had become that, only comes now. */
function endedAs({ id, versionIds, executions }: OrderState, { order: named, at }: Execution): boolean {
  return (
    versionIds.indexOf(named) > versionIds.indexOf(id) &&
    executions.some(
      (told) =>
        told.order === named && told.at >= at && (told.event === 'cancelled' || told.event === 'expired'),
    )
  )
}
