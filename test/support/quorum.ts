/** Agents that vote: registered with keys, heard lately, and asked by a rule that escalates. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateKeyPair, publicKeyToPem, type KeyPair } from '../../src/base/ed25519.ts'
import { readPolicies } from '../../src/consensus/read-policies.ts'
import { signVote } from '../../src/consensus/vote.ts'
import type { Input } from '../../src/engine/step.ts'
import type { State } from '../../src/engine/state.ts'
import type { Event } from '../../src/protocol/event.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import type { Choice, Vote } from '../../src/protocol/proposal.ts'
import { ready, programWith, run, NOW } from './engine.ts'

/** Escalates orders above 10,000 USD to the shipped policy for them. */
export const LARGE = {
  id: 'large',
  title: 'Large',
  applies: { actions: ['order', 'replace'] },
  escalate: 'order.value > 10000 USD',
  to: 'large-orders',
  unless: 'action.reducing',
}

export const VOTERS = {
  chief: { role: 'coordinator', owner: 'desk-1' },
  guard: { role: 'specialist', field: 'risk', owner: 'desk-2' },
  quick: { role: 'specialist', field: 'execution', owner: 'desk-3' },
  reader: { role: 'specialist', field: 'market', owner: 'desk-4' },
  keeper: { role: 'specialist', field: 'portfolio', owner: 'desk-5' },
} as const
export type VoterName = keyof typeof VOTERS
export const NAMES = Object.keys(VOTERS) as VoterName[]

export const KEYS = Object.fromEntries(NAMES.map((name) => [name, generateKeyPair()])) as Record<
  VoterName,
  KeyPair
>

const file = join(import.meta.dirname, '../../policies/consensus.yaml')
export const POLICIES: readonly Policy[] = [
  ...readPolicies(file, readFileSync(file, 'utf8')).policies.values(),
]

/** Those under which only actions are put to the vote: people decide on the rest. */
export const ONLY_ORDERS: readonly Policy[] = POLICIES.filter(({ name }) => name === LARGE.to)

export const beatOf = (agent: string): Input => ({ kind: 'beat', agent })

export const registrationOf = (agent: VoterName, keys: KeyPair = KEYS[agent]): Input => ({
  kind: 'register',
  registration: { agent, strategies: [], publicKey: publicKeyToPem(keys.publicKey), ...VOTERS[agent] },
  by: 'operator-1',
})

/** A market in which the policies are in force, five agents can vote and, where `program` says nothing else, a rule asks them. */
export function quorate(...of: Parameters<typeof quorating>): State {
  return quorating(...of).state
}

/** The same, with the events that made it so. */
export function quorating(
  policies: readonly Policy[] = POLICIES,
  names: readonly VoterName[] = NAMES,
  program = programWith([LARGE], {}, ['off-lot', 'halted']),
): { state: State; events: Event[] } {
  const inputs: Input[] = [
    { kind: 'quorate', policies, by: 'author' },
    ...names.map((name) => registrationOf(name)),
    ...names.map(beatOf),
  ]
  return run(ready(program), inputs, NOW)
}

/** The vote of one agent on the round called `round`, signed. */
export function voteOn(
  { quorum }: State,
  round: string,
  agent: VoterName,
  choice: Choice,
  keys: KeyPair = KEYS[agent],
): Vote {
  const { proposal, frozen } = (
    quorum.rounds.open.get(round) ??
    quorum.rounds.closed.get(round) ??
    unknown(round)
  ).opening
  return signVote(
    {
      schema: 1,
      round,
      agent,
      choice,
      digest: proposal.digest,
      constitution: proposal.constitution,
      roster: frozen.hash,
    },
    keys.privateKey,
  )
}

function unknown(round: string): never {
  throw new Error(`no round ${round}`)
}

export const castBy = (state: State, round: string, agent: VoterName, choice: Choice): Input => ({
  kind: 'vote',
  vote: voteOn(state, round, agent, choice),
})
