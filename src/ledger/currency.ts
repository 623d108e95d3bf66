/**
 * Another currency comes into force. What was counted under the one before is money of that one, and rates of today do not say what it was worth then: nobody can
 * say what it is in the other, until it is reported or ends.
 */
import { draftOf } from './draft.ts'
import { commit, reweigh } from './exposure.ts'
import type { Ledger, OrderState, OrderVersion } from './ledger.ts'

/** The ledger in which all that was counted in the constitution's currency is unknown. Baskets keep theirs: they say which it is. */
export function withoutWorths(ledger: Ledger): Ledger {
  const next = draftOf(ledger)
  // Also of orders that are over: a late fill of one is spent.
  for (const [root, before] of ledger.orders) {
    const after: OrderState = { ...unvalued(before), pending: before.pending.map(unvalued) }
    reweigh(next, before, after)
    next.orders = next.orders.set(root, after)
  }
  for (const [id, { account, micro }] of ledger.transfers) {
    next.committed = commit(next.committed, account, micro, unknownOf(micro))
    next.transfers = next.transfers.set(id, { account, micro: unknownOf(micro) })
  }
  next.spent = ledger.spent.map((list) => list.map(({ at, micro }) => ({ at, micro: unknownOf(micro) })))
  return next
}

function unvalued<Version extends OrderVersion>(version: Version): Version {
  return { ...version, worth: unknownOf(version.worth), exitWorth: unknownOf(version.exitWorth) }
}

/** Nothing is nothing in every currency: by it an exit is told from what is none. */
function unknownOf(micro: bigint | undefined): bigint | undefined {
  return micro === 0n ? 0n : undefined
}
