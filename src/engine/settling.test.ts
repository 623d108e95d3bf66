/** A drop copy that knows of a fill before we do: no new risk until it is heard of, and a break, for good, where it is not. */
import { describe, expect, test } from 'vitest'
import { ask, answered, idAt, NOW, QUIET, ready, request, run } from '../../test/support/engine.ts'
import type { Order } from '../protocol/action.ts'
import type { Observation } from '../protocol/observation.ts'
import { SETTLING } from '../ledger/positions.ts'
import { permitId } from './permits.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

const AT = NOW + 1_000
/** The broker's word, as of `at`. */
const portfolio = (quantity: number, at = AT): Input => ({
  kind: 'observations',
  observations: [{ kind: 'portfolio', account: 'main', positions: [{ instrument: 'AAPL', quantity }], at }],
  feeder: null,
})
/** Everything else, young again. */
const fresh = (at: number): Input => ({
  kind: 'observations',
  observations: QUIET.filter(({ kind }) => kind === 'price' || kind === 'account').map(
    (one) => ({ ...one, at }) as Observation,
  ),
  feeder: null,
})
let serial = 0
const asking = (change: Partial<Order>, at: number): Input =>
  ask(request(change, { id: idAt(at, `${(serial += 1)}`) }))
/** Of the rules on what is held; bars are not reported on here. */
const codes = (state: State, change: Partial<Order>, at: number): string[] | undefined =>
  answered(state, asking(change, at), at)
    ?.reasons.filter(({ code }) => code !== 'PARTICIPATION')
    .map(({ code, result }) => `${code} ${result}`)

/** 1,000 held, and an order for 100 more at the venue. */
const allowed = run(ready(), [asking({}, NOW)], NOW).state
const order = [...allowed.ledger.orders.keys()][0] ?? ''
const open = run(allowed, [{ kind: 'redeem', permit: permitId(order), agent: 'alpha' }], NOW).state
const fill = (filled: number, at: number): Input => ({
  kind: 'executions',
  executions: [{ execution: `x-${filled}-${at}`, order, event: 'filled', filled, at }],
  feeder: null,
})
const WAITS = ['POSITION_BREAK unknown']
const other = { limitPrice: 199.5 }
const exit = { side: 'sell', quantity: 50, limitPrice: 201 } as const

describe('a fill that the broker tells before the venue', () => {
  const told = run(open, [portfolio(1060), fresh(AT)], AT)

  test('halts nothing, adds no risk and hinders no exit', () => {
    expect(told.events.map(({ type }) => type)).not.toContain('halted')
    expect(codes(told.state, other, AT)).toEqual(WAITS)
    expect(codes(told.state, exit, AT)).toEqual([])
  })

  test('is over once it is heard of', () => {
    const heard = run(told.state, [fill(60, AT - 1), fresh(AT + 5)], AT + 5)
    expect(heard.events.map(({ type }) => type)).not.toContain('halted')
    expect(codes(heard.state, other, AT + 5)).toEqual([])
    expect(heard.state.ledger.portfolios.get('main')?.positions.get('AAPL')?.quantity).toBe(1060)
  })

  test('is a break when it is not heard of in time, whatever is reported in between', () => {
    const again = run(told.state, [portfolio(1060, AT + SETTLING / 2)], AT + SETTLING / 2).state
    const before = run(again, [fresh(AT + SETTLING - 1)], AT + SETTLING - 1)
    expect(codes(before.state, other, AT + SETTLING - 1)).toEqual(WAITS)
    const late = run(before.state, [fresh(AT + SETTLING)], AT + SETTLING)
    expect(
      late.state.ledger.halts
        .map(({ state, by }) => `${state} ${by}`)
        .valueSeq()
        .toArray(),
    ).toEqual(['reducing position-break'])
    expect(codes(late.state, other, AT + SETTLING)).toContain('REDUCING_ONLY breach')
    expect(codes(late.state, exit, AT + SETTLING)).toEqual([])
  })
})

describe('what no open order explains is a break at once', () => {
  test.each([
    ['more than is open', 1101],
    ['less, where nothing is sold', 999],
  ])('%s', (_, quantity) => {
    const told = run(open, [portfolio(quantity)], AT)
    expect(
      told.state.ledger.halts
        .map(({ by }) => by)
        .valueSeq()
        .toArray(),
    ).toEqual(['position-break'])
  })

  test('and so is what is left when the order is over', () => {
    const told = run(open, [portfolio(1060)], AT).state
    const ended: Input = {
      kind: 'executions',
      executions: [{ execution: 'x-end', order, event: 'cancelled', filled: 0, at: AT + 1 }],
      feeder: null,
    }
    expect(run(told, [ended], AT + 1).state.ledger.halts.size).toBe(1)
  })
})

test('a fill from before the first portfolio is in it, however late it is heard of, and nothing is counted twice or left open', () => {
  const bare = { ...open, ledger: { ...open.ledger, portfolios: open.ledger.portfolios.clear() } }
  const first = run(bare, [portfolio(1060)], AT).state
  const late = run(first, [fill(60, AT - 1)], AT + 5).state
  const { positions, broker } = late.ledger.portfolios.get('main') ?? {}
  expect([positions?.get('AAPL')?.quantity, broker?.differences.size]).toEqual([1060, 0])
  expect(late.ledger.exposures.get('main')?.get('AAPL')?.buy).toBe(40)
  // Until it is heard of it counts as open beside the portfolio: too much, and never too little.
  expect(first.ledger.exposures.get('main')?.get('AAPL')?.buy).toBe(100)
  expect(run(late, [portfolio(1060, AT + 10)], AT + 10).state.ledger.halts.size).toBe(0)
})
