import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { kappaOf, partsHeld } from './almgren-chriss.ts'
import { solveLots } from './capped-lots.ts'
import { solveCapped } from './capped.ts'
import { costOf, STEPS_MAX, type Problem } from './problem.ts'
import { recedingLots } from './receding.ts'

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

interface Step {
  readonly impact: number
  readonly risk: number
  readonly cap: number
}

const positive = fc.oneof(fc.double({ min: 0.01, max: 10, noNaN: true }), fc.constantFrom(1e-6, 1, 1e4))
const risk = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 10, noNaN: true }), fc.constantFrom(1e-6, 1e4))

function problemsOf(lotsMax: number, stepsMax: number): fc.Arbitrary<Problem> {
  const cap = fc.oneof(fc.nat(lotsMax), fc.constantFrom(0, Number.POSITIVE_INFINITY))
  const step: fc.Arbitrary<Step> = fc.record({ impact: positive, risk, cap })
  return fc
    .record({ lots: fc.nat(lotsMax), steps: fc.array(step, { minLength: 1, maxLength: stepsMax }) })
    .map(({ lots, steps }) => ({
      lots,
      impact: steps.map(({ impact }) => impact),
      risk: steps.map(({ risk: held }) => held),
      caps: steps.map(({ cap: most }) => most),
    }))
}

/** Every schedule in whole lots within the caps, one after another. */
function* schedules({ lots, caps }: Problem, step = 0, left = lots): Generator<number[]> {
  if (step === caps.length - 1) {
    if (left <= (caps[step] as number)) yield [left]
    return
  }
  for (let now = 0; now <= Math.min(left, caps[step] as number); now += 1)
    for (const rest of schedules({ lots, caps, impact: [], risk: [] }, step + 1, left - now))
      yield [now, ...rest]
}

/** How far a schedule is from satisfying Karush, Kuhn and Tucker's conditions: they say it is the minimum of a convex problem. */
function violation({ lots, impact, risk: risks, caps }: Problem, sent: readonly number[]): number {
  const held: number[] = []
  let left = lots
  for (const now of sent) held.push((left -= now))
  // The derivative of the cost by n_k: what sending costs, less what is then not held any more.
  let behind = 0
  // What a quantity that is wrong in its last digits does to a derivative.
  const scale = 2 * Math.max(1, lots) * Math.max(...impact, ...risks)
  const slopes = sent
    .map((_, at) => {
      const step = sent.length - 1 - at
      if (step < sent.length - 1) behind += 2 * (risks[step] as number) * (held[step] as number)
      return 2 * (impact[step] as number) * (sent[step] as number) - behind
    })
    .toReversed()
  const near = 1e-9 * Math.max(1, lots)
  const givers = slopes.filter((_, step) => (sent[step] as number) > near)
  const takers = slopes.filter((_, step) => (sent[step] as number) < (caps[step] as number) - near)
  return givers.length === 0 || takers.length === 0
    ? 0
    : Math.max(0, Math.max(...givers) - Math.min(...takers)) / scale
}

describe('the capped problem', () => {
  // impact 1 and 1, risk 1 in the first: n² + (1−n)² + (1−n)² is least where 2n = 4(1 − n), n = 2/3.
  test('by hand, and at its cap', () => {
    const [now, then] = solveCapped({ lots: 1, impact: [1, 1], risk: [1, 0], caps: [5, 5] }) ?? []
    expect(now).toBeCloseTo(2 / 3, 15)
    expect(then).toBeCloseTo(1 / 3, 15)
    expect(solveCapped({ lots: 9, impact: [1, 1], risk: [1, 0], caps: [5, 5] })).toEqual([5, 4])
    expect(solveCapped({ lots: 11, impact: [1, 1], risk: [1, 0], caps: [5, 5] })).toBeUndefined()
  })

  // Without risk lots go by 1/impact: 1 : 1/2 : 1/5 of 17 is 10, 5, 2. With the first capped at 3, 14 go as 10 and 4.
  test('without risk it goes by liquidity', () => {
    const problem = { lots: 17, impact: [1, 2, 5], risk: [0, 0, 0], caps: [17, 17, 17] }
    for (const [step, lots] of [10, 5, 2].entries())
      expect(solveCapped(problem)?.[step]).toBeCloseTo(lots, 12)
    expect(solveLots({ ...problem, caps: [3, 17, 17] })).toEqual([3, 10, 4])
  })

  test('where nothing changes and no cap binds it is Almgren and Chriss’s closed form', () => {
    const ratios = fc.oneof(fc.double({ min: 0, max: 50, noNaN: true }), fc.constantFrom(0, 1e-9, 1e6))
    fc.assert(
      fc.property(ratios, fc.integer({ min: 1, max: 80 }), (ratio, steps) => {
        const same = (value: number): number[] => Array.from({ length: steps }, () => value)
        const sent = solveCapped({ lots: 1000, impact: same(1), risk: same(ratio), caps: same(1000) }) ?? []
        let left = 1000
        for (const [step, part] of partsHeld(kappaOf(ratio), steps).entries())
          expect(Math.abs((left -= sent[step] as number) - 1000 * part)).toBeLessThan(1e-8)
      }),
    )
  })

  test('satisfies the conditions of a minimum, stays within the caps and adds up', () => {
    fc.assert(
      fc.property(problemsOf(1_000_000, 24), (problem) => {
        const sent = solveCapped(problem)
        const room = sum(problem.caps)
        expect(sent === undefined).toBe(room < problem.lots)
        if (sent === undefined) return
        expect(Math.abs(sum(sent) - problem.lots)).toBeLessThanOrEqual(1e-9 * Math.max(1, problem.lots))
        for (const [step, now] of sent.entries())
          expect(now >= 0 && now <= (problem.caps[step] as number) + 1e-9 * problem.lots).toBe(true)
        expect(violation(problem, sent)).toBeLessThan(1e-12)
      }),
      { numRuns: 2000 },
    )
  })

  test('the conditions see a schedule that is not the minimum', () => {
    const problem = { lots: 100, impact: [1, 2, 5], risk: [1, 1, 0], caps: [100, 100, 100] }
    expect(violation(problem, solveCapped(problem) ?? [])).toBeLessThan(1e-15)
    expect(violation(problem, [34, 33, 33])).toBeGreaterThan(0.01)
  })
})

describe('in whole lots', () => {
  test('no schedule of all there are is cheaper', () => {
    let infeasible = 0
    fc.assert(
      fc.property(problemsOf(9, 4), (problem) => {
        const sent = solveLots(problem)
        let least = Number.POSITIVE_INFINITY
        for (const other of schedules(problem)) least = Math.min(least, costOf(problem, other))
        if (sent === undefined) {
          infeasible += 1
          expect(least).toBe(Number.POSITIVE_INFINITY)
          return
        }
        expect(sum(sent)).toBe(problem.lots)
        expect(
          sent.every(
            (now, step) => Number.isInteger(now) && now >= 0 && now <= (problem.caps[step] as number),
          ),
        ).toBe(true)
        expect(costOf(problem, sent)).toBeLessThanOrEqual(least * (1 + 1e-9))
      }),
      { numRuns: 3000 },
    )
    expect(infeasible).toBeGreaterThan(10)
  })

  test('is within a step of lots of the exact solution, for large orders too', () => {
    fc.assert(
      fc.property(problemsOf(2 ** 40, 24), (problem) => {
        const exact = solveCapped(problem)
        const sent = solveLots(problem)
        if (exact === undefined || sent === undefined) return
        expect(sum(sent)).toBe(problem.lots)
        const [cost, least] = [costOf(problem, sent), costOf(problem, exact)]
        expect(cost).toBeGreaterThanOrEqual(least * (1 - 1e-9))
      }),
    )
  })

  test.each<[string, Partial<Problem>]>([
    ['a quantity that is no whole number', { lots: 1.5 }],
    ['a quantity below zero', { lots: -1 }],
    ['a quantity that is none', { lots: Number.NaN }],
    ['no steps', { impact: [], risk: [], caps: [] }],
    ['a step that is missing', { caps: [1] }],
    ['no impact', { impact: [0, 1] }],
    ['an impact that is none', { impact: [Number.NaN, 1] }],
    ['an infinite impact', { impact: [Number.POSITIVE_INFINITY, 1] }],
    ['a risk below zero', { risk: [-1, 0] }],
    ['a cap below zero', { caps: [-1, 9] }],
    ['a cap that is none', { caps: [Number.NaN, 9] }],
  ])('%s makes no schedule', (_, change) => {
    const problem = { lots: 5, impact: [1, 1], risk: [1, 1], caps: [9, 9], ...change }
    expect(solveLots(problem)).toBeUndefined()
    expect(recedingLots(problem)).toBeUndefined()
  })

  test('more steps than are kept make no schedule', () => {
    const same = (value: number): number[] => Array.from({ length: STEPS_MAX + 1 }, () => value)
    expect(solveLots({ lots: 5, impact: same(1), risk: same(0), caps: same(9) })).toBeUndefined()
  })
})

describe('the receding schedule', () => {
  test('sends what the cap allows where it cannot be done in time', () => {
    expect(recedingLots({ lots: 30, impact: [1, 1], risk: [0, 0], caps: [10, 10] })).toBe(10)
  })

  test('where all came as expected it is the schedule made at the start', () => {
    fc.assert(
      fc.property(problemsOf(2000, 12), (problem) => {
        const sent = solveLots(problem)
        if (sent === undefined) return
        let rest = problem
        const receded = sent.map(() => {
          const now = recedingLots(rest) ?? Number.NaN
          const { lots, impact, risk: risks, caps } = rest
          rest = { lots: lots - now, impact: impact.slice(1), risk: risks.slice(1), caps: caps.slice(1) }
          return now
        })
        // Where several schedules are the cheapest another of them may come out.
        expect(Math.abs(costOf(problem, receded) - costOf(problem, sent))).toBeLessThanOrEqual(
          1e-9 * (1 + costOf(problem, sent)),
        )
      }),
    )
  })
})
