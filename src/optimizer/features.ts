/** What a model sees of an order in a step: figures without units, so that one model serves instruments and sizes. */
import type { Bins } from './watch.ts'
import { kappaOf } from './schedules/almgren-chriss.ts'

/** In the order in which a model takes them. A model that names others, or in another order, is refused. */
export const FEATURES = [
  { name: 'timeLeft', unit: 'part of the horizon' },
  { name: 'inventoryLeft', unit: 'part of the order' },
  { name: 'urgency', unit: 'ln(1 + κT) over the steps left' },
  { name: 'least', unit: 'part of what is left' },
  { name: 'most', unit: 'part of what is left' },
  { name: 'untuned', unit: 'part of what is left that the schedule would send' },
  { name: 'volumeRatio', unit: 'ln of last volume over its usual' },
  { name: 'volumeTrend', unit: 'ln of last volume over the one before' },
  { name: 'profile', unit: 'ln of usual volume ahead over usual volume now' },
  { name: 'volatilityRatio', unit: 'ln of last volatility over its usual' },
  { name: 'deviation', unit: 'part of the order held above the straight line' },
] as const

/** Features that answer one question, by name: what an explanation tells apart. */
export const FEATURE_GROUPS = {
  time: [0],
  progress: [1, 10],
  urgency: [2],
  room: [3, 4],
  schedule: [5],
  volume: [6, 7, 8],
  volatility: [9],
} as const satisfies Readonly<Record<string, readonly number[]>>

/** How a model scales a feature, and the values that it saw in training. */
export interface FeatureScale {
  readonly mean: number
  readonly deviation: number
  /** Lowest and highest. */
  readonly support: readonly [number, number]
  /** What was seen, counted between its deciles. */
  readonly spread?: Bins | undefined
}

/** An order in a step, with what is known before it. */
export interface Situation {
  /** Steps of the horizon, and those that are left with this one. */
  readonly steps: number
  readonly stepsLeft: number
  /** Whole lots. */
  readonly lots: number
  readonly lotsLeft: number
  readonly lo: number
  readonly hi: number
  /** What the schedule would send now, in lots. */
  readonly untuned: number
  /** λσ²τ²/η by the last estimates. */
  readonly ratio: number
  /** Of the last bar, the one before, usual for the last, usual now, usual on average over the steps left; any unit of volume. */
  readonly volume: {
    readonly last: number
    readonly previous: number
    readonly usualThen: number
    readonly usualNow: number
    readonly usualAhead: number
  }
  /** Of the last bar, and usual; any unit of volatility. */
  readonly volatility: { readonly last: number; readonly usual: number }
}

/** Writes the features of `at` into `to`. What cannot be known comes out as NaN or infinite, which no model accepts. */
export function writeFeatures(at: Situation, to: Float64Array): void {
  const { steps, stepsLeft, lots, lotsLeft, volume, volatility } = at
  to[0] = stepsLeft / steps
  to[1] = lotsLeft / lots
  to[2] = Math.log1p(kappaOf(at.ratio) * stepsLeft)
  to[3] = at.lo / lotsLeft
  to[4] = at.hi / lotsLeft
  to[5] = at.untuned / lotsLeft
  to[6] = Math.log(volume.last / volume.usualThen)
  to[7] = Math.log(volume.last / volume.previous)
  to[8] = Math.log(volume.usualAhead / volume.usualNow)
  to[9] = Math.log(volatility.last / volatility.usual)
  to[10] = lotsLeft / lots - stepsLeft / steps
}
