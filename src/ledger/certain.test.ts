/** What is held for certain is whole lots, and never one more than there are. */
import { expect, test } from 'vitest'
import { folded, holding, tenths } from '../../test/support/ledger.ts'
import { certainLots } from './certain.ts'

/** The lots of a tenth that are held for certain where we hold `ours` and the broker so much more. */
function held(ours: number, difference?: number): number | undefined {
  const portfolio = folded(tenths(1), holding(2, ours)).portfolios.get('main')
  if (portfolio?.broker === undefined) throw new Error('expected a portfolio')
  const differences =
    difference === undefined
      ? portfolio.broker.differences
      : portfolio.broker.differences.set('AAPL', difference)
  return certainLots({ ...portfolio, broker: { ...portfolio.broker, differences } }, 'AAPL', ours, 0.1)
}

test.each<[number, number | undefined, number]>([
  [0.35, undefined, 3],
  [-0.35, undefined, -3],
  [0.05, undefined, 0],
  // The smaller of both.
  [0.35, -0.1, 2],
  [0.35, 0.1, 3],
  [-0.35, 0.1, -2],
  [0.35, -0.3, 0],
  // On opposite sides, or on none.
  [0.35, -0.7, 0],
  [-0.35, 0.35, 0],
  // So little less than three lots that no double tells it from them.
  [0.3, -1e-17, 2],
  [-0.3, 1e-17, -2],
])('of %d, where the broker has %s more, %d lots', (ours, difference, lots) => {
  expect(held(ours, difference)).toBe(lots)
})
