/** The core: one input at a time, `[state, events, effects]`, without clock, chance or waiting. */
import { VERSION } from '../base/version.ts'
import type { Program } from '../constitution/compile.ts'
import { orderOverflow } from '../ledger/orders.ts'
import { WHOLE } from '../protocol/partition.ts'
import type { ActionRequest } from '../protocol/action.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { Event } from '../protocol/event.ts'
import type { Decided } from '../protocol/evidence.ts'
import { drawnOn } from './approval.ts'
import { consequences } from './consequences.ts'
import { decide, type Closed } from './decide.ts'
import { handleActivate, handleQuorate, handleRoute } from './enact.ts'
import { handleApprove, handleGrant, handleRevoke } from './grants.ts'
import { handleFollow } from './following.ts'
import { hashOfPolicy } from './read-emergency.ts'
import { handleHalt, handleResume, putInForce, stopsByMonitors, putOwed } from './halts.ts'
import { alarmsOfSilence } from './monitors.ts'
import { decisionId, recall, REMEMBERED_MAX } from './memory.ts'
import { lapses, LAPSES_IDLE_MAX } from './permits.ts'
import { closeDue, settleTorn, handleDelegate, handleStop, handleVote, propose } from './proposals.ts'
import { handleOwn, handleRegister } from './owning.ts'
import { placing } from './placing.ts'
import { handleRate } from './rating.ts'
import { handleRedeem } from './redeeming.ts'
import { handleAdopt, handleExecutions, handleObservations } from './reports.ts'
import { NO_MODELS, type ModelOf } from './optimizer.ts'
import type { State } from './state.ts'
import { handleSteer } from './steer.ts'
import { handleSignoff, handleUnsign } from './signoffs.ts'
import { fold, recorded, refused, type Input, type Step } from './step.ts'
import { isRegistered } from './voters.ts'

/** Inputs that judge or measure by the clock; the others, and cancels, must work whatever it says. */
const BY_THE_CLOCK: readonly Input['kind'][] = [
  'action',
  'observations',
  'redeem',
  'grant',
  'signoff',
  'approve',
  'activate',
]

/**
 * Handles one input at the clock reading `now` (milliseconds since 1970). What a torn write left out goes first, then permits and rounds that are over by then, but for a
 * promotion.
 */
export function handle(state: State, input: Input, now: number, modelOf: ModelOf = NO_MODELS): Step {
  // INVARIANT: its promotion is the first that a home records. What it recorded and could not bring into the log is told by that from what it copied.
  if (input.kind === 'promote') return handlePromote(state, input, now)
  const [whole, halted] = putOwed(state, now)
  const [begun, settled] = settleTorn(whole, now, modelOf)
  const over = lapses(begun.permits, now, input.kind === 'tick' ? LAPSES_IDLE_MAX : undefined)
  const [due, closed] = closeDue(over.length === 0 ? begun : fold(begun, over, now), now, modelOf)
  const [next, events, effects] = handleOne(due, input, now, modelOf)
  const first = [...halted, ...settled, ...over, ...closed]
  return first.length === 0 ? [next, events, effects] : [next, [...first, ...events], effects]
}

function handleOne(
  state: State,
  input: Exclude<Input, { kind: 'promote' }>,
  now: number,
  modelOf: ModelOf,
): Step {
  // INVARIANT: nothing is judged at a time before what has been recorded, or old prices would be new again.
  if (now < state.lastAt && BY_THE_CLOCK.includes(input.kind) && !isCancel(input)) {
    return refused(
      state,
      'CLOCK_BACKWARDS',
      `it is ${now} by the clock, and the last record is of ${state.lastAt}`,
    )
  }
  const misplaced = placing(state, input)
  if (misplaced !== undefined) return refused(state, misplaced.code, misplaced.detail)
  switch (input.kind) {
    case 'action':
      return handleAction(state, input.request, Math.max(now, state.lastAt), modelOf)
    case 'observations':
      return handleObservations(state, input, now)
    case 'executions':
      return handleExecutions(state, input, Math.max(now, state.lastAt))
    case 'redeem':
      return handleRedeem(state, input, now)
    case 'adopt':
      return handleAdopt(state, input, now)
    case 'register':
      return handleRegister(state, input, now)
    case 'own':
      return handleOwn(state, input, now)
    case 'rate':
      return handleRate(state, input, now)
    case 'follow':
      return handleFollow(state, input, now)
    case 'vote':
      return handleVote(state, input, Math.max(now, state.lastAt), modelOf)
    case 'stop':
      return handleStop(state, input, Math.max(now, state.lastAt), modelOf)
    case 'delegate':
      return handleDelegate(state, input, now)
    case 'quorate':
      return handleQuorate(state, input, Math.max(now, state.lastAt))
    case 'route':
      return handleRoute(state, input, Math.max(now, state.lastAt))
    case 'retire':
      if (!isRegistered(state.ledger, input.agent))
        return refused(state, 'AGENT_UNKNOWN', `\`${input.agent}\` is not registered`)
      return recorded(
        state,
        {
          schema: SCHEMA_VERSION,
          type: 'retired',
          agent: input.agent,
          by: input.by,
          reason: input.reason,
        },
        now,
        { agent: input.agent },
      )
    case 'beat':
      if (!isRegistered(state.ledger, input.agent))
        return refused(state, 'AGENT_UNKNOWN', `\`${input.agent}\` is not registered`)
      return recorded(state, { schema: SCHEMA_VERSION, type: 'beat', agent: input.agent }, now, {
        agent: input.agent,
      })
    case 'halt':
      return handleHalt(state, input, now)
    case 'resume':
      return handleResume(state, input, Math.max(now, state.lastAt))
    case 'signoff':
      return handleSignoff(state, input, now)
    case 'unsign':
      return handleUnsign(state, input, now)
    case 'grant':
      return handleGrant(state, input, now)
    case 'approve':
      return handleApprove(state, input, now)
    case 'revoke':
      return handleRevoke(state, input, now)
    case 'activate':
      return handleActivate(state, input, now)
    case 'police':
      return handlePolice(state, input, now)
    case 'steer':
      return handleSteer(state, input, Math.max(now, state.lastAt))
    case 'tick':
      return handleTick(state, input, now)
  }
}

function handlePromote(
  state: State,
  { epoch, by, partition = WHOLE }: Input & { kind: 'promote' },
  now: number,
): Step {
  // INVARIANT: an epoch is used once.
  if (epoch <= state.tenure.epoch) throw new Error(`invariant: epoch ${epoch} was used`)
  const { number, of } = partition
  const known = state.ledger.partition
  const isFirst = state.sequence === 0
  // INVARIANT: what was decided here before was decided for the same owners.
  if (!isFirst && (known.number !== number || known.of !== of))
    throw new Error('invariant: a journal is of one partition from its first record on')
  const named = isFirst && of > 1 ? { partition: { number, of } } : {}
  return recorded(state, { schema: SCHEMA_VERSION, type: 'promoted', epoch, by, ...named }, now, { epoch })
}

/** A cancel rests on no price and no time, and must stay possible. */
function isCancel(input: Input): boolean {
  return input.kind === 'action' && input.request.action.type === 'cancel'
}

function handleAction(state: State, request: ActionRequest, now: number, modelOf: ModelOf): Step {
  const { program, ledger, memory } = state
  if (program === undefined) return refused(state, 'NOT_READY', 'activate a constitution first')
  const id = decisionId(request.agent, request.id)
  const recalled = recall(memory, request, now, REMEMBERED_MAX, id)
  if (recalled.kind === 'answered') return [state, [], [{ kind: 'recall', sequence: recalled.sequence }]]
  if (recalled.kind === 'refused') return refused(state, recalled.code, recalled.detail)
  const overflow = orderOverflow(ledger, request.agent, request.action)
  if (overflow !== undefined) return refused(state, 'LIMIT_REACHED', overflow)
  const decided = decideOrPropose(state, program, request, id, now, modelOf)
  if ('type' in decided) {
    const effect = { kind: 'answer', decision: decided.decision, sequence: state.sequence + 1 } as const
    const [next, more] = consequences(fold(state, [decided], now), decided.decision, now)
    return [next, [decided, ...more], [effect]]
  }
  const { decision } = decided
  const event: Event = { schema: SCHEMA_VERSION, type: 'decided', ...decided }
  const [next, more] = consequences(fold(state, [event], now), decision, now)
  return [next, [event, ...more], [{ kind: 'answer', decision, sequence: state.sequence + 1 }]]
}

/** Looks at what nobody reported: who has not been heard for too long. */
function handleTick(state: State, { listeningSince }: Input & { kind: 'tick' }, now: number): Step {
  const { ledger, emergency } = state
  // A clock that has gone back says nothing of how long ago anything was.
  const alarms = now < state.lastAt ? [] : alarmsOfSilence({ ledger, emergency, now }, listeningSince)
  const [next, halts] = putInForce(state, stopsByMonitors(emergency.policy?.hash ?? '', alarms), now)
  return [next, halts, [{ kind: 'done', body: { halts: halts.length } }]]
}

function handlePolice(state: State, { hash, content, by }: Input & { kind: 'police' }, now: number): Step {
  if (state.emergency.policy?.hash === hash)
    return [state, [], [{ kind: 'done', body: { policy: hash, activated: false } }]]
  // INVARIANT: what is recorded is what the hash stands for.
  if (hashOfPolicy(content) !== hash) throw new Error('invariant: the hash is not that of the policy')
  const event: Event = {
    schema: SCHEMA_VERSION,
    type: 'policed',
    policy: 'emergency',
    hash,
    content,
    by,
    engine: VERSION,
  }
  return recorded(state, event, now, { policy: hash, activated: true })
}

/** The decision; or the event that puts it to the vote, where rules escalate it and somebody can vote. */
function decideOrPropose(
  state: State,
  program: Program,
  request: ActionRequest,
  id: string,
  now: number,
  modelOf: ModelOf,
): Decided | Extract<Event, { type: 'proposed' }> {
  const { ledger, quorum, optimizer } = state
  const { approval } = request
  const approvals =
    approval === undefined ? [] : drawnOn(ledger, quorum.approvals, approval, request, program, now)
  const court = { ledger, program, now, approvals, desk: { optimizer, modelOf } }
  const lapsed: Closed = { code: 'APPROVAL_LAPSED', why: approval ?? null, isFinal: false }
  if (approval !== undefined && approvals.length === 0) return decide(court, request, lapsed, id)
  if (quorum.policies === undefined) return decide(court, request, 'none', id)
  const decided = decide(court, request, 'open', id)
  if (decided.decision.verdict !== 'pending') return decided
  const event = propose(state, program, decided, now)
  if (event.type === 'proposed') return event
  return decide(court, request, { code: 'QUORUM_UNAVAILABLE', why: event.code, isFinal: false }, id)
}
