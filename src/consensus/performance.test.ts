import { describe, expect, test } from 'vitest'
import { maximumDrawdown, returnsOf, sharpe, uptime } from './performance.ts'

describe('Sharpe ratio', () => {
  test('by hand', () => {
    // Mean 0.02; deviations −0.01, 0.01, 0, 0; sample variance 0.0002 / 3; annualised over 12 months.
    const it = sharpe([0.01, 0.03, 0.02, 0.02], 12)
    expect(it).toMatchObject({ known: true, periods: 4 })
    expect(it.known && it.value).toBeCloseTo((0.02 / Math.sqrt(0.0002 / 3)) * Math.sqrt(12), 12)
  })

  test('the risk-free return comes off each period', () => {
    const above = sharpe([0.02, 0.04, 0.03], 252, 0.01)
    const plain = sharpe([0.01, 0.03, 0.02], 252)
    expect(above.known && plain.known && Math.abs(above.value - plain.value)).toBeLessThan(1e-9)
  })

  test('losses give a ratio below zero', () => {
    const it = sharpe([-0.01, -0.02, -0.015], 252)
    expect(it.known && it.value).toBeLessThan(0)
  })

  test.each([
    ['one day', [0.01], 'too few returns'],
    ['no day', [], 'too few returns'],
    ['no trades', [0, 0, 0], 'no volatility'],
    ['the same return each day', [0.01, 0.01, 0.01], 'no volatility'],
    // As an equity curve would give it: all but the same, by rounding.
    ['the same but for rounding', returnsOf([1, 1.1, 1.1 ** 2, 1.1 ** 3, 1.1 ** 4]) ?? [], 'no volatility'],
    ['not a number', [0.01, Number.NaN], 'not finite'],
    ['an infinite return', [0.01, Infinity], 'not finite'],
  ] as const)('%s: there is none', (_, returns, why) => {
    expect(sharpe(returns, 252)).toEqual({ known: false, why, periods: returns.length })
  })

  test('a year has periods', () => {
    expect(sharpe([0.01, 0.02], 0)).toMatchObject({ why: 'not finite' })
    expect(sharpe([0.01, 0.02], Number.NaN)).toMatchObject({ why: 'not finite' })
  })
})

test('returns from equity', () => {
  expect(returnsOf([100, 110, 99])?.map((value) => Number(value.toFixed(12)))).toEqual([0.1, -0.1])
  expect(returnsOf([])).toEqual([])
  for (const equity of [
    [100, 0, 50],
    [100, -5],
    [Number.NaN, 1],
  ])
    expect(returnsOf(equity)).toBeUndefined()
})

describe('maximum drawdown', () => {
  test.each([
    // From the peak of 120 to 90, not from the last peak of 110 to 95.
    [[100, 120, 90, 110, 95], 0.25],
    [[100, 110, 120], 0],
    [[100], 0],
    [[100, -20, 50], 1],
  ])('%j: %d', (equity, wanted) => {
    expect(maximumDrawdown(equity)).toBe(wanted)
  })

  test.each([[[]], [[0, 1]], [[-1, 2]], [[1, Number.NaN]], [[1, Infinity]]])('%j: not known', (equity) => {
    expect(maximumDrawdown(equity)).toBeUndefined()
  })
})

describe('uptime', () => {
  const window = { from: 1000, to: 2000 }

  test.each([
    ['never', [], 0],
    ['always', [1000, 1500], 1],
    ['half', [1000], 0.5],
    ['beats that overlap count once', [1000, 1100, 1200], 0.7],
    ['in any order', [1200, 1000, 1100], 0.7],
    ['from before the window', [700], 0.2],
    ['beyond its end', [1900], 0.1],
    ['long before and long after', [100, 5000], 0],
  ])('%s', (_, beats, wanted) => {
    expect(uptime(beats, window, 500)).toBe(wanted)
  })

  test('not known without a window, an interval, or a time', () => {
    expect(uptime([1], { from: 5, to: 5 }, 500)).toBeUndefined()
    expect(uptime([1], window, 0)).toBeUndefined()
    expect(uptime([Number.NaN], window, 500)).toBeUndefined()
    expect(uptime([1], { from: 0, to: Infinity }, 500)).toBeUndefined()
  })
})
