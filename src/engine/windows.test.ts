/** Windows as the core lives them: recalled and denied requests, narrowed orders, halts that latch, clocks that step, replay. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  answered,
  ask,
  BUY,
  dump,
  idAt,
  NOW,
  programOfFacts,
  ready,
  refused,
  run,
} from '../../test/support/engine.ts'
import type { Program } from '../constitution/compile.ts'
import { beatOf, castBy, LARGE, NAMES, ONLY_ORDERS, registrationOf } from '../../test/support/quorum.ts'
import { countFill } from '../ledger/own-actions.ts'
import type { Action, ActionRequest } from '../protocol/action.ts'
import type { Event, TimedEvent } from '../protocol/event.ts'
import { decisionOf } from '../protocol/evidence.ts'
import { rederive } from './rederive.ts'
import { apply, type State } from './state.ts'
import type { Input } from './step.ts'

const CHANGE: Action = { type: 'change', subject: 'limit', target: 't', from: null, to: 1 }
const count = (of: string, by: readonly string[], more: object = {}): object => ({
  type: 'count',
  count: of,
  by,
  window: '1s',
  ...more,
})
const RATE = {
  id: 'rate',
  title: 'At most three a second',
  applies: { actions: ['order', 'replace', 'change'] },
  forbid: 'agent.sent1s >= 3',
}
const SENT = { 'agent.sent1s': count('messages', ['agent.id']) }
const TWINS = {
  'order.twins': count('orders', [
    'account.id',
    'instrument.id',
    'order.side',
    'order.quantity',
    'order.price',
  ]),
}
const TWIN = {
  id: 'twin',
  title: 'No order twice',
  applies: { actions: ['order', 'replace'] },
  forbid: 'order.twins >= 1',
}
const SMALL = {
  id: 'small',
  title: 'At most a thousand',
  applies: { actions: ['order', 'replace'] },
  forbid: 'order.quantity > 1000 * instrument.lot',
}

let ids = 0
const fresh = (action: Action = CHANGE, more: Partial<ActionRequest> = {}): ActionRequest => ({
  id: idAt(NOW, String((ids += 1))),
  agent: 'hedger',
  action,
  ...more,
})
/** The verdicts on `requests`, each asked at its time. */
function verdicts(from: State, requests: readonly (readonly [ActionRequest, number])[]): string[] {
  let state = from
  return requests.map(([of, now]) => {
    const verdict =
      answered(state, ask(of), now)?.verdict ?? String(run(state, [ask(of)], now).effects[0]?.kind)
    state = run(state, [ask(of)], now).state
    return verdict
  })
}
const at = (...times: readonly number[]): (readonly [ActionRequest, number])[] =>
  times.map((time) => [fresh(), NOW + time])

describe('a throttle', () => {
  const throttled = ready(programOfFacts(SENT, [RATE]))

  test('lets three go in a second, and the next when the first is a second old', () => {
    expect(verdicts(throttled, at(0, 400, 800, 999, 1000, 1399, 1400))).toEqual([
      'allow',
      'allow',
      'allow',
      'deny',
      'allow',
      'deny',
      'allow',
    ])
  })

  test('is not used up by what it denied, unless the fact says so', () => {
    const times = at(0, 0, 0, 500, 999, 1000, 1001)
    expect(verdicts(throttled, times)).toEqual(['allow', 'allow', 'allow', 'deny', 'deny', 'allow', 'allow'])
    const asked = { 'agent.sent1s': count('messages', ['agent.id'], { denied: true }) }
    expect(verdicts(ready(programOfFacts(asked, [RATE])), times)).toEqual([
      'allow',
      'allow',
      'allow',
      'deny',
      'deny',
      'allow',
      'deny',
    ])
  })

  test('is used up once by one request, however often it is asked', () => {
    const one = fresh()
    const again = [one, one, one, one].map((of) => [of, NOW] as const)
    expect(verdicts(throttled, [...again, ...at(0, 0, 0)])).toEqual([
      'allow',
      'recall',
      'recall',
      'recall',
      'allow',
      'allow',
      'deny',
    ])
  })

  test('counts cancels and never holds one back', () => {
    const cancel: Action = { type: 'cancel', account: 'main', instrument: 'AAPL', order: 'd-1' }
    const cancels = Array.from({ length: 5 }, () => [fresh(cancel), NOW] as const)
    expect(verdicts(throttled, [...cancels, ...at(0)])).toEqual([...cancels.map(() => 'allow'), 'deny'])
  })

  test('counts a cancel to the account only where the order is the agent’s own', () => {
    const facts = { 'account.sent1s': count('messages', ['account.id']), ...SENT }
    const applies = { actions: ['order', 'replace'] }
    const busy = { ...RATE, id: 'busy', applies, forbid: 'account.sent1s >= 3' }
    const from = ready(programOfFacts(facts, [busy]))
    const bought = fresh(BUY)
    const { state } = run(from, [ask(bought)], NOW)
    const order = answered(from, ask(bought))?.decision ?? ''
    const cancels = (agent: string, of: string): string[] => {
      const cancel: Action = { type: 'cancel', account: 'main', instrument: 'AAPL', order: of }
      const three = Array.from({ length: 3 }, () => [fresh(cancel, { agent }), NOW] as const)
      return verdicts(state, [...three, [fresh({ ...BUY, limitPrice: 199 }), NOW]])
    }
    expect(cancels('evil', 'd-none')).toEqual(['allow', 'allow', 'allow', 'allow'])
    expect(cancels('evil', order)).toEqual(['deny', 'deny', 'deny', 'allow'])
    expect(cancels('hedger', 'd-none')).toEqual(['allow', 'allow', 'allow', 'allow'])
    expect(cancels('hedger', order)).toEqual(['allow', 'allow', 'allow', 'deny'])
  })

  test('opens no earlier when the clock is set back, and for cancels keeps to the time recorded', () => {
    const { state } = run(
      throttled,
      at(5000, 5000).map(([of]) => ask(of)),
      NOW + 5000,
    )
    expect(refused(state, ask(fresh()), NOW + 4999)).toBe('CLOCK_BACKWARDS')
    const cancel: Action = { type: 'cancel', account: 'main', instrument: 'AAPL', order: 'd-1' }
    const after = run(state, [ask(fresh(cancel))], NOW - 3_600_000).state
    expect(answered(after, ask(fresh()), NOW + 5999)?.verdict).toBe('deny')
    expect(answered(after, ask(fresh()), NOW + 6000)?.verdict).toBe('allow')
  })

  test('takes a step of the clock by hours for hours', () => {
    const { state } = run(
      throttled,
      at(0, 0, 0).map(([of]) => ask(of)),
      NOW,
    )
    expect(answered(state, ask(fresh()), NOW + 1)?.verdict).toBe('deny')
    expect(answered(state, ask({ ...fresh(), id: idAt(NOW + 7_200_000) }), NOW + 7_200_000)?.verdict).toBe(
      'allow',
    )
  })
})

describe('a duplicate', () => {
  const state = ready(programOfFacts(TWINS, [TWIN, SMALL]))
  const twice = (first: Partial<typeof BUY>, second: Partial<typeof BUY>, later = 999): string[] =>
    verdicts(state, [
      [fresh({ ...BUY, ...first }), NOW],
      [fresh({ ...BUY, ...second }), NOW + later],
    ])

  test.each<[string, Partial<typeof BUY>, string]>([
    ['the same', {}, 'deny'],
    ['another quantity', { quantity: 101 }, 'allow'],
    ['another price', { limitPrice: 200.01 }, 'allow'],
    ['the other side', { side: 'sell' }, 'allow'],
  ])('is %s within a second: %s', (_, second, verdict) => {
    expect(twice({}, second)).toEqual(['allow', verdict])
    expect(twice({}, second, 1000)).toEqual(['allow', 'allow'])
  })

  const narrowing = (quantity: number): ActionRequest => fresh({ ...BUY, quantity }, { accept: ['narrow'] })

  test('does not pass for being made smaller', () => {
    expect(
      verdicts(state, [
        [fresh(BUY), NOW],
        [narrowing(100), NOW + 1],
      ]),
    ).toEqual(['allow', 'deny'])
  })

  test('of a narrowed order is that of what was asked, and that of what went out', () => {
    const asked = (second: ActionRequest): string[] =>
      verdicts(state, [
        [narrowing(5000), NOW],
        [second, NOW + 1],
      ])
    expect(asked(narrowing(5000))).toEqual(['narrow', 'deny'])
    expect(asked(fresh({ ...BUY, quantity: 1000 }))).toEqual(['narrow', 'deny'])
    expect(asked(fresh({ ...BUY, quantity: 999 }))).toEqual(['narrow', 'allow'])
    // What would be left of it is what went out a moment ago.
    expect(asked(narrowing(6000))).toEqual(['narrow', 'deny'])
  })

  test('leaves the search its largest quantity', () => {
    const denied = answered(state, ask(fresh({ ...BUY, quantity: 5000 })), NOW)
    expect(denied?.headroom).toEqual({ quantity: 1000, largest: true })
    const sent = run(state, [ask(fresh({ ...BUY, quantity: 1000 }))], NOW).state
    expect(answered(sent, ask(fresh({ ...BUY, quantity: 5000 })), NOW)?.headroom).toEqual({
      quantity: null,
      largest: false,
    })
  })
})

test('each report that fills something more counts once, and by what it filled more', () => {
  const facts = {
    'strategy.fills10s': count('fills', ['strategy.id'], { window: '10s' }),
    'position.filled10s': {
      type: 'quantity',
      sum: 'fill.quantity',
      by: ['account.id', 'instrument.id', 'order.side'],
      window: '10s',
    },
  }
  const rule = {
    id: 'filled',
    title: 'x',
    applies: { actions: ['order', 'replace'] },
    warn: 'strategy.fills10s >= 1 or position.filled10s > 0',
  }
  const sent = run(ready(programOfFacts(facts, [rule])), [ask(fresh(BUY))], NOW)
  const [effect] = sent.effects
  const order = effect?.kind === 'answer' ? effect.decision.decision : ''
  const report = (execution: string, filled: number) =>
    ({ execution, order, event: 'filled', filled, at: NOW }) as const
  const executions = [report('e-1', 30), report('e-1', 30), report('e-2', 30), report('e-3', 100)]
  const { state } = run(sent.state, [{ kind: 'executions', executions, feeder: null }], NOW)
  const read = (from: State, action: Action): unknown[] => {
    const { events } = run(from, [ask(fresh(action))], NOW)
    const [event] = events
    const recorded = event?.type === 'decided' ? decisionOf(event).facts : {}
    return ['strategy.fills10s', 'position.filled10s'].map((name) => recorded[name]?.value)
  }
  expect(read(sent.state, BUY)).toEqual([0, 0])
  expect(read(state, BUY)).toEqual([2, 100])
  expect(read(state, { ...BUY, side: 'sell' })).toEqual([2, 0])
})

test('a strategy that fills too often is halted, and stays so when its fills have aged', () => {
  const facts = { 'strategy.fills10s': count('fills', ['strategy.id'], { window: '10s' }) }
  const rule = {
    id: 'runaway-strategy',
    title: 'A strategy that trades too often is halted',
    applies: { actions: ['order', 'replace'] },
    forbid: 'strategy.fills10s >= 3',
    raise: { state: 'halted', scope: 'strategy' },
  }
  const filledIn = (state: State, strategy: string, fills: number): State => {
    let { windows } = state.ledger
    for (let fill = 0; fill < fills; fill++) {
      windows = countFill(windows, {
        at: NOW + fill,
        agent: 'hedger',
        account: 'main',
        instrument: 'AAPL',
        strategy,
        side: 'buy',
        quantity: 1,
      })
    }
    return { ...state, lastAt: NOW + fills, ledger: { ...state.ledger, windows } }
  }
  const kept = [rule]
  const state = run(
    ready(programOfFacts(facts, kept, ['halted'])),
    [
      {
        kind: 'register',
        by: 'op',
        registration: { agent: 'hedger', role: 'trader', strategies: ['s', 't'] },
      },
    ],
    NOW,
  ).state
  const order = (strategy: string): ActionRequest => fresh({ ...BUY, strategy })
  expect(answered(filledIn(state, 's', 2), ask(order('s')), NOW + 10)?.verdict).toBe('allow')
  const { state: after, events } = run(filledIn(state, 's', 3), [ask(order('s'))], NOW + 10)
  expect(events.filter(({ type }) => type === 'halted')).toMatchObject([
    { state: 'halted', scope: { kind: 'strategy', name: 's' }, by: 'runaway-strategy' },
  ])
  const late = NOW + 3_600_000
  const asked = (strategy: string) => answered(after, ask({ ...order(strategy), id: idAt(late) }), late)
  expect(asked('s')?.reasons.map(({ code }) => code)).toEqual(['HALTED'])
  expect(asked('t')?.verdict).toBe('allow')
})

describe('random work', () => {
  const facts = {
    ...SENT,
    ...TWINS,
    'agent.asked1s': count('messages', ['agent.id'], { denied: true }),
    'agent.cancels10s': count('cancels', ['agent.id'], { window: '10s' }),
    'agent.sentToday': count('messages', ['agent.id'], { window: 'day' }),
  }
  const names = ['agent.asked1s', 'agent.cancels10s', 'agent.sentToday']
  const seen = names.map((name) => ({
    id: name.toLowerCase().replace('.', '-'),
    title: name,
    applies: { actions: ['order', 'replace', 'change'] },
    warn: `${name} >= 1`,
  }))
  const program = programOfFacts(facts, [RATE, TWIN, SMALL, ...seen])
  const windows = [...names, 'agent.sent1s', 'order.twins']

  interface Asked {
    readonly after: number
    readonly agent: string
    /** The request of so many before, again; none for a new one. */
    readonly again: number
    readonly action: Action
    readonly narrow: boolean
  }
  const step: fc.Arbitrary<Asked> = fc.record({
    after: fc.constantFrom(0, 0, 1, 300, 700, 999, 1000, 10_000, -5000, 40_000_000),
    agent: fc.constantFrom('hedger', 'alpha'),
    again: fc.constantFrom(0, 0, 0, 1, 2),
    action: fc.oneof(
      fc.constant(CHANGE),
      fc.constant<Action>({ type: 'cancel', account: 'main', instrument: 'AAPL', order: 'd-1' }),
      fc.constantFrom(100, 101, 1000, 5000).map((quantity): Action => ({ ...BUY, quantity })),
    ),
    narrow: fc.boolean(),
  })

  /** Everything `steps` come to: what was recorded when, and the state at the end. */
  function live(steps: readonly Asked[]): { events: TimedEvent[]; state: State } {
    let state = ready(program)
    const events: TimedEvent[] = []
    const sent: ActionRequest[] = []
    let now = NOW
    for (const [index, { after, agent, again, action, narrow }] of steps.entries()) {
      now += after
      const made: ActionRequest = {
        id: idAt(now, String(index)),
        agent,
        action,
        ...(narrow ? { accept: ['narrow'] } : {}),
      }
      const of = (again === 0 ? undefined : sent.at(-again)) ?? made
      sent.push(of)
      const step = run(state, [ask(of)], now)
      ;({ state } = step)
      events.push(...step.events.map((event) => ({ at: state.lastAt, event })))
    }
    return { events, state }
  }

  /** How often the decisions before the last are like it, as `name` asks. */
  function recount(name: string, before: readonly Decided[], { decision }: Decided): number {
    const { request: own, at: now, action } = decision
    const like = before.filter(({ decision: other }) => {
      const age = now - other.at
      const went = other.verdict !== 'deny'
      if (name === 'order.twins') {
        const quantities = [other.action, other.request.action].map((of) =>
          'quantity' in of ? of.quantity : 0,
        )
        return went && age < 1000 && action.type === 'order' && quantities.includes(action.quantity)
      }
      if (other.request.agent !== own.agent) return false
      if (name === 'agent.asked1s') return age < 1000
      if (name === 'agent.sent1s') return went && age < 1000
      if (name === 'agent.cancels10s') return other.action.type === 'cancel' && age < 10_000
      return went && Math.floor(other.at / 86_400_000) === Math.floor(now / 86_400_000)
    })
    return like.length
  }
  type Decided = Extract<Event, { type: 'decided' }>

  /** The first window that a decision recorded otherwise than a naive count finds; `undefined` when there is none. */
  function wrong(events: readonly TimedEvent[]): string | undefined {
    const decided = events.flatMap(({ event }) => (event.type === 'decided' ? [event] : []))
    for (const [index, event] of decided.entries()) {
      const { facts: recorded } = decisionOf(event)
      for (const name of windows) {
        const value = recorded[name]?.value
        const counted = recount(name, decided.slice(0, index), event)
        if (value !== undefined && value !== counted) return `${name}: ${value}, and counted anew ${counted}`
      }
    }
    return undefined
  }
  const works = fc.array(step, { minLength: 1, maxLength: 12 })
  const RUNS = { numRuns: process.env.EPHOR_LONG === '1' ? 10_000 : 500 }

  test('records what a naive count finds, and derives again from the record', () => {
    fc.assert(
      fc.property(works, (steps) => {
        const { events } = live(steps)
        expect(wrong(events)).toBeUndefined()
        for (const { event } of events)
          if (event.type === 'decided') expect(rederive(decisionOf(event), program)).toBeUndefined()
      }),
      RUNS,
    )
  })

  test('a count that takes a recalled request for a new one is caught', () => {
    const doubled = fc.check(
      fc.property(works, (steps) => wrong(live(steps).events.flatMap((one) => [one, one])) === undefined),
      RUNS,
    )
    expect(doubled.failed).toBe(true)
  })

  test('folds to the same state from the journal, byte for byte', () => {
    const opening = dump(ready(program))
    fc.assert(
      fc.property(works, (steps) => {
        const { events, state } = live(steps)
        const written = JSON.parse(JSON.stringify(events)) as TimedEvent[]
        const programOf = (): Program => program
        const replayed = written.reduce((next, one) => apply(next, one, programOf), ready(program))
        expect(dump(replayed)).toBe(dump(state))
        expect(dump(state) === opening).toBe(events.length === 0)
      }),
      { numRuns: 100 },
    )
  })
})

describe('an order that waits for a vote', () => {
  const law = programOfFacts(SENT, [RATE, LARGE], ['off-lot'])
  const able = run(
    ready(law),
    [
      { kind: 'quorate', policies: ONLY_ORDERS, by: 'author' },
      ...NAMES.map((name) => registrationOf(name)),
      ...NAMES.map(beatOf),
    ],
    NOW,
  ).state
  const order = (tail: string, quantity = 100): Input =>
    ask({ id: idAt(NOW, tail), agent: 'alpha', action: { ...BUY, quantity } })

  test('counts as a message when it is asked, so that waiting is no way around a throttle', () => {
    const three = run(able, [order('1'), order('2'), order('3')], NOW)
    expect(three.events.map(({ type }) => type)).toEqual(['proposed', 'proposed', 'proposed'])
    expect(answered(three.state, order('4', 1))).toMatchObject({
      verdict: 'deny',
      reasons: [{ code: 'RATE' }],
    })
    expect(answered(three.state, order('4', 1), NOW + 1000)?.verdict).toBe('allow')
  })

  test('is not counted twice, nor against itself: three at once are all released', () => {
    let state = run(able, [order('1'), order('2'), order('3')], NOW).state
    const verdicts: string[] = []
    const events: Event[] = []
    for (const round of [...state.quorum.rounds.open.keys()].toSorted())
      for (const agent of NAMES) {
        if (!state.quorum.rounds.open.has(round)) break
        const next = run(state, [castBy(state, round, agent, 'yes')], NOW)
        state = next.state
        events.push(...next.events)
      }
    for (const event of events)
      if (event.type === 'decided') {
        verdicts.push(event.decision.verdict)
        expect(rederive(decisionOf(event), law)).toBeUndefined()
      }
    expect(verdicts).toEqual(['allow', 'allow', 'allow'])
    expect(answered(state, order('4', 1))?.verdict).toBe('deny')
    expect(answered(state, order('4', 1), NOW + 1000)?.verdict).toBe('allow')
  })
})
