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

test('a replacement that names no price takes that of the replacement which it replaces, confirmed or not', () => {
  const [first, order] = sent(ready(PROGRAM, LIQUID), ask(request()), NOW)
  const [second, dearer] = sent(first, replace(order, 150, '1', 203), NOW)
  const later = run(second, [stillLiquid(LATER)], LATER).state
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
