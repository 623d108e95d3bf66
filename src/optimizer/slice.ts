/** How much of an order with a horizon a schedule sends now, from what is recorded of it: the same figures give the same lots, at any later time. */
import type { Liquidity, Plan, ScheduleName } from '../protocol/optimizer.ts'
import type { Span } from './action-map.ts'
import type { Situation } from './features.ts'
import { outlookOf, repeated, scheduledLots, type Market, type Pending, type Schedule } from './plan.ts'
import { REVERSION } from './reversion.ts'
import { ratioOf } from './schedules/almgren-chriss.ts'

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
  const { plan, step, left, liquidity } = moment
  const order: Pending = {
    lots: plan.lots,
    left,
    steps: plan.steps,
    ratio: ratioOf(plan.urgency, plan.steps),
    caps: repeated(region.hi, plan.steps - step),
  }
  const outlook = outlookOf(REVERSION, marketOf(plan, liquidity, order.caps.length), order)
  return scheduledLots(scheduleOf(schedule, liquidity), outlook, order, region)
}

function scheduleOf(name: ScheduleName, liquidity: Liquidity | null): Schedule {
  switch (name) {
    case 'twap':
      return 'TWAP'
    case 'almgren-chriss':
      return 'AC'
    case 'receding':
      return 'receding AC'
    case 'expecting':
      return liquidity === null ? 'receding AC' : 'receding AC, expecting'
  }
}

/** A market of which nothing is known: it is as usual, and stays so. */
const AS_USUAL = { lastVolume: 1, lastUsualVolume: 1, lastVariance: 1, lastUsualVariance: 1 }

/** What bars say of the market, beside what they said when the order began. */
function marketOf(plan: Plan, liquidity: Liquidity | null, steps: number): Market {
  if (liquidity === null)
    return {
      ...AS_USUAL,
      usualVolumes: repeated(1, steps),
      usualVariance: 1,
      begunVolume: 1,
      begunVariance: 1,
    }
  const { volume, usualThen, usualNow, variance, usualVarianceThen, usualVarianceNow } = liquidity
  const { usualVolume, usualVariance } = plan
  const isKnown = usualVolume !== null && usualVariance !== null
  return {
    lastVolume: volume,
    lastUsualVolume: usualThen,
    lastVariance: variance,
    lastUsualVariance: usualVarianceThen,
    // No feeder tells how volume goes with the hour of the day.
    usualVolumes: repeated(usualNow, steps),
    usualVariance: usualVarianceNow,
    begunVolume: isKnown ? usualVolume : usualNow,
    begunVariance: isKnown ? usualVariance : usualVarianceNow,
  }
}

/** λσ²τ²/η now: as the order asked for, and as volume and variance have changed since it began. */
export function ratioNow({ plan, liquidity }: Pick<Moment, 'plan' | 'liquidity'>): number {
  const asked = ratioOf(plan.urgency, plan.steps)
  const { usualVolume, usualVariance } = plan
  if (liquidity === null || usualVolume === null || usualVariance === null) return asked
  return (asked * liquidity.usualVarianceNow * liquidity.usualNow) / (usualVariance * usualVolume)
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
    volume: { last: volume, previous: previousVolume, usualThen, usualNow, usualAhead: usualNow },
    volatility: { last: Math.sqrt(variance), usual: Math.sqrt(usualVarianceThen) },
  }
}
