/** Cores of several partitions without a cluster between them: each with all that it recorded. */
import type { Program } from '../../src/constitution/compile.ts'
import { handle } from '../../src/engine/handle.ts'
import { isForAll } from '../../src/engine/placing.ts'
import type { Effect, Input } from '../../src/engine/step.ts'
import { EMPTY_STATE, type State } from '../../src/engine/state.ts'
import { handleDelivered } from '../../src/engine/tenure.ts'
import type { Event } from '../../src/protocol/event.ts'
import { NOW } from './engine.ts'

export type Follow = Input & { readonly kind: 'follow' }

export class Core {
  state: State = EMPTY_STATE
  readonly events: { readonly sequence: number; readonly event: Event }[] = []
  readonly number: number

  constructor(number: number, of: number) {
    this.number = number
    this.take({ kind: 'promote', epoch: 1, by: 'one', partition: { number, of } })
  }

  take(input: Input, now = NOW): Effect | undefined {
    const [state, events, [effect]] = handle(this.state, input, now)
    this.#record(state, events)
    return effect
  }

  /** Takes what lies in the lane of halts at `entry`. */
  deliver(entry: string, input: Input, now = NOW): void {
    const [state, events] = handleDelivered(this.state, { lane: 'halts', entry, input }, now)
    this.#record(state, events)
  }

  #record(state: State, events: readonly Event[]): void {
    for (const [place, event] of events.entries())
      this.events.push({ sequence: this.state.sequence + 1 + place, event })
    this.state = state
  }

  /** Follows all that `first` recorded; answers the last that it is told. */
  follow(first: Core, programs: readonly Program[], now = NOW): Effect | undefined {
    return relayed(first, programs)
      .map((input) => this.take(input, now))
      .at(-1)
  }
}

/** What another partition is to be told of the first, in order. */
export function relayed({ events }: Core, programs: readonly Program[]): Follow[] {
  let after = 0
  return events.flatMap(({ sequence: record, event }): Follow[] => {
    if (!isForAll(event)) return []
    const program =
      event.type === 'activated'
        ? programs.find(({ constitution }) => constitution.hash === event.constitution)
        : undefined
    const input: Follow = {
      kind: 'follow',
      after,
      record,
      hash: '0'.repeat(64),
      event,
      ...(program && { program }),
    }
    after = record
    return [input]
  })
}
