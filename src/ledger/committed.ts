/**
 * What an account has committed: what is open, what filled since it was reported, and exits that would open a position. An exit needs no money as long as what it
 * makes smaller is held; where another order closed that, or an adoption took it away, what is left of it is paid for as any other.
 */
import { stepsWithin } from '../base/exact.ts'
import { certainLots } from './certain.ts'
import { changed, NOTHING_COMMITTED, weightOf } from './exposure.ts'
import type { Committed, Exits, Ledger, OrderState, PortfolioState } from './ledger.ts'

/** What `account` has committed, without the order that is replaced. */
export function committedOf(ledger: Ledger, account: string, replaced?: OrderState): Committed {
  const own = weightOf(replaced)
  let sum = changed(ledger.committed.get(account) ?? NOTHING_COMMITTED, own.worth, 0n)
  for (const { micro } of ledger.spent.get(account) ?? []) sum = changed(sum, 0n, micro)
  for (const exits of ledger.exits.get(account)?.values() ?? []) {
    const isOfReplaced = replaced?.instrument === exits.instrument && replaced.side === exits.side
    const lots = isOfReplaced ? exits.lots - own.exitLots : exits.lots
    // Which of several is beyond what is held nobody can say: all of them count.
    if (lots <= heldAgainst(ledger, ledger.portfolios.get(account), exits)) continue
    const { micro, unknown } = isOfReplaced ? changed(exits.worth, own.exitWorth, 0n) : exits.worth
    sum = { micro: sum.micro + micro, unknown: sum.unknown + unknown }
  }
  return sum
}

/** Whole lots of a position that an order of this side makes smaller, for certain; `byUs` where what we count is known to be right. */
export function heldAgainst(
  { instruments }: Ledger,
  portfolio: PortfolioState | undefined,
  { instrument, side }: Pick<Exits, 'instrument' | 'side'>,
  byUs = false,
): number {
  const lot = instruments.get(instrument)?.lot
  if (lot === undefined) return 0
  const ours = portfolio?.positions.get(instrument)?.quantity ?? 0
  const lots = (byUs ? stepsWithin(ours, lot) : certainLots(portfolio, instrument, ours, lot)) ?? 0
  return Math.max(side === 'sell' ? lots : -lots, 0)
}
