/**
 * The cheapest capped schedule in whole lots: the exact solution rounded, then improved by moving single lots until no move helps.
 *
 * The cost is a sum of convex functions of what is sent in each step and of what was sent up to each step. These sets of steps are nested or disjoint, so
 * the cost is laminar convex, hence M-convex on the schedules that add up to the order. For such a function a schedule that no move of one lot from one step to another improves is
 * the minimum over all whole lots (K. Murota, Discrete Convex Analysis, 2003, theorem 6.26). The best move is found in one pass over the steps.
 */
import { solveCapped } from './capped.ts'
import { isProblem, lotsFromHoldings, type Problem } from './problem.ts'

interface Move {
  readonly from: number
  readonly to: number
  /** What the move adds to the cost; below zero where it helps. */
  readonly change: number
}

/** What the cheapest schedule sends in each step, in whole lots. `undefined` where the problem is none, or the caps leave too little room. */
export function solveLots(problem: Problem): number[] | undefined {
  if (!isProblem(problem)) return undefined
  const sent = solveCapped(problem)
  if (sent === undefined) return undefined
  const held: number[] = []
  let left = problem.lots
  for (const now of sent) held.push((left -= now))
  held[held.length - 1] = 0
  const rounded = lotsFromHoldings(problem.lots, held)
  // Rounding is less than a lot away in each step, so few moves are left; the bound is for what doubles cannot tell apart.
  for (let moves = 4 * rounded.length; moves > 0; moves -= 1) {
    const move = bestMove(problem, rounded)
    if (move === undefined) break
    rounded[move.from] = (rounded[move.from] as number) - 1
    rounded[move.to] = (rounded[move.to] as number) + 1
  }
  return rounded
}

/** Below this part of the figures that go into it, a change is rounding. */
const ROUNDING = 1e-12

/** The move of one lot that lowers the cost most; none where none does. */
function bestMove({ lots, impact, risk, caps }: Problem, sent: readonly number[]): Move | undefined {
  let best: Move | undefined
  let left = lots
  // The best step so far to take a lot from, and to give one to, with what it costs up to here.
  let giver: { step: number; cost: number } | undefined
  let taker: { step: number; cost: number } | undefined
  const consider = (from: number, to: number, change: number, scale: number): void => {
    if (change < -ROUNDING * scale && change < (best?.change ?? 0)) best = { from, to, change }
  }
  for (let step = 0; step < sent.length; step += 1) {
    const now = sent[step] as number
    const a = impact[step] as number
    const more = a * (2 * now + 1)
    const less = -a * (2 * now - 1)
    const canGive = now > 0
    const canTake = now < (caps[step] as number)
    // A lot sent later is held from its old step to its new one; one sent earlier is not held any more.
    if (giver !== undefined && canTake)
      consider(giver.step, step, giver.cost + more, more + Math.abs(giver.cost))
    if (taker !== undefined && canGive)
      consider(step, taker.step, taker.cost + less, Math.abs(less) + Math.abs(taker.cost))
    if (canGive && (giver === undefined || less < giver.cost)) giver = { step, cost: less }
    if (canTake && (taker === undefined || more < taker.cost)) taker = { step, cost: more }
    left -= now
    const b = risk[step] as number
    if (giver !== undefined) giver.cost += b * (2 * left + 1)
    if (taker !== undefined) taker.cost += b * (1 - 2 * left)
  }
  return best
}
