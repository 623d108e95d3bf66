/** How well agents did: Sharpe ratio, maximum drawdown and uptime, from what feeders reported. */

/** A Sharpe ratio with the number of returns it rests on, or why there is none. */
export type Sharpe =
  | { readonly known: true; readonly value: number; readonly periods: number }
  | {
      readonly known: false
      readonly why: 'too few returns' | 'no volatility' | 'not finite'
      readonly periods: number
    }

/** Deviations below this share of the largest return are rounding, not volatility. */
const ROUNDING = 1e-9

/**
 * The annualised Sharpe ratio of periodic returns (0.01 is 1 %): the mean of the returns above `riskFree` (per period), over their sample
 * standard deviation (n − 1), times the square root of the periods in a year.
 *
 * W. F. Sharpe, “The Sharpe Ratio”, The Journal of Portfolio Management 21 (1), 1994: the ex post ratio, and time dependence: over T
 * periods of returns without serial correlation it grows with √T. Needs two returns at least. Where returns do not vary beyond rounding there is
 * no ratio: dividing by such a deviation would make a constant return the best of all.
 */
export function sharpe(returns: readonly number[], periodsPerYear: number, riskFree = 0): Sharpe {
  const periods = returns.length
  if (!(periodsPerYear > 0) || !Number.isFinite(riskFree + periodsPerYear) || !returns.every(Number.isFinite))
    return { known: false, why: 'not finite', periods }
  if (periods < 2) return { known: false, why: 'too few returns', periods }
  let sum = 0
  let largest = 0
  for (const value of returns) {
    sum += value - riskFree
    largest = Math.max(largest, Math.abs(value))
  }
  const mean = sum / periods
  let squares = 0
  for (const value of returns) squares += (value - riskFree - mean) * (value - riskFree - mean)
  const deviation = Math.sqrt(squares / (periods - 1))
  if (deviation <= ROUNDING * largest) return { known: false, why: 'no volatility', periods }
  const value = (mean / deviation) * Math.sqrt(periodsPerYear)
  return Number.isFinite(value)
    ? { known: true, value, periods }
    : { known: false, why: 'not finite', periods }
}

/** Returns from one equity to the next; `undefined` where an equity is not a finite number above zero, since then no return can be told. */
export function returnsOf(equity: readonly number[]): number[] | undefined {
  if (!equity.every((value) => Number.isFinite(value) && value > 0)) return undefined
  return equity.slice(1).map((value, index) => value / (equity[index] ?? value) - 1)
}

/**
 * The maximum drawdown of an equity curve: the largest of (peak − equity) / peak over all its points, the peak being the highest equity
 * until then. From 0 to 1: an equity below zero counts as zero. `undefined` where nothing is known: no points, one that is not finite,
 * or a first one that is not above zero.
 */
export function maximumDrawdown(equity: readonly number[]): number | undefined {
  let peak = equity[0] ?? 0
  if (!(peak > 0) || !equity.every(Number.isFinite)) return undefined
  let worst = 0
  for (const value of equity) {
    peak = Math.max(peak, value)
    worst = Math.max(worst, (peak - Math.max(value, 0)) / peak)
  }
  return worst
}

/** A stretch of time, `to` not included, in milliseconds since 1970. */
export interface Span {
  readonly from: number
  readonly to: number
}

/**
 * The share of `window` in which an agent was up: within `everyMs` after one of its heartbeats. Beats in any order; a beat before the
 * window counts for as long as it reaches into it. `undefined` where the window or the interval is no stretch of time, or a beat is no time.
 */
export function uptime(beats: readonly number[], window: Span, everyMs: number): number | undefined {
  const length = window.to - window.from
  if (!(length > 0) || !Number.isFinite(length) || !(everyMs > 0) || !beats.every(Number.isFinite))
    return undefined
  let up = 0
  let reached = window.from
  for (const beat of beats.toSorted((a, b) => a - b)) {
    const from = Math.max(beat, reached)
    const to = Math.min(beat + everyMs, window.to)
    if (to <= from) continue
    up += to - from
    reached = to
  }
  return up / length
}
