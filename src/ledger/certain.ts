/** What is held for certain where we and the broker differ. */
import { add, rational, toNumber } from '../base/rational.ts'
import type { PortfolioState } from './ledger.ts'

/** The smaller of two positions, and none where they are on opposite sides. `theirs` is `undefined` where it is not known, or does not differ. */
export function certain(ours: number, theirs: number | undefined): number {
  if (theirs === undefined) return ours
  if (Math.sign(ours) !== Math.sign(theirs)) return 0
  return Math.abs(ours) < Math.abs(theirs) ? ours : theirs
}

/** The broker's word on a position; `undefined` where it is not known or does not differ from ours. */
export function brokerQuantity(
  portfolio: PortfolioState | undefined,
  instrument: string,
): number | undefined {
  const difference = portfolio?.broker?.differences.get(instrument)
  const ours = portfolio?.positions.get(instrument)?.quantity ?? 0
  return difference === undefined ? undefined : toNumber(add(rational(ours), rational(difference)))
}
