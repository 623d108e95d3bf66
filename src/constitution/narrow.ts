/** Looks for the smaller quantity that passes, with the compiled rules themselves: there is no second copy of a limit to drift. */

/** What a search found, in whole lots. */
export interface Narrowed {
  readonly lots: number
  /** Whether one lot more is known not to pass; claimed only where every rule that applies is monotone. */
  readonly largest: boolean
}

/** A bound on the search: 2^53 lots take 53 halvings. */
const TRIES_MAX = 64

/**
 * The quantity below `refused` (whole lots, itself refused) that passes. `passes` judges a quantity whole. Where all rules are
 * `monotone` it is the largest; otherwise the first that passes below ever smaller candidates, with no claim. `undefined` when none was
 * found.
 */
export function narrow(
  refused: number,
  monotone: boolean,
  passes: (lots: number) => boolean,
): Narrowed | undefined {
  if (refused <= 1) return undefined
  return monotone ? bisect(refused, passes) : descend(refused, passes)
}

function bisect(refused: number, passes: (lots: number) => boolean): Narrowed | undefined {
  // INVARIANT: `low` passes (zero lots trivially so) and `high` is refused.
  let low = 0
  let high = refused
  for (let tries = 0; high - low > 1 && tries < TRIES_MAX; tries++) {
    const middle = low + Math.floor((high - low) / 2)
    if (passes(middle)) low = middle
    else high = middle
  }
  return low === 0 ? undefined : { lots: low, largest: high - low === 1 }
}

function descend(refused: number, passes: (lots: number) => boolean): Narrowed | undefined {
  let candidate = refused - 1
  for (let tries = 0; candidate >= 1 && tries < TRIES_MAX; tries++) {
    if (passes(candidate)) return { lots: candidate, largest: candidate === refused - 1 }
    candidate = candidate > 2 ? Math.floor(candidate / 2) : candidate - 1
  }
  return undefined
}
