import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  agentWith,
  AT,
  freeze,
  keysOf,
  opened,
  policyWith,
  signedVoteIn,
  voting,
  proposalWith,
} from '../../test/support/consensus.ts'
import { publicKeyToPem } from '../base/ed25519.ts'
import type { Certificate } from '../protocol/certificate.ts'
import type { Policy } from '../protocol/policy.ts'
import type { Choice } from '../protocol/proposal.ts'
import { certificateOf } from './certificate.ts'
import { digestOf } from '../base/hash.ts'
import { readPolicies } from './read-policies.ts'
import type { FrozenRoster } from './roster.ts'
import type { OpenRound, Round, RoundEvent } from './round-state.ts'
import { step } from './round.ts'
import { verifyCertificate } from './verify-certificate.ts'

const policy = policyWith({
  quorum: [3, 5],
  vetoes: ['risk'],
  extension: { lastMs: 500, byMs: 1000, times: 1 },
  caps: { voter: [2, 5], owner: [1, 1] },
})
const freezeOf = (by: Policy): FrozenRoster => {
  const made = freeze({
    policy: by,
    agents: [
      agentWith('ada', {}, 0.9),
      agentWith('bea', {}, 0.4),
      agentWith('cid', {}, 0.5),
      agentWith('dan', { role: 'specialist', field: 'risk' }, 0.3),
      agentWith('eve', {}, 0.2),
    ],
    delegations: [{ from: 'eve', to: 'bea', field: 'execution' }],
    routed: ['execution'],
  })
  if ('code' in made) throw new Error(made.code)
  return made
}
const frozen = freezeOf(policy)
const routing = {
  policy: 'd'.repeat(64),
  routes: ['small'],
  fields: ['risk', 'execution'] as const,
  facts: { 'order.value': 1 },
}
const round = opened(policy, frozen, proposalWith({ routing: { ...routing, fields: [...routing.fields] } }))
const say = (agent: string, choice: Choice, at = AT + 1): RoundEvent =>
  voting(signedVoteIn(round, agent, choice), at)
const tick: RoundEvent = { type: 'tick', at: AT + 99_999 }

const certifiedIn = (start: OpenRound, events: readonly RoundEvent[]): Certificate => {
  const end = events.reduce<Round>((before, event) => step(before, event)[0], start)
  if (end.state === 'open') throw new Error('still open')
  return certificateOf(end)
}
const certified = (...events: readonly RoundEvent[]): Certificate => certifiedIn(round, events)

/** Under a policy by which a vote to come could still take the support away. */
const atDeadline = (...who: readonly string[]): Certificate => {
  const high = { ...policy, support: [4, 5] as [number, number] }
  const start = opened(high, freezeOf(high), round.opening.proposal)
  return certifiedIn(start, [...who.map((agent) => voting(signedVoteIn(start, agent, 'yes'), AT + 1)), tick])
}

const APPROVED = certified(say('ada', 'yes'), say('bea', 'yes'), say('dan', 'yes'), tick)
const EQUIVOCATED = certified(say('cid', 'yes'), say('cid', 'no', AT + 2), say('ada', 'no', AT + 3), tick)
const DEADLINE = atDeadline('ada', 'bea', 'dan')
const SILENT = atDeadline('ada', 'bea', 'cid')
const EVERY: readonly (readonly [string, Certificate])[] = [
  ['approved', APPROVED],
  ['approved at the deadline', DEADLINE],
  ['rejected, who has a veto being silent', SILENT],
  ['rejected by a veto', certified(say('dan', 'no'))],
  ['rejected by silence', certified(tick)],
  ['rejected with an equivocation', EQUIVOCATED],
  ['extended', certified(say('ada', 'yes'), say('bea', 'yes', round.deadline - 1), tick)],
  ['withdrawn', certified(say('ada', 'yes'), { type: 'withdraw', by: 'proposer', at: AT + 9 })],
  ['cancelled', certified({ type: 'cancel', by: 'olga', isOperator: true, at: AT + 9 })],
]
const problemsOf = (certificate: unknown, expected = {}): readonly string[] => {
  const found = verifyCertificate(certificate, expected)
  return found.isValid ? [] : found.problems
}
/** As who forges would hand it on: with the hashes made to fit. */
const rehashed = (changed: Certificate): Certificate => {
  const rosterHash = digestOf(changed.roster)
  const { certificate: _, ...body } = { ...changed, rosterHash }
  return { ...body, certificate: digestOf(body) }
}

test.each(EVERY)('one that was %s verifies, also from its JSON', (_, certificate) => {
  expect(problemsOf(certificate)).toEqual([])
  expect(problemsOf(JSON.parse(JSON.stringify(certificate)))).toEqual([])
})

test('it holds what was frozen: weights, delegation, routing', () => {
  // Those with a veto are asked, whatever the route says.
  expect(APPROVED.roster.routed).toEqual(['risk', 'execution'])
  expect(APPROVED.roster.voters.find(({ agent }) => agent === 'eve')).toMatchObject({
    delegate: 'bea',
    carries: 0,
  })
  expect(APPROVED).toMatchObject({ outcome: 'approved', by: null, reason: null })
})

test('it is the same in whatever order the votes came, and whatever came after the close', () => {
  const other = certified(say('dan', 'yes'), say('bea', 'yes'), say('ada', 'yes'), tick)
  expect(other).toEqual(APPROVED)
  expect(
    certified(say('ada', 'yes'), say('bea', 'yes'), say('dan', 'yes'), say('ada', 'no', AT + 5), tick),
  ).toEqual(APPROVED)
})

test('any value changed is seen', () => {
  let changes = 0
  const walk = (value: unknown, change: (replaced: unknown) => unknown): void => {
    if (Array.isArray(value)) {
      value.forEach((item, index) => walk(item, (replaced) => change(value.with(index, replaced))))
      if (value.length > 0) expectSeen(change(value.slice(1)))
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, member] of Object.entries(value)) {
        walk(member, (replaced) => change({ ...value, [key]: replaced }))
        expectSeen(change(Object.fromEntries(Object.entries(value).filter(([other]) => other !== key))))
      }
    } else expectSeen(change(other(value)))
  }
  const other = (value: unknown): unknown =>
    typeof value === 'number'
      ? value + 1
      : typeof value === 'boolean'
        ? !value
        : value === null
          ? 'x'
          : `${value as string}x`
  const expectSeen = (changed: unknown): void => {
    changes += 1
    expect(verifyCertificate(changed).isValid).toBe(false)
  }
  for (const certificate of [APPROVED, EQUIVOCATED]) walk(certificate, (replaced) => replaced)
  expect(changes).toBeGreaterThan(500)
})

describe('a forgery with fitting hashes is seen', () => {
  const voters = APPROVED.roster.voters
  const withVoters = (change: (voter: (typeof voters)[number]) => object): Certificate => ({
    ...APPROVED,
    roster: { ...APPROVED.roster, voters: voters.map((voter) => ({ ...voter, ...change(voter) })) },
  })
  const without = (agent: string): Certificate => ({
    ...APPROVED,
    votes: APPROVED.votes.filter(({ vote }) => vote.agent !== agent),
  })

  test.each<[string, Certificate, RegExp]>([
    [
      'other weights',
      withVoters(({ agent }) => (agent === 'ada' ? { weight: 1, carries: 1 } : {})),
      /do not add up/,
    ],
    [
      'another weight for a voter and another',
      withVoters(({ agent, weight, carries }) =>
        agent === 'ada'
          ? { weight: weight + 1, carries: carries + 1 }
          : agent === 'cid'
            ? { weight: weight - 1, carries: carries - 1 }
            : {},
      ),
      /is for something else/,
    ],
    [
      'a voter who has no vote',
      { ...APPROVED, roster: { ...APPROVED.roster, barred: ['ada'] } },
      /`ada` votes, and is said to have no vote/,
    ],
    [
      'somebody kept from the vote on an order',
      { ...APPROVED, roster: { ...APPROVED.roster, barred: ['zoe'] } },
      /kept from the vote on what is about nobody/,
    ],
    ['a vote left out', without('bea'), /not that of the votes/],
    [
      'a vote turned',
      {
        ...APPROVED,
        votes: APPROVED.votes.map((cast) =>
          cast.vote.agent === 'dan' ? { ...cast, vote: { ...cast.vote, choice: 'abstain' as const } } : cast,
        ),
      },
      /not signed by its key/,
    ],
    [
      'a vote twice',
      { ...APPROVED, votes: [...APPROVED.votes, ...APPROVED.votes.slice(-1)] },
      /once, in order/,
    ],
    [
      'the other outcome',
      { ...APPROVED, outcome: 'rejected', reason: 'quorum', envelope: null },
      /outcome is not/,
    ],
    [
      'an approval without the consent of who has a veto',
      { ...SILENT, outcome: 'approved', reason: null, envelope: DEADLINE.envelope },
      /outcome is not/,
    ],
    [
      'the consent of who said nothing',
      {
        ...SILENT,
        tally: { ...SILENT.tally, consents: 1 },
        outcome: 'approved',
        reason: null,
        envelope: DEADLINE.envelope,
      },
      /tally is not that of the votes/,
    ],
    ['another reason', { ...EQUIVOCATED, reason: 'veto' }, /outcome is not/],
    ['an equivocation hidden', { ...EQUIVOCATED, equivocations: [] }, /not that of the votes/],
    [
      'an equivocation made up',
      {
        ...APPROVED,
        equivocations: [{ first: APPROVED.votes[0]!.vote, second: APPROVED.votes[0]!.vote, at: AT + 1 }],
      },
      /does not hold/,
    ],
    [
      'a longer envelope',
      { ...APPROVED, envelope: { ...APPROVED.envelope!, until: APPROVED.envelope!.until + 1 } },
      /envelope is not/,
    ],
    [
      'a deadline beyond the policy',
      { ...APPROVED, deadline: APPROVED.opened + 99_999 },
      /outside the policy/,
    ],
    [
      'more extensions than allowed',
      { ...APPROVED, extensions: 2, deadline: APPROVED.deadline + 2000 },
      /more often/,
    ],
    [
      'a vote after the close',
      { ...APPROVED, votes: APPROVED.votes.map((cast) => ({ ...cast, at: APPROVED.closed + 1 })) },
      /out of time/,
    ],
    ['a veto left out', withVoters(() => ({ veto: false })), /the veto of `dan`/],
    [
      'a voter of another group',
      withVoters(({ agent }) => (agent === 'cid' ? { role: 'support' } : {})),
      /in no group/,
    ],
    [
      'a voter who was not asked',
      withVoters(({ agent }) => (agent === 'cid' ? { role: 'specialist', field: 'market' } : {})),
      /`cid` was not asked/,
    ],
    [
      'a routing left out',
      { ...APPROVED, proposal: proposalWith() },
      /others were asked than the routing says/,
    ],
    [
      'a routing that gets rid of a veto',
      {
        ...APPROVED,
        proposal: proposalWith({ routing: { ...routing, fields: ['execution'] } }),
        roster: { ...APPROVED.roster, routed: ['execution'] },
      },
      /others were asked than the routing says/,
    ],
    [
      'fewer voters than must say yes',
      withVoters(({ agent }) => (agent === 'ada' || agent === 'dan' ? {} : { carries: 0 })),
      /the weights do not add up/,
    ],
    [
      'a delegation made up',
      withVoters(({ agent }) => (agent === 'eve' ? { delegate: 'cid' } : {})),
      /delegations/,
    ],
    [
      'closed before it was settled',
      {
        ...certified(say('ada', 'yes'), say('bea', 'yes'), tick),
        closed: AT + 5,
        envelope: { ...APPROVED.envelope!, until: AT + 5 + policy.envelopeMs },
      },
      /while a vote could change it/,
    ],
    [
      'withdrawn by another',
      { ...certified({ type: 'withdraw', by: 'proposer', at: AT + 1 }), by: 'ada' },
      /not withdrawn by/,
    ],
    [
      'cancelled by a voter',
      { ...certified({ type: 'cancel', by: 'olga', isOperator: true, at: AT + 1 }), by: 'ada' },
      /not cancelled by a guardian/,
    ],
    [
      'stopped after it was decided',
      { ...APPROVED, outcome: 'withdrawn', by: 'proposer', envelope: null },
      /after it was decided/,
    ],
    ['another policy', { ...APPROVED, policy: policyWith({ quorum: [1, 2] }) }, /policy’s hash/],
    [
      'another subject',
      {
        ...APPROVED,
        proposal: { ...APPROVED.proposal, subject: { kind: 'resume', halt: 'h', reason: 'x' } },
      },
      /proposal’s digest/,
    ],
  ])('%s', (_, forged, problem) => {
    expect(problemsOf(rehashed(forged)).join('; ')).toMatch(problem)
  })
})

describe('what is known from elsewhere ties it to the world', () => {
  const keys = new Map(APPROVED.roster.voters.map(({ agent, publicKey }) => [agent, publicKey]))

  test('all that is right', () => {
    const { proposal, policyHash } = APPROVED
    const expected = {
      keys,
      round: proposal.proposal,
      digest: proposal.digest,
      constitution: proposal.constitution,
      policy: policyHash,
    }
    expect(problemsOf(APPROVED, expected)).toEqual([])
  })

  test.each([
    { round: 'q-9' },
    { digest: 'd'.repeat(64) },
    { constitution: 'd'.repeat(64) },
    { policy: 'd'.repeat(64) },
    { keys: new Map([...keys, ['ada', publicKeyToPem(keysOf('mallory').publicKey)] as const]) },
    { keys: new Map() },
  ])('%j is wrong', (expected) => {
    expect(problemsOf(APPROVED, expected)).not.toEqual([])
  })
})

test.each([null, undefined, 7, 'text', [], {}, { ...APPROVED, votes: null }])(
  'junk is not valid, and does not throw',
  (junk) => {
    expect(verifyCertificate(junk).isValid).toBe(false)
  },
)

test('a certificate by a policy of the house', () => {
  const file = readFileSync(new URL('../../policies/consensus.yaml', import.meta.url), 'utf8')
  const house = readPolicies('consensus.yaml', file).policies.get('large-orders')
  if (house === undefined) throw new Error('the policies do not load')
  const agents = [
    agentWith('chief', { role: 'coordinator', performance: null }),
    agentWith('risk', { role: 'specialist', field: 'risk', performance: null }),
    agentWith('flow', { role: 'specialist', field: 'execution' }, 0.8),
    agentWith('book', { role: 'specialist', field: 'portfolio' }, 0.6),
  ]
  const roster = freeze({ policy: house, agents })
  if ('code' in roster) throw new Error(`${roster.code}: ${roster.detail}`)
  const start: OpenRound = opened(house, roster)
  const end = agents.reduce<Round>(
    (before, { agent }) => step(before, voting(signedVoteIn(start, agent, 'yes'), AT + 1))[0],
    start,
  )
  expect(end.state === 'approved' && problemsOf(certificateOf(end))).toEqual([])
})
