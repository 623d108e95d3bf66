/**
 * A copy of a ledger to be changed before anybody sees it, for what happens with every verdict.
 *
 * Written out, since V8 copies an object of so many members by `{ ...ledger }` fast only where it has met few shapes of it, and makes a new shape at each
 * place that does so: with many such places all of them are slow, and the copies large.
 */
import type { Ledger } from './ledger.ts'

export type LedgerDraft = { -readonly [Part in keyof Ledger]: Ledger[Part] }

/** The same parts in another object: a part that is left out here does not compile. */
export function draftOf(ledger: Ledger): LedgerDraft {
  return {
    instruments: ledger.instruments,
    prices: ledger.prices,
    ticks: ledger.ticks,
    marks: ledger.marks,
    moved: ledger.moved,
    holders: ledger.holders,
    bars: ledger.bars,
    liquidity: ledger.liquidity,
    rates: ledger.rates,
    accounts: ledger.accounts,
    portfolios: ledger.portfolios,
    locates: ledger.locates,
    exposures: ledger.exposures,
    committed: ledger.committed,
    exits: ledger.exits,
    spent: ledger.spent,
    transfers: ledger.transfers,
    resting: ledger.resting,
    parents: ledger.parents,
    baskets: ledger.baskets,
    orders: ledger.orders,
    versions: ledger.versions,
    venueIds: ledger.venueIds,
    ended: ledger.ended,
    live: ledger.live,
    agents: ledger.agents,
    owners: ledger.owners,
    partition: ledger.partition,
    runBy: ledger.runBy,
    dealers: ledger.dealers,
    halts: ledger.halts,
    grants: ledger.grants,
    signoffs: ledger.signoffs,
    trackRecords: ledger.trackRecords,
    day: ledger.day,
    stated: ledger.stated,
    acted: ledger.acted,
    windows: ledger.windows,
  }
}
