/** An exit reserves no money, as long as what it makes smaller is held. */
import { describe, expect, test } from 'vitest'
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
import { permitId } from './permits.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

const portfolio = (quantity: number, at: number): Observation => ({
  kind: 'portfolio',
  account: 'main',
  positions: quantity === 0 ? [] : [{ instrument: 'AAPL', quantity }],
  at,
})
const credit = (at: number): Observation => ({
  kind: 'account',
  account: 'main',
  currency: 'USD',
  equity: 10_000_000,
  cash: 9_000_000,
  credit: 100_000,
  at,
})
const filled = (order: string, at: number, quantity: number): Input => ({
  kind: 'executions',
  executions: [{ execution: `x-${order}-${quantity}`, order, event: 'filled', filled: quantity, at }],
  feeder: 'venue',
})
const adopt: Input = { kind: 'adopt', account: 'main', operator: 'operator-1', reason: 'seen' }

const committed = ({ ledger }: State): unknown => {
  const { micro, unknown } = committedOf(ledger, 'main')
  return unknown > 0 ? 'unknown' : Number(micro) / 1_000_000
}
const withCredit = (now: number): Input => {
  const told = stillLiquid(now) as Input & { kind: 'observations' }
  return observe(...told.observations.filter(({ kind }) => kind !== 'account'), credit(now))
}

/** A thousand are short, a hundred thousand are free, and a purchase of a thousand at 195 rests. */
function resting(): readonly [State, string] {
  const begun = [...LIQUID.filter(({ kind }) => kind !== 'portfolio'), portfolio(-1_000, NOW - 500)]
  const state = run(ready(PROGRAM, begun), [withCredit(NOW)], NOW).state
  return sent(state, asking(NOW, { quantity: 1_000, limitPrice: 195 }), NOW)
}

describe('an exit of a thousand at 195 rests', () => {
  test('and is no part of what is committed', () => {
    const [state] = resting()
    expect(committed(state)).toBe(0)
    expect(answered(state, asking(NOW, { quantity: 490 }), NOW)?.verdict).toBe('allow')
  })

  test('and counts as any order once another closed some of what it was for', () => {
    const at = NOW + 1_500
    const [open, order] = sent(
      run(resting()[0], [withCredit(at)], at).state,
      asking(at, { quantity: 400 }),
      at,
    )
    expect(committed(open)).toBeCloseTo(80_000, -2)
    const closed = run(open, [filled(order, at, 400)], at).state
    const later = at + 1_500
    const state = run(closed, [withCredit(later), observe(portfolio(-600, later))], later).state
    // At the dearer of limit and reference.
    expect(committed(state)).toBe(200_000)
    expect(codesOf(state, asking(later), later)).toEqual(['CREDIT'])
  })

  test('and counts where an adoption took away what it was for, until it is over', () => {
    const [state, order] = resting()
    const at = NOW + 1_000
    const less = run(state, [observe(portfolio(-1_000, at)), adopt], at).state
    expect(committed(less)).toBe(0)
    const some = run(state, [observe(portfolio(-999, at)), adopt], at).state
    expect(committed(some)).toBe(200_000)
    const end = { execution: 'x-end', order, event: 'cancelled', filled: 0, at } as const
    const over = run(some, [{ kind: 'executions', executions: [end], feeder: 'venue' }], at).state
    expect([committed(over), over.ledger.exits.size]).toEqual([0, 0])
  })

  test('and what it fills is spent by as much as opened a position', () => {
    const [state, order] = resting()
    expect(committed(run(state, [filled(order, NOW, 1_000)], NOW).state)).toBe(0)
    const at = NOW + 1_000
    const some = run(state, [observe(portfolio(-400, at)), adopt, filled(order, at, 500)], at).state
    // A hundred opened one, and five hundred may.
    expect(committed(some)).toBe(20_000 + 100_000)
    const whole = run(some, [filled(order, at, 1_000)], at).state
    expect(committed(whole)).toBe(20_000 + 100_000)
    const later = at + 1
    expect(committed(run(whole, [observe(credit(later))], later).state)).toBe(0)
  })

  test('and counts where the broker holds less than we do, and so does what it fills', () => {
    const [state, order] = resting()
    const said = run(state, [observe(portfolio(0, NOW + 1))], NOW + 1).state
    expect(committed(said)).toBe(200_000)
    // The same whatever comes first.
    const fill = filled(order, NOW + 2, 1_000)
    expect(committed(run(said, [fill, adopt], NOW + 3).state)).toBe(200_000)
    expect(committed(run(said, [adopt, fill], NOW + 3).state)).toBe(200_000)
    // A fill that the broker told of first closed what we held.
    expect(committed(run(said, [filled(order, NOW, 1_000)], NOW + 3).state)).toBe(0)
  })

  test('and counts where a transfer takes away what it is for', () => {
    const begun = [...LIQUID.filter(({ kind }) => kind !== 'portfolio'), portfolio(1_000, NOW - 500)]
    const [open] = sent(
      ready(PROGRAM, begun),
      asking(NOW, { side: 'sell', quantity: 1_000, limitPrice: 199 }),
      NOW,
    )
    const transfer = {
      type: 'transfer',
      account: 'main',
      asset: 'AAPL',
      amount: 400,
      destination: 'bank-nyc-1',
    } as const
    const signing = (by: string): Input => ({
      kind: 'signoff',
      by,
      request: { agent: 'alpha', action: transfer, until: NOW + 60_000, reason: 'x' },
    })
    const id = idAt(NOW, '900')
    const moved = run(
      open,
      [signing('operator-1'), signing('operator-2'), ask({ ...request({}, { id }), action: transfer })],
      NOW,
    )
    expect(moved.effects.at(-1)).toMatchObject({ decision: { verdict: 'allow' } })
    // Both may fill, and one of them is from what is not held.
    expect(committed(moved.state)).toBe(200_000 + 80_000)
  })

  test('and counts without what replaces it', () => {
    const [state, order] = resting()
    const at = NOW + 1_000
    const flat = run(state, [observe(portfolio(0, at)), adopt], at).state
    const later = at + 1_500
    const lifted = [...flat.ledger.halts.keys()].flatMap((halt) =>
      ['operator-1', 'operator-2'].map((operator): Input => ({
        kind: 'resume',
        halt,
        operator,
        reason: 'x',
      })),
    )
    const calm = run(flat, [...lifted, withCredit(later), observe(portfolio(0, later))], later).state
    const replace = (quantity: number): Input =>
      ask({
        ...request({}, { id: idAt(later, `${9000 + quantity}`) }),
        action: { type: 'replace', account: 'main', instrument: 'AAPL', order, quantity, limitPrice: 195 },
      })
    expect(codesOf(calm, replace(200), later)).toEqual([])
    expect(codesOf(calm, replace(501), later)).toContain('CREDIT')
  })
})

describe('a position that is no whole number of lots', () => {
  const HALTED: Input = {
    kind: 'halt',
    by: 'operator-1',
    request: { scope: { kind: 'everything' }, state: 'reducing', reason: 'x' },
  }
  /** Lots of a thousandth, described only after so much was reported as held. */
  const holding = (quantity: number): State =>
    ready(PROGRAM, [
      portfolio(quantity, NOW - 500),
      ...LIQUID.filter(({ kind }) => kind !== 'portfolio').map((one) =>
        one.kind === 'instrument' ? { ...one, lot: 0.001 } : one,
      ),
    ])
  const asked = (state: State, side: 'buy' | 'sell', quantity: number) => {
    const { verdict, reducing } = answered(state, asking(NOW, { side, quantity }), NOW) ?? {}
    return [verdict, reducing]
  }

  test.each([
    ['sell', 1.0005],
    ['buy', -1.0005],
  ] as const)('can be left by a %s of its whole lots, and no lot more', (side, quantity) => {
    const { state } = run(holding(quantity), [HALTED], NOW)
    expect(asked(state, side, 1)).toEqual(['allow', true])
    expect(asked(state, side, 0.5)).toEqual(['allow', true])
    expect(asked(state, side, 1.001)).toEqual(['deny', false])
    expect(asked(state, side === 'sell' ? 'buy' : 'sell', 1)).toEqual(['deny', false])
    expect(asked(run(holding(quantity / 2001), [HALTED], NOW).state, side, 0.001)).toEqual(['deny', false])
  })

  test.each([
    ['sell', 1.0005, 201],
    ['buy', -1.0005, 199],
  ] as const)(
    'needs no money to be left by a %s, and is left after a halt, too',
    (side, quantity, limitPrice) => {
      const [state] = sent(holding(quantity), asking(NOW, { side, quantity: 1, limitPrice }), NOW)
      expect(committed(state)).toBe(0)
      // Sent only after the halt: it still makes the position smaller.
      const input = asking(NOW, { side, quantity: 1, limitPrice })
      const decision = answered(holding(quantity), input, NOW)?.decision ?? ''
      const { effects } = run(
        holding(quantity),
        [input, HALTED, { kind: 'redeem', permit: permitId(decision), agent: 'alpha' }],
        NOW,
      )
      expect(effects.at(-1)?.kind).toBe('done')
    },
  )
})
