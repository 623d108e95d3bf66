/** What operators said of rules and transfers, as calls answer it. */
import { showGrant } from '../engine/grants.ts'
import { showSignoff } from '../engine/signoffs.ts'
import type { State } from '../engine/state.ts'
import type { GrantAnswer } from '../protocol/grant.ts'
import type { SignoffAnswer } from '../protocol/signoff.ts'

/** The grants and sign-offs of a state, from the oldest, as they stand at `now` (milliseconds since 1970). */
export function shownOf(
  { ledger }: State,
  now: number,
): { readonly grants: GrantAnswer[]; readonly signoffs: SignoffAnswer[] } {
  return {
    grants: Array.from(ledger.grants.values(), (grant) => showGrant(grant, now)),
    signoffs: Array.from(ledger.signoffs.values(), (one) => showSignoff(one, now)),
  }
}
