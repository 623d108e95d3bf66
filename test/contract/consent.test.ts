/** What takes more than its author over HTTP: another constitution, other policies for votes, an exception, by vote or by two people. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { verifyHome } from '../../src/cli/verify-home.ts'
import { createClient, type Client } from '../../src/client/index.ts'
import { ballotOn, signVote } from '../../src/consensus/vote.ts'
import type { ProposalView } from '../../src/protocol/answers.ts'
import type { Choice } from '../../src/protocol/proposal.ts'
import { expectProblem, until } from '../support/http.ts'
import { quietMarket } from '../support/market.ts'
import { KEYS, NAMES, registrationOf, type VoterName } from '../support/quorum.ts'
import { OPEN, POLICIES, Rig, UNTHROTTLED } from '../support/sidecar.ts'

let rig: Rig
let root: string
let constitution: string
let policies: string

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'ephor-consent-'))
  constitution = join(root, 'constitution')
  policies = join(root, 'policies')
  cpSync(UNTHROTTLED, constitution, { recursive: true })
  cpSync(POLICIES, policies, { recursive: true })
  rig = new Rig({ constitution })
  await rig.start({ constitution, policies })
  await rig.observe(...quietMarket(OPEN))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rig.end()
  rmSync(root, { recursive: true, force: true })
})

async function register(...names: VoterName[]): Promise<void> {
  for (const name of names) {
    const input = registrationOf(name)
    if (input.kind === 'register') await rig.post('/v1/agents', 'operator-1', input.registration)
    await rig.post(`/v1/agents/${name}/heartbeat`, name, {})
  }
}

/** Everybody votes, until it is decided. */
async function vote(proposal: string, choice: Choice): Promise<ProposalView> {
  const path = `/v1/proposals/${proposal}`
  const see = async (): Promise<ProposalView> => (await rig.get(path)).body as unknown as ProposalView
  for (const name of NAMES) {
    const view = await see()
    if (view.state !== 'open') break
    const ballot = signVote(ballotOn(view, name, choice), KEYS[name].privateKey)
    expect((await rig.post(`${path}/votes`, name, ballot)).status).toBe(200)
  }
  return see()
}

function edit(file: string, what: string | RegExp, by: string): void {
  const before = readFileSync(file, 'utf8')
  const after = before.replace(what, by)
  expect(after).not.toBe(before)
  writeFileSync(file, after)
}
const raiseVersion = (to: string): void =>
  edit(join(constitution, 'constitution.yaml'), /version: .*/, `version: "${to}"`)
const inForce = async (): Promise<unknown> => (await rig.get('/v1/constitution')).body.constitution

async function verified(): Promise<{ ok: boolean; text: string }> {
  let text = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk)
    return true
  })
  await rig.stop()
  const ok = await verifyHome(rig.home, { chainOnly: false })
  vi.restoreAllMocks()
  return { ok, text }
}

test('a constitution that agents approve comes into force by itself, under just the hash they approved', async () => {
  await register(...NAMES)
  const before = await inForce()
  raiseVersion('8.0.0')
  const asked = await rig.post('/v1/constitution', 'author', { reason: 'the yearly review' })
  expect([asked.status, asked.body]).toMatchObject([202, { activated: false, waitsFor: 'quorum' }])
  const { proposal, constitution: hash } = asked.body as { proposal: string; constitution: string }
  expect(await inForce()).toBe(before)
  expectProblem(await rig.post('/v1/constitution', 'author', {}), 'ROUND_EXISTS', proposal)
  expect((await vote(proposal, 'yes')).state).toBe('approved')
  await until('it is in force', async () => (await inForce()) === hash)
  const { ok, text } = await verified()
  expect([ok, text]).toEqual([true, expect.stringContaining('1 certificate counted again')])
})

test('where the directory changed since they were asked, nothing comes into force by itself; the text they approved still may', async () => {
  await register(...NAMES)
  const before = await inForce()
  raiseVersion('8.0.0')
  const { body } = await rig.post('/v1/constitution', 'author', {})
  raiseVersion('9.0.0')
  await vote(String(body.proposal), 'yes')
  // What comes after it is answered after it was tried.
  expectProblem(
    await rig.post('/v1/constitution', 'author', { hash: body.constitution }),
    'CONSTITUTION_INVALID',
    'not',
  )
  expect(await inForce()).toBe(before)
  raiseVersion('8.0.0')
  expect((await rig.post('/v1/constitution', 'author', {})).body).toMatchObject({ activated: true })
  expect(await inForce()).toBe(body.constitution)
})

test('what was approved before a restart is tried again at the start', async () => {
  await register(...NAMES)
  raiseVersion('8.0.0')
  const { body } = await rig.post('/v1/constitution', 'author', {})
  raiseVersion('9.0.0')
  await vote(String(body.proposal), 'yes')
  await rig.stop()
  raiseVersion('8.0.0')
  await rig.start({ constitution, policies })
  await until('it is in force', async () => (await inForce()) === body.constitution)
  expect((await verified()).ok).toBe(true)
})

test('what agents refuse, or its author withdraws, changes nothing', async () => {
  await register(...NAMES)
  const before = await inForce()
  raiseVersion('8.0.0')
  const first = await rig.post('/v1/constitution', 'author', {})
  expect((await vote(String(first.body.proposal), 'no')).state).toBe('rejected')
  const second = await rig.post('/v1/constitution', 'author', {})
  expect(second.status).toBe(202)
  const path = `/v1/proposals/${String(second.body.proposal)}`
  expect((await rig.call('DELETE', path, 'author', { body: {} })).body).toMatchObject({ state: 'withdrawn' })
  expect(await inForce()).toBe(before)
  expect((await verified()).ok).toBe(true)
})

test('where agents are registered and too few can vote, two people put it in force, each with a reason', async () => {
  await register('chief')
  const before = await inForce()
  raiseVersion('8.0.0')
  const call = (as: string, body: object = {}) => rig.post('/v1/constitution', as, body)
  expectProblem(await call('author'), 'SECOND_PERSON_NEEDED', '`reason`')
  expectProblem(await call('operator-1', { reason: 'x' }), 'SECOND_PERSON_NEEDED', 'author')
  const asked = await call('author', { reason: 'the yearly review' })
  expect([asked.status, asked.body]).toMatchObject([202, { activated: false, waitsFor: 'person' }])
  expectProblem(await call('author', { reason: 'again' }), 'SECOND_PERSON_NEEDED', '`author`')
  expect(await inForce()).toBe(before)
  const done = await call('operator-1', { reason: 'read it' })
  expect([done.status, done.body]).toMatchObject([200, { activated: true }])
  expect(await inForce()).toBe(done.body.constitution)
  expect((await verified()).ok).toBe(true)
})

test('who bears the name of an agent asks for nothing', async () => {
  await register(...NAMES)
  // Through another sidecar, whose tokens know no such author.
  const registration = { agent: 'author', role: 'trader' as const, strategies: [] }
  await rig.running.sidecar.submit({ kind: 'register', registration, by: 'operator-1' })
  raiseVersion('8.0.0')
  expectProblem(await rig.post('/v1/constitution', 'author', {}), 'PROPOSER_IS_AGENT', '`author`')
})

test('policies for votes are changed by those whom they name', async () => {
  await register(...NAMES)
  const inForceBefore = (await rig.get('/v1/policies/consensus')).body.policy
  edit(join(policies, 'consensus.yaml'), 'minimumVoters: 4', 'minimumVoters: 2')
  const asked = await rig.post('/v1/policies/consensus', 'author', { reason: 'one is on leave' })
  expect([asked.status, asked.body]).toMatchObject([202, { activated: false, waitsFor: 'quorum' }])
  expect((await rig.get('/v1/policies/consensus')).body.policy).toBe(inForceBefore)
  await vote(String(asked.body.proposal), 'yes')
  await until(
    'they are in force',
    async () => (await rig.get('/v1/policies/consensus')).body.policy === asked.body.policy,
  )
  expect((await verified()).ok).toBe(true)
})

test('agents decide on an optimizer that moves orders; that it only looks is its author’s word', async () => {
  await register(...NAMES)
  const path = '/v1/policies/optimizer'
  const inForceNow = async (): Promise<unknown> => (await rig.get(path)).body.policy
  const before = await inForceNow()
  edit(join(policies, 'optimizer.yaml'), 'mode: shadow', 'mode: on')
  const asked = await rig.post(path, 'author', { reason: 'the shadow saves' })
  expect([asked.status, asked.body]).toMatchObject([202, { activated: false, waitsFor: 'quorum' }])
  expect(await inForceNow()).toBe(before)
  await vote(String(asked.body.proposal), 'yes')
  await until('it is in force', async () => (await inForceNow()) === asked.body.policy)
  edit(join(policies, 'optimizer.yaml'), 'mode: on', 'mode: shadow')
  expectProblem(await rig.post(path, 'operator-1', { reason: 'x' }), 'SECOND_PERSON_NEEDED', 'an author')
  expect((await rig.post(path, 'author', {})).body).toMatchObject({ policy: before, activated: true })
  const { ok, text } = await verified()
  expect([ok, text]).toEqual([true, expect.stringContaining('1 certificate counted again')])
})

test('an exception is voted on, and the client tells what waits', async () => {
  await register(...NAMES)
  const clients: Client[] = []
  const as = (name: string): Client => {
    const client = createClient({ url: rig.base, token: rig.token(name) })
    clients.push(client)
    return client
  }
  const operator = as('operator-1')
  const asked = await operator.proposeGrant({
    rule: 'position-cap',
    scope: { account: 'main' },
    upTo: 2_500_000,
    until: OPEN + 3_600_000,
    uses: 1,
    reason: 'the index changes at the close',
  })
  expect(asked).toMatchObject({ state: 'proposed', proposal: expect.any(String) })
  await expect(as('operator-2').approveGrant(asked.grant, 'fine')).rejects.toMatchObject({
    code: 'GRANT_FOR_QUORUM',
  })
  await vote(asked.proposal ?? '', 'yes')
  const { grants } = await operator.grants()
  expect(grants).toMatchObject([{ state: 'live', approved: { operator: asked.proposal } }])
  raiseVersion('8.0.0')
  const activation = await as('author').activate({ reason: 'the yearly review' })
  expect(activation).toMatchObject({ activated: false, waitsFor: 'quorum', proposal: expect.any(String) })
  await expect(operator.withdraw(activation.proposal ?? '')).rejects.toMatchObject({ code: 'PROPOSER_ONLY' })
  expect(await operator.cancel(activation.proposal ?? '')).toMatchObject({ state: 'cancelled' })
  expect((await verified()).ok).toBe(true)
  for (const client of clients) client.close()
})

test('routes are put in force by those who vote, and route what is proposed from then on', async () => {
  const file = join(policies, 'routing.yaml')
  const put = (body: object = {}) => rig.post('/v1/policies/routing', 'author', body)
  const shipped = (await rig.get('/v1/policies/routing')).body
  expect(shipped.routes).toMatchObject([
    { id: 'coins', policy: 'large-orders', ask: ['execution', 'market'] },
  ])
  expect((await put()).body).toEqual({ schema: 1, policy: shipped.policy, activated: false })
  edit(file, "instrument.class == 'crypto'", "instrument.klass == 'crypto'")
  expectProblem(
    await put(),
    'POLICY_INVALID',
    /routing\.yaml:\d+:11: .*`instrument\.klass`.*`instrument\.class`/,
  )
  edit(file, "instrument.klass == 'crypto'", "instrument.class == 'equity'")
  expectProblem(await put({ hash: shipped.policy }), 'POLICY_INVALID', 'not')
  // Nobody is registered who could vote on it.
  const done = await put()
  expect([done.status, done.body]).toMatchObject([200, { activated: true }])
  await register(...NAMES)
  edit(file, '[market, execution]', '[market]')
  const asked = await put({ reason: 'less to do' })
  expect([asked.status, asked.body]).toMatchObject([202, { waitsFor: 'quorum' }])
  expect((await rig.get('/v1/policies/routing')).body.policy).toBe(done.body.policy)
  await vote(String(asked.body.proposal), 'yes')
  await until(
    'they are in force',
    async () => (await rig.get('/v1/policies/routing')).body.policy === asked.body.policy,
  )
  await rig.stop()
  await rig.start({ constitution, policies })
  expect((await rig.get('/v1/policies/routing')).body.policy).toBe(asked.body.policy)
  expect((await verified()).ok).toBe(true)
})

test('a first start with routes that do not read under its constitution does not start, and leaves nothing in force', async () => {
  const other = new Rig({ constitution })
  edit(join(policies, 'routing.yaml'), 'instrument.class', 'instrument.klass')
  await expect(other.start({ constitution, policies })).rejects.toMatchObject({ code: 'POLICY_INVALID' })
  edit(join(policies, 'routing.yaml'), 'instrument.klass', 'instrument.class')
  await other.start({ constitution, policies })
  expect((await other.get('/v1/policies/routing')).status).toBe(200)
  await other.end()
})
