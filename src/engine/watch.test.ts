/** Rules that raise act on what is reported, before anybody acts on it. */
import { describe, expect, test } from 'vitest'
import {
  ask,
  dump,
  idAt,
  LIQUID,
  NOW,
  observe,
  PROGRAM,
  programOfFacts,
  programWith,
  QUIET,
  ready,
  replay,
  request,
  run,
} from '../../test/support/engine.ts'
import { policyOf } from '../../test/support/policy.ts'
import type { Observation } from '../protocol/observation.ts'
import type { Execution } from '../protocol/execution.ts'
import { decisionId } from './memory.ts'
import { EMPTY_STATE, type State } from './state.ts'
import { fold, type Input } from './step.ts'

const account = (equity: number, at: number): Extract<Observation, { kind: 'account' }> => ({
  kind: 'account',
  account: 'main',
  currency: 'USD',
  equity,
  cash: equity,
  at,
})
const halts = ({ ledger }: State) =>
  [...ledger.halts.values()].map(({ by, state, scope }) => ({ by, state, scope }))

const REDUCED = { by: 'daily-loss', state: 'reducing', scope: { kind: 'account', name: 'main' } }
const HALTED = { by: 'drawdown', state: 'halted', scope: { kind: 'account', name: 'main' } }

describe('a loss that is reported', () => {
  test('puts the account into its state at once, and no better report takes it back', () => {
    const { state, events } = run(ready(), [observe(account(9_699_999, NOW))], NOW)
    expect(halts(state)).toEqual([REDUCED])
    expect(events.map(({ type }) => type)).toEqual(['observed', 'halted'])
    const { state: later } = run(state, [observe(account(10_000_000, NOW + 1))], NOW + 1)
    expect(halts(later)).toEqual([REDUCED])
  })

  test('is looked at in each report of a list, also where a later one of the list is better', () => {
    const lows = observe(account(8_900_000, NOW), account(9_800_000, NOW + 1))
    const { state, events } = run(ready(), [lows], NOW + 1)
    expect(halts(state)).toEqual([REDUCED, HALTED])
    expect(events.map(({ type }) => type)).toEqual(['observed', 'halted', 'halted', 'observed'])
    // As often as something is said twice, and no more often.
    const { events: quiet, effects } = run(
      ready(),
      [observe(account(9_800_000, NOW), account(9_900_000, NOW))],
      NOW,
    )
    expect(quiet.map(({ type }) => type)).toEqual(['observed', 'observed'])
    expect(effects).toMatchObject([{ kind: 'observed', accepted: 2 }])
  })

  test('also where a price told of it, and the account was reported behind it in the list', () => {
    const holding = QUIET.map((each) =>
      each.kind === 'portfolio' ? { ...each, positions: [{ instrument: 'AAPL', quantity: 20_000 }] } : each,
    )
    const fallen = ['nyse', 'bats'].map(
      (source) => ({ kind: 'price', instrument: 'AAPL', source, price: 100, at: NOW + 1 }) as const,
    )
    const monitor = { id: 'deep', watches: 'drawdown', limit: '10%', state: 'halted', scope: 'account' }
    const watched = run(ready(PROGRAM, holding), [policyOf(monitor)], NOW).state
    const { state } = run(watched, [observe(...fallen, account(10_000_000, NOW + 2))], NOW + 2)
    expect(halts(state)).toEqual([{ ...HALTED, by: 'deep' }])
  })

  test('and so is the status of an instrument, and each account of an agent', () => {
    const rule = {
      id: 'venue',
      title: 'V',
      applies: { actions: ['order', 'replace'] },
      forbid: "instrument.status != 'open'",
      unless: 'action.reducing',
      raise: { state: 'halted', scope: 'instrument' },
    }
    const listed = QUIET.find(({ kind }) => kind === 'instrument') as Observation & { kind: 'instrument' }
    const twice = observe({ ...listed, status: 'halted', at: NOW + 1 }, { ...listed, at: NOW + 2 })
    expect(halts(run(ready(programOfFacts({}, [rule], ['halted'])), [twice], NOW + 2).state)).toMatchObject([
      { by: 'venue' },
    ])

    const loses = {
      id: 'loses',
      title: 'L',
      applies: { actions: ['order', 'replace'] },
      forbid: 'account.equity < 95% * account.dayOpenEquity',
      unless: 'action.reducing',
      raise: { state: 'halted', scope: 'agent' },
    }
    const accounts = ['one', 'two'].flatMap((name): Observation[] => [
      { ...account(1_000_000, NOW), account: name },
      { kind: 'portfolio', account: name, positions: [], at: NOW },
    ])
    const asked = ['one', 'two'].map((name, at) =>
      request({ account: name, limitPrice: 200 - at }, { id: idAt(NOW, name.length + `${at}`) }),
    )
    const open = run(
      ready(programOfFacts({}, [loses], ['halted'])),
      [observe(...accounts), ...asked.map(ask)],
      NOW,
    ).state
    // Nobody acts on the account that falls, and no agent is named by the report.
    const fallen = run(open, [observe({ ...account(900_000, NOW + 10), account: 'one' })], NOW + 10).state
    const fills = asked.map(({ agent, id }, at): Execution => ({
      execution: `x${at}`,
      order: decisionId(agent, id),
      event: 'filled',
      filled: 100,
      at: NOW + 20,
    }))
    for (const executions of [fills, fills.toReversed()])
      expect(
        halts(run(fallen, [{ kind: 'executions', executions, feeder: 'venue' }], NOW + 20).state),
      ).toMatchObject([{ by: 'loses' }])
  })

  test('at the limit raises nothing, and two rules raise two', () => {
    expect(halts(run(ready(), [observe(account(9_700_000, NOW))], NOW).state)).toEqual([])
    const { state } = run(ready(), [observe(account(8_999_999, NOW))], NOW)
    expect(halts(state)).toEqual([REDUCED, HALTED])
  })

  test('is raised once, however often it is reported, and again when it was lifted and still holds', () => {
    const low = (at: number): Input => observe(account(9_600_000, at))
    const { state } = run(ready(), [low(NOW), low(NOW)], NOW)
    expect(halts(state)).toEqual([REDUCED])
    const [halt = ''] = state.ledger.halts.keys()
    const lift = (operator: string): Input => ({ kind: 'resume', halt, operator, reason: 'looked at' })
    const { state: lifted } = run(state, [lift('one'), lift('two')], NOW)
    expect(halts(lifted)).toEqual([])
    expect(halts(run(lifted, [low(NOW + 1)], NOW + 1).state)).toEqual([REDUCED])
  })

  test('of another account is that account’s', () => {
    const other = { ...account(1_000_000, NOW), account: 'other' }
    const { state } = run(ready(), [observe(other), observe({ ...other, equity: 960_000 })], NOW)
    expect(halts(state)).toEqual([{ ...REDUCED, scope: { kind: 'account', name: 'other' } }])
  })

  test('is in the records: replayed, they make the same state', () => {
    const inputs: Input[] = [
      { kind: 'activate', program: PROGRAM, by: 'author' },
      observe(...QUIET),
      observe(account(9_000_000, NOW)),
    ]
    const { state, events } = run(EMPTY_STATE, inputs, NOW)
    expect(halts(state)).toEqual([REDUCED])
    expect(dump(replay(events, NOW))).toBe(dump(state))
    expect(
      dump(
        replay(
          events.filter(({ type }) => type !== 'halted'),
          NOW,
        ),
      ),
    ).not.toBe(dump(state))
  })
})

test('what only an action could tell raises nothing', () => {
  const rule = {
    id: 'large',
    title: 'Large',
    applies: { actions: ['order', 'replace'] },
    forbid: 'order.value > 1 USD',
    unless: 'action.reducing',
    raise: { state: 'halted', scope: 'account' },
  }
  const program = programWith([rule])
  expect(halts(run(ready(program), [observe(account(1, NOW))], NOW).state)).toEqual([])
})

test('a shadow raises nothing', () => {
  const rule = {
    id: 'poor',
    title: 'Poor',
    mode: 'shadow',
    applies: { actions: ['order', 'replace'] },
    forbid: 'account.equity < 5000000 USD',
    unless: 'action.reducing',
    raise: { state: 'halted', scope: 'account' },
  }
  expect(halts(run(ready(programWith([rule])), [observe(account(1, NOW))], NOW).state)).toEqual([])
  const enforced = programWith([{ ...rule, mode: 'enforce' }])
  expect(halts(run(ready(enforced), [observe(account(1, NOW))], NOW).state)).toHaveLength(1)
})

test('a price that moves too far halts its instrument on the tick', () => {
  const program = programOfFacts({}, [
    {
      id: 'moved',
      title: 'Moved',
      applies: { actions: ['order', 'replace'], 'instrument.class': ['equity'] },
      forbid: 'market.move5min > 5%',
      unless: 'action.reducing',
      raise: { state: 'halted', scope: 'instrument' },
    },
  ])
  const price = (source: string, of: number, at: number): Observation => ({
    kind: 'price',
    instrument: 'AAPL',
    source,
    price: of,
    at,
  })
  const { state } = run(ready(program), [observe(price('nyse', 205, NOW), price('bats', 205, NOW))], NOW)
  expect(halts(state)).toEqual([])
  const { state: moved } = run(
    state,
    [observe(price('nyse', 215, NOW + 1), price('bats', 215, NOW + 1))],
    NOW + 1,
  )
  expect(halts(moved)).toEqual([
    { by: 'moved', state: 'halted', scope: { kind: 'instrument', name: 'AAPL' } },
  ])
})

test('a strategy that fills too often is halted by the fill, and stays so', () => {
  const program = programOfFacts(
    { 'strategy.fills10s': { type: 'count', count: 'fills', by: ['strategy.id'], window: '10s' } },
    [
      {
        id: 'runaway',
        title: 'Runaway',
        applies: { actions: ['order', 'replace'] },
        forbid: 'strategy.fills10s >= 3',
        unless: 'action.reducing',
        raise: { state: 'halted', scope: 'strategy' },
      },
    ],
  )
  const { state, effects } = run(ready(program), [ask(request())], NOW)
  const [effect] = effects
  if (effect?.kind !== 'answer') throw new Error('expected an answer')
  const fill = (filled: number): Execution => ({
    execution: `e-${filled}`,
    order: effect.decision.decision,
    event: 'filled',
    filled,
    at: NOW,
  })
  const report = (...executions: readonly Execution[]): Input => ({
    kind: 'executions',
    executions,
    feeder: 'feed',
  })
  const { state: twice } = run(state, [report(fill(1), fill(2))], NOW)
  expect(halts(twice)).toEqual([])
  const { state: thrice } = run(twice, [report(fill(3))], NOW)
  const halted = { by: 'runaway', state: 'halted', scope: { kind: 'strategy', name: 'agent:alpha' } }
  expect(halts(thrice)).toEqual([halted])
  expect(halts(run(thrice, [{ kind: 'beat', agent: 'alpha' }], NOW + 60_000).state)).toEqual([halted])
  // A torn write kept the fill and not the halt: nobody was answered, and the venue's client reports it again.
  const torn = fold(twice, run(twice, [report(fill(3))], NOW).events.slice(0, 1), NOW)
  expect(halts(torn)).toEqual([])
  const again = run(torn, [report(fill(3))], NOW)
  expect(again.effects).toMatchObject([{ kind: 'executed', repeated: 1, accepted: 0 }])
  expect(halts(again.state)).toEqual([halted])
  expect(run(thrice, [report(fill(3))], NOW).events).toEqual([])
})

test('the shipped constitution has rules to watch', () => {
  expect(PROGRAM.constitution.rules.filter(({ raise }) => raise !== undefined).length).toBeGreaterThan(1)
})

test('an account and then prices in one list are looked at each, as if they had come in two', () => {
  const policy = policyOf({
    id: 'day-loss',
    watches: 'daily-loss',
    limit: '3%',
    state: 'reducing',
    scope: 'account',
  })
  const state = run(ready(programWith([], {}, ['halted', 'off-lot']), LIQUID), [policy], NOW).state
  const at = NOW + 1_000
  const lost: Observation = {
    kind: 'account',
    account: 'main',
    currency: 'USD',
    equity: 9_699_000,
    cash: 9_000_000,
    at,
  }
  const risen = ['nyse', 'bats'].map((source): Observation => ({
    kind: 'price',
    instrument: 'AAPL',
    source,
    price: 210,
    at: at + 400,
  }))
  const halts = (...inputs: Input[]): number => run(state, inputs, at + 400).state.ledger.halts.size
  expect(halts(observe(lost), observe(...risen))).toBe(1)
  expect(halts(observe(lost, ...risen))).toBe(1)
})
