/** The core as the simulation drives it: handles inputs, and is folded anew from its records after a crash. */
import { eventText } from '../../src/engine/event-text.ts'
import { handle } from '../../src/engine/handle.ts'
import { apply, EMPTY_STATE, type State } from '../../src/engine/state.ts'
import type { Input, Step } from '../../src/engine/step.ts'
import type { Event } from '../../src/protocol/event.ts'
import { programOfHash } from './constitution.ts'

/** A record as the journal holds it: the reading of the clock, which may have gone back, and the event as its text reads. */
export interface Kept {
  readonly at: number
  readonly event: Event
}

/** What a fault can be planted in. */
export interface Core {
  readonly handle: (state: State, input: Input, now: number) => Step
  /** The state that the records make; `undefined` where a planted fault is not to be found by that alone. */
  readonly restart: (records: readonly Kept[]) => State | undefined
}

export const REAL: Core = {
  handle,
  restart: (records) => records.reduce((state, record) => apply(state, record, programOfHash), EMPTY_STATE),
}

/** The events of one step as the sidecar records them and any restart reads them: written, and read once. */
export const keep = (events: readonly Event[], at: number): Kept[] =>
  events.map((event) => ({ at, event: JSON.parse(eventText(event)) as Event }))
