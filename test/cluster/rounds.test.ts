/** Rounds of votes over a real Redis and three sidecars: voters anywhere, any sidecar takes a vote, and whatever comes between there is one outcome. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openRedis } from '../../src/cluster/redis.ts'
import { verifyCertificate } from '../../src/consensus/verify-certificate.ts'
import { ballotOn, signVote } from '../../src/consensus/vote.ts'
import type { ProposalView } from '../../src/protocol/answers.ts'
import type { ActionAnswer } from '../../src/protocol/decision.ts'
import type { Choice, Vote } from '../../src/protocol/proposal.ts'
import { journalLines } from '../chaos/cluster-check.ts'
import type { Answer } from '../support/http.ts'
import { until } from '../support/http.ts'
import { order, quietMarket } from '../support/market.ts'
import { KEYS, LARGE, NAMES, registrationOf, type VoterName } from '../support/quorum.ts'
import { RedisServer } from '../support/redis.ts'
import { OPEN, Rig, UNTHROTTLED } from '../support/sidecar.ts'

const directory = mkdtempSync(join(tmpdir(), 'ephor-rounds-'))
cpSync(UNTHROTTLED, directory, { recursive: true })
writeFileSync(join(directory, 'rules', 'large.yaml'), JSON.stringify({ rules: [LARGE] }))
const options = { constitution: directory, acceptFailingCases: 'a test' }
const rigs = ['one', 'two', 'three'].map(() => new Rig(options))
let redis: RedisServer
let now = OPEN

beforeAll(async () => {
  redis = await RedisServer.start()
  for (const place of rigs.keys()) await startAt(place)
  await at(0).observe(...quietMarket(OPEN))
  for (const name of NAMES) {
    const input = registrationOf(name)
    if (input.kind === 'register') await at(1).post('/v1/agents', 'operator-1', input.registration)
  }
}, 60_000)
beforeEach(async () => {
  setNow(now + 1_000)
  await at(0).observe(...quietMarket(now))
  for (const [place, name] of NAMES.entries()) await at(place).post(`/v1/agents/${name}/heartbeat`, name, {})
})
afterAll(async () => {
  await Promise.all(rigs.map((rig) => rig.end()))
  await redis.end()
  rmSync(directory, { recursive: true, force: true })
})

function at(place: number): Rig {
  return rigs[place % rigs.length] as Rig
}

async function startAt(place: number): Promise<void> {
  const { cluster } = await openRedis({ url: redis.url, name: `sidecar-${place}` })
  await at(place).start({ cluster })
}

function setNow(to: number): void {
  now = to
  for (const rig of rigs) rig.now = to
}

const isHome = (rig: Rig): boolean => rig.running.sidecar.home?.isHere === true
const homePlace = (): number => rigs.findIndex(isHome)

interface Asked {
  readonly id: string
  readonly request: object
  readonly view: ProposalView
}

/** An order that voters are asked about, put to them through the sidecar at `place`, and seen by all. */
async function propose(place: number): Promise<Asked> {
  const request = at(place).request(order())
  const answer = (await at(place).post('/v1/actions', 'alpha', request)).body as ActionAnswer
  expect(answer.verdict).toBe('pending')
  const proposal = answer.proposals?.[0] ?? ''
  for (const rig of rigs)
    await until('all see it', () => rig.running.sidecar.proposalOf(proposal) !== undefined)
  const view = (await at(place).get(`/v1/proposals/${proposal}`)).body as unknown as ProposalView
  return { id: answer.decision, request, view }
}

const ballot = ({ view }: Asked, agent: VoterName, choice: Choice): Vote =>
  signVote(ballotOn(view, agent, choice), KEYS[agent].privateKey)

const cast = (place: number, vote: Vote): Promise<Answer> =>
  at(place).post(`/v1/proposals/${vote.round}/votes`, vote.agent, vote)

/** The round as each sidecar tells it once it is over; the same everywhere. */
async function outcome({ view }: Asked): Promise<ProposalView> {
  const { proposal } = view.proposal
  const tell = (rig: Rig): ProposalView | undefined => rig.running.sidecar.proposalOf(proposal)
  for (const rig of rigs) await until('it is over everywhere', () => tell(rig)?.certificate !== null)
  const [first, ...others] = rigs.map(tell)
  for (const other of others) expect(other).toEqual(first)
  expect(verifyCertificate(first?.certificate)).toMatchObject({ isValid: true })
  const closed = journalLines(at(0).journal).filter(
    (line) => line.includes('"type":"certified"') && line.includes(`"${proposal}"`),
  )
  expect(closed).toHaveLength(1)
  return first as ProposalView
}

test('voters anywhere, one outcome, and who waits anywhere is woken', async () => {
  const home = homePlace()
  const asked = await propose(home + 1)
  const waiting = [home, home + 1, home + 2].map((place) =>
    at(place).post('/v1/actions?waitMs=30000', 'alpha', asked.request),
  )
  const watching = at(home + 2).get(`/v1/decisions/${asked.id}?waitMs=30000`)
  for (const [place, name] of NAMES.entries()) await cast(home + place, ballot(asked, name, 'yes'))
  const answers = await Promise.all(waiting)
  for (const { body } of answers)
    expect(body).toMatchObject({ decision: asked.id, verdict: 'allow', permit: expect.any(String) })
  expect(new Set(answers.map(({ body }) => body.sequence)).size).toBe(1)
  expect((await watching).body).toMatchObject({ decision: { decision: asked.id, verdict: 'allow' } })
  expect((await outcome(asked)).certificate?.outcome).toBe('approved')
})

test('what is doubled and comes in any order counts once', async () => {
  const asked = await propose(0)
  const votes = NAMES.map((name) => ballot(asked, name, name === 'guard' ? 'abstain' : 'yes'))
  // Each vote through each sidecar, all at once.
  const answers = await Promise.all(
    votes.toReversed().flatMap((vote) => [0, 1, 2].map((place) => cast(place, vote))),
  )
  for (const { status, body } of answers)
    expect([200, 'ROUND_CLOSED']).toContain(status === 200 ? 200 : body.code)
  const { certificate } = await outcome(asked)
  const voters = certificate?.votes.map(({ vote }) => vote.agent) ?? []
  expect(new Set(voters).size).toBe(voters.length)
  expect(certificate?.equivocations).toEqual([])
})

test('a voter with two tongues at two sidecars is on record, and counts against', async () => {
  const asked = await propose(2)
  await Promise.all([cast(0, ballot(asked, 'chief', 'yes')), cast(1, ballot(asked, 'chief', 'no'))])
  for (const name of ['quick', 'reader', 'keeper', 'guard'] as const)
    await cast(2, ballot(asked, name, 'yes'))
  setNow(now + 11_000)
  for (const rig of rigs) await rig.pass(1)
  now = at(0).now
  setNow(now)
  const { certificate } = await outcome(asked)
  expect(certificate?.equivocations.map(({ first }) => first.agent)).toEqual(['chief'])
  const evidence = certificate?.equivocations[0]
  expect(new Set([evidence?.first.choice, evidence?.second.choice])).toEqual(new Set(['no', 'yes']))
  const share = certificate?.roster.voters.find(({ agent }) => agent === 'chief')?.weight ?? 0
  expect(share).toBeGreaterThan(0)
  expect(certificate?.tally.yes).toBeLessThanOrEqual(1_000_000 - share)
})

test('weights that change meanwhile change nothing in a round that is open', async () => {
  const asked = await propose(1)
  // A voter leaves, another's role changes: the next round is another, this one is as it opened.
  const retired = await at(2).call('DELETE', '/v1/agents/keeper', 'operator-1', {
    body: { reason: 'a test' },
  })
  expect(retired.status).toBe(200)
  const input = registrationOf('reader')
  if (input.kind === 'register')
    await at(0).post('/v1/agents', 'operator-1', { ...input.registration, role: 'trader', field: undefined })
  for (const [place, name] of (['chief', 'quick', 'guard'] as const).entries())
    await cast(place, ballot(asked, name, 'yes'))
  await cast(0, ballot(asked, 'reader', 'yes'))
  const { certificate } = await outcome(asked)
  expect(certificate?.roster).toEqual(asked.view.roster)
  expect(certificate?.rosterHash).toBe(asked.view.rosterHash)
  for (const name of ['reader', 'keeper'] as const) {
    const again = registrationOf(name)
    if (again.kind === 'register') await at(0).post('/v1/agents', 'operator-1', again.registration)
  }
})

test.each([-1, 0, 1])(
  'a vote at the deadline %i ms has one outcome, by the home’s recorded clock',
  async (ms) => {
    const asked = await propose(0)
    for (const name of ['chief', 'quick'] as const) await cast(1, ballot(asked, name, 'yes'))
    const { deadline } = asked.view
    setNow(deadline + ms)
    // What settles it, and the time that ends it, at once and through different sidecars.
    const votes = (['reader', 'guard', 'keeper'] as const).map((name, place) =>
      cast(place, ballot(asked, name, 'yes')),
    )
    await Promise.all([...votes, ...rigs.map((rig) => rig.pass(0))])
    setNow(deadline + 15_000)
    await at(homePlace()).pass(1)
    setNow(at(homePlace()).now)
    const { certificate } = await outcome(asked)
    for (const { at: voted } of certificate?.votes ?? [])
      expect(voted).toBeLessThan(certificate?.deadline ?? 0)
  },
)

test('when the home goes in the middle, the round goes on at the next', async () => {
  const home = homePlace()
  const asked = await propose(home + 1)
  await cast(home, ballot(asked, 'chief', 'yes'))
  const waiting = at(home + 1).post('/v1/actions?waitMs=30000', 'alpha', asked.request)
  await at(home).stop()
  await until('another is home', () => isHome(at(home + 1)) || isHome(at(home + 2)))
  for (const name of ['quick', 'reader', 'guard', 'keeper'] as const)
    await cast(home + 2, ballot(asked, name, 'yes'))
  expect((await waiting).body).toMatchObject({ decision: asked.id, verdict: 'allow' })
  await startAt(home % 3)
  const { certificate } = await outcome(asked)
  // The vote of before the change of home counts.
  expect(certificate?.votes.map(({ vote }) => vote.agent)).toContain('chief')
})
