/** Decimals are counted exactly: against whole-number arithmetic on their digits. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromSteps, isMultiple, stepsWithin, wholeSteps } from './exact.ts'
import * as exact from './rational.ts'

/** A decimal as digits and places, and the double that JSON makes of it; 15 digits or fewer, so that it reads back. */
const decimal = fc
  .tuple(
    fc.oneof(
      fc.integer({ min: -1000, max: 1000 }),
      fc.maxSafeInteger().map((value) => value % 1e15),
    ),
    fc.integer({ min: 0, max: 12 }),
  )
  .map(([digits, places]) => ({ digits: BigInt(digits), places, value: Number(`${digits}e-${places}`) }))
const step = fc
  .tuple(
    fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(1, 5, 25, 100, 125, 1000)),
    fc.integer({ min: 0, max: 8 }),
  )
  .map(([digits, places]) => ({ digits: BigInt(digits), places, value: Number(`${digits}e-${places}`) }))

/** Both as whole numbers of one unit. */
function aligned(
  a: { digits: bigint; places: number },
  b: { digits: bigint; places: number },
): [bigint, bigint] {
  const places = Math.max(a.places, b.places)
  return [a.digits * 10n ** BigInt(places - a.places), b.digits * 10n ** BigInt(places - b.places)]
}

describe('whole steps', () => {
  test('agree with arithmetic on the digits', () => {
    let whole = 0
    const near = fc.tuple(decimal, step).chain(([a, b]) =>
      // Half of the values are whole numbers of steps, and some are just beside one.
      fc
        .constantFrom(a, {
          digits: b.digits * (a.digits % 100_000n),
          places: b.places,
          value: Number(`${b.digits * (a.digits % 100_000n)}e-${b.places}`),
        })
        .map((value) => [value, b] as const),
    )
    fc.assert(
      fc.property(near, ([a, b]) => {
        const [value, by] = aligned(a, b)
        const isWhole = value % by === 0n
        if (isWhole) whole += 1
        const count = Number(value / by)
        expect(isMultiple(a.value, b.value)).toBe(isWhole)
        expect(wholeSteps(a.value, b.value)).toBe(isWhole && Number.isSafeInteger(count) ? count : undefined)
        // Towards zero, as whole numbers divide.
        for (const sign of [1, -1])
          expect(stepsWithin(sign * a.value, b.value)).toBe(
            Number.isSafeInteger(count) ? sign * count + 0 : undefined,
          )
      }),
      { numRuns: 10_000 },
    )
    expect(whole).toBeGreaterThan(2000)
  })

  test.each<[number, number, number | undefined]>([
    [200.01, 0.01, 20001],
    [0.3, 0.1, 3],
    [1e-8, 1e-8, 1],
    [0.000_000_03, 1e-8, 3],
    [123_456.789_012_34, 1e-8, 12_345_678_901_234],
    [-0.3, 0.1, -3],
    [0, 0.1, 0],
    [200.005, 0.01, undefined],
    [0.1 + 0.2, 0.1, undefined],
    [Number.MAX_SAFE_INTEGER, 1, Number.MAX_SAFE_INTEGER],
    [2 ** 53, 1, undefined],
    [2 ** 53, 2, 2 ** 52],
    [9_007_199_254_740.99, 0.01, 900_719_925_474_099],
    [90_071_992_547_410, 0.01, undefined],
    [5, 0, undefined],
    [5, -1, undefined],
  ])('%d in steps of %d is %s', (value, by, count) => {
    expect(wholeSteps(value, by)).toBe(count)
  })

  test.each<[number, number, number | undefined]>([
    [1.0005, 0.001, 1000],
    [-1.0005, 0.001, -1000],
    [0.0005, 0.001, 0],
    [-0.0005, 0.001, 0],
    [0.299_999_999_999_999_93, 0.1, 2],
    [2 ** 53, 1, undefined],
    [5, 0, undefined],
    [5, -1, undefined],
  ])('%d holds so many steps of %d: %s', (value, by, count) => {
    expect(stepsWithin(value, by)).toBe(count)
  })

  test('steps make the decimal that counts back', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1_000_000, max: 1_000_000_000 }),
        step,
        (count, { value, digits, places }) => {
          expect(fromSteps(count, value)).toBe(Number(`${digits * BigInt(count)}e-${places}`))
          expect(wholeSteps(fromSteps(count, value), value)).toBe(count)
        },
      ),
    )
  })

  test('a step of zero has no multiples', () => {
    expect(isMultiple(5, 0)).toBeUndefined()
    expect(isMultiple(6, -2)).toBe(true)
  })
})

describe('fractions', () => {
  const number = fc.double({ noNaN: true, noDefaultInfinity: true })

  test('every number comes back', () => {
    fc.assert(
      fc.property(number, (value) => exact.toNumber(exact.rational(value)) === value),
      { numRuns: 10_000 },
    )
    for (const value of [5e-324, Number.MAX_VALUE, -Number.MAX_VALUE, 1e21, 0.1, 2 ** 53 + 2])
      expect(exact.toNumber(exact.rational(value))).toBe(value)
  })

  test('a number stands for its shortest decimal', () => {
    expect(exact.compare(exact.rational(0.1), { numerator: 1n, denominator: 10n })).toBe(0)
    expect(() => exact.rational(Number.NaN)).toThrow(RangeError)
    expect(() => exact.rational(Number.POSITIVE_INFINITY)).toThrow(RangeError)
  })

  test.each(['', '.5', '5.', '1e', '0x1', ' 1', '1 ', '+1', '1,000', 'Infinity', '1e999'])(
    '`%s` is no decimal',
    (text) => {
      expect(exact.rationalFromText(text)).toBeUndefined()
    },
  )

  test('arithmetic is that of fractions', () => {
    const fraction = fc
      .tuple(fc.bigInt({ min: -1000n, max: 1000n }), fc.bigInt({ min: 1n, max: 50n }))
      .map(([numerator, denominator]) => ({ numerator, denominator }))
    fc.assert(
      fc.property(fraction, fraction, (a, b) => {
        const same = (x: exact.Rational, above: bigint, below: bigint): void =>
          expect(x.numerator * below).toBe(above * x.denominator)
        same(
          exact.add(a, b),
          a.numerator * b.denominator + b.numerator * a.denominator,
          a.denominator * b.denominator,
        )
        expect(exact.compare(exact.subtract(exact.add(a, b), b), a)).toBe(0)
        const quotient = exact.divide(a, b)
        if (b.numerator === 0n) expect(quotient).toBeUndefined()
        else {
          expect((quotient as exact.Rational).denominator).toBeGreaterThan(0n)
          expect(exact.compare(exact.multiply(quotient as exact.Rational, b), a)).toBe(0)
        }
      }),
    )
  })

  test('rounding up gives the least double that is not below', () => {
    const above = fc.tuple(
      fc.bigInt({ min: 1n, max: 10n ** 20n }),
      fc.bigInt({ min: 1n, max: 10n ** 20n }),
      fc.constantFrom(1n, -1n),
    )
    fc.assert(
      fc.property(above, ([numerator, denominator, sign]) => {
        const fraction = { numerator: sign * numerator, denominator }
        const up = exact.toNumberUp(fraction)
        expect(exact.compare(exact.rational(up), fraction)).toBeGreaterThanOrEqual(0)
        expect(exact.compare(exact.rational(below(up)), fraction)).toBeLessThan(0)
      }),
      { numRuns: 5000 },
    )
    expect(exact.toNumberUp(exact.rational(0.05))).toBe(0.05)
    expect(exact.toNumberUp(exact.ZERO)).toBe(0)
  })
})

/** The greatest double below `value`, which is not zero. */
function below(value: number): number {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, value)
  bits.setBigInt64(0, bits.getBigInt64(0) + (value < 0 ? 1n : -1n))
  return bits.getFloat64(0)
}
