/** Who acts and whose accounts are, as operators register it. */
import { publicKeyFromPem, publicKeyToPem } from '../base/ed25519.ts'
import { areOwnersKept, sharedBy, sharedIn, type SharedStrategy } from '../ledger/owners.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { DEFAULT_OWNER } from '../protocol/account.ts'
import type { AgentRegistration } from '../protocol/agent.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { State } from './state.ts'
import { recorded, refused, type Input, type Step } from './step.ts'

/** Accounts whose owner is kept, each for good. */
const ACCOUNTS_MAX = 100_000

/** Registers an agent. Once accounts have owners, one strategy is run by agents of one. */
export function handleRegister(
  state: State,
  { registration, by }: Input & { kind: 'register' },
  now: number,
): Step {
  const { agent } = registration
  const fixed = fixedOtherwise(state.ledger, registration)
  if (fixed !== undefined) return refused(state, 'OWNER_FIXED', fixed)
  const shared = areOwnersKept(state.ledger) ? sharedBy(state.ledger, registration) : undefined
  if (shared !== undefined) return refused(state, 'STRATEGY_SHARED', inWords(shared))
  return recorded(
    state,
    { schema: SCHEMA_VERSION, type: 'registered', registration: inOneSpelling(registration), by },
    now,
    { agent },
  )
}

/** Keys are told apart by their text: two agents who have one in two spellings would have two votes. */
function inOneSpelling(registration: AgentRegistration): AgentRegistration {
  const { publicKey } = registration
  return publicKey === undefined
    ? registration
    : { ...registration, publicKey: publicKeyToPem(publicKeyFromPem(publicKey)) }
}

/**
 * What `registration` would give to another owner. Where there are several partitions an agent's owner is for good, and so is its strategies': what it was
 * answered, and what a strategy has spent, is known in one of them only.
 */
function fixedOtherwise(
  { partition, agents, runBy }: Ledger,
  { agent, owner = DEFAULT_OWNER, strategies }: AgentRegistration,
): string | undefined {
  if (partition.of === 1) return undefined
  const before = agents.get(agent)
  if (before !== undefined && (before.owner ?? DEFAULT_OWNER) !== owner)
    return `\`${agent}\` is \`${before.owner ?? DEFAULT_OWNER}\`’s`
  const other = strategies.find((strategy) => (runBy.get(strategy) ?? owner) !== owner)
  return other && `\`${other}\` is \`${runBy.get(other) ?? ''}\`’s`
}

/**
 * Says whose an account is. What is said once holds for good: what an account may still lose or send lies with its owner, and would begin anew with
 * another.
 */
export function handleOwn(state: State, { registration, by }: Input & { kind: 'own' }, now: number): Step {
  const { account, owner } = registration
  const { owners } = state.ledger
  const before = owners.get(account)
  if (before === owner) return [state, [], [{ kind: 'done', body: { account, owner } }]]
  if (before !== undefined) return refused(state, 'OWNER_FIXED', `\`${account}\` is \`${before}\`’s`)
  if (owners.size >= ACCOUNTS_MAX)
    return refused(state, 'LIMIT_REACHED', `at most ${ACCOUNTS_MAX} accounts have an owner`)
  const shared = areOwnersKept(state.ledger) ? undefined : sharedIn(state.ledger)
  if (shared !== undefined)
    return refused(state, 'STRATEGY_SHARED', `before any account has an owner: ${inWords(shared)}`)
  return recorded(state, { schema: SCHEMA_VERSION, type: 'owned', account, owner, by }, now, {
    account,
    owner,
  })
}

function inWords({ strategy, agents: [one, other] }: SharedStrategy): string {
  return `\`${one}\` and \`${other}\` are of two owners and would both run \`${strategy}\``
}
