/** Trading states: how they come into force and are lifted. */
import { keyOf, type Halt } from '../ledger/ledger.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { Event } from '../protocol/event.ts'
import type { State } from './state.ts'
import { recorded, refused, type Input, type Step } from './step.ts'

/** A trading state that a rule put in force. */
export type Raised = Extract<Event, { type: 'decided' }>['decision']['raised'][number]
type Stop = Pick<Raised, 'state' | 'scope'>

/** The halt of the same scope to the same state. */
export function inForce({ ledger }: State, stop: Stop): Halt | undefined {
  const wanted = scopeKey(stop)
  return ledger.halts.find((halt) => scopeKey(halt) === wanted)
}

function scopeKey({ state, scope }: Stop): string {
  return keyOf(state, scope.kind, 'name' in scope ? scope.name : '')
}

/** The event of a halt that a rule raised over `decision`. */
export function haltedBy(decision: string, { rule, state, scope }: Raised): Event {
  return {
    schema: SCHEMA_VERSION,
    type: 'halted',
    halt: `h-${decision.slice(2)}-${rule}`,
    scope,
    state,
    by: rule,
    reason: `${rule} was breached by ${decision}`,
  }
}

/** The event of a halt that a rule raised over what was reported; `sequence` is that of the event. */
export function haltedByReport(sequence: number, { rule, state, scope }: Raised): Event {
  return {
    schema: SCHEMA_VERSION,
    type: 'halted',
    halt: `h-r${sequence}-${rule}`,
    scope,
    state,
    by: rule,
    reason: `${rule} was breached by what was reported`,
  }
}

/** Halts that operators may have in force at once; every decision looks at each. */
const HALTS_MAX = 1_000

/** A halt that an operator raised: those of rules bear a decision in their id, and are bounded by what they can be about. */
const RAISED_BY_OPERATOR = /^h-\d+$/

export function handleHalt(state: State, { request, by }: Input & { kind: 'halt' }, now: number): Step {
  const { scope } = request
  const standing = inForce(state, request)
  // Stopping everything always fits, so that no bound keeps trading going.
  if (standing === undefined && scope.kind !== 'everything' && haltsOfOperators(state) >= HALTS_MAX) {
    return refused(
      state,
      'LIMIT_REACHED',
      `${HALTS_MAX} halts are in force; lift one that is not needed any more, or halt everything`,
    )
  }
  // Halted again is one halt, with the last reason; who asked to resume it asked before this, and must ask again.
  const halt = standing?.id ?? `h-${state.sequence + 1}`
  const event: Event = {
    schema: SCHEMA_VERSION,
    type: 'halted',
    halt,
    scope,
    state: request.state,
    by,
    reason: request.reason,
  }
  return recorded(state, event, now, { halt, state: request.state })
}

function haltsOfOperators({ ledger }: State): number {
  return ledger.halts.count(({ id }) => RAISED_BY_OPERATOR.test(id))
}

export function handleResume(
  state: State,
  { halt, operator, reason }: Input & { kind: 'resume' },
  now: number,
): Step {
  const held = state.ledger.halts.get(halt)
  if (held === undefined) return refused(state, 'HALT_UNKNOWN', `no halt \`${halt}\` is in force`)
  if (held.resumes.some((other) => other.operator === operator)) {
    return refused(
      state,
      'HALT_SECOND_OPERATOR',
      `\`${operator}\` has asked to resume already; another operator must`,
    )
  }
  const event: Event = { schema: SCHEMA_VERSION, type: 'resumed', halt, operator, reason }
  const lifted = held.resumes.length + 1 >= 2
  return recorded(state, event, now, { halt, lifted, operators: held.resumes.length + 1 })
}
