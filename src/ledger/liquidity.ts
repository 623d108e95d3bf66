/**
 * What bars say of an instrument's liquidity and risk, bar by bar: the same figures as `optimizer/train/track.ts` makes for training, but for the hour of the day,
 * which a feeder does not tell.
 */
import type { Bar } from './ledger.ts'
import type { LiquidityState } from './slices.ts'

/** Bars after which half of what was usual is forgotten; as in training. */
const HALF_LIFE = 24
const KEEP = 0.5 ** (1 / HALF_LIFE)
/** Bars before what is usual says anything; as in training. */
export const WARM_UP = 3 * HALF_LIFE
/** A bar counts as having this part of usual volume at least: with less the feed failed, or the venue. */
const VOLUME_LEAST = 0.05
/** Variance of a bar lies within these parts of the usual one. */
const VARIANCE_LEAST = 0.01
const VARIANCE_MOST = 36
const VARIANCE_FLOOR = 1e-12

/**
 * The figures after `bar`. One that does not come after the last in time, and one that says nothing (nothing traded before anything is usual), changes
 * nothing: what was decided by earlier bars stays as it was.
 */
export function afterBar(
  before: LiquidityState | undefined,
  { from, to, high, low, volume }: Bar,
): LiquidityState | undefined {
  // Parkinson, Journal of Business 53 (1980): the variance of a price from the range of its logarithm.
  const ranged = Math.log(high / low) ** 2 / (4 * Math.LN2)
  if (before === undefined) {
    if (!(volume > 0)) return undefined
    const variance = Math.max(VARIANCE_FLOOR, ranged)
    return {
      from,
      to,
      count: 1,
      run: 1,
      volume,
      previousVolume: Number.NaN,
      variance,
      usualVolume: volume,
      usualVariance: variance,
      level: Math.log(volume),
      risk: Math.log(variance),
    }
  }
  if (from < before.to) return before
  const usualVolume = Math.exp(before.level)
  const usualVariance = Math.exp(before.risk)
  const counted = Math.max(volume, VOLUME_LEAST * usualVolume)
  const variance = Math.min(Math.max(ranged, usualVariance * VARIANCE_LEAST), usualVariance * VARIANCE_MOST)
  const follows = from === before.to && to - from === before.to - before.from
  return {
    from,
    to,
    count: before.count + 1,
    run: follows ? before.run + 1 : 1,
    volume: counted,
    previousVolume: before.volume,
    variance,
    usualVolume,
    usualVariance,
    level: KEEP * before.level + (1 - KEEP) * Math.log(counted),
    risk: KEEP * before.risk + (1 - KEEP) * Math.log(variance),
  }
}
