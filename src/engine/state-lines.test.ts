/** A written state names its constitution by hash, is refused in another shape, and cannot change its shape under the same number. */
import { List, Map } from 'immutable'
import { describe, expect, test } from 'vitest'
import { NOW, PROGRAM, programWith, ready, request, run, ask } from '../../test/support/engine.ts'
import { agreed, HALT, LATER, other, PROGRAMS, resume } from '../../test/support/founded.ts'
import { play } from '../../test/simulation/play.ts'
import { REAL } from '../../test/simulation/core.ts'
import { story } from '../../test/simulation/steps.ts'
import * as fc from 'fast-check'
import { Queue } from '../base/queue.ts'
import { DAY_MS } from '../ledger/track-record.ts'
import { readState, STATE_SCHEMA, stateLines } from './state-lines.ts'
import { EMPTY_STATE, type State } from './state.ts'
import { fold, type Input } from './step.ts'
import { valueLines } from './value-lines.ts'

const programOf = (hash: string) => (hash === PROGRAM.constitution.hash ? PROGRAM : undefined)

describe('a state', () => {
  test('holds its constitution by hash, and reads with the compiled one', () => {
    const { state } = run(ready(), [ask(request())], NOW)
    const lines = [...stateLines(state)]
    expect(lines.join('').length).toBeLessThan(20_000)
    expect(lines.join('')).toContain(PROGRAM.constitution.hash)
    const again = readState(lines.values(), programOf)
    expect(again.program).toBe(PROGRAM)
    // Its tallies are of this constitution’s facts, so that they are told to be the same at a glance.
    for (const [name, { origin }] of again.ledger.windows.tallies)
      expect(origin).toBe(PROGRAM.constitution.facts.get(name)?.origin)
    expect(again.ledger.windows.tallies.size).toBeGreaterThan(0)
    expect([...stateLines(again)]).toEqual(lines)
  })

  test('of before the first activation reads without any', () => {
    expect(readState(stateLines(EMPTY_STATE), programOf)).toEqual(EMPTY_STATE)
  })

  test('whose constitution is not kept does not read', () => {
    expect(() => readState(stateLines(ready()), () => undefined)).toThrow(PROGRAM.constitution.hash)
  })

  test.each<[string, object, string]>([
    ['a field more', { ...EMPTY_STATE, planted: Map() }, 'planted'],
    ['a field less', without(EMPTY_STATE, 'permits'), 'permits'],
    [
      'a field less in the ledger',
      { ...EMPTY_STATE, ledger: without(EMPTY_STATE.ledger, 'halts') },
      'ledger.halts',
    ],
    ['no state at all', List([1]), 'other fields'],
  ])('with %s does not read', (_, value, path) => {
    expect(() => readState(valueLines(value), programOf)).toThrow(path)
  })
})

function without(value: object, key: string): object {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key))
}

/**
 * When this fails the state has other fields than when `STATE_SCHEMA` got its number: an earlier checkpoint would be read wrong. Raise
 * `STATE_SCHEMA`, and put the number and the names here.
 */
test('the fields of a state are those of its number', () => {
  const fields = fieldsOf(RICH)
  expect(fields.length).toBeGreaterThan(25)
  expect({ schema: STATE_SCHEMA, fields }).toEqual({ schema: 23, fields: FIELDS.trim().split(/\s+/) })
  // It can fail: one field in one place is enough.
  const { memory } = RICH[0] as State
  const planted = {
    ...(RICH[0] as State),
    memory: { ...memory, order: Queue.of(Array.from(memory.order, (one) => ({ ...one, planted: 1 }))) },
  }
  expect(fieldsOf([planted, ...RICH])).not.toEqual(fields)
})

/** The names of all fields, in order. */
const FIELDS = `
  account account.id accounts acted action adv after agedAt agent agent.id agents allowed alpha amount answers approvals approved asked asset assetClass
  at barred bars basis basket baskets before beganAt best beta breaches broker buy by byAgent byDecision byGroup byMs byName calendar cancels capital
  caps carries cash certificate closed closedAt closedIn committed completeAt consent constitution coordinator count counts credit creditAt critical
  currency day dayOpenEquity days deadline dealers decision delegate delegations denied destination differences digest due dueSize emergency ended ends
  entries envelopeMs epoch equity equityAsked event execution executions exitWorth exits expires exposures extension field fields filled filledValue
  fills first firstMs fixed followed from function gamma grants guardians halt halts hasTraded hash heartbeatAt heartbeatMs held high highWater holders
  home id inForceSince inbox instrument instrument.id instruments isUnclear kept key kind lapsed lastAt lastFillAt lastMs leastMs ledger level lift
  limitPrice liquidity live locates logs lostAt lot lots low marks memory method micro minimumVoters mostMs moved multiplier name number of onDictator
  onPowerless open operator optimizer order order.orderType order.price order.quantity order.side orderType orders origin owed owner owners parent
  parents part partition pending performance permits policies policy portfolios positions power previousVolume price prices profit program proposal
  proposed proposerVotes publicKey quantity quorum raised rated rates reach reason rebase record reducing registeredMs requests resolutions resting
  resumes retiredAt revoked revokedBy risk role roster rounds routed routing rule rules run runBy schedule schema scope sell sent sequence servesSince
  sharesOutstanding sharpe side signoffs since specialist spent state stated status stops strategies strategy strategy.id subject superseded support
  taken tallies tenure terms tick ticks times title to total trackRecords traded trader transfer.asset transfer.destination transfers type uncertified
  undecided unknown until upMs upTo used usedBy uses usualVariance usualVolume value variance venueIds versionIds versions veto vetoes volume voter
  voters waiting warnings watches weight weights window windows worth zone
`

/** A state in which one grant let an order through and was revoked, and another waits. */
function withGrants(): State {
  const cap = {
    id: 'cap',
    title: 'Cap',
    applies: { actions: ['order', 'replace'] },
    forbid: 'order.value > 15000 USD',
    unless: 'action.reducing',
    grantable: true,
  }
  const before = ready(programWith([cap]))
  const scope = { agent: 'alpha', account: 'main', instrument: 'AAPL', strategy: 'agent:alpha' }
  const terms = { rule: 'cap', scope, upTo: 30_000, until: NOW + 1000, uses: 2, reason: 'test' }
  const grant = `g-${before.sequence + 1}`
  const inputs: Input[] = [
    { kind: 'grant', request: terms, by: 'one' },
    { kind: 'approve', grant, operator: 'two', reason: 'test' },
    ask(request()),
    { kind: 'revoke', grant, operator: 'one', reason: 'test' },
    { kind: 'grant', request: terms, by: 'one' },
  ]
  const { state } = run(before, inputs, NOW)
  expect(state.ledger.grants.get(grant)?.used).toBe(1)
  return state
}

/** States of random stories, always the same ones, one under the shipped constitution, one with grants, one with a halt that one person would lift, one with an agent's days, one whose last write was torn, and one that follows what another partition asks. */
const RICH: readonly State[] = [
  run(ready(), [ask(request())], NOW).state,
  withGrants(),
  halfResumed(),
  tracked(),
  torn(),
  following(),
  ...fc.sample(story(80), { seed: 7, numRuns: 60 }).map((one) => play(REAL, one).state),
]

/** An account that was halted, and that one of two people would let trade again. */
function halfResumed(): State {
  const scope = { kind: 'account', name: 'main' } as const
  const halted = run(
    ready(),
    [{ kind: 'halt', by: 'operator-1', request: { scope, state: 'halted', reason: 'x' } }],
    NOW,
  )
  const halt = [...halted.state.ledger.halts.keys()][0] ?? ''
  return run(halted.state, [{ kind: 'resume', halt, operator: 'operator-1', reason: 'x' }], NOW).state
}

/** An agent with capital that traded on a day that is over. */
function tracked(): State {
  const capital = { amount: 1_000_000, currency: 'USD' }
  const { state } = run(
    ready(),
    [
      {
        kind: 'register',
        registration: { agent: 'alpha', role: 'trader', strategies: [], capital },
        by: 'one',
      },
      ask(request()),
    ],
    NOW,
  )
  const [order = ''] = state.ledger.orders.keys()
  const fill = { execution: 'x', order, event: 'filled', filled: 10, price: 200, at: NOW } as const
  const filled = run(state, [{ kind: 'executions', executions: [fill], feeder: 'venue' }], NOW)
  const next = run(filled.state, [{ kind: 'beat', agent: 'alpha' }], NOW + DAY_MS)
  expect(next.state.ledger.trackRecords.get('alpha')?.held.size).toBe(1)
  return next.state
}

/** A verdict over which a rule halts an agent, without the halt. */
function torn(): State {
  const rule = {
    id: 'large',
    title: 'Large',
    applies: { actions: ['order', 'replace'] },
    forbid: 'order.value > 100 USD',
    unless: 'action.reducing',
    raise: { state: 'halted', scope: 'agent' },
  }
  const state = ready(programWith([rule]))
  const { events } = run(state, [ask(request())], NOW)
  const after = fold(state, events.slice(0, 1), NOW)
  expect(after.owed?.raised).toHaveLength(1)
  return after
}

/** A partition in which a halt of all was lifted by the first, with what that asks of another. */
function following(): State {
  const [first, core] = [agreed(), other()]
  first.deliver(LATER, HALT)
  first.take(resume(`h-${LATER}`))
  core.deliver(LATER, HALT)
  core.follow(first, PROGRAMS)
  expect(core.state.quorum.followed.size).toBe(1)
  expect(core.state.quorum.lift).toBeDefined()
  return core.state
}

/** The names of all fields that objects in `states` have. */
function fieldsOf(states: readonly State[]): string[] {
  const names = new Set<string>()
  for (const state of states)
    for (const line of stateLines(state))
      for (const token of JSON.parse(line) as unknown[])
        if (typeof token === 'object' && token !== null && !Array.isArray(token))
          for (const key of (token as { keys: string[] }).keys) names.add(key)
  return [...names].toSorted()
}
