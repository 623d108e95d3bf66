/** The core: one input at a time, `[state, events, effects]`, without clock, chance or waiting. */
import type { ErrorCode } from '../base/errors.ts'
import { VERSION } from '../base/version.ts'
import { LIVE_MAX } from '../ledger/orders.ts'
import { covers } from '../ledger/catalogue.ts'
import { keyOf, type Halt } from '../ledger/ledger.ts'
import { subjectOf } from '../ledger/subject.ts'
import type { ActionRequest } from '../protocol/action.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { Event } from '../protocol/event.ts'
import { decide } from './decide.ts'
import { recall } from './memory.ts'
import { handleAdopt, handleExecutions, handleObservations } from './reports.ts'
import { apply, type State } from './state.ts'
import { fold, recorded, refused, type Input, type Step } from './step.ts'

/** A verdict that allows is good for acting on this long, in milliseconds; later the agent asks again with a new id. */
const VERDICT_MS = 60_000

/**
 * Why a verdict must not be released now, at the last look; `undefined` when it may be. An allowed action must not leave after trading was halted, nor
 * after it began to reduce unless it certainly reduces, nor long after it was judged. Denials and cancels always leave.
 */
export function heldBack(
  { ledger }: State,
  decision: DecisionCore,
  now: number,
): { code: ErrorCode; detail: string } | undefined {
  const { action, verdict, request, reducing, at } = decision
  if ((verdict !== 'allow' && verdict !== 'narrow') || action.type === 'cancel') return undefined
  const subject = subjectOf(ledger, request.agent, action)
  const held = ledger.halts.find(
    (halt) => (halt.state === 'halted' || !reducing) && covers(ledger, subject, halt),
  )
  if (held !== undefined)
    return {
      code: 'HALTED_SINCE',
      detail: `${decision.decision} was allowed, and ${held.id} is in force (${held.state})`,
    }
  if (now - at <= VERDICT_MS) return undefined
  return {
    code: 'VERDICT_EXPIRED',
    detail: `${decision.decision} was allowed at ${new Date(at).toISOString()}`,
  }
}

/** Inputs that judge or measure by the clock; the others, and cancels, must work whatever it says. */
const BY_THE_CLOCK: readonly Input['kind'][] = ['action', 'observations', 'activate']

/** Handles one input at the clock reading `now` (milliseconds since 1970). */
export function handle(state: State, input: Input, now: number): Step {
  // INVARIANT: nothing is judged at a time before what has been recorded, or old prices would be new again.
  if (now < state.lastAt && BY_THE_CLOCK.includes(input.kind) && !isCancel(input)) {
    return refused(
      state,
      'CLOCK_BACKWARDS',
      `it is ${now} by the clock, and the last record is of ${state.lastAt}`,
    )
  }
  switch (input.kind) {
    case 'action':
      return handleAction(state, input.request, Math.max(now, state.lastAt))
    case 'observations':
      return handleObservations(state, input, now)
    case 'executions':
      return handleExecutions(state, input, Math.max(now, state.lastAt))
    case 'adopt':
      return handleAdopt(state, input, now)
    case 'register':
      return recorded(
        state,
        { schema: SCHEMA_VERSION, type: 'registered', registration: input.registration, by: input.by },
        now,
        {
          agent: input.registration.agent,
        },
      )
    case 'beat':
      if (!state.ledger.agents.has(input.agent))
        return refused(state, 'AGENT_UNKNOWN', `\`${input.agent}\` is not registered`)
      return recorded(state, { schema: SCHEMA_VERSION, type: 'beat', agent: input.agent }, now, {
        agent: input.agent,
      })
    case 'halt':
      return handleHalt(state, input, now)
    case 'resume':
      return handleResume(state, input, now)
    case 'activate':
      return handleActivate(state, input, now)
  }
}

/** A cancel rests on no price and no time, and must stay possible. */
function isCancel(input: Input): boolean {
  return input.kind === 'action' && input.request.action.type === 'cancel'
}

function handleAction(state: State, request: ActionRequest, now: number): Step {
  const { program, ledger, memory } = state
  if (program === undefined) return refused(state, 'NOT_READY', 'activate a constitution first')
  const recalled = recall(memory, request, now)
  if (recalled.kind === 'answered') return [state, [], [{ kind: 'recall', sequence: recalled.sequence }]]
  if (recalled.kind === 'refused') return refused(state, recalled.code, recalled.detail)
  if (ledger.live >= LIVE_MAX && request.action.type === 'order')
    return refused(state, 'LIMIT_REACHED', `${LIVE_MAX} orders are open`)
  const decided = decide({ ledger, program, now }, request, 'none')
  const { decision } = decided
  const halts = decision.raised
    .filter((raise) => inForce(state, raise) === undefined)
    .map((raise) => haltedBy(decision.decision, raise))
  const events: Event[] = [{ schema: SCHEMA_VERSION, type: 'decided', ...decided }, ...halts]
  return [fold(state, events, now), events, [{ kind: 'answer', decision, sequence: state.sequence + 1 }]]
}

type Raised = Extract<Event, { type: 'decided' }>['decision']['raised'][number]
type Stop = Pick<Raised, 'state' | 'scope'>

/** The halt of the same scope to the same state. */
function inForce({ ledger }: State, stop: Stop): Halt | undefined {
  const wanted = scopeKey(stop)
  return ledger.halts.find((halt) => scopeKey(halt) === wanted)
}

function scopeKey({ state, scope }: Stop): string {
  return keyOf(state, scope.kind, 'name' in scope ? scope.name : '')
}

function haltedBy(decision: string, { rule, state, scope }: Raised): Event {
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

/** Halts that operators may have in force at once; every decision looks at each. */
const HALTS_MAX = 1_000

/** A halt that an operator raised: those of rules bear a decision in their id, and are bounded by what they can be about. */
const RAISED_BY_OPERATOR = /^h-\d+$/

function handleHalt(state: State, { request, by }: Input & { kind: 'halt' }, now: number): Step {
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

function handleResume(
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

function handleActivate(
  state: State,
  { program, by, accepted }: Input & { kind: 'activate' },
  now: number,
): Step {
  const { hash, name, version } = program.constitution
  if (state.program?.constitution.hash === hash)
    return [state, [], [{ kind: 'done', body: { constitution: hash, activated: false } }]]
  const effectiveFrom = Date.parse(program.constitution.effectiveFrom)
  if (now < effectiveFrom) {
    return refused(
      state,
      'CONSTITUTION_INVALID',
      `${name} ${version} takes effect at ${program.constitution.effectiveFrom}, and it is ${new Date(now).toISOString()}`,
    )
  }
  const event: Event = {
    schema: SCHEMA_VERSION,
    type: 'activated',
    constitution: hash,
    name,
    version,
    by,
    engine: VERSION,
    ...(accepted === undefined ? {} : { acceptFailingCases: true as const, ...accepted }),
  }
  const next = apply(state, { at: now, event }, () => program)
  return [next, [event], [{ kind: 'done', body: { constitution: hash, activated: true } }]]
}
