/** Monitors of the emergency policy: each just inside and just past its limit, what is unknown, what is latched, and what a restart keeps. */
import { describe, expect, test } from 'vitest'
import {
  answered,
  ask,
  BUY,
  dump,
  idAt,
  NOW,
  observe,
  PROGRAM,
  programOfFacts,
  QUIET,
  ready,
  refused,
  replay,
  request,
  run,
} from '../../test/support/engine.ts'
import type { Observation } from '../protocol/observation.ts'
import type { Event } from '../protocol/event.ts'
import { policyOf } from '../../test/support/policy.ts'
import { readState, stateLines } from './state-lines.ts'
import type { Input } from './step.ts'
import { EMPTY_STATE, type State } from './state.ts'

/** Allows all, so that only monitors stop anything. */
const OPEN_LAW = programOfFacts(
  {},
  [
    {
      id: 'huge',
      title: 'Huge',
      applies: { actions: ['order', 'replace'] },
      forbid: 'order.quantity > 1000 * instrument.lot',
      unless: 'action.reducing',
    },
  ],
  ['halted', 'reducing-only'],
)

const equity = (of: number, at = NOW, account = 'main'): Observation => ({
  kind: 'account',
  account,
  currency: 'USD',
  equity: of,
  cash: of,
  at,
})
const prices = (of: number, at = NOW, other = of): Observation[] => [
  { kind: 'price', instrument: 'AAPL', source: 'nyse', price: of, at },
  { kind: 'price', instrument: 'AAPL', source: 'bats', price: other, at },
]
const holds = (quantity: number, at = NOW, account = 'main'): Observation => ({
  kind: 'portfolio',
  account,
  positions: [{ instrument: 'AAPL', quantity }],
  at,
})
const tick = (listeningSince = 0): Input => ({ kind: 'tick', listeningSince })
const raised = ({ ledger }: State) =>
  [...ledger.halts.values()].map(({ by, state, scope }) =>
    [by, state, scope.kind, 'name' in scope ? scope.name : ''].join(' '),
  )
const reasons = ({ ledger }: State) => [...ledger.halts.values()].map(({ reason }) => reason)

/** The quiet market with one monitor; `main` holds 1,000 AAPL at 200 and has 10,000,000. */
const watching = (monitor: object, more: readonly Input[] = []): State =>
  run(ready(OPEN_LAW), [policyOf(monitor), ...more], NOW).state

const DAY_LOSS = { id: 'day-loss', watches: 'daily-loss', limit: '3%', state: 'reducing', scope: 'account' }
const DRAWDOWN = { id: 'deep-loss', watches: 'drawdown', limit: '10%', state: 'halted', scope: 'account' }

describe('daily loss', () => {
  test.each([
    [9_700_000, []],
    [9_699_999.99, ['day-loss reducing account main']],
  ])('an equity of %d: %o', (of, expected) => {
    expect(raised(run(watching(DAY_LOSS), [observe(equity(of))], NOW).state)).toEqual(expected)
  })

  test('says what it saw, in words and in figures', () => {
    const { state } = run(watching(DAY_LOSS), [observe(equity(9_660_000))], NOW)
    expect(reasons(state)).toEqual(['day-loss: account `main` lost 3.4 % today, limit 3 %'])
    expect([...state.ledger.halts.values()][0]?.monitor).toMatchObject({
      watches: 'daily-loss',
      about: 'main',
      observed: 0.034,
      limit: 0.03,
      policy: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    })
  })

  test('counts open losses: 1,000 at 200 that fall to a cent above the limit, and to it, before any report of equity', () => {
    // 20 % of an equity of a million: a fall of 15 % is a loss of 3 %.
    const small = watching(DAY_LOSS, [observe(equity(1_000_000, NOW, 'small'), holds(1000, NOW, 'small'))])
    expect(raised(run(small, [observe(...prices(170))], NOW).state)).toEqual([])
    const { state } = run(small, [observe(...prices(169.99))], NOW)
    expect(raised(state)).toEqual(['day-loss reducing account small'])
    expect(reasons(state)).toEqual(['day-loss: account `small` lost 3.001 % today, limit 3 %'])
  })

  test('a short position loses when the price rises', () => {
    const short = watching(DAY_LOSS, [observe(equity(1_000_000, NOW, 'short'), holds(-1000, NOW, 'short'))])
    expect(raised(run(short, [observe(...prices(160))], NOW).state)).toEqual([])
    expect(raised(run(short, [observe(...prices(230.01))], NOW).state)).toEqual([
      'day-loss reducing account short',
    ])
  })

  test('what the report of equity holds already is not counted twice, and what came after it is', () => {
    const { state } = run(
      watching(DAY_LOSS, [observe(equity(1_000_000, NOW, 'small'), holds(1000, NOW, 'small'))]),
      [observe(...prices(180))],
      NOW + 1_000,
    )
    // Down 2 %, reported as such; 1 % more is at the limit, and a cent more is past it.
    const after = run(state, [observe(equity(980_000, NOW + 1_000, 'small'))], NOW + 1_000).state
    expect(raised(run(after, [observe(...prices(170, NOW + 2_000))], NOW + 2_000).state)).toEqual([])
    expect(raised(run(after, [observe(...prices(169.99, NOW + 2_000))], NOW + 2_000).state)).toHaveLength(1)
    // A report of before the fall does not hold it.
    const late = run(state, [observe(equity(1_000_000, NOW + 500, 'small'))], NOW + 1_500).state
    expect(raised(run(late, [observe(...prices(169.99, NOW + 2_000))], NOW + 2_000).state)).toEqual([])
    const before = run(
      watching(DAY_LOSS, [observe(equity(1_000_000, NOW, 'small'), holds(1000, NOW, 'small'))]),
      [observe(...prices(180, NOW + 1_000)), observe(equity(1_000_000, NOW + 500, 'small'))],
      NOW + 1_000,
    ).state
    expect(raised(run(before, [observe(...prices(169.99, NOW + 1_500))], NOW + 1_500).state)).toHaveLength(1)
  })

  test('a price that is not known resets nothing: the last mark stands', () => {
    const fallen = run(
      watching(DAY_LOSS, [observe(equity(1_000_000, NOW, 'small'), holds(1000, NOW, 'small'))]),
      [observe(...prices(175))],
      NOW,
    ).state
    // One source alone makes no reference.
    const [alone] = prices(300, NOW + 10_000) as [Observation, Observation]
    const unknown = run(fallen, [observe(alone)], NOW + 10_000).state
    expect(unknown.ledger.moved).toEqual(fallen.ledger.moved)
    expect(raised(unknown)).toEqual([])
    expect(raised(run(unknown, [observe(equity(1_000_000, NOW, 'x'))], NOW + 10_000).state)).toEqual([])
  })

  test('no report of equity, no position, no loss', () => {
    const { state } = run(
      watching(DAY_LOSS),
      [observe(holds(1000, NOW, 'new')), observe(...prices(100))],
      NOW,
    )
    expect(raised(state)).toEqual([])
  })

  test('an account of nothing that falls below nothing is past every share of it', () => {
    const broke = watching(DAY_LOSS, [observe(equity(0, NOW, 'broke'))])
    expect(raised(broke)).toEqual([])
    const { state } = run(broke, [observe(equity(-1, NOW, 'broke'))], NOW)
    expect(reasons(state)).toEqual(['day-loss: account `broke` lost more than all today, limit 3 %'])
  })
})

describe('drawdown', () => {
  test.each([
    [9_000_000, []],
    [8_999_999.99, ['deep-loss halted account main']],
  ])('an equity of %d: %o', (of, expected) => {
    expect(raised(run(watching(DRAWDOWN), [observe(equity(of))], NOW).state)).toEqual(expected)
  })

  test('from a mark of days ago, however small each day’s loss', () => {
    const day = 86_400_000
    let state = watching(DRAWDOWN)
    for (let days = 1; days <= 6; days++)
      state = run(
        state,
        [observe(equity(10_000_000 - days * 170_000, NOW + days * day))],
        NOW + days * day,
      ).state
    expect(raised(state)).toEqual(['deep-loss halted account main'])
    expect(state.ledger.accounts.get('main')?.highWater).toBe(10_000_000)
  })

  const lifted = (state: State, rebase: readonly boolean[], now = NOW): State => {
    const [halt = ''] = state.ledger.halts.keys()
    const inputs = rebase.map((wanted, index): Input => ({
      kind: 'resume',
      halt,
      operator: `operator-${index + 1}`,
      reason: 'looked at',
      ...(wanted ? { rebase: true } : {}),
    }))
    return run(state, inputs, now).state
  }
  const low = observe(equity(8_900_000))

  test.each([
    [[false, false], 10_000_000, 1],
    [[true, false], 10_000_000, 1],
    [[false, true], 10_000_000, 1],
    [[true, true], 8_900_000, 0],
  ])(
    'resumed with rebase %o: the mark is %d, and %d halts follow with the next report',
    (rebase, mark, halts) => {
      const { state } = run(watching(DRAWDOWN), [low], NOW)
      const resumed = lifted(state, rebase)
      expect(raised(resumed)).toEqual([])
      expect(resumed.ledger.accounts.get('main')?.highWater).toBe(mark)
      expect(raised(run(resumed, [low], NOW).state)).toHaveLength(halts)
    },
  )

  test('after a rebase the next tenth is counted from there, and the mark rises again', () => {
    const resumed = lifted(run(watching(DRAWDOWN), [low], NOW).state, [true, true])
    expect(raised(run(resumed, [observe(equity(8_010_000))], NOW).state)).toEqual([])
    expect(raised(run(resumed, [observe(equity(8_009_999))], NOW).state)).toHaveLength(1)
    expect(run(resumed, [observe(equity(9_000_000))], NOW).state.ledger.accounts.get('main')?.highWater).toBe(
      9_000_000,
    )
  })

  test('a mark is lowered only for a halt that is about an account', () => {
    const price = {
      id: 'jump',
      watches: 'price-move',
      window: '5min',
      limit: '1%',
      state: 'halted',
      scope: 'instrument',
    }
    const { state } = run(watching(price), [observe(...prices(210))], NOW)
    const [halt = ''] = state.ledger.halts.keys()
    const resume: Input = { kind: 'resume', halt, operator: 'a', reason: 'x', rebase: true }
    expect(refused(state, resume)).toBe('REBASE_UNRELATED')
    const all = run(watching({ ...DRAWDOWN, scope: 'everything' }), [low], NOW).state
    expect(raised(all)).toEqual(['deep-loss halted everything '])
    expect(lifted(all, [true, true]).ledger.accounts.get('main')?.highWater).toBe(8_900_000)
  })
})

describe('price move', () => {
  const JUMP = {
    id: 'jump',
    watches: 'price-move',
    window: '5min',
    limit: '10%',
    state: 'halted',
    scope: 'instrument',
  }

  test.each([
    [220, []],
    [220.01, ['jump halted instrument AAPL']],
    [180, []],
    [179.99, ['jump halted instrument AAPL']],
  ])('from 200 to %d: %o', (to, expected) => {
    expect(raised(run(watching(JUMP), [observe(...prices(to))], NOW).state)).toEqual(expected)
  })

  test.each([
    [60, true],
    [61, true],
    [240, true],
    // With which price the window opened nobody saw: a night between two sessions is no move.
    [300, false],
    [40_000, false],
  ])('over %d s in which no price came: %o', (gap, isSeen) => {
    const quiet = run(watching(JUMP), [observe(...prices(200, NOW + 1_000))], NOW + 1_000).state
    const at = NOW + 1_000 + gap * 1_000
    expect(raised(run(quiet, [observe(...prices(140, at))], at).state)).toEqual(
      isSeen ? ['jump halted instrument AAPL'] : [],
    )
  })

  test('within the window, and not over a longer time', () => {
    let state = watching(JUMP)
    for (let second = 30; second <= 600; second += 30)
      state = run(
        state,
        [observe(...prices(200 + second / 20, NOW + second * 1000))],
        NOW + second * 1000,
      ).state
    expect(raised(state)).toEqual([])
    expect(state.ledger.marks.get('AAPL')?.price).toBe(230)
  })

  test('a move that is seen is one, though what was before the sidecar listened is not known', () => {
    const first = ready(
      OPEN_LAW,
      QUIET.filter(({ kind }) => kind !== 'bar'),
    )
    const { state } = run(first, [policyOf(JUMP), observe(...prices(230, NOW + 1))], NOW + 1)
    expect(raised(state)).toEqual(['jump halted instrument AAPL'])
  })

  test('one source alone moves no reference', () => {
    const [alone] = prices(400, NOW + 60_000) as [Observation, Observation]
    expect(raised(run(watching(JUMP), [observe(alone)], NOW + 60_000).state)).toEqual([])
  })

  test.each([
    [{ only: { assetClasses: ['crypto'] } }, 0],
    [{ only: { assetClasses: ['equity'] } }, 1],
    [{ except: { assetClasses: ['equity'] } }, 0],
    [{ except: { instruments: ['AAPL'] } }, 0],
    [{ only: { instruments: ['AAPL'] } }, 1],
    [{ only: { instruments: ['MSFT'] } }, 0],
    [{ only: { assetClasses: ['equity'] }, except: { instruments: ['AAPL'] } }, 0],
  ])('selected by %o: %d', (selection, halts) => {
    expect(
      raised(run(watching({ ...JUMP, ...selection }), [observe(...prices(300))], NOW).state),
    ).toHaveLength(halts)
  })
})

describe('reference disagreement', () => {
  const APART = {
    id: 'apart',
    watches: 'reference-disagreement',
    limit: '2%',
    state: 'reducing',
    scope: 'instrument',
  }

  test.each([
    [[198, 202], []],
    [[197.99, 202], ['apart reducing instrument AAPL']],
  ])('sources at %o: %o', ([one = 0, other = 0], expected) => {
    expect(raised(run(watching(APART), [observe(...prices(one, NOW, other))], NOW).state)).toEqual(expected)
  })

  test('a source that is no longer fresh disagrees with nobody', () => {
    const [alone] = prices(300, NOW + 2_001) as [Observation, Observation]
    expect(raised(run(watching(APART), [observe(alone)], NOW + 2_001).state)).toEqual([])
  })
})

test.each([
  [1010, []],
  [990, []],
  [1011, ['differs reducing account main']],
  [989, ['differs reducing account main']],
  [0, ['differs reducing account main']],
])('drop copy: the broker has %d of our 1,000: %o', (quantity, expected) => {
  const differs = {
    id: 'differs',
    watches: 'drop-copy-difference',
    limit: '1%',
    state: 'reducing',
    scope: 'account',
  }
  expect(raised(run(watching(differs), [observe(holds(quantity))], NOW).state)).toEqual(expected)
})

describe('heartbeat loss', () => {
  const LOST = { id: 'lost', watches: 'heartbeat-loss', limit: '30s', state: 'halted', scope: 'agent' }
  const register = (agent: string): Input => ({
    kind: 'register',
    by: 'operator-1',
    registration: { agent, role: 'trader', strategies: [] },
  })
  const beat: Input = { kind: 'beat', agent: 'alpha' }
  const registered = watching(LOST, [register('alpha')])

  test.each([
    [30_000, []],
    [30_001, ['lost halted agent alpha']],
  ])('one that never beat, %d ms after it was registered: %o', (after, expected) => {
    expect(raised(run(registered, [tick()], NOW + after).state)).toEqual(expected)
  })

  test('one that beats is heard, and registering it again is no heartbeat', () => {
    const { state } = run(registered, [beat], NOW + 20_000)
    expect(raised(run(state, [tick()], NOW + 50_000).state)).toEqual([])
    expect(raised(run(state, [register('alpha'), tick()], NOW + 50_001).state)).toHaveLength(1)
    expect(
      raised(run(run(registered, [register('alpha')], NOW + 20_000).state, [tick()], NOW + 30_001).state),
    ).toHaveLength(1)
  })

  test('nobody is silent to one who was not listening', () => {
    expect(raised(run(registered, [tick(NOW + 100_000)], NOW + 130_000).state)).toEqual([])
    expect(raised(run(registered, [tick(NOW + 100_000)], NOW + 130_001).state)).toHaveLength(1)
  })

  test('it is raised once, is recorded only then, and comes back at once when lifted before a beat', () => {
    const quiet = run(registered, [tick(), tick()], NOW + 1_000)
    expect(quiet.events).toEqual([])
    expect(quiet.state).toBe(registered)
    const lost = run(registered, [tick(), tick()], NOW + 40_000)
    expect(lost.events.map(({ type }) => type)).toEqual(['halted'])
    expect(raised(run(lost.state, [beat, tick()], NOW + 40_000).state)).toHaveLength(1)
    const [halt = ''] = lost.state.ledger.halts.keys()
    const lift = ['a', 'b'].map((operator): Input => ({ kind: 'resume', halt, operator, reason: 'x' }))
    expect(raised(run(lost.state, [...lift, tick()], NOW + 40_000).state)).toHaveLength(1)
    expect(raised(run(lost.state, [...lift, beat, tick()], NOW + 40_000).state)).toEqual([])
  })

  test('an agent that is excepted may be silent, and one that is not registered is none', () => {
    const except = watching({ ...LOST, except: { agents: ['alpha'] } }, [register('alpha'), register('beta')])
    expect(raised(run(except, [tick()], NOW + 99_000).state)).toEqual(['lost halted agent beta'])
  })

  test('a clock that went back says nothing', () => {
    const { state } = run(registered, [beat], NOW + 60_000)
    expect(run(state, [tick()], NOW + 31_000).events).toEqual([])
  })
})

describe('repeated breaches', () => {
  const INSISTS = {
    id: 'insists',
    watches: 'repeated-breaches',
    limit: 3,
    window: '10s',
    state: 'halted',
    scope: 'agent',
  }
  const huge = (tail: number, agent = 'alpha', at = NOW): Input =>
    ask({ ...request({ quantity: 1001 }, { id: idAt(at, String(tail)) }), agent })
  const times = (count: number, agent = 'alpha'): Input[] =>
    Array.from({ length: count }, (_, index) => huge(index, agent))

  test('at the limit, not before', () => {
    expect(raised(run(watching(INSISTS), times(2), NOW).state)).toEqual([])
    const { state, events } = run(watching(INSISTS), times(3), NOW)
    expect(raised(state)).toEqual(['insists halted agent alpha'])
    expect(events.slice(-2).map(({ type }) => type)).toEqual(['decided', 'halted'])
    expect(reasons(state)).toEqual([
      'insists: agent `alpha` was denied 3 times by rules within 10 s, limit 3',
    ])
    expect(answered(state, ask(request({}, { id: idAt(NOW, 'Z') })))?.verdict).toBe('deny')
  })

  test('also where others were denied so often that not all of it could be counted', () => {
    const { state } = run(watching(INSISTS), times(2), NOW)
    const { breaches } = state.emergency
    const tallies = breaches.tallies.map((tally) => ({ ...tally, lostAt: NOW }))
    const flooded = { ...state, emergency: { ...state.emergency, breaches: { ...breaches, tallies } } }
    expect(raised(run(flooded, [huge(7)], NOW).state)).toEqual(['insists halted agent alpha'])
  })

  test('of one agent, within the window', () => {
    expect(raised(run(watching(INSISTS), [...times(2), ...times(2, 'beta')], NOW).state)).toEqual([])
    const { state } = run(watching(INSISTS), times(2), NOW)
    expect(raised(run(state, [huge(7, 'alpha', NOW + 9_999)], NOW + 9_999).state)).toHaveLength(1)
    expect(raised(run(state, [huge(7, 'alpha', NOW + 10_000)], NOW + 10_000).state)).toEqual([])
  })

  test('what is allowed, asked again, unknown, refused by the engine or denied by a halt is none', () => {
    const again = huge(1)
    const { state } = run(watching(INSISTS), [again, again, again], NOW)
    expect(raised(state)).toEqual([])
    const unknown = { ...request({}, { id: idAt(NOW, '7') }), action: { ...BUY, instrument: 'NONE' } }
    expect(raised(run(state, [huge(2), ask(unknown), ask(request({ quantity: 1 }))], NOW).state)).toEqual([])
    const halt: Input = {
      kind: 'halt',
      by: 'operator-1',
      request: { scope: { kind: 'everything' }, state: 'halted', reason: 'drill' },
    }
    const small = Array.from({ length: 9 }, (_, index) => ask(request({}, { id: idAt(NOW, `A${index}`) })))
    expect(raised(run(state, [halt, ...small], NOW).state)).toEqual(['operator-1 halted everything '])
  })

  test('by strategy, by account, and for everybody', () => {
    const by = (scope: string) => raised(run(watching({ ...INSISTS, scope }), times(3), NOW).state)
    expect(by('strategy')).toEqual(['insists halted strategy agent:alpha'])
    expect(by('account')).toEqual(['insists halted account main'])
    expect(by('everything')).toEqual(['insists halted everything '])
    const excepted = { ...INSISTS, except: { agents: ['alpha'] } }
    expect(raised(run(watching(excepted), times(5), NOW).state)).toEqual([])
  })

  test('what was denied before the policy came is counted', () => {
    const { state } = run(ready(OPEN_LAW), [...times(2), policyOf(INSISTS), huge(9)], NOW)
    expect(raised(state)).toHaveLength(1)
  })
})

describe('halts of monitors', () => {
  test('that are the same are one, and a rule’s goes before', () => {
    const two = run(
      ready(OPEN_LAW),
      [policyOf(DAY_LOSS, { ...DAY_LOSS, id: 'other' }), observe(equity(9_000_000))],
      NOW,
    )
    expect(raised(two.state)).toEqual(['day-loss reducing account main'])
    const { state } = run(ready(PROGRAM), [policyOf(DAY_LOSS), observe(equity(9_600_000))], NOW)
    expect(raised(state)).toEqual(['daily-loss reducing account main'])
  })

  test('are latched: no better report takes one back', () => {
    const { state } = run(watching(DAY_LOSS), [observe(equity(9_000_000))], NOW)
    expect(raised(run(state, [observe(equity(12_000_000, NOW + 1))], NOW + 1).state)).toHaveLength(1)
  })

  test('are in the records: replayed, halts, marks, counts and policy are the same, and what follows is the same', () => {
    const inputs: Input[] = [
      { kind: 'activate', program: PROGRAM, by: 'author' },
      policyOf(DAY_LOSS, DRAWDOWN, {
        id: 'insists',
        watches: 'repeated-breaches',
        limit: 2,
        window: '1min',
        state: 'halted',
        scope: 'agent',
      }),
      observe(...QUIET),
      observe(...prices(190)),
      ask(request({ quantity: 100_000 }, { id: idAt(NOW, '1') })),
      observe(equity(9_500_000)),
    ]
    const { state, events } = run(EMPTY_STATE, inputs, NOW)
    const again = replay(events, NOW)
    expect(dump(again)).toBe(dump(state))
    const next: Input[] = [
      observe(...prices(120, NOW)),
      ask(request({ quantity: 100_000 }, { id: idAt(NOW, '2') })),
      observe(equity(8_900_000)),
    ]
    const [one, other] = [run(state, next, NOW), run(again, next, NOW)]
    expect(JSON.stringify(other.events)).toBe(JSON.stringify(one.events))
    expect(raised(one.state)).toEqual([
      'daily-loss reducing account main',
      'insists halted agent alpha',
      'drawdown halted account main',
    ])
  })
})

test('from a checkpoint, one tick halts the same accounts in the same order', () => {
  // A small map keeps the order in which it was filled, and a checkpoint writes it by name.
  const small = ['d', 'c', 'b', 'a']
  const begun = watching(DAY_LOSS, [
    observe(...small.flatMap((name) => [equity(1_000_000, NOW, name), holds(1000, NOW, name)])),
  ])
  const restored = readState(stateLines(begun), () => OPEN_LAW)
  const fall = observe(...prices(150))
  const [one, other] = [run(begun, [fall], NOW), run(restored, [fall], NOW)]
  expect(raised(one.state)).toHaveLength(4)
  expect(JSON.stringify(other.events)).toBe(JSON.stringify(one.events))
})

describe('a fault that is planted in the records shows', () => {
  const inputs: Input[] = [
    { kind: 'activate', program: OPEN_LAW, by: 'author' },
    policyOf(DRAWDOWN),
    observe(...QUIET),
    observe(equity(8_950_000)),
  ]
  const { events } = run(EMPTY_STATE, inputs, NOW)
  const after = (kept: readonly Event[]) =>
    raised(run(replay(kept, NOW, [OPEN_LAW]), [observe(equity(8_950_000))], NOW).state)

  test('a mark that is lost with the report that set it would let trading go on', () => {
    expect(after(events)).toEqual(['deep-loss halted account main'])
    const lost = events.filter(
      (event) =>
        event.type !== 'halted' &&
        !(
          event.type === 'observed' &&
          event.observation.kind === 'account' &&
          event.observation.equity > 9e6
        ),
    )
    expect(after(lost)).toEqual([])
  })

  test('a policy that is lost watches nothing', () => {
    expect(after(events.filter(({ type }) => type !== 'policed' && type !== 'halted'))).toEqual([])
  })
})
