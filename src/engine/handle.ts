/** The core: one input at a time, `[state, events, effects]`, without clock, chance or waiting. */
import type { ErrorCode } from '../base/errors.ts'
import { VERSION } from '../base/version.ts'
import type { Program } from '../constitution/compile.ts'
import { refuse } from '../ledger/accept.ts'
import { covers } from '../ledger/catalogue.ts'
import { keyOf } from '../ledger/ledger.ts'
import { subjectOf } from '../ledger/subject.ts'
import type { ActionRequest, AgentRegistration, HaltRequest } from '../protocol/action.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { ActionAnswer } from '../protocol/decision.ts'
import type { Event } from '../protocol/event.ts'
import type { Observation } from '../protocol/observation.ts'
import { decide } from './decide.ts'
import { answerOf, recall } from './memory.ts'
import { apply, type State } from './state.ts'

/** What can happen to an owner. Operators and feeders are named by their tokens. */
export type Input =
  | { readonly kind: 'action'; readonly request: ActionRequest }
  | {
      readonly kind: 'observations'
      readonly observations: readonly Observation[]
      readonly feeder: string | null
    }
  | { readonly kind: 'register'; readonly registration: AgentRegistration; readonly by: string }
  | { readonly kind: 'beat'; readonly agent: string }
  | { readonly kind: 'halt'; readonly request: HaltRequest; readonly by: string }
  | { readonly kind: 'resume'; readonly halt: string; readonly operator: string; readonly reason: string }
  | { readonly kind: 'activate'; readonly program: Program; readonly by: string }

/** What an input was answered; performed only once the events are durable. */
export type Effect =
  /** `text` is the answer as JSON: the same bytes however often it is asked. */
  | {
      readonly kind: 'answer'
      readonly answer: ActionAnswer
      readonly text: string
      readonly recalled: boolean
    }
  | { readonly kind: 'observed'; readonly accepted: number; readonly refused: readonly RefusedObservation[] }
  | { readonly kind: 'done'; readonly body: Readonly<Record<string, string | number | boolean>> }
  | { readonly kind: 'refuse'; readonly code: ErrorCode; readonly detail: string }

export interface RefusedObservation {
  /** Its place in what was sent. */
  readonly index: number
  readonly code: ErrorCode
  readonly detail: string
}

export type Step = readonly [State, readonly Event[], readonly Effect[]]

/** Agents, prices and halts that an owner may have; each is kept for good. */
const NAMES_MAX = 100_000

/**
 * The halt that holds an answer back at the moment of its release: an allowed action must not leave after trading was halted, also when it was
 * decided before. Cancels always leave.
 */
export function haltedSince({ ledger }: State, agent: string, answer: ActionAnswer): string | undefined {
  const { action, verdict } = answer
  if ((verdict !== 'allow' && verdict !== 'narrow') || action.type === 'cancel') return undefined
  return ledger.halts.find(
    (halt) => halt.state === 'halted' && covers(ledger, subjectOf(ledger, agent, action), halt),
  )?.id
}

/** Handles one input at the clock reading `now` (milliseconds since 1970). */
export function handle(state: State, input: Input, now: number): Step {
  switch (input.kind) {
    case 'action':
      return handleAction(state, input.request, now)
    case 'observations':
      return handleObservations(state, input, now)
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

function handleAction(state: State, request: ActionRequest, now: number): Step {
  const { program, ledger, memory } = state
  if (program === undefined) return refused(state, 'NOT_READY', 'activate a constitution first')
  const recalled = recall(memory, request, now)
  if (recalled.kind === 'answered') {
    const { text } = recalled
    return [state, [], [{ kind: 'answer', answer: JSON.parse(text) as ActionAnswer, text, recalled: true }]]
  }
  if (recalled.kind === 'refused') return refused(state, recalled.code, recalled.detail)
  const decision = decide({ ledger, program, now }, request, 'none')
  const halts = decision.raised
    .filter((raise) => !inForce(state, raise))
    .map((raise) => haltedBy(decision.decision, raise))
  const events: Event[] = [{ schema: SCHEMA_VERSION, type: 'decided', decision }, ...halts]
  const next = fold(state, events, now)
  const text = next.memory.byDecision.get(decision.decision)?.answer
  if (text === undefined) throw new Error('invariant: what was decided is remembered')
  const answer = answerOf(decision, state.sequence + 1)
  return [next, events, [{ kind: 'answer', answer, text, recalled: false }]]
}

type Raised = Extract<Event, { type: 'decided' }>['decision']['raised'][number]

function inForce(state: State, raise: Raised): boolean {
  const wanted = scopeKey(raise)
  return state.ledger.halts.some((halt) => scopeKey(halt) === wanted)
}

function scopeKey({ state, scope }: Pick<Raised, 'state' | 'scope'>): string {
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

function handleObservations(state: State, input: Input & { kind: 'observations' }, now: number): Step {
  const refusals: RefusedObservation[] = []
  const events: Event[] = []
  let next = state
  for (const [index, observation] of input.observations.entries()) {
    const problem = refuse(next.ledger, observation, now) ?? overflow(next, observation)
    if (problem !== undefined) refusals.push({ index, ...problem })
    else {
      const event: Event = { schema: SCHEMA_VERSION, type: 'observed', observation, feeder: input.feeder }
      events.push(event)
      next = fold(next, [event], now)
    }
  }
  return [next, events, [{ kind: 'observed', accepted: events.length, refused: refusals }]]
}

function overflow(
  { ledger }: State,
  observation: Observation,
): { code: ErrorCode; detail: string } | undefined {
  const full =
    ledger.instruments.size >= NAMES_MAX ||
    ledger.accounts.size >= NAMES_MAX ||
    ledger.prices.size >= NAMES_MAX
  const known =
    'instrument' in observation
      ? ledger.instruments.has(observation.instrument)
      : !('account' in observation) || ledger.accounts.has(observation.account)
  return full && !known
    ? { code: 'LIMIT_REACHED', detail: `at most ${NAMES_MAX} instruments and accounts are kept` }
    : undefined
}

function handleHalt(state: State, { request, by }: Input & { kind: 'halt' }, now: number): Step {
  const halt = `h-${state.sequence + 1}`
  const event: Event = {
    schema: SCHEMA_VERSION,
    type: 'halted',
    halt,
    scope: request.scope,
    state: request.state,
    by,
    reason: request.reason,
  }
  return recorded(state, event, now, { halt, state: request.state })
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

function handleActivate(state: State, { program, by }: Input & { kind: 'activate' }, now: number): Step {
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
  }
  const next = apply(state, { at: now, event }, () => program)
  return [next, [event], [{ kind: 'done', body: { constitution: hash, activated: true } }]]
}

function recorded(
  state: State,
  event: Event,
  now: number,
  body: Readonly<Record<string, string | number | boolean>>,
): Step {
  return [fold(state, [event], now), [event], [{ kind: 'done', body }]]
}

function refused(state: State, code: ErrorCode, detail: string): Step {
  return [state, [], [{ kind: 'refuse', code, detail }]]
}

function fold(state: State, events: readonly Event[], now: number): State {
  return events.reduce((next, event) => apply(next, { at: now, event }, () => state.program), state)
}
