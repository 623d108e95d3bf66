/** Records as feeders made them, as a quorum weighs them: a golden one by hand, and those that are short, flat, lost or broken. */
import { expect, test } from 'vitest'
import { List } from 'immutable'
import { NOW } from '../../test/support/engine.ts'
import { quorate } from '../../test/support/quorum.ts'
import { weigh } from '../consensus/weights.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { TrackDay } from '../ledger/track-days.ts'
import { NO_TRACK_RECORD } from '../ledger/track-record.ts'
import type { Performance } from '../protocol/roster.ts'
import type { Policy } from '../protocol/policy.ts'
import { agentsOf } from './voters.ts'

const { ledger, quorum } = quorate()
const policy = quorum.policies?.byName.get('large-orders') as Policy
const short: Policy = { ...policy, weights: { ...policy.weights, record: 3 } }
const day = (profit: number | undefined, more: Partial<TrackDay> = {}): TrackDay => ({
  day: 20_000,
  profit,
  capital: 1000,
  traded: true,
  upMs: 50,
  registeredMs: 100,
  ...more,
})

/** How the execution specialist did, with capital, on these days. */
function of(days: readonly TrackDay[]): Performance | null {
  const agents = ledger.agents.update('quick', (state) => {
    if (state === undefined) throw new Error('no such agent')
    return { ...state, capital: { amount: 1000, currency: 'USD' } }
  })
  const trackRecords = ledger.trackRecords.set('quick', { ...NO_TRACK_RECORD, days: List(days) })
  const world: Ledger = { ...ledger, agents, trackRecords }
  const found = agentsOf(world, NOW).find(({ agent }) => agent === 'quick')
  if (found === undefined) throw new Error('no such agent')
  return found.performance
}
const weighed = (days: readonly TrackDay[]) =>
  weigh(short, { role: 'specialist', field: 'execution' }, of(days))

/**
 * By hand: on a capital of 1,000 a profit of 20, a loss of 10, a profit of 20. Returns 0.02, −0.01, 0.02: their mean is 0.01, the squares of what they are off
 * 0.0001, 0.0004, 0.0001, which over 2 is 0.0003, so the deviation is √0.0003. Sharpe = 0.01 / √0.0003 · √365 = √(0.0001 / 0.0003 · 365) = √121.666… =
 * 11.0302614…. Equity 1, 1.02, 1.02 · 0.99, 1.02 · 0.99 · 1.02: the largest fall is a hundredth. Up 150 of 300. Sharpe above 3 counts in full, so
 * w = 0.5 · 1 + 0.3 · (1 − 0.01) + 0.2 · 0.5 = 0.5 + 0.297 + 0.1 = 0.897.
 */
test('a golden record', () => {
  const days = [day(20), day(-10), day(20)]
  const found = of(days)
  expect(found?.periods).toBe(3)
  expect(found?.sharpe).toBeCloseTo(Math.sqrt(365 / 3), 12)
  expect(found?.drawdown).toBeCloseTo(0.01, 15)
  expect(found?.uptime).toBe(0.5)
  expect(weighed(days)).toEqual({ raw: 897_000_000, basis: 'record' })
})

test.each<[string, readonly TrackDay[], Partial<Performance>, ReturnType<typeof weighed>]>([
  // 0.3 · 0.99 · 0.98 · 0.97 + 0.2 · 0.5: a ratio below −1 counts for nothing.
  [
    'losses every day',
    [day(-10), day(-20), day(-30)],
    { drawdown: 1 - 0.99 * 0.98 * 0.97 },
    { raw: 382_328_200, basis: 'record' },
  ],
  // 0.3 + 0.1: without volatility there is no ratio, and it counts as the least.
  [
    'days on which nothing moved',
    [day(0), day(0), day(0)],
    { sharpe: null, drawdown: 0 },
    { raw: 400_000_000, basis: 'record' },
  ],
  [
    'a lucky cent, and no trade since',
    [day(0.01), ...Array.from({ length: 59 }, () => day(0, { traded: false }))],
    { periods: 1, sharpe: expect.closeTo(Math.sqrt(365 / 60), 12) as number },
    { raw: 400_000_000, basis: 'group' },
  ],
  [
    'capital that is taken away: 90 % is lost, whatever it was before',
    [day(0, { capital: 1_000_000 }), day(-900), day(0)],
    { drawdown: 0.9 },
    { raw: 130_000_000, basis: 'record' },
  ],
  [
    'days before it was given capital',
    [day(undefined, { capital: undefined }), day(10), day(10), day(10)],
    { periods: 3, sharpe: null, drawdown: 0 },
    { raw: 400_000_000, basis: 'record' },
  ],
  [
    'the same every day',
    [day(10), day(10), day(10)],
    { sharpe: null },
    { raw: 400_000_000, basis: 'record' },
  ],
  // Too short a record: the policy's word, 40 % for specialists.
  ['one day', [day(500)], { periods: 1, sharpe: null }, { raw: 400_000_000, basis: 'group' }],
  ['no day', [], { periods: 0 }, { raw: 400_000_000, basis: 'group' }],
  [
    'a day whose profit nobody knows',
    [day(10), day(undefined), day(10)],
    { sharpe: Number.NaN },
    { raw: 0, basis: 'unusable' },
  ],
  [
    'a day without capital, with which the record begins anew',
    [day(-10), day(10, { capital: undefined }), day(10), day(10), day(10)],
    { periods: 3, drawdown: 0 },
    { raw: 400_000_000, basis: 'record' },
  ],
  ['a profit that is no number', [day(10), day(Number.NaN), day(10)], {}, { raw: 0, basis: 'unusable' }],
  [
    // All is lost, and no more than all: 0.2 · 0.5 is left.
    'more lost than there was',
    [day(10), day(-5000), day(10)],
    { drawdown: 1 },
    { raw: 100_000_000, basis: 'record' },
  ],
  // What is broken weighs nothing from the first day on, or breaking one's record would pay.
  ['one day, broken', [day(undefined)], {}, { raw: 0, basis: 'unusable' }],
])('%s', (_, days, performance, weight) => {
  expect(of(days)).toMatchObject(performance)
  expect(weighed(days)).toEqual(weight)
})
