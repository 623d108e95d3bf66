/** Voters with keys and records, a policy, and rounds for them to vote in. */
import { generateKeyPairSync } from 'node:crypto'
import { digestOf, freezeRoster, openRound, readPolicies, signVote } from '../../dist/index.js'

const AT = 1_800_000_000_000

/** All must say yes, so that each round takes every vote. */
export const POLICY = `
policies:
  all:
    title: All agree
    field: execution
    voters: [trader]
    proposerVotes: false
    quorum: 100%
    support: 50%
    minimumVoters: 1
    vetoes: []
    consent: all
    guardians: []
    caps: { voter: 100%, owner: 100% }
    weights:
      alpha: 50%
      beta: 30%
      gamma: 20%
      sharpe: { from: -1, to: 3 }
      record: 60
      byGroup: { trader: 20% }
    deadline: { first: 5s, least: 1s, most: 30s, times: 3, after: 20 }
    extension: { last: 500ms, by: 2s, times: 2 }
    onDictator: warn
    onPowerless: warn
    envelope: 5min
`

const policy = readPolicies('bench.yaml', POLICY).policies.get('all')

function taken(value) {
  if ('code' in value) throw new Error(`${value.code}: ${value.detail}`)
  return value
}

/** `count` voters with a key each. */
export function makeVoters(count) {
  const keys = Array.from({ length: count }, () => generateKeyPairSync('ed25519'))
  const agents = keys.map(({ publicKey }, index) => ({
    agent: `agent-${index}`,
    role: 'trader',
    field: null,
    owner: `owner-${index}`,
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    isRetired: false,
    isSilent: false,
    performance: { periods: 250, sharpe: 0.5 + index / count, drawdown: 0.1, uptime: 0.99 },
  }))
  return { keys, agents }
}

export function freeze({ agents }) {
  return taken(
    freezeRoster({
      policy,
      agents,
      delegations: [],
      proposer: 'proposer',
      routed: null,
      barred: [],
      seed: 1,
    }),
  )
}

const SUBJECT = {
  kind: 'action',
  action: {
    type: 'order',
    account: 'main',
    instrument: 'AAPL',
    side: 'buy',
    quantity: 1000,
    orderType: 'market',
  },
}
const DIGEST = digestOf(SUBJECT)

/** An open round on a proposal of its own. */
export function open(frozen, id) {
  const proposal = {
    schema: 1,
    proposal: id,
    agent: 'proposer',
    subject: SUBJECT,
    digest: DIGEST,
    policy: 'all',
    rules: ['order-large'],
    constitution: 'c'.repeat(64),
    at: AT,
  }
  return taken(openRound({ proposal, policy, frozen, answers: [], at: AT }))
}

/** A yes of each voter in `round`, signed, with the key to check it by. */
export function votesIn(round, { keys, agents }) {
  const { proposal, frozen } = round.opening
  return agents.map(({ agent }, index) => {
    const ballot = {
      schema: 1,
      round: proposal.proposal,
      agent,
      choice: 'yes',
      digest: proposal.digest,
      constitution: proposal.constitution,
      roster: frozen.hash,
    }
    const vote = signVote(ballot, keys[index].privateKey)
    return { event: { type: 'vote', vote, standing: 'authentic', at: AT + 1 }, key: keys[index].publicKey }
  })
}
