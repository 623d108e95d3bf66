/** Permits that are out: what each allows, until it is redeemed, spoken of by the venue, or over. */
import { OrderedMap } from 'immutable'
import type { Action } from '../protocol/action.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { Event } from '../protocol/event.ts'

export interface OpenPermit {
  readonly agent: string
  readonly action: Action
  /** Whether the action certainly reduced when it was judged. */
  readonly reducing: boolean
  /** When it is over, in milliseconds since 1970. */
  readonly expires: number
  /** The grants it rests on; left out where it rests on none. */
  readonly grants?: readonly string[]
}

/** By the id of the decision that gave them, in the order in which they end: all live equally long. */
export type Permits = OrderedMap<string, OpenPermit>

export const NO_PERMITS: Permits = OrderedMap()

/** The permit's id: the decision's, under another letter. */
export function permitId(decision: string): string {
  return decision.replace(/^d-/, 'p-')
}

/** The decision that gave the permit; `undefined` when no permit is called so. */
export function decisionOfPermit(permit: string): string | undefined {
  return permit.startsWith('p-') ? `d-${permit.slice(2)}` : undefined
}

/** The permits after a verdict. */
export function given(
  permits: Permits,
  { decision, verdict, request, action, reducing, expires, grants }: DecisionCore,
): Permits {
  if ((verdict !== 'allow' && verdict !== 'narrow') || expires === null) return permits
  return permits.set(decision, {
    agent: request.agent,
    action,
    reducing,
    expires,
    ...(grants === undefined ? {} : { grants: grants.map(({ grant }) => grant) }),
  })
}

/** The events of permits that are over at `now` and were never redeemed: what they reserved is free. */
export function lapses(permits: Permits, now: number): Event[] {
  const events: Event[] = []
  for (const [decision, { expires }] of permits) {
    if (expires > now) break
    events.push({ schema: SCHEMA_VERSION, type: 'lapsed', decision })
  }
  return events
}
