/** What is held for certain where we and the broker differ. */
import { add, rational, toNumber } from '../base/rational.ts'
import type { PortfolioState } from './ledger.ts'

/** The smaller of `ours` and the broker's position, and none where they are on opposite sides; ours where he has said nothing else. */
export function certain(portfolio: PortfolioState | undefined, instrument: string, ours: number): number {
  const difference = portfolio?.broker?.differences.get(instrument)
  if (difference === undefined) return ours
  const counted = portfolio?.positions.get(instrument)?.quantity ?? 0
  const theirs = toNumber(add(rational(counted), rational(difference)))
  if (Math.sign(ours) !== Math.sign(theirs)) return 0
  return Math.abs(ours) < Math.abs(theirs) ? ours : theirs
}
