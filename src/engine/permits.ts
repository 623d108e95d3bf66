/** Permits that are out: what each allows, until it is redeemed, spoken of by the venue, or over. */
import { IdMap } from '../base/id-map.ts'
import { Queue } from '../base/queue.ts'
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
  /** Hash of the constitution that it was allowed under. */
  readonly constitution: string
  /** The grants it rests on; left out where it rests on none, as the two below. */
  readonly grants?: readonly string[]
  /** Rounds that approved it. */
  readonly approvals?: readonly string[]
  /** Sign-offs that it used. */
  readonly signoffs?: readonly string[]
  /** Of a transfer: what it counts towards. Of an order the ledger tells it. */
  readonly strategy?: string
}

export interface Permits {
  /** By the id of the decision that gave them. */
  readonly open: IdMap<OpenPermit>
  /** Those decisions in the order in which their permits end: all live equally long. The first is open; behind it may be some that are not. */
  readonly ends: Queue<string>
}

export const NO_PERMITS: Permits = { open: IdMap.empty(), ends: Queue.empty() }

/**
 * Permits that lapse with one input at most. All of one second end together, and no answer should wait for thousands of them; each input gives one permit
 * at most, so what waits is soon gone.
 */
const LAPSES_MAX = 2
/** … and when time passes: few enough that who comes meanwhile does not feel it. Where more are over, time is let pass again at once. */
export const LAPSES_IDLE_MAX = 16

/** The permit's id: the decision's, under another letter. */
export function permitId(decision: string): string {
  return decision.replace(/^d-/, 'p-')
}

/** The decision that gave the permit; `undefined` when no permit is called so. */
export function decisionOfPermit(permit: string): string | undefined {
  return permit.startsWith('p-') ? `d-${permit.slice(2)}` : undefined
}

/** Whose word besides the rules' a verdict names: grants and rounds that approved it. */
export function wordsIn({ grants, approvals }: DecisionCore): Pick<OpenPermit, 'grants' | 'approvals'> {
  return {
    ...(grants === undefined ? {} : { grants: grants.map(({ grant }) => grant) }),
    ...(approvals === undefined ? {} : { approvals: approvals.map(({ proposal }) => proposal) }),
  }
}

/** The permits after a verdict that used these sign-offs. */
export function given(
  permits: Permits,
  decided: DecisionCore,
  signoffs: readonly string[],
  strategy: string | undefined,
): Permits {
  const { decision, verdict, request, action, reducing, expires, constitution } = decided
  if ((verdict !== 'allow' && verdict !== 'narrow') || expires === null) return permits
  const { open, ends } = permits
  return {
    open: open.set(decision, {
      agent: request.agent,
      action,
      reducing,
      expires,
      constitution,
      ...wordsIn(decided),
      ...(signoffs.length === 0 ? {} : { signoffs }),
      ...(strategy === undefined ? {} : { strategy }),
    }),
    ends: ends.push(decision),
  }
}

/** The permits without those of `decisions`. */
export function without({ open: before, ends: ended }: Permits, decisions: readonly string[]): Permits {
  const open = before.deleteAll(decisions)
  let ends = ended
  for (let first = ends.first(); first !== undefined && !open.has(first); first = ends.first())
    ends = ends.shift()
  return { open, ends }
}

/** The events of permits that are over at `now` and were never redeemed: what they reserved is free. */
export function lapses({ open, ends }: Permits, now: number, max = LAPSES_MAX): readonly Event[] {
  if (!isOver(open, ends.first(), now)) return NONE
  const events: Event[] = []
  for (let place = 0; place < ends.size; place += 1) {
    const decision = ends.get(place) as string
    const permit = open.get(decision)
    if (permit === undefined) continue
    if (permit.expires > now || events.length === max) break
    events.push({ schema: SCHEMA_VERSION, type: 'lapsed', decision })
  }
  return events
}

const NONE: readonly Event[] = []

function isOver(open: Permits['open'], decision: string | undefined, now: number): boolean {
  return decision !== undefined && (open.get(decision)?.expires ?? now) <= now
}
