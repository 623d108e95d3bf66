import { expect, test } from 'vitest'
import type { Observation } from '../protocol/observation.ts'
import { answered, ask, idAt, NOW, PROGRAM, QUIET, ready, request, run } from '../../test/support/engine.ts'
import { permitId } from './permits.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

/** Enough trades for every order here. */
const LIQUID = QUIET.map((observation): Observation =>
  observation.kind === 'bar' ? { ...observation, volume: 40_000_000 } : observation,
)
const LATER = NOW + 1_500
const QUOTES: Input = {
  kind: 'observations',
  observations: LIQUID.flatMap((observation): Observation[] => {
    if (observation.kind === 'price') return [{ ...observation, at: LATER }]
    return observation.kind === 'bar' ? [{ ...observation, from: NOW - 298_500, to: LATER }] : []
  }),
  feeder: 'feed',
}

/** The state after alpha did what it asked for and sent it, and the decision. */
function sent(state: State, input: Input, now: number): [State, string] {
  const { decision = '', verdict } = answered(state, input, now) ?? {}
  expect(verdict).toBe('allow')
  return [
    run(state, [input, { kind: 'redeem', permit: permitId(decision), agent: 'alpha' }], now).state,
    decision,
  ]
}

const replace = (order: string, quantity: number, tail: string, limitPrice?: number): Input =>
  ask(
    request(
      {},
      {
        id: idAt(NOW, tail),
        action: {
          type: 'replace',
          account: 'main',
          instrument: 'AAPL',
          order,
          quantity,
          ...(limitPrice === undefined ? {} : { limitPrice }),
        },
      },
    ),
  )

test('a replacement that names no price takes that of the replacement which it replaces, confirmed or not', () => {
  const [first, order] = sent(ready(PROGRAM, LIQUID), ask(request()), NOW)
  const [second, dearer] = sent(first, replace(order, 150, '1', 203), NOW)
  const later = run(second, [QUOTES], LATER).state
  const [third, larger] = sent(later, replace(dearer, 160, '2'), LATER)
  expect(third.ledger.orders.get(order)?.pending.map(({ limitPrice }) => limitPrice)).toEqual([203, 203])

  // So nobody meets our own bid of 203 where 200 was taken for it.
  const confirmed = run(
    third,
    [
      {
        kind: 'executions',
        executions: [dearer, larger].map((of, place) => ({
          execution: `x-${place}`,
          order: of,
          event: 'replaced',
          at: LATER,
        })),
        feeder: 'venue',
      },
    ],
    LATER,
  ).state
  const offer = { id: idAt(NOW, '3'), agent: 'hedger' }
  const meeting = answered(
    confirmed,
    ask(request({ side: 'sell', quantity: 10, limitPrice: 202 }, offer)),
    LATER,
  )
  expect(meeting?.reasons.map(({ code }) => code)).toEqual(['SELF_MATCH'])
})
