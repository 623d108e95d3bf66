/** In each step the share of the day's volume that it usually has: volume-weighted average price. */
import { lotsFromHoldings } from './problem.ts'
import { twap } from './twap.ts'

/**
 * `lots` spread in proportion to the volumes expected in the steps, which are all that is known before them: of earlier days, or of the step before.
 * Volumes that are not known or add up to nothing give TWAP.
 */
export function vwap(lots: number, expected: readonly number[]): number[] {
  const total = expected.reduce((sum, volume) => sum + volume, 0)
  const isUsable = expected.every((volume) => volume >= 0) && total > 0 && Number.isFinite(total)
  if (!isUsable) return twap(lots, expected.length)
  let gone = 0
  const held = expected.map((volume, step) => {
    gone += volume
    return step === expected.length - 1 ? 0 : lots * (1 - gone / total)
  })
  return lotsFromHoldings(lots, held)
}
