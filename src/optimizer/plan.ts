/** What an order would send in a step by a schedule alone, with what is known by then: what is tuned from, and what ships where no model is better. */
import { z } from 'zod'
import type { Span } from './action-map.ts'
import { kappaOf, partsHeld } from './schedules/almgren-chriss.ts'
import { STEPS_MAX, type Problem } from './schedules/problem.ts'
import { recedingLots } from './schedules/receding.ts'
import { twap } from './schedules/twap.ts'
import { vwap } from './schedules/vwap.ts'

/** From the plainest to the one that expects most. */
export const SCHEDULES = ['TWAP', 'VWAP', 'AC', 'receding AC', 'receding AC, expecting'] as const
export type Schedule = (typeof SCHEDULES)[number]

/** What plain receding AC is: all others have to be cheaper than it. */
export const YARDSTICK: Schedule = 'receding AC'

const Persistence = z.strictObject({
  persistence: z.number().min(0).max(0.999).describe('Of the logarithm, from one bar to the next'),
  noise: z.number().min(0).max(10).describe('Deviation of the logarithm in one bar'),
})

/** A schedule, and the figures by which it expects volume and variance to return to what is usual. */
export const Plan = z.strictObject({
  schedule: z.enum(SCHEDULES),
  barMs: z.int().min(1000).max(86_400_000).describe('Milliseconds of a bar, which is a step'),
  halfLifeBars: z
    .number()
    .min(1)
    .max(10_000)
    .describe('Bars after which half of what was usual is forgotten'),
  stepsMax: z.int().min(1).max(STEPS_MAX).describe('Longer horizons are not planned'),
  volume: Persistence,
  variance: Persistence,
  profile: z
    .array(z.number().min(-10).max(10))
    .length(24)
    .describe('ln of usual volume in each hour of the day (UTC), over that of the day'),
})
export type Plan = z.infer<typeof Plan>

/** What is known of a market before a step; any unit of volume, variance relative, of one bar. */
export interface Market {
  /** Of the last bar, and what was usual for it. */
  readonly lastVolume: number
  readonly lastUsualVolume: number
  readonly lastVariance: number
  readonly lastUsualVariance: number
  /** Usual for this step and those after it, by the hour of the day. */
  readonly usualVolumes: readonly number[]
  /** Usual now. */
  readonly usualVariance: number
  /** Usual when the order began. */
  readonly begunVolume: number
  readonly begunVariance: number
}

/** An order before a step. */
export interface Pending {
  /** Whole lots, of the order and still left. */
  readonly lots: number
  readonly left: number
  /** Of the horizon, in bars. */
  readonly steps: number
  /** λσ²τ²/η as it was when the order began: `ratioOf` its urgency. */
  readonly ratio: number
  /** The most that may be sent in each step that is left, in whole lots, this one first. */
  readonly caps: readonly number[]
}

/** What is expected of the steps that are left, the first is now; each is worked out for whoever asks. */
export interface Outlook {
  /** As if what is usual held from now on. */
  readonly flat: () => Problem
  /** As liquidity and risk return to what is usual, by the hour of the day. */
  readonly expected: () => Problem
}

/** The problem that is left, where a lot² in the step in which the order began usually costs `unit`. */
export function outlookOf(
  plan: Pick<Plan, 'volume' | 'variance'>,
  market: Market,
  order: Pending,
  unit = 1,
): Outlook {
  const { left, ratio, caps } = order
  const { usualVolumes, usualVariance, begunVolume, begunVariance } = market
  const steps = caps.length
  const impactAt = (volume: number): number => (unit * begunVolume) / volume
  const risk = (unit * ratio * usualVariance) / begunVariance
  return {
    flat: () => {
      const impact = impactAt(usualVolumes[0] ?? Number.NaN)
      return { lots: left, impact: repeated(impact, steps), risk: repeated(risk, steps), caps }
    },
    expected: () => {
      const volumeState = Math.log(market.lastVolume / market.lastUsualVolume)
      const varianceState = Math.log(market.lastVariance / market.lastUsualVariance)
      const volumes = returnOf(plan.volume, steps)
      const variances = returnOf(plan.variance, steps)
      const impacts: number[] = []
      const risks: number[] = []
      for (let step = 0; step < steps; step += 1) {
        const usual = impactAt(usualVolumes[step] ?? Number.NaN)
        impacts.push(usual * expectation(volumes, -volumeState, step))
        risks.push(risk * expectation(variances, varianceState, step))
      }
      return { lots: left, impact: impacts, risk: risks, caps }
    },
  }
}

/** `value` for each of so many steps. */
export function repeated(value: number, steps: number): number[] {
  const values: number[] = []
  for (let step = 0; step < steps; step += 1) values.push(value)
  return values
}

/** How a process returns: `n` steps after a state x it is normal with mean φⁿx and variance s²(1−φ²ⁿ)/(1−φ²). */
interface Return {
  /** φⁿ, from one step on. */
  readonly kept: readonly number[]
  readonly spread: readonly number[]
}

/** They are the same for every order, and powers are dear, so they are kept for whoever asks with the same figures again. */
const returns = new WeakMap<Plan['volume'], Return>()

function returnOf(process: Plan['volume'], steps: number): Return {
  const known = returns.get(process)
  if (known !== undefined && known.kept.length >= steps) return known
  const { persistence, noise } = process
  const kept: number[] = []
  const spread: number[] = []
  for (let step = 0; step < steps; step += 1) {
    const left = persistence ** (step + 1)
    kept.push(left)
    spread.push((noise * noise * (1 - left * left)) / (1 - persistence * persistence))
  }
  const found = { kept, spread }
  returns.set(process, found)
  return found
}

/** What e to the state of a process is expected to be in the step after `step` more, where the state is `state`. */
function expectation({ kept, spread }: Return, state: number, step: number): number {
  return Math.exp((kept[step] as number) * state + (spread[step] as number) / 2)
}

/**
 * The lots that `schedule` would send now, within the region. `undefined` where what is known makes no problem that can be solved: then the order stays as it is.
 */
export function scheduledLots(
  schedule: Schedule,
  outlook: Outlook,
  order: Pending,
  { lo, hi }: Span,
): number | undefined {
  if (!isPending(order)) return undefined
  const wanted = wantedLots(schedule, outlook, order)
  return wanted === undefined || !Number.isSafeInteger(wanted)
    ? undefined
    : Math.min(Math.max(wanted, lo), hi)
}

function isPending({ lots, left, steps, ratio, caps }: Pending): boolean {
  return (
    Number.isSafeInteger(lots) &&
    Number.isSafeInteger(left) &&
    left >= 0 &&
    left <= lots &&
    Number.isSafeInteger(steps) &&
    steps <= STEPS_MAX &&
    caps.length > 0 &&
    caps.length <= steps &&
    ratio >= 0 &&
    Number.isFinite(ratio)
  )
}

function wantedLots(
  schedule: Schedule,
  { flat, expected }: Outlook,
  { lots, left, steps, ratio, caps }: Pending,
): number | undefined {
  switch (schedule) {
    case 'TWAP':
      return twap(left, caps.length)[0]
    case 'VWAP':
      return vwap(
        left,
        expected().impact.map((impact) => 1 / impact),
      )[0]
    case 'AC': {
      // The closed form as it was when the order began; what a cap held back is caught up with.
      const held = partsHeld(kappaOf(ratio), steps)[steps - caps.length]
      return held === undefined ? undefined : left - Math.round(lots * held)
    }
    case 'receding AC':
      return recedingLots(flat())
    case 'receding AC, expecting':
      return recedingLots(expected())
  }
}
