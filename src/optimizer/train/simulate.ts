/** A market from a seed, where no data is at hand and for what days rarely show: liquidity and risk that move, jumps, gaps, halts, caps that change. */
import { seeded } from '../../base/random.ts'
import type { Bars } from './bars.ts'
import { gaussian } from './chance.ts'
import { trackOf, type Profile, type Reversion, type Track } from './track.ts'

/** What a market is like. */
export interface Figures {
  readonly reversion: Reversion
  /** Of the noises of volume and variance. */
  readonly correlation: number
  readonly profile: Profile
  /** Usual variance of a bar, relative. */
  readonly variance: number
  /** Probabilities in a bar. A jump multiplies its variance by 16 and its volume by 3; volume dries up to a tenth; a gap leaves a bar out. */
  readonly jump: number
  readonly drought: number
  readonly gap: number
  /** Of a halt of two bars, and of a change of all caps to the half, or back, that stays. */
  readonly halt: number
  readonly capChange: number
}

/** Read off the first 65 % of hourly bars of BTC/USD from 2018-05 on, to two digits. How often rare things happen is a guess. */
export const FIGURES: Figures = {
  reversion: {
    volume: { persistence: 0.5, noise: 0.68 },
    variance: { persistence: 0.36, noise: 0.98 },
  },
  correlation: 0.6,
  profile: [
    -0.03, -0.23, -0.3, -0.39, -0.32, -0.3, -0.18, -0.04, 0.12, 0.11, 0.17, 0.15, 0.25, 0.29, 0.32, 0.32,
    0.32, 0.11, -0.01, 0.03, 0.07, -0.15, -0.16, -0.15,
  ],
  variance: 4e-5,
  jump: 0.004,
  drought: 0.004,
  gap: 0.0005,
  halt: 0.001,
  capChange: 0.004,
}

/** The same market as it is under stress. */
export const STRESSED: Figures = { ...FIGURES, jump: 0.04, drought: 0.06, halt: 0.015, capChange: 0.04 }

const HOUR_MS = 3_600_000
const EPOCH = Date.UTC(2020, 0, 1)

/** `count` hourly bars of a market, the same for the same seed. */
export function simulate(figures: Figures, count: number, seed: number): Track {
  const chance = seeded(seed)
  const normal = gaussian(chance)
  const { reversion, correlation, profile } = figures
  const columns = {
    at: [] as number[],
    high: [] as number[],
    low: [] as number[],
    close: [] as number[],
    volume: [] as number[],
  }
  let [volumeState, varianceState, price, hour] = [0, 0, 100, 0]
  while (columns.at.length < count) {
    const common = normal()
    const own = normal()
    const mixed = correlation * common + Math.sqrt(1 - correlation * correlation) * own
    volumeState = reversion.volume.persistence * volumeState + reversion.volume.noise * common
    varianceState = reversion.variance.persistence * varianceState + reversion.variance.noise * mixed
    const isJump = chance() < figures.jump
    const isDry = chance() < figures.drought
    const variance = figures.variance * Math.exp(varianceState) * (isJump ? 16 : 1)
    const volume =
      1000 * Math.exp(volumeState + (profile[hour % 24] ?? 0)) * (isJump ? 3 : 1) * (isDry ? 0.1 : 1)
    const range = Math.sqrt(variance * 4 * Math.LN2)
    price *= Math.exp(Math.sqrt(variance) * normal())
    if (chance() >= figures.gap) {
      columns.at.push(EPOCH + hour * HOUR_MS)
      columns.high.push(price * Math.exp(range / 2))
      columns.low.push(price * Math.exp(-range / 2))
      columns.close.push(price)
      columns.volume.push(volume)
    }
    hour += 1
  }
  const bars: Bars = {
    name: `simulated-${seed}`,
    sha256: '0'.repeat(64),
    stepMs: HOUR_MS,
    at: Float64Array.from(columns.at),
    high: Float64Array.from(columns.high),
    low: Float64Array.from(columns.low),
    close: Float64Array.from(columns.close),
    volume: Float64Array.from(columns.volume),
    dropped: 0,
  }
  const track = trackOf(bars, profile)
  return disturbed(track, figures, chance)
}

/** Halts of two bars, and caps that change and stay changed. */
function disturbed(track: Track, { halt, capChange }: Figures, chance: () => number): Track {
  const halted = new Uint8Array(track.at.length)
  const capFactor = new Float64Array(track.at.length)
  let factor = 1
  for (let index = 0; index < halted.length; index += 1) {
    if (chance() < halt) halted.fill(1, index, index + 2)
    if (chance() < capChange) factor = factor === 1 ? 0.5 : 1
    capFactor[index] = factor
  }
  return { ...track, halted, capFactor }
}
