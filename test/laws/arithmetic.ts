/** Ways to compute, so that the naive evaluator can be made exact, made to count, or made wrong on purpose. */

export interface Arithmetic<N> {
  readonly of: (number: number) => N
  readonly add: (a: N, b: N) => N
  readonly subtract: (a: N, b: N) => N
  readonly multiply: (a: N, b: N) => N
  /** `undefined` when `b` is zero. */
  readonly divide: (a: N, b: N) => N | undefined
  /** Below, at or above zero as `a` is less than, equal to or greater than `b`. */
  readonly compare: (a: N, b: N) => number
  /** `undefined` when `step` is zero. */
  readonly isMultiple: (a: N, step: N) => boolean | undefined
}

/** Above and below a line; the lower one is positive. */
export type Fraction = readonly [bigint, bigint]

function fractionOf(number: number): Fraction {
  const [digits = '', exponent = '0'] = number.toExponential().split('e')
  const places = digits.includes('.') ? digits.length - digits.indexOf('.') - 1 : 0
  const shift = Number(exponent) - places
  const above = BigInt(digits.replace('.', ''))
  return shift < 0 ? [above, 10n ** BigInt(-shift)] : [above * 10n ** BigInt(shift), 1n]
}

/** Fractions of numbers that were asked for before: the same few limits are, in each case. */
const known = new Map<number, Fraction>()
const KNOWN_MAX = 10_000

/** Schoolbook fractions: the exact law. */
export const FRACTIONS: Arithmetic<Fraction> = {
  of(number) {
    const before = known.get(number)
    if (before !== undefined) return before
    if (known.size >= KNOWN_MAX) known.clear()
    const made = fractionOf(number)
    known.set(number, made)
    return made
  },
  add: ([a, b], [c, d]) => [a * d + c * b, b * d],
  subtract: ([a, b], [c, d]) => [a * d - c * b, b * d],
  multiply: ([a, b], [c, d]) => [a * c, b * d],
  divide([a, b], [c, d]) {
    if (c === 0n) return undefined
    return c > 0n ? [a * d, b * c] : [-a * d, b * -c]
  },
  compare([a, b], [c, d]) {
    const difference = a * d - c * b
    return difference < 0n ? -1 : difference > 0n ? 1 : 0
  },
  isMultiple([a, b], [c, d]) {
    return c === 0n ? undefined : (a * d) % (b * c) === 0n
  },
}

/** Plain floating point: what the law forbids. */
export const DOUBLES: Arithmetic<number> = {
  of: (number) => number,
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => (b === 0 ? undefined : a / b),
  compare: (a, b) => a - b,
  isMultiple: (a, step) => (step === 0 ? undefined : a % step === 0),
}
