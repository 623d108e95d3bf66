/** Replacing what is still being replaced. */
import { expect, test } from 'vitest'
import {
  answered,
  ask,
  idAt,
  LIQUID,
  NOW,
  PROGRAM,
  ready,
  request,
  run,
  sent,
  stillLiquid,
} from '../../test/support/engine.ts'
import type { Input } from './step.ts'

const LATER = NOW + 1_500

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

test('a replacement names its price where the one that it replaces is not confirmed: which of them the venue has nobody knows', () => {
  const [first, order] = sent(ready(PROGRAM, LIQUID), ask(request({ limitPrice: 203 })), NOW)
  const given = answered(first, replace(order, 100, '1', 199), NOW)?.decision ?? ''
  const asked = run(first, [replace(order, 100, '1', 199)], NOW).state
  const [sentToo] = sent(first, replace(order, 100, '1', 199), NOW)
  for (const state of [asked, sentToo]) {
    const without = answered(state, replace(given, 120, '2'), NOW)
    expect([without?.verdict, without?.reasons.map(({ code }) => code)]).toEqual([
      'deny',
      ['LIMIT_PRICE_UNKNOWN'],
    ])
    expect(answered(state, replace(given, 120, '2', 199), NOW)?.verdict).toBe('allow')
  }
  // One that was never sent is gone with its permit.
  const late = NOW + 6_000
  const lapsed = run(asked, [{ kind: 'tick', listeningSince: NOW }, stillLiquid(late)], late).state
  expect(answered(lapsed, replace(order, 120, '2'), late)?.verdict).toBe('allow')
})

test('a replacement that names no price takes that of the replacement which it replaces, once that is confirmed', () => {
  const [first, order] = sent(ready(PROGRAM, LIQUID), ask(request()), NOW)
  const [second, dearer] = sent(first, replace(order, 150, '1', 203), NOW)
  const told = { execution: 'x', order: dearer, event: 'replaced', filled: 0, at: NOW } as const
  const known = run(second, [{ kind: 'executions', executions: [told], feeder: 'venue' }], NOW).state
  const later = run(known, [stillLiquid(LATER)], LATER).state
  const [third, larger] = sent(later, replace(dearer, 160, '2'), LATER)
  expect(third.ledger.orders.get(order)?.pending.map(({ limitPrice }) => limitPrice)).toEqual([203])

  // So nobody meets our own bid of 203 where 200 was taken for it.
  const confirmed = run(
    third,
    [
      {
        kind: 'executions',
        executions: [larger].map((of, place) => ({
          execution: `x-${place}`,
          order: of,
          event: 'replaced' as const,
          filled: 0,
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
