/** From a share between 0 and 1 to whole lots of a region, and back; limits of a region in whole steps, rounded inward. */
import { isMultiple, stepsWithin } from '../base/exact.ts'

/** Which mapping a model was trained with; another mapping is another model. */
export const ACTION_MAP_VERSION = 1

/** Whole numbers from `lo` to `hi`, both included. */
export interface Span {
  readonly lo: number
  readonly hi: number
}

/**
 * The lots that the share `u` of the region stands for: `lo + min(⌊u·(hi−lo+1)⌋, hi−lo)`, so that every lot of the region has an equal part of [0, 1].
 * A share beyond the ends is its end. Whole numbers alone leave the hand of rounding: no product of doubles can come out above `hi`.
 * `undefined` for a share that is no number, and for a region that is inverted or not of whole numbers.
 */
export function lotsOf(u: number, { lo, hi }: Span): number | undefined {
  if (!isSpan({ lo, hi }) || Number.isNaN(u)) return undefined
  const share = Math.min(Math.max(u, 0), 1)
  return lo + Math.min(Math.floor(share * (hi - lo + 1)), hi - lo)
}

/** The share in the middle of what stands for `lots`: `lotsOf(shareOf(n)) = n` for regions below 2^50 lots. */
export function shareOf(lots: number, { lo, hi }: Span): number {
  return (lots - lo + 0.5) / (hi - lo + 1)
}

/**
 * `lots` of the region, moved by `shift` on the scale of the logit of their share: z = ln(u / (1 − u)) + shift. No shift changes nothing.
 * `undefined` where the shift is no number or the region is none; `lots` outside the region count as its nearer end.
 */
export function shifted(lots: number, region: Span, shift: number): number | undefined {
  if (!isSpan(region) || Number.isNaN(shift) || !Number.isSafeInteger(lots)) return undefined
  const from = Math.min(Math.max(lots, region.lo), region.hi)
  if (shift === 0) return from
  const share = shareOf(from, region)
  // 1 − u is taken from the lots, not from u, so that nothing is lost where u is almost 1.
  const rest = (region.hi - from + 0.5) / (region.hi - region.lo + 1)
  return lotsOf(1 / (1 + (rest / share) * Math.exp(-shift)), region)
}

/**
 * The whole steps (lots of a quantity, ticks of a price) between `low` and `high`, which are decimals above zero: rounded inward, exactly.
 * `undefined` where there is none, or where a count passes 2^53 − 1.
 */
export function stepsInside(low: number, high: number, step: number): Span | undefined {
  if (!(step > 0) || !(low > 0) || !Number.isFinite(high) || !(high >= low)) return undefined
  const below = stepsWithin(low, step)
  const hi = stepsWithin(high, step)
  if (below === undefined || hi === undefined) return undefined
  const lo = isMultiple(low, step) === true ? below : below + 1
  return lo <= hi ? { lo, hi } : undefined
}

function isSpan({ lo, hi }: Span): boolean {
  return Number.isSafeInteger(lo) && Number.isSafeInteger(hi) && lo >= 0 && lo <= hi
}
