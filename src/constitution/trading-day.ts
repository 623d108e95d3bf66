/**
 * The trading day of a calendar: from the first opening of a date's sessions to that of the next date's. A session belongs to the date on which it closes, so
 * futures that open on Sunday evening begin Monday's day. A holiday begins none. What happens after the close belongs to the day that is over: no count begins anew before the next
 * opening, and Friday's goes on over the weekend.
 */
import { isClosed, zoneOffset, type Session } from './session.ts'
import { rowFinder, type Table } from './table.ts'

const DAY = 86_400_000
const QUARTER = 900_000
/** Every weekday comes within so many days. */
const AROUND = 9

interface Opening {
  readonly at: number
  /** The date that the session belongs to, in days since 1970. */
  readonly date: number
}

/** Finds the sessions of a table's calendar by its keys; `undefined` where one is not known, or no row matches. */
export type Calendars = (keys: readonly (string | undefined)[]) => readonly Session[] | undefined

const calendars = new WeakMap<Table, Calendars>()

/** The calendars of a table of sessions: the rows with the keys of the leftmost exact match. */
export function calendarsOf(table: Table): Calendars {
  const known = calendars.get(table)
  if (known !== undefined) return known
  const find = rowFinder(table)
  const groups = sessionsByKeys(table)
  const made: Calendars = (keys) => {
    const row = find(keys)
    const found = row === undefined ? undefined : table.rows[row]?.keys
    return found && groups.get(found.join('\u0000'))
  }
  calendars.set(table, made)
  return made
}

function sessionsByKeys(table: Table): Map<string, Session[]> {
  const groups = new Map<string, Session[]>()
  for (const [index, row] of table.rows.entries()) {
    const session = table.sessions[index]
    const key = row.keys.join('\u0000')
    if (session !== undefined) groups.set(key, [...(groups.get(key) ?? []), session])
  }
  return groups
}

const days = new WeakMap<readonly Session[], { readonly start: number; readonly until: number }>()

/** When the trading day that `now` (milliseconds since 1970) lies in began. */
export function tradingDayStart(sessions: readonly Session[], now: number): number {
  const known = days.get(sessions)
  if (known !== undefined && known.start <= now && now < known.until) return known.start
  const { openings, around, last } = openingsUpTo(sessions, now)
  const start = openings.find(({ date }) => date === last.date)?.at ?? last.at
  const next = openings.find(({ at, date }) => at > now && date !== last.date)
  days.set(sessions, { start, until: next?.at ?? now + (around - 2) * DAY })
  return start
}

/** The openings around `now` with the last before it, from as far back as closures make it necessary. */
function openingsUpTo(sessions: readonly Session[], now: number) {
  // Every session opens once a week at least, and a closure costs a week at most.
  const widest = AROUND + 7 * sessions.filter(({ closes }) => closes !== undefined).length
  for (let around = AROUND; ; around = Math.min(2 * around, widest)) {
    const openings = openingsAround(sessions, now, around)
    const last = openings.findLast(({ at }) => at <= now)
    // The first opening of its date is no more than two days before it.
    if (last !== undefined && (around === widest || last.at > now - (around - 2) * DAY))
      return { openings, around, last }
    if (around === widest) throw new Error('invariant: a calendar opens within nine days and those closed')
  }
}

/** From the first. What opens while it is closed opens when that is over, if it is not over itself by then. */
function openingsAround(sessions: readonly Session[], now: number, around: number): Opening[] {
  const closures = sessions.filter(({ closes }) => closes !== undefined)
  const openings: Opening[] = []
  for (const { timezone, days: weekdays, from, to } of sessions) {
    const today = Math.floor((now + zoneOffset(timezone, now)) / DAY)
    for (let date = today - around; date <= today + around; date += 1) {
      if (!weekdays.includes((((date + 4) % 7) + 7) % 7)) continue
      const belongs = to > from ? date : date + 1
      const at = openAfter(closures, instantOf(timezone, date, from))
      if (closures.length === 0 || at < instantOf(timezone, belongs, to)) openings.push({ at, date: belongs })
    }
  }
  return openings.toSorted((a, b) => a.at - b.at)
}

/** The first moment from `at` on that no closure covers. */
function openAfter(closures: readonly Session[], at: number): number {
  const closure = closures.find((one) => isClosed(one, at))
  if (closure?.closes === undefined) return at
  const { timezone, closes, from, to } = closure
  return openAfter(closures, Math.max(at + 1, instantOf(timezone, to > from ? closes : closes + 1, to)))
}

/** The first moment at which the wall clock of `timezone` shows so many minutes on that date, or more where they are skipped. */
function instantOf(timezone: string, date: number, minutes: number): number {
  const wall = date * DAY + minutes * 60_000
  const guesses = [wall - DAY, wall + DAY].map((near) => wall - zoneOffset(timezone, near))
  const exact = guesses.filter((at) => at + zoneOffset(timezone, at) === wall)
  if (exact.length > 0) return Math.min(...exact)
  const [first, last] = [Math.min(...guesses), Math.max(...guesses)]
  for (let at = Math.ceil(first / QUARTER) * QUARTER; at < last; at += QUARTER)
    if (at + zoneOffset(timezone, at) >= wall) return at
  return last
}

/** No clock is set by more. */
const CLOCK_CHANGE = 2 * 3_600_000
const lengths = new WeakMap<Table, number>()

/** The longest, in milliseconds, that a trading day of any calendar in the table can be. */
export function longestDay(table: Table): number {
  const known = lengths.get(table)
  if (known !== undefined) return known
  let longest = DAY
  for (const sessions of sessionsByKeys(table).values()) {
    // An ordinary week, and those about each closure. What is closed for longer than these is not known whole when it opens.
    const moments = sessions.flatMap(({ closes }) => (closes === undefined ? [] : closes * DAY))
    for (const moment of [SOME_MONDAY, ...moments])
      longest = Math.max(longest, longestAround(sessions, moment))
  }
  const length = longest + CLOCK_CHANGE
  lengths.set(table, length)
  return length
}

function longestAround(sessions: readonly Session[], moment: number): number {
  const starts = new Map<number, number>()
  for (const { at, date } of openingsAround(sessions, moment, AROUND))
    if (!starts.has(date)) starts.set(date, at)
  const sorted = [...starts.values()].toSorted((a, b) => a - b)
  return Math.max(0, ...sorted.slice(1).map((start, index) => start - (sorted[index] ?? start)))
}

const SOME_MONDAY = Date.UTC(2026, 0, 5)
