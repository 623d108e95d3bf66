/** What is spent counts until a report that is believed has it. */
import { expect, test } from 'vitest'
import {
  answered,
  ask,
  asking,
  codesOf,
  idAt,
  LIQUID,
  NOW,
  observe,
  PROGRAM,
  ready,
  request,
  run,
  sent,
  stillLiquid,
} from '../../test/support/engine.ts'
import { committedOf } from '../ledger/committed.ts'
import type { Observation } from '../protocol/observation.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

const account = (at: number, credit: number, equity = 10_000_000): Observation => ({
  kind: 'account',
  account: 'main',
  currency: 'USD',
  equity,
  cash: 0,
  credit,
  at,
})
const told = (order: string, of: object, at = NOW): Input => ({
  kind: 'executions',
  executions: [{ execution: `x-${JSON.stringify(of)}`, order, at, ...of } as never],
  feeder: null,
})
let serial = 0
const replacing = (order: string, quantity: number): Input => {
  const action = {
    type: 'replace',
    account: 'main',
    instrument: 'AAPL',
    order,
    quantity,
    limitPrice: 200,
  } as const
  return ask(request({}, { id: idAt(NOW, `R${(serial += 1)}`), action }))
}
const committed = ({ ledger }: State) => Number(committedOf(ledger, 'main').micro) / 1_000_000
const with30k = LIQUID.map((one) => (one.kind === 'account' ? { ...one, credit: 30_000 } : one))

test('a credit that is not believed neither takes what was spent off nor renews the one that is held on to', () => {
  const [open, order] = sent(ready(PROGRAM, with30k), asking(NOW, { quantity: 100, limitPrice: 200 }), NOW)
  const state = run(open, [told(order, { event: 'filled', filled: 100 })], NOW).state
  const next = asking(NOW, { quantity: 99, limitPrice: 200.5 })
  expect(codesOf(state, next, NOW)).toEqual(['CREDIT'])
  const leapt = run(state, [observe(account(NOW + 100, 1_000_000_000, 9_999_999))], NOW + 100).state
  expect([leapt.ledger.accounts.get('main')?.credit, committed(leapt)]).toEqual([30_000, 20_000])
  expect(codesOf(leapt, next, NOW + 100)).toContain('CREDIT')

  // Ninety seconds of it: what was believed last is too old for anything.
  let late = leapt
  for (let second = 1; second <= 90; second += 1) {
    const at = NOW + second * 1_000
    late = run(late, [observe(account(at, 1_000_000_000, 9_999_999 - second))], at).state
  }
  const at = NOW + 90_000
  const told90 = run(
    late,
    [
      observe(
        ...(stillLiquid(at) as Input & { kind: 'observations' }).observations.filter(
          ({ kind }) => kind !== 'account',
        ),
      ),
    ],
    at,
  ).state
  const found = answered(told90, asking(at, { quantity: 1, limitPrice: 200 }), at)
  expect(found?.reasons.map(({ code, result }) => `${code} ${result}`)).toEqual(['CREDIT unknown'])
  // One that is believed has all of it.
  expect(committed(run(told90, [observe(account(at, 20_000))], at).state)).toBe(0)
})

test('what filled before a cheaper replacement costs what it was allowed to, whichever is heard of first', () => {
  const with40k = LIQUID.map((one) => (one.kind === 'account' ? { ...one, credit: 40_700 } : one))
  const [open, order] = sent(ready(PROGRAM, with40k), asking(NOW, { quantity: 100, limitPrice: 206 }), NOW)
  const [state, replaced] = sent(open, replacing(order, 100), NOW)
  const words = [
    told(order, { event: 'filled', filled: 99 }),
    told(replaced, { event: 'replaced', filled: 99 }),
  ]
  for (const inputs of [words, words.toReversed()]) {
    const after = run(state, inputs, NOW).state
    expect(committed(after)).toBe(99 * 206 + 200)
    expect(codesOf(after, asking(NOW + 1, { quantity: 101, limitPrice: 200.5 }), NOW + 1)).toContain('CREDIT')
  }
})

test('a replacement is held to what may still fill: what filled is counted already', () => {
  const [open, order] = sent(ready(PROGRAM, with30k), asking(NOW, { quantity: 100, limitPrice: 200 }), NOW)
  const state = run(open, [told(order, { event: 'filled', filled: 90 })], NOW).state
  // 18,000 are spent: 60 more at 200 are all that is left.
  expect(answered(state, replacing(order, 150))?.verdict).toBe('allow')
  expect(codesOf(state, replacing(order, 151), NOW)).toEqual(['CREDIT'])
})
