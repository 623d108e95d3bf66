/** Where there are several partitions: to which of them what callers send goes, as far as the first one's state names owners. The core refuses what comes to the wrong one. */
import type { State } from '../engine/state.ts'
import type { Input } from '../engine/step.ts'
import { ownerOfAccount, ownerOfAgent } from '../ledger/owners.ts'
import { partitionOf } from '../protocol/partition.ts'
import { placeOf } from '../protocol/taken.ts'

export type Door =
  | { readonly to: 'one'; readonly number: number }
  /** Of nobody who is known: what was registered lately may not be known here yet, and the first refuses it then. */
  | { readonly to: 'unknown' }
  /** Fixed in the first, and in force where the others have followed it. */
  | { readonly to: 'first' }
  | { readonly to: 'all' }
  /** Over the lane that all of them take. */
  | { readonly to: 'lane' }
  /** To whoever has what is called so. */
  | { readonly to: 'holder'; readonly what: 'round' | 'halt'; readonly id: string }
  /** To each its own of a list. */
  | { readonly to: 'each' }

/** What an id says of where it was given. */
const MARKED = /^[a-z]-p(\d{2,3})-/

export function doorOf({ ledger }: Pick<State, 'ledger'>, input: Input): Door {
  const { of } = ledger.partition
  const ofOwner = (owner: string | undefined): Door =>
    owner === undefined ? { to: 'unknown' } : { to: 'one', number: partitionOf(owner, of) }
  const ofAgent = (agent: string): Door =>
    ofOwner(ledger.agents.has(agent) ? ownerOfAgent(ledger, agent) : undefined)
  const ofId = (id: string, unmarked: Door = { to: 'unknown' }): Door => {
    const number = Number(MARKED.exec(id)?.[1] ?? Number.NaN)
    return number < of ? { to: 'one', number } : unmarked
  }
  switch (input.kind) {
    case 'action':
      return ofAgent(input.request.agent)
    case 'redeem':
      return ofAgent(input.agent)
    case 'signoff':
      return ofAgent(input.request.agent)
    case 'adopt':
      return ofOwner(ownerOfAccount(ledger, input.account))
    case 'grant': {
      const { agent, account, strategy } = input.request.scope
      if (agent !== undefined) return ofAgent(agent)
      if (account !== undefined) return ofOwner(ownerOfAccount(ledger, account))
      return ofOwner(strategy === undefined ? undefined : ledger.runBy.get(strategy))
    }
    case 'vote':
      return ofId(input.vote.round, { to: 'holder', what: 'round', id: input.vote.round })
    case 'stop':
      return ofId(input.proposal, { to: 'holder', what: 'round', id: input.proposal })
    case 'approve':
    case 'revoke':
      return ofId(input.grant)
    case 'unsign':
      return ofId(input.signoff)
    case 'resume':
      return placeOf(input.halt) !== undefined
        ? { to: 'first' }
        : ofId(input.halt, { to: 'holder', what: 'halt', id: input.halt })
    case 'register':
    case 'own':
    case 'retire':
    case 'quorate':
    case 'route':
    case 'police':
    case 'steer':
    case 'activate':
      return { to: 'first' }
    case 'halt':
      return { to: 'lane' }
    case 'observations':
    case 'executions':
      return { to: 'each' }
    case 'delegate':
    case 'beat':
      return { to: 'all' }
    case 'rate':
    case 'follow':
    case 'promote':
    case 'tick':
      throw new Error(`invariant: each home makes \`${input.kind}\` itself`)
  }
}
