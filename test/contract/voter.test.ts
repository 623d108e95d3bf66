/** Agents that vote by `ephor/client` against a real sidecar: ten lines each, and no vote where there is doubt. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { generateKeyPair, privateKeyToPem } from '../../src/base/ed25519.ts'
import {
  ClientError,
  createClient,
  createVoter,
  guard,
  signVote,
  verifyCertificate,
  type Action,
  type Choice,
  type Client,
  type Voter,
  type VoterOptions,
} from '../../src/client/index.ts'
import type { ProposalView } from '../../src/protocol/answers.ts'
import { order, quietMarket } from '../support/market.ts'
import { KEYS, LARGE, NAMES, registrationOf, type VoterName } from '../support/quorum.ts'
import { OPEN, Rig, UNTHROTTLED } from '../support/sidecar.ts'

const directory = mkdtempSync(join(tmpdir(), 'ephor-voter-'))
cpSync(UNTHROTTLED, directory, { recursive: true })
writeFileSync(join(directory, 'rules', 'large.yaml'), JSON.stringify({ rules: [LARGE] }))
const rig = new Rig({ constitution: directory, acceptFailingCases: 'a test' })
const action = order() as Action
const LONG = { waitMs: 30_000 }

let clients: Client[] = []
let voters: Voter[] = []

beforeAll(async () => {
  await rig.start({ constitution: directory })
  await rig.observe(...quietMarket(OPEN))
  for (const name of NAMES) await register(name)
})
beforeEach(async () => {
  for (const name of NAMES) await as(name).heartbeat()
})
afterEach(async () => {
  await Promise.all(voters.map((voter) => voter.close()))
  for (const client of clients) client.close()
  ;[voters, clients] = [[], []]
  const { body } = await rig.get('/v1/proposals')
  for (const { proposal } of (body as { proposals: ProposalView[] }).proposals)
    await rig.call('DELETE', `/v1/proposals/${proposal.proposal}`, 'operator-1', { body: {} })
})
afterAll(async () => {
  await rig.end()
  rmSync(directory, { recursive: true, force: true })
})

async function register(name: VoterName): Promise<void> {
  const input = registrationOf(name)
  if (input.kind === 'register') await rig.post('/v1/agents', 'operator-1', input.registration)
}

function as(name: string): Client {
  const clock = { now: () => rig.now, steadyMicros: () => performance.now() * 1000 }
  // Its socket is where it was after a restart; its port is not.
  const socketPath = join(rig.home, 'ephor.sock')
  const client = createClient({ socketPath, token: rig.token(name), agent: name, clock })
  clients.push(client)
  return client
}

function voter(
  name: VoterName,
  decide: Choice | VoterOptions['decide'],
  more: Partial<VoterOptions> = {},
): Voter {
  const made = createVoter(as(name), {
    privateKey: KEYS[name].privateKey,
    decide: typeof decide === 'string' ? () => decide : decide,
    backoffMs: 1,
    ...more,
  })
  voters.push(made)
  return made
}

async function proposed(): Promise<string> {
  const { verdict, permit, proposals } = await as('alpha').act({ action })
  expect([verdict, permit]).toEqual(['pending', null])
  return proposals?.[0] ?? ''
}

const votesOn = async (proposal: string): Promise<string[]> =>
  (await as('auditor').proposal(proposal)).votes.map(({ agent, choice }) => `${agent} ${choice}`)

describe('voters', () => {
  test('approve what is proposed after they began, and the asker waits for it', async () => {
    for (const name of NAMES) voter(name, 'yes')
    const answer = await as('alpha').act({ action }, LONG)
    expect([answer.verdict, typeof answer.permit]).toEqual(['allow', 'string'])
    const { certificate } = await as('auditor').proposal(answer.approvals?.[0]?.proposal ?? '')
    expect(verifyCertificate(certificate)).toMatchObject({ isValid: true })
  })

  test('look at what was open before they came, once each, with what they decided on', async () => {
    const proposal = await proposed()
    const seen: string[] = []
    voter('chief', ({ proposal: it, roster }) => {
      seen.push(`${it.proposal} ${roster.voters.length}`)
      return 'yes'
    })
    await vi.waitFor(async () => expect(await votesOn(proposal)).toEqual(['chief yes']))
    expect(seen).toEqual([`${proposal} 5`])
  })

  test('reject: the asker is told and nothing is sent; what is pending is not sent either', async () => {
    const sent: unknown[] = []
    const send = async (one: Action): Promise<void> => void sent.push(one)
    const pending = await guard(as('alpha'), send)(action)
    expect([pending.sent, pending.answer?.verdict]).toEqual([false, 'pending'])
    voter('guard', 'no')
    const denied = await guard(as('alpha'), send, LONG)(action)
    expect([denied.sent, denied.answer?.verdict]).toEqual([false, 'deny'])
    expect(sent).toEqual([])
  })

  test('let the guard send what they approve', async () => {
    for (const name of NAMES) voter(name, 'yes')
    const outcome = await guard(as('alpha'), async ({ type }) => type, LONG)(action)
    expect(outcome).toMatchObject({ sent: true, result: 'order' })
  })

  test('go on after the sidecar was away, and vote on nothing twice', async () => {
    const told: unknown[] = []
    const asked: string[] = []
    const first = await proposed()
    const decide: VoterOptions['decide'] = ({ proposal }) => {
      asked.push(proposal.proposal)
      return 'abstain'
    }
    voter('chief', decide, { onError: (error) => told.push(error) })
    await vi.waitFor(async () => expect(await votesOn(first)).toEqual(['chief abstain']))
    await rig.stop()
    await vi.waitFor(() => expect(told.length).toBeGreaterThan(0))
    await rig.start({ constitution: directory })
    const second = await proposed()
    await vi.waitFor(async () => expect(await votesOn(second)).toEqual(['chief abstain']))
    expect(asked).toEqual([first, second])
  })
})

describe('there is no vote', () => {
  /** Whether `chief` has voted by the time that `quick`, who is asked after, has. */
  async function choicesBeside(
    decide: VoterOptions['decide'],
    more: Partial<VoterOptions> = {},
  ): Promise<{ votes: string[]; told: unknown[] }> {
    const told: unknown[] = []
    const proposal = await proposed()
    let asked = (): void => undefined
    const isAsked = new Promise<void>((done) => (asked = done))
    voter(
      'chief',
      async (view) => {
        asked()
        return decide(view)
      },
      {
        ...more,
        onError: (error) => {
          told.push(error)
          asked()
        },
      },
    )
    await isAsked
    voter('quick', 'yes')
    await vi.waitFor(async () => expect(await votesOn(proposal)).toContain('quick yes'))
    await voters[0]?.close()
    return { votes: await votesOn(proposal), told }
  }

  test('where `decide` throws, and that is told', async () => {
    const { votes, told } = await choicesBeside(() => {
      throw new Error('no idea')
    })
    expect([votes, told]).toEqual([['quick yes'], [new Error('no idea')]])
  })

  test('where `decide` wants none, or says what is no choice', async () => {
    const none = await choicesBeside(() => undefined)
    expect([none.votes, none.told]).toEqual([['quick yes'], []])
  })

  test('where `decide` says what is no choice', async () => {
    const { votes, told } = await choicesBeside(() => 'perhaps' as Choice)
    expect([votes, told.length]).toEqual([['quick yes'], 1])
  })

  test('with another key than the roster has', async () => {
    const { votes, told } = await choicesBeside(() => 'yes', { privateKey: generateKeyPair().privateKey })
    expect(votes).toEqual(['quick yes'])
    expect(String(told[0])).toContain('the key of `chief` in the roster is another')
  })

  test.each<[string, (view: ProposalView) => ProposalView, string]>([
    [
      'another subject than the digest is of',
      (view) => ({
        ...view,
        proposal: { ...view.proposal, subject: { kind: 'resume', halt: 'h-1', reason: 'x' } },
      }),
      'the digest is not that of what is proposed',
    ],
    [
      'another roster than the hash is of',
      (view) => ({ ...view, roster: { ...view.roster, guardians: [] } }),
      'the roster’s hash is not that of the roster',
    ],
  ])('when it is shown %s', async (_, forge, problem) => {
    const proposal = await proposed()
    const told: unknown[] = []
    const honest = as('chief')
    const lying: Client = {
      ...honest,
      proposals: async () => {
        const answer = await honest.proposals()
        return { ...answer, proposals: answer.proposals.map(forge) }
      },
    }
    const made = createVoter(lying, {
      privateKey: KEYS.chief.privateKey,
      decide: () => 'yes',
      onError: (error) => told.push(error),
    })
    voters.push(made)
    await vi.waitFor(() => expect(String(told[0])).toContain(problem))
    expect(await votesOn(proposal)).toEqual([])
  })

  test('by one who has given his vote away: he is not asked', async () => {
    expect(await as('reader').delegate('execution', 'quick')).toMatchObject({ field: 'execution' })
    const proposal = await proposed()
    const decide = vi.fn<() => Choice>(() => 'yes')
    voter('reader', decide)
    voter('quick', 'yes')
    await vi.waitFor(async () => expect(await votesOn(proposal)).toEqual(['quick yes']))
    expect(decide).not.toHaveBeenCalled()
    await as('alpha').withdraw(proposal)
    expect(await as('reader').revoke('execution')).toMatchObject({ agent: 'reader' })
  })
})

describe('a client', () => {
  test('votes by hand, withdraws and cancels', async () => {
    const proposal = await proposed()
    const chief = as('chief')
    expect((await chief.proposals()).proposals.map(({ proposal: it }) => it.proposal)).toEqual([proposal])
    const { proposal: it, rosterHash: roster } = await chief.proposal(proposal)
    const { digest, constitution } = it
    const vote = signVote(
      { schema: 1, round: proposal, agent: 'chief', choice: 'yes', digest, constitution, roster },
      KEYS.chief.privateKey,
    )
    expect(await chief.vote(vote)).toMatchObject({ state: 'open', repeated: false })
    expect(await chief.vote(vote)).toMatchObject({ repeated: true })
    expect(await as('alpha').withdraw(proposal)).toMatchObject({ state: 'withdrawn' })
    const other = await proposed()
    await expect(as('quick').cancel(other)).rejects.toMatchObject({ code: 'GUARDIAN_ONLY' })
    expect(await chief.cancel(other)).toMatchObject({ state: 'cancelled' })
    await expect(chief.vote({ ...vote, signature: 'x' })).rejects.toMatchObject({ code: 'BODY_INVALID' })
  })

  test('waits in bounds', async () => {
    for (const waitMs of [-1, 0.5, 60_001, Number.NaN])
      await expect(as('alpha').act({ action }, { waitMs })).rejects.toMatchObject({ code: 'BODY_INVALID' })
    expect((await as('alpha').act({ action }, { waitMs: 1 })).verdict).toBe('pending')
  })

  test('hears events from where it left off, until it stops listening', async () => {
    const after = rig.running.sidecar.durableSequence
    const proposal = await proposed()
    await as('alpha').withdraw(proposal)
    const heard: string[] = []
    for await (const { event, id } of await as('chief').events({ after })) {
      expect(id).toBeGreaterThan(after)
      heard.push(event)
      if (event === 'certificate') break
    }
    expect(heard).toEqual(['proposal', 'stop', 'certificate'])
    const stop = new AbortController()
    const silent = await as('chief').events({ signal: stop.signal })
    stop.abort()
    const rest = async (): Promise<void> => {
      for await (const { event } of silent) heard.push(event)
    }
    await expect(rest()).rejects.toBeInstanceOf(ClientError)
    const stranger = createClient({ url: rig.base, token: 'nobody' })
    await expect(stranger.events()).rejects.toMatchObject({ code: 'TOKEN_UNKNOWN', status: 401 })
    stranger.close()
    await expect(stranger.events()).rejects.toMatchObject({ code: 'SIDECAR_UNREACHABLE' })
  })
})

test('the ten lines of docs/client.md vote', async () => {
  const text = readFileSync(new URL('../../docs/client.md', import.meta.url), 'utf8')
  const lines = /## A voter[\s\S]*?```js\n([\s\S]*?)```/.exec(text)?.[1] ?? ''
  expect(lines.trim().split('\n').length).toBeLessThanOrEqual(10)
  const program = lines.replaceAll(/^import .*$/gm, '').replace(/^const voter = /m, 'return ')
  const files: Record<string, string> = {
    '.ephor/tokens/guard': rig.token('guard'),
    'guard.pem': privateKeyToPem(KEYS.guard.privateKey),
  }
  const { createPrivateKey } = await import('node:crypto')
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the lines as they stand
  const run = new Function('readFileSync', 'createPrivateKey', 'createClient', 'createVoter', program)
  const made = run(
    (path: string) => files[path] ?? path,
    createPrivateKey,
    (target: { token: string }) => {
      const client = createClient({ ...target, url: rig.base, agent: 'guard' })
      clients.push(client)
      return client
    },
    createVoter,
  ) as Voter
  voters.push(made)
  const { verdict, reasons } = await as('alpha').act({ action: { ...action, quantity: 900 } as Action }, LONG)
  expect([verdict, reasons.at(-1)?.code]).toEqual(['deny', 'QUORUM_REJECTED'])
})
