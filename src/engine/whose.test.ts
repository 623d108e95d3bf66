/** What an agent calls its own says nothing of another's; whose orders it may cancel; and an agent that was taken out of service asks for nothing but cancels. */
import { describe, expect, test } from 'vitest'
import { answered, ask, idAt, NOW, ready, request, run } from '../../test/support/engine.ts'
import type { Action, Order } from '../protocol/action.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

let serial = 0
const asking = (change: Partial<Order>, agent = 'alpha', action?: Action): Input => {
  serial += 1
  return ask(
    request(change, { id: idAt(NOW, `${serial}`), agent, ...(action === undefined ? {} : { action }) }),
  )
}
const codes = (state: State, input: Input) => answered(state, input)?.reasons.map(({ code }) => code)
const register = (agent: string, ...strategies: string[]): Input => ({
  kind: 'register',
  registration: { agent, role: 'trader', strategies },
  by: 'operator-1',
})

describe('parents', () => {
  const { state } = run(
    ready(),
    [register('alpha', 'twap', 'vwap'), register('hedger', 'twap'), { kind: 'beat', agent: 'hedger' }],
    NOW,
  )
  const parent = { id: 'P1', quantity: 300 }
  const first = run(state, [asking({ parent })], NOW).state

  test('another quantity is refused, and halts nothing', () => {
    const other = asking({ limitPrice: 199, parent: { id: 'P1', quantity: 10_000 } })
    expect(codes(first, other)).toEqual(['PARENT_CONFLICT'])
    expect(run(first, [other], NOW).events.map(({ type }) => type)).toEqual(['decided'])
    expect(codes(first, asking({ limitPrice: 199, parent }))).toEqual([])
  })

  test('another strategy is refused', () => {
    expect(codes(first, asking({ limitPrice: 199, parent, strategy: 'vwap' }))).toEqual(['PARENT_CONFLICT'])
  })

  test('of one name, those of two agents are two', () => {
    const theirs = asking({ limitPrice: 199, parent: { id: 'P1', quantity: 100 } }, 'hedger')
    expect(codes(first, theirs)).toEqual([])
    const { ledger } = run(first, [theirs], NOW).state
    expect([...ledger.parents.values()].map(({ committed }) => committed)).toEqual([100, 100])
  })

  test('a replacement stays a child of its parent, whatever the agent is registered with by then', () => {
    const input = asking({ limitPrice: 199, parent })
    const replaced = answered(first, input)?.decision ?? ''
    const { state: after } = run(first, [input, register('alpha', 'vwap', 'twap')], NOW)
    const action: Action = {
      type: 'replace',
      account: 'main',
      instrument: 'AAPL',
      order: replaced,
      quantity: 150,
    }
    expect(codes(after, asking({}, 'alpha', action))).toEqual([])
  })
})

describe('an agent that was taken out of service', () => {
  const retire: Input = { kind: 'retire', agent: 'alpha', by: 'operator-1', reason: 'out' }
  const { state } = run(ready(), [register('alpha'), retire], NOW)

  test('takes no new risk, although no heartbeat is asked of it', () => {
    expect(codes(state, asking({}))).toEqual(['AGENT_RETIRED'])
    const away = { account: 'main', asset: 'USD', amount: 1, destination: 'bank-nyc-1' }
    expect(codes(state, asking({}, 'alpha', { type: 'transfer', ...away }))).toEqual(['AGENT_RETIRED'])
  })

  test('does not get out either: what is held is the account’s, and others can', () => {
    expect(codes(state, asking({ side: 'sell', quantity: 50 }))).toEqual(['AGENT_RETIRED'])
    expect(codes(state, asking({ side: 'sell', quantity: 50 }, 'hedger'))).toEqual([])
  })

  test('cancels', () => {
    const cancel: Action = { type: 'cancel', account: 'main', instrument: 'AAPL', order: 'd-1' }
    expect(answered(state, asking({}, 'alpha', cancel))?.verdict).toBe('allow')
  })

  test('serves again once it is registered again', () => {
    expect(codes(run(state, [register('alpha')], NOW).state, asking({}))).toEqual([])
  })
})

describe('a cancel', () => {
  const registration = (agent: string, more: object = {}) =>
    ({
      kind: 'register',
      by: 'operator-1',
      registration: { agent, role: 'trader', strategies: [], ...more },
    }) as Input
  const input = asking({ strategy: 'vwap' })
  const begun = run(
    ready(),
    [registration('alpha', { owner: 'desk', strategies: ['vwap'] }), input],
    NOW,
  ).state
  const order = [...begun.ledger.orders.keys()][0] ?? ''
  const cancel = (id = order): Action => ({ type: 'cancel', account: 'main', instrument: 'AAPL', order: id })

  test.each<[string, string, object | undefined, string[]]>([
    ['its own', 'alpha', undefined, []],
    ['another desk’s', 'mallory', { owner: 'elsewhere', strategies: ['other'] }, ['CANCEL_FOREIGN']],
    ['anything, being registered nowhere', 'nobody', undefined, ['CANCEL_FOREIGN']],
    ['that of its owner', 'beta', { owner: 'desk' }, []],
    ['that of its strategy', 'gamma', { strategies: ['vwap'] }, []],
    ['everything, as coordinator', 'chief', { role: 'coordinator' }, []],
    ['everything, as specialist in risk', 'guard', { role: 'specialist', field: 'risk' }, []],
    ['no more, as another specialist', 'scout', { role: 'specialist', field: 'market' }, ['CANCEL_FOREIGN']],
  ])('%s', (_, agent, more, expected) => {
    const state = more === undefined ? begun : run(begun, [registration(agent, more)], NOW).state
    expect(codes(state, asking({}, agent, cancel()))).toEqual(expected)
    // What nobody knows, anybody may cancel.
    expect(codes(state, asking({}, agent, cancel('d-none')))).toEqual([])
  })

  test('of another owner’s order is nobody’s, once owners are told apart', () => {
    const kept = run(
      begun,
      [
        registration('chief', { role: 'coordinator', owner: 'desk' }),
        registration('spy', { role: 'coordinator', owner: 'elsewhere' }),
        { kind: 'own', registration: { account: 'main', owner: 'desk' }, by: 'operator-1' },
      ],
      NOW,
    ).state
    expect(codes(kept, asking({}, 'chief', cancel()))).toEqual([])
    expect(codes(kept, asking({}, 'spy', cancel()))).toEqual(['CANCEL_FOREIGN'])
  })

  test('stays possible without data, halted, and under another name of the order', () => {
    const replace: Action = { type: 'replace', account: 'main', instrument: 'AAPL', order, quantity: 50 }
    const replaced = run(begun, [asking({}, 'alpha', replace)], NOW).state
    const later = [...replaced.ledger.versions.keys()][0] ?? ''
    const stop: Input = {
      kind: 'halt',
      by: 'operator-1',
      request: { scope: { kind: 'everything' }, state: 'halted', reason: 'test' },
    }
    const bare = run(replaced, [stop], NOW).state
    const blind = {
      ...bare,
      ledger: { ...bare.ledger, prices: bare.ledger.prices.clear(), accounts: bare.ledger.accounts.clear() },
    }
    expect(codes(blind, asking({}, 'alpha', cancel(later)))).toEqual([])
    expect(codes(blind, asking({}, 'mallory', cancel(later)))).toEqual(['CANCEL_FOREIGN'])
  })

  test('of what an agent left that serves no more is anybody’s, and its role ends with its service', () => {
    const out = (agent: string): Input => ({ kind: 'retire', agent, by: 'operator-1', reason: 'out' })
    const orphaned = run(begun, [out('alpha')], NOW).state
    expect(codes(orphaned, asking({}, 'mallory', cancel()))).toEqual([])
    const chief = run(begun, [registration('chief', { role: 'coordinator' }), out('chief')], NOW).state
    expect(codes(chief, asking({}, 'chief', cancel()))).toEqual(['CANCEL_FOREIGN'])
  })
})
