/** A clock that steps by hours: nothing is allowed on data of before, and nothing is decided while it stands before what was recorded. */
import { expect, test } from 'vitest'
import {
  answered,
  ask,
  idAt,
  LIQUID,
  NOW,
  PROGRAM,
  ready,
  refused,
  request,
  run,
  stillLiquid,
} from '../../test/support/engine.ts'
import type { ActionRequest } from '../protocol/action.ts'

const LATER = NOW + 3 * 3_600_000
const at = (now: number, change: Parameters<typeof request>[0] = {}): ActionRequest =>
  request(change, { id: idAt(now, 'C') })

test('forward: nothing is allowed until all is reported anew', () => {
  const state = ready(PROGRAM, LIQUID)
  expect(answered(state, ask(at(NOW)))?.verdict).toBe('allow')
  expect(answered(state, ask(at(LATER)), LATER)?.verdict).toBe('deny')
  // Reports that come with the right time are as old as the step.
  const told = run(state, [stillLiquid(NOW + 1000)], LATER)
  expect(told.effects).toMatchObject([{ kind: 'observed', refused: [] }])
  expect(answered(told.state, ask(at(LATER)), LATER)?.verdict).toBe('deny')
})

test('forward and back: what is new is held until time has caught up', () => {
  const jumped = run(ready(PROGRAM, LIQUID), [stillLiquid(LATER)], LATER).state
  const back = NOW + 60_000
  expect(refused(jumped, ask(at(back)), back)).toBe('CLOCK_BACKWARDS')
  expect(refused(jumped, stillLiquid(back), back)).toBe('CLOCK_BACKWARDS')
  expect(refused(jumped, ask(at(back)), LATER - 1)).toBe('CLOCK_BACKWARDS')
  const caughtUp = ask(at(LATER))
  expect(answered(jumped, caughtUp, LATER)?.verdict).toBeDefined()
  const action = { type: 'cancel', account: 'main', instrument: 'AAPL', order: 'd-1' } as const
  expect(answered(jumped, ask({ ...at(back), action }), back)?.verdict).toBe('allow')
})
