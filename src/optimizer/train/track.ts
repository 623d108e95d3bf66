/** What bars say of liquidity and risk, beside what was usual for them before: all that schedules and models see, and what they are charged by. */
import type { Reversion } from '../reversion.ts'
import type { Bars } from './bars.ts'

export type { Reversion } from '../reversion.ts'

/** Hours by which volume is told apart. */
const HOURS = 24
/** Bars after which half of what was usual is forgotten. */
const HALF_LIFE = 24
/** Bars before the first that an order may begin in. */
export const WARM_UP = 3 * HALF_LIFE
const HOUR_MS = 3_600_000
/** A range above so many usual ones counts as just so many. */
const RANGE_MAX = 6
/** A bar with less than this part of usual volume is one in which the feed or the venue failed; what could be sent at all counts as so much. */
const VOLUME_MIN = 0.05

/** The volume usual in each hour of the day (UTC), as the logarithm of its ratio to the day’s. */
export type Profile = readonly number[]

/** Columns with one entry a bar. What is usual is known before the bar begins. */
export interface Track {
  readonly name: string
  readonly at: Float64Array
  readonly volume: Float64Array
  readonly usualVolume: Float64Array
  /** Of the price within the bar, relative, from its range. */
  readonly variance: Float64Array
  readonly usualVariance: Float64Array
  /** How many bars up to this one follow each other without a gap. */
  readonly run: Int32Array
  /** Whether trading is halted in the bar: nothing may be sent. */
  readonly halted: Uint8Array
  /** Of the caps, in the bar: a rule may change midway. */
  readonly capFactor: Float64Array
  readonly profile: Profile
}

const hourOf = (at: number): number => Math.floor(at / HOUR_MS) % HOURS

/** The profile of bars. Each hour’s mean log volume, less that of all. */
export function profileOf({ at, volume }: Bars): Profile {
  const sums = new Float64Array(HOURS)
  const counts = new Float64Array(HOURS)
  let all = 0
  for (const [index, when] of at.entries()) {
    const log = Math.log(volume[index] as number)
    const hour = hourOf(when)
    sums[hour] = (sums[hour] as number) + log
    counts[hour] = (counts[hour] as number) + 1
    all += log
  }
  const mean = all / at.length
  return Array.from(sums, (sum, hour) => (counts[hour] === 0 ? 0 : sum / (counts[hour] as number) - mean))
}

/**
 * The track of bars, by a profile of earlier ones. Variance is Parkinson's, (ln high/low)² / (4 ln 2) (Journal of Business 53, 1980), floored at a
 * hundredth of what is usual, where a bar has no range.
 */
export function trackOf(bars: Bars, profile: Profile): Track {
  const { at, high, low, stepMs } = bars
  const count = at.length
  const track = {
    name: bars.name,
    at,
    volume: new Float64Array(count),
    usualVolume: new Float64Array(count),
    variance: new Float64Array(count),
    usualVariance: new Float64Array(count),
    run: new Int32Array(count),
    halted: new Uint8Array(count),
    capFactor: new Float64Array(count).fill(1),
    profile,
  }
  const keep = 0.5 ** (1 / HALF_LIFE)
  let level = Math.log(bars.volume[0] as number)
  let risk = Math.log(Math.max(1e-12, rangeVariance(high[0] as number, low[0] as number)))
  for (let index = 0; index < count; index += 1) {
    const when = at[index] as number
    const seasonal = profile[hourOf(when)] ?? 0
    const usualVariance = Math.exp(risk)
    const raw = rangeVariance(high[index] as number, low[index] as number)
    const variance = Math.min(Math.max(raw, usualVariance / 100), usualVariance * RANGE_MAX * RANGE_MAX)
    const usualVolume = Math.exp(level + seasonal)
    const volume = Math.max(bars.volume[index] as number, VOLUME_MIN * usualVolume)
    track.volume[index] = volume
    track.usualVolume[index] = usualVolume
    track.usualVariance[index] = usualVariance
    track.variance[index] = variance
    const follows = index > 0 && when - (at[index - 1] as number) === stepMs
    track.run[index] = follows ? (track.run[index - 1] as number) + 1 : 0
    level = keep * level + (1 - keep) * (Math.log(volume) - seasonal)
    risk = keep * risk + (1 - keep) * Math.log(variance)
  }
  return track
}

function rangeVariance(high: number, low: number): number {
  return Math.log(high / low) ** 2 / (4 * Math.LN2)
}

/** How volume and variance of a track return to what is usual, by least squares through zero on pairs of bars that follow each other. */
export function reversionOf({ volume, usualVolume, variance, usualVariance, run }: Track): Reversion {
  const fit = (values: Float64Array, usual: Float64Array): Reversion['volume'] => {
    let [products, squares, errors, pairs] = [0, 0, 0, 0]
    const each = (visit: (before: number, now: number) => void): void => {
      for (let index = 1; index < values.length; index += 1) {
        if ((run[index] as number) < WARM_UP) continue
        const before = Math.log((values[index - 1] as number) / (usual[index - 1] as number))
        visit(before, Math.log((values[index] as number) / (usual[index] as number)))
      }
    }
    each((before, now) => {
      products += before * now
      squares += before * before
    })
    const persistence = squares === 0 ? 0 : Math.min(Math.max(products / squares, 0), 0.999)
    each((before, now) => {
      errors += (now - persistence * before) ** 2
      pairs += 1
    })
    return { persistence, noise: pairs === 0 ? 0 : Math.sqrt(errors / pairs) }
  }
  return { volume: fit(volume, usualVolume), variance: fit(variance, usualVariance) }
}

/** Part of a track, from bar `from` to before bar `to`. What was usual before is kept. */
export function sliceOf(track: Track, from: number, to: number): Track {
  const cut = <T extends Float64Array | Int32Array | Uint8Array>(column: T): T =>
    column.subarray(from, to) as T
  return {
    ...track,
    at: cut(track.at),
    volume: cut(track.volume),
    usualVolume: cut(track.usualVolume),
    variance: cut(track.variance),
    usualVariance: cut(track.usualVariance),
    run: cut(track.run).map((run, index) => Math.min(run, index)),
    halted: cut(track.halted),
    capFactor: cut(track.capFactor),
  }
}

/** First bars of orders of `steps` bars: everything before and after is there. */
export function startsIn({ run }: Track, steps: number): number[] {
  const starts: number[] = []
  for (let start = WARM_UP; start + steps <= run.length; start += 1)
    if ((run[start + steps - 1] as number) >= WARM_UP + steps - 1) starts.push(start)
  return starts
}
