/**
 * Windows over what agents did: how often something happened, or how much of it, within the last milliseconds or since midnight.
 *
 * What happened is kept for as long as any window reaches back, so that a constitution finds its windows filled when it is activated. For each
 * window fact of the constitution in force the running total is kept by key, so that a reading is a difference of two totals however much lies between.
 */
import { List, Map } from 'immutable'
import { Queue } from '../base/queue.ts'
import { dayStart } from '../constitution/session.ts'
import type { Origin } from '../constitution/model.ts'
import { keysOf, numberOf, weightOf, FIELDS, type Happening } from './happening.ts'

export type WindowOrigin = Origin & { readonly kind: 'window' }

/** The running total of one key at the end of one step of time. */
interface Mark {
  /** Where the step begins. */
  readonly at: number
  /** The total before it, and with it. */
  readonly before: bigint
  readonly total: bigint
}

/** One window fact: its totals by key. */
export interface Tally {
  readonly origin: WindowOrigin
  /** Of amounts of money. */
  readonly currency: string
  /** How far back, in milliseconds, a reading may have to look. */
  readonly reach: number
  readonly marks: Map<string, List<Mark>>
  /** Each mark once, from the oldest: keys are dropped when no reading reaches their last. */
  readonly order: Queue<{ readonly at: number; readonly key: string }>
  /** When something last happened that could not be counted: readings that reach back to it are unknown. */
  readonly lostAt: number | undefined
}

/** What happened lately, from the oldest, and when the last of what had to be dropped early was. */
interface Log {
  readonly entries: Queue<Happening>
  readonly lostAt: number | undefined
  /** When the last of what was dropped in time was: no window that is filled anew reaches back to it. */
  readonly agedAt: number | undefined
}

/** Kept apart, so that a flood of one never crowds out another: above all, denied requests cannot hide what was sent. */
const LOGS = ['sent', 'denied', 'filled'] as const
type LogName = (typeof LOGS)[number]

export interface Windows {
  readonly logs: Readonly<Record<LogName, Log>>
  /** By the name of the fact. */
  readonly tallies: Map<string, Tally>
}

const NO_LOG: Log = { entries: Queue.empty(), lostAt: undefined, agedAt: undefined }
export const NO_WINDOWS: Windows = { logs: { sent: NO_LOG, denied: NO_LOG, filled: NO_LOG }, tallies: Map() }

export interface Bounds {
  /** Entries that each log holds at most. */
  readonly log: number
  /** Marks that each window fact holds at most. */
  readonly marks: number
}
export const BOUNDS: Bounds = { log: 250_000, marks: 100_000 }

/** No day is longer: 24 hours, and two that clocks may go back. */
const KEPT = 26 * 3_600_000
/** Windows up to this length are counted to the millisecond; longer ones in steps of a thousandth of their length. */
const EXACT_MAX = 60_000
/** Days begin on quarter hours in every zone, so that counting in them is exact. */
const QUARTER = 900_000

function stepOf({ window }: WindowOrigin): number {
  if (window === 'day') return QUARTER
  return window <= EXACT_MAX ? 1 : Math.ceil(window / 1000)
}

/** How far back, in milliseconds, a reading may have to look; `longest` where it goes by a calendar. */
function reachOf({ window, calendar }: WindowOrigin, longest: number): number {
  if (window !== 'day') return window
  return calendar === undefined ? KEPT : Math.max(longest, KEPT)
}

/** The last moment that the window no longer reaches at `now`. What is exactly as old as the window is out; what happens when the day begins is in. */
function lastOutside({ window, zone = 'UTC' }: WindowOrigin, now: number, began?: number): number {
  return window === 'day' ? (began ?? dayStart(zone, now)) - 1 : now - window
}

/** The windows after something happened, at a time that is never before that of the last. */
export function count(windows: Windows, happening: Happening, bounds = BOUNDS): Windows {
  const name = logOf(happening)
  const logs = { ...windows.logs, [name]: append(windows.logs[name], happening, bounds.log) }
  let { tallies } = windows
  for (const [fact, tally] of tallies) tallies = tallies.set(fact, tallied(tally, happening, bounds.marks))
  return { logs, tallies }
}

function logOf({ type, denied }: Happening): LogName {
  return type === 'fill' ? 'filled' : denied ? 'denied' : 'sent'
}

/** What has aged is dropped so many at a time: dropping one from a list costs as much as dropping many. */
const BATCH = 64

function append({ entries, lostAt, agedAt }: Log, happening: Happening, max: number): Log {
  const since = happening.at - KEPT
  const oldest = entries.first()
  if (oldest !== undefined && entries.size >= max) {
    const lost = oldest.at > since ? oldest.at : lostAt
    return { entries: entries.shift().push(happening), lostAt: lost, agedAt }
  }
  const due = entries.get(BATCH - 1)
  if (due === undefined || due.at > since) return { entries: entries.push(happening), lostAt, agedAt }
  return { entries: entries.drop(BATCH).push(happening), lostAt, agedAt: due.at }
}

/** The tally with `happening` in it, where it is of its kind. */
function tallied(tally: Tally, happening: Happening, max: number): Tally {
  const { origin, currency } = tally
  const amount = weightOf(origin, happening, currency)
  if (amount === undefined) return tally
  if (amount === 'unknown') return { ...tally, lostAt: happening.at }
  return keysOf(origin, happening).reduce((next, key) => marked(next, key, happening.at, amount, max), tally)
}

/** The windows as they would read had `happening`, which was counted, not happened. Only to read from: what is remembered stays. */
export function uncount(windows: Windows, happening: Happening): Windows {
  const tallies = windows.tallies.map((tally) => {
    const amount = weightOf(tally.origin, happening, tally.currency)
    if (amount === undefined || amount === 'unknown') return tally
    return keysOf(tally.origin, happening).reduce(
      (next, key) => unmarked(next, key, happening.at, amount),
      tally,
    )
  })
  return { ...windows, tallies }
}

function unmarked(tally: Tally, key: string, at: number, amount: bigint): Tally {
  const marks = tally.marks.get(key)
  const step = stepOf(tally.origin)
  const begins = Math.floor(at / step) * step
  const from = marks === undefined ? -1 : firstInside(marks, begins - 1)
  if (marks === undefined || marks.get(from)?.at !== begins) return tally
  const less = marks.map((mark, index) =>
    index < from
      ? mark
      : { ...mark, before: index === from ? mark.before : mark.before - amount, total: mark.total - amount },
  )
  return { ...tally, marks: tally.marks.set(key, less) }
}

function marked(tally: Tally, key: string, at: number, amount: bigint, max: number): Tally {
  const step = stepOf(tally.origin)
  const begins = Math.floor(at / step) * step
  // A mark is out of reach once the last millisecond of its step is.
  const aged = at - tally.reach - step + 1
  const kept = withoutAged(tally, aged, max)
  const marks = kept.marks.get(key) ?? List<Mark>()
  const last = marks.last()
  const total = (last?.total ?? 0n) + amount
  if (last !== undefined && last.at >= begins)
    return { ...kept, marks: kept.marks.set(key, marks.set(-1, { ...last, total })) }
  if (kept.order.size >= max) return { ...kept, lostAt: at }
  const mark = { at: begins, before: last?.total ?? 0n, total }
  return {
    ...kept,
    marks: kept.marks.set(key, withoutFirst(marks, aged).push(mark)),
    order: kept.order.push({ at: begins, key }),
  }
}

/** The marks of one key without those that began before `aged` or then, where there are many. */
function withoutFirst(marks: List<Mark>, aged: number): List<Mark> {
  const due = marks.get(BATCH - 1)
  return due !== undefined && due.at <= aged ? marks.slice(BATCH) : marks
}

/** The tally without the keys that nothing happened under lately: looked for when many marks have aged, and when no more fit. */
function withoutAged(tally: Tally, aged: number, max: number): Tally {
  const { order } = tally
  const due = order.get(order.size < max ? BATCH - 1 : 0)
  if (due === undefined || due.at > aged) return tally
  let dropped = 0
  const marks = tally.marks.withMutations((kept) => {
    for (; dropped < BATCH; dropped++) {
      const oldest = order.get(dropped)
      if (oldest === undefined || oldest.at > aged) break
      if ((kept.get(oldest.key)?.last()?.at ?? aged) <= oldest.at) kept.delete(oldest.key)
    }
  })
  return { ...tally, marks, order: order.drop(dropped) }
}

/** Whether a window is over what agents did, and not over the market. */
export function isOwn({ of }: WindowOrigin): boolean {
  return Object.hasOwn(FIELDS, of)
}

/**
 * The windows of a constitution that comes into force at `at`: those that go on as they are stay, the others are filled from what is remembered, as if they
 * had always been kept.
 */
export function keepWindows(
  windows: Windows,
  wanted: ReadonlyMap<string, WindowOrigin>,
  currency: string,
  at: number,
  bounds = BOUNDS,
  longestIn: (calendar: string) => number = () => 0,
): Windows {
  let tallies = Map<string, Tally>()
  for (const [name, origin] of wanted) {
    if (!isOwn(origin)) continue
    const before = windows.tallies.get(name)
    const reach = reachOf(origin, origin.calendar === undefined ? 0 : longestIn(origin.calendar))
    const goesOn = before?.currency === currency && before.reach === reach && isSame(before.origin, origin)
    const tally = goesOn ? { ...before, origin } : filled(windows, origin, { currency, reach }, at, bounds)
    tallies = tallies.set(name, tally)
  }
  return { ...windows, tallies }
}

function isSame(a: WindowOrigin, b: WindowOrigin): boolean {
  return (
    a === b ||
    (a.function === b.function &&
      a.of === b.of &&
      a.by.join() === b.by.join() &&
      a.window === b.window &&
      a.zone === b.zone &&
      a.calendar === b.calendar &&
      a.denied === b.denied)
  )
}

function filled(
  { logs }: Windows,
  origin: WindowOrigin,
  { currency, reach }: Pick<Tally, 'currency' | 'reach'>,
  at: number,
  bounds: Bounds,
): Tally {
  const read = logsOf(origin).map((name) => logs[name])
  const lostAt = Math.max(...read.map((log) => Math.max(log.lostAt ?? -1, log.agedAt ?? -1)))
  const empty: Tally = {
    origin,
    currency,
    reach,
    marks: Map(),
    order: Queue.empty(),
    lostAt: lostAt < 0 ? undefined : lostAt,
  }
  // A step more than the window, since a step is counted whole where the window reaches any of it.
  const since = at - reach - stepOf(origin)
  return read
    .flatMap((log) => lately(log.entries, since))
    .toSorted((a, b) => a.at - b.at)
    .reduce((tally, happening) => tallied(tally, happening, bounds.marks), empty)
}

function logsOf({ of, denied }: WindowOrigin): readonly LogName[] {
  if (of === 'fills' || of === 'fill.quantity') return ['filled']
  return denied ? ['sent', 'denied'] : ['sent']
}

/** The entries after `since`, from the oldest. */
function lately(entries: Queue<Happening>, since: number): Happening[] {
  const late: Happening[] = []
  for (let index = entries.size - 1; index >= 0; index--) {
    const entry = entries.get(index)
    if (entry === undefined || entry.at <= since) break
    late.push(entry)
  }
  return late.toReversed()
}

/**
 * How much the window fact `name` holds under `key` at `now`, where it goes by a calendar since its day `began`; `undefined` where that is not known. Never less than what happened within the window, and
 * in windows longer than a minute more by at most what happened in the step before it.
 */
export function readTally(
  { tallies, logs }: Windows,
  name: string,
  origin: WindowOrigin,
  key: string,
  now: number,
  began?: number,
): number | undefined {
  const tally = tallies.get(name)
  // Before anything was activated nothing is tallied: then only that nothing happened is known.
  if (tally === undefined || !isSame(tally.origin, origin))
    return LOGS.every((log) => logs[log].entries.size === 0) ? 0 : undefined
  const outside = lastOutside(origin, now, began)
  // What a day is longer for than its marks are kept is not known whole.
  if (now - outside > tally.reach + 1) return undefined
  if (tally.lostAt !== undefined && tally.lostAt > outside) return undefined
  return within(tally, key, outside)
}

/** How much of it was counted, where some may have been too much to be: what is missing takes nothing away from what was seen. 0 where nothing is. */
export function seenTally({ tallies }: Windows, name: string, key: string, now: number): number {
  const tally = tallies.get(name)
  return tally === undefined ? 0 : within(tally, key, lastOutside(tally.origin, now))
}

function within({ origin, marks: all }: Tally, key: string, outside: number): number {
  const marks = all.get(key)
  const last = marks?.last()
  const first = marks?.get(firstInside(marks, outside - stepOf(origin) + 1))
  if (last === undefined || first === undefined) return 0
  return numberOf(origin, last.total - first.before)
}

/** The index of the first mark that begins after `outside`; the number of marks when there is none. */
function firstInside(marks: List<Mark>, outside: number): number {
  let low = 0
  let high = marks.size
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((marks.get(middle)?.at ?? 0) > outside) high = middle
    else low = middle + 1
  }
  return low
}
