import { describe, expect, test } from 'vitest'
import {
  agentWith,
  AT,
  freeze,
  keysOf,
  nameOf,
  opened,
  policyWith,
  proposalWith,
  rosterOf,
  signedVoteIn,
  SUBJECT,
  UNSIGNED,
  voteIn,
  voting,
} from '../../test/support/consensus.ts'
import { Vote, type Choice } from '../protocol/proposal.ts'
import type { OpenRound, Round, RoundEffect, RoundEvent } from './round-state.ts'
import { openRound, step } from './round.ts'
import { verifyVote } from './vote.ts'

const [A, B, C] = [nameOf(0), nameOf(1), nameOf(2)]
const policy = policyWith({ minimumVoters: 2 })
const round = opened(policy, rosterOf(policy, [4, 3, 3]))

const run = (start: Round, ...events: readonly RoundEvent[]): [Round, RoundEffect[]] =>
  events.reduce<[Round, RoundEffect[]]>(
    ([before, effects], event) => {
      const [after, more] = step(before, event)
      return [after, [...effects, ...more]]
    },
    [start, []],
  )
const yes = (agent: string, at = AT + 1): RoundEvent => voting(voteIn(round, agent, 'yes'), at)
const no = (agent: string, at = AT + 1): RoundEvent => voting(voteIn(round, agent, 'no'), at)

describe('a vote that does not count', () => {
  const vote = voteIn(round, A, 'yes')
  const delegating = freeze({
    policy,
    agents: ['a', 'b', 'c'].map((name) => agentWith(name)),
    delegations: [{ from: 'a', to: 'b', field: 'execution' }],
  })

  test.each<[string, RoundEvent, string]>([
    ['a stranger’s', voting({ ...vote, agent: 'stranger' }, AT + 1), 'VOTER_UNKNOWN'],
    ['a retired agent’s', voting(vote, AT + 1, 'retired'), 'VOTER_RETIRED'],
    ['one with a wrong key', voting(vote, AT + 1, 'forged'), 'VOTE_SIGNATURE_INVALID'],
    ['for another round', voting({ ...vote, round: 'q-2' }, AT + 1), 'ROUND_DIFFERS'],
    ['for another digest', voting({ ...vote, digest: 'd'.repeat(64) }, AT + 1), 'VOTE_DIGEST_DIFFERS'],
    [
      'under another constitution',
      voting({ ...vote, constitution: 'd'.repeat(64) }, AT + 1),
      'VOTE_CONSTITUTION_DIFFERS',
    ],
    ['for other weights', voting({ ...vote, roster: 'd'.repeat(64) }, AT + 1), 'VOTE_ROSTER_DIFFERS'],
    ['from before the round', voting(vote, AT - 1), 'VOTE_EARLY'],
  ])('%s', (_, event, code) => {
    const [after, effects] = step(round, event)
    expect(after).toBe(round)
    expect(effects).toMatchObject([{ type: 'refused', code }])
  })

  test('of one whose vote another casts', () => {
    if ('code' in delegating) throw new Error(delegating.code)
    const delegated = opened(policy, delegating)
    expect(step(delegated, voting(voteIn(delegated, 'a', 'no'), AT + 1))[1]).toMatchObject([
      { code: 'VOTER_DELEGATED' },
    ])
  })

  test('at the deadline: the round was counted before', () => {
    const [after, effects] = run(round, yes(A), yes(B, round.deadline))
    expect(effects.slice(1)).toMatchObject([
      { type: 'closed', outcome: 'rejected' },
      { code: 'ROUND_CLOSED' },
    ])
    expect(after).toMatchObject({ state: 'rejected', closed: round.deadline, reason: 'quorum' })
  })

  test.each<[string, unknown]>([
    ['nothing', null],
    ['no choice', { ...vote, choice: undefined }],
    ['another choice', { ...vote, choice: 'maybe' }],
    ['a key more', { ...vote, weight: 5 }],
    ['another version', { ...vote, schema: 2 }],
    ['a short signature', { ...vote, signature: 'AAAA' }],
    // The last letter carries four bits that no signature uses: another text for the same bytes.
    ['a signature in another writing', { ...vote, signature: `${'A'.repeat(85)}B` }],
    ['a name that is none', { ...vote, agent: '' }],
  ])('malformed: %s', (_, given) => {
    expect(Vote.safeParse(given).success).toBe(false)
    expect(Vote.safeParse(vote).success).toBe(true)
  })
})

describe('signatures', () => {
  const vote = signedVoteIn(round, A, 'yes')
  const { publicKey } = keysOf(A)

  test('hold for the whole vote and its voter', () => {
    expect(verifyVote(vote, publicKey)).toBe(true)
    expect(verifyVote(vote, round.opening.frozen.byName.get(A)?.publicKey ?? '')).toBe(true)
    expect(verifyVote(vote, keysOf(B).publicKey)).toBe(false)
    expect(verifyVote({ ...vote, signature: UNSIGNED }, publicKey)).toBe(false)
    expect(verifyVote(vote, 'no key')).toBe(false)
  })

  test.each([
    { choice: 'no' as const },
    { round: 'q-2' },
    { agent: B },
    { digest: 'd'.repeat(64) },
    { constitution: 'd'.repeat(64) },
    { roster: 'd'.repeat(64) },
  ])('do not hold once %j is changed', (changed) => {
    expect(verifyVote({ ...vote, ...changed }, publicKey)).toBe(false)
  })
})

describe('closing', () => {
  test('early, once nothing can change it', () => {
    const [after, effects] = run(round, yes(A), yes(B, AT + 7))
    expect(effects.map(({ type }) => type)).toEqual(['counted', 'counted', 'closed'])
    expect(after).toMatchObject({
      state: 'approved',
      closed: AT + 7,
      envelope: {
        digest: round.opening.proposal.digest,
        until: AT + 7 + 60_000,
        constitution: 'c'.repeat(64),
      },
    })
  })

  test('early, once it cannot be reached', () => {
    expect(run(round, no(A))[0]).toMatchObject({ state: 'rejected', reason: 'quorum', closed: AT + 1 })
  })

  test('a veto at once; who has one and says nothing, or neither, lets nothing pass', () => {
    const veto = policyWith({ vetoes: ['risk'] })
    const start = opened(veto, rosterOf(veto, [4, 3, 3], [2]))
    const say = (agent: string, choice: Choice) => voting(voteIn(start, agent, choice), AT + 1)
    expect(run(start, say(C, 'no'))[0]).toMatchObject({ state: 'rejected', reason: 'veto' })
    const [waiting] = run(start, say(A, 'yes'), say(B, 'yes'))
    expect(waiting.state).toBe('open')
    expect(step(waiting, { type: 'tick', at: start.deadline })[0]).toMatchObject({
      state: 'rejected',
      reason: 'consent',
    })
    expect(run(waiting, say(C, 'abstain'))[0]).toMatchObject({ state: 'rejected', reason: 'consent' })
    expect(run(waiting, say(C, 'yes'))[0].state).toBe('approved')
  })

  test('of two with a veto the yes of both, or by the policy of one: then at the deadline, since the other still could', () => {
    for (const [consent, end] of [
      ['all', { state: 'rejected', reason: 'consent' }],
      ['one', { state: 'approved' }],
    ] as const) {
      const veto = policyWith({ vetoes: ['risk'], consent })
      const start = opened(veto, rosterOf(veto, [4, 3, 3], [1, 2]))
      const say = (agent: string) => voting(voteIn(start, agent, 'yes'), AT + 1)
      const [waiting] = run(start, say(A), say(B))
      expect(waiting.state).toBe('open')
      expect(step(waiting, { type: 'tick', at: start.deadline })[0]).toMatchObject(end)
    }
  })

  test('silence rejects', () => {
    expect(step(round, { type: 'tick', at: round.deadline })[0]).toMatchObject({
      state: 'rejected',
      reason: 'quorum',
    })
  })

  test('a tie rejects', () => {
    const low = policyWith({ quorum: [1, 3] })
    const start = opened(low, rosterOf(low, [1, 1, 1, 1]))
    const say = (index: number, choice: 'yes' | 'no') => voting(voteIn(start, nameOf(index), choice), AT + 1)
    const [after] = run(start, say(0, 'yes'), say(1, 'yes'), say(2, 'no'), say(3, 'no'))
    expect(after).toMatchObject({ state: 'rejected', reason: 'support' })
  })
})

describe('equivocation', () => {
  test('before the close counts as against, and is kept', () => {
    const [after, effects] = run(round, yes(A), no(A, AT + 2))
    expect(effects[1]).toMatchObject({
      type: 'equivocated',
      counts: true,
      evidence: { first: { choice: 'yes' }, second: { choice: 'no' }, at: AT + 2 },
    })
    expect(after).toMatchObject({ state: 'rejected', tally: { yes: 0, no: 400_000 } })
  })

  test('by a veto is a veto', () => {
    const veto = policyWith({ vetoes: ['risk'] })
    const start = opened(veto, rosterOf(veto, [4, 3, 3], [2]))
    const say = (choice: 'yes' | 'abstain') => voting(voteIn(start, C, choice), AT + 1)
    expect(run(start, say('yes'), say('abstain'))[0]).toMatchObject({ state: 'rejected', reason: 'veto' })
  })

  test('after the close is evidence, once, and nothing else', () => {
    const [closed] = run(round, yes(A), yes(B))
    const [after, effects] = run(closed, no(A), no(A, AT + 9), yes(A))
    expect(effects).toMatchObject([
      { type: 'equivocated', counts: false },
      { type: 'repeated' },
      { type: 'repeated' },
    ])
    expect(after).toMatchObject({ state: 'approved', tally: { yes: 700_000 } })
    expect(after.state !== 'open' && after.late.size).toBe(1)
  })

  test('the same vote again is none', () => {
    const [once] = run(round, yes(A))
    const [twice, effects] = step(once, yes(A, AT + 5))
    expect(twice).toBe(once)
    expect(effects).toEqual([{ type: 'repeated', agent: A }])
  })
})

describe('withdrawing and cancelling', () => {
  const withdraw = (by: string, at = AT + 1): RoundEvent => ({ type: 'withdraw', by, at })
  const cancel = (by: string, isOperator = false, at = AT + 1): RoundEvent => ({
    type: 'cancel',
    by,
    isOperator,
    at,
  })

  test('by the proposer, by a guardian, by an operator; by nobody else', () => {
    const made = freeze({
      policy,
      agents: [
        ...['a', 'b', 'c'].map((name) => agentWith(name)),
        agentWith('chief', { role: 'coordinator' }),
      ],
    })
    if ('code' in made) throw new Error(made.code)
    const guarded = opened(policy, made)
    expect(step(guarded, withdraw('proposer'))[0]).toMatchObject({ state: 'withdrawn', by: 'proposer' })
    expect(step(guarded, cancel('chief'))[0]).toMatchObject({ state: 'cancelled', by: 'chief' })
    expect(step(guarded, cancel('olga', true))[0]).toMatchObject({ state: 'cancelled', by: 'olga' })
    expect(step(guarded, withdraw('chief'))).toMatchObject([guarded, [{ code: 'PROPOSER_ONLY' }]])
    expect(step(guarded, cancel('a'))).toMatchObject([guarded, [{ code: 'GUARDIAN_ONLY' }]])
    // An operator who bears the name of a voter would be taken for that one by who counts again.
    expect(step(guarded, cancel('a', true))).toMatchObject([guarded, [{ code: 'GUARDIAN_ONLY' }]])
  })

  test('an approval is taken back once, and stays approved; not after its end', () => {
    const [approved] = run(round, yes(A), yes(B))
    const [ended, effects] = step(approved, cancel('olga', true, AT + 5))
    expect(effects).toEqual([{ type: 'ended', how: 'cancelled' }])
    expect(ended).toMatchObject({ state: 'approved', ended: { how: 'cancelled', by: 'olga', at: AT + 5 } })
    expect(step(ended, withdraw('proposer', AT + 6))).toMatchObject([ended, [{ code: 'ROUND_CLOSED' }]])
    expect(step(approved, withdraw('proposer', AT + 60_001))[1]).toMatchObject([{ code: 'ROUND_CLOSED' }])
  })

  test('what is rejected or withdrawn stays so', () => {
    for (const closed of [run(round, no(A))[0], run(round, withdraw('proposer'))[0]])
      expect(step(closed, cancel('olga', true, AT + 9))).toMatchObject([closed, [{ code: 'ROUND_CLOSED' }]])
  })
})

describe('time', () => {
  const extended = policyWith({ quorum: [1, 3], extension: { lastMs: 500, byMs: 1000, times: 1 } })
  const start = opened(extended, rosterOf(extended, [1, 1, 1, 1]))
  const say = (index: number, choice: 'yes' | 'no', at: number) =>
    voting(voteIn(start, nameOf(index), choice), at)

  test('a late vote that swings the count gives time to answer, so often and no more', () => {
    const [one, effects] = run(start, say(0, 'yes', AT + 1), say(1, 'yes', start.deadline - 100))
    expect(effects.at(-1)).toEqual({ type: 'extended', deadline: start.deadline + 1000 })
    const [two, more] = run(one, say(2, 'no', one.deadline - 1), { type: 'tick', at: one.deadline })
    expect(more.map(({ type }) => type)).toEqual(['counted', 'closed'])
    expect(two).toMatchObject({ state: 'approved', closed: start.deadline + 1000, extensions: 1 })
  })

  test('one that swings nothing does not, nor one that comes earlier', () => {
    expect(run(start, say(0, 'yes', start.deadline - 100))[0].deadline).toBe(start.deadline)
    expect(run(start, say(0, 'yes', AT + 1), say(1, 'yes', AT + 2))[0].deadline).toBe(start.deadline)
  })
})

test('a round opens only on what is proposed, by the policy it names', () => {
  const frozen = round.opening.frozen
  const open = (proposal: OpenRound['opening']['proposal']) =>
    openRound({ proposal, policy, frozen, answers: [], at: AT })
  expect(open(proposalWith({ policy: 'grants' }))).toMatchObject({ code: 'POLICY_DIFFERS' })
  expect(open(proposalWith({ digest: 'd'.repeat(64) }))).toMatchObject({ code: 'PROPOSAL_DIFFERS' })
  expect(open(proposalWith({ subject: SUBJECT }))).toMatchObject({ state: 'open', deadline: AT + 2000 })
})
