/** Trading states: how they come into force and are lifted. */
import { accountOf, rebases } from '../ledger/fold.ts'
import type { Halt } from '../ledger/ledger.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { Event } from '../protocol/event.ts'
import type { Sighting } from '../protocol/emergency.ts'
import { placeOf } from '../protocol/taken.ts'
import { askToResume } from './asking.ts'
import { inForce, isAskedInVain, isWide, type Raised, type Stop } from './in-force.ts'
import { markOf, serialId } from './placing.ts'
import type { State } from './state.ts'
import { reasonOf } from './monitor-reasons.ts'
import type { Alarm } from './monitors.ts'
import { fold, recorded, refused, type Input, type Step } from './step.ts'

/** What would stop trading, and what it would be called. */
interface Stopping extends Stop {
  readonly by: string
  readonly reason: string
  readonly id: (state: State) => string
  readonly monitor?: Sighting
}

/** What a rule raised over `decision`. */
export function stopsOver(decision: string, raised: readonly Raised[]): Stopping[] {
  return raised.map(({ rule, state, scope }) => ({
    state,
    scope,
    by: rule,
    reason: `${rule} was breached by ${decision}`,
    id: () => `h-${decision.slice(2)}-${rule}`,
  }))
}

/** The state with what rules raised over the last decision in force, where a torn write kept that and not what followed. */
export function putOwed(state: State, now: number): readonly [State, readonly Event[]] {
  const { owed } = state
  if (owed === undefined) return [state, []]
  return putInForce(state, stopsOver(owed.decision, owed.raised), Math.max(now, state.lastAt))
}

/** What rules raised over what was reported. */
export function stopsByReport(raised: readonly Raised[]): Stopping[] {
  return raised.map(({ rule, state, scope }) => ({
    state,
    scope,
    by: rule,
    reason: `${rule} was breached by what was reported`,
    id: (state) => `h-${markOf(state)}r${state.sequence + 1}-${rule}`,
  }))
}

/** What monitors of the policy `hash` saw. */
export function stopsByMonitors(hash: string, alarms: readonly Alarm[]): Stopping[] {
  return alarms.map(({ monitor, scope, about, observed }) => ({
    state: monitor.state,
    scope,
    by: monitor.id,
    // Only what does come into force is told.
    get reason() {
      return reasonOf(monitor, about, observed)
    },
    id: (state) => `h-${markOf(state)}m${state.sequence + 1}-${monitor.id}`,
    monitor: { policy: hash, watches: monitor.watches, about, observed, limit: monitor.limit },
  }))
}

/**
 * Puts in force what is not in force already: one event each, folded one after another, so that two that are the same become one. What is in force is raised
 * again where somebody asked to resume, so that nobody lifts what he has not seen.
 */
export function putInForce(
  state: State,
  stops: readonly Stopping[],
  now: number,
): readonly [State, readonly Event[]] {
  const events: Event[] = []
  let next = state
  for (const stop of stops) {
    const standing = inForce(next.ledger, stop, false)
    if (standing !== undefined && !isAskedInVain(next.ledger, next.quorum, standing)) continue
    const { scope, by, reason, id, monitor } = stop
    const event: Event = {
      schema: SCHEMA_VERSION,
      type: 'halted',
      ...calledAs(next, standing, id(next)),
      scope,
      state: stop.state,
      by,
      reason,
      ...(monitor === undefined ? {} : { monitor }),
    }
    events.push(event)
    next = fold(next, [event], now)
  }
  return [next, events]
}

/**
 * What a halt is called from now on: where it is in force already by the name that it has. Where there are several partitions by a new one, so that a name says which raising is meant: what one
 * of them hears of lifting it can reach no later one.
 */
function calledAs(
  { ledger }: State,
  standing: Halt | undefined,
  id: string,
): Pick<Extract<Event, { type: 'halted' }>, 'halt' | 'replaces'> {
  if (standing === undefined || standing.id === id) return { halt: id }
  return ledger.partition.of === 1 ? { halt: standing.id } : { halt: id, replaces: standing.id }
}

/** Where there are several partitions: whether the others are to be halted by it, too, and it has not come back to this one by the name that it has in all. */
export function isForOthers(halt: Pick<Halt, 'id' | 'scope'>): boolean {
  return isWide(halt) && placeOf(halt.id) === undefined
}

/** Halts that operators may have in force at once; every decision looks at each. */
const HALTS_MAX = 1_000

/** A halt that an operator raised: those of rules bear a decision in their id, and are bounded by what they can be about. */
const BY_OPERATOR = /^h-(p\d+-)?\d+(-\d+)?$/

function isRaisedByOperator(id: string): boolean {
  return BY_OPERATOR.test(id)
}

export function handleHalt(
  state: State,
  { request, by, id, monitor }: Input & { kind: 'halt' },
  now: number,
): Step {
  const { scope } = request
  const standing = inForce(state.ledger, request, id !== undefined)
  // Where there are several partitions it was let into their lane, and holds in all of them.
  const full = id === undefined ? haltsFull(state, request) : undefined
  if (full !== undefined) return refused(state, 'LIMIT_REACHED', full)
  // Halted again is one halt, with the last reason; who asked to resume it asked before this, and must ask again.
  const called = calledAs(state, standing, id ?? `h-${serialId(state)}`)
  const event: Event = {
    schema: SCHEMA_VERSION,
    type: 'halted',
    ...called,
    scope,
    state: request.state,
    by,
    reason: request.reason,
    ...(monitor === undefined ? {} : { monitor }),
  }
  return recorded(state, event, now, { halt: called.halt, state: request.state })
}

/** Halts that an error names. */
const KNOWN_MAX = 4

/** Why operators may raise no more halts; `undefined` where they may. Stopping everything always fits, so that no bound keeps trading going, and so does what is in force. */
export function haltsFull(state: State, stop: Stop): string | undefined {
  const { halts, partition } = state.ledger
  const always =
    stop.scope.kind === 'everything' || inForce(state.ledger, stop, partition.of > 1) !== undefined
  return !always && halts.count(({ id }) => isRaisedByOperator(id)) >= HALTS_MAX
    ? `${HALTS_MAX} halts are in force; lift one that is not needed any more, or halt everything`
    : undefined
}

/** What is in force, the newest first: one that was raised again, or came back over the lane, may have another name than its asker knows. */
function known({ ledger: { halts } }: State): string {
  if (halts.size === 0) return 'none is'
  const newest = [...halts.values()].toSorted((a, b) => b.at - a.at || (a.id < b.id ? -1 : 1))
  const named = newest.slice(0, KNOWN_MAX).map(({ id, scope, state: trading }) => {
    const what = scope.kind === 'everything' ? scope.kind : `${scope.kind} \`${scope.name}\``
    return `\`${id}\` (${trading}: ${what})`
  })
  const more = halts.size > KNOWN_MAX ? ` and ${halts.size - KNOWN_MAX} more` : ''
  return `in force: ${named.join(', ')}${more}`
}

/** Lifts a halt where two operators ask, or, where agents can vote, asks them. */
export function handleResume(state: State, input: Input & { kind: 'resume' }, now: number): Step {
  const { halt, operator, reason, rebase } = input
  const held = state.ledger.halts.get(halt)
  if (held === undefined)
    return refused(state, 'HALT_UNKNOWN', `no halt \`${halt}\` is in force; ${known(state)}`)
  if (state.ledger.partition.of > 1 && isForOthers(held))
    return refused(state, 'HALT_ON_ITS_WAY', `\`${halt}\` is not in force in all partitions yet`)
  if (held.resumes.some((other) => other.operator === operator)) {
    return refused(
      state,
      'HALT_SECOND_OPERATOR',
      `\`${operator}\` has asked to resume already; another operator must`,
    )
  }
  if (rebase === true && accountOf(held) === undefined)
    return refused(state, 'REBASE_UNRELATED', `\`${halt}\` is about no account, so it has no high-water mark`)
  const asked = askToResume(state, input, now)
  if (asked?.type === 'refused') return refused(state, asked.code, asked.detail)
  if (asked !== undefined) {
    const proposal = asked.rounds[0]?.proposal.proposal ?? ''
    return recorded(state, asked, now, { halt, lifted: false, rebased: false, operators: 0, proposal })
  }
  // As where agents are asked: who bears the name of one is no second person beside it.
  if (state.ledger.agents.has(operator))
    return refused(state, 'PROPOSER_IS_AGENT', `\`${operator}\` is registered as an agent`)
  const event: Event = {
    schema: SCHEMA_VERSION,
    type: 'resumed',
    halt,
    operator,
    reason,
    ...(rebase === true ? { rebase } : {}),
  }
  const resumes = [...held.resumes, { rebase: rebase === true }]
  const lifted = resumes.length >= 2
  const rebased = lifted && rebases(state.ledger, held, resumes)
  return recorded(state, event, now, { halt, lifted, rebased, operators: resumes.length })
}
