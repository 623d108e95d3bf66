/** A live run that is simulated: what an A/B test and a shadow would show of a policy, from prices that move by themselves. */
import { seeded } from '../../base/random.ts'
import { gaussian, seedOf } from './chance.ts'
import { Execution, type Order, type Terms } from './execution.ts'
import { ordersOf } from './evaluate.ts'
import { MIX } from './orders.ts'
import type { Policy } from './policies.ts'
import type { Estimate } from './statistics.ts'

/** After so many orders: how much less the tried policy cost, as a part of what the other did. */
export interface Reading {
  readonly orders: number
  /** Each order went one way or the other, by lot; what it realised, prices and all. */
  readonly split: Estimate
  /** Each order went the old way; what the new one would have cost on the same bars. */
  readonly shadow: Estimate
}

export interface LiveRun {
  readonly readings: readonly Reading[]
  /** Orders that the tried policy would have sent otherwise in some step. */
  readonly differing: number
  /** Orders after which each interval left zero aside for good; `undefined` where it never did. */
  readonly decided: { readonly split: number | undefined; readonly shadow: number | undefined }
}

/** Readings are taken at these counts. */
const AT = [50, 100, 200, 500, 1000, 2000, 5000, 10_000]
/** How far a price moves on its own against what sending costs: deviations of its moves, in what an order costs on average. */
const NOISE = 1

/** Runs orders of `terms` with `tried` against `usual`. */
export function simulateLive(
  terms: Terms,
  tried: Policy,
  usual: Policy,
  count: number,
  seed: number,
): LiveRun {
  const orders = ordersOf(terms, count, MIX, seedOf(seed, 1))
  const lot = seeded(seedOf(seed, 2))
  const normal = gaussian(seeded(seedOf(seed, 3)))
  const arms = { tried: moments(), usual: moments() }
  const [pairs, base] = [moments(), moments()]
  const readings: Reading[] = []
  let differing = 0
  for (const [index, order] of orders.entries()) {
    const [one, other] = [run(terms, order, tried), run(terms, order, usual)]
    const took = lot() < 0.5 ? 'tried' : 'usual'
    const { cost, risk } = took === 'tried' ? one : other
    // What is realised has the price’s own way in it, by what was held and for how long.
    add(arms[took], cost + NOISE * Math.sqrt(risk) * normal())
    add(pairs, other.cost - one.cost)
    add(base, other.cost)
    if (one.sent !== other.sent) differing += 1
    if (AT.includes(index + 1))
      readings.push({ orders: index + 1, split: welch(arms.usual, arms.tried), shadow: paired(pairs, base) })
  }
  const decidedBy = (which: 'split' | 'shadow'): number | undefined => {
    const last = readings.findLastIndex((reading) => reading[which].low <= 0 && reading[which].high >= 0)
    return readings[last + 1]?.orders
  }
  return { readings, differing, decided: { split: decidedBy('split'), shadow: decidedBy('shadow') } }
}

function run(terms: Terms, order: Order, policy: Policy): { cost: number; risk: number; sent: string } {
  const execution = new Execution(terms, order)
  let [cost, risk] = [0, 0]
  const sent: number[] = []
  while (!execution.isDone) {
    const caps = execution.caps()
    const lots = policy(execution, execution.region(caps), caps)
    sent.push(lots)
    cost += execution.send(lots)
    // What is held over a step, as a part of the order.
    risk += (execution.left / order.lots) ** 2
  }
  return { cost, risk: risk / order.steps, sent: sent.join() }
}

interface Moments {
  count: number
  mean: number
  squares: number
}
const moments = (): Moments => ({ count: 0, mean: 0, squares: 0 })

/** B. P. Welford, Technometrics 4 (1962). */
function add(to: Moments, value: number): void {
  to.count += 1
  const away = value - to.mean
  to.mean += away / to.count
  to.squares += away * (value - to.mean)
}

const varianceOfMean = ({ count, squares }: Moments): number => squares / (count - 1) / count

/** The difference of two means by B. L. Welch (Biometrika 34, 1947), as a part of the first. */
function welch(usual: Moments, tried: Moments): Estimate {
  const half = 1.96 * Math.sqrt(varianceOfMean(usual) + varianceOfMean(tried))
  return part(usual.mean - tried.mean, half, usual.mean)
}

function paired(pairs: Moments, base: Moments): Estimate {
  return part(pairs.mean, 1.96 * Math.sqrt(varianceOfMean(pairs)), base.mean)
}

const part = (value: number, half: number, of: number): Estimate => ({
  value: value / of,
  low: (value - half) / of,
  high: (value + half) / of,
})
