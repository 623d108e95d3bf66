/** The core: pure, in order, and strict about ids, time and activation. */
import { Map } from 'immutable'
import { describe, expect, test } from 'vitest'
import {
  answered,
  ask,
  BUY,
  dump,
  HALT,
  idAt,
  NOW,
  PROGRAM,
  programWith,
  QUIET,
  ready,
  refused,
  replay,
  request,
  run,
  WARNING,
} from '../../test/support/engine.ts'
import { anOrder } from '../../test/support/orders.ts'
import { IdMap } from '../base/id-map.ts'
import { parentKey, type OrderState } from '../ledger/ledger.ts'
import { handle } from './handle.ts'
import type { TimedEvent } from '../protocol/event.ts'
import type { Input } from './step.ts'
import { decisionId, MEMORY_MS, SKEW_MS_MAX } from './memory.ts'
import { apply, EMPTY_STATE, type State } from './state.ts'

describe('one id, one verdict', () => {
  test('asked again, it is the record of then that answers, and nothing is recorded', () => {
    const { state, effects } = run(ready(), [ask(request())], NOW)
    const sequence = effects[0]?.kind === 'answer' ? effects[0].sequence : undefined
    const [again, events, answers] = handle(state, ask(request()), NOW + 4_999)
    expect(again).toBe(state)
    expect(events).toEqual([])
    expect(answers).toEqual([{ kind: 'recall', sequence }])
    expect(sequence).toBe(state.sequence)
  })

  test('recalled, though everything has changed since', () => {
    const { state } = run(ready(), [ask(request()), HALT], NOW)
    expect(handle(state, ask(request()), NOW)[2]).toMatchObject([{ kind: 'recall' }])
  })

  test('the letters’ case of an id makes no other id', () => {
    const { state } = run(ready(), [ask(request({}, { id: idAt(NOW, 'ABC') }))], NOW)
    expect(refused(state, ask(request({ quantity: 101 }, { id: idAt(NOW, 'ABC').toLowerCase() })))).toBe(
      'ID_CONFLICT',
    )
  })

  test.each<[string, Parameters<typeof request>]>([
    ['another quantity', [{ quantity: 101 }]],
    ['another wish', [{}, { accept: ['narrow'] }]],
    ['an approval', [{}, { approval: 'p-1' }]],
  ])('%s under the same id is a conflict', (_, [change, more]) => {
    const { state } = run(ready(), [ask(request())], NOW)
    expect(refused(state, ask(request(change, more)))).toBe('ID_CONFLICT')
  })

  test('another reason is the same request, and another agent has ids of its own', () => {
    const { state } = run(ready(), [ask(request())], NOW)
    expect(handle(state, ask(request({}, { reason: 'other words' })), NOW)[2]).toMatchObject([
      { kind: 'recall' },
    ])
    expect(
      answered(state, ask(request({ side: 'sell', limitPrice: 201 }, { agent: 'hedger' })))?.verdict,
    ).toBe('allow')
  })

  test.each([
    ['exactly as old as the memory', -MEMORY_MS, undefined],
    ['a millisecond older', -MEMORY_MS - 1, 'ID_TOO_OLD'],
    ['as far ahead as clocks may be', SKEW_MS_MAX, undefined],
    ['a millisecond further', SKEW_MS_MAX + 1, 'ID_IN_FUTURE'],
  ])('an id %s', (_, offset, code) => {
    const input = ask(request({}, { id: idAt(NOW + offset) }))
    if (code === undefined) expect(answered(ready(), input)).toBeDefined()
    else expect(refused(ready(), input)).toBe(code)
  })

  test('what is forgotten is too old to be asked again', () => {
    const early = request({}, { id: idAt(NOW + SKEW_MS_MAX) })
    const { state } = run(ready(), [ask(early)], NOW)
    const later = NOW + MEMORY_MS + SKEW_MS_MAX + 1
    const { state: after } = run(state, [ask(request({}, { id: idAt(later) }))], later)
    expect(after.memory.byDecision.size).toBe(1)
    expect(refused(after, ask(early), later)).toBe('ID_TOO_OLD')
  })
})

describe('handling is pure', () => {
  const inputs: readonly [string, Input][] = [
    ['an action', ask(request())],
    ['an action that is narrowed', ask(request({ quantity: 5000 }, { accept: ['narrow'] }))],
    ['observations', { kind: 'observations', observations: QUIET, feeder: null }],
    [
      'a registration',
      {
        kind: 'register',
        registration: { agent: 'hedger', role: 'trader', strategies: ['a'] },
        by: 'operator-1',
      },
    ],
    ['a beat', { kind: 'beat', agent: 'hedger' }],
    ['a halt', HALT],
    [
      'an activation',
      { kind: 'activate', program: programWith([], { version: '2.0.0' }, ['off-lot']), by: 'author' },
    ],
  ]
  test.each(inputs)('%s: the same twice, and the state before it is as it was', (_, input) => {
    const state = ready()
    const before = dump(state)
    const first = handle(state, input, NOW + 1)
    expect(dump(state)).toBe(before)
    const second = handle(state, input, NOW + 1)
    expect(dump(second[0])).toBe(dump(first[0]))
    expect(second.slice(1)).toEqual(first.slice(1))
  })

  test('the events, replayed as JSON, make the same state', () => {
    const all = inputs.map(([, input]) => input)
    const start: Input[] = [
      { kind: 'activate', program: PROGRAM, by: 'author' },
      { kind: 'observations', observations: QUIET, feeder: null },
    ]
    const { state, events } = run(
      EMPTY_STATE,
      [...start, ...all, { kind: 'resume', halt: 'h-1', operator: 'a', reason: 'x' }],
      NOW,
    )
    const read = JSON.parse(JSON.stringify(events)) as typeof events
    const activated = all.flatMap((input) => (input.kind === 'activate' ? [input.program] : []))
    expect(dump(replay(read, NOW, [PROGRAM, ...activated]))).toBe(dump(state))
    expect(state.sequence).toBe(events.length)
  })

  test('what comes while the clock stands before the last record makes the same state when it is replayed', () => {
    const fill: Input = {
      kind: 'executions',
      feeder: 'venue',
      executions: [
        { execution: 'x', order: decisionId('alpha', idAt(NOW)), event: 'filled', filled: 40, at: NOW + 5 },
      ],
    }
    const events: TimedEvent[] = []
    let state = ready()
    const before = state
    for (const [input, now] of [
      [ask(request()), NOW],
      [HALT, NOW + 9],
      [fill, NOW - 3_600_000],
      [HALT, NOW - 3_600_000],
    ] as const) {
      const [next, happened] = handle(state, input, now)
      // As the sidecar records it: with what the clock said.
      events.push(...happened.map((event) => ({ at: now, event })))
      state = next
    }
    expect(events.map(({ event }) => event.type)).toEqual(['decided', 'halted', 'executed', 'halted'])
    expect(dump(events.reduce((next, one) => apply(next, one, () => PROGRAM), before))).toBe(dump(state))
  })

  test('a replay without the text of a constitution stops', () => {
    const { events } = run(EMPTY_STATE, [{ kind: 'activate', program: PROGRAM, by: 'author' }], NOW)
    expect(() => replay(events, NOW, [])).toThrow(PROGRAM.constitution.hash)
  })
})

describe('activation', () => {
  test('nothing is decided before one', () => {
    expect(refused(EMPTY_STATE, ask(request()))).toBe('NOT_READY')
  })

  test('one that is not yet in effect is refused, a millisecond before and not at it', () => {
    const program = programWith([], { effectiveFrom: new Date(NOW).toISOString() }, ['off-lot'])
    const input: Input = { kind: 'activate', program, by: 'author' }
    expect(refused(EMPTY_STATE, input, NOW - 1)).toBe('CONSTITUTION_INVALID')
    expect(handle(EMPTY_STATE, input, NOW)[1]).toHaveLength(1)
  })

  test('the one in force is not activated again', () => {
    const [, events, [effect]] = handle(ready(), { kind: 'activate', program: PROGRAM, by: 'author' }, NOW)
    expect(events).toEqual([])
    expect(effect).toMatchObject({ kind: 'done', body: { activated: false } })
  })
})

describe('time', () => {
  test('nothing is judged before what was recorded; halts and beats are taken at any time', () => {
    const state = ready()
    expect(refused(state, ask(request()), NOW - 1)).toBe('CLOCK_BACKWARDS')
    expect(refused(state, { kind: 'observations', observations: QUIET, feeder: null }, NOW - 1)).toBe(
      'CLOCK_BACKWARDS',
    )
    expect(handle(state, HALT, NOW - 1)[1]).toHaveLength(1)
    const cancel = ask({
      ...request({}, { id: idAt(NOW, '8') }),
      action: { type: 'cancel', account: 'main', instrument: 'AAPL', order: 'd-1' },
    })
    expect(answered(state, cancel, NOW - 3_600_000)?.verdict).toBe('allow')
  })
})

describe('what the engine refuses by itself', () => {
  test.each<[string, ReturnType<typeof request>, string]>([
    ['an unknown instrument', request({ instrument: 'MSFT' }), 'INSTRUMENT_UNKNOWN'],
    ['an unknown account', request({ account: 'side' }), 'ACCOUNT_UNKNOWN'],
    [
      'a replacement of nothing',
      {
        ...request(),
        action: { type: 'replace', account: 'main', instrument: 'AAPL', order: 'd-1', quantity: 5 },
      },
      'ORDER_UNKNOWN',
    ],
  ])('%s', (_, of, code) => {
    const answer = answered(ready(), ask(of))
    expect(answer).toMatchObject({ verdict: 'deny', reasons: [{ rule: null, code }] })
  })

  test('a strategy that the agent is not registered with', () => {
    const { state } = run(
      ready(),
      [
        {
          kind: 'register',
          registration: { agent: 'alpha', role: 'trader', strategies: ['twap'] },
          by: 'a',
        },
      ],
      NOW,
    )
    expect(answered(state, ask(request({ strategy: 'vwap' })))?.reasons[0]?.code).toBe(
      'STRATEGY_UNREGISTERED',
    )
    const parent = { id: 'p-1', quantity: 100 }
    expect(answered(state, ask(request({ strategy: 'twap', parent })))?.verdict).toBe('allow')
  })

  test('without rules on it, a price between ticks and a broken lot are refused all the same', () => {
    const state = ready(programWith([], {}, ['order-value-cap']))
    expect(answered(state, ask(request({ limitPrice: 200.005 })))).toMatchObject({
      verdict: 'deny',
      reasons: [{ code: 'OFF_TICK' }],
      headroom: { quantity: null },
    })
    expect(answered(state, ask(request({ quantity: 1.5 })))).toMatchObject({
      verdict: 'deny',
      reasons: [{ code: 'OFF_LOT' }],
      headroom: { quantity: 1, largest: false },
    })
  })

  test('so they are where a rule of that name only warns', () => {
    const decision = answered(ready(programWith([WARNING])), ask(request({ quantity: 1.5 })))
    expect(decision?.verdict).toBe('deny')
    expect(decision?.reasons.map(({ rule, code }) => [rule, code])).toEqual([
      [null, 'OFF_LOT'],
      ['off-lot', 'OFF_LOT'],
    ])
  })

  test('what escalates is rejected while nobody can vote, and says so', () => {
    const rule = {
      id: 'large',
      title: 'Large',
      applies: { actions: ['order', 'replace'] },
      escalate: 'order.value > 10000 USD',
      to: 'desk',
      unless: 'action.reducing',
    }
    const answer = answered(ready(programWith([rule], {}, ['off-lot'])), ask(request()))
    expect(answer?.verdict).toBe('deny')
    expect(answer?.reasons.map(({ code }) => code)).toEqual(['LARGE', 'QUORUM_UNAVAILABLE'])
    expect(answer?.headroom).toEqual({ quantity: 50, largest: true })
  })

  test('orders open on one side count together', () => {
    const { state } = run(ready(), [ask(request({ side: 'sell', quantity: 600 }))], NOW)
    expect(state.ledger.exposures.get('main')?.get('AAPL')).toEqual({ buy: 0, sell: 600 })
    const { state: reducing } = run(
      state,
      [
        {
          kind: 'halt',
          by: 'a',
          request: { scope: { kind: 'everything' }, state: 'reducing', reason: 'test' },
        },
      ],
      NOW,
    )
    const sell = (quantity: number): Input =>
      ask(request({ ...BUY, side: 'sell', quantity }, { id: idAt(NOW, '1') }))
    expect(answered(reducing, sell(400))?.verdict).toBe('allow')
    expect(answered(reducing, sell(401))?.verdict).toBe('deny')
  })
})

describe('what is kept of orders is bounded', () => {
  const state = ready()
  const withLedger = (ledger: Partial<State['ledger']>): State => ({
    ...state,
    ledger: { ...state.ledger, ...ledger },
  })

  test('by the orders that are open', () => {
    expect(refused(withLedger({ live: 100_000 }), ask(request()))).toBe('LIMIT_REACHED')
    const cancel = ask({
      ...request(),
      action: { type: 'cancel', account: 'main', instrument: 'AAPL', order: 'd-1' },
    })
    expect(answered(withLedger({ live: 100_000 }), cancel)?.verdict).toBe('allow')
  })

  test('by the parents that are remembered: their children still can', () => {
    const known = {
      account: 'main',
      instrument: 'AAPL',
      side: 'buy',
      strategy: 'agent:alpha',
      quantity: 1000,
      committed: 0,
      schedule: undefined,
    } as const
    const parents = Map(
      Array.from({ length: 100_000 }, (_, at) => [parentKey('main', 'alpha', `p-${at}`), known]),
    )
    const child = (id: string) => ask(request({ parent: { id, quantity: 1000 } }))
    expect(refused(withLedger({ parents }), child('p-new'))).toBe('LIMIT_REACHED')
    expect(answered(withLedger({ parents }), child('p-7'))?.verdict).toBe('allow')
  })

  test('by how often one order was replaced', () => {
    const versionIds = Array.from({ length: 1_000 }, (_, at) => `d-${at}`)
    const orders = IdMap.empty<OrderState>().set('d-1', anOrder({ agent: 'alpha', versionIds }))
    const action = {
      type: 'replace',
      account: 'main',
      instrument: 'AAPL',
      order: 'd-1',
      quantity: 5,
    } as const
    expect(refused(withLedger({ orders }), ask({ ...request(), action }))).toBe('LIMIT_REACHED')
  })
})
