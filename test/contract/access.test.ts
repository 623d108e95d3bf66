/** Who may call what: every role against every route, tokens that are none, and names that are another's. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callAt, callSocket, expectProblem } from '../support/http.ts'
import { account, bars, instrument, order, portfolio, price, quietMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

/** Each route with the roles that the design gives it; what is missing here fails below. */
const ROUTES: readonly (readonly [string, string, readonly string[]])[] = [
  ['POST', '/v1/actions', ['agent']],
  ['POST', '/v1/observations', ['feeder']],
  ['POST', '/v1/permits/{id}/redeem', ['agent']],
  ['POST', '/v1/executions', ['feeder']],
  ['POST', '/v1/portfolios/{account}/adopt', ['operator']],
  ['POST', '/v1/agents', ['operator']],
  ['DELETE', '/v1/agents/{id}', ['operator']],
  ['POST', '/v1/accounts', ['operator']],
  ['GET', '/v1/accounts', ['operator', 'author', 'auditor']],
  ['POST', '/v1/agents/{id}/heartbeat', ['agent']],
  ['POST', '/v1/halts', ['operator']],
  ['DELETE', '/v1/halts/{id}', ['operator']],
  ['POST', '/v1/grants', ['operator']],
  ['POST', '/v1/grants/{id}/approve', ['operator']],
  ['DELETE', '/v1/grants/{id}', ['operator']],
  ['GET', '/v1/grants', ['operator', 'author', 'auditor']],
  ['POST', '/v1/signoffs', ['operator']],
  ['DELETE', '/v1/signoffs/{id}', ['operator']],
  ['GET', '/v1/signoffs', ['operator', 'author', 'auditor']],
  ['GET', '/v1/state', ['agent', 'feeder', 'operator', 'author', 'auditor']],
  ['GET', '/v1/constitution', ['agent', 'feeder', 'operator', 'author', 'auditor']],
  ['POST', '/v1/constitution', ['author', 'operator']],
  ['GET', '/v1/proposals', ['agent', 'operator', 'author', 'auditor']],
  ['GET', '/v1/proposals/{id}', ['agent', 'operator', 'author', 'auditor']],
  ['POST', '/v1/proposals/{id}/votes', ['agent']],
  ['DELETE', '/v1/proposals/{id}', ['agent', 'operator', 'author']],
  ['PUT', '/v1/agents/{id}/delegations/{field}', ['agent']],
  ['DELETE', '/v1/agents/{id}/delegations/{field}', ['agent']],
  ['GET', '/v1/events', ['agent', 'feeder', 'operator', 'author', 'auditor']],
  ['POST', '/v1/topics/{topic}', ['agent', 'feeder', 'operator']],
  ['GET', '/v1/topics/{topic}/events', ['agent', 'feeder', 'operator', 'author', 'auditor']],
  ['GET', '/v1/shared/{key}', ['agent', 'feeder', 'operator', 'author', 'auditor']],
  ['PUT', '/v1/shared/{key}', ['agent', 'operator']],
  ['POST', '/v1/shared/{key}/lease', ['agent']],
  ['DELETE', '/v1/shared/{key}/lease', ['agent']],
  ['GET', '/v1/shared/{key}/merge', ['agent', 'feeder', 'operator', 'author', 'auditor']],
  ['POST', '/v1/shared/{key}/merge', ['agent', 'operator']],
  ['GET', '/v1/policies/emergency', ['agent', 'feeder', 'operator', 'author', 'auditor']],
  ['POST', '/v1/policies/emergency', ['author']],
  ['GET', '/v1/policies/consensus', ['agent', 'feeder', 'operator', 'author', 'auditor']],
  ['POST', '/v1/policies/consensus', ['author', 'operator']],
  ['GET', '/v1/decisions/{id}/explanation', ['agent', 'operator', 'author', 'auditor']],
  ['GET', '/v1/policies/optimizer', ['agent', 'feeder', 'operator', 'author', 'auditor']],
  ['POST', '/v1/policies/optimizer', ['author', 'operator']],
  ['GET', '/v1/policies/routing', ['agent', 'feeder', 'operator', 'author', 'auditor']],
  ['POST', '/v1/policies/routing', ['author', 'operator']],
  ['GET', '/v1/decisions', ['agent', 'operator', 'author', 'auditor']],
  ['GET', '/v1/decisions/{id}', ['agent', 'operator', 'author', 'auditor']],
]

/** A token of each role. */
const HOLDERS = {
  agent: 'alpha',
  feeder: 'feed',
  operator: 'operator-1',
  author: 'author',
  auditor: 'auditor',
}

const rig = new Rig()

beforeAll(async () => {
  await rig.start()
  await rig.observe(...quietMarket(OPEN))
})
afterAll(() => rig.end())

// Events would go on for ever: nonsense is asked for instead.
const addressed = (path: string): string =>
  path
    .replace('{id}', 'alpha')
    .replace('{account}', 'main')
    .replace('{field}', 'risk')
    .replace('{topic}', 'risk_warnings')
    .replace('{key}', 'notes')
    .replace('/events', '/events?after=now')

test('the list of routes here is the list of routes there is', async () => {
  const { body } = await rig.get('/openapi.json', null)
  const documented = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(documented.filter((route) => !route.startsWith('HEAD')).toSorted()).toEqual(
    ROUTES.map(([method, path]) => `${method} ${path}`).toSorted(),
  )
})

describe.each(ROUTES)('%s %s', (method, path, roles) => {
  test.each(Object.entries(HOLDERS))('as %s', async (role, name) => {
    const before = rig.running.sidecar.durableSequence
    const answer = await rig.call(
      method,
      addressed(path),
      name,
      method === 'GET' ? {} : { body: { nonsense: 1 } },
    )
    if (roles.includes(role)) expect([200, 404, 422]).toContain(answer.status)
    else expectProblem(answer, 'ROLE_FORBIDDEN', `\`${name}\` is ${role}; needed: ${roles.join(' or ')}`)
    expect(rig.running.sidecar.durableSequence).toBe(before)
  })

  test.each<[string, string | null, 'TOKEN_MISSING' | 'TOKEN_UNKNOWN']>([
    ['no token', null, 'TOKEN_MISSING'],
    ['an empty one', 'Bearer ', 'TOKEN_MISSING'],
    ['another scheme', 'Basic YWxwaGE6', 'TOKEN_MISSING'],
    ['two', 'Bearer a b', 'TOKEN_MISSING'],
    ['one without end', `Bearer ${'x'.repeat(257)}`, 'TOKEN_MISSING'],
    ['one that nobody was given', 'Bearer ephor_agent_0000', 'TOKEN_UNKNOWN'],
    ['one that is the name of a method', 'Bearer constructor', 'TOKEN_UNKNOWN'],
  ])('with %s', async (_, authorization, code) => {
    const headers = authorization === null ? {} : { authorization }
    const options = method === 'GET' ? { headers } : { headers, body: rig.request(order()) }
    expectProblem(await callAt(rig.base, method, addressed(path), options), code, /./)
  })
})

test.each(['bearer', 'BEARER', 'bEaReR', 'Bearer  '])('the scheme may be written %s', async (scheme) => {
  const headers = { authorization: `${scheme} ${rig.token('alpha')}` }
  expect((await callAt(rig.base, 'GET', '/v1/state', { headers })).status).toBe(200)
  expect((await callSocket(rig.running.listening.socket ?? '', 'GET', '/v1/state', { headers })).status).toBe(
    200,
  )
})

test('the token may not: its case is part of it', async () => {
  const headers = { authorization: `Bearer ${rig.token('alpha').toUpperCase()}` }
  expectProblem(await callAt(rig.base, 'GET', '/v1/state', { headers }), 'TOKEN_UNKNOWN', /./)
})

test('a token is found by its hash: the hash itself is none', async () => {
  const [token] = rig.running.home.tokens
  const headers = { authorization: `Bearer ${token?.sha256 ?? ''}` }
  expectProblem(await callAt(rig.base, 'GET', '/v1/state', { headers }), 'TOKEN_UNKNOWN', /./)
})

test.each(['/healthz', '/readyz', '/metrics', '/openapi.json'])('%s is open to all', async (path) => {
  expect((await rig.get(path, null)).status).toBe(200)
})

describe('names', () => {
  test('an agent acts only as itself', async () => {
    const answer = await rig.post('/v1/actions', 'alpha', rig.request(order(), {}, 'hedger'))
    expectProblem(answer, 'AGENT_FORBIDDEN', '`alpha`’s')
  })

  test('an agent’s heart beats only for itself, and only once it is registered', async () => {
    expectProblem(await rig.post('/v1/agents/hedger/heartbeat', 'alpha', {}), 'AGENT_FORBIDDEN', '`hedger`’s')
    expectProblem(await rig.post('/v1/agents/alpha/heartbeat', 'alpha', {}), 'AGENT_UNKNOWN', '`alpha`')
    const registration = { agent: 'alpha', role: 'trader', strategies: ['momentum'] }
    expect((await rig.post('/v1/agents', 'operator-1', registration)).body).toEqual({
      schema: 1,
      agent: 'alpha',
    })
    expect((await rig.post('/v1/agents/alpha/heartbeat', 'alpha', {})).body).toEqual({
      schema: 1,
      agent: 'alpha',
    })
  })

  test('an agent bears no name of a person: nobody could lift a halt under it any more', async () => {
    for (const name of ['operator-2', 'author', 'feed']) {
      const answer = await rig.post('/v1/agents', 'operator-1', { agent: name })
      expectProblem(answer, 'BODY_INVALID', `/agent: \`${name}\` bears a token as`)
    }
  })

  test('a heartbeat needs no body', async () => {
    expect((await rig.call('POST', '/v1/agents/alpha/heartbeat', 'alpha')).status).toBe(200)
  })

  test('an agent names only strategies it is registered with', async () => {
    expect((await rig.judge(order({ strategy: 'momentum' }))).verdict).toBe('allow')
    const answer = await rig.judge(order({ strategy: 'other' }))
    expect(answer.reasons).toMatchObject([{ code: 'STRATEGY_UNREGISTERED', rule: null, observed: 'other' }])
  })

  test('an account that has an owner is for its agents', async () => {
    const mine = { account: 'owned', owner: 'desk-a' }
    expect((await rig.post('/v1/accounts', 'operator-1', mine)).body).toEqual({ schema: 1, ...mine })
    expect((await rig.post('/v1/accounts', 'operator-2', mine)).status).toBe(200)
    expectProblem(
      await rig.post('/v1/accounts', 'operator-1', { account: 'owned', owner: 'desk-b' }),
      'OWNER_FIXED',
      '`desk-a`’s',
    )
    expectProblem(await rig.post('/v1/accounts', 'operator-1', { account: 'owned' }), 'BODY_INVALID', 'owner')
    expect((await rig.get('/v1/accounts', 'auditor')).body).toEqual({ schema: 1, accounts: [mine] })
    await rig.observe(account(OPEN, 10_000_000, 'owned'), portfolio(OPEN, 1000, 'owned'))
    const answer = await rig.judge(order({ account: 'owned' }))
    expect(answer.reasons).toMatchObject([{ code: 'OWNER_DIFFERS', rule: null, observed: 'owned' }])
    const runs = (agent: string, owner: string): object => ({ agent, owner, strategies: ['shared'] })
    expect((await rig.post('/v1/agents', 'operator-1', runs('one', 'desk-a'))).status).toBe(200)
    expectProblem(
      await rig.post('/v1/agents', 'operator-1', runs('two', 'desk-b')),
      'STRATEGY_SHARED',
      '`shared`',
    )
    // What nobody owns stays open to agents that nobody owns.
    expect((await rig.judge(order({ limitPrice: 199.5 }))).verdict).toBe('allow')
  })

  test('a feeder bound to sources reports no other’s price, and nothing of a list with one', async () => {
    const before = rig.running.sidecar.durableSequence
    const mine = price(OPEN, 'nyse')
    for (const body of [price(OPEN, 'bats'), [mine, price(OPEN, 'bats')]])
      expectProblem(await rig.post('/v1/observations', 'feed-nyse', body), 'SOURCE_FORBIDDEN', 'not of bats')
    expect(rig.running.sidecar.durableSequence).toBe(before)
    expect((await rig.post('/v1/observations', 'feed-nyse', mine)).body).toEqual({ schema: 1, accepted: 1 })
  })

  test('a feeder bound to kinds reports no other, and nothing of a list with one', async () => {
    const before = rig.running.sidecar.durableSequence
    const mine = [account(OPEN), portfolio(OPEN)]
    for (const body of [bars(OPEN), [...mine, instrument(OPEN)], price(OPEN, 'nyse')]) {
      const answer = await rig.post('/v1/observations', 'feed-accounts', body)
      expectProblem(answer, 'KIND_FORBIDDEN', '`feed-accounts` may report account, portfolio, and this is')
    }
    expect(rig.running.sidecar.durableSequence).toBe(before)
    expect((await rig.post('/v1/observations', 'feed-accounts', mine)).body).toEqual({
      schema: 1,
      accepted: 2,
    })
    // Whoever could report executions could free what is reserved.
    const ended = { execution: 'x-1', order: 'd-1', event: 'cancelled', filled: 0, at: OPEN }
    const executions = await rig.post('/v1/executions', 'feed-accounts', ended)
    expectProblem(
      executions,
      'KIND_FORBIDDEN',
      '`feed-accounts` may report account, portfolio, and this is execution',
    )
    expect(rig.running.sidecar.durableSequence).toBe(before + mine.length)
    const headers = { authorization: `Bearer ${rig.token('feed-accounts')}` }
    const socket = rig.running.listening.socket ?? ''
    const overSocket = await callSocket(socket, 'POST', '/v1/observations', {
      body: instrument(OPEN),
      headers,
    })
    expectProblem(overSocket, 'KIND_FORBIDDEN', 'this is instrument')
  })

  test('a feeder bound to no source reports everything but prices', async () => {
    expect((await rig.post('/v1/observations', 'feed-none', bars(OPEN))).status).toBe(200)
    const answer = await rig.post('/v1/observations', 'feed-none', price(OPEN, 'nyse'))
    expectProblem(answer, 'SOURCE_FORBIDDEN', 'prices of no source, not of nyse')
  })

  test('to an agent another’s decision is as good as none', async () => {
    const mine = await rig.judge(order())
    const others = await rig.judge(order(), {}, 'hedger')
    expect((await rig.get(`/v1/decisions/${mine.decision}`, 'alpha')).status).toBe(200)
    expectProblem(await rig.get(`/v1/decisions/${others.decision}`, 'alpha'), 'NOT_FOUND', others.decision)
    expectProblem(await rig.get('/v1/decisions/d-none', 'alpha'), 'NOT_FOUND', 'd-none')
    expectProblem(await rig.get('/v1/decisions?agent=hedger', 'alpha'), 'AGENT_FORBIDDEN', '`alpha`')
    const { body } = await rig.get('/v1/decisions?limit=500', 'alpha')
    const agents = (body.decisions as { decision: { request: { agent: string } } }[]).map(
      ({ decision }) => decision.request.agent,
    )
    expect(new Set(agents)).toEqual(new Set(['alpha']))
    expect((await rig.get(`/v1/decisions/${others.decision}`, 'auditor')).status).toBe(200)
  })
})
