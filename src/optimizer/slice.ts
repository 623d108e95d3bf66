/** How much of an order with a horizon a schedule sends now, from what is recorded of it: the same figures give the same lots, at any later time. */
import type { Liquidity, Plan, ScheduleName } from '../protocol/optimizer.ts'
import type { Span } from './action-map.ts'
import type { Situation } from './features.ts'
import { expectation } from './plan.ts'
import { REVERSION } from './reversion.ts'
import { heldAfter, kappaOf, ratioOf } from './schedules/almgren-chriss.ts'
import { solveCapped } from './schedules/capped.ts'
import { twap } from './schedules/twap.ts'

/** An order in one of its steps. */
export interface Moment {
  readonly plan: Plan
  readonly step: number
  /** Lots of the order that are left. */
  readonly left: number
  /** What bars say; `null` where they say nothing. */
  readonly liquidity: Liquidity | null
}

/** The step of a plan that `now` falls into; beyond the last where its time is over. */
export function stepAt({ begun, horizonMs, steps }: Plan, now: number): number {
  return Math.floor(((now - begun) * steps) / horizonMs)
}

/** When the step after `step` begins. */
export function reviewAfter({ begun, horizonMs, steps }: Plan, step: number): number {
  return begun + Math.ceil(((step + 1) * horizonMs) / steps)
}

/**
 * The lots that `schedule` sends now, within the region; every later step is taken to let as much pass as this one. Where bars say nothing, `expecting` is
 * `receding`, and `receding` goes by what the order said when it began. `undefined` where no figure comes out.
 */
export function lotsNow(schedule: ScheduleName, moment: Moment, region: Span): number | undefined {
  const wanted = Math.round(wantedNow(schedule, moment, region.hi))
  return Number.isSafeInteger(wanted) ? Math.min(Math.max(wanted, region.lo), region.hi) : undefined
}

function wantedNow(schedule: ScheduleName, moment: Moment, cap: number): number {
  const { plan, step, left } = moment
  const stepsLeft = plan.steps - step
  switch (schedule) {
    case 'twap':
      return twap(left, stepsLeft)[0] as number
    case 'almgren-chriss': {
      const held = heldAfter(kappaOf(ratioOf(plan.urgency, plan.steps)), plan.steps)[step] as number
      return left - Math.round(plan.lots * held)
    }
    case 'receding':
      return recedingNow(moment)
    case 'expecting':
      return moment.liquidity === null ? recedingNow(moment) : expectingNow(moment, moment.liquidity, cap)
  }
}

/**
 * Where impact, risk and caps are the same in all steps that are left, the first step of the capped problem is the first of the closed form, or the cap: what is
 * sent falls from step to step, so that where the first fits all others do, and where caps leave less room later no less is wanted now.
 */
function recedingNow(moment: Moment): number {
  const { plan, step, left } = moment
  const stepsLeft = plan.steps - step
  const held = heldAfter(kappaOf(ratioNow(moment)), stepsLeft)[0] as number
  return left * (1 - held)
}

/** λσ²τ²/η now: as the order asked for, and as volume and variance have changed since it began. */
export function ratioNow({ plan, liquidity }: Pick<Moment, 'plan' | 'liquidity'>): number {
  const asked = ratioOf(plan.urgency, plan.steps)
  const { usualVolume, usualVariance } = plan
  if (liquidity === null || usualVolume === null || usualVariance === null) return asked
  return (asked * liquidity.usualVarianceNow * liquidity.usualNow) / (usualVariance * usualVolume)
}

/**
 * The problem with impact and risk that return to what is usual. Without caps the least cost from step k on is c_k x² with c_k = a(b + c)/(a + b + c) for impact
 * a, risk b and c of the step after, and the part of x that is sent is (b + c)/(a + b + c): Riccati's recursion, as in Bertsekas, Dynamic Programming and Optimal
 * Control I (2005), section 4.1. Only where a step would pass the cap is the capped problem solved.
 */
function expectingNow(moment: Moment, liquidity: Liquidity, cap: number): number {
  const { plan, step, left } = moment
  const stepsLeft = plan.steps - step
  const volumeState = Math.log(liquidity.volume / liquidity.usualThen)
  const riskState = Math.log(liquidity.variance / liquidity.usualVarianceThen)
  const ratio = ratioNow(moment)
  const impact = new Float64Array(stepsLeft)
  const risk = new Float64Array(stepsLeft)
  for (let ahead = 0; ahead < stepsLeft; ahead += 1) {
    // Impact is in inverse proportion to volume, whose logarithm has the same spread with the other sign.
    impact[ahead] = expectation(REVERSION.volume, -volumeState, ahead + 1)
    risk[ahead] = ratio * expectation(REVERSION.variance, riskState, ahead + 1)
  }
  const parts = new Float64Array(stepsLeft)
  parts[stepsLeft - 1] = 1
  let after = impact[stepsLeft - 1] as number
  for (let ahead = stepsLeft - 2; ahead >= 0; ahead -= 1) {
    const sending = impact[ahead] as number
    const holding = (risk[ahead] as number) + after
    parts[ahead] = holding / (sending + holding)
    after = (sending * holding) / (sending + holding)
  }
  let rest = left
  for (let ahead = 0; ahead < stepsLeft; ahead += 1) {
    const sent = rest * (parts[ahead] as number)
    if (sent > cap) return cappedNow(left, impact, risk, cap)
    rest -= sent
  }
  return left * (parts[0] as number)
}

function cappedNow(left: number, impact: Float64Array, risk: Float64Array, cap: number): number {
  const caps = Array.from(impact, () => cap)
  return solveCapped({ lots: left, impact: [...impact], risk: [...risk], caps })?.[0] ?? cap
}

/** What a model is shown of a step, where the schedule would send `scheduled` lots; `undefined` where bars say nothing. */
export function situationOf(moment: Moment, { lo, hi }: Span, scheduled: number): Situation | undefined {
  const { plan, step, left, liquidity } = moment
  if (liquidity === null) return undefined
  const { volume, previousVolume, usualThen, usualNow, variance, usualVarianceThen } = liquidity
  return {
    steps: plan.steps,
    stepsLeft: plan.steps - step,
    lots: plan.lots,
    lotsLeft: left,
    lo,
    hi,
    untuned: scheduled,
    ratio: ratioNow(moment),
    // No feeder tells how volume goes with the hour of the day.
    volume: { last: volume, previous: previousVolume, usualThen, usualNow, usualAhead: usualNow },
    volatility: { last: Math.sqrt(variance), usual: Math.sqrt(usualVarianceThen) },
  }
}
