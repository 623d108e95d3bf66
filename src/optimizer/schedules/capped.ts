/**
 * The cheapest schedule where impact and risk differ by step and each step has a cap: a convex quadratic problem solved exactly, by dynamic programming
 * on slopes.
 *
 * Let V_k(x) be the least cost from step k on with x lots left. V_k(x) = min over n of impact·n² + W(x − n), with W(y) = risk·y² + V_{k+1}(y): an infimal
 * convolution of convex functions, whose inverse slopes add (R. T. Rockafellar, Convex Analysis, 1970, theorem 16.4). Both are piecewise linear: sending
 * takes n(p) = clip(p / (2·impact), 0, cap) at slope p. So the inverse slope of V_k is a polyline, kept as its corners (p, x): going one step back moves
 * each corner to the right by 2·risk·x and up by n(p), and adds the corner at which n reaches its cap. N steps take N²/2 moves of corners, with no tolerance and no
 * iteration that might not end: but for the rounding of doubles the result is the minimum.
 */
import { STEPS_MAX, type Problem } from './problem.ts'

/**
 * Corners of an inverse slope, from (0, 0): at slope `p[i]` the quantity is `x[i]`, of which `n[i]` is sent at once. None ever falls; after the last
 * the caps allow no more.
 */
interface Slope {
  readonly p: readonly number[]
  readonly x: readonly number[]
  readonly n: readonly number[]
}

/** What the cheapest schedule sends in each step, not rounded to lots. `undefined` where the caps leave too little room for it to be finished. */
export function solveCapped({ lots, impact, risk, caps }: Problem): number[] | undefined {
  const steps = impact.length
  let most = 0
  for (let step = steps - 1; step >= 0; step -= 1) most += Math.min(caps[step] as number, lots)
  if (most < lots) return undefined
  const free = solveFree(lots, impact, risk)
  if (keeps(free, caps)) return free
  // What the steps from each on can take, at most.
  const room = new Float64Array(steps + 1)
  for (let step = steps - 1; step >= 0; step -= 1)
    room[step] = (room[step + 1] as number) + Math.min(caps[step] as number, lots)
  const slopes: Slope[] = []
  let slope: Slope = { p: [0], x: [0], n: [0] }
  for (let step = steps - 1; step >= 0; step -= 1) {
    slope = before(slope, impact[step] as number, risk[step] as number, Math.min(caps[step] as number, lots))
    slopes.push(slope)
  }
  let left = lots
  return slopes.toReversed().map((at, step) => {
    const wanted = sentAt(at, left)
    // What rounding could push out: below what must go now, above the cap.
    const least = Math.max(0, left - (room[step + 1] as number))
    const now = Math.min(Math.max(wanted, least), caps[step] as number, left)
    left -= now
    return now
  })
}

/**
 * The cheapest schedule without caps, which is the cheapest with them where it keeps them. The least cost from step k on is c_k x², with c_k = a(b + c)/(a + b + c)
 * for impact a, risk b and c of the step after, and the part of x that is sent is (b + c)/(a + b + c): Riccati's recursion, as in D. P. Bertsekas, Dynamic
 * Programming and Optimal Control I (2005), section 4.1.
 */
function solveFree(lots: number, impact: readonly number[], risk: readonly number[]): number[] {
  const last = impact.length - 1
  const parts = last < STEPS_MAX ? scratch : new Float64Array(last + 1)
  parts[last] = 1
  let after = impact[last] as number
  for (let step = last - 1; step >= 0; step -= 1) {
    const sending = impact[step] as number
    const holding = (risk[step] as number) + after
    parts[step] = holding / (sending + holding)
    after = (sending * holding) / (sending + holding)
  }
  const sent: number[] = []
  let left = lots
  for (let step = 0; step <= last; step += 1) {
    const now = left * (parts[step] as number)
    left -= now
    sent.push(now)
  }
  return sent
}

/** The parts of a problem of the usual size, used anew in each call: an array of doubles outside the heap takes longer to make than to fill. */
const scratch = new Float64Array(STEPS_MAX)

function keeps(sent: readonly number[], caps: readonly number[]): boolean {
  for (let step = 0; step < sent.length; step += 1)
    if ((sent[step] as number) > (caps[step] as number)) return false
  return true
}

/** The inverse slope one step earlier. */
function before({ p, x }: Slope, impact: number, risk: number, cap: number): Slope {
  const corners = p.length
  const full = 2 * impact * cap
  const toP: number[] = []
  const toX: number[] = []
  const toN: number[] = []
  let hasFull = false
  let lastP = 0
  let lastX = 0
  const put = (slope: number, held: number): void => {
    const sent = slope >= full ? cap : slope / (2 * impact)
    toP.push(slope)
    toX.push(held + sent)
    toN.push(sent)
  }
  for (let corner = 0; corner < corners; corner += 1) {
    const held = x[corner] as number
    const slope = (p[corner] as number) + 2 * risk * held
    if (!hasFull && slope > full) {
      put(full, lastX + ((held - lastX) * (full - lastP)) / (slope - lastP))
      hasFull = true
    }
    put(slope, held)
    lastP = slope
    lastX = held
  }
  if (!hasFull) put(full, lastX)
  return { p: toP, x: toX, n: toN }
}

/**
 * What is sent at once where `held` lots are left. Between corners it is a straight line, which keeps the digits that dividing a slope by a small
 * impact would lose.
 */
function sentAt({ x, n }: Slope, held: number): number {
  let after = 0
  while (after < x.length - 1 && (x[after] as number) < held) after += 1
  const [highX, highN] = [x[after] as number, n[after] as number]
  if (after === 0 || highX <= held) return highN
  const [lowX, lowN] = [x[after - 1] as number, n[after - 1] as number]
  return lowN + ((highN - lowN) * (held - lowX)) / (highX - lowX)
}
