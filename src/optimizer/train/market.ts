/** The markets to learn from and to be judged by: real bars where they are at hand, cut in time with gaps between, or simulated ones. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { EphorError } from '../../base/errors.ts'
import { digestOf } from '../../base/hash.ts'
import type { Artifact } from '../artifact.ts'
import { joined, readBars, type Bars } from './bars.ts'
import { seedOf } from './chance.ts'
import type { Terms } from './execution.ts'
import { MIX } from './orders.ts'
import { FIGURES, simulate, STRESSED } from './simulate.ts'
import {
  profileOf,
  reversionOf,
  sliceOf,
  startsIn,
  trackOf,
  WARM_UP,
  type Reversion,
  type Track,
} from './track.ts'

/** The part of usual volume that one may be: the rule `participation` of the constitution that is shipped. */
export const PARTICIPATION = 0.09
/** Shares of the bars, in time, for training and for choosing settings; the rest is for the report. */
const TRAINING = 0.65
const CHOOSING = 0.1
/** Bars left out between two parts: those that an order or what was usual before could reach over. */
const EMBARGO = WARM_UP + MIX.steps
const SIMULATED = 20_000

export const HOURLY = 'btc_usd_hourly_train.csv.gz'
const MINUTES = 'btc_perp_1m_train.csv.gz'

export interface Markets {
  readonly training: Terms
  /** For whoever chooses settings; no figure of the report is from here. */
  readonly choosing: Terms
  /** Later bars of the same market, and others, by name. */
  readonly tests: Readonly<Record<string, Terms>>
  readonly data: Artifact['data']
  readonly isReal: boolean
}

/** Real bars of `directory` where they are there, or a market simulated from `seed`. */
export function openMarkets(directory: string | undefined, seed: number): Markets {
  return directory !== undefined && existsSync(join(directory, HOURLY))
    ? real(directory, seed)
    : simulated(seed)
}

function real(directory: string, seed: number): Markets {
  const bars = readBars(join(directory, HOURLY))
  const count = bars.at.length
  const end = Math.floor(count * TRAINING)
  const chosen = Math.floor(count * (TRAINING + CHOOSING))
  // Both are computed from the training part alone.
  const profile = profileOf(until(bars, end))
  const whole = trackOf(bars, profile)
  const training = sliceOf(whole, 0, end)
  const reversion = reversionOf(training)
  const choosing = sliceOf(whole, end + EMBARGO, chosen)
  const later = sliceOf(whole, chosen + EMBARGO, count)
  if ([training, choosing, later].some((part) => startsIn(part, MIX.steps).length === 0))
    throw new EphorError(
      'BARS_INVALID',
      `${bars.name}: ${count} bars are too few, or have too many gaps, to be cut in three`,
    )
  const minutes = join(directory, MINUTES)
  const perpetual = existsSync(minutes) ? joined(readBars(minutes), 5) : undefined
  return {
    training: termsOf(training, reversion),
    choosing: termsOf(choosing, reversion),
    tests: {
      'BTC/USD by the hour, later': termsOf(later, reversion),
      ...(perpetual === undefined
        ? {}
        : { 'BTC perpetual by five minutes': termsOf(trackOf(perpetual, profile), reversion) }),
      'simulated, under stress': termsOf(simulate(STRESSED, SIMULATED, seedOf(seed, 4)), reversion),
    },
    data: [manifestOf(bars), ...(perpetual === undefined ? [] : [manifestOf(perpetual)])],
    isReal: true,
  }
}

function simulated(seed: number): Markets {
  const [training, choosing, later, stressed] = [1, 2, 3]
    .map((part) => simulate(FIGURES, SIMULATED, seedOf(seed, part)))
    .concat(simulate(STRESSED, SIMULATED, seedOf(seed, 4))) as [Track, Track, Track, Track]
  const reversion = reversionOf(training)
  return {
    training: termsOf(training, reversion),
    choosing: termsOf(choosing, reversion),
    tests: {
      'simulated, another seed': termsOf(later, reversion),
      'simulated, under stress': termsOf(stressed, reversion),
    },
    data: [
      {
        name: training.name,
        sha256: digestOf({ figures: JSON.parse(JSON.stringify(FIGURES)), seed }),
        bars: SIMULATED,
        from: new Date(training.at[0] ?? 0).toISOString(),
        to: new Date(training.at.at(-1) ?? 0).toISOString(),
      },
    ],
    isReal: false,
  }
}

/** A market in which nothing ever changes: there Almgren and Chriss’s schedule is known to be the best. */
export function constantMarket(): Terms {
  const count = 400
  const column = (value: number): Float64Array => new Float64Array(count).fill(value)
  const track: Track = {
    name: 'constant',
    stepMs: 3_600_000,
    at: Float64Array.from({ length: count }, (_, index) => index * 3_600_000),
    volume: column(1000),
    usualVolume: column(1000),
    variance: column(1e-4),
    usualVariance: column(1e-4),
    run: Int32Array.from({ length: count }, (_, index) => index),
    halted: new Uint8Array(count),
    capFactor: column(1),
    profile: [],
  }
  // Caps that never bind.
  return {
    track,
    participation: 100,
    reversion: { volume: { persistence: 0, noise: 0 }, variance: { persistence: 0, noise: 0 } },
  }
}

function termsOf(track: Track, reversion: Reversion): Terms {
  return { track, reversion, participation: PARTICIPATION }
}

function until(bars: Bars, end: number): Bars {
  const { at, high, low, close, volume } = bars
  const cut = (column: Float64Array): Float64Array => column.subarray(0, end)
  return { ...bars, at: cut(at), high: cut(high), low: cut(low), close: cut(close), volume: cut(volume) }
}

function manifestOf({ name, sha256, at }: Bars): Artifact['data'][number] {
  const when = (index: number): string => new Date(at.at(index) ?? 0).toISOString()
  return { name, sha256, bars: at.length, from: when(0), to: when(-1) }
}
