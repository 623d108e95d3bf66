/** What is usual in a market, learned bar by bar: the same for what models are trained on and for what they are asked about. */
import type { Plan } from './plan.ts'

/** A range above so many usual ones counts as just so many. */
const RANGE_MAX = 6
/** A bar with less than this part of usual volume is one in which the feed or the venue failed; what could be sent at all counts as so much. */
const VOLUME_MIN = 0.05
const HOUR_MS = 3_600_000

/** One bar, as a market reports it. */
export interface Bar {
  /** When it begins, in milliseconds since 1970. */
  readonly at: number
  readonly high: number
  readonly low: number
  readonly volume: number
}

/** What has been usual up to now, as logarithms: of volume without the hour of the day, and of variance. */
export interface Usual {
  readonly level: number
  readonly risk: number
}

/** A bar, beside what was usual for it before it began. */
export interface Seen {
  /** Held between bounds, so that one failed bar does not outweigh all others. */
  readonly volume: number
  readonly usualVolume: number
  /** Of the price within the bar, relative, from its range. */
  readonly variance: number
  readonly usualVariance: number
}

type Habits = Pick<Plan, 'halfLifeBars' | 'profile'>

/** The hour of the day (UTC) of a time in milliseconds. */
export function hourOf(at: number): number {
  return Math.floor(at / HOUR_MS) % 24
}

/** What is taken for usual before the first bar: that bar. */
export function usualFrom({ high, low, volume }: Bar): Usual {
  return { level: Math.log(volume), risk: Math.log(Math.max(1e-12, rangeVariance(high, low))) }
}

/**
 * A bar beside what was usual, and what is usual after it. Variance is Parkinson's, (ln high/low)² / (4 ln 2) (Journal of Business 53, 1980), floored at a
 * hundredth of what is usual, where a bar has no range.
 */
export function see(usual: Usual, bar: Bar, { halfLifeBars, profile }: Habits): readonly [Seen, Usual] {
  const keep = 0.5 ** (1 / halfLifeBars)
  const seasonal = profile[hourOf(bar.at)] ?? 0
  const usualVariance = Math.exp(usual.risk)
  const raw = rangeVariance(bar.high, bar.low)
  const variance = Math.min(Math.max(raw, usualVariance / 100), usualVariance * RANGE_MAX * RANGE_MAX)
  const usualVolume = usualVolumeAt(usual, bar.at, profile)
  const volume = Math.max(bar.volume, VOLUME_MIN * usualVolume)
  return [
    { volume, usualVolume, variance, usualVariance },
    {
      level: keep * usual.level + (1 - keep) * (Math.log(volume) - seasonal),
      risk: keep * usual.risk + (1 - keep) * Math.log(variance),
    },
  ]
}

/** The volume that is usual in a bar that begins at `at`. */
export function usualVolumeAt({ level }: Usual, at: number, profile: Plan['profile']): number {
  return Math.exp(level + (profile[hourOf(at)] ?? 0))
}

function rangeVariance(high: number, low: number): number {
  return Math.log(high / low) ** 2 / (4 * Math.LN2)
}
