/** The core: pure, in order, and strict about ids, halts and activation. */
import { describe, expect, test } from 'vitest'
import {
  ask,
  BUY,
  dump,
  idAt,
  NOW,
  PROGRAM,
  programWith,
  QUIET,
  ready,
  replay,
  request,
  run,
} from '../../test/support/engine.ts'
import type { Decision } from '../protocol/decision.ts'
import { handle, heldBack, type Input } from './handle.ts'
import { MEMORY_MS, SKEW_MS_MAX } from './memory.ts'
import { EMPTY_STATE, type State } from './state.ts'

const answered = (state: State, input: Input, now = NOW): Decision | undefined => {
  const [effect] = handle(state, input, now)[2]
  return effect?.kind === 'answer' ? effect.decision : undefined
}
const refused = (state: State, input: Input, now = NOW) => {
  const [next, events, [effect]] = handle(state, input, now)
  expect(next).toBe(state)
  expect(events).toEqual([])
  return effect?.kind === 'refuse' ? effect.code : effect?.kind
}
const HALT: Input = {
  kind: 'halt',
  by: 'operator-1',
  request: { scope: { kind: 'everything' }, state: 'halted', reason: 'test' },
}

describe('one id, one verdict', () => {
  test('asked again, the answer is the same and nothing is recorded', () => {
    const { state, effects } = run(ready(), [ask(request())], NOW)
    const [again, events, [effect]] = handle(state, ask(request()), NOW + 5000)
    expect(again).toBe(state)
    expect(events).toEqual([])
    expect(effects[0]).toMatchObject({ kind: 'answer' })
    expect(effect).toEqual({
      kind: 'recall',
      sequence: effects[0]?.kind === 'answer' ? effects[0].sequence : -1,
    })
  })

  test('recalled, though everything has changed since', () => {
    const { state, effects } = run(ready(), [ask(request()), HALT], NOW)
    const [effect] = handle(state, ask(request()), NOW)[2]
    expect(effect).toEqual({
      kind: 'recall',
      sequence: effects[0]?.kind === 'answer' ? effects[0].sequence : -1,
    })
  })

  test('what was allowed is held back once it is a minute old', () => {
    const allowed = answered(ready(), ask(request()))
    if (allowed === undefined) throw new Error('expected an answer')
    expect(heldBack(ready(), allowed, NOW + 60_000)).toBeUndefined()
    expect(heldBack(ready(), allowed, NOW + 60_001)).toMatchObject({ code: 'VERDICT_EXPIRED' })
  })

  test('nothing is judged or believed before the last record, and a halt still acts', () => {
    const { state } = run(ready(), [ask(request())], NOW)
    expect(refused(state, ask(request({}, { id: idAt(NOW, '9') })), NOW - 1)).toBe('CLOCK_BACKWARDS')
    expect(refused(state, { kind: 'observations', feeder: null, observations: [] }, NOW - 1)).toBe(
      'CLOCK_BACKWARDS',
    )
    expect(handle(state, HALT, NOW - 3_600_000)[1]).toMatchObject([{ type: 'halted' }])
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
    expect(answered(state, ask(request({ quantity: 101 }, { agent: 'alpha' })))?.verdict).toBe('allow')
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

describe('halts', () => {
  test('two different operators lift one, and nobody else', () => {
    const { state, effects } = run(ready(), [HALT], NOW)
    const halt = effects[0]?.kind === 'done' ? String(effects[0].body.halt) : ''
    const resume = (operator: string): Input => ({ kind: 'resume', halt, operator, reason: 'fixed' })
    expect(refused(state, { kind: 'resume', halt: 'h-0', operator: 'a', reason: 'x' })).toBe('HALT_UNKNOWN')
    const once = run(state, [resume('operator-1')], NOW).state
    expect(once.ledger.halts.size).toBe(1)
    expect(refused(once, resume('operator-1'))).toBe('HALT_SECOND_OPERATOR')
    const twice = run(once, [resume('operator-2')], NOW).state
    expect(twice.ledger.halts.size).toBe(0)
    expect(answered(twice, ask(request()))?.verdict).toBe('allow')
  })

  test('a halt denies orders and lets cancels through', () => {
    const { state } = run(ready(), [HALT], NOW)
    const answer = answered(state, ask(request()))
    expect(answer?.verdict).toBe('deny')
    expect(answer?.reasons.map(({ code }) => code)).toContain('HALTED')
    const cancel = ask({
      ...request(),
      action: { type: 'cancel', account: 'main', instrument: 'AAPL', order: 'd-1' },
    })
    expect(answered(state, cancel)?.verdict).toBe('allow')
  })

  test('a breach that raises a state puts it in force once, with the decision', () => {
    const loss: Input = {
      kind: 'observations',
      feeder: null,
      observations: [
        { kind: 'account', account: 'main', currency: 'USD', equity: 9_600_000, cash: 0, at: NOW },
      ],
    }
    const { state, events } = run(
      ready(),
      [loss, ask(request()), ask(request({}, { id: idAt(NOW, '1') }))],
      NOW,
    )
    const halted = events.filter(({ type }) => type === 'halted')
    expect(halted).toMatchObject([
      { state: 'reducing', scope: { kind: 'account', name: 'main' }, by: 'daily-loss' },
    ])
    expect(answered(state, ask(request({ side: 'sell' }, { id: idAt(NOW, '2') })))?.verdict).toBe('allow')
  })

  test('what was allowed is held back once trading is halted, and a cancel or a denial is not', () => {
    const allowed = answered(ready(), ask(request()))
    const denied = answered(ready(), ask(request({ quantity: 5000 })))
    if (allowed === undefined || denied === undefined) throw new Error('expected answers')
    const { state } = run(ready(), [HALT], NOW)
    expect(heldBack(ready(), allowed, NOW)).toBeUndefined()
    expect(heldBack(state, allowed, NOW)).toMatchObject({ code: 'HALTED_SINCE' })
    expect(heldBack(state, denied, NOW)).toBeUndefined()
    expect(
      heldBack(
        state,
        {
          ...allowed,
          action: { type: 'cancel', account: 'main', instrument: 'AAPL', order: 'd-1' },
        },
        NOW,
      ),
    ).toBeUndefined()
  })

  test.each([
    [{ kind: 'account', name: 'main' }, true],
    [{ kind: 'account', name: 'other' }, false],
    [{ kind: 'agent', name: 'hedger' }, true],
    [{ kind: 'agent', name: 'alpha' }, false],
    [{ kind: 'instrument', name: 'AAPL' }, true],
    [{ kind: 'instrument', name: 'VOD.L' }, false],
    [{ kind: 'strategy', name: 'agent:hedger' }, true],
    [{ kind: 'strategy', name: 'twap' }, false],
  ] as const)('a halt of %o covers the order: %s', (scope, covers) => {
    const answer = answered(ready(), ask(request()))
    if (answer === undefined) throw new Error('expected an answer')
    const { state } = run(
      ready(),
      [{ kind: 'halt', by: 'operator-1', request: { scope, state: 'halted', reason: 'test' } }],
      NOW,
    )
    expect(heldBack(state, answer, NOW) !== undefined).toBe(covers)
    expect(answered(state, ask(request()))?.verdict).toBe(covers ? 'deny' : 'allow')
  })

  test('a reducing state holds back what does not certainly reduce', () => {
    const entry = answered(ready(), ask(request()))
    const exit = answered(ready(), ask(request({ side: 'sell' })))
    const reducing: Input = {
      kind: 'halt',
      by: 'a',
      request: { scope: { kind: 'everything' }, state: 'reducing', reason: 'test' },
    }
    const { state } = run(ready(), [reducing], NOW)
    if (entry === undefined || exit === undefined) throw new Error('expected answers')
    expect(heldBack(state, entry, NOW)).toMatchObject({ code: 'HALTED_SINCE' })
    expect(heldBack(state, exit, NOW)).toBeUndefined()
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
          registration: { agent: 'hedger', role: 'trader', strategies: ['twap'] },
          by: 'a',
        },
      ],
      NOW,
    )
    expect(answered(state, ask(request({ strategy: 'vwap' })))?.reasons[0]?.code).toBe(
      'STRATEGY_UNREGISTERED',
    )
    expect(answered(state, ask(request({ strategy: 'twap' })))?.verdict).toBe('allow')
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
    expect(state.ledger.open.size).toBe(1)
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
