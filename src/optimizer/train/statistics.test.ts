import { describe, expect, test } from 'vitest'
import { seeded } from '../../base/random.ts'
import { gaussian, seedOf, shuffle } from './chance.ts'
import { blockSums, interquartileMean, saving } from './statistics.ts'

test('the interquartile mean leaves out a quarter at each end', () => {
  expect(interquartileMean([100, 1, 2, 3, 4, 5, 6, -100])).toBe(3.5)
  expect(interquartileMean([1, 2, 6])).toBe(3)
})

test('costs are summed by block', () => {
  expect([...blockSums(Float64Array.of(1, 2, 3), Int32Array.of(0, 1, 0), 2)]).toEqual([4, 2])
})

describe('a saving', () => {
  const normal = gaussian(seeded(1))
  const reference = Float64Array.from({ length: 200 }, () => 10 + normal())
  const runs = (part: number, noise: number): Float64Array[] =>
    Array.from({ length: 10 }, () => reference.map((cost) => cost * (1 - part) + noise * normal()))

  test('of nothing is nothing', () => {
    expect(saving({ policy: [reference], reference }, 1)).toEqual({ value: 0, low: 0, high: 0 })
  })

  test('that is there is found, with an interval around it that leaves out nothing', () => {
    const { value, low, high } = saving({ policy: runs(0.01, 0.3), reference }, 1)
    expect(low).toBeLessThan(value)
    expect(high).toBeGreaterThan(value)
    expect(low).toBeGreaterThan(0)
    expect(Math.abs(value - 0.01)).toBeLessThan(0.005)
  })

  test('that is lost in noise is not claimed', () => {
    const { low, high } = saving({ policy: runs(0, 3).slice(0, 2), reference }, 1)
    expect(low).toBeLessThan(0)
    expect(high - low).toBeGreaterThan(0.01)
  })
})

test('chance is the same for the same seed, and normal', () => {
  const normal = gaussian(seeded(4))
  const drawn = Array.from({ length: 20_000 }, normal)
  const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length
  expect(mean).toBeCloseTo(0, 1)
  expect(drawn.reduce((sum, value) => sum + value * value, 0) / drawn.length).toBeCloseTo(1, 1)
  expect(new Set(Array.from({ length: 1000 }, (_, part) => seedOf(1, part))).size).toBe(1000)
  const items = Int32Array.from({ length: 50 }, (_, at) => at)
  shuffle(items, seeded(1))
  expect([...items]).not.toEqual([...items].toSorted((a, b) => a - b))
  expect([...items].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, at) => at))
})
