import { expect, test } from 'vitest'
import type { Action, Order } from '../protocol/action.ts'
import { Execution } from '../protocol/execution.ts'
import { Venue } from './demo-venue.ts'

const order = (side: 'buy' | 'sell', limitPrice?: number): Order => ({
  type: 'order',
  account: 'main',
  instrument: 'AAPL',
  side,
  quantity: 100,
  orderType: limitPrice === undefined ? 'market' : 'limit',
  ...(limitPrice === undefined ? {} : { limitPrice }),
})
const venueOf = (seed: number): Venue => new Venue({ seed, now: () => 7, priceOf: () => 200, multiplier: 50 })

test('does the same for the same seed, says what fits the protocol, and counts up to the order', () => {
  const run = (seed: number): Execution[] => {
    const venue = venueOf(seed)
    for (let count = 0; count < 20; count++) venue.send(`d-${count}`, order('buy'))
    venue.finish()
    expect(venue.open).toEqual([])
    expect(venue.total).toEqual({ bought: 2_000, sold: 0, notional: 2_000 * 200 * 50 })
    return venue.takeReports()
  }
  expect(run(3)).toEqual(run(3))
  expect(run(3)).not.toEqual(run(4))
  const filled = new Map<string, number>()
  for (const report of run(3)) {
    Execution.parse(report)
    expect(report.filled).toBeGreaterThanOrEqual(filled.get(report.order) ?? 0)
    filled.set(report.order, report.filled ?? 0)
  }
  expect(new Set(filled.values())).toEqual(new Set([100]))
})

test('an order that the market does not reach rests until it is cancelled', () => {
  const venue = venueOf(1)
  venue.send('d-1', order('buy', 199))
  venue.send('d-2', order('sell', 201))
  venue.send('d-3', order('sell', 200))
  venue.finish()
  expect(venue.open).toEqual(['d-1', 'd-2'])
  const cancel = (of: string): Action => ({ type: 'cancel', account: 'main', instrument: 'AAPL', order: of })
  venue.send('d-4', cancel('d-1'))
  venue.send('d-5', cancel('d-1'))
  expect(venue.open).toEqual(['d-2'])
  expect(venue.takeReports().at(-1)).toMatchObject({ order: 'd-1', event: 'cancelled', filled: 0 })
  expect(venue.takeReports()).toEqual([])
})
