/** A vote over HTTP: agents are told of a proposal, vote, and the one who asked gets a verdict with a permit. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { KeyPair } from '../../src/base/ed25519.ts'
import type { ErrorCode } from '../../src/base/errors.ts'
import { verifyCertificate } from '../../src/consensus/verify-certificate.ts'
import { signVote } from '../../src/consensus/vote.ts'
import { permitIdOf } from '../../src/permit/verify.ts'
import type { ProposalView } from '../../src/protocol/answers.ts'
import type { ActionAnswer } from '../../src/protocol/decision.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import type { Choice, Vote } from '../../src/protocol/proposal.ts'
import { eventsOf } from '../support/events.ts'
import { expectProblem } from '../support/http.ts'
import { order, quietMarket } from '../support/market.ts'
import { policiesWithoutActivation } from '../support/policy.ts'
import { KEYS, LARGE, NAMES, POLICIES, registrationOf, type VoterName } from '../support/quorum.ts'
import { OPEN, Rig, UNTHROTTLED } from '../support/sidecar.ts'

const directory = mkdtempSync(join(tmpdir(), 'ephor-quorum-'))
cpSync(UNTHROTTLED, directory, { recursive: true })
writeFileSync(join(directory, 'rules', 'large.yaml'), JSON.stringify({ rules: [LARGE] }))
// People change the policies of this file, as often as it likes.
const policies = policiesWithoutActivation()
const rig = new Rig({ constitution: directory, policies, acceptFailingCases: 'a test' })

beforeAll(async () => {
  await rig.start({ constitution: directory })
  await rig.observe(...quietMarket(OPEN))
  for (const name of NAMES) await register(name)
})
beforeEach(async () => {
  for (const name of NAMES) await rig.post(`/v1/agents/${name}/heartbeat`, name, {})
})
afterAll(async () => {
  await rig.end()
  rmSync(directory, { recursive: true, force: true })
})

async function register(name: VoterName, keys?: KeyPair): Promise<void> {
  const input = registrationOf(name, keys)
  if (input.kind !== 'register') throw new Error('no registration')
  await rig.post('/v1/agents', 'operator-1', input.registration)
}

async function propose(): Promise<{ id: string; request: object; proposal: string }> {
  const request = rig.request(order())
  const { status, body } = await rig.post('/v1/actions', 'alpha', request)
  expect(status).toBe(200)
  const answer = body as ActionAnswer
  expect([answer.verdict, answer.permit]).toEqual(['pending', null])
  return { id: answer.decision, request, proposal: answer.proposals?.[0] ?? '' }
}

async function ballot(proposal: string, agent: VoterName, choice: Choice): Promise<Vote> {
  const view = (await rig.get(`/v1/proposals/${proposal}`, agent)).body as unknown as ProposalView
  const { digest, constitution } = view.proposal
  return signVote(
    { schema: 1, round: proposal, agent, choice, digest, constitution, roster: view.rosterHash },
    KEYS[agent].privateKey,
  )
}

async function vote(proposal: string, agent: VoterName, choice: Choice): Promise<Record<string, unknown>> {
  const answer = await rig.post(
    `/v1/proposals/${proposal}/votes`,
    agent,
    await ballot(proposal, agent, choice),
  )
  expect(answer.status).toBe(200)
  return answer.body
}

const YES: readonly VoterName[] = ['chief', 'quick', 'reader', 'guard']

describe('a proposal', () => {
  test('is seen, voted on and approved; the asker waits for it and gets a permit', async () => {
    const { request, proposal } = await propose()
    const open = (await rig.get('/v1/proposals', 'chief')).body as { proposals: ProposalView[] }
    expect(open.proposals.map(({ proposal: it }) => it.proposal)).toEqual([proposal])
    const waiting = rig.post('/v1/actions?waitMs=30000', 'alpha', request)
    for (const name of YES) await vote(proposal, name, 'yes')
    const { body } = await waiting
    expect(body).toMatchObject({ verdict: 'allow', approvals: [{ proposal }] })
    expect(body.permit).toEqual(expect.any(String))
    const { certificate } = (await rig.get(`/v1/proposals/${proposal}`)).body as unknown as ProposalView
    expect(verifyCertificate(certificate)).toMatchObject({ isValid: true })
  })

  test('is cancelled after it was approved, and what it let through is not told and not sent', async () => {
    const { request, proposal } = await propose()
    for (const name of YES) await vote(proposal, name, 'yes')
    const { body } = await rig.post('/v1/actions', 'alpha', request)
    expect(body.verdict).toBe('allow')
    const stopped = await rig.call('DELETE', `/v1/proposals/${proposal}`, 'operator-1', { body: {} })
    expect(stopped.body).toMatchObject({ state: 'cancelled' })
    expectProblem(await rig.post('/v1/actions', 'alpha', request), 'APPROVAL_ENDED', 'operator-1')
    const redeemed = await rig.post(`/v1/permits/${permitIdOf(String(body.permit))}/redeem`, 'alpha', {})
    expectProblem(redeemed, 'APPROVAL_ENDED', proposal)
  })

  test('is answered pending again while nobody votes, and may be waited for by its decision', async () => {
    const { id, request, proposal } = await propose()
    expect((await rig.post('/v1/actions?waitMs=1', 'alpha', request)).body).toMatchObject({
      verdict: 'pending',
      decision: id,
    })
    const waiting = rig.get(`/v1/decisions/${id}?waitMs=30000`)
    await vote(proposal, 'guard', 'no')
    const { decision } = (await waiting).body as {
      decision: { verdict: string; reasons: { code: string }[] }
    }
    expect([decision.verdict, decision.reasons.at(-1)?.code]).toEqual(['deny', 'QUORUM_REJECTED'])
  })

  test('is withdrawn by its proposer, and cancelled by an operator', async () => {
    const mine = await propose()
    const stop = (proposal: string, as: string, body: object = {}) =>
      rig.call('DELETE', `/v1/proposals/${proposal}`, as, { body })
    // A guardian who means to withdraw its own does not cancel another's by a slip.
    expectProblem(await stop(mine.proposal, 'chief', { how: 'withdrawn' }), 'PROPOSER_ONLY', '`alpha`')
    expectProblem(await stop(mine.proposal, 'author', { how: 'cancelled' }), 'GUARDIAN_ONLY', 'author')
    expectProblem(await stop(mine.proposal, 'quick'), 'GUARDIAN_ONLY', '')
    expect((await stop(mine.proposal, 'alpha')).body).toMatchObject({ state: 'withdrawn' })
    const other = await propose()
    expect((await stop(other.proposal, 'operator-1')).body).toMatchObject({ state: 'cancelled' })
    expectProblem(await stop(other.proposal, 'operator-1'), 'ROUND_CLOSED', '')
    expectProblem(await stop('q-none.x', 'operator-1'), 'ROUND_UNKNOWN', '')
  })
})

describe('a vote is refused', () => {
  test('by another’s token, on another’s path, unsigned, late, by a stranger, or malformed', async () => {
    const { proposal } = await propose()
    const path = `/v1/proposals/${proposal}/votes`
    const good = await ballot(proposal, 'chief', 'yes')
    expectProblem(await rig.post(path, 'quick', good), 'AGENT_FORBIDDEN', '')
    expectProblem(await rig.post('/v1/proposals/q-none.x/votes', 'chief', good), 'ROUND_DIFFERS', '')
    expectProblem(await rig.post(path, 'chief', { ...good, choice: 'no' }), 'VOTE_SIGNATURE_INVALID', '')
    expectProblem(await rig.post(path, 'alpha', { ...good, agent: 'alpha' }), 'VOTER_UNKNOWN', '')
    expectProblem(await rig.post(path, 'chief', { ...good, choice: 'maybe' }), 'BODY_INVALID', '/choice')
    expectProblem(await rig.post(path, 'chief', { ...good, signature: 'x' }), 'BODY_INVALID', '/signature')
    expectProblem(await rig.get('/v1/proposals/q-none.x'), 'ROUND_UNKNOWN', '')
    await vote(proposal, 'guard', 'no')
    expectProblem(await rig.post(path, 'chief', good), 'ROUND_CLOSED', '')
  })
})

describe('a vote that is signed and meant otherwise is refused', () => {
  test.each<[string, Partial<Vote>]>([
    ['VOTE_DIGEST_DIFFERS', { digest: '0'.repeat(64) }],
    ['VOTE_CONSTITUTION_DIFFERS', { constitution: '0'.repeat(64) }],
    ['VOTE_ROSTER_DIFFERS', { roster: '0'.repeat(64) }],
  ])('%s', async (code, change) => {
    const { proposal } = await propose()
    const { signature: _, ...good } = await ballot(proposal, 'chief', 'yes')
    const signed = signVote({ ...good, ...change }, KEYS.chief.privateKey)
    const answer = await rig.post(`/v1/proposals/${proposal}/votes`, 'chief', signed)
    expectProblem(answer, code as ErrorCode, '')
    await vote(proposal, 'guard', 'no')
  })

  test('VOTER_RETIRED', async () => {
    const { proposal } = await propose()
    const good = await ballot(proposal, 'reader', 'yes')
    await rig.call('DELETE', '/v1/agents/reader', 'operator-1', { body: { reason: 'x' } })
    expectProblem(await rig.post(`/v1/proposals/${proposal}/votes`, 'reader', good), 'VOTER_RETIRED', '')
    await vote(proposal, 'guard', 'no')
    await register('reader')
  })
})

describe('a quorum cannot be had', () => {
  const base = POLICIES.find(({ name }) => name === LARGE.to) as Policy
  const { weights } = base
  const zero = { coordinator: [0, 1], risk: [0, 1], specialist: [0, 1] } as const
  const alone = { ...weights, byGroup: { ...zero, coordinator: [1, 1] } } as unknown as Policy['weights']
  const lone: Partial<Policy> = {
    weights: alone,
    minimumVoters: 1,
    vetoes: [],
    caps: { voter: [1, 1], owner: [1, 1] },
  }
  afterEach(async () => {
    expect((await rig.post('/v1/policies/consensus', 'author', {})).status).toBe(200)
  })

  test.each<[string, Partial<Policy>]>([
    ['POLICY_DIFFERS', { name: 'another' }],
    ['VOTERS_NONE', { voters: ['support'] }],
    ['VOTERS_TOO_FEW', { minimumVoters: 9 }],
    ['CAPS_INFEASIBLE', { caps: { voter: [1, 10], owner: [1, 1] } }],
    ['VOTERS_WEIGHTLESS', { weights: { ...weights, byGroup: zero } as unknown as Policy['weights'] }],
    ['VOTER_DICTATES', lone],
    ['VOTER_POWERLESS', { ...lone, onDictator: 'warn', onPowerless: 'refuse' }],
  ])('QUORUM_UNAVAILABLE, %s', async (code, change) => {
    await rig.running.sidecar.submit({ kind: 'quorate', policies: [{ ...base, ...change }], by: 'author' })
    const { verdict, reasons } = await rig.judge(order())
    expect(verdict).toBe('deny')
    expect(reasons.at(-1)).toMatchObject({ code: 'QUORUM_UNAVAILABLE', observed: code })
  })

  test('KEY_SHARED', async () => {
    await register('reader', KEYS.chief)
    await rig.post('/v1/agents/reader/heartbeat', 'reader', {})
    expect((await rig.judge(order())).reasons.at(-1)).toMatchObject({ observed: 'KEY_SHARED' })
    await register('reader')
  })

  test('VETO_SILENT: nobody waits for a moment in which risk is not heard', async () => {
    rig.now += 60_000
    await rig.observe(...quietMarket(rig.now))
    for (const name of NAMES) if (name !== 'guard') await rig.post(`/v1/agents/${name}/heartbeat`, name, {})
    expect((await rig.judge(order())).reasons.at(-1)).toMatchObject({ observed: 'VETO_SILENT' })
    await rig.post('/v1/agents/guard/heartbeat', 'guard', {})
    expect((await rig.judge(order())).verdict).toBe('pending')
  })
})

test('an approval that is not there is none: APPROVAL_LAPSED', async () => {
  const { reasons } = await rig.judge(order(), { approval: 'q-none.large-orders' })
  expect(reasons.at(-1)).toMatchObject({ code: 'APPROVAL_LAPSED' })
})

describe('delegation', () => {
  const path = '/v1/agents/reader/delegations/execution'
  test('is given and taken back by the agent itself', async () => {
    expectProblem(await rig.call('PUT', path, 'quick', { body: { to: 'quick' } }), 'AGENT_FORBIDDEN', '')
    expectProblem(await rig.call('PUT', path, 'reader', { body: { to: 'reader' } }), 'DELEGATION_TO_SELF', '')
    expectProblem(await rig.call('DELETE', path, 'reader', { body: {} }), 'DELEGATION_UNKNOWN', '')
    expect((await rig.call('PUT', path, 'reader', { body: { to: 'quick' } })).status).toBe(200)
    const { proposal } = await propose()
    const own = await ballot(proposal, 'reader', 'yes')
    expectProblem(await rig.post(`/v1/proposals/${proposal}/votes`, 'reader', own), 'VOTER_DELEGATED', '')
    await vote(proposal, 'quick', 'yes')
    const chain = '/v1/agents/quick/delegations/execution'
    expectProblem(
      await rig.call('PUT', chain, 'quick', { body: { to: 'chief' } }),
      'DELEGATION_AFTER_VOTE',
      '',
    )
    await rig.call('DELETE', `/v1/proposals/${proposal}`, 'alpha', { body: {} })
    expectProblem(await rig.call('PUT', chain, 'quick', { body: { to: 'chief' } }), 'DELEGATION_CHAIN', '')
    expect((await rig.call('DELETE', path, 'reader', { body: {} })).status).toBe(200)
  })
})

const listen = (as: string, lastEventId: number | undefined, enough: Parameters<typeof eventsOf>[3]) =>
  eventsOf(rig, as, lastEventId, enough)

describe('events', () => {
  test('tell of proposals, votes and ends in the order of the journal, and go on where a reader left off', async () => {
    const before = rig.running.sidecar.durableSequence
    const heard = listen('chief', before, (events) => events.some(({ event }) => event === 'certificate'))
    const { proposal } = await propose()
    await vote(proposal, 'guard', 'no')
    const events = await heard
    expect(events.map(({ event }) => event)).toEqual(['proposal', 'vote', 'certificate'])
    const [first] = events
    const again = await listen('auditor', first?.id, (all) => all.some(({ event }) => event === 'verdict'))
    expect(again.map(({ event }) => event)).toEqual(['vote', 'certificate', 'verdict'])
    expect(again[0]?.id).toBe(events[1]?.id)
  })

  test.each(['abc', '-1', '999999999999999'])(
    'refuse to go on behind %j: nobody waits for nothing',
    async (id) => {
      const headers = { 'last-event-id': id }
      expectProblem(await rig.call('GET', '/v1/events', 'chief', { headers }), 'QUERY_INVALID', '')
    },
  )

  test('tell an agent no verdict of another', async () => {
    const before = rig.running.sidecar.durableSequence
    await rig.judge(order({ quantity: 1 }))
    const halted = await rig.post('/v1/halts', 'operator-1', {
      scope: { kind: 'account', name: 'other' },
      state: 'halted',
      reason: 'a drill',
    })
    expect(halted.status).toBe(200)
    const of = (as: string) => listen(as, before, (all) => all.some(({ event }) => event === 'halt'))
    expect((await of('chief')).map(({ event }) => event)).toEqual(['halt'])
    expect((await of('alpha')).map(({ event }) => event)).toEqual(['verdict', 'halt'])
  })
})

test('after a restart, an open round is where it was', async () => {
  const { request, proposal } = await propose()
  await vote(proposal, 'chief', 'yes')
  await rig.stop()
  await rig.start({ constitution: directory })
  for (const name of ['quick', 'reader', 'guard'] as const) await vote(proposal, name, 'yes')
  const { body } = await rig.post('/v1/actions', 'alpha', request)
  expect(body).toMatchObject({ verdict: 'allow', approvals: [{ proposal }] })
})
