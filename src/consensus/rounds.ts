/** All rounds: those that are open, and the last that were decided. A vote costs the same with one open or ten thousand. */
import { List, Map } from 'immutable'
import type { ExpertField } from '../protocol/policy.ts'
import { push, pop, type Heap } from './heap.ts'
import { refuse, type Refusal } from './refusal.ts'
import type { ClosedRound, OpenRound, Round, RoundEffect, RoundEvent } from './round-state.ts'
import { step } from './round.ts'

export const OPEN_MAX = 10_000
/** Decided rounds that are kept, for votes that come late. */
export const CLOSED_MAX = 10_000

export interface Rounds {
  readonly open: Map<string, OpenRound>
  readonly closed: Map<string, ClosedRound>
  /** The ids of `closed`, the oldest first. */
  readonly order: List<string>
  /** Deadlines, with entries of rounds that are closed or were extended since: those are passed over. */
  readonly due: Heap<string>
  readonly dueSize: number
}

export const NO_ROUNDS: Rounds = { open: Map(), closed: Map(), order: List(), due: null, dueSize: 0 }

/** `rounds` with one more. */
export function addRound(rounds: Rounds, round: OpenRound): Rounds | Refusal {
  const id = idOf(round)
  if (rounds.open.has(id) || rounds.closed.has(id)) return refuse('ROUND_EXISTS', `\`${id}\``)
  if (rounds.open.size >= OPEN_MAX) return refuse('ROUNDS_FULL', `${OPEN_MAX} are open`)
  return schedule({ ...rounds, open: rounds.open.set(id, round) }, round)
}

/** The round called `id`, open or decided, while it is kept. */
export function roundOf(rounds: Rounds, id: string): Round | undefined {
  return rounds.open.get(id) ?? rounds.closed.get(id)
}

/** `rounds` after an event of the round called `id`. */
export function stepRound(
  rounds: Rounds,
  id: string,
  event: RoundEvent,
): readonly [Rounds, readonly RoundEffect[]] {
  const before = roundOf(rounds, id)
  if (before === undefined) return [rounds, [refuse('ROUND_UNKNOWN', `\`${id}\``)]]
  const [after, effects] = step(before, event)
  return [after === before ? rounds : replace(rounds, before, after), effects]
}

/** Closes every round whose deadline is over at `at`; answers their ids in the order of their deadlines, with what follows. */
export function tickRounds(
  rounds: Rounds,
  at: number,
): readonly [Rounds, readonly { readonly round: string; readonly effects: readonly RoundEffect[] }[]] {
  const closed: { round: string; effects: readonly RoundEffect[] }[] = []
  let now = rounds
  while (now.due !== null && now.due.at <= at) {
    const { at: deadline, value: id } = now.due
    now = { ...now, due: pop(now.due), dueSize: now.dueSize - 1 }
    if (now.open.get(id)?.deadline !== deadline) continue
    const [after, effects] = stepRound(now, id, { type: 'tick', at })
    now = after
    closed.push({ round: id, effects })
  }
  return [now, closed]
}

/** `rounds` without the entries of rounds that were closed or extended since, as far as they come first: the next deadline is one. */
export function withoutStale(rounds: Rounds): Rounds {
  let { due, dueSize } = rounds
  while (due !== null && rounds.open.get(due.value)?.deadline !== due.at) {
    due = pop(due)
    dueSize -= 1
  }
  return due === rounds.due ? rounds : { ...rounds, due, dueSize }
}

/** When the next round closes by itself; `null` where none is open. Never too late; too early where a round was closed or extended meanwhile. */
export function nextDeadline(rounds: Rounds): number | null {
  return rounds.due === null ? null : rounds.due.at
}

/** The fields on which `agent` has voted in a round that is open: there it cannot change whom its votes go to. */
export function votedOn(rounds: Rounds, agent: string): ReadonlySet<ExpertField> {
  const fields = new Set<ExpertField>()
  for (const { votes, opening } of rounds.open.values())
    if (votes.has(agent)) fields.add(opening.policy.field)
  return fields
}

function idOf({ opening }: Round): string {
  return opening.proposal.proposal
}

function replace(rounds: Rounds, before: Round, after: Round): Rounds {
  const id = idOf(after)
  if (after.state === 'open') {
    const moved = { ...rounds, open: rounds.open.set(id, after) }
    const isExtended = before.state === 'open' && before.deadline !== after.deadline
    return isExtended ? schedule(moved, after) : moved
  }
  if (before.state !== 'open') return { ...rounds, closed: rounds.closed.set(id, after) }
  const oldest = rounds.order.size >= CLOSED_MAX ? rounds.order.first() : undefined
  const kept = oldest === undefined ? rounds.closed : rounds.closed.delete(oldest)
  const order = oldest === undefined ? rounds.order : rounds.order.shift()
  return {
    ...rounds,
    open: rounds.open.delete(id),
    closed: kept.set(id, after),
    order: order.push(id),
  }
}

/** Entries that are passed over are thrown out before they are more than those that count, so that the queue stays bounded. */
function schedule(rounds: Rounds, round: OpenRound): Rounds {
  if (rounds.dueSize >= 2 * rounds.open.size + SLACK) {
    let due: Heap<string> = null
    for (const [id, { deadline }] of rounds.open) due = push(due, deadline, id)
    return { ...rounds, due, dueSize: rounds.open.size }
  }
  return {
    ...rounds,
    due: push(rounds.due, round.deadline, idOf(round)),
    dueSize: rounds.dueSize + 1,
  }
}

const SLACK = 64
