/** Attacks on a vote over HTTP: each wants an approval that the frozen votes do not give, or more than was approved. None gets it, and the journal verifies. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { generateKeyPair, type KeyPair } from '../../src/base/ed25519.ts'
import { verifyHome } from '../../src/cli/verify-home.ts'
import { ballotOn, signVote } from '../../src/consensus/vote.ts'
import type { ProposalView } from '../../src/protocol/answers.ts'
import type { ActionAnswer } from '../../src/protocol/decision.ts'
import type { Choice, Vote } from '../../src/protocol/proposal.ts'
import { expectProblem, type Answer } from '../support/http.ts'
import { account, instrument, order, quietMarket } from '../support/market.ts'
import { policiesWithoutActivation } from '../support/policy.ts'
import { KEYS, LARGE, NAMES, registrationOf, type VoterName } from '../support/quorum.ts'
import { OPEN, Rig, UNTHROTTLED } from '../support/sidecar.ts'

const directory = mkdtempSync(join(tmpdir(), 'ephor-attacks-'))
cpSync(UNTHROTTLED, directory, { recursive: true })
writeFileSync(join(directory, 'rules', 'large.yaml'), JSON.stringify({ rules: [LARGE] }))
const policies = policiesWithoutActivation()
const rig = new Rig({ constitution: directory, policies, acceptFailingCases: 'a test' })

const beat = async (...names: readonly VoterName[]): Promise<void> => {
  for (const name of names) await rig.post(`/v1/agents/${name}/heartbeat`, name, {})
}
const register = async (name: VoterName, keys?: KeyPair, more: object = {}): Promise<void> => {
  const input = registrationOf(name, keys)
  if (input.kind === 'register')
    await rig.post('/v1/agents', 'operator-1', { ...input.registration, ...more })
}
const retire = (name: VoterName): Promise<Answer> =>
  rig.call('DELETE', `/v1/agents/${name}`, 'operator-1', { body: { reason: 'an attack' } })

beforeAll(async () => {
  await rig.start({ constitution: directory })
  await rig.observe(...quietMarket(OPEN))
})
beforeEach(async () => {
  await rig.observe(...quietMarket(rig.now))
  for (const name of NAMES) await register(name)
  await beat(...NAMES)
})
afterAll(async () => {
  vi.spyOn(process.stdout, 'write').mockImplementation(() => true)
  await rig.stop()
  const ok = await verifyHome(rig.home, { chainOnly: false })
  vi.restoreAllMocks()
  await rig.end()
  rmSync(directory, { recursive: true, force: true })
  expect(ok).toBe(true)
})

async function propose(more: object = {}): Promise<{ id: string; round: string; request: object }> {
  const request = rig.request(order(more))
  const { body } = await rig.post('/v1/actions', 'alpha', request)
  const answer = body as unknown as ActionAnswer
  expect(answer).toMatchObject({ verdict: 'pending' })
  return { id: answer.decision, round: answer.proposals?.[0] ?? '', request }
}
const see = async (round: string): Promise<ProposalView> =>
  (await rig.get(`/v1/proposals/${round}`)).body as unknown as ProposalView
async function signed(round: string, agent: VoterName, choice: Choice, keys = KEYS[agent]): Promise<Vote> {
  return signVote(ballotOn(await see(round), agent, choice), keys.privateKey)
}
const send = (round: string, agent: VoterName, vote: Vote): Promise<Answer> =>
  rig.post(`/v1/proposals/${round}/votes`, agent, vote)
const cast = async (round: string, agent: VoterName, choice: Choice): Promise<Answer> =>
  send(round, agent, await signed(round, agent, choice))
const verdictOf = async (id: string): Promise<string> => {
  const { decision } = (await rig.get(`/v1/decisions/${id}`)).body as { decision: { verdict: string } }
  return decision.verdict
}
/** Lets the round end by its time, with the market as it was. */
async function over(round: string): Promise<ProposalView> {
  rig.now = (await see(round)).deadline - 1
  await rig.observe(...quietMarket(rig.now))
  await rig.pass(1)
  return see(round)
}
const OTHERS = ['chief', 'quick', 'reader', 'keeper'] as const

/** Approved, and not allowed when it was, so that all of it is left. */
async function approved(quantity = 100): Promise<string> {
  const { id, round } = await propose({ quantity })
  for (const name of ['chief', 'quick', 'reader'] as const) await cast(round, name, 'yes')
  await rig.observe(instrument(rig.now, { status: 'halted' }))
  await cast(round, 'guard', 'yes')
  await rig.observe(instrument(rig.now))
  expect([(await see(round)).state, await verdictOf(id)]).toEqual(['approved', 'deny'])
  return round
}
const drawing = (approval: string, more: object = {}, agent = 'alpha'): Promise<ActionAnswer> =>
  rig.judge(order(more), { approval }, agent)

describe('to be rid of a veto', () => {
  test.each<[string, () => Promise<unknown>]>([
    ['silence it', async () => undefined],
    ['retire it', () => retire('guard')],
    ['give it another key', () => register('guard', generateKeyPair())],
    ['give it another role', () => register('guard', undefined, { role: 'trader', field: undefined })],
    [
      'let it delegate to a friend',
      () => rig.call('PUT', '/v1/agents/guard/delegations/execution', 'guard', { body: { to: 'chief' } }),
    ],
  ])('%s, once the round is open: nothing passes without its yes', async (_, attack) => {
    const { id, round } = await propose()
    await attack()
    for (const name of OTHERS) await cast(round, name, 'yes')
    expect(await over(round)).toMatchObject({ state: 'rejected', certificate: { reason: 'consent' } })
    expect(await verdictOf(id)).toBe('deny')
    await rig.call('DELETE', '/v1/agents/guard/delegations/execution', 'guard', { body: {} })
  })

  test('make it something else: it still rejects, by the roster as it was frozen', async () => {
    const { round } = await propose()
    await register('guard', undefined, { role: 'trader', field: undefined })
    await cast(round, 'guard', 'no')
    expect(await see(round)).toMatchObject({ state: 'rejected', certificate: { reason: 'veto' } })
  })

  test('wait until it is not heard: no round opens', async () => {
    rig.now += 60_000
    await rig.observe(...quietMarket(rig.now))
    await beat(...OTHERS)
    expect((await rig.judge(order())).reasons.at(-1)).toMatchObject({ observed: 'VETO_SILENT' })
  })

  test('route around it: it is asked all the same', async () => {
    const content = {
      schema: 1,
      routes: [
        { id: 'all', title: 'All', policy: LARGE.to, when: "instrument.class == 'equity'", ask: ['market'] },
      ],
    } as const
    const route = { kind: 'route', by: 'author' } as const
    await rig.running.sidecar.submit({
      ...route,
      content: { ...content, routes: content.routes.map((one) => ({ ...one, ask: [...one.ask] })) },
    })
    const { roster } = await see((await rig.judge(order())).proposals?.[0] ?? (await propose()).round)
    expect(roster.voters.map(({ agent }) => agent)).toContain('guard')
    await rig.running.sidecar.submit({ ...route, content: { schema: 1, routes: [] } })
  })
})

describe('to vote twice', () => {
  test('with a new key: the old vote counts, once, and the new key signs nothing', async () => {
    const { round } = await propose()
    await cast(round, 'chief', 'yes')
    const before = (await see(round)).tally
    const keys = generateKeyPair()
    await register('chief', keys)
    for (const choice of ['yes', 'no'] as const) {
      expectProblem(
        await send(round, 'chief', await signed(round, 'chief', choice, keys)),
        'VOTE_SIGNATURE_INVALID',
        '',
      )
      expectProblem(
        await send(round, 'chief', await signed(round, 'chief', choice)),
        'VOTE_SIGNATURE_INVALID',
        '',
      )
    }
    expect((await see(round)).tally).toEqual(before)
    await cast(round, 'guard', 'no')
  })

  test('retired and registered again: it is the same voter, and its vote is final', async () => {
    const { round } = await propose()
    await cast(round, 'chief', 'yes')
    const before = (await see(round)).tally
    await retire('chief')
    expectProblem(await cast(round, 'chief', 'yes'), 'VOTER_RETIRED', '')
    await register('chief')
    await beat('chief')
    expect((await cast(round, 'chief', 'yes')).body).toMatchObject({ repeated: true })
    expect((await see(round)).tally).toEqual(before)
    await cast(round, 'chief', 'no')
    expect((await see(round)).tally).toMatchObject({ yes: 0, no: before.yes })
    await cast(round, 'guard', 'no')
  })

  test('through a delegate: taken back meanwhile, the vote stays with the delegate; who says two things takes all that he carries against', async () => {
    const path = '/v1/agents/reader/delegations/execution'
    const put = (of: VoterName, to: VoterName) =>
      rig.call('PUT', `/v1/agents/${of}/delegations/execution`, of, { body: { to } })
    expect((await put('reader', 'quick')).status).toBe(200)
    expectProblem(await put('quick', 'reader'), 'DELEGATION_CHAIN', '')
    expectProblem(await put('quick', 'keeper'), 'DELEGATION_CHAIN', '')
    expectProblem(await put('keeper', 'reader'), 'DELEGATION_CHAIN', '')
    const { round } = await propose()
    const carried = (await see(round)).roster.voters.find(({ agent }) => agent === 'quick')?.carries ?? 0
    await cast(round, 'quick', 'yes')
    expect((await see(round)).tally.yes).toBe(carried)
    await rig.call('DELETE', path, 'reader', { body: {} })
    expectProblem(await cast(round, 'reader', 'yes'), 'VOTER_DELEGATED', '')
    expectProblem(await cast(round, 'reader', 'no'), 'VOTER_DELEGATED', '')
    await cast(round, 'quick', 'no')
    expect((await see(round)).tally).toMatchObject({ yes: 0, no: carried })
    await cast(round, 'guard', 'no')
  })

  test('with the vote of another round, on the same order', async () => {
    const first = await propose()
    const second = await propose()
    const vote = await signed(first.round, 'chief', 'yes')
    expectProblem(await send(second.round, 'chief', vote), 'ROUND_DIFFERS', '')
    expectProblem(
      await send(second.round, 'chief', { ...vote, round: second.round }),
      'VOTE_SIGNATURE_INVALID',
      '',
    )
    for (const { round } of [first, second]) await cast(round, 'guard', 'no')
  })
})

describe('to get more than was approved', () => {
  test('by two slices at once: together no more than all of it', async () => {
    const approval = await approved(100)
    const both = await Promise.all([drawing(approval, { quantity: 60 }), drawing(approval, { quantity: 60 })])
    expect(both.map(({ verdict }) => verdict).toSorted()).toEqual(['allow', 'deny'])
    expect((await drawing(approval, { quantity: 41 + 20 })).verdict).toBe('deny')
    // What is left needs no vote by itself, so that only a larger slice tells.
    expect((await drawing(approval, { quantity: 40 })).verdict).toBe('allow')
    expect((await drawing(approval, { quantity: 60 })).reasons.at(-1)).toMatchObject({
      code: 'APPROVAL_LAPSED',
    })
  })

  test.each<[string, object, string?]>([
    ['another account', { account: 'other' }],
    ['a worse price', { limitPrice: 200.01 }],
    ['the market', { orderType: 'market', limitPrice: undefined }],
    ['more', { quantity: 101 }],
    ['another instrument', { instrument: 'MSFT' }],
    ['another time in force', { timeInForce: 'ioc' }],
    ['another strategy', { strategy: 'drift' }],
    ['another agent', {}, 'hedger'],
  ])('for %s', async (_, more, agent) => {
    const approval = await approved()
    await rig.observe(account(rig.now, 10_000_000, 'other'))
    const { verdict, approvals } = await drawing(approval, more, agent)
    expect([verdict, approvals ?? []]).toEqual(['deny', []])
  })

  test('for the other side: what certainly reduces needs none, and draws on none', async () => {
    const approval = await approved()
    const { verdict, approvals } = await drawing(approval, { side: 'sell' })
    expect([verdict, approvals ?? []]).toEqual(['allow', []])
    expect((await drawing(approval)).approvals).toMatchObject([{ proposal: approval }])
  })

  test('after it was taken back, or is over, or was over before the clock went back', async () => {
    const mine = await approved()
    expect((await rig.call('DELETE', `/v1/proposals/${mine}`, 'alpha', { body: {} })).status).toBe(200)
    expect((await drawing(mine)).reasons.at(-1)).toMatchObject({ code: 'APPROVAL_LAPSED' })
    const late = await approved()
    const start = rig.now
    rig.now += 300_000
    await rig.observe(...quietMarket(rig.now))
    expect((await drawing(late)).reasons.at(-1)).toMatchObject({ code: 'APPROVAL_LAPSED' })
    rig.now = start
    const back = await rig.post('/v1/actions', 'alpha', rig.request(order(), { approval: late }))
    expect(back.body).not.toMatchObject({ verdict: 'allow' })
    rig.now += 300_000
  })
})

describe('to have two outcomes', () => {
  test('withdrawn at the moment of the last vote: one of them, and nothing can be drawn on', async () => {
    const { id, round } = await propose()
    for (const name of ['chief', 'quick', 'reader'] as const) await cast(round, name, 'yes')
    const last = await signed(round, 'guard', 'yes')
    await Promise.all([
      send(round, 'guard', last),
      rig.call('DELETE', `/v1/proposals/${round}`, 'alpha', { body: { how: 'withdrawn' } }),
    ])
    const { state } = await see(round)
    expect(['approved', 'withdrawn']).toContain(state)
    expect(await verdictOf(id)).toBe(state === 'approved' ? 'allow' : 'deny')
    expect((await drawing(round)).reasons.at(-1)).toMatchObject({ code: 'APPROVAL_LAPSED' })
  })

  test('the clock goes back while it is open: its deadline stays, and what came after it counts for nothing', async () => {
    const { id, round } = await propose()
    for (const name of OTHERS) await cast(round, name, 'yes')
    const vote = await signed(round, 'guard', 'yes')
    const { state } = await over(round)
    await beat('guard')
    rig.now -= 30_000
    expectProblem(await send(round, 'guard', vote), 'ROUND_CLOSED', '')
    expect([state, (await see(round)).state, await verdictOf(id)]).toEqual(['rejected', 'rejected', 'deny'])
    rig.now += 30_000
  })

  test('stopped while it is open, and started after its deadline: it ended then', async () => {
    const { id, round } = await propose()
    for (const name of OTHERS) await cast(round, name, 'yes')
    const vote = await signed(round, 'guard', 'yes')
    await rig.stop()
    rig.now += 60_000
    await rig.start({ constitution: directory })
    await beat('guard')
    expectProblem(await send(round, 'guard', vote), 'ROUND_CLOSED', '')
    const { state, certificate, deadline } = await see(round)
    expect([state, certificate?.closed]).toEqual(['rejected', deadline])
    expect(await verdictOf(id)).toBe('deny')
  })
})
