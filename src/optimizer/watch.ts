/** Watches a model at work: whether it is asked about what it was trained on, how often it says nothing, and whether it costs more than its schedule. Pure and bounded. */

/** How values of a feature were spread in training: counts between edges, below the first and above the last among them. */
export interface Bins {
  /** Rising. */
  readonly edges: readonly number[]
  /** One more than there are edges. */
  readonly counts: readonly number[]
}

/** Situations that are looked at together. */
export const LOOK = 200
/** The chance that a look at situations like those of training finds a drift, over all features. */
export const DRIFT_CHANCE = 0.001

/** Bins of at most ten parts with about as many of `values` in each. */
export function binsOf(values: readonly number[]): Bins {
  const sorted = values.toSorted((a, b) => a - b)
  const decile = (tenth: number): number => sorted[Math.floor((tenth * sorted.length) / 10)] as number
  const edges = [...new Set([1, 2, 3, 4, 5, 6, 7, 8, 9].map(decile))]
  const counts = Array.from({ length: edges.length + 1 }, () => 0)
  for (const value of values) {
    const bin = binOf(edges, value)
    counts[bin] = (counts[bin] as number) + 1
  }
  return { edges, counts }
}

/** The bin that `value` falls into: an edge belongs to the bin above it. */
export function binOf(edges: readonly number[], value: number): number {
  let bin = 0
  while (bin < edges.length && value >= (edges[bin] as number)) bin += 1
  return bin
}

/**
 * The population stability index Σ (q − p) ln(q / p) of `counts` against `reference`, with half a case more in each bin so that none is empty.
 */
export function stabilityIndex(counts: readonly number[], reference: readonly number[]): number {
  const shares = (of: readonly number[]): number[] => {
    const total = of.reduce((sum, count) => sum + count + 0.5, 0)
    return of.map((count) => (count + 0.5) / total)
  }
  const before = shares(reference)
  return shares(counts).reduce((sum, q, bin) => {
    const p = before[bin] as number
    return sum + (q - p) * Math.log(q / p)
  }, 0)
}

/**
 * The index that samples of `n` and `m` cases from one distribution pass with the chance `normal` deviations stand for. The index is then nearly (1/n + 1/m) times
 * a χ² of one degree fewer than bins (B. Yurdakul, Statistical Properties of the Population Stability Index, 2018); its quantile is Wilson and Hilferty's,
 * k (1 − 2/(9k) + z √(2/(9k)))³ (PNAS 17, 1931).
 */
export function stabilityLimit(bins: number, n: number, m: number, normal: number): number {
  const degrees = bins - 1
  if (degrees < 1) return Number.POSITIVE_INFINITY
  const spread = 2 / (9 * degrees)
  return (1 / n + 1 / m) * degrees * (1 - spread + normal * Math.sqrt(spread)) ** 3
}

/** The normal quantile of 1 − 0.001/11: the chance of a look, shared by eleven features (Bonferroni). */
export const NORMAL_OF_LOOK = 3.745

/** Asks that are counted together, and how many of them may go without an answer. */
export const ASKS = 100
export const UNANSWERED_MOST = 50

/**
 * A bet that a model costs more than its schedule. The wealth is multiplied with 1 + λd by each relative difference d of costs in [−1, 1], λ in [0, ½] known
 * before it. While d is zero or below in the mean of what is known before, wealth is a supermartingale, so that it ever reaches 1/α with a chance of at most α, however
 * long it is watched (J. Ville, 1939). λ is the growth-optimal one of the mean and spread so far, as in I. Waudby-Smith and A. Ramdas, Estimating means
 * of bounded random variables by betting (JRSS B 86, 2024), section 5, with older differences forgotten.
 */
export interface Bet {
  /** Logarithm of the wealth. */
  readonly wealth: number
  readonly mean: number
  readonly square: number
  readonly count: number
}

export const NO_BET: Bet = { wealth: 0, mean: 0, square: 0, count: 0 }

/** How often a model that costs no more than its schedule is ever found to. */
export const COST_CHANCE = 0.01
const WEALTH_LIMIT = Math.log(1 / COST_CHANCE)
const STAKE_MOST = 0.5
/** Differences after which half is forgotten. */
const KEEP = 0.5 ** (1 / 200)
/** Before anything is known a difference spreads so much. */
const PRIOR = 0.05

/** The bet after a difference; what is no number is none. */
export function after({ wealth, mean, square, count }: Bet, difference: number): Bet {
  if (Number.isNaN(difference)) return { wealth, mean, square, count }
  const d = Math.min(Math.max(difference, -1), 1)
  const spread = Math.max(PRIOR / (count + 1), square)
  const stake = Math.min(Math.max(mean / spread, 0), STAKE_MOST)
  const keep = count === 0 ? 0 : Math.min(KEEP, count / (count + 1))
  return {
    wealth: wealth + Math.log1p(stake * d),
    mean: keep * mean + (1 - keep) * d,
    square: keep * square + (1 - keep) * d * d,
    count: count + 1,
  }
}

export function isLost({ wealth }: Bet): boolean {
  return wealth >= WEALTH_LIMIT
}

/** A slice as a model chose it, and what its schedule would have sent of the same `left` lots. */
interface Slip {
  readonly left: number
  readonly sent: number
  readonly scheduled: number
  readonly stepsLeft: number
  /** λσ²τ²/η by what was usual. */
  readonly ratio: number
}

/**
 * What a slice cost more than its schedule's would have, as a part of what the schedule makes of all that was left: with `impact` and `risk` of the step as they turned
 * out, as parts of the usual ones, and the rest sent by the schedule in either way. Such differences of single steps add up to the difference of whole orders (S. Kakade
 * and J. Langford, Approximately optimal approximate reinforcement learning, 2002, lemma 6.1).
 */
export function differenceOf(
  { left, sent, scheduled, stepsLeft, ratio }: Slip,
  impact: number,
  risk: number,
): number {
  const later = leastCost(ratio, stepsLeft - 1)
  const costOf = (now: number): number => impact * now * now + (risk * ratio + later) * (left - now) ** 2
  return (costOf(sent) - costOf(scheduled)) / (leastCost(ratio, stepsLeft) * left * left)
}

/** c of the least cost c·x² of x lots in so many steps, a lot² costing 1: c = (b + c')/(1 + b + c'), and 1 in the last; without steps what is left cannot be sent. */
function leastCost(ratio: number, steps: number): number {
  if (steps < 1) return LEFT_COST
  let cost = 1
  for (let step = 1; step < steps; step += 1) cost = (ratio + cost) / (1 + ratio + cost)
  return cost
}

/** What is left at the deadline goes at four times the usual impact, as in training. */
const LEFT_COST = 4
