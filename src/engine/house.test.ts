/** Rules of the shipped constitution that read the ledger's own account of orders, fills and heartbeats, judged as it stands, with nothing stated. */
import { describe, expect, test } from 'vitest'
import { bars } from '../../test/support/market.ts'
import { ask, idAt, NOW, QUIET, ready, request, run, PROGRAM } from '../../test/support/engine.ts'
import type { ActionRequest, Order } from '../protocol/action.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { Observation } from '../protocol/observation.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

/** One sidecar through time: asks, reports, and keeps what came of it. */
class Desk {
  now = NOW
  #state: State
  #asked = 0

  constructor(observations: readonly Observation[] = QUIET) {
    const rest = observations.filter(({ kind }) => kind !== 'bar')
    this.#state = ready(PROGRAM, [...rest, ...(bars(NOW) as Observation[])])
  }

  do(...inputs: readonly Input[]): void {
    const { state, effects } = run(this.#state, inputs, this.now)
    expect(effects.filter(({ kind }) => kind === 'refuse')).toEqual([])
    this.#state = state
  }

  observe(...observations: readonly Observation[]): void {
    this.do({ kind: 'observations', observations, feeder: null })
  }

  ask(change: Partial<Order> = {}, more: Partial<ActionRequest> = {}): DecisionCore {
    const id = idAt(this.now, String((this.#asked += 1)))
    const { state, effects } = run(this.#state, [ask(request(change, { id, ...more }))], this.now)
    const [effect] = effects
    if (effect?.kind !== 'answer') throw new Error('expected a decision')
    this.#state = state
    return effect.decision
  }

  fill({ decision: order }: DecisionCore, filled: number): void {
    const execution = {
      execution: `x-${order}-${filled}`,
      order,
      event: 'filled',
      filled,
      at: this.now,
    } as const
    this.do({ kind: 'executions', executions: [execution], feeder: null })
  }

  /** Prices and the account again, as of now. */
  refresh(): void {
    this.observe(
      ...QUIET.filter(({ kind }) => kind === 'price' || kind === 'account').map(
        (one) => ({ ...one, at: this.now }) as Observation,
      ),
    )
  }

  /** Two operators lift all that is in force. */
  lift(): void {
    for (const halt of this.#state.ledger.halts.keys())
      for (const operator of ['operator-1', 'operator-2'])
        this.do({ kind: 'resume', halt, operator, reason: 'looked at' })
  }

  get halts(): readonly unknown[] {
    return this.#state.ledger.halts
      .valueSeq()
      .map(({ state, scope, by }) => ({ state, scope, by }))
      .toArray()
  }
}

const codes = ({ reasons }: DecisionCore): string[] =>
  reasons.map(({ code, result }) => (result === 'unknown' ? `${code}?` : code))

/** The quiet market in which the account holds so many shares, with so much equity. */
const quiet = (quantity: number, equity = 10_000_000): Observation[] =>
  QUIET.map((one): Observation => {
    if (one.kind === 'portfolio') return { ...one, positions: [{ instrument: 'AAPL', quantity }] }
    return one.kind === 'account' ? { ...one, equity, cash: equity } : one
  })

/** A second stock in the quiet market. */
function describeOther(desk: Desk): void {
  const [apple] = QUIET
  const of = { instrument: 'MSFT', at: desk.now }
  desk.observe(
    { ...apple, ...of } as Observation,
    { kind: 'price', source: 'nyse', price: 200, ...of },
    { kind: 'price', source: 'bats', price: 200, ...of },
    ...(bars(desk.now, 'MSFT') as Observation[]),
  )
}

describe('what is open counts', () => {
  test('children of a parent, and one that is replaced', () => {
    const desk = new Desk()
    const child = (quantity: number, parent = 250): DecisionCore =>
      desk.ask({ quantity, parent: { id: 'p-1', quantity: parent } })
    const first = child(100)
    expect(codes(first)).toEqual([])
    expect(codes(child(101))).toEqual([])
    // The first child said 250.
    expect(codes(child(50, 5000))).toEqual(['PARENT_OVERRUN'])
    const halted = { state: 'halted', scope: { kind: 'strategy', name: 'agent:alpha' }, by: 'parent-overrun' }
    expect(desk.halts).toEqual([halted])
    expect(codes(child(1))).toEqual(['HALTED'])
    desk.lift()
    expect(codes(child(49))).toEqual([])
    const replace = (quantity: number) =>
      ({ type: 'replace', account: 'main', instrument: 'AAPL', order: first.decision, quantity }) as const
    expect(codes(desk.ask({}, { action: replace(102) }))).toEqual(['PARENT_OVERRUN'])
    desk.lift()
    expect(codes(desk.ask({}, { action: replace(99) }))).toEqual([])
    desk.fill(first, 100)
    expect(codes(child(1))).toEqual(['PARENT_OVERRUN'])
  })

  test('up to a fifth of the equity', () => {
    const desk = new Desk(quiet(9200))
    expect(codes(desk.ask({ quantity: 400 }))).toEqual([])
    expect(codes(desk.ask({ quantity: 401 }))).toEqual(['POSITION_CAP'])
    expect(codes(desk.ask({ quantity: 399 }))).toEqual([])
    expect(codes(desk.ask({ quantity: 2 }))).toEqual(['POSITION_CAP'])
  })

  test.each([
    [200_199, ['GROSS_LEVERAGE', 'NET_LEVERAGE']],
    [250_249, ['NET_LEVERAGE']],
    [250_250, []],
  ])('beside what is held elsewhere, with an equity of %s', (equity, expected) => {
    const desk = new Desk(quiet(1000, equity))
    describeOther(desk)
    expect(codes(desk.ask({ instrument: 'MSFT', quantity: 1, limitPrice: 200 }))).toEqual(expected)
  })

  test('at prices of what is held elsewhere that are minutes old at most', () => {
    const desk = new Desk(quiet(1000, 300_000))
    const asked = (at: number, quantity: number): string[] => {
      desk.now = NOW + at
      desk.observe({
        kind: 'account',
        account: 'main',
        currency: 'USD',
        equity: 300_000,
        cash: 300_000,
        at: desk.now,
      })
      describeOther(desk)
      return codes(desk.ask({ instrument: 'MSFT', quantity, limitPrice: 200 }))
    }
    expect(asked(4000, 1)).toEqual([])
    // One of the two sources spoke 700 milliseconds before.
    expect(asked(299_300, 2)).toEqual([])
    expect(asked(299_301, 3)).toEqual(['GROSS_LEVERAGE?', 'NET_LEVERAGE?'])
  })

  test('at rates that are minutes old at most', () => {
    const vodafone = { instrument: 'VOD.L', currency: 'GBP' }
    const held = QUIET.map((one): Observation =>
      one.kind === 'portfolio' ? { ...one, positions: [{ instrument: 'VOD.L', quantity: 1000 }] } : one,
    )
    const desk = new Desk(held)
    const [apple] = QUIET
    desk.observe({ ...apple, ...vodafone } as Observation, {
      kind: 'fx',
      base: 'GBP',
      quote: 'USD',
      rate: 1.25,
      at: NOW,
    })
    const asked = (at: number, quantity: number): string[] => {
      desk.now = NOW + at
      desk.refresh()
      desk.observe(
        { kind: 'price', instrument: 'VOD.L', source: 'nyse', price: 0.8, at: desk.now },
        { kind: 'price', instrument: 'VOD.L', source: 'bats', price: 0.8, at: desk.now },
        ...(bars(desk.now) as Observation[]),
      )
      return codes(desk.ask({ quantity }))
    }
    expect(asked(300_000, 1)).toEqual([])
    expect(asked(300_001, 2)).toEqual(['GROSS_LEVERAGE?', 'NET_LEVERAGE?'])
  })

  test('against the free credit', () => {
    const desk = new Desk()
    desk.observe({
      kind: 'account',
      account: 'main',
      currency: 'USD',
      equity: 10_000_000,
      cash: 39_999,
      at: NOW,
    })
    expect(codes(desk.ask())).toEqual([])
    expect(codes(desk.ask({ quantity: 101 }))).toEqual(['CREDIT'])
    expect(codes(desk.ask({ side: 'sell', quantity: 900, limitPrice: 201 }))).toEqual([])
  })

  test('against what was located', () => {
    const desk = new Desk(quiet(0))
    expect(codes(desk.ask({ side: 'sell' }))).toEqual(['SHORT_SALE'])
    desk.observe({ kind: 'locate', account: 'main', instrument: 'AAPL', quantity: 150, at: NOW })
    expect(codes(desk.ask({ side: 'sell' }))).toEqual([])
    expect(codes(desk.ask({ side: 'sell', quantity: 51 }))).toEqual(['SHORT_SALE'])
    expect(codes(desk.ask({ side: 'sell', quantity: 50 }))).toEqual([])
  })

  test('on the other side, of any account', () => {
    const desk = new Desk([
      ...QUIET,
      ...quiet(1000)
        .filter(({ kind }) => kind === 'account' || kind === 'portfolio')
        .map((one) => ({ ...one, account: 'second' }) as Observation),
    ])
    desk.ask({ account: 'second', limitPrice: 199.99 })
    expect(codes(desk.ask({ side: 'sell', limitPrice: 199.99 }))).toEqual(['SELF_MATCH'])
    expect(codes(desk.ask({ side: 'sell', limitPrice: 200 }))).toEqual([])
  })
})

describe('what an agent did counts', () => {
  test('fills of its strategy, and then only cancels are left', () => {
    const desk = new Desk()
    const bought = desk.ask()
    for (let filled = 1; filled <= 50; filled++) desk.fill(bought, filled)
    desk.now = NOW + 1000
    expect(codes(desk.ask())).toEqual(['HALTED', 'RUNAWAY_STRATEGY'])
    expect(desk.halts).toEqual([
      { state: 'halted', scope: { kind: 'strategy', name: 'agent:alpha' }, by: 'runaway-strategy' },
    ])
    // The fills are over and the halt is not.
    desk.now = NOW + 11_000
    desk.refresh()
    expect(codes(desk.ask())).toContain('HALTED')
    expect(
      desk.ask(
        {},
        { action: { type: 'cancel', account: 'main', instrument: 'AAPL', order: bought.decision } },
      ).verdict,
    ).toBe('allow')
  })

  test('orders of a day in which nothing fills', () => {
    const desk = new Desk()
    const sent: DecisionCore[] = []
    for (let order = 0; order < 50; order++) {
      desk.now = NOW + order * 1000
      desk.refresh()
      sent.push(desk.ask({ quantity: 1 + order }))
    }
    expect(sent.flatMap(codes)).toEqual([])
    desk.now += 1000
    desk.refresh()
    expect(codes(desk.ask({ quantity: 60 }))).toEqual(['ORDER_TO_TRADE'])
    desk.fill(sent.at(-1) as DecisionCore, 1)
    expect(codes(desk.ask({ quantity: 60 }))).toEqual([])
  })

  test('whether it ever said that it is alive', () => {
    const desk = new Desk()
    const hedger = { agent: 'hedger' }
    expect(codes(desk.ask({}, hedger))).toEqual(['AGENT_SILENT?'])
    desk.do(
      {
        kind: 'register',
        registration: { agent: 'hedger', role: 'trader', strategies: [] },
        by: 'operator-1',
      },
      { kind: 'beat', agent: 'hedger' },
    )
    expect(codes(desk.ask({}, hedger))).toEqual([])
  })
})

test('books that differ let the account only reduce, until the broker is believed', () => {
  const desk = new Desk()
  desk.observe({
    kind: 'portfolio',
    account: 'main',
    positions: [{ instrument: 'AAPL', quantity: 900 }],
    at: NOW,
  })
  expect(codes(desk.ask())).toEqual(['POSITION_BREAK', 'REDUCING_ONLY'])
  expect(desk.halts).toEqual([
    { state: 'reducing', scope: { kind: 'account', name: 'main' }, by: 'position-break' },
  ])
  // What is certain is the smaller of the two.
  expect(codes(desk.ask({ side: 'sell', quantity: 901 }))).toContain('POSITION_BREAK')
  expect(codes(desk.ask({ side: 'sell', quantity: 900, limitPrice: 201 }))).toEqual([])
  desk.do({ kind: 'adopt', account: 'main', operator: 'operator-1', reason: 'the broker is right' })
  expect(codes(desk.ask())).toEqual(['REDUCING_ONLY'])
})

test('a drop copy more than ten minutes old says nothing', () => {
  const desk = new Desk()
  // The portfolio was reported half a second before.
  desk.now = NOW + 599_500
  const report = (): void => {
    desk.refresh()
    desk.observe(...(bars(desk.now) as Observation[]))
  }
  report()
  expect(codes(desk.ask())).toEqual([])
  desk.now += 1
  report()
  expect(codes(desk.ask({ quantity: 99 }))).toEqual(['POSITION_BREAK?'])
})
