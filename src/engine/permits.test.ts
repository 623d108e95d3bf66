/** Permits: those of replacements, in the order in which they are sent; those that are over; those of an earlier constitution. */
import { describe, expect, test } from 'vitest'
import {
  answered,
  ask,
  BUY,
  idAt,
  NOW,
  programWith,
  ready,
  refused,
  request,
  run,
} from '../../test/support/engine.ts'
import type { Execution } from '../protocol/execution.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import { heldBack } from './redeeming.ts'
import { decisionId } from './memory.ts'
import { NO_PERMITS, permitId } from './permits.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

const LOOSE = programWith([], {}, ['off-lot'])
const idOf = (tail: string): string => decisionId('alpha', idAt(NOW, tail))
const order = ask(request({}, { id: idAt(NOW, '1') }))
const replace = (tail: string, of: string, quantity: number): Input =>
  ask({
    ...request({}, { id: idAt(NOW, tail) }),
    action: {
      type: 'replace',
      account: 'main',
      instrument: BUY.instrument,
      order: idOf(of),
      quantity,
      limitPrice: 200,
    },
  })
const redeem = (tail: string): Input => ({ kind: 'redeem', permit: permitId(idOf(tail)), agent: 'alpha' })
const report = (execution: string, tail: string, event: Execution['event'], filled = 0): Input => ({
  kind: 'executions',
  feeder: 'venue',
  executions: [{ execution, order: idOf(tail), event, at: NOW, filled }],
})
const open = ({ ledger }: State): number => ledger.exposures.get('main')?.get(BUY.instrument)?.buy ?? 0

describe('the permit of a replacement is void', () => {
  test('once the order was never sent in time', () => {
    const { state } = run(ready(LOOSE), [order], NOW)
    const later = run(state, [replace('2', '1', 150)], NOW + 4_000).state
    expect(open(later)).toBe(150)
    const over = run(later, [{ kind: 'beat', agent: 'nobody' }], NOW + 5_000).state
    expect([open(over), over.permits.open.size]).toEqual([0, 0])
    expect(refused(over, redeem('2'), NOW + 5_000)).toBe('PERMIT_SPENT')
  })

  test.each([
    ['has ended', report('x', '1', 'cancelled')],
    ['has filled past it', report('x', '1', 'filled', 100)],
  ])('once the order %s', (_, told) => {
    const { state } = run(ready(LOOSE), [order, redeem('1'), replace('2', '1', 50), told], NOW)
    expect(open(state)).toBe(0)
    expect(refused(state, redeem('2'))).toBe('PERMIT_SPENT')
  })

  test('once a later one has taken its place', () => {
    const inputs = [order, redeem('1'), replace('2', '1', 150), replace('3', '2', 120), redeem('3')]
    const { state } = run(ready(LOOSE), [...inputs, report('x', '3', 'replaced')], NOW)
    expect(open(state)).toBe(120)
    expect(refused(state, redeem('2'))).toBe('PERMIT_SPENT')
  })

  test('while a later one is on its way, and not when that was refused', () => {
    const inputs = [order, redeem('1'), replace('2', '1', 150), replace('3', '2', 120), redeem('3')]
    const { state } = run(ready(LOOSE), inputs, NOW)
    expect(refused(state, redeem('2'))).toBe('PERMIT_SPENT')
    const { state: without } = run(state, [report('x', '3', 'rejected')], NOW)
    expect(run(without, [redeem('2')], NOW).effects).toMatchObject([{ kind: 'done' }])
  })
})

describe('permits that are over', () => {
  const many = Array.from({ length: 8 }, (_, at) => String(at + 1))
  const allowed = run(
    ready(LOOSE),
    many.map((tail) => ask(request({}, { id: idAt(NOW, tail) }))),
    NOW,
  ).state

  test('lapse a few with each input, the oldest first, so that nobody waits for thousands', () => {
    const first = run(allowed, [{ kind: 'beat', agent: 'nobody' }], NOW + 5_000)
    expect(first.events.flatMap((event) => (event.type === 'lapsed' ? [event.decision] : []))).toEqual(
      many.slice(0, 2).map(idOf),
    )
    const beats: Input[] = many.slice(0, 3).map(() => ({ kind: 'beat', agent: 'nobody' }))
    const second = run(first.state, beats, NOW + 5_000).state
    expect([open(second), second.permits.open.size, second.permits.ends.size]).toEqual([0, 0, 0])
  })

  test('are not redeemed while they wait to lapse', () => {
    const state = run(allowed, [{ kind: 'beat', agent: 'nobody' }], NOW + 5_000).state
    expect(state.permits.open.has(idOf('8'))).toBe(true)
    expect(
      refused({ ...state, permits: { ...state.permits, ends: NO_PERMITS.ends } }, redeem('8'), NOW + 5_000),
    ).toBe('PERMIT_SPENT')
  })

  test('are looked for past those that were redeemed before them', () => {
    const redeemed = run(allowed, many.slice(0, 7).map(redeem), NOW).state
    expect(redeemed.permits.ends.size).toBe(1)
    const { state } = run(redeemed, [{ kind: 'beat', agent: 'nobody' }], NOW + 5_000)
    expect([state.permits.open.size, open(state)]).toEqual([0, 7 * BUY.quantity])
  })
})

describe('once another constitution is in force', () => {
  const STRICT = programWith([
    {
      id: 'nothing',
      title: 'Nothing is bought',
      applies: { actions: ['order', 'replace'] },
      forbid: "order.side == 'buy'",
    },
  ])
  const activate = (program: typeof LOOSE): Input => ({ kind: 'activate', program, by: 'author' })
  const { state: changed } = run(ready(LOOSE), [order, activate(STRICT)], NOW)

  test('what the old one allowed is neither sent nor told again, and is freed when its permit is over', () => {
    expect(refused(changed, redeem('1'))).toBe('CONSTITUTION_CHANGED')
    const allowed = answered(ready(LOOSE), order)
    expect(allowed?.verdict).toBe('allow')
    expect(heldBack(changed, allowed as DecisionCore, NOW)?.code).toBe('CONSTITUTION_CHANGED')
    expect(open(changed)).toBe(100)
    expect(open(run(changed, [{ kind: 'beat', agent: 'nobody' }], NOW + 5_000).state)).toBe(0)
  })

  test('a cancel leaves all the same; what the old one allowed does not, also once that is back', () => {
    const cancel = ask({
      ...request({}, { id: idAt(NOW, '9') }),
      action: { type: 'cancel', account: 'main', instrument: BUY.instrument, order: idOf('1') },
    })
    const { state } = run(ready(LOOSE), [order, cancel, activate(STRICT)], NOW)
    expect(run(state, [redeem('9')], NOW).effects).toMatchObject([{ kind: 'done' }])
    // What people approved under it is over for good: it is asked anew.
    const back = run(state, [activate(LOOSE)], NOW).state
    expect(refused(back, redeem('1'))).toBe('CONSTITUTION_CHANGED')
    // That it is put in force once more changes nothing.
    const again = run(ready(LOOSE), [order, activate(LOOSE)], NOW).state
    expect(run(again, [redeem('1')], NOW).effects).toMatchObject([{ kind: 'done' }])
  })
})
