/**
 * Exact quantities: whole lots, whole ticks and whole minor units, counted from the decimals that JSON carries.
 *
 * The fast path scales both decimals to integers below 10^15, where decimals of at most 15 digits and doubles
 * correspond one to one; what does not fit there is counted in BigInt.
 */
import {
  FIFTEEN_DIGITS,
  isMultiple as isRationalMultiple,
  rational,
  toNumber,
  divide,
  type Rational,
} from './rational.ts'

interface Step {
  /** 10^decimals, exact. */
  readonly scale: number
  /** The step as an integer number of 10^−decimals; 0 when it does not fit the fast path. */
  readonly units: number
}

const steps = new Map<number, Step>()
const STEPS_MAX = 4096

function stepOf(step: number): Step {
  const known = steps.get(step)
  if (known !== undefined) return known
  const { denominator } = rational(step)
  const decimals = denominator.toString().length - 1
  const scale = 10 ** decimals
  const units = Math.round(step * scale)
  const fits = decimals <= 15 && Math.abs(units) < FIFTEEN_DIGITS && units / scale === step
  const made = { scale: fits ? scale : 1, units: fits ? units : 0 }
  if (steps.size >= STEPS_MAX) steps.clear()
  steps.set(step, made)
  return made
}

/**
 * How many whole `step`s the decimal `value` is, exactly: `wholeSteps(200.01, 0.01)` is 20001. `undefined` when it is not a
 * whole number of steps, when the count passes 2^53 − 1, or when `step` is not positive. Both must be finite.
 */
export function wholeSteps(value: number, step: number): number | undefined {
  if (!(step > 0)) return undefined
  const { scale, units } = stepOf(step)
  if (units !== 0) {
    const scaled = Math.round(value * scale)
    if (Math.abs(scaled) < FIFTEEN_DIGITS) {
      if (scaled / scale !== value || scaled % units !== 0) return undefined
      return scaled / units + 0
    }
  }
  const exact = rational(value)
  const by = rational(step)
  if (isRationalMultiple(exact, by) !== true) return undefined
  const quotient = divide(exact, by)
  const count = quotient === undefined ? Number.NaN : toNumber(quotient)
  return Number.isSafeInteger(count) ? count + 0 : undefined
}

/**
 * How many whole `step`s fit into the decimal `value`, exactly and towards zero: -2 of 1 fit into -2.9. `undefined` when the count passes 2^53 − 1, or when `step`
 * is not positive. Both must be finite.
 */
export function stepsWithin(value: number, step: number): number | undefined {
  return wholeSteps(value, step) ?? stepsWithinExact(rational(value), step)
}

/** The same of a fraction, which no double need hold. */
export function stepsWithinExact(value: Rational, step: number): number | undefined {
  const quotient = step > 0 ? divide(value, rational(step)) : undefined
  if (quotient === undefined) return undefined
  // Division of whole numbers drops what is left over, whatever the sign.
  const count = Number(quotient.numerator / quotient.denominator)
  return Number.isSafeInteger(count) ? count : undefined
}

/** Whether the decimal `value` is a whole number of `step`s (of any sign), exactly; `undefined` for a step of zero. */
export function isMultiple(value: number, step: number): boolean | undefined {
  if (step === 0) return undefined
  const positive = Math.abs(step)
  const { scale, units } = stepOf(positive)
  if (units !== 0) {
    const scaled = Math.round(value * scale)
    if (Math.abs(scaled) < FIFTEEN_DIGITS) return scaled / scale === value && scaled % units === 0
  }
  return isRationalMultiple(rational(value), rational(positive))
}

/** The decimal that `count` whole `step`s make, as the nearest double: `fromSteps(20001, 0.01)` is 200.01. */
export function fromSteps(count: number, step: number): number {
  const { scale, units } = stepOf(step)
  const product = count * units
  if (units !== 0 && Math.abs(product) < FIFTEEN_DIGITS) return product / scale
  const { numerator, denominator } = rational(step)
  return toNumber({ numerator: numerator * BigInt(count), denominator })
}
