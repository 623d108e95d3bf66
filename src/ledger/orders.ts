/**
 * Orders from the verdict that allowed them to the venue's last word. What each could still become is reserved at once, and every
 * change goes through `reweigh`, so that what is open in sum is always what the orders make it.
 */
import type { Action } from '../protocol/action.ts'
import type { RecordedExecution } from '../protocol/execution.ts'
import { draftOf, type LedgerDraft } from './draft.ts'
import { filledValueOf, NOTHING_COMMITTED, reweigh } from './exposure.ts'
import {
  parentKey,
  type BasketState,
  type Ledger,
  type OrderState,
  type OrderVersion,
  type ParentState,
} from './ledger.ts'
import { countFill } from './positions.ts'
import { rememberReport } from './venue-ids.ts'

/** Ended orders are kept for late reports, the newest so many. */
const ENDED_MAX = 100_000
/** Orders that may still fill at one time. */
const LIVE_MAX = 100_000
/** Parents that are remembered, for good: what a parent has come to must not be forgotten. */
export const PARENTS_MAX = 100_000
/** Baskets that are remembered, for good, for the same reason. */
const BASKETS_MAX = 100_000
/** How often one order may be replaced. */
const REPLACEMENTS_MAX = 1_000

/** Why `action` would pass a bound of what is kept; `undefined` when it fits. */
export function orderOverflow(ledger: Ledger, agent: string, action: Action): string | undefined {
  if (action.type === 'replace') {
    const replacements = findOrder(ledger, action.order)?.versionIds.length ?? 0
    return replacements < REPLACEMENTS_MAX
      ? undefined
      : `\`${action.order}\` was replaced ${REPLACEMENTS_MAX} times; cancel it and ask for a new order`
  }
  if (action.type !== 'order') return undefined
  if (ledger.live >= LIVE_MAX) return `${LIVE_MAX} orders are open`
  const { parent, basket, account } = action
  const fits = (kept: Ledger['parents'] | Ledger['baskets'], id: string | undefined, max: number): boolean =>
    id === undefined || kept.size < max || kept.has(parentKey(account, agent, id))
  if (!fits(ledger.parents, parent?.id, PARENTS_MAX)) return `${PARENTS_MAX} parents are remembered`
  return fits(ledger.baskets, basket?.id, BASKETS_MAX) ? undefined : `${BASKETS_MAX} baskets are remembered`
}

/** What an order says of the wholes that it is part of: where it says so first, lots of its parent and worth of its basket. */
export interface Declared {
  readonly parentLots?: number | undefined
  /** How its parent is sent from now on, where it is sent in slices. */
  readonly schedule?: ParentState['schedule']
  readonly basket?: Pick<BasketState, 'value' | 'currency'> | undefined
}

const NOTHING_DECLARED: Declared = {}

/** Reserves an order that was allowed, by the id of its decision; the first child of a parent or basket fixes what that may come to. */
export function reserve(ledger: Ledger, order: OrderState, declared: Declared = NOTHING_DECLARED): Ledger {
  const next = draftOf(ledger)
  declare(next, order, declared)
  reweigh(next, undefined, order)
  next.orders = next.orders.set(order.id, order)
  next.live += 1
  return next
}

function declare(next: LedgerDraft, order: OrderState, { parentLots, schedule, basket: of }: Declared): void {
  const { account, instrument, side, parent, basket, strategy } = order
  if (parent !== undefined) {
    const known = next.parents.get(parent)
    if (known === undefined && parentLots !== undefined)
      next.parents = next.parents.set(parent, {
        account,
        instrument,
        side,
        strategy,
        quantity: parentLots,
        committed: 0,
        schedule,
      })
    else if (known !== undefined && schedule !== undefined)
      next.parents = next.parents.set(parent, { ...known, schedule })
  }
  if (basket !== undefined && of !== undefined && !next.baskets.has(basket))
    next.baskets = next.baskets.set(basket, { strategy, ...of, committed: NOTHING_COMMITTED })
}

/** Reserves what a replacement may add: until the venue confirms it, the order counts as the worse of what it was and what it becomes. */
export function reserveReplacement(ledger: Ledger, replaced: string, version: OrderVersion): Ledger {
  const root = rootOf(ledger, replaced)
  const order = ledger.orders.get(root)
  if (order === undefined) return ledger
  const next = update(ledger, root, order, {
    ...order,
    pending: [...order.pending, version],
    versionIds: [...order.versionIds, version.id],
  })
  return { ...next, versions: next.versions.set(version.id, root) }
}

/** The order that `id` names, by its own decision or that of any replacement. */
export function findOrder(ledger: Ledger, id: string): OrderState | undefined {
  return ledger.orders.get(rootOf(ledger, id))
}

/** The first decision of the order that `id` names. */
export function rootOf(ledger: Ledger, id: string): string {
  return ledger.versions.get(id) ?? id
}

/** What the venue reports, once `accept-execution.ts` has let it in; `arrived` in milliseconds since 1970. */
export function execute(
  ledger: Ledger,
  execution: RecordedExecution,
  filledLots: number,
  arrived: number,
): Ledger {
  const root = rootOf(ledger, execution.order)
  const order = ledger.orders.get(root)
  if (order === undefined) return ledger
  // Nothing fills before it was asked for, whatever the venue's clock says.
  const at = Math.max(Math.min(execution.at, arrived), order.at)
  const counted = countFill(ledger, order, filledLots - order.filled, at)
  const venueIds = rememberReport(ledger.venueIds, root, order.account, execution.execution)
  return update({ ...counted, venueIds }, root, order, after(order, execution, filledLots))
}

function after(order: OrderState, report: RecordedExecution, filled: number): OrderState {
  const { event, order: id } = report
  const executions = [...order.executions, report].slice(-EXECUTIONS_KEPT)
  const state = order.state === 'ended' ? 'ended' : 'working'
  const more = filledValueOf(order, filled - order.filled)
  const filledValue =
    order.filledValue === undefined || more === undefined ? undefined : order.filledValue + more
  const told: OrderState = { ...order, filled, filledValue, executions, state }
  const at = order.pending.findIndex((version) => version.id === id)
  const version = order.pending[at]
  switch (event) {
    case 'accepted':
    case 'filled':
      return settled(told)
    case 'replaced': {
      // Confirmed only now, after its end was told.
      if (version === undefined) return { ...told, state: 'ended' }
      const { lots, limitPrice, worth, exitWorth, value } = version
      // What was asked for before it is overtaken; what was asked for after it is still to come.
      const replaced: OrderState = {
        ...told,
        id,
        lots,
        limitPrice,
        worth,
        exitWorth,
        value,
        pending: order.pending.slice(at + 1),
      }
      return settled(replaced)
    }
    case 'cancelled':
    case 'rejected':
    case 'expired':
      if (version !== undefined)
        return settled({ ...told, pending: order.pending.filter((other) => other !== version) })
      // Of a replacement that is not asked for any more: it says nothing of the order, which may well be working.
      if (id !== order.id && order.versionIds.includes(id)) {
        const silent = order.state === 'lapsed' && filled === order.filled
        return silent ? { ...told, state: 'lapsed' } : settled(told)
      }
      // What it was asked to become is kept: a fill that is heard of later may have been at its price.
      return { ...told, state: 'ended' }
  }
}

/** Ids of the venue's last reports on one order, to know a repeated one. */
const EXECUTIONS_KEPT = 64

/** The order, ended where it has filled all that it may still come to. */
function settled(order: OrderState): OrderState {
  const { filled, lots, pending } = order
  const most = Math.max(lots, ...pending.map((version) => version.lots))
  return isLive(order) && filled >= most ? { ...order, state: 'ended' } : order
}

/** Frees what the decision `id` reserved and what was never sent. A later report about it still counts. */
export function lapse(ledger: Ledger, id: string): Ledger {
  const root = rootOf(ledger, id)
  const order = ledger.orders.get(root)
  if (order === undefined) return ledger
  const pending = order.pending.filter((version) => version.id !== id)
  if (pending.length < order.pending.length)
    return update(ledger, root, order, settled({ ...order, pending }))
  return order.state === 'reserved' && order.id === id
    ? update(ledger, root, order, { ...order, pending: [], state: 'lapsed' })
    : ledger
}

function update(ledger: Ledger, root: string, before: OrderState, after: OrderState): Ledger {
  const next = draftOf(ledger)
  reweigh(next, before, after)
  next.orders = next.orders.set(root, after)
  if (isLive(before) === isLive(after)) return next
  next.live += isLive(after) ? 1 : -1
  if (!isLive(after)) retire(next, root)
  return next
}

export function isLive({ state }: OrderState): boolean {
  return state === 'reserved' || state === 'working'
}

/** Keeps an ended order for late reports, and forgets the one that ended longest ago. */
function retire(next: LedgerDraft, root: string): void {
  next.ended = next.ended.push(root)
  if (next.ended.size <= ENDED_MAX) return
  const oldest = next.ended.first() as string
  next.ended = next.ended.shift()
  const order = next.orders.get(oldest)
  // One that came back to life ends another time.
  if (order === undefined || isLive(order)) return
  next.orders = next.orders.delete(oldest)
  next.versions = next.versions.deleteAll(order.versionIds)
}
