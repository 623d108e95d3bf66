/**
 * The schedule that trades impact against risk where neither changes, in closed form: R. Almgren and N. Chriss, "Optimal execution of portfolio
 * transactions", Journal of Risk 3 (2000), section 2.2, without the permanent impact that costs every schedule the same.
 */
import { lotsFromHoldings } from './problem.ts'

/** Urgency 1 is this κT: all but a thousandth is sent in the first step of twelve or so. */
const URGENCY_MAX = 80

/**
 * κ per step, from `ratio` = λσ²τ²/η, what holding costs over what sending costs: 2(cosh κτ − 1) = ratio. It is written with the inverse of sinh, which
 * keeps its digits where the ratio is small: cosh y − 1 = 2 sinh²(y/2).
 */
export function kappaOf(ratio: number): number {
  return 2 * Math.asinh(Math.sqrt(ratio) / 2)
}

/**
 * The ratio λσ²τ²/η that the urgency of an order, from 0 to 1, asks for in a horizon of `steps`. Urgency 0 is TWAP. κT grows with its square, so that
 * the middle of the scale is where schedules differ most.
 */
export function ratioOf(urgency: number, steps: number): number {
  const kappa = (URGENCY_MAX * urgency * urgency) / steps
  const half = Math.sinh(kappa / 2)
  return 4 * half * half
}

/**
 * The part of the order that is still held after each of `steps`: sinh(κ(T − t_k)) / sinh(κT), for `kappa` = κτ per step. With κ = 0 its limit, a
 * straight line. Written with decaying exponentials, so that large κT does not overflow.
 */
export function partsHeld(kappa: number, steps: number): number[] {
  return Array.from({ length: steps }, (_, step) => {
    const left = steps - step - 1
    if (left === 0) return 0
    const whole = -Math.expm1(-2 * kappa * steps)
    // Below this both differences have lost their digits, and the line is right to the last one.
    if (!(kappa * steps > 1e-9)) return left / steps
    return (Math.exp(-kappa * (step + 1)) * -Math.expm1(-2 * kappa * left)) / whole
  })
}

/** `lots` over `steps` by the formula above, as whole lots that add up to it. */
export function almgrenChriss(lots: number, kappa: number, steps: number): number[] {
  return lotsFromHoldings(
    lots,
    partsHeld(kappa, steps).map((part) => part * lots),
  )
}
