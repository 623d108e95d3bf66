/** Which halts are in force, and which of those that rules raised are not yet. */
import { accountOf, hasFallen } from '../ledger/fold.ts'
import { keyOf, type Halt, type Ledger } from '../ledger/ledger.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import { placeOf } from '../protocol/taken.ts'
import { askedOnHalt, type Quorum } from './quorum.ts'

/** A trading state that a rule put in force. */
export type Raised = DecisionCore['raised'][number]
export type Stop = Pick<Raised, 'state' | 'scope'>

/** What rules raised over a decision and no record put in force: it follows in the same group, of which a torn write may keep the beginning alone. */
export interface Owed {
  readonly decision: string
  readonly raised: readonly Raised[]
}

/**
 * The halt of the same scope to the same state. Where there are several partitions, what one of them stops of its own stands beside what all were told to stop, so that a lift of the one,
 * heard late, reaches nothing of the other. What is about more than one owner's is told to all, and is one.
 */
export function inForce(ledger: Ledger, stop: Stop, isOfLane: boolean): Halt | undefined {
  const wanted = scopeKey(stop)
  const isApart = ledger.partition.of > 1 && !isWide(stop)
  return ledger.halts.find(
    (halt) => scopeKey(halt) === wanted && (!isApart || (placeOf(halt.id) !== undefined) === isOfLane),
  )
}

/** Whether it is about more than one owner's. */
export function isWide({ scope }: Pick<Stop, 'scope'>): boolean {
  return scope.kind === 'everything' || scope.kind === 'instrument'
}

function scopeKey({ state, scope }: Stop): string {
  return keyOf(state, scope.kind, 'name' in scope ? scope.name : '')
}

/**
 * Whether a further breach makes void what was asked about a halt. What stands of a breach does: it would halt again at once. But who asks to rebase a
 * high-water mark asks while the breach stands, and is heard as long as the equity has not fallen by more than a hundredth since the first asked.
 */
export function isAskedInVain(ledger: Ledger, quorum: Quorum, held: Halt): boolean {
  const asked = askedOnHalt(quorum, held.id)
  if (held.resumes.length === 0 && asked.isEmpty()) return false
  const isForRebase =
    held.resumes.every(({ rebase }) => rebase) &&
    asked.every(({ subject }) => subject.kind === 'resume' && subject.rebase === true)
  const isKnown = ledger.accounts.has(accountOf(held) ?? '') && held.equityAsked !== undefined
  return !isForRebase || !isKnown || hasFallen(ledger, held)
}

/** What is owed after a decision: what is not in force, and what is and comes into force again because somebody asked to lift it before this. */
export function owedBy(
  { ledger, quorum }: { readonly ledger: Ledger; readonly quorum: Quorum },
  { decision, raised: all }: Pick<DecisionCore, 'decision' | 'raised'>,
): Owed | undefined {
  if (all.length === 0) return undefined
  const raised = all.filter((one) => {
    const standing = inForce(ledger, one, false)
    return standing === undefined || isAskedInVain(ledger, quorum, standing)
  })
  return raised.length === 0 ? undefined : { decision, raised }
}

/** What is owed yet after `stop` came into force. */
export function owedAfter(owed: Owed | undefined, stop: Stop): Owed | undefined {
  if (owed === undefined) return undefined
  const raised = owed.raised.filter((one) => scopeKey(one) !== scopeKey(stop))
  return raised.length === 0 ? undefined : { ...owed, raised }
}
