import { describe, expect, test } from 'vitest'
import { seeded } from '../../base/random.ts'
import { costOf } from '../schedules/problem.ts'
import { Execution, type Terms } from './execution.ts'
import { constantMarket, PARTICIPATION } from './market.ts'
import { drawOrder, FREE_MIX, MIX } from './orders.ts'
import { BASELINES, execute, hindsightCost, tuned, type Policy } from './policies.ts'
import { FIGURES, simulate, STRESSED } from './simulate.ts'
import { reversionOf, sliceOf, startsIn, WARM_UP, type Track } from './track.ts'

const termsOf = (track: Track): Terms => ({
  track,
  reversion: reversionOf(track),
  participation: PARTICIPATION,
})
const calm = termsOf(simulate(FIGURES, 6000, 1))
const stressed = termsOf(simulate(STRESSED, 6000, 2))
const ordersIn = ({ track }: Terms, count: number, mix = MIX): ReturnType<typeof drawOrder>[] => {
  const chance = seeded(3)
  const starts = startsIn(track, mix.steps)
  return Array.from({ length: count }, () => drawOrder(starts, mix, chance))
}

describe('the simulated market', () => {
  test('is the same for the same seed', () => {
    expect(simulate(FIGURES, 500, 7).volume).toEqual(simulate(FIGURES, 500, 7).volume)
    expect(simulate(FIGURES, 500, 7).volume).not.toEqual(simulate(FIGURES, 500, 8).volume)
  })

  // What `reversionOf` finds in the training part of the hourly bars of BTC/USD.
  test('moves as the bars do that its figures were read off', () => {
    const { volume, variance } = reversionOf(simulate(FIGURES, 40_000, 5))
    expect(volume.persistence).toBeCloseTo(0.47, 1)
    expect(volume.noise).toBeCloseTo(0.7, 1)
    expect(variance.persistence).toBeCloseTo(0.35, 1)
    expect(variance.noise).toBeCloseTo(1, 1)
  })

  test('has gaps, halts, droughts and caps that change, and under stress more of them', () => {
    const count = ({ halted, capFactor, volume, usualVolume }: Track): number[] => [
      halted.filter((halt) => halt === 1).length,
      capFactor.filter((factor, at) => at > 0 && factor !== capFactor[at - 1]).length,
      volume.filter((of, at) => of < 0.1 * (usualVolume[at] as number)).length,
    ]
    const [usual, more] = [count(calm.track), count(stressed.track)] as [number[], number[]]
    for (const [at, found] of usual.entries()) {
      expect(found).toBeGreaterThan(0)
      expect(more[at]).toBeGreaterThan(3 * found)
    }
    expect(calm.track.run.filter((run, at) => at > 0 && run === 0).length).toBeGreaterThan(0)
  })
})

describe('an order in a market', () => {
  test('begins only where everything before and after is there', () => {
    const { track } = calm
    for (const start of startsIn(track, MIX.steps)) expect(track.run[start]).toBeGreaterThanOrEqual(WARM_UP)
    expect(startsIn(sliceOf(track, 1000, 1000 + WARM_UP + MIX.steps - 1), MIX.steps)).toEqual([])
  })

  test('knows nothing of the bar it is in, nor of later ones', () => {
    for (const order of ordersIn(calm, 50)) {
      const spoiled = (column: Float64Array, from: number): Float64Array =>
        column.map((value, at) => (at < from ? value : value * 7))
      for (const step of [0, 3]) {
        const now = order.start + step
        const { track } = calm
        const other: Terms = {
          ...calm,
          track: {
            ...track,
            volume: spoiled(track.volume, now),
            variance: spoiled(track.variance, now),
            usualVolume: spoiled(track.usualVolume, now + 1),
            usualVariance: spoiled(track.usualVariance, now + 1),
          },
        }
        const seen = [calm, other].map((terms) => {
          const execution = new Execution(terms, order)
          for (let gone = 0; gone < step; gone += 1) execution.send(0)
          const caps = execution.caps()
          const region = execution.region(caps)
          const { flat, expected } = execution.outlook(caps)
          return {
            caps,
            region,
            flat: flat(),
            expected: expected(),
            situation: execution.situation(region, 1),
          }
        })
        expect(seen[1]).toEqual(seen[0])
      }
    }
  })

  test('costs what the schedule costs in the problem as it turned out', () => {
    for (const order of ordersIn(calm, 100)) {
      const sent: number[] = []
      const noting: Policy = (execution, region, caps) => {
        sent.push(BASELINES['receding AC'](execution, region, caps))
        return sent.at(-1) as number
      }
      const { cost, leftOver } = execute(calm, order, noting)
      const left = leftOver * order.lots
      const charged = costOf(new Execution(calm, order).hindsight(), sent)
      if (left === 0) expect(cost).toBeCloseTo(charged, 9)
      else expect(cost).toBeGreaterThan(charged)
    }
  })

  test.each([
    ['calm', calm],
    ['stressed', stressed],
  ])('is never cheaper than hindsight, by any policy: %s', (_, terms) => {
    for (const order of ordersIn(terms, 150)) {
      const least = hindsightCost(terms, order)
      for (const policy of Object.values(BASELINES)) {
        const { cost, leftOver } = execute(terms, order, policy)
        expect(leftOver > 0 || cost >= least * (1 - 1e-9)).toBe(true)
      }
    }
  })

  test('a policy that leaves the region is caught', () => {
    const [order] = ordersIn(calm, 1) as [ReturnType<typeof drawOrder>]
    expect(() => execute(calm, order, (_, { hi }) => hi + 1)).toThrow('outside')
    expect(() => execute(calm, order, () => Number.NaN)).toThrow('outside')
  })
})

const meanCost = (terms: Terms, policy: Policy, mix = MIX): number => {
  const orders = ordersIn(terms, 600, mix)
  return orders.reduce((sum, order) => sum + execute(terms, order, policy).cost, 0) / orders.length
}

test('where nothing changes the closed form and both receding ones agree, and cost 1', () => {
  const terms = constantMarket()
  for (const name of ['AC', 'receding AC', 'receding AC, expecting'] as const)
    expect(meanCost(terms, BASELINES[name], FREE_MIX)).toBeCloseTo(1, 3)
  expect(meanCost(terms, BASELINES.TWAP, FREE_MIX)).toBeGreaterThan(1.2)
})

test('where liquidity returns to what is usual, expecting it is cheaper', () => {
  expect(meanCost(calm, BASELINES['receding AC, expecting'])).toBeLessThan(
    0.99 * meanCost(calm, BASELINES['receding AC']),
  )
})

test('a model that says nothing, or nothing that can be used, leaves the schedule as it is', () => {
  const orders = ordersIn(calm, 40)
  for (const answer of [undefined, 0, Number.NaN]) {
    const policy = tuned('receding AC', () => answer)
    for (const order of orders)
      expect(execute(calm, order, policy)).toEqual(execute(calm, order, BASELINES['receding AC']))
  }
})
