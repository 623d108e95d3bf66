/** What is held for certain where we and the broker differ. */
import { stepsWithin, stepsWithinExact } from '../base/exact.ts'
import { add, rational } from '../base/rational.ts'
import type { PortfolioState } from './ledger.ts'

/**
 * Whole lots, with their sign, of the smaller of `ours` and the broker's position, and none where they are on opposite sides; of ours where he has said nothing
 * else. What is left of a lot is left out: it can't be sold, and what is can be sold all the same. `undefined` when they pass 2^53 − 1.
 */
export function certainLots(
  portfolio: PortfolioState | undefined,
  instrument: string,
  ours: number,
  lot: number,
): number | undefined {
  const lots = stepsWithin(ours, lot)
  const difference = portfolio?.broker?.differences.get(instrument)
  if (difference === undefined || lots === undefined) return lots
  const counted = portfolio?.positions.get(instrument)?.quantity ?? 0
  const theirs = stepsWithinExact(add(rational(counted), rational(difference)), lot)
  if (theirs === undefined) return undefined
  if (Math.sign(lots) !== Math.sign(theirs)) return 0
  return Math.abs(lots) < Math.abs(theirs) ? lots : theirs
}
