/** JSON that does not fit its schema: refused with the path and what was expected there, never coerced or dropped. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectProblem } from '../support/http.ts'
import { account, bar, instrument, order, portfolio, price, quietMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

const rig = new Rig()
let recorded = 0

beforeAll(async () => {
  await rig.start()
  await rig.observe(...quietMarket(OPEN))
  recorded = rig.running.sidecar.durableSequence
})
afterAll(async () => {
  expect(rig.running.sidecar.durableSequence).toBe(recorded)
  await rig.end()
})

/** `value` without the member `key`. */
const without = (value: object, key: string): object =>
  Object.fromEntries(Object.entries(value).filter(([name]) => name !== key))

const transfer = { type: 'transfer', account: 'main', asset: 'USD', amount: 1, destination: 'bank-nyc-1' }
const change = { type: 'change', subject: 'strategy', target: 'twap', from: '1', to: '2' }
const replace = { type: 'replace', account: 'main', instrument: 'AAPL', order: 'd-1', quantity: 1 }
const cancelled = { type: 'cancel', account: 'main', instrument: 'AAPL', order: 'd-1' }

describe('actions', () => {
  test.each<[string, unknown, string]>([
    ['a quantity as a string', order({ quantity: '100' }), '/action/quantity'],
    ['a price as a string', order({ limitPrice: '200' }), '/action/limitPrice'],
    ['a quantity that is true', order({ quantity: true }), '/action/quantity'],
    ['a quantity that is null', order({ quantity: null }), '/action/quantity'],
    ['a quantity in a list', order({ quantity: [100] }), '/action/quantity'],
    ['a quantity in an object', order({ quantity: { value: 100 } }), '/action/quantity'],
    ['zero', order({ quantity: 0 }), '/action/quantity'],
    ['a negative quantity', order({ quantity: -100 }), '/action/quantity'],
    ['a negative price', order({ limitPrice: -200 }), '/action/limitPrice'],
    ['a price of zero', order({ limitPrice: 0 }), '/action/limitPrice'],
    ['a limit order without a price', without(order(), 'limitPrice'), '/action/limitPrice'],
    ['a market order with a price', order({ orderType: 'market' }), '/action/limitPrice'],
    ['a price that is null', order({ limitPrice: null }), '/action/limitPrice'],
    [
      'another type of action',
      order({ type: 'ordr' }),
      '/action/type: expected one of order, replace, cancel, ',
    ],
    ['another side', order({ side: 'short' }), '/action/side'],
    ['a side in capitals', order({ side: 'BUY' }), '/action/side'],
    ['another kind of order', order({ orderType: 'stop' }), '/action/orderType'],
    ['another time in force', order({ timeInForce: 'forever' }), '/action/timeInForce'],
    ['an account as a number', order({ account: 1 }), '/action/account'],
    ['an empty account', order({ account: '' }), '/action/account'],
    ['an account with a newline', order({ account: 'main\n' }), '/action/account'],
    ['an account with a null character', order({ account: 'main\u0000' }), '/action/account'],
    ['an account of 129 letters', order({ account: 'a'.repeat(129) }), '/action/account'],
    ['a letter that only looks like one', order({ instrument: 'ААРL' }), '/action/instrument'],
    ['an unknown key', order({ quantitiy: 1 }), 'unknown key `quantitiy`'],
    [
      'an unknown key two levels down',
      order({ parent: { id: 'p', quantity: 1, x: 1 } }),
      '/action/parent: unknown key `x`',
    ],
    ['a parent without a quantity', order({ parent: { id: 'p' } }), '/action/parent/quantity'],
    ['a list as a parent', order({ parent: [] }), '/action/parent'],
    [
      'an urgency above one',
      order({ execution: { horizonMs: 1, urgency: 1.1 } }),
      '/action/execution/urgency',
    ],
    [
      'half a millisecond',
      order({ execution: { horizonMs: 0.5, urgency: 1 } }),
      '/action/execution/horizonMs',
    ],
    ['an unknown type', { type: 'withdraw', account: 'main' }, '/action'],
    ['a type that is a method', { type: 'toString' }, '/action'],
    ['no type', without(order(), 'type'), '/action'],
    ['a list as an action', [order()], '/action'],
    ['a string as an action', 'order', '/action'],
    ['null as an action', null, '/action'],
    ['a member of another type', { ...cancelled, quantity: 1 }, 'unknown key `quantity`'],
    ['a replace of nothing', without(replace, 'order'), '/action/order'],
    ['a transfer of nothing', { ...transfer, amount: 0 }, '/action/amount'],
    ['a transfer backwards', { ...transfer, amount: -1 }, '/action/amount'],
    ['a transfer to a number', { ...transfer, destination: 7 }, '/action/destination'],
    ['a change of something else', { ...change, subject: 'everything' }, '/action/subject'],
    ['a change to an object', { ...change, to: {} }, '/action/to'],
  ])('%s', async (_, action, path) => {
    const answer = await rig.post('/v1/actions', 'alpha', rig.request(action))
    expectProblem(answer, 'BODY_INVALID', path)
  })

  test.each<[string, object]>([
    ...Object.keys(order()).map((key): [string, object] => [key, order()]),
    ...Object.keys(replace).map((key): [string, object] => [key, replace]),
    ...Object.keys(cancelled).map((key): [string, object] => [key, cancelled]),
    ...Object.keys(transfer).map((key): [string, object] => [key, transfer]),
    ...Object.keys(change).map((key): [string, object] => [key, change]),
  ])('%s left out of %o', async (key, action) => {
    const answer = await rig.post('/v1/actions', 'alpha', rig.request(without(action, key)))
    expectProblem(answer, 'BODY_INVALID', key === 'type' ? '/action' : `/action/${key}`)
  })

  test.each<[string, object, string]>([
    ['no id', { id: undefined }, '/id'],
    ['a UUID that carries no time', { id: '9b2d3f54-5b0f-4c4e-9a39-31bb8a1b6c2f' }, '/id'],
    ['a number as an id', { id: 7 }, '/id'],
    ['no agent', { agent: undefined }, '/agent'],
    ['a list as an agent', { agent: ['alpha'] }, '/agent'],
    ['no action', { action: undefined }, '/action'],
    ['an unknown key', { verdict: 'allow' }, 'unknown key `verdict`'],
    ['another version', { schema: 2 }, '/schema'],
    ['a version as a string', { schema: '1' }, '/schema'],
    ['another wish', { accept: ['anything'] }, '/accept/0'],
    ['a wish twice', { accept: ['narrow', 'narrow'] }, '/accept'],
    ['a string as wishes', { accept: 'narrow' }, '/accept'],
    ['words without end', { reason: 'x'.repeat(1025) }, '/reason'],
  ])('%s', async (_, more, path) => {
    expectProblem(await rig.post('/v1/actions', 'alpha', rig.request(order(), more)), 'BODY_INVALID', path)
  })

  test.each([
    ['a list', [1]],
    ['a string', 'x'],
    ['a number', 1],
    ['null', null],
    ['true', true],
  ])('%s as a body', async (_, body) => {
    expectProblem(await rig.postRaw('/v1/actions', 'alpha', JSON.stringify(body)), 'BODY_INVALID', /^\/: /)
  })
})

describe('observations', () => {
  const at = OPEN
  test.each<[string, object, string]>([
    ['a price of zero', price(at, 'nyse', 0), '/price'],
    ['a negative price', price(at, 'nyse', -200), '/price'],
    ['a price as a string', { ...price(at, 'nyse'), price: '200' }, '/price'],
    ['a price of nothing', without(price(at, 'nyse'), 'price'), '/price'],
    ['a price from nowhere', without(price(at, 'nyse'), 'source'), '/source'],
    ['an unknown key', { ...price(at, 'nyse'), size: 1 }, 'size'],
    ['an unknown kind', { kind: 'rumour', at }, '/kind'],
    ['no kind', without(price(at, 'nyse'), 'kind'), '/kind'],
    ['what only a case may say', { kind: 'facts', facts: { 'account.equity': 1e9 } }, '/kind'],
    [
      'a single position',
      { kind: 'position', account: 'main', instrument: 'AAPL', quantity: 1, at },
      '/kind',
    ],
    ['half a millisecond', price(at + 0.5, 'nyse'), '/at'],
    ['a time as text', { ...price(at, 'nyse'), at: '2026-12-01' }, '/at'],
    ['a time before 1970', price(-1, 'nyse'), '/at'],
    ['a lot of zero', instrument(at, { lot: 0 }), '/lot'],
    ['a tick below zero', instrument(at, { tick: -0.01 }), '/tick'],
    ['a class that is none', instrument(at, { assetClass: 'tulip' }), '/assetClass'],
    ['a currency in small letters', instrument(at, { currency: 'usd' }), '/currency'],
    ['a bar that ends before it begins', { ...bar(at), from: at + 1, to: at }, '/to'],
    ['a bar whose high is not', { ...bar(at), high: 1 }, '/high'],
    ['a negative volume', { ...bar(at), volume: -1 }, '/volume'],
    [
      'an instrument twice in a portfolio',
      { ...portfolio(at), positions: [1, 2].map((quantity) => ({ instrument: 'AAPL', quantity })) },
      '/positions',
    ],
    [
      'a position as text',
      { ...portfolio(at), positions: [{ instrument: 'AAPL', quantity: '1' }] },
      '/positions/0/quantity',
    ],
    ['equity as text', { ...account(at), equity: '1' }, '/equity'],
  ])('%s', async (_, observation, path) => {
    expectProblem(await rig.post('/v1/observations', 'feed', observation), 'BODY_INVALID', path)
    const list = [price(at, 'nyse'), observation]
    const answer = await rig.post('/v1/observations', 'feed', list)
    // Nothing of a list is taken when one of it does not fit, and the place is named.
    expectProblem(answer, 'BODY_INVALID', path.startsWith('/') ? `/1${path}` : path)
  })

  test('none, and more than a thousand', async () => {
    expectProblem(await rig.post('/v1/observations', 'feed', []), 'BODY_INVALID', /^\/: /)
    const many = Array.from({ length: 1001 }, () => price(at, 'nyse'))
    expectProblem(await rig.post('/v1/observations', 'feed', many), 'BODY_INVALID', /^\/: /)
  })
})

describe('the other bodies and queries', () => {
  const agents = '/v1/agents'
  const halts = '/v1/halts'
  test.each<[string, string, string, object, string]>([
    [agents, 'operator-1', 'an unknown role', { agent: 'a', role: 'king' }, '/role'],
    [agents, 'operator-1', 'strategies as text', { agent: 'a', strategies: 'x' }, '/strategies'],
    [agents, 'operator-1', 'no agent', {}, '/agent'],
    [agents, 'operator-1', 'a specialist in nothing', { agent: 'a', role: 'specialist' }, '/field'],
    [agents, 'operator-1', 'a trader with a field', { agent: 'a', field: 'risk' }, '/field'],
    [agents, 'operator-1', 'its own parent', { agent: 'a', parent: 'a' }, '/parent'],
    [agents, 'operator-1', 'a key that is none', { agent: 'a', publicKey: 'secret' }, '/publicKey'],
    [
      agents,
      'operator-1',
      'no capital',
      { agent: 'a', capital: { amount: 0, currency: 'USD' } },
      '/capital/amount',
    ],
    [agents, 'operator-1', 'a heartbeat a day', { agent: 'a', heartbeatMs: 86_400_000 }, '/heartbeatMs'],
    [halts, 'operator-1', 'no scope', { state: 'halted', reason: 'x' }, '/scope'],
    [
      halts,
      'operator-1',
      'a scope without a name',
      { scope: { kind: 'account' }, state: 'halted', reason: 'x' },
      '/scope/name',
    ],
    [
      halts,
      'operator-1',
      'another state',
      { scope: { kind: 'everything' }, state: 'paused', reason: 'x' },
      '/state',
    ],
    [
      halts,
      'operator-1',
      'no reason',
      { scope: { kind: 'everything' }, state: 'halted', reason: '' },
      '/reason',
    ],
    ['/v1/constitution', 'author', 'half a hash', { hash: 'abc' }, '/hash'],
    ['/v1/constitution', 'author', 'a directory', { directory: '/etc' }, 'unknown key `directory`'],
    ['/v1/agents/alpha/heartbeat', 'alpha', 'a time as text', { at: 'now' }, '/at'],
  ])('%s by %s: %s', async (path, as, _, body, where) => {
    expectProblem(await rig.post(path, as, body), 'BODY_INVALID', where)
  })

  test.each([
    ['limit=0', '/limit'],
    ['limit=501', '/limit'],
    ['limit=-1', '/limit'],
    ['limit=1e2', '/limit'],
    ['limit=', '/limit'],
    ['cursor=x', '/cursor'],
    ['cursor=99999999999999999999', '/cursor'],
    ['from=2026-12-01', '/from'],
    ['verdict=maybe', '/verdict'],
    ['agent=', '/agent'],
    ['agent=a&agent=b', '/agent'],
    ['nonsense=1', 'unknown key `nonsense`'],
    ['__proto__=1', /./],
    [`rule=${'x'.repeat(129)}`, '/rule'],
  ])('GET /v1/decisions?%s', async (query, where) => {
    const answer = await rig.get(`/v1/decisions?${query}`)
    if (answer.status === 200) expect(query).toBe('__proto__=1')
    else expectProblem(answer, 'QUERY_INVALID', where)
  })
})
