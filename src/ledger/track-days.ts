/** What is kept of how an agent did. */
import type { List, Map } from 'immutable'

/** One day of an agent. */
export interface TrackDay {
  /** Since 1970, UTC. */
  readonly day: number
  /** Made and lost, marked at the day's last prices, in the currency of its capital; `undefined` where nobody can say. */
  readonly profit: number | undefined
  /** What it was measured against on that day; `undefined` where it has none. */
  readonly capital: number | undefined
  /** Whether it traded, or held anything when the day closed. */
  readonly traded: boolean
  /** Milliseconds that it was registered, and that it was up. */
  readonly registeredMs: number
  readonly upMs: number
}

/** What an agent made of its orders, as executions and prices tell. */
export interface TrackRecord {
  /** Paid (below zero) and received, by currency. */
  readonly cash: Map<string, number>
  /** By instrument, in its units. */
  readonly held: Map<string, number>
  /** What it was all worth at the last close; `undefined` where nobody could say. */
  readonly closedAt: number | undefined
  /** The currency of that; `undefined` before the first close. */
  readonly closedIn: string | undefined
  /** Whether it traded today. */
  readonly hasTraded: boolean
  /** A fill of today whose price nobody knows. */
  readonly isUnclear: boolean
  /** Milliseconds that it was up today. */
  readonly upMs: number
  /** The closed days, from the oldest. */
  readonly days: List<TrackDay>
  /** Where there are several partitions: the last day that all of them were told. */
  readonly rated: number
}
