/** Baskets through the core: what its first order declared holds for all of it, whatever is traded, filled, replaced or left out. */
import { describe, expect, test } from 'vitest'
import { ask, idAt, LIQUID, NOW, PROGRAM, ready, dump, request, run } from '../../test/support/engine.ts'
import type { Order } from '../protocol/action.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { Event } from '../protocol/event.ts'
import type { Observation } from '../protocol/observation.ts'
import { eventText } from './event-text.ts'
import { permitId } from './permits.ts'
import { readState, stateLines } from './state-lines.ts'
import { apply, type State } from './state.ts'
import type { Input } from './step.ts'

/** A second stock like the first. */
const MARKET = [...LIQUID, ...LIQUID.filter(({ kind }) => kind !== 'account' && kind !== 'portfolio')].map(
  (one, index): Observation =>
    index >= LIQUID.length && 'instrument' in one ? { ...one, instrument: 'MSFT' } : one,
)
const registration = (...strategies: string[]): Input => ({
  kind: 'register',
  registration: { agent: 'alpha', role: 'trader', strategies },
  by: 'operator-1',
})
const begun = run(ready(PROGRAM, MARKET), [registration('program', 'manual')], NOW).state
let serial = 0
const BASKET = { id: 'b-1', value: 50_000 }

interface Asked {
  readonly state: State
  readonly decision: DecisionCore
  readonly events: readonly Event[]
}
function asking(state: State, change: Partial<Order> | Order): Asked {
  const id = idAt(NOW, `${(serial += 1)}`)
  const {
    state: next,
    effects,
    events,
  } = run(state, [ask(request({ basket: BASKET, ...change }, { id }))], NOW)
  const [effect] = effects
  if (effect?.kind !== 'answer') throw new Error(JSON.stringify(effect))
  return { state: next, decision: effect.decision, events }
}
const codes = (state: State, change: Partial<Order> = {}): string[] =>
  asking(state, change).decision.reasons.map(({ code, result }) => (result === 'unknown' ? `${code}?` : code))
const committed = ({ ledger }: State) => ledger.baskets.first()?.committed
const told = (state: State, order: string, of: { event?: 'cancelled' | 'replaced'; filled: number }): State =>
  run(
    state,
    [
      {
        kind: 'executions',
        executions: [{ execution: `x-${(serial += 1)}`, order, event: 'filled', at: NOW, ...of }],
        feeder: null,
      },
    ],
    NOW,
  ).state

const redeeming = (decision: string): Input => ({
  kind: 'redeem',
  permit: permitId(decision),
  agent: 'alpha',
})

describe('a basket of 50,000', () => {
  // 100 at 200 are 20,000 each.
  const first = asking(begun, {})
  const second = asking(first.state, { instrument: 'MSFT' })

  test('holds two orders of 20,000 in two stocks, and no third', () => {
    expect(first.decision).toMatchObject({ verdict: 'allow', basketWorth: 20_000 })
    expect(second.decision.verdict).toBe('allow')
    expect(codes(second.state, { quantity: 51, limitPrice: 199 })).toEqual(['BASKET_OVERRUN'])
    expect(codes(second.state, { quantity: 50, limitPrice: 199 })).toEqual([])
    // Nobody is halted for it: prices move.
    expect(second.state.ledger.halts.size).toBe(0)
  })

  test('still holds what filled, and is freed of what ended', () => {
    const filled = told(second.state, first.decision.decision, { filled: 40 })
    expect(committed(filled)).toEqual({ micro: 40_000_000_000n, unknown: 0 })
    const ended = told(filled, first.decision.decision, { event: 'cancelled', filled: 40 })
    expect(committed(ended)?.micro).toBe(28_000_000_000n)
  })

  test('counts an exit, which is let out of it all the same', () => {
    const exit = asking(second.state, { side: 'sell', quantity: 60, limitPrice: 201 })
    expect(exit.decision).toMatchObject({ verdict: 'allow', reducing: true, worth: 0 })
    expect(committed(exit.state)?.micro).toBeGreaterThan(50_000_000_000n)
  })

  test('is what its first order said it is', () => {
    expect(codes(second.state, { quantity: 10, basket: { id: 'b-1', value: 5_000_000 } })).toEqual([
      'BASKET_CONFLICT',
    ])
    expect(codes(second.state, { quantity: 10, limitPrice: 199, strategy: 'manual' })).toEqual([
      'BASKET_CONFLICT',
    ])
    expect(codes(begun, { basket: { id: 'b-9', value: 5_000_001 } })).toEqual(['BASKET_SIZE'])
  })

  test('is not escaped by naming none, nor by a replacement', () => {
    const { basket: _, ...bare } = request().action as Order & { basket?: unknown }
    const id = idAt(NOW, `${(serial += 1)}`)
    const effect = run(second.state, [ask(request({}, { id, action: { ...bare, limitPrice: 199 } }))], NOW)
      .effects[0]
    expect(effect?.kind === 'answer' && effect.decision.reasons.map(({ code }) => code)).toEqual([
      'BASKET_MISSING',
    ])
    const order = second.decision.decision
    const replace = (quantity: number): readonly string[] => {
      const action = { type: 'replace', account: 'main', instrument: 'MSFT', order, quantity } as const
      const asked = run(second.state, [ask(request({}, { id: idAt(NOW, `${(serial += 1)}`), action }))], NOW)
      const [answer] = asked.effects
      return answer?.kind === 'answer' ? answer.decision.reasons.map(({ code }) => code) : ['none']
    }
    expect(replace(151)).toEqual(['BASKET_OVERRUN'])
    expect(replace(150)).toEqual([])
  })

  test('counts lots that filled as what they cost, whatever the order became since', () => {
    const replace = (state: State, order: string, quantity: number, limitPrice: number) => {
      const action = {
        type: 'replace',
        account: 'main',
        instrument: 'AAPL',
        order,
        quantity,
        limitPrice,
      } as const
      const input = ask(request({}, { id: idAt(NOW, `${(serial += 1)}`), action }))
      const { state: next, effects } = run(state, [input], NOW)
      if (effects[0]?.kind !== 'answer') throw new Error(JSON.stringify(effects))
      const { decision, verdict, reasons } = effects[0].decision
      return { state: next, decision, verdict, codes: reasons.map(({ code }) => code) }
    }
    // A basket of 20,600, 90 of 100 filled at 206, and the rest at 200: 10 more are 2,000, and 11 are too many.
    const dear = asking(begun, { limitPrice: 206, basket: { id: 'b-2', value: 20_600 } })
    const order = dear.decision.decision
    const filled = told(run(dear.state, [redeeming(order)], NOW).state, order, { filled: 90 })
    expect(replace(filled, order, 101, 200).codes).toEqual(['BASKET_OVERRUN'])
    const cheaper = replace(filled, order, 100, 200)
    expect(cheaper.verdict).toBe('allow')
    const after = told(run(cheaper.state, [redeeming(cheaper.decision)], NOW).state, cheaper.decision, {
      event: 'replaced',
      filled: 90,
    })
    expect(committed(after)?.micro).toBe((90n * 206n + 10n * 200n) * 1_000_000n)

    // What fills before it is said to be replaced may have filled as dear.
    const one = asking(begun, { limitPrice: 200, basket: { id: 'b-3', value: 41_300 } })
    const root = one.decision.decision
    const dearer = replace(run(one.state, [redeeming(root)], NOW).state, root, 100, 206)
    const open = run(dearer.state, [redeeming(dearer.decision)], NOW).state
    for (const [named, event] of [
      [dearer.decision, undefined],
      [root, 'cancelled'],
    ] as const) {
      const ended = told(open, named, { filled: 100, ...(event && { event }) })
      expect(committed(ended)?.micro).toBe(20_600_000_000n)
    }
  })

  test('of which one order is worth nobody knows what takes no more risk', () => {
    const blind = {
      ...second.state,
      ledger: { ...second.state.ledger, prices: second.state.ledger.prices.clear() },
    }
    const exit = asking(blind, { side: 'sell', quantity: 10, limitPrice: 201 })
    expect(exit.decision).toMatchObject({ verdict: 'allow', basketWorth: null })
    const seeing = { ...exit.state, ledger: { ...exit.state.ledger, prices: second.state.ledger.prices } }
    expect(codes(seeing, { quantity: 10, limitPrice: 199 })).toEqual(['BASKET_OVERRUN?'])
  })

  test('of another agent’s is another', () => {
    const theirs = run(
      second.state,
      [
        {
          ...registration('program'),
          registration: { agent: 'hedger', role: 'trader', strategies: ['program'] },
        } as Input,
        { kind: 'beat', agent: 'hedger' },
      ],
      NOW,
    ).state
    const id = idAt(NOW, `${(serial += 1)}`)
    const [effect] = run(
      theirs,
      [ask(request({ basket: BASKET, limitPrice: 199 }, { id, agent: 'hedger' }))],
      NOW,
    ).effects
    expect(effect?.kind === 'answer' && effect.decision.verdict).toBe('allow')
  })

  test('is the same after a replay and from a checkpoint', () => {
    expect(dump(readState(stateLines(second.state), () => PROGRAM))).toBe(dump(second.state))
    const folded = [...first.events, ...second.events].reduce<State>(
      (state, event) =>
        apply(state, { at: NOW, event: JSON.parse(eventText(event)) as Event }, () => PROGRAM),
      begun,
    )
    expect(dump(folded)).toBe(dump(second.state))
  })
})
