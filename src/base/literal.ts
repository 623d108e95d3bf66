/** Numbers with units as people write them into files: `66.7%`, `2/3`, `500ms`, `2s`. */
import { rationalFromText, type Rational } from './rational.ts'

/** Units of time, in milliseconds. */
export const DURATIONS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['min', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

/** A fraction in lowest terms, `[numerator, denominator]`, which JSON carries exactly: `[2, 3]`. */
export type Fraction = readonly [number, number]

/** Largest numerator and denominator: the product of one with a weight stays below 2^53, so that votes are counted without BigInt. */
export const FRACTION_MAX = 1_000_000

/** The share that `3%`, `2/3` or `0.5` denotes, exactly; `undefined` for anything else, below zero, or too fine for a `Fraction`. */
export function shareFromText(text: string): Fraction | undefined {
  const percent = /^([\d.]+)%$/.exec(text)
  if (percent !== null) return fractionOf(rationalFromText(percent[1] ?? ''), 100n)
  const quotient = /^(\d{1,7})\/(\d{1,7})$/.exec(text)
  if (quotient === null) return /^[\d.]+$/.test(text) ? fractionOf(rationalFromText(text), 1n) : undefined
  return fractionOf({ numerator: BigInt(quotient[1] ?? ''), denominator: 1n }, BigInt(quotient[2] ?? ''))
}

/** The whole milliseconds that `500ms`, `2s`, `5min`, `24h` or `2d` denotes; `undefined` for anything else. */
export function millisecondsFromText(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)([a-z]+)$/.exec(text)
  const unit = DURATIONS.get(match?.[2] ?? '')
  const amount = rationalFromText(match?.[1] ?? '')
  if (unit === undefined || amount === undefined) return undefined
  const scaled = amount.numerator * BigInt(unit)
  return scaled % amount.denominator === 0n ? Number(scaled / amount.denominator) : undefined
}

/** `value / divisor` in lowest terms. */
function fractionOf(value: Rational | undefined, divisor: bigint): Fraction | undefined {
  if (value === undefined || divisor === 0n) return undefined
  const denominator = value.denominator * divisor
  const common = greatestCommonDivisor(value.numerator, denominator)
  const reduced = [Number(value.numerator / common), Number(denominator / common)] as const
  return reduced.every((part) => part <= FRACTION_MAX) ? reduced : undefined
}

/** Euclid's. Of `a` ≥ 0 and `b` > 0. */
export function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [b, a]
  while (y !== 0n) [x, y] = [y, x % y]
  return x
}
