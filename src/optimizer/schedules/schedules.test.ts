import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { almgrenChriss, kappaOf, partsHeld, ratioOf } from './almgren-chriss.ts'
import { twap } from './twap.ts'
import { vwap } from './vwap.ts'

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const lots = fc.oneof(fc.nat(40), fc.nat(1_000_000), fc.nat(2 ** 50))
const steps = fc.integer({ min: 1, max: 60 })

describe('TWAP', () => {
  // 10 in 4: ⌊10/4⌋ = 2 each, and the remainder of 2 goes after every second step.
  test.each([
    [10, 4, [2, 3, 2, 3]],
    [3, 5, [0, 1, 0, 1, 1]],
    [0, 3, [0, 0, 0]],
    [7, 1, [7]],
  ])('%d in %d', (quantity, parts, sent) => {
    expect(twap(quantity, parts)).toEqual(sent)
  })

  test('adds up, in parts that differ by one at most', () => {
    fc.assert(
      fc.property(lots, steps, (quantity, parts) => {
        const sent = twap(quantity, parts)
        expect(sum(sent)).toBe(quantity)
        expect(Math.max(...sent) - Math.min(...sent)).toBeLessThanOrEqual(1)
      }),
    )
  })
})

describe('VWAP', () => {
  // Of 100, volumes 1, 2, 1 leave 75, 25, 0.
  test.each([
    [100, [1, 2, 1], [25, 50, 25]],
    [10, [1, 1, 1], [3, 4, 3]],
    [10, [0, 0, 5], [0, 0, 10]],
    [9, [0, 0, 0], [3, 3, 3]],
    [9, [Number.NaN, 1, 1], [3, 3, 3]],
    [9, [-1, 1, 1], [3, 3, 3]],
  ])('%d over volumes %j', (quantity, expected, sent) => {
    expect(vwap(quantity, expected)).toEqual(sent)
  })

  test('adds up, nothing below zero, each within a lot of its share', () => {
    const volumes = fc.array(fc.double({ min: 0.001, max: 1e9, noNaN: true }), {
      minLength: 1,
      maxLength: 40,
    })
    fc.assert(
      fc.property(fc.nat(1_000_000), volumes, (quantity, expected) => {
        const sent = vwap(quantity, expected)
        expect(sum(sent)).toBe(quantity)
        for (const [step, now] of sent.entries())
          expect(Math.abs(now - (quantity * (expected[step] as number)) / sum(expected))).toBeLessThanOrEqual(
            1 + 1e-6,
          )
        expect(Math.min(...sent)).toBeGreaterThanOrEqual(0)
      }),
    )
  })
})

describe('Almgren and Chriss', () => {
  // κ = 1, N = 3: sinh 2 / sinh 3 = 3.62686 / 10.01787 = 0.362039, sinh 1 / sinh 3 = 1.175201 / 10.01787 = 0.117310.
  test('by hand', () => {
    const held = partsHeld(1, 3)
    expect(held[0]).toBeCloseTo(0.362039, 6)
    expect(held[1]).toBeCloseTo(0.11731, 6)
    expect(held[2]).toBe(0)
    // Of 1000, 362 and 117 are held: 638, 245 and 117 are sent.
    expect(almgrenChriss(1000, 1, 3)).toEqual([638, 245, 117])
  })

  // cosh κ = 1 + ratio/2: at ratio 2(cosh 1 − 1) = 1.086161 κ is 1.
  test('κ by hand', () => {
    expect(kappaOf(2 * (Math.cosh(1) - 1))).toBeCloseTo(1, 12)
    expect(kappaOf(1e-20) / 1e-10).toBeCloseTo(1, 12)
    expect(kappaOf(0)).toBe(0)
  })

  test('without risk it is TWAP, with very much all goes at once, and nothing overflows', () => {
    expect(partsHeld(0, 4)).toEqual([0.75, 0.5, 0.25, 0])
    expect(almgrenChriss(1000, 800, 4)).toEqual([1000, 0, 0, 0])
    const tiny = partsHeld(1e-7, 4)
    for (const [step, held] of [0.75, 0.5, 0.25, 0].entries()) expect(tiny[step]).toBeCloseTo(held, 8)
  })

  test('satisfies the difference equation that it solves', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-4, max: 20, noNaN: true }),
        fc.integer({ min: 3, max: 60 }),
        (ratio, parts) => {
          const held = [1, ...partsHeld(kappaOf(ratio), parts)]
          for (let step = 1; step < parts; step += 1) {
            const [before, now, after] = held.slice(step - 1, step + 2) as [number, number, number]
            expect(Math.abs(before - 2 * now + after - ratio * now)).toBeLessThanOrEqual(1e-12 * before)
          }
        },
      ),
    )
  })

  test('more urgency never holds more back, and lots add up', () => {
    const urgency = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(fc.nat(2 ** 50), steps, urgency, urgency, (quantity, parts, a, b) => {
        const kappaAt = (u: number): number => kappaOf(ratioOf(u, parts))
        const calm = partsHeld(kappaAt(Math.min(a, b)), parts)
        const hasty = partsHeld(kappaAt(Math.max(a, b)), parts)
        for (const [step, held] of hasty.entries())
          expect(held).toBeLessThanOrEqual((calm[step] as number) + 1e-12)
        const sent = almgrenChriss(quantity, kappaAt(a), parts)
        expect(sum(sent)).toBe(quantity)
        expect(Math.min(...sent)).toBeGreaterThanOrEqual(0)
      }),
    )
  })
})
