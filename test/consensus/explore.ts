/** Walks through every interleaving of what can happen in a round, over the real `step`. */
import type { OpenRound, Round, RoundEvent } from '../../src/consensus/round-state.ts'
import type { RoundStep } from '../../src/consensus/round.ts'
import { beginning, keyOf, placeOf, tell, type Model } from './model.ts'

export type Step = (round: Round, event: RoundEvent) => RoundStep

/** A law that did not hold, and the history that shows it. */
export class Broken extends Error {
  constructor(law: string, history: readonly RoundEvent[]) {
    super(`${law}: ${history.map(textOf).join(' → ')}`)
  }
}

export interface Walked {
  readonly states: number
  readonly steps: number
}

interface Stop {
  readonly round: Round
  readonly now: number
  readonly history: readonly RoundEvent[]
  readonly model: Model
}

/**
 * Visits every state that a round can come to when votes of all voters and choices, time, withdrawal and cancel follow each other in any
 * order, again and again, and holds the laws in each. Ways that meet in one state have the same future, so it is enough to go on from
 * there once. `happenings` lists what can happen at a time.
 */
export function explore(
  step: Step,
  start: OpenRound,
  times: readonly number[],
  happenings: (at: number) => readonly RoundEvent[],
): Walked {
  const seen = new Set<string>()
  const stops: Stop[] = [{ round: start, now: 0, history: [], model: beginning(start) }]
  let steps = 0
  for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) {
    const key = `${stop.round.state === 'open' ? stop.now : ''} ${placeOf(stop.round)}`
    if (seen.has(key)) continue
    seen.add(key)
    isSameAfterCrash(step, start, stop)
    for (const event of happenings(times[stop.now] ?? 0)) {
      steps += 1
      const [round] = step(stop.round, event)
      const history = [...stop.history, event]
      holdsOneOutcome(stop.round, round, history)
      const model = tell(stop.model, event)
      isAsTold(model, round, history)
      isIdempotent(step, round, event, history)
      stops.push({ round, now: stop.now, history, model })
    }
    if (stop.now + 1 < times.length) stops.push({ ...stop, now: stop.now + 1 })
  }
  return { states: seen.size, steps }
}

/** What is decided stays decided, and so. */
function holdsOneOutcome(before: Round, after: Round, history: readonly RoundEvent[]): void {
  if (before.state !== 'open' && after.state !== before.state) throw new Broken('two outcomes', history)
}

/** The round is open, or has its outcome, exactly as the plain telling says. */
function isAsTold(told: Model, round: Round, history: readonly RoundEvent[]): void {
  const isOpen = round.state === 'open'
  if (isOpen !== (told.outcome === undefined)) throw new Broken('closed at another time', history)
  if (!isOpen && round.state !== told.outcome) throw new Broken('another outcome', history)
  if (round.deadline !== told.deadline) throw new Broken('another deadline', history)
}

/** The same event again changes nothing. */
function isIdempotent(step: Step, round: Round, event: RoundEvent, history: readonly RoundEvent[]): void {
  if (isChanged(round, step(round, event)[0])) throw new Broken('counted twice', history)
}

/** After a crash the round is what its recorded events make of it; delivered again, what came before changes nothing. */
function isSameAfterCrash(step: Step, start: OpenRound, { round, history }: Stop): void {
  let again: Round = start
  for (const event of history) [again] = step(again, event)
  if (isChanged(again, round)) throw new Broken('another round after a crash', history)
  const last = history.at(-1)
  if (last === undefined) return
  for (const event of history) {
    const [redelivered] = step(again, { ...event, at: last.at })
    if (event.type === 'vote' && isChanged(again, redelivered))
      throw new Broken('delivered again, an event counted again', [...history, event])
  }
}

function isChanged(before: Round, after: Round): boolean {
  return before !== after && keyOf(before) !== keyOf(after)
}

function textOf(event: RoundEvent): string {
  return event.type === 'vote'
    ? `${event.vote.agent} ${event.vote.choice} at ${event.at}`
    : `${event.type} at ${event.at}`
}
