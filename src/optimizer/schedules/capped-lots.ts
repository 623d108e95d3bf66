/**
 * The cheapest capped schedule in whole lots: the exact solution rounded, then improved by moving single lots until no move helps.
 *
 * The cost is a sum of convex functions of what is sent in each step and of what was sent up to each step. These sets of steps are nested or disjoint, so
 * the cost is laminar convex, hence M-convex on the schedules that add up to the order. For such a function a schedule that no move of one lot from one step to another improves is
 * the minimum over all whole lots (K. Murota, Discrete Convex Analysis, 2003, theorem 6.26). The best move is found in one pass over the steps.
 */
import { solveCapped } from './capped.ts'
import { isProblem, lotsFromHoldings, type Problem } from './problem.ts'

/** What the cheapest schedule sends in each step, in whole lots. `undefined` where the problem is none, or the caps leave too little room. */
export function solveLots(problem: Problem): number[] | undefined {
  if (!isProblem(problem)) return undefined
  const sent = solveCapped(problem)
  if (sent === undefined) return undefined
  const rounded = lotsFromHoldings(problem.lots, lotsHeld(problem.lots, sent))
  // Rounding is less than a lot away in each step, so few moves are left; the bound is for what doubles cannot tell apart.
  for (let moves = 4 * rounded.length; moves > 0; moves -= 1) if (!improve(problem, rounded)) break
  return rounded
}

/** The lots that are held after each step of what is `sent`; none after the last. */
function lotsHeld(lots: number, sent: readonly number[]): number[] {
  const held: number[] = []
  let left = lots
  for (let step = 0; step < sent.length - 1; step += 1) {
    left -= sent[step] as number
    held.push(left)
  }
  held.push(0)
  return held
}

/** Below this part of the figures that go into it, a change is rounding. */
const ROUNDING = 1e-12

/** Makes the move of one lot that lowers the cost most, from one step of `sent` to another; `false` where none does. Plain figures: this runs with each decision. */
function improve({ lots, impact, risk, caps }: Problem, sent: number[]): boolean {
  let left = lots
  // The move that helps most so far.
  let best = 0
  let from = -1
  let to = -1
  // The best step so far to take a lot from, and to give one to, with what it costs up to here.
  let giver = -1
  let giverCost = 0
  let taker = -1
  let takerCost = 0
  for (let step = 0; step < sent.length; step += 1) {
    const now = sent[step] as number
    const a = impact[step] as number
    const more = a * (2 * now + 1)
    const less = -a * (2 * now - 1)
    const canGive = now > 0
    const canTake = now < (caps[step] as number)
    // A lot sent later is held from its old step to its new one; one sent earlier is not held any more.
    if (giver !== -1 && canTake) {
      const change = giverCost + more
      if (change < best && change < -ROUNDING * (more + Math.abs(giverCost))) {
        best = change
        from = giver
        to = step
      }
    }
    if (taker !== -1 && canGive) {
      const change = takerCost + less
      if (change < best && change < -ROUNDING * (Math.abs(less) + Math.abs(takerCost))) {
        best = change
        from = step
        to = taker
      }
    }
    if (canGive && (giver === -1 || less < giverCost)) {
      giver = step
      giverCost = less
    }
    if (canTake && (taker === -1 || more < takerCost)) {
      taker = step
      takerCost = more
    }
    left -= now
    const b = risk[step] as number
    giverCost += b * (2 * left + 1)
    takerCost += b * (1 - 2 * left)
  }
  if (from === -1) return false
  sent[from] = (sent[from] as number) - 1
  sent[to] = (sent[to] as number) + 1
  return true
}
