/** What was located can be sold short once. */
import { describe, expect, test } from 'vitest'
import {
  answered,
  asking,
  codesOf,
  LIQUID,
  NOW,
  observe,
  PROGRAM,
  ready,
  run,
  sent,
  stillLiquid,
} from '../../test/support/engine.ts'
import { keyOf } from '../ledger/ledger.ts'
import type { Execution } from '../protocol/execution.ts'
import type { Observation } from '../protocol/observation.ts'
import type { Order } from '../protocol/action.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

const FLAT: Observation = { kind: 'portfolio', account: 'main', positions: [], at: NOW - 500 }
const located = (quantity: number, at: number): Observation => ({
  kind: 'locate',
  account: 'main',
  instrument: 'AAPL',
  quantity,
  at,
})
const filled = (order: string, at: number): Input => {
  const execution: Execution = { execution: `x-${order}`, order, event: 'filled', filled: 100, at }
  return { kind: 'executions', executions: [execution], feeder: 'venue' }
}

const SHORT = { side: 'sell' } as const

/** A hundred located and none held. */
const begin = (): State =>
  ready(PROGRAM, [...LIQUID.filter(({ kind }) => kind !== 'portfolio'), FLAT, located(100, NOW - 400)])

/** The state after an order was sent at `now` and filled whole. */
function done(state: State, change: Partial<Order>, now: number): State {
  const [next, order] = sent(run(state, [stillLiquid(now)], now).state, asking(now, change), now)
  return run(next, [filled(order, now)], now).state
}

const left = (state: State): unknown => state.ledger.locates.get(keyOf('main', 'AAPL'))?.quantity

describe('a hundred shares are located and none held', () => {
  test('they are sold short once, not again with each fill', () => {
    const later = NOW + 1_500
    const state = run(done(begin(), SHORT, NOW), [stillLiquid(later)], later).state
    expect(codesOf(state, asking(later, SHORT), later)).toEqual(['SHORT_SALE'])
    // One share is as much too many.
    expect(codesOf(state, asking(later, { ...SHORT, quantity: 1 }), later)).toEqual(['SHORT_SALE'])
  })

  test('what is bought back is not borrowed again until somebody reports that it can be', () => {
    const covered = done(done(begin(), SHORT, NOW), { side: 'buy' }, NOW + 1_500)
    const later = NOW + 3_000
    const state = run(covered, [stillLiquid(later)], later).state
    expect(codesOf(state, asking(later, SHORT), later)).toEqual(['SHORT_SALE'])
    const again = run(state, [observe(located(100, later))], later).state
    expect(answered(again, asking(later, SHORT), later)?.verdict).toBe('allow')
  })

  test('a fill from before the report is told in it already, and what is sold out of a holding borrows nothing', () => {
    const [waiting, order] = sent(run(begin(), [stillLiquid(NOW)], NOW).state, asking(NOW, SHORT), NOW)
    const reported = run(waiting, [observe(located(70, NOW + 10))], NOW + 10).state
    expect(left(run(reported, [filled(order, NOW + 9)], NOW + 20).state)).toBe(70)
    expect(left(run(reported, [filled(order, NOW + 10)], NOW + 20).state)).toBe(0)
    const bought = done(begin(), { side: 'buy' }, NOW)
    expect(left(done(bought, SHORT, NOW + 1_500))).toBe(100)
  })

  describe('what an adoption makes short is borrowed', () => {
    const at = NOW + 1_000
    const short = (quantity: number, as = at): Observation => ({
      ...FLAT,
      positions: [{ instrument: 'AAPL', quantity }],
      at: as,
    })
    const adopt: Input = { kind: 'adopt', account: 'main', operator: 'operator-1', reason: 'seen' }

    test('also where it is our own fill, which is told later', () => {
      const [waiting, order] = sent(run(begin(), [stillLiquid(NOW)], NOW).state, asking(NOW, SHORT), NOW)
      const told = run(waiting, [observe(short(-100)), adopt, filled(order, NOW + 500)], at).state
      const later = at + 1_500
      const state = run(told, [stillLiquid(later), observe(short(-100, later))], later).state
      expect([state.ledger.halts.size, left(state)]).toEqual([0, 0])
      expect(codesOf(state, asking(later, SHORT), later)).toEqual(['SHORT_SALE'])
    })

    test('by as much as it got shorter, and not what was located after the word that is adopted', () => {
      const adopted = (...observations: Observation[]): unknown =>
        left(run(begin(), [observe(...observations), adopt], at).state)
      expect(adopted(short(-30))).toBe(70)
      expect(adopted(short(30))).toBe(100)
      expect(adopted(short(-30), located(100, at))).toBe(70)
      expect(adopted(short(-30, at - 1), located(100, at))).toBe(100)
    })
  })
})
