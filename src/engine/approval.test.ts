/** What lies within an approval, and what does not. */
import { expect, test } from 'vitest'
import { BUY } from '../../test/support/engine.ts'
import type { Order } from '../protocol/action.ts'
import { keepsHorizon, liesWithin } from './approval.ts'

const HOURLY = { execution: { horizonMs: 3_600_000, urgency: 0 } }
const ONE = { parent: { id: 'one', quantity: 500 } }

test.each<[string, Partial<Order>, Partial<Order>, boolean]>([
  ['as it was', {}, {}, true],
  ['of less, at a better limit', {}, { quantity: 1, limitPrice: 199 }, true],
  ['of more', {}, { quantity: 101 }, false],
  ['at a worse limit', {}, { limitPrice: 200.01 }, false],
  ['to sell', {}, { side: 'sell' }, false],
  ['in another account', {}, { account: 'other' }, false],
  ['of its parent', ONE, { ...ONE, quantity: 50 }, true],
  ['of another parent', ONE, { parent: { id: 'two', quantity: 500 } }, false],
  ['of a larger parent', ONE, { parent: { id: 'one', quantity: 501 } }, false],
  ['of no parent', ONE, {}, false],
  ['in slices that name it as theirs', {}, { ...ONE, quantity: 50 }, true],
])('an order %s', (_, approved, change, isWithin) => {
  expect(liesWithin({ ...BUY, ...change }, { action: { ...BUY, ...approved }, left: 100 })).toBe(isWithin)
})

test('anything else just as it was, and once', () => {
  const transfer = { type: 'transfer', account: 'main', asset: 'USD', amount: 5, destination: 'x' } as const
  expect(liesWithin(transfer, { action: transfer, left: 1 })).toBe(true)
  expect(liesWithin(transfer, { action: transfer, left: 0 })).toBe(false)
  expect(liesWithin({ ...transfer, amount: 4 }, { action: transfer, left: 1 })).toBe(false)
})

test.each<[string, Partial<Order>, Partial<Order>, readonly 'narrow'[] | undefined, boolean]>([
  ['over its horizon, in parts', HOURLY, HOURLY, ['narrow'], true],
  ['over its horizon, and whole', HOURLY, HOURLY, undefined, false],
  ['at once, where it was approved over an hour', HOURLY, {}, ['narrow'], false],
  ['over another horizon', HOURLY, { execution: { horizonMs: 1_000, urgency: 0 } }, ['narrow'], false],
  ['more urgently', HOURLY, { execution: { horizonMs: 3_600_000, urgency: 0.5 } }, ['narrow'], false],
  ['over an hour, where it was approved at once', {}, HOURLY, undefined, true],
])('an approval is drawn on %s', (_, approved, change, accept, keeps) => {
  expect(
    keepsHorizon({ ...BUY, ...change }, accept && [...accept], { action: { ...BUY, ...approved } }),
  ).toBe(keeps)
})
