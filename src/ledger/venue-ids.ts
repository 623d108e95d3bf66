/**
 * The venue's ids of what it reported, and the order that each was about. An id names one event of one order: where it comes again on another of the same
 * account, one of the two is a mistake, and nobody can say which.
 */
import { Map } from 'immutable'
import { Queue } from '../base/queue.ts'

/** The ids that were counted, by account; and all of them, from the oldest. */
export interface VenueIds {
  /** The order's first decision. */
  readonly orders: Map<string, string>
  readonly kept: Queue<string>
}

export const NO_VENUE_IDS: VenueIds = { orders: Map(), kept: Queue.empty() }

/** Ids that are remembered, the newest so many. */
export const VENUE_IDS_MAX = 100_000

/** The order that `execution` was reported on in an account; `undefined` where it is new there. */
export function reportedOn({ orders }: VenueIds, account: string, execution: string): string | undefined {
  return orders.get(keyOf(account, execution))
}

/** The ids with that of a report on the order `root`, which was counted. */
export function rememberReport(
  ids: VenueIds,
  root: string,
  account: string,
  execution: string,
  max = VENUE_IDS_MAX,
): VenueIds {
  const key = keyOf(account, execution)
  if (ids.orders.has(key)) return ids
  const orders = ids.orders.set(key, root)
  const kept = ids.kept.push(key)
  if (kept.size <= max) return { orders, kept }
  return { orders: orders.delete(kept.first() as string), kept: kept.shift() }
}

/** Names hold no control characters. */
function keyOf(account: string, execution: string): string {
  return `${account}\u0000${execution}`
}
