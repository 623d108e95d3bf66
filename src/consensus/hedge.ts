/**
 * Exponential weights over a grid of (α, β, γ), also called Hedge: Y. Freund and R. E. Schapire, "A decision-theoretic generalization of on-line learning and an application
 * to boosting", JCSS 55 (1997); the bounds are those of N. Cesa-Bianchi and G. Lugosi, Prediction, Learning, and Games (2006), theorem 2.2.
 */

/** Shares of α, β and γ, in whole parts of the grid; together the grid. */
export type Vector = readonly [number, number, number]

/** All ways to share out `parts` among three: (parts + 1)(parts + 2) / 2 of them. */
export function simplexGrid(parts: number): Vector[] {
  return Array.from({ length: parts + 1 }, (_, alpha) =>
    Array.from({ length: parts + 1 - alpha }, (__, beta): Vector => [alpha, beta, parts - alpha - beta]),
  ).flat()
}

/** One round: what each expert lost, from 0 to 1, and how many rounds that opened before it were not known yet. */
export interface Loss {
  readonly losses: readonly number[]
  /** Of the rounds before it, the places of those whose outcome was known when it opened. */
  readonly known: readonly number[]
}

export interface Hedged {
  /** Expected loss of drawing an expert by the weights of each round, over all rounds. */
  readonly loss: number
  /** What the best expert lost, and its place. */
  readonly best: { readonly place: number; readonly loss: number }
  readonly regret: number
  /** No sequence of losses can make the regret larger. */
  readonly bound: number
  /** Of all rounds, after the last. */
  readonly weights: readonly number[]
}

/**
 * Runs Hedge over rounds in the order in which they opened, each by what was known then. The rate is √(8 ln K / T). With all known at once the regret is at most √(T ln K / 2).
 * Each round that was missing moved the weights by a factor between e^−η and 1, and so the expected loss by η at most: that is added to the bound for each.
 */
export function hedge(rounds: readonly Loss[], experts: number): Hedged {
  const rate = Math.sqrt((8 * Math.log(experts)) / Math.max(1, rounds.length))
  const total = new Float64Array(experts)
  let loss = 0
  let missing = 0
  for (const [place, { losses, known }] of rounds.entries()) {
    const seen = new Float64Array(experts)
    for (const before of known)
      for (let expert = 0; expert < experts; expert += 1)
        seen[expert] = (seen[expert] as number) + (rounds[before]?.losses[expert] ?? 0)
    missing += place - known.length
    const weights = softmin(seen, rate)
    for (let expert = 0; expert < experts; expert += 1) {
      const own = losses[expert] ?? 1
      loss += (weights[expert] as number) * own
      total[expert] = (total[expert] as number) + own
    }
  }
  const least = Math.min(...total)
  return {
    loss,
    best: { place: total.indexOf(least), loss: least },
    regret: loss - least,
    bound: rounds.length === 0 ? 0 : Math.sqrt((rounds.length * Math.log(experts)) / 2) + rate * missing,
    weights: [...softmin(total, rate)],
  }
}

/** Weights in proportion to e^(−rate · loss), together 1. */
function softmin(losses: Float64Array, rate: number): Float64Array {
  // The least goes to one, so that nothing overflows and something is left.
  const least = losses.reduce((low, loss) => Math.min(low, loss), Number.POSITIVE_INFINITY)
  const raw = losses.map((loss) => Math.exp(-rate * (loss - least)))
  const sum = raw.reduce((total, weight) => total + weight, 0)
  return raw.map((weight) => weight / sum)
}
