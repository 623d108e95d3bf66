/** What was said of an agent, an account or a signer after an action was allowed holds before it is sent. */
import { describe, expect, test } from 'vitest'
import { castBy, LARGE, NAMES, ONLY_ORDERS, POLICIES, quorate, quorating } from '../../test/support/quorum.ts'
import {
  answered,
  ask,
  idAt,
  LIQUID,
  NOW,
  PROGRAM,
  programOfFacts,
  programWith,
  ready,
  request,
  run,
  sent,
} from '../../test/support/engine.ts'
import type { Action } from '../protocol/action.ts'
import { decisionId } from './memory.ts'
import { permitId } from './permits.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

const register = (agent: string, more: { owner?: string; strategies?: string[] } = {}): Input => ({
  kind: 'register',
  registration: { agent, role: 'trader', strategies: [], ...more },
  by: 'operator-1',
})
const own = (owner: string): Input => ({
  kind: 'own',
  registration: { account: 'main', owner },
  by: 'operator-1',
})
const redeeming = (state: State, decision: string): unknown => {
  const [effect] = run(state, [{ kind: 'redeem', permit: permitId(decision), agent: 'alpha' }], NOW).effects
  return effect?.kind === 'refuse' ? effect.code : effect?.kind
}
const FIRST = decisionId('alpha', idAt(NOW))
const PROPOSAL = `q-${FIRST.slice(2)}.large-orders`
const voted = (state: State, proposal: string): State =>
  NAMES.reduce(
    (next, name) =>
      next.quorum.rounds.open
        .get(proposal)
        ?.opening.frozen.roster.voters.some(({ agent }) => agent === name) === true
        ? run(next, [castBy(next, proposal, name, 'yes')], NOW).state
        : next,
    state,
  )

describe('before what was allowed is sent', () => {
  const begun = run(
    ready(PROGRAM, LIQUID),
    [register('alpha', { owner: 'desk-1', strategies: ['a'] }), own('desk-1')],
    NOW,
  ).state
  const allowed = run(begun, [ask(request({ strategy: 'a' }))], NOW).state

  test.each<[string, Input, string]>([
    ['nothing is said', register('beta'), 'done'],
    [
      'the agent serves another',
      register('alpha', { owner: 'desk-2', strategies: ['a'] }),
      'AUTHORITY_ENDED',
    ],
    [
      'the strategy is not its own',
      register('alpha', { owner: 'desk-1', strategies: ['b'] }),
      'AUTHORITY_ENDED',
    ],
  ])('%s', (_, said, code) => {
    expect(redeeming(run(allowed, [said], NOW).state, FIRST)).toBe(code)
  })

  test('the account is another’s', () => {
    const free = run(ready(PROGRAM, LIQUID), [ask(request())], NOW).state
    expect(redeeming(free, FIRST)).toBe('done')
    expect(redeeming(run(free, [own('desk-2')], NOW).state, FIRST)).toBe('AUTHORITY_ENDED')
  })

  test('what leaves an account is under the halts of the strategy that it was counted for, and of people who are still people', () => {
    const action: Action = {
      type: 'transfer',
      account: 'main',
      asset: 'USD',
      amount: 1_000,
      destination: 'bank-nyc-1',
    }
    const signing = (by: string): Input => ({
      kind: 'signoff',
      request: { agent: 'alpha', action, until: NOW + 3_600_000, reason: 'x' },
      by,
    })
    const asked = ask(request({}, { action }))
    const away = run(begun, [signing('operator-1'), signing('dee'), asked], NOW).state
    expect(redeeming(away, FIRST)).toBe('done')
    const halt: Input = {
      kind: 'halt',
      by: 'operator-1',
      request: { scope: { kind: 'strategy', name: 'a' }, state: 'halted', reason: 'x' },
    }
    const moved = register('alpha', { owner: 'desk-1', strategies: ['b'] })
    expect(redeeming(run(away, [moved, halt], NOW).state, FIRST)).toBe('HALTED_SINCE')
    expect(redeeming(run(away, [register('dee')], NOW).state, FIRST)).toBe('SIGNOFF_ENDED')
    // A word of who was an agent already is no word, and holds nothing up.
    const third = run(
      begun,
      [signing('operator-1'), signing('operator-2'), signing('dee'), register('dee'), asked],
      NOW,
    ).state
    expect(redeeming(third, FIRST)).toBe('done')
  })
})

test('what waits for a vote is taken off the strategy that it was counted for', () => {
  const program = programOfFacts(
    { 'strategy.messages24h': { type: 'count', count: 'messages', by: ['strategy.id'], window: '24h' } },
    [
      LARGE,
      {
        id: 'rate',
        title: 'x',
        applies: { actions: ['order', 'replace'] },
        forbid: 'strategy.messages24h >= 3',
      },
    ],
    ['off-lot', 'halted'],
  )
  const beta = [1, 2, 3].map((quantity) =>
    ask(request({ quantity }, { agent: 'beta', id: idAt(NOW, `7${quantity}`) })),
  )
  const start = run(
    quorate(ONLY_ORDERS, NAMES, program),
    [register('alpha', { strategies: ['a'] }), register('beta', { strategies: ['b'] })],
    NOW,
  ).state
  const waiting = run(start, [ask(request()), ...beta], NOW).state
  const held = (state: State) =>
    answered(state, ask(request({ quantity: 10 }, { id: idAt(NOW, '88') })))?.reasons.map(({ code }) => code)
  const moved = run(waiting, [register('alpha', { strategies: ['b'] })], NOW).state
  expect(held(moved)).toEqual(['RATE'])
  const ended = voted(moved, PROPOSAL)
  expect(ended.memory.byDecision.get(FIRST)?.allowed).toBeUndefined()
  // Nothing that another agent did was taken off.
  expect(held(ended)).toEqual(['RATE'])
})

test('an approval that ended with its constitution allows nothing when that comes back', () => {
  const one = programWith([LARGE], {}, ['off-lot', 'halted'])
  const other = programWith([{ ...LARGE, escalate: 'order.value > 10001 USD' }], {}, ['off-lot'])
  const allowed = voted(run(quorate(ONLY_ORDERS, NAMES, one), [ask(request())], NOW).state, PROPOSAL)
  expect(redeeming(allowed, FIRST)).toBe('done')
  const activate = (program: typeof one): Input[] =>
    ['p-1', 'p-2'].map((by) => ({ kind: 'activate', program, by, reason: 'x' }))
  expect(redeeming(run(allowed, activate(other), NOW).state, FIRST)).toBe('CONSTITUTION_CHANGED')
  expect(redeeming(run(allowed, [...activate(other), ...activate(one)], NOW).state, FIRST)).toBe(
    'CONSTITUTION_CHANGED',
  )
})

test.each([1, 2])('an exception of %d uses that is taken back holds up what was allowed by it', (uses) => {
  const cap = {
    id: 'cap',
    title: 'Cap',
    applies: { actions: ['order', 'replace'] },
    forbid: 'order.value > 15000 USD',
    unless: 'action.reducing',
    grantable: true,
  }
  const activate: Input = {
    kind: 'activate',
    program: programWith([cap], {}, ['off-lot', 'halted']),
    by: 'author',
  }
  const last = (state: State): string => [...state.quorum.rounds.open.keys()].at(-1) ?? ''
  const asked = run(quorating(POLICIES).state, [activate], NOW).state
  const inForce = run(voted(asked, last(asked)), [activate], NOW).state
  const terms = {
    rule: 'cap',
    scope: { agent: 'alpha' },
    upTo: 25_000,
    until: NOW + 3_600_000,
    uses,
    reason: 'x',
  }
  const proposed = run(inForce, [{ kind: 'grant', request: terms, by: 'operator-1' }], NOW).state
  const proposal = last(proposed)
  const [allowed, decision] = [run(voted(proposed, proposal), [ask(request())], NOW).state, FIRST]
  expect(redeeming(allowed, decision)).toBe('done')
  const stop: Input = { kind: 'stop', proposal, how: 'cancelled', by: 'operator-1', isOperator: true }
  expect(redeeming(run(allowed, [stop], NOW).state, decision)).toBe('GRANT_ENDED')
})

test('a replacement by more lots at a lower price is held to what some may still fill at the old one', () => {
  const rich = LIQUID.map((one) => (one.kind === 'account' ? { ...one, credit: 30_300 } : one))
  const [open, order] = sent(ready(PROGRAM, rich), ask(request({ quantity: 100, limitPrice: 206 })), NOW)
  const replacing = (quantity: number) =>
    answered(
      open,
      ask(
        request(
          {},
          {
            id: idAt(NOW, `R${quantity}`),
            action: {
              type: 'replace',
              account: 'main',
              instrument: 'AAPL',
              order,
              quantity,
              limitPrice: 200,
            },
          },
        ),
      ),
    )
  // 100 at 206 and then 48 at 200 are 30,200; as 149 at 200 they would be 29,800.
  expect(replacing(148)?.verdict).toBe('allow')
  expect(replacing(149)?.reasons.map(({ code, observed }) => `${code} ${String(observed)}`)).toEqual([
    'CREDIT 30400',
  ])
  expect(replacing(50)?.verdict).toBe('allow')
})
