/** What follows from a verdict: the optimizer stops where it misjudged, and what rules raise over it, or monitors see in it, comes into force. */
import type { DecisionCore } from '../protocol/decision.ts'
import type { Event } from '../protocol/event.ts'
import { isBreach } from './breaches.ts'
import { putInForce, stopsByMonitors, stopsOver } from './halts.ts'
import { alarmsOfDenial } from './monitors.ts'
import type { State } from './state.ts'
import { stopTuning } from './steer.ts'

/** The state after what follows from `decision`, which it has already, and the events of that. */
export function consequences(
  state: State,
  decision: DecisionCore,
  now: number,
): readonly [State, readonly Event[]] {
  const [next, ended] = stopTuning(state, decision, now)
  const [stopped, halts] = putInForce(next, stopsAfter(next, decision, now), now)
  return [stopped, [...ended, ...halts]]
}

function stopsAfter(
  { ledger, emergency, program }: State,
  decision: DecisionCore,
  now: number,
): ReturnType<typeof stopsOver> {
  const raised = decision.raised.length === 0 ? [] : stopsOver(decision.decision, decision.raised)
  if (emergency.policy === undefined || program === undefined || !isBreach(program, decision)) return raised
  const alarms = alarmsOfDenial({ ledger, emergency, now }, decision)
  return [...raised, ...stopsByMonitors(emergency.policy.hash, alarms)]
}
