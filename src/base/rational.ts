/**
 * Exact fractions, so that a comparison of decimals has one answer.
 *
 * A JSON number stands for the shortest decimal that reads back as the same double (what `String(x)` prints): `0.1` is
 * one tenth, not 0.1000000000000000055.
 */

/** A fraction in lowest terms is not required; `denominator` is always positive. */
export interface Rational {
  readonly numerator: bigint
  readonly denominator: bigint
}

export const ZERO: Rational = { numerator: 0n, denominator: 1n }

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i

/** The fraction that decimal text such as `-12.50` or `1e-7` denotes; `undefined` when the text is no decimal. */
export function rationalFromText(text: string): Rational | undefined {
  const match = DECIMAL.exec(text)
  if (match === null) return undefined
  const [, sign = '', whole = '', fraction = '', exponentText = '0'] = match
  const exponent = Number(exponentText) - fraction.length
  if (Math.abs(exponent) > 400) return undefined
  const digits = BigInt(`${sign}${whole}${fraction}`)
  return exponent >= 0
    ? { numerator: digits * 10n ** BigInt(exponent), denominator: 1n }
    : { numerator: digits, denominator: 10n ** BigInt(-exponent) }
}

/** Powers of ten that a double holds exactly, as both kinds of number. */
const POWERS = Array.from({ length: 16 }, (_, exponent) => ({
  number: 10 ** exponent,
  bigint: 10n ** BigInt(exponent),
}))
/** Below this, decimals of at most 15 digits and doubles correspond one to one. */
export const FIFTEEN_DIGITS = 1e15

/** The fraction that a finite number denotes. Throws on NaN and infinities, which callers exclude. */
export function rational(value: number): Rational {
  for (const { number, bigint } of POWERS) {
    const scaled = Math.round(value * number)
    if (Math.abs(scaled) >= FIFTEEN_DIGITS) break
    if (scaled / number === value) return { numerator: BigInt(scaled), denominator: bigint }
  }
  const result = rationalFromText(String(value))
  if (result === undefined) throw new RangeError(`\`${value}\` is not a finite number`)
  return result
}

export function add(a: Rational, b: Rational): Rational {
  if (a.denominator === b.denominator)
    return { numerator: a.numerator + b.numerator, denominator: a.denominator }
  const [fine, coarse] = a.denominator > b.denominator ? [a, b] : [b, a]
  // Decimals have powers of ten below the line, so that sums of many stay as short as the longest of them.
  if (fine.denominator % coarse.denominator === 0n) {
    const factor = fine.denominator / coarse.denominator
    return { numerator: fine.numerator + coarse.numerator * factor, denominator: fine.denominator }
  }
  return {
    numerator: a.numerator * b.denominator + b.numerator * a.denominator,
    denominator: a.denominator * b.denominator,
  }
}

export function negate(a: Rational): Rational {
  return { numerator: -a.numerator, denominator: a.denominator }
}

export function subtract(a: Rational, b: Rational): Rational {
  return add(a, negate(b))
}

export function multiply(a: Rational, b: Rational): Rational {
  return { numerator: a.numerator * b.numerator, denominator: a.denominator * b.denominator }
}

/** `a / b`, or `undefined` when `b` is zero. */
export function divide(a: Rational, b: Rational): Rational | undefined {
  if (b.numerator === 0n) return undefined
  return b.numerator > 0n
    ? { numerator: a.numerator * b.denominator, denominator: a.denominator * b.numerator }
    : { numerator: -a.numerator * b.denominator, denominator: -a.denominator * b.numerator }
}

/** −1, 0 or 1 as `a` is less than, equal to or greater than `b`. */
export function compare(a: Rational, b: Rational): -1 | 0 | 1 {
  const left = a.numerator * b.denominator
  const right = b.numerator * a.denominator
  return left < right ? -1 : left > right ? 1 : 0
}

/** Whether `a` is a whole number of `step`s; `undefined` when `step` is zero. */
export function isMultiple(a: Rational, step: Rational): boolean | undefined {
  const quotient = divide(a, step)
  return quotient === undefined ? undefined : quotient.numerator % quotient.denominator === 0n
}

/** The double nearest to `a`, to within one unit in the last place of 17 digits. */
export function toNumber(a: Rational): number {
  const negative = a.numerator < 0n
  const numerator = negative ? -a.numerator : a.numerator
  if (numerator <= MAX_SAFE && a.denominator <= MAX_SAFE) {
    const quotient = Number(numerator) / Number(a.denominator)
    return negative && quotient !== 0 ? -quotient : quotient
  }
  // Scale so that the whole quotient has about 20 digits, then let the decimal reader round it.
  const shift = 20 + digitCount(a.denominator) - digitCount(numerator)
  const scaled =
    shift >= 0
      ? (numerator * 10n ** BigInt(shift)) / a.denominator
      : numerator / (a.denominator * 10n ** BigInt(-shift))
  return Number(`${negative ? '-' : ''}${scaled}e${-shift}`)
}

/** The least double that is not below `a`, for ratios that a limit is held against. */
export function toNumberUp(a: Rational): number {
  const nearest = toNumber(a)
  if (compare(rational(nearest), a) >= 0) return nearest
  bits.setFloat64(0, nearest)
  // The doubles of one sign are ordered as their bits are, read as a whole number.
  bits.setBigInt64(0, bits.getBigInt64(0) + (nearest < 0 ? -1n : 1n))
  return nearest === 0 ? Number.MIN_VALUE : bits.getFloat64(0)
}

const bits = new DataView(new ArrayBuffer(8))

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER)

function digitCount(value: bigint): number {
  return value.toString().length
}

/** `a + b` of two decimals, as the double nearest to it. */
export function plus(a: number, b: number): number {
  return toNumber(add(rational(a), rational(b)))
}

/** `a − b` of two decimals, as the double nearest to it. */
export function minus(a: number, b: number): number {
  return toNumber(subtract(rational(a), rational(b)))
}
