/**
 * Track records: what agents made of their orders day by day, and how long they were up. Told by executions and prices that feeders report, and by
 * heartbeats; nothing in them comes from the agent's own mouth but that it lives.
 *
 * Where there are several partitions an agent's days are closed in its owner's, where executions are reported, and told to the others.
 *
 * A day is one of UTC. When the first event of a later day comes, the days before it are closed: every agent is marked at the prices that stand then, which
 * are the last ones of the day that ended.
 */
import { List, Map } from 'immutable'
import { fromSteps } from '../base/exact.ts'
import { add, rational, toNumber } from '../base/rational.ts'
import type { Execution } from '../protocol/execution.ts'
import type { RatedDay } from '../protocol/rated.ts'
import { rateOf } from './catalogue.ts'
import type { AgentState, Ledger, OrderState } from './ledger.ts'
import type { TrackDay, TrackRecord } from './track-days.ts'
import { findOrder } from './orders.ts'
import { isHere } from './owners.ts'
import { referenceOf } from './reference.ts'

export const DAY_MS = 86_400_000
/** Days that are kept of each agent. */
const DAYS_MAX = 366
/** Heartbeats that may be missing before an agent counts as down. */
export const BEATS_MISSING_MAX = 3

/** Before the first day. */
export const NEVER = -1

export const NO_TRACK_RECORD: TrackRecord = {
  cash: Map(),
  held: Map(),
  closedAt: 0,
  closedIn: undefined,
  hasTraded: false,
  isUnclear: false,
  upMs: 0,
  days: List(),
  rated: NEVER,
}

/** The ledger on the day of `at`, with the days before it closed. */
export function onDayOf(ledger: Ledger, at: number): Ledger {
  const today = Math.floor(at / DAY_MS)
  if (ledger.day !== undefined && today <= ledger.day) return ledger
  const first = ledger.day ?? today
  let { trackRecords } = ledger
  for (const [agent, state] of ledger.agents) {
    if (!isTracked(ledger, agent) || !isHere(ledger, agent)) continue
    let record = trackRecords.get(agent) ?? NO_TRACK_RECORD
    // Days that nothing was heard of beyond those that are kept would only push others out and go themselves.
    for (let day = Math.max(first, today - DAYS_MAX); day < today; day += 1)
      record = closed(ledger, state, record, day)
    trackRecords = trackRecords.set(agent, record)
  }
  return { ...ledger, day: today, trackRecords }
}

function closed(ledger: Ledger, agent: AgentState, record: TrackRecord, day: number): TrackRecord {
  const { capital, since, retiredAt } = agent
  const [from, to] = [Math.max(day * DAY_MS, since), Math.min((day + 1) * DAY_MS, retiredAt ?? Infinity)]
  if (to <= from) return record
  const worth = capital && worthOf(ledger, record, capital.currency, (day + 1) * DAY_MS)
  const before = capital && openedAt(ledger, record, capital.currency)
  const isUnclear = record.isUnclear || worth === undefined || before === undefined
  const one: TrackDay = {
    day,
    profit: isUnclear ? undefined : worth - before,
    // What it was worth when it was given capital nobody looked at, so it counts from the end of that day.
    capital: record.closedAt === undefined && record.closedIn === undefined ? undefined : capital?.amount,
    traded: record.hasTraded || !record.held.isEmpty(),
    registeredMs: to - from,
    upMs: Math.min(record.upMs, to - from),
  }
  const days = withDay(record.days, one)
  const next = { hasTraded: false, isUnclear: false, upMs: 0, days }
  const isNew = record.cash.isEmpty() && record.held.isEmpty()
  return { ...record, ...next, closedAt: isNew ? 0 : worth, closedIn: capital?.currency }
}

/** What it was worth at the last close, in `currency`: where its capital is in another than it was then, at the rate of now, so that the change by itself gains and loses nothing. */
function openedAt(ledger: Ledger, { closedAt, closedIn }: TrackRecord, currency: string): number | undefined {
  if (closedAt === undefined || closedIn === undefined || closedIn === currency) return closedAt
  const rate = rateIn(ledger, closedIn, currency)
  return rate === undefined ? undefined : closedAt * rate
}

function withDay(days: List<TrackDay>, day: TrackDay): List<TrackDay> {
  const more = days.push(day)
  return more.size > DAYS_MAX ? more.shift() : more
}

/** The records after days were told to all partitions: those of another partition's agents are known by that alone. */
export function countRated(ledger: Ledger, rated: readonly RatedDay[]): Ledger['trackRecords'] {
  let { trackRecords } = ledger
  for (const { agent, day, profit, capital, traded = true, registeredMs, upMs } of rated) {
    const record = trackRecords.get(agent) ?? NO_TRACK_RECORD
    const known = { profit: profit ?? undefined, capital: capital ?? undefined }
    const told = { day, ...known, traded, registeredMs, upMs }
    const days = isHere(ledger, agent) ? record.days : withDay(record.days, told)
    trackRecords = trackRecords.set(agent, { ...record, days, rated: day })
  }
  return trackRecords
}

/** What cash and holdings are worth in `currency` by the last prices, however old; `undefined` where one of them has none. */
function worthOf(
  ledger: Ledger,
  { cash, held }: TrackRecord,
  currency: string,
  at: number,
): number | undefined {
  let worth = 0
  // Rounded sums depend on their order, and that of a map on how it came to be: by names it is always the same, after a start from a checkpoint too.
  for (const [name, amount] of byName(cash)) {
    const rate = rateIn(ledger, name, currency)
    if (rate === undefined && amount !== 0) return undefined
    worth += amount * (rate ?? 0)
  }
  for (const [name, quantity] of byName(held)) {
    const instrument = ledger.instruments.get(name)
    const price = lastPrice(ledger, name, at)
    const rate = rateIn(ledger, instrument?.currency, currency)
    if (instrument === undefined || price === undefined || rate === undefined) return undefined
    worth += quantity * price * instrument.multiplier * rate
  }
  return worth
}

/** A source may be behind another by a weekend and a holiday, of which the one has the last word of before and the other the first of after. */
const APART_MAX = 5 * DAY_MS

/**
 * The median of the sources that spoke in the day before `at`, or of the last two where fewer did; `undefined` where those are further apart: one that fell silent long
 * ago says nothing of what is held now.
 */
function lastPrice({ prices }: Ledger, instrument: string, at: number): number | undefined {
  const known = prices.get(instrument)
  const { at: second } = referenceOf(known, at, undefined)
  if (known === undefined || second === undefined) return undefined
  const first = Math.max(...known.map((source) => source.at).values())
  return first - second > APART_MAX ? undefined : referenceOf(known, at, Math.max(DAY_MS, at - second)).price
}

function byName<T>(amounts: Map<string, T>): Iterable<[string, T]> {
  return amounts.sortBy((_, name) => name)
}

function rateIn(ledger: Ledger, from: string | undefined, to: string): number | undefined {
  const rate = rateOf(ledger, from, to)?.value
  return typeof rate === 'number' ? rate : undefined
}

/** The records after the venue reported `lots` of an order filled in all. `ledger` is the one before the report. */
export function countTrade(
  ledger: Ledger,
  { order: id, price }: Pick<Execution, 'order' | 'price'>,
  lots: number,
  at: number,
): Ledger['trackRecords'] {
  const order = findOrder(ledger, id)
  if (order === undefined || lots <= order.filled || !isTracked(ledger, order.agent))
    return ledger.trackRecords
  const record = ledger.trackRecords.get(order.agent) ?? NO_TRACK_RECORD
  return ledger.trackRecords.set(order.agent, traded(ledger, record, order, lots - order.filled, price, at))
}

function traded(
  ledger: Ledger,
  record: TrackRecord,
  { instrument: name, side }: OrderState,
  lots: number,
  told: number | undefined,
  at: number,
): TrackRecord {
  const instrument = ledger.instruments.get(name)
  if (instrument === undefined) return { ...record, hasTraded: true, isUnclear: true }
  const quantity = (side === 'buy' ? 1 : -1) * fromSteps(lots, instrument.lot)
  // Exactly, or what is bought and sold in broken lots would leave a crumb that is held for good.
  const left = toNumber(add(rational(record.held.get(name) ?? 0), rational(quantity)))
  const held = left === 0 ? record.held.delete(name) : record.held.set(name, left)
  // Where the venue tells no price, the trade is taken to have been at the reference.
  const price = told ?? lastPrice(ledger, name, at)
  if (price === undefined) return { ...record, held, hasTraded: true, isUnclear: true }
  const { currency, multiplier } = instrument
  const paid = (record.cash.get(currency) ?? 0) - quantity * price * multiplier
  return { ...record, held, hasTraded: true, cash: record.cash.set(currency, paid) }
}

/** The records after a heartbeat: the time since the one before counts as up, unless too many are missing between them. */
export function countBeat(ledger: Ledger, agent: string, at: number): Ledger['trackRecords'] {
  const state = ledger.agents.get(agent)
  if (state?.heartbeatAt === undefined || !isTracked(ledger, agent) || !isHere(ledger, agent))
    return ledger.trackRecords
  const silent = at - state.heartbeatAt
  if (silent > BEATS_MISSING_MAX * state.heartbeatMs) return ledger.trackRecords
  const record = ledger.trackRecords.get(agent) ?? NO_TRACK_RECORD
  // What lies before midnight was closed without it: a heartbeat a day, against the agent.
  const today = at - Math.floor(at / DAY_MS) * DAY_MS
  return ledger.trackRecords.set(agent, { ...record, upMs: record.upMs + Math.min(silent, today) })
}

/** Whether an agent has a track record: one that votes, and one that trades with capital of its own, or did: what it holds since is its own still. */
function isTracked({ agents, trackRecords }: Ledger, agent: string): boolean {
  const state = agents.get(agent)
  return (
    state !== undefined && (state.role !== 'trader' || state.capital !== undefined || trackRecords.has(agent))
  )
}
