/** Once accounts have owners, what one action touches belongs to one of them; before, nothing is different. */
import { describe, expect, test } from 'vitest'
import { answered, ask, idAt, NOW, ready, request, run } from '../../test/support/engine.ts'
import { generateKeyPair, publicKeyToPem } from '../base/ed25519.ts'
import type { Action } from '../protocol/action.ts'
import { AgentRegistration } from '../protocol/agent.ts'
import { handle } from './handle.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

let serial = 0
const asking = (agent: string, action?: Action): Input => {
  serial += 1
  const limitPrice = 199 + serial / 100
  return ask(
    request(
      { limitPrice },
      { id: idAt(NOW, `${serial}`), agent, ...(action === undefined ? {} : { action }) },
    ),
  )
}
const codes = (state: State, input: Input) => answered(state, input)?.reasons.map(({ code }) => code)
const register = (agent: string, owner?: string, ...strategies: string[]): Input => ({
  kind: 'register',
  registration: { agent, role: 'trader', strategies, ...(owner === undefined ? {} : { owner }) },
  by: 'operator-1',
})
const own = (account: string, owner: string): Input => ({
  kind: 'own',
  registration: { account, owner },
  by: 'operator-1',
})
const effect = (state: State, input: Input) => handle(state, input, NOW)[2][0]

const agents = run(
  ready(),
  [register('alpha', 'desk-a'), register('hedger', 'desk-b'), { kind: 'beat', agent: 'hedger' }],
  NOW,
).state
const owned = run(agents, [own('main', 'desk-a')], NOW).state

test('a key is kept in one spelling, so that two agents cannot have it in two', () => {
  const pem = publicKeyToPem(generateKeyPair().publicKey)
  const keyed = (agent: string, publicKey: string): Input => ({
    kind: 'register',
    registration: { agent, role: 'trader', strategies: [], publicKey },
    by: 'operator-1',
  })
  const { state } = run(ready(), [keyed('alpha', pem), keyed('hedger', `${pem.trim()}\n\n`)], NOW)
  const keyOf = (agent: string) => state.ledger.agents.get(agent)?.publicKey
  expect([keyOf('alpha'), keyOf('hedger')]).toEqual([pem, pem])
})

test('a private key is no public one: it is neither kept nor shown', () => {
  const { privateKey, publicKey } = generateKeyPair()
  const registration = { agent: 'alpha', publicKey: publicKeyToPem(publicKey) }
  expect(AgentRegistration.safeParse(registration).success).toBe(true)
  const mistaken = String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  expect(AgentRegistration.safeParse({ ...registration, publicKey: mistaken }).success).toBe(false)
})

describe('an account', () => {
  test('that nobody owns is everybody’s, whatever agents’ owners are', () => {
    expect(codes(agents, asking('alpha'))).toEqual([])
    expect(codes(agents, asking('hedger'))).toEqual([])
  })

  test('is acted on by its owner’s agents only', () => {
    expect(codes(owned, asking('alpha'))).toEqual([])
    const denied = answered(owned, asking('hedger'))
    expect(denied?.verdict).toBe('deny')
    expect(denied?.reasons).toMatchObject([{ code: 'OWNER_DIFFERS', rule: null, observed: 'main' }])
    // One that was never registered belongs to the default owner.
    expect(codes(owned, asking('nobody'))).toEqual(['OWNER_DIFFERS'])
  })

  test('that nobody owns is the default owner’s once another has one', () => {
    const { state } = run(agents, [own('other', 'desk-a')], NOW)
    expect(codes(state, asking('alpha'))).toEqual(['OWNER_DIFFERS'])
    const { state: free } = run(state, [register('alpha')], NOW)
    expect(codes(free, asking('alpha'))).toEqual([])
  })

  test('keeps its owner', () => {
    expect(effect(owned, own('main', 'desk-b'))).toMatchObject({ kind: 'refuse', code: 'OWNER_FIXED' })
    const [state, events, [again]] = handle(owned, own('main', 'desk-a'), NOW)
    expect([state === owned, events, again?.kind]).toEqual([true, [], 'done'])
  })

  test('of another is not got at by a transfer or a replacement, and a cancel goes through', () => {
    const transfer: Action = { type: 'transfer', account: 'main', asset: 'USD', amount: 1, destination: 'x' }
    expect(codes(owned, asking('hedger', transfer))).toEqual(['OWNER_DIFFERS'])
    const mine = asking('hedger')
    const order = answered(agents, mine)?.decision ?? ''
    const { state } = run(agents, [mine, own('main', 'desk-a')], NOW)
    const at = { account: 'main', instrument: 'AAPL', order }
    expect(codes(state, asking('hedger', { type: 'replace', quantity: 50, ...at }))).toEqual([
      'OWNER_DIFFERS',
    ])
    expect(answered(state, asking('hedger', { type: 'cancel', ...at }))?.verdict).toBe('allow')
  })
})

describe('a strategy', () => {
  test('is run by agents of one owner', () => {
    const { state } = run(owned, [register('alpha', 'desk-a', 'twap')], NOW)
    for (const input of [register('hedger', 'desk-b', 'vwap', 'twap'), register('new', undefined, 'twap')])
      expect(effect(state, input)).toMatchObject({ code: 'STRATEGY_SHARED' })
    expect(effect(state, register('hedger', 'desk-a', 'twap'))?.kind).toBe('done')
    expect(effect(state, register('alpha', 'desk-b', 'twap'))?.kind).toBe('done')
    const { state: shared } = run(state, [register('hedger', 'desk-a', 'twap')], NOW)
    expect(effect(shared, register('alpha', 'desk-b', 'twap'))).toMatchObject({ code: 'STRATEGY_SHARED' })
  })

  test('that two owners’ agents run already keeps the first account from having one', () => {
    const both = [register('alpha', 'desk-a', 'twap'), register('hedger', 'desk-b', 'twap')]
    const { state } = run(agents, both, NOW)
    expect(effect(state, own('main', 'desk-a'))).toMatchObject({
      code: 'STRATEGY_SHARED',
      detail: expect.stringMatching(/`(alpha|hedger)` and `(alpha|hedger)` .* `twap`/) as string,
    })
    const { state: apart } = run(state, [register('hedger', 'desk-b')], NOW)
    expect(effect(apart, own('main', 'desk-a'))?.kind).toBe('done')
  })
})

test('what is to be changed is not another’s account, agent or strategy', () => {
  const { state } = run(owned, [register('alpha', 'desk-a', 'twap')], NOW)
  const change = (target: string): Input =>
    asking('hedger', { type: 'change', subject: 'limit', target, from: '1', to: '2' })
  for (const target of ['main', 'alpha', 'twap'])
    expect(answered(state, change(target))?.reasons).toMatchObject([
      { code: 'OWNER_DIFFERS', observed: target },
    ])
  for (const target of ['hedger', 'anything'])
    expect(codes(state, change(target))).not.toContain('OWNER_DIFFERS')
})
