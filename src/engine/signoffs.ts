/** Sign-offs: operators say that a transfer may be sent, or take it back; how what was taken back holds a verdict. */
import { SIGNOFFS_MAX, stateOf, type Signoff } from '../ledger/signoffs.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { Event } from '../protocol/event.ts'
import type { SignoffAnswer } from '../protocol/signoff.ts'
import { serialId } from './placing.ts'
import type { State } from './state.ts'
import { recorded, refused, type Held, type Input, type Step } from './step.ts'

/** Longest that a sign-off may wait for its transfer, in milliseconds. */
const WITHIN = 24 * 3_600_000

export function handleSignoff(state: State, { request, by }: Input & { kind: 'signoff' }, now: number): Step {
  if (state.program === undefined) return refused(state, 'NOT_READY', 'activate a constitution first')
  const { agent, action, until, reason } = request
  if (by === agent || state.ledger.agents.has(by))
    return refused(
      state,
      'SIGNOFF_BY_AGENT',
      `\`${by}\` is an agent’s name; people sign off what agents send`,
    )
  if (until <= now || until > now + WITHIN)
    return refused(
      state,
      'SIGNOFF_UNTIL',
      `a sign-off ends within 24 hours: after ${now}, and at ${now + WITHIN} at the latest`,
    )
  const live = state.ledger.signoffs.count((one) => stateOf(one, now) === 'live')
  if (live >= SIGNOFFS_MAX)
    return refused(
      state,
      'LIMIT_REACHED',
      `${SIGNOFFS_MAX} sign-offs are live; revoke one that is not needed`,
    )
  const signoff = `s-${serialId(state)}`
  const event: Event = {
    schema: SCHEMA_VERSION,
    type: 'signedOff',
    signoff,
    agent,
    action,
    until,
    by,
    reason,
  }
  return recorded(state, event, now, { signoff })
}

/** Any operator takes any sign-off back, whatever the clock says, and also one that was used: what it let through is held back. */
export function handleUnsign(
  state: State,
  { signoff, operator, reason }: Input & { kind: 'unsign' },
  now: number,
): Step {
  const known = state.ledger.signoffs.get(signoff)
  if (known === undefined) return refused(state, 'SIGNOFF_UNKNOWN', `no sign-off \`${signoff}\` is kept`)
  if (known.revokedBy !== undefined)
    return refused(state, 'SIGNOFF_ENDED', `\`${known.revokedBy}\` took \`${signoff}\` back`)
  const event: Event = { schema: SCHEMA_VERSION, type: 'signoffRevoked', signoff, by: operator, reason }
  return recorded(state, event, now, { signoff })
}

/** Why what `decision` allowed by these sign-offs must not be sent: somebody took one back, it is of another constitution, or it is not kept, so that nobody could take it back. */
export function unsignedSince(
  { ledger, program }: Pick<State, 'ledger' | 'program'>,
  decision: string,
  signoffs: readonly string[],
): Held | undefined {
  for (const id of signoffs) {
    const signoff = ledger.signoffs.get(id)
    const why =
      signoff === undefined
        ? 'which is not kept any more'
        : signoff.revokedBy !== undefined
          ? `and \`${signoff.revokedBy}\` took it back`
          : // While another is in force, that is what is said.
            signoff.superseded && signoff.constitution === program?.constitution.hash
            ? 'and another constitution was in force since'
            : ledger.agents.has(signoff.operator)
              ? `and \`${signoff.operator}\` is an agent by now`
              : undefined
    if (why !== undefined) return { code: 'SIGNOFF_ENDED', detail: `${decision} rested on \`${id}\`, ${why}` }
  }
  return undefined
}

/** A sign-off as calls answer it at `now`. */
export function showSignoff(one: Signoff, now: number): SignoffAnswer {
  const { id, agent, action, until, operator, reason, at, usedBy, constitution } = one
  return {
    schema: SCHEMA_VERSION,
    signoff: id,
    state: stateOf(one, now),
    agent,
    action,
    until,
    operator,
    reason,
    at,
    decision: usedBy ?? null,
    constitution,
  }
}
