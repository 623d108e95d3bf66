/** Who is home, and which inputs of other sidecars were taken: the part of the state by which another goes on. */
import { isLater } from '../base/entry-id.ts'
import type { Event } from '../protocol/event.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import { haltAt, type Lane, type TakenEffect } from '../protocol/taken.ts'
import { handle } from './handle.ts'
import { NO_MODELS, type ModelOf } from './optimizer.ts'
import type { State } from './state.ts'
import { fold, type Effect, type Input, type Step } from './step.ts'

/** An input with its place in the inbox; `undefined` where what lay there was none. */
export interface Delivered {
  readonly lane: Lane
  readonly entry: string
  readonly input: Input | undefined
  /** Which message it is, wherever it lies. */
  readonly message?: string
  /** Why it is none, where more is known. */
  readonly refusal?: {
    readonly code: 'BODY_INVALID' | 'HOME_LOST' | 'CONSTITUTION_INVALID'
    readonly detail: string
  }
}

/**
 * Handles an input that another sidecar put into the inbox. What its sender is told is recorded last, so that an input of which not all was recorded is taken
 * again. One that was taken before changes nothing.
 */
export function handleDelivered(
  state: State,
  { lane, entry, input, message, refusal }: Delivered,
  now: number,
  modelOf: ModelOf = NO_MODELS,
): Step {
  if (!isLater(entry, state.tenure.taken[lane])) return [state, [], []]
  const [next, events, [effect]] =
    input === undefined
      ? ([state, [], [unreadable(refusal)]] as const)
      : handle(state, named(state, input, entry), now, modelOf)
  const taken: Event = {
    schema: SCHEMA_VERSION,
    type: 'taken',
    lane,
    entry,
    ...(message === undefined ? {} : { message }),
    effect: told(effect),
  }
  return [fold(next, [taken], now), [...events, taken], effect === undefined ? [] : [effect]]
}

/** A halt of the lane that several partitions take is one in all of them, by the place where it lay. */
function named(state: State, input: Input, entry: string): Input {
  const isOneOfMany = input.kind === 'halt' && state.ledger.partition.of > 1
  return isOneOfMany ? { ...input, id: haltAt(entry) } : input
}

const NO_INPUT = {
  code: 'BODY_INVALID',
  detail: 'what lay in the inbox is no input of this version',
} as const
const unreadable = (refusal: Delivered['refusal'] = NO_INPUT): Effect => ({ kind: 'refuse', ...refusal })

function told(effect: Effect | undefined): TakenEffect {
  if (effect === undefined) throw new Error('invariant: every input has an effect')
  if (effect.kind === 'answer') return { kind: 'answer', sequence: effect.sequence }
  // Copies: the record is plain data of its own.
  return structuredClone(effect) as TakenEffect
}
