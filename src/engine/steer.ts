/** Puts the optimizer policy in force, and stops tuning where it went wrong: latched, until an author says why it may go on. */
import { digestOf } from '../base/hash.ts'
import { VERSION } from '../base/version.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { Event } from '../protocol/event.ts'
import type { Change } from '../protocol/proposal.ts'
import { consentOfAuthor, consentTo, waiting } from './consent.ts'
import { isModelStopped, isStopped, movesOrders } from './optimizer.ts'
import { alarmOf } from './watching.ts'
import type { State } from './state.ts'
import { fold, recorded, refused, type Input, type Step } from './step.ts'

type Stopped = Extract<Event, { type: 'tuningStopped' }>

/**
 * An optimizer policy comes into force: one that moves orders as other changes do, one that only looks or does nothing by its author alone, since that is the
 * safe way. Where tuning stopped by itself, only with a reason.
 */
export function handleSteer(
  state: State,
  { hash, content, stops, ...person }: Input & { kind: 'steer' },
  now: number,
): Step {
  const { by, reason } = person
  const { policy } = state.optimizer
  if (policy?.hash === hash && state.optimizer.stops.length === 0 && stops === undefined)
    return [state, [], [{ kind: 'done', body: { policy: hash, activated: false } }]]
  // INVARIANT: what is recorded is what the hash stands for.
  if (digestOf(content) !== hash) throw new Error('invariant: the hash is not that of the policy')
  const stopped = reason === undefined ? whyStopped(state) : undefined
  if (stopped !== undefined) return refused(state, 'OPTIMIZER_STOPPED', stopped)
  const told = reason === undefined ? {} : { reason }
  const change: Change = { kind: 'policies', which: 'optimizer', hash, ...told }
  const consent = movesOrders(content) ? consentTo(state, change, person, now) : consentOfAuthor(person)
  if (consent.kind === 'refused') return refused(state, consent.code, consent.detail)
  if (consent.kind === 'waits') return waiting(state, consent.event, now, { policy: hash })
  const event: Event = {
    schema: SCHEMA_VERSION,
    type: 'steered',
    hash,
    content,
    by,
    engine: VERSION,
    ...told,
    ...(stops === undefined ? {} : { stops: [...stops] }),
    ...consent.backing,
  }
  return recorded(state, event, now, { policy: hash, activated: true })
}

/** Why tuning does not go on without a reason; `undefined` where it did not stop by itself. */
export function whyStopped({ optimizer }: State): string | undefined {
  const [stop] = optimizer.stops
  return (
    stop &&
    `it stopped at ${new Date(stop.at).toISOString()} (${stop.cause}: ${stop.detail}); say in \`reason\` why it may go on`
  )
}

/** The state after what a decision sets off in tuning, with the events. `state` has the decision folded. */
export function stopTuning(
  state: State,
  decision: DecisionCore,
  now: number,
): readonly [State, readonly Event[]] {
  const stops = stopsAfter(state, decision)
  return stops.length === 0 ? [state, stops] : [fold(state, stops, now), stops]
}

function stopsAfter({ optimizer }: State, { decision, tuning }: DecisionCore): Stopped[] {
  if (tuning === undefined || isStopped(optimizer)) return []
  const stopped = (of: Pick<Stopped, 'optimizer' | 'cause' | 'detail'>): Stopped => ({
    schema: SCHEMA_VERSION,
    type: 'tuningStopped',
    ...of,
    decision,
  })
  if (tuning.outcome === 'untuned') {
    if (tuning.why !== 'rejected') return []
    const detail = `${tuning.optimizer} chose ${tuning.refused} lots, which the constitution refuses`
    return [stopped({ optimizer: null, cause: 'rejected', detail })]
  }
  const alarm = isModelStopped(optimizer, tuning.optimizer) ? undefined : alarmOf(optimizer, tuning)
  return alarm === undefined ? [] : [stopped({ optimizer: tuning.optimizer, ...alarm })]
}
