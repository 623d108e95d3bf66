/** Almgren and Chriss's problem solved anew in each step, with what is known by then and under the caps in force: what a model has to beat. */
import { solveLots } from './capped-lots.ts'
import { isProblem, type Problem } from './problem.ts'

/**
 * The lots to send now. Where the caps leave too little room to be done in time, as much as the cap of this step allows. `undefined` where the problem
 * is none.
 */
export function recedingLots(problem: Problem): number | undefined {
  const sent = solveLots(problem)
  if (sent !== undefined) return sent[0]
  return isProblem(problem) ? Math.min(problem.lots, problem.caps[0] as number) : undefined
}
