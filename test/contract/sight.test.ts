/** Who reads which proposals, over HTTP and in the stream of events: for each role, and for agents that are asked, may cancel, proposed, or none of these. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ballotOn, signVote } from '../../src/consensus/vote.ts'
import type { ProposalView } from '../../src/protocol/answers.ts'
import type { ActionAnswer } from '../../src/protocol/decision.ts'
import { expectProblem } from '../support/http.ts'
import { order, quietMarket } from '../support/market.ts'
import { KEYS, LARGE, NAMES, registrationOf } from '../support/quorum.ts'
import { OPEN, Rig, UNTHROTTLED } from '../support/sidecar.ts'
import { eventsOf } from '../support/events.ts'

const directory = mkdtempSync(join(tmpdir(), 'ephor-sight-'))
cpSync(UNTHROTTLED, directory, { recursive: true })
writeFileSync(join(directory, 'rules', 'large.yaml'), JSON.stringify({ rules: [LARGE] }))
const rig = new Rig({ constitution: directory, acceptFailingCases: 'a test' })
let proposal: string
let other: string

/** An order that is put to the vote, by `agent`. */
async function propose(agent: string): Promise<string> {
  const { body } = await rig.post('/v1/actions', agent, { ...rig.request(order()), agent })
  expect(body).toMatchObject({ verdict: 'pending' })
  return (body as unknown as ActionAnswer).proposals?.[0] ?? ''
}

async function vote(id: string, agent: (typeof NAMES)[number]): Promise<void> {
  const view = (await rig.get(`/v1/proposals/${id}`, agent)).body as unknown as ProposalView
  const ballot = signVote(ballotOn(view, agent, 'no'), KEYS[agent].privateKey)
  expect((await rig.post(`/v1/proposals/${id}/votes`, agent, ballot)).status).toBe(200)
}

beforeAll(async () => {
  await rig.start({ constitution: directory })
  await rig.observe(...quietMarket(OPEN))
  for (const name of NAMES) {
    const input = registrationOf(name)
    if (input.kind === 'register') await rig.post('/v1/agents', 'operator-1', input.registration)
  }
})
beforeEach(async () => {
  for (const name of NAMES) await rig.post(`/v1/agents/${name}/heartbeat`, name, {})
})
afterAll(async () => {
  await rig.end()
  rmSync(directory, { recursive: true, force: true })
})

const ASKED = ['chief', 'guard', 'keeper', 'quick', 'reader'] as const
const PEOPLE = ['operator-1', 'author', 'auditor'] as const

describe('a proposal', () => {
  beforeAll(async () => {
    for (const name of NAMES) await rig.post(`/v1/agents/${name}/heartbeat`, name, {})
    proposal = await propose('alpha')
    other = await propose('hedger')
  })
  const listed = async (as: string): Promise<string[]> => {
    const { proposals } = (await rig.get('/v1/proposals', as)).body as { proposals: ProposalView[] }
    return proposals.map(({ proposal: it }) => it.proposal).toSorted()
  }

  test.each([...ASKED, ...PEOPLE])('is seen by %s', async (as) => {
    expect((await rig.get(`/v1/proposals/${proposal}`, as)).status).toBe(200)
    expect((await rig.get(`/v1/proposals/${other}`, as)).status).toBe(200)
    expect(await listed(as)).toEqual([proposal, other].toSorted())
  })

  test('is seen by who proposed it, and by no agent that it does not concern', async () => {
    expect((await rig.get(`/v1/proposals/${proposal}`, 'alpha')).status).toBe(200)
    expect(await listed('alpha')).toEqual([proposal])
    expectProblem(await rig.get(`/v1/proposals/${other}`, 'alpha'), 'ROUND_UNKNOWN', other)
    expectProblem(await rig.get(`/v1/proposals/${proposal}`, 'hedger'), 'ROUND_UNKNOWN', proposal)
    expect(await listed('hedger')).toEqual([other])
  })

  test('is not for feeders', async () => {
    expectProblem(await rig.get(`/v1/proposals/${proposal}`, 'feed-nyse'), 'ROLE_FORBIDDEN', '')
    expectProblem(await rig.get('/v1/proposals', 'feed-nyse'), 'ROLE_FORBIDDEN', '')
  })
})

test('events tell each what concerns it: live, and from the journal', async () => {
  const before = rig.running.sidecar.durableSequence
  const all = ['alpha', 'hedger', 'feed-nyse', 'auditor', 'chief'] as const
  const isOver = (events: readonly { event: string }[]): boolean => events.at(-1)?.event === 'halt'
  const live = all.map((as) => eventsOf(rig, as, before, isOver))
  const mine = await propose('alpha')
  await vote(mine, 'guard')
  const stopped = await propose('hedger')
  await rig.call('DELETE', `/v1/proposals/${stopped}`, 'hedger', { body: {} })
  const halt = { scope: { kind: 'account', name: 'other' }, state: 'halted', reason: 'a drill' }
  expect((await rig.post('/v1/halts', 'operator-1', halt)).status).toBe(200)
  const round = ['proposal', 'vote', 'certificate']
  const gone = ['proposal', 'stop', 'certificate']
  const expected = {
    alpha: [...round, 'verdict', 'halt'],
    hedger: [...gone, 'verdict', 'halt'],
    'feed-nyse': ['halt'],
    auditor: [...round, 'verdict', ...gone, 'verdict', 'halt'],
    chief: [...round, ...gone, 'halt'],
  }
  const kinds = async (as: (typeof all)[number], index: number): Promise<void> => {
    expect((await live[index])?.map(({ event }) => event)).toEqual(expected[as])
    const again = await eventsOf(rig, as, before, isOver)
    expect(again.map(({ event }) => event)).toEqual(expected[as])
    const text = again.map(({ data }) => data).join()
    if (!expected[as].includes('stop')) expect(text).not.toContain(stopped)
    if (!expected[as].includes('vote')) expect(text).not.toContain(mine)
  }
  for (const [index, as] of all.entries()) await kinds(as, index)
})
