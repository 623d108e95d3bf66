/** Sign-offs as the state holds them: whose word on which transfer stands, and which verdict used it. */
import { OrderedMap } from 'immutable'
import { canonicalJson } from '../base/canonical-json.ts'
import type { Action } from '../protocol/action.ts'
import type { SignoffAnswer, SignoffRequest } from '../protocol/signoff.ts'

export interface Signoff extends Pick<SignoffRequest, 'agent' | 'action' | 'until' | 'reason'> {
  readonly id: string
  readonly operator: string
  readonly at: number
  /** Hash of the constitution under which it was said. */
  readonly constitution: string
  /** The verdict that used it. */
  readonly usedBy: string | undefined
  readonly revokedBy: string | undefined
  /** Whether another constitution came into force; it stays ended when the old one comes back. */
  readonly superseded: boolean
}

/** By id, from the oldest. */
export type Signoffs = OrderedMap<string, Signoff>

export const NO_SIGNOFFS: Signoffs = OrderedMap()

/** That may be live at once, and that are kept, those that are over among them. */
export const SIGNOFFS_MAX = 200
const KEPT_MAX = 400

/** Where a sign-off stands at `now` (milliseconds since 1970). */
export function stateOf(
  { revokedBy, superseded, usedBy, until }: Signoff,
  now: number,
): SignoffAnswer['state'] {
  if (revokedBy !== undefined) return 'revoked'
  if (superseded) return 'superseded'
  if (usedBy !== undefined) return 'used'
  return now >= until ? 'expired' : 'live'
}

/** The sign-offs with one more; the oldest that is over makes room. */
export function withSignoff(signoffs: Signoffs, signoff: Signoff, now: number): Signoffs {
  const over = signoffs.size < KEPT_MAX ? undefined : signoffs.findKey((one) => stateOf(one, now) !== 'live')
  return (over === undefined ? signoffs : signoffs.delete(over)).set(signoff.id, signoff)
}

/** Those that hold for this agent's asking for just this action at `now`. */
export function signoffsFor(
  signoffs: Signoffs,
  agent: string,
  action: Action,
  now: number,
): readonly Signoff[] {
  if (signoffs.isEmpty() || action.type !== 'transfer') return []
  const text = canonicalJson(action)
  return signoffs
    .valueSeq()
    .filter(
      (one) => one.agent === agent && stateOf(one, now) === 'live' && canonicalJson(one.action) === text,
    )
    .toArray()
}

/** How many different people signed it off, none of them an agent. */
export function approversOf(of: readonly Signoff[], isAgent: (name: string) => boolean): number {
  return new Set(of.map(({ operator }) => operator).filter((name) => !isAgent(name))).size
}

/** The sign-offs once the verdict `decision` used all that there were of people for its action: what two meant once is sent once. */
export function useSignoffs(
  signoffs: Signoffs,
  {
    agent,
    action,
    decision,
    at,
  }: { readonly agent: string; readonly action: Action; readonly decision: string; readonly at: number },
  isAgent: (name: string) => boolean,
): Signoffs {
  return signoffsFor(signoffs, agent, action, at).reduce(
    (next, one) => (isAgent(one.operator) ? next : next.set(one.id, { ...one, usedBy: decision })),
    signoffs,
  )
}

/** Ids of those that the verdict `decision` on `action` used. */
export function usedBy(signoffs: Signoffs, decision: string, action: Action): string[] {
  return action.type === 'transfer' ? [...signoffs.filter((one) => one.usedBy === decision).keys()] : []
}

/** What was signed off under one constitution is not under another. */
export function supersedeSignoffs(signoffs: Signoffs): Signoffs {
  return signoffs.isEmpty() ? signoffs : signoffs.map((one) => ({ ...one, superseded: true }))
}
