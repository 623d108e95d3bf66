/** What a schedule is made for: lots that are left, and what sending and waiting cost in each step that is left. */

/**
 * Sending n_k lots in step k costs `impact[k]`·n_k², and holding x_{k+1} lots back after it costs `risk[k]`·x_{k+1}²: in the words of Almgren and
 * Chriss (2000), η_k/τ and λσ_k²τ. All in one unit of money per lot². The first step is now; after the last nothing is left.
 */
export interface Problem {
  /** Whole lots. */
  readonly lots: number
  /** Above zero. */
  readonly impact: readonly number[]
  /** Zero or above; as many as there are steps. The last has no effect. */
  readonly risk: readonly number[]
  /** The most that may be sent in each step, in whole lots; may be Infinity. */
  readonly caps: readonly number[]
}

/** Whether the figures are such that a schedule can be made; else the order stays as it is. */
export function isProblem({ lots, impact, risk, caps }: Problem): boolean {
  const steps = impact.length
  return (
    Number.isSafeInteger(lots) &&
    lots >= 0 &&
    steps > 0 &&
    steps <= STEPS_MAX &&
    risk.length === steps &&
    caps.length === steps &&
    areFigures({ lots, impact, risk, caps })
  )
}

function areFigures({ impact, risk, caps }: Problem): boolean {
  for (let step = 0; step < impact.length; step += 1) {
    const a = impact[step] as number
    const b = risk[step] as number
    const cap = caps[step] as number
    if (!(a > 0 && a < Number.POSITIVE_INFINITY && b >= 0 && b < Number.POSITIVE_INFINITY)) return false
    if (!(cap === Number.POSITIVE_INFINITY || (Number.isSafeInteger(cap) && cap >= 0))) return false
  }
  return true
}

/** More steps than this are refused; a longer horizon takes longer steps. */
export const STEPS_MAX = 512

/** What a schedule costs, in the unit of the problem. Lots that it leaves over cost what `risk` says and nothing more. */
export function costOf({ lots, impact, risk }: Problem, sent: readonly number[]): number {
  let left = lots
  let cost = 0
  for (let step = 0; step < impact.length; step += 1) {
    const now = sent[step] ?? 0
    left -= now
    cost += (impact[step] as number) * now * now + (risk[step] as number) * left * left
  }
  return cost
}

/** Whole lots for a falling sequence of what is held after each step: rounded to the nearest, which keeps every integer cap that held before. */
export function lotsFromHoldings(lots: number, held: readonly number[]): number[] {
  const sent: number[] = []
  let before = lots
  for (let step = 0; step < held.length; step += 1) {
    const rounded = Math.min(before, Math.max(0, Math.round(held[step] as number)))
    sent.push(before - rounded)
    before = rounded
  }
  return sent
}
