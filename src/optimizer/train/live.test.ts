import { expect, test } from 'vitest'
import { simulateLive } from './live.ts'
import { openMarkets } from './market.ts'
import { BASELINES } from './policies.ts'

const [terms] = Object.values(openMarkets(undefined, 3).tests)
if (terms === undefined) throw new Error('expected a market')

test('a live run sees that TWAP costs more than receding AC, order by order long before by lot', () => {
  const { readings, decided, differing } = simulateLive(
    terms,
    BASELINES['receding AC'],
    BASELINES.TWAP,
    500,
    1,
  )
  const last = readings.at(-1)
  expect(last?.orders).toBe(500)
  expect(last?.shadow.low).toBeGreaterThan(0)
  expect((last?.split.high ?? 0) - (last?.split.low ?? 0)).toBeGreaterThan(
    (last?.shadow.high ?? 0) - (last?.shadow.low ?? 0),
  )
  expect(decided.shadow).toBeLessThanOrEqual(500)
  expect(differing).toBeGreaterThan(400)
})

test('of a policy against itself the shadow sees nothing at all, and the lot nothing that is sure', () => {
  const { readings, decided, differing } = simulateLive(terms, BASELINES.TWAP, BASELINES.TWAP, 500, 1)
  expect([differing, decided.split, decided.shadow]).toEqual([0, undefined, undefined])
  expect(readings.at(-1)?.shadow).toEqual({ value: 0, low: 0, high: 0 })
})
