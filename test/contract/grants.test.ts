/** Exceptions over HTTP: proposed by one operator, approved by another, used up to their bounds, and over. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { GrantAnswer } from '../../src/protocol/grant.ts'
import { expectProblem, type Answer } from '../support/http.ts'
import { cancel, order, portfolio, quietMarket } from '../support/market.ts'
import { codesOf, OPEN, Rig, UNTHROTTLED } from '../support/sidecar.ts'

const HOUR = 3_600_000
let rig: Rig

/** Holds 9,950 shares at 200: with 100 more the position is worth 2,010,000, and 2,000,000 is the cap. */
const market = (at: number): object[] => [...quietMarket(at).slice(0, -1), portfolio(at, 9950)]

beforeEach(async () => {
  rig = await new Rig().start()
  await rig.observe(...market(OPEN))
})
afterEach(() => rig.end())

const terms = (more: object = {}): object => ({
  rule: 'position-cap',
  scope: { agent: 'alpha', instrument: 'AAPL' },
  upTo: 2_100_000,
  until: OPEN + HOUR,
  uses: 2,
  reason: 'an index change at the close',
  ...more,
})
const propose = (more: object = {}, as = 'operator-1'): Promise<Answer> =>
  rig.post('/v1/grants', as, terms(more))
const approve = (id: string, as = 'operator-2'): Promise<Answer> =>
  rig.post(`/v1/grants/${id}/approve`, as, { reason: 'looked at the order book' })
const revoke = (id: string, as = 'operator-2'): Promise<Answer> =>
  rig.call('DELETE', `/v1/grants/${id}`, as, { body: { reason: 'the desk is done' } })
const grants = async (): Promise<GrantAnswer[]> =>
  ((await rig.get('/v1/grants')).body.grants as unknown[]).map((each) => GrantAnswer.parse(each))
const proposed = async (more: object = {}): Promise<string> => {
  const answer = await propose(more)
  expect(answer.status, answer.text).toBe(200)
  return String(answer.body.grant)
}
const live = async (more: object = {}): Promise<string> => {
  const id = await proposed(more)
  expect((await approve(id)).body).toMatchObject({ grant: id, state: 'live' })
  return id
}

test('one operator proposes, another approves, and an order uses it: on the record, and counted', async () => {
  expect(codesOf(await rig.judge(order()))).toEqual(['POSITION_CAP'])
  const id = await proposed()
  expect(codesOf(await rig.judge(order()))).toEqual(['POSITION_CAP'])
  const approved = await approve(id)
  expect(approved.body).toEqual({
    schema: 1,
    grant: id,
    state: 'live',
    rule: 'position-cap',
    scope: { agent: 'alpha', instrument: 'AAPL' },
    upTo: 2_100_000,
    until: OPEN + HOUR,
    uses: 2,
    used: 0,
    proposed: { operator: 'operator-1', reason: 'an index change at the close', at: OPEN },
    approved: { operator: 'operator-2', reason: 'looked at the order book', at: OPEN },
    revoked: null,
    constitution: (await rig.get('/v1/state')).body.constitution,
  })
  const answer = await rig.judge(order())
  const use = {
    grant: id,
    rule: 'position-cap',
    observed: 2_010_000,
    limit: 2_000_000,
    upTo: 2_100_000,
    unit: 'USD',
  }
  expect(answer).toMatchObject({ verdict: 'allow', reasons: [], grants: [use] })
  const { decision } = (await rig.get(`/v1/decisions/${answer.decision}`)).body as {
    decision: { grants: object[]; findings: { rule: string; result: string }[] }
  }
  expect(decision.grants).toEqual([use])
  expect(decision.findings.find(({ rule }) => rule === 'position-cap')).toMatchObject({ result: 'breach' })
  expect(await grants()).toMatchObject([{ grant: id, state: 'live', used: 1 }])
})

test('an order that needs no grant takes none', async () => {
  await live()
  const answer = await rig.judge(order({ quantity: 50 }))
  expect(answer.verdict).toBe('allow')
  expect(answer).not.toHaveProperty('grants')
  expect(await grants()).toMatchObject([{ used: 0 }])
})

test('what is asked again is the same answer, and no second use', async () => {
  await live()
  const request = rig.request(order())
  const first = await rig.post('/v1/actions', 'alpha', request)
  expect((await rig.post('/v1/actions', 'alpha', request)).text).toBe(first.text)
  expect(await grants()).toMatchObject([{ used: 1 }])
})

test('the last use is one order’s, however many ask at once', async () => {
  await live({ uses: 3 })
  const answers = await Promise.all(Array.from({ length: 20 }, () => rig.judge(order({ quantity: 51 }))))
  expect(answers.filter(({ verdict }) => verdict === 'allow')).toHaveLength(3)
  expect(await grants()).toMatchObject([{ state: 'used', used: 3 }])
})

test('above its bound, another agent, another instrument and another breach stay denied, and use nothing', async () => {
  await live({ uses: 10, upTo: 2_080_000 })
  expect(codesOf(await rig.judge(order({ quantity: 451 })))).toEqual(['POSITION_CAP'])
  expect(codesOf(await rig.judge(order(), {}, 'hedger'))).toContain('POSITION_CAP')
  // A denied action uses no grant, so all that it breaches is among its reasons.
  const far = await rig.judge(order({ limitPrice: 300 }))
  expect(codesOf(far)).toEqual(['POSITION_CAP', 'PRICE_BAND'])
  expect(far).not.toHaveProperty('grants')
  expect(await grants()).toMatchObject([{ used: 0 }])
})

test('narrowing goes as far as the grant and no further', async () => {
  await live({ upTo: 2_080_000 })
  const answer = await rig.judge(order({ quantity: 490 }), { accept: ['narrow'] })
  expect(answer).toMatchObject({
    verdict: 'narrow',
    action: { quantity: 450 },
    headroom: { quantity: 450, largest: true },
    grants: [{ observed: 2_080_000, upTo: 2_080_000 }],
  })
  expect(codesOf(answer)).toEqual(['POSITION_CAP'])
})

test('it ends at its time, and a proposal does too', async () => {
  const id = await live()
  const forgotten = await proposed()
  rig.now = OPEN + HOUR - 1
  await rig.observe(...market(rig.now))
  expect((await rig.judge(order())).verdict).toBe('allow')
  rig.now = OPEN + HOUR
  await rig.observe(...market(rig.now))
  expect(codesOf(await rig.judge(order()))).toEqual(['POSITION_CAP'])
  expectProblem(await approve(forgotten), 'GRANT_EXPIRED', forgotten)
  expect(await grants()).toMatchObject([
    { grant: id, state: 'expired', used: 1 },
    { grant: forgotten, state: 'expired', used: 0 },
  ])
})

test('revoked, it does nothing from the next decision on, and holds back what it let through', async () => {
  const id = await live()
  const request = rig.request(order())
  const first = await rig.post('/v1/actions', 'alpha', request)
  expect(first.body.verdict).toBe('allow')
  const permit = `p-${String(first.body.decision).slice(2)}`
  expect((await revoke(id, 'operator-1')).body).toMatchObject({
    state: 'revoked',
    revoked: { operator: 'operator-1', reason: 'the desk is done' },
  })
  expect(codesOf(await rig.judge(order()))).toEqual(['POSITION_CAP'])
  expectProblem(await rig.post(`/v1/permits/${permit}/redeem`, 'alpha', {}), 'GRANT_ENDED', id)
  expectProblem(await rig.post('/v1/actions', 'alpha', request), 'GRANT_ENDED', id)
  expectProblem(await revoke(id), 'GRANT_ENDED', id)
  expectProblem(await approve(id), 'GRANT_ENDED', id)
})

test('a permit of an order that took the last use is redeemed; one whose grant is over is not', async () => {
  const last = await live({ uses: 1 })
  const answer = await rig.judge(order())
  expect(await grants()).toMatchObject([{ grant: last, state: 'used' }])
  expect((await rig.post(`/v1/permits/p-${answer.decision.slice(2)}/redeem`, 'alpha', {})).status).toBe(200)
  await live({ until: OPEN + 100 })
  const late = await rig.judge(order())
  expect(late.verdict).toBe('allow')
  rig.now = OPEN + 100
  expectProblem(
    await rig.post(`/v1/permits/p-${late.decision.slice(2)}/redeem`, 'alpha', {}),
    'GRANT_EXPIRED',
    /ended/,
  )
})

describe('refused, and nothing recorded', () => {
  let before = 0
  beforeEach(() => {
    before = rig.running.sidecar.durableSequence
  })
  afterEach(() => {
    expect(rig.running.sidecar.durableSequence).toBe(before)
  })

  test.each<[string, object, string]>([
    ['no scope', { scope: {} }, 'name an agent'],
    ['longer than the rule allows', { until: OPEN + 4 * HOUR + 1 }, '14400000 ms'],
    ['more often than the rule allows', { uses: 11 }, 'at most 10 times'],
  ])('too wide: %s', async (_, more, detail) => {
    expectProblem(await propose(more), 'GRANT_TOO_WIDE', detail)
  })

  test('over before it begins', async () => {
    expectProblem(await propose({ until: OPEN }), 'GRANT_EXPIRED', 'it would have ended')
  })

  test.each([
    'halted',
    'drawdown',
    'order-value-cap',
    'reference-untrusted',
    'change-unsigned',
    'no-such-rule',
  ])('the rule %s, which does not declare it', async (rule) => {
    expectProblem(await propose({ rule }), 'RULE_NOT_GRANTABLE', `\`${rule}\``)
  })

  test.each<[string, object, string]>([
    ['no rule', { rule: undefined }, '/rule'],
    ['no scope at all', { scope: undefined }, '/scope'],
    ['a scope of everything', { scope: { everything: true } }, '/scope'],
    ['no end', { until: undefined }, '/until'],
    ['an end in words', { until: 'tomorrow' }, '/until'],
    ['no bound', { upTo: undefined }, '/upTo'],
    ['a bound without end', { upTo: 1e300 }, '/upTo'],
    ['no uses', { uses: 0 }, '/uses'],
    ['half a use', { uses: 0.5 }, '/uses'],
    ['no reason', { reason: '' }, '/reason'],
    ['an approver of its own', { approved: 'operator-2' }, 'unknown key `approved`'],
  ])('malformed: %s', async (_, more, path) => {
    expectProblem(await propose(more), 'BODY_INVALID', path)
  })

  test('what nobody proposed', async () => {
    expectProblem(await approve('g-1'), 'GRANT_UNKNOWN', '`g-1`')
    expectProblem(await revoke('g-1'), 'GRANT_UNKNOWN', '`g-1`')
  })

  test.each(['alpha', 'feed', 'author', 'auditor'])('asked by %s, who is no operator', async (name) => {
    expectProblem(await propose({}, name), 'ROLE_FORBIDDEN', name)
    expectProblem(await approve('g-1', name), 'ROLE_FORBIDDEN', name)
    expectProblem(await revoke('g-1', name), 'ROLE_FORBIDDEN', name)
  })
})

describe('by one person alone', () => {
  test('who proposed cannot approve', async () => {
    const id = await proposed()
    expectProblem(await approve(id, 'operator-1'), 'GRANT_SELF_APPROVED', '`operator-1`')
    expect(await grants()).toMatchObject([{ state: 'proposed' }])
    expect((await rig.judge(order())).verdict).toBe('deny')
    expect((await approve(id)).status).toBe(200)
    expectProblem(await approve(id), 'GRANT_APPROVED', 'operator-2')
  })

  test('an operator under an agent’s name neither proposes nor approves', async () => {
    const id = await proposed()
    // Through another sidecar, whose tokens know no such operator.
    const registration = { agent: 'operator-2', role: 'trader' as const, strategies: [] }
    await rig.running.sidecar.submit({ kind: 'register', registration, by: 'operator-1' })
    expectProblem(await approve(id), 'GRANT_SELF_APPROVED', '`operator-2`')
    expectProblem(await propose({}, 'operator-2'), 'GRANT_SELF_APPROVED', '`operator-2`')
    expectProblem(await propose({ scope: { agent: 'operator-1' } }), 'GRANT_SELF_APPROVED', '`operator-1`')
  })
})

test('uses, approvals and ends hold over a restart', async () => {
  await live({ uses: 1 })
  const open = await proposed({ uses: 1 })
  await rig.judge(order())
  const before = await grants()
  await rig.stop()
  await rig.start()
  expect(await grants()).toEqual(before)
  expect((await rig.judge(order())).verdict).toBe('deny')
  expectProblem(await approve(open, 'operator-1'), 'GRANT_SELF_APPROVED', '`operator-1`')
  expect((await approve(open)).body).toMatchObject({ state: 'live' })
  expect((await rig.judge(order())).verdict).toBe('allow')
})

test('they are bounded, and one that ended makes room', async () => {
  const ids: string[] = []
  for (let index = 0; index < 100; index++) ids.push(await proposed())
  expectProblem(await propose(), 'LIMIT_REACHED', '100 grants')
  await revoke(ids[0] ?? '')
  await proposed()
})

test('halted, no grant helps; a cancel needs none', async () => {
  await live()
  const halt = { scope: { kind: 'account', name: 'main' }, state: 'halted', reason: 'a drill' }
  await rig.post('/v1/halts', 'operator-1', halt)
  expect(codesOf(await rig.judge(order()))).toEqual(['HALTED', 'POSITION_CAP'])
  expect((await rig.judge(cancel())).verdict).toBe('allow')
})

test('another constitution ends them all, and the first one again brings none back', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ephor-grants-'))
  try {
    cpSync(UNTHROTTLED, directory, { recursive: true })
    await rig.stop()
    await rig.start({ constitution: directory })
    const id = await live()
    const open = await proposed()
    const first = await rig.judge(order())
    const path = join(directory, 'constitution.yaml')
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.replace(/^name: .*$/m, 'name: another'))
    expect((await rig.post('/v1/constitution', 'author', {})).body).toMatchObject({ activated: true })
    expect(codesOf(await rig.judge(order()))).toEqual(['POSITION_CAP'])
    expectProblem(
      await rig.post(`/v1/permits/p-${first.decision.slice(2)}/redeem`, 'alpha', {}),
      'GRANT_ENDED',
      'another constitution',
    )
    writeFileSync(path, text)
    expect((await rig.post('/v1/constitution', 'author', {})).body).toMatchObject({ activated: true })
    expect(codesOf(await rig.judge(order()))).toEqual(['POSITION_CAP'])
    expect(await grants()).toMatchObject([
      { grant: id, state: 'superseded' },
      { grant: open, state: 'superseded' },
    ])
    expectProblem(await approve(open), 'GRANT_ENDED', 'propose it anew')
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
