/** What bars say of liquidity and risk, beside what was usual for them before: all that schedules and models see, and what they are charged by. */
import type { Plan } from '../plan.ts'
import { hourOf, see, usualFrom, type Usual } from '../usual.ts'
import type { Bars } from './bars.ts'

/** Hours by which volume is told apart. */
const HOURS = 24
/** Bars after which half of what was usual is forgotten. */
export const HALF_LIFE = 24
/** Bars before the first that an order may begin in. */
export const WARM_UP = 3 * HALF_LIFE

/** The volume usual in each hour of the day (UTC), as the logarithm of its ratio to the day’s. */
export type Profile = readonly number[]

/** How log volume and log variance return to what is usual, bar by bar: x' = φx + s·noise. What is expected ahead is computed from it. */
export type Reversion = Readonly<Pick<Plan, 'volume' | 'variance'>>

/** Columns with one entry a bar. What is usual is known before the bar begins. */
export interface Track {
  readonly name: string
  /** Milliseconds of a bar. */
  readonly stepMs: number
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

/** The track of bars, by a profile of earlier ones. */
export function trackOf(bars: Bars, profile: Profile): Track {
  const { at, high, low, volume, stepMs } = bars
  const count = at.length
  const track = {
    name: bars.name,
    stepMs,
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
  const habits = { halfLifeBars: HALF_LIFE, profile: [...profile] }
  let usual: Usual | undefined
  for (let index = 0; index < count; index += 1) {
    const bar = {
      at: at[index] as number,
      high: high[index] as number,
      low: low[index] as number,
      volume: volume[index] as number,
    }
    const [seen, next] = see(usual ?? usualFrom(bar), bar, habits)
    usual = next
    track.volume[index] = seen.volume
    track.usualVolume[index] = seen.usualVolume
    track.usualVariance[index] = seen.usualVariance
    track.variance[index] = seen.variance
    const follows = index > 0 && bar.at - (at[index - 1] as number) === stepMs
    track.run[index] = follows ? (track.run[index - 1] as number) + 1 : 0
  }
  return track
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
