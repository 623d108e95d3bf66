import { describe, expect, test } from 'vitest'
import { agentWith, freeze, keysOf, nameOf, policyWith } from '../../test/support/consensus.ts'
import { publicKeyToPem } from '../base/ed25519.ts'
import type { Delegation } from '../protocol/roster.ts'
import { delegate, DELEGATIONS_MAX, delegatesAmong, revoke } from './delegation.ts'
import type { FrozenRoster } from './roster.ts'
import type { Freezing } from './roster.ts'

const policy = policyWith({ minimumVoters: 2 })
const four = ['a', 'b', 'c', 'd'].map((name) => agentWith(name))
const frozenOf = (changed: Partial<Freezing> = {}): FrozenRoster => {
  const made = freeze({ policy, agents: four, ...changed })
  if ('code' in made) throw new Error(made.code)
  return made
}
const codeOf = (changed: Partial<Freezing>): string | undefined => {
  const made = freeze({ policy, agents: four, ...changed })
  return 'code' in made ? made.code : undefined
}

describe('who votes', () => {
  test('the order of agents does not matter, and the same make the same hash', () => {
    expect(frozenOf({ agents: four.toReversed() })).toEqual(frozenOf())
  })

  test('neither the retired, nor the proposer, nor other groups, nor who was not asked', () => {
    const agents = [
      ...four,
      agentWith('retired', { isRetired: true }),
      agentWith('proposer'),
      agentWith('helper', { role: 'support' }),
      agentWith('elsewhere', { role: 'specialist', field: 'market' }),
      agentWith('asked', { role: 'specialist', field: 'execution' }),
      agentWith('guard', { role: 'specialist', field: 'risk' }),
    ]
    const made = frozenOf({ agents, policy: { ...policy, vetoes: ['risk'] }, routed: ['execution'] })
    expect(made.roster.voters.map(({ agent }) => agent)).toEqual(['a', 'asked', 'b', 'c', 'd', 'guard'])
    expect(made.roster.routed).toEqual(['risk', 'execution'])
  })

  test('the proposer, where the policy lets him', () => {
    const { roster } = frozenOf({ policy: { ...policy, proposerVotes: true }, proposer: 'a' })
    expect(roster.voters.map(({ agent }) => agent)).toContain('a')
  })

  test('specialists by their field', () => {
    const risk = policyWith({ voters: ['risk'], minimumVoters: 1 })
    const agents = [
      agentWith('r', { role: 'specialist', field: 'risk' }),
      agentWith('m', { role: 'specialist', field: 'market' }),
      agentWith('t', { field: 'risk' }),
    ]
    expect(frozenOf({ policy: risk, agents }).roster.voters.map(({ agent }) => agent)).toEqual(['r'])
  })

  test('who may cancel is frozen too', () => {
    const agents = [
      ...four,
      agentWith('chief', { role: 'coordinator' }),
      agentWith('old', { role: 'coordinator', isRetired: true }),
    ]
    expect(frozenOf({ agents }).roster.guardians).toEqual(['chief'])
  })
})

describe('does not open', () => {
  test.each<[string, Partial<Freezing>, string]>([
    ['nobody is there', { agents: [] }, 'VOTERS_NONE'],
    [
      'all are of other groups',
      { agents: four.map((agent) => ({ ...agent, role: 'support' })) },
      'VOTERS_NONE',
    ],
    ['nobody has a key', { agents: four.map((agent) => ({ ...agent, publicKey: null })) }, 'VOTERS_NONE'],
    [
      'nobody was asked',
      { agents: [agentWith('m', { role: 'specialist', field: 'market' })], routed: ['execution'] },
      'VOTERS_NONE',
    ],
    [
      'whoever could reject is silent',
      {
        agents: [...four, agentWith('r', { role: 'specialist', field: 'risk', isSilent: true })],
        policy: policyWith({ voters: [...policy.voters, 'risk'], vetoes: ['risk'] }),
      },
      'VETO_SILENT',
    ],
    ['one, and two must say yes', { agents: four.slice(0, 1) }, 'VOTERS_TOO_FEW'],
    [
      'two, one of whom weighs nothing',
      { agents: [agentWith('a'), agentWith('b', {}, 0)] },
      'VOTERS_TOO_FEW',
    ],
    [
      'nobody weighs anything',
      { agents: ['a', 'b'].map((name) => agentWith(name, {}, 0)) },
      'VOTERS_WEIGHTLESS',
    ],
    ['caps too low', { policy: { ...policy, caps: { voter: [1, 5], owner: [1, 1] } } }, 'CAPS_INFEASIBLE'],
    [
      'one owner with a cap',
      {
        agents: four.map((agent) => ({ ...agent, owner: 'one' })),
        policy: { ...policy, caps: { voter: [1, 1], owner: [1, 2] } },
      },
      'CAPS_INFEASIBLE',
    ],
    [
      'one key for two',
      { agents: [...four, agentWith('e', { publicKey: publicKeyToPem(keysOf('a').publicKey) })] },
      'KEY_SHARED',
    ],
    [
      'a dictator',
      {
        agents: [agentWith('a', {}, 1), agentWith('b', {}, 0.1), agentWith('c', {}, 0.1)],
        policy: policyWith({ onDictator: 'refuse' }),
      },
      'VOTER_DICTATES',
    ],
    [
      'a vote without power',
      {
        agents: [agentWith('a'), agentWith('b'), agentWith('c', {}, 0)],
        policy: policyWith({ onPowerless: 'refuse' }),
      },
      'VOTER_POWERLESS',
    ],
    [
      'more than a round takes',
      { agents: Array.from({ length: 1001 }, (_, at) => agentWith(nameOf(at), { publicKey: `key ${at}` })) },
      'VOTERS_TOO_MANY',
    ],
  ])('%s: %s', (_, changed, code) => {
    expect(codeOf(changed)).toBe(code)
  })

  test('what it warns of instead is in the roster', () => {
    const agents = [
      agentWith('a', {}, 1),
      agentWith('b', { performance: { periods: 9, sharpe: Number.NaN, drawdown: 0, uptime: 1 } }),
      agentWith('c', { publicKey: null }),
    ]
    const { roster } = frozenOf({ agents, policy: policyWith() })
    expect(roster.warnings).toEqual([
      { code: 'DICTATOR', agent: 'a' },
      { code: 'POWERLESS', agent: 'b' },
      { code: 'RECORD_UNUSABLE', agent: 'b' },
      { code: 'KEY_MISSING', agent: 'c' },
    ])
    expect(roster.voters[1]).toMatchObject({ agent: 'b', weight: 0, basis: 'unusable', performance: null })
  })
})

describe('delegation', () => {
  const to = (from: string, delegateTo: string, field: Delegation['field'] = 'execution'): Delegation => ({
    from,
    to: delegateTo,
    field,
  })
  const none: ReadonlySet<Delegation['field']> = new Set()

  test('a delegate’s vote carries those who delegated; they keep their weight and cast nothing', () => {
    const { roster } = frozenOf({ delegations: [to('a', 'c'), to('b', 'c')] })
    expect(
      roster.voters.map(({ agent, weight, carries, delegate: by }) => [agent, weight, carries, by]),
    ).toEqual([
      ['a', 250_000, 0, 'c'],
      ['b', 250_000, 0, 'c'],
      ['c', 250_000, 750_000, null],
      ['d', 250_000, 250_000, null],
    ])
  })

  test('the cap on a vote is one on what it carries, and the owner is that of who casts it', () => {
    const capped = policyWith({ minimumVoters: 2, caps: { voter: [1, 2], owner: [1, 2] } })
    const { roster } = frozenOf({ policy: capped, delegations: [to('a', 'c'), to('b', 'c')] })
    expect(roster.voters.find(({ agent }) => agent === 'c')?.carries).toBe(500_000)
    expect(roster.voters.find(({ agent }) => agent === 'd')?.carries).toBe(500_000)
  })

  test('a veto goes with the vote', () => {
    const agents = [...four, agentWith('r', { role: 'specialist', field: 'risk' })]
    const veto = policyWith({ vetoes: ['risk'] })
    const { roster } = frozenOf({ policy: veto, agents, delegations: [to('r', 'a')] })
    expect(roster.voters.filter((voter) => voter.veto).map(({ agent }) => agent)).toEqual(['a'])
  })

  test('whose owner it is about has no vote, and is named; where all who could reject are among them, no round opens', () => {
    const agents = [...four, agentWith('r', { role: 'specialist', field: 'risk', owner: 'desk' })]
    const { roster } = frozenOf({ agents, barred: ['desk', 'owner-of-b'] })
    expect(roster.barred).toEqual(['b', 'r'])
    expect(roster.voters.map(({ agent }) => agent)).toEqual(['a', 'c', 'd'])
    const veto = policyWith({ vetoes: ['risk'] })
    expect(codeOf({ policy: veto, agents, barred: ['desk'] })).toBe('VETO_BARRED')
    expect(codeOf({ policy: veto, agents, barred: ['owner-of-b'] })).toBeUndefined()
    // What who could reject proposes, nobody could reject.
    expect(codeOf({ policy: veto, agents, proposer: 'r' })).toBe('VETO_BARRED')
    expect(codeOf({ policy: veto, agents, proposer: 'a' })).toBeUndefined()
    const asleep = agentWith('s', { role: 'specialist', field: 'risk', isSilent: true })
    expect(codeOf({ policy: veto, agents: [...agents, asleep], barred: ['desk'] })).toBe('VETO_SILENT')
  })

  test('one delegate is one voter', () => {
    expect(codeOf({ delegations: [to('a', 'd'), to('b', 'd'), to('c', 'd')] })).toBe('VOTERS_TOO_FEW')
  })

  test.each([
    ['another field', [to('a', 'b', 'risk')]],
    ['a delegate who does not vote', [to('a', 'stranger')]],
    ['a delegator who does not vote', [to('stranger', 'a')]],
    ['to itself', [to('a', 'a')]],
    ['a circle', [to('a', 'b'), to('b', 'a')]],
  ])('%s: everybody votes', (_, delegations) => {
    expect(frozenOf({ delegations }).roster).toEqual(frozenOf().roster)
  })

  test('one level: who delegates to one that delegates votes himself', () => {
    expect([...delegatesAmong(new Set(['a', 'b', 'c']), [to('a', 'b'), to('b', 'c')], 'execution')]).toEqual([
      ['b', 'c'],
    ])
  })

  test('given, replaced, taken back', () => {
    const first = delegate([], to('a', 'b'), none) as readonly Delegation[]
    expect(delegate(first, to('a', 'c'), none)).toEqual([to('a', 'c')])
    expect(delegate(first, to('a', 'c', 'risk'), none)).toEqual([to('a', 'b'), to('a', 'c', 'risk')])
    expect(revoke(first, 'a', 'execution', none)).toEqual([])
  })

  test('refused', () => {
    const voted = new Set(['execution'] as const)
    const known = [to('a', 'b')]
    expect(delegate([], to('a', 'a'), none)).toMatchObject({ code: 'DELEGATION_TO_SELF' })
    expect(delegate(known, to('c', 'a'), none)).toMatchObject({ code: 'DELEGATION_CHAIN' })
    expect(delegate(known, to('b', 'c'), none)).toMatchObject({ code: 'DELEGATION_CHAIN' })
    expect(delegate([], to('a', 'b'), voted)).toMatchObject({ code: 'DELEGATION_AFTER_VOTE' })
    expect(delegate([], to('a', 'b', 'risk'), voted)).toEqual([to('a', 'b', 'risk')])
    expect(revoke(known, 'a', 'execution', voted)).toMatchObject({ code: 'DELEGATION_AFTER_VOTE' })
    expect(revoke(known, 'a', 'risk', none)).toMatchObject({ code: 'DELEGATION_UNKNOWN' })
    const full = Array.from({ length: DELEGATIONS_MAX }, (_, at) => to(`x${at}`, 'b'))
    expect(delegate(full, to('a', 'b'), none)).toMatchObject({ code: 'DELEGATIONS_FULL' })
  })
})
