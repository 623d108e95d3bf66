/** Another currency comes into force: what was counted in the one before is not read as the new one’s, and nobody can say what it is until it is reported or over. */
import { describe, expect, test } from 'vitest'
import { ask, dump, idAt, NOW, programWith, QUIET, ready, request, run } from '../../test/support/engine.ts'
import type { Program } from '../constitution/compile.ts'
import type { Action, Order } from '../protocol/action.ts'
import type { Execution } from '../protocol/execution.ts'
import type { Observation } from '../protocol/observation.ts'
import { readState, stateLines } from './state-lines.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

const limit = (forbid: string): object => ({
  id: 'credit',
  title: 'credit',
  forbid,
  applies: { actions: ['order', 'replace'] },
  unless: 'action.reducing',
})
// What the account has in yen is not known in dollars.
const CAP = limit('account.committed + order.value > 1500000 USD')
const DOLLARS = programWith([CAP], { currency: 'USD' })
const LATER_DOLLARS = programWith([CAP], { currency: 'USD', version: '9.0.0' })
const YEN = programWith([limit('account.committed + order.value > account.credit')], { currency: 'JPY' })
const programOf = (hash: string): Program | undefined =>
  [DOLLARS, YEN, LATER_DOLLARS].find(({ constitution }) => constitution.hash === hash)

const ACCOUNT = {
  kind: 'account',
  account: 'main',
  currency: 'JPY',
  equity: 200_000_000,
  cash: 200_000_000,
} as const
/** A dollar is 150 yen, and the account has 200 million of those. */
const MARKET: readonly Observation[] = [
  ...QUIET.filter(({ kind }) => kind !== 'account'),
  { ...ACCOUNT, at: NOW - 500 },
  { kind: 'fx', base: 'USD', quote: 'JPY', rate: 150, at: NOW - 500 },
  { kind: 'fx', base: 'JPY', quote: 'USD', rate: 1 / 150, at: NOW - 500 },
]

const activate = (program: Program): Input => ({ kind: 'activate', program, by: 'author' })
const observed = (...observations: Observation[]): Input => ({
  kind: 'observations',
  observations,
  feeder: 'feed',
})

let serial = 0
function asked(
  state: State,
  action: Partial<Order> | Action,
): { state: State; id: string; verdict: string; codes: string[] } {
  const at = Math.max(NOW, state.lastAt)
  const of = request({}, { id: idAt(at, `${(serial += 1)}`) })
  const whole = (action.type === undefined ? { ...of.action, ...action } : action) as Action
  const { state: next, effects } = run(state, [ask({ ...of, action: whole })], at)
  const [effect] = effects
  if (effect?.kind !== 'answer') throw new Error(JSON.stringify(effect))
  const { decision: id, verdict, reasons } = effect.decision
  return { state: next, id, verdict, codes: reasons.map(({ code, result }) => `${code} ${result}`) }
}

function told(state: State, order: string, of: Partial<Execution>): State {
  const execution = { execution: `x-${(serial += 1)}`, order, event: 'filled', at: NOW, ...of } as Execution
  return run(state, [{ kind: 'executions', executions: [execution], feeder: 'venue' }], NOW).state
}

const committed = ({ ledger }: State) => ledger.committed.get('main')
/** A million dollars. */
const MILLION = { quantity: 5_000, limitPrice: 200 }
const MORE = { quantity: 100, limitPrice: 201 }
const UNKNOWN = ['CREDIT unknown']

const begun = ready(DOLLARS, MARKET)
const resting = asked(begun, MILLION)

describe('an order of a million dollars rests, and yen come into force', () => {
  const { state } = run(resting.state, [activate(YEN)], NOW)

  test('it was a million, and nobody says of how many yen', () => {
    expect(resting.verdict).toBe('allow')
    expect(committed(resting.state)).toEqual({ micro: 1_000_000_000_000n, unknown: 0 })
    expect(committed(state)).toEqual({ micro: 0n, unknown: 1 })
  })

  test('150 million yen more do not fit into 200 million', () => {
    expect(asked(state, { quantity: 5_000, limitPrice: 199 })).toMatchObject({
      verdict: 'deny',
      codes: UNKNOWN,
    })
  })

  test('once it is over what is asked for is measured again', () => {
    const ended = told(state, resting.id, { event: 'cancelled', filled: 0 })
    expect(committed(ended)).toBeUndefined()
    expect(asked(ended, MILLION).verdict).toBe('allow')
    expect(asked(asked(ended, MILLION).state, MILLION).codes).toEqual(['CREDIT breach'])
  })

  test('what fills of it is unknown until the account is reported', () => {
    const filled = told(state, resting.id, { filled: 5_000 })
    expect(asked(filled, MORE).codes).toEqual(UNKNOWN)
    const reported = run(
      filled,
      [observed({ ...ACCOUNT, equity: 200_000_000, cash: 50_000_000, at: NOW + 1 })],
      NOW + 1,
    )
    expect(reported.state.ledger.spent.size).toBe(0)
    expect(asked(reported.state, MORE).verdict).toBe('allow')
    expect(asked(reported.state, MILLION).codes).toEqual(['CREDIT breach'])
  })

  test('a late fill of an order that was over is unknown, too', () => {
    const over = told(resting.state, resting.id, { event: 'cancelled', filled: 0 })
    const late = told(run(over, [activate(YEN)], NOW).state, resting.id, { filled: 100 })
    expect(
      late.ledger.spent
        .get('main')
        ?.map(({ micro }) => micro)
        .toArray(),
    ).toEqual([undefined])
  })

  test('the state is written and read, and dollars that come back know nothing of it', () => {
    expect(dump(readState(stateLines(state), programOf))).toBe(dump(state))
    expect(asked(run(state, [activate(LATER_DOLLARS)], NOW).state, MORE).codes).toEqual(UNKNOWN)
  })
})

test('another constitution in the same currency leaves what is committed as it was', () => {
  const { state } = run(resting.state, [activate(LATER_DOLLARS)], NOW)
  expect(committed(state)).toEqual(committed(resting.state))
  expect(asked(state, MORE).verdict).toBe('allow')
})

describe('in yen nobody can say of', () => {
  const inYen = (state: State): State => run(state, [activate(YEN)], NOW).state

  test('what filled before', () => {
    const filled = told(resting.state, resting.id, { filled: 2_000 })
    const state = inYen(filled)
    expect(filled.ledger.spent.get('main')?.first()?.micro).toBe(400_000_000_000n)
    expect(
      state.ledger.spent
        .get('main')
        ?.map(({ micro }) => micro)
        .toArray(),
    ).toEqual([undefined])
    expect(asked(told(state, resting.id, { event: 'cancelled', filled: 2_000 }), MORE).codes).toEqual(UNKNOWN)
  })

  test('a replacement that waits, until it is confirmed under another', () => {
    const replace = {
      type: 'replace',
      account: 'main',
      instrument: 'AAPL',
      order: resting.id,
      quantity: 5_100,
      limitPrice: 200,
    } as const
    const pending = asked(resting.state, replace)
    expect(pending.verdict).toBe('allow')
    const state = inYen(pending.state)
    expect(committed(state)).toEqual({ micro: 0n, unknown: 1 })
    // Confirmed it is the same order.
    const confirmed = told(state, pending.id, { event: 'replaced', filled: 0 })
    expect(committed(confirmed)).toEqual({ micro: 0n, unknown: 1 })
    // One that was allowed in yen is worth those, once the venue has it.
    const inTheNew = asked(confirmed, { ...replace, order: pending.id, quantity: 5_000 })
    expect(inTheNew.verdict).toBe('allow')
    const known = told(inTheNew.state, inTheNew.id, { event: 'replaced', filled: 0 })
    expect(committed(known)).toEqual({ micro: 150_000_000_000_000n, unknown: 0 })
  })

  test('an exit, where what it is for is not held any more', () => {
    const exit = asked(begun, { side: 'sell', quantity: 800, limitPrice: 201 })
    const weight = exit.state.ledger.exits.get('main')?.first()
    expect(weight).toMatchObject({ lots: 800, worth: { unknown: 0 } })
    const state = inYen(exit.state)
    expect(state.ledger.exits.get('main')?.first()).toEqual({ ...weight, worth: { micro: 0n, unknown: 1 } })
    // It is still held, so it needs no money.
    expect(asked(state, MORE).verdict).toBe('allow')
    const positions = [{ instrument: 'AAPL', quantity: 100 }]
    const less = run(
      state,
      [
        observed({ kind: 'portfolio', account: 'main', positions, at: NOW }),
        { kind: 'adopt', account: 'main', operator: 'operator-1', reason: 'test' },
      ],
      NOW,
    )
    expect(asked(less.state, MORE).codes).toEqual(UNKNOWN)
    expect(told(less.state, exit.id, { event: 'cancelled', filled: 0 }).ledger.exits.size).toBe(0)
  })

  test('what a replacement is worth to a basket of dollars, also when they come back', () => {
    const basket = { id: 'b-1', value: 2_000_000 }
    const first = asked(begun, { ...MORE, basket })
    const replace = {
      type: 'replace',
      account: 'main',
      instrument: 'AAPL',
      order: first.id,
      quantity: 90,
    } as const
    const replaced = asked(inYen(first.state), { ...replace, limitPrice: 201 })
    expect(replaced.verdict).toBe('allow')
    const { state } = run(replaced.state, [activate(LATER_DOLLARS)], NOW)
    expect(first.state.ledger.baskets.first()?.committed).toEqual({ micro: 20_100_000_000n, unknown: 0 })
    expect(state.ledger.baskets.first()?.committed).toEqual({ micro: 0n, unknown: 1 })
  })

  test('cash that is on its way', () => {
    const cash = asked(begun, {
      type: 'transfer',
      account: 'main',
      asset: 'USD',
      amount: 1_000,
      destination: 'bank',
    })
    expect(committed(cash.state)).toEqual({ micro: 1_000_000_000n, unknown: 0 })
    const state = inYen(cash.state)
    expect(committed(state)).toEqual({ micro: 0n, unknown: 1 })
    expect(asked(state, MORE).codes).toEqual(UNKNOWN)
  })
})
