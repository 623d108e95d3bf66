/** Policies, agents, proposals and votes for tests of the consensus. */
import { generateKeyPair, publicKeyToPem, type KeyPair } from '../../src/base/ed25519.ts'
import { digestOf } from '../../src/base/hash.ts'
import type { Refusal } from '../../src/consensus/refusal.ts'
import { freezeRoster, type Agent, type Freezing, type FrozenRoster } from '../../src/consensus/roster.ts'
import type { OpenRound, RoundEvent } from '../../src/consensus/round-state.ts'
import { openRound } from '../../src/consensus/round.ts'
import { signVote } from '../../src/consensus/vote.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import type { Choice, Proposal, Subject, Vote } from '../../src/protocol/proposal.ts'

export const AT = 1_800_000_000_000
export const CONSTITUTION = 'c'.repeat(64)
/** 64 bytes that sign nothing. */
export const UNSIGNED = 'A'.repeat(86)

export function policyWith(changed: Partial<Policy> = {}): Policy {
  return {
    schema: 1,
    name: 'large-orders',
    title: 'Large orders',
    field: 'execution',
    voters: ['coordinator', 'specialist', 'trader'],
    proposerVotes: false,
    quorum: [2, 3],
    support: [1, 2],
    minimumVoters: 1,
    vetoes: [],
    consent: 'all',
    guardians: ['coordinator'],
    caps: { voter: [1, 1], owner: [1, 1] },
    weights: {
      alpha: [1, 2],
      beta: [3, 10],
      gamma: [1, 5],
      sharpe: { from: -1, to: 3 },
      record: 2,
      byGroup: { coordinator: [2, 5], specialist: [2, 5], trader: [1, 5] },
    },
    deadline: { firstMs: 2000, leastMs: 500, mostMs: 10_000, times: 3, after: 20 },
    extension: null,
    onDictator: 'warn',
    onPowerless: 'warn',
    envelopeMs: 60_000,
    ...changed,
  }
}

const keyPairs = new Map<string, KeyPair>()

/** The same keys for the same name, within one run. */
export function keysOf(agent: string): KeyPair {
  const known = keyPairs.get(agent) ?? generateKeyPair()
  keyPairs.set(agent, known)
  return known
}

/** An agent whose record gives the weight `weight` (0 to 1), under the weights of `policyWith`. */
export function agentWith(agent: string, changed: Partial<Agent> = {}, weight = 0.5): Agent {
  return {
    agent,
    role: 'trader',
    field: null,
    owner: `owner-of-${agent}`,
    publicKey: publicKeyToPem(keysOf(agent).publicKey),
    isRetired: false,
    isSilent: false,
    performance: { periods: 100, sharpe: 4 * weight - 1, drawdown: 1 - weight, uptime: weight },
    ...changed,
  }
}

export function freeze(
  changed: Partial<Freezing> & Pick<Freezing, 'policy' | 'agents'>,
): FrozenRoster | Refusal {
  return freezeRoster({
    delegations: [],
    proposer: 'proposer',
    routed: null,
    barred: [],
    seed: 1,
    ...changed,
  })
}

/** A roster of voters that carry exactly these weights, some with a veto. */
export function rosterOf(
  policy: Policy,
  weights: readonly number[],
  vetoes: readonly number[] = [],
): FrozenRoster {
  const largest = Math.max(...weights, 1)
  const made = freeze({
    policy,
    agents: weights.map((weight, index) =>
      agentWith(
        nameOf(index),
        vetoes.includes(index) ? { role: 'specialist', field: 'risk', owner: `o${index}` } : {},
        weight / largest,
      ),
    ),
  })
  if ('code' in made) throw new Error(`${made.code}: ${made.detail}`)
  return made
}

/** `a`, `b`, … so that the order of names is that of numbers. */
export function nameOf(index: number): string {
  return `agent-${String(index).padStart(4, '0')}`
}

export const SUBJECT: Subject = {
  kind: 'action',
  action: {
    type: 'order',
    account: 'main',
    instrument: 'AAPL',
    side: 'buy',
    quantity: 1000,
    orderType: 'limit',
    limitPrice: 200,
  },
}

export function proposalWith(changed: Partial<Proposal> = {}): Proposal {
  return {
    schema: 1,
    proposal: 'q-1',
    agent: 'proposer',
    subject: SUBJECT,
    digest: digestOf(SUBJECT),
    policy: 'large-orders',
    rules: ['order-large'],
    constitution: CONSTITUTION,
    at: AT,
    ...changed,
  }
}

export function opened(policy: Policy, frozen: FrozenRoster, proposal = proposalWith()): OpenRound {
  const round = openRound({ proposal, policy, frozen, answers: [], at: AT })
  if ('code' in round) throw new Error(`${round.code}: ${round.detail}`)
  return round
}

/** A vote in `round`, unsigned: what was found of its signature is told beside it. */
export function voteIn({ opening }: OpenRound, agent: string, choice: Choice): Vote {
  const { proposal, frozen } = opening
  return {
    schema: 1,
    round: proposal.proposal,
    agent,
    choice,
    digest: proposal.digest,
    constitution: proposal.constitution,
    roster: frozen.hash,
    signature: UNSIGNED,
  }
}

export function signedVoteIn(round: OpenRound, agent: string, choice: Choice): Vote {
  const { signature: _, ...ballot } = voteIn(round, agent, choice)
  return signVote(ballot, keysOf(agent).privateKey)
}

export function voting(
  vote: Vote,
  at: number,
  standing: 'authentic' | 'forged' | 'retired' = 'authentic',
): RoundEvent {
  return { type: 'vote', vote, standing, at }
}
