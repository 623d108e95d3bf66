/** Trading sessions by the clock on the exchange's wall, across midnight and daylight saving, and the holidays and early closes that end them. */

/** The columns of a table of sessions behind its keys. */
export const SESSION_COLUMNS = ['session', 'timezone', 'days', 'from', 'to'] as const

export interface Session {
  readonly session: string
  readonly timezone: string
  /** Of the day on which the session opens; 0 is Sunday. */
  readonly days: readonly number[]
  /** Minutes since local midnight; `to` at or before `from` means the next day. */
  readonly from: number
  readonly to: number
  /** Of a closure, which opens on no day: the date on which it begins, in days since 1970. */
  readonly closes?: number
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const DAY_MINUTES = 1440

/** What is wrong in a row, and under which column. */
export interface SessionProblem {
  readonly column: (typeof SESSION_COLUMNS)[number]
  readonly problem: string
}

/** Reads a row; answers the first thing that is wrong with it. */
export function parseSession(row: Readonly<Record<string, string>>): Session | SessionProblem {
  const { session = '', timezone = '', days: daysText = '' } = row
  const no = (column: SessionProblem['column'], what: string): SessionProblem => ({
    column,
    problem: `\`${column}\`: \`${row[column] ?? ''}\` is no ${what}`,
  })
  if (!isTimezone(timezone)) return no('timezone', 'time zone such as America/New_York')
  const closes = session === 'closed' ? parseDate(daysText) : undefined
  if (session === 'closed' && closes === undefined)
    return no('days', 'date such as 2026-12-25; `closed` ends what is open on one date')
  const days = closes === undefined ? parseDays(daysText) : []
  if (days === undefined)
    return no('days', 'range of days such as Mon-Fri; a date stands with the session `closed`')
  const from = parseMinutes(row.from ?? '')
  const to = parseMinutes(row.to ?? '')
  if (from === undefined || from === DAY_MINUTES) return no('from', 'time of day such as 09:30')
  if (to === undefined) return no('to', 'time of day such as 16:00')
  return { session, timezone, days, from, to, ...(closes === undefined ? {} : { closes }) }
}

function parseDays(text: string): number[] | undefined {
  const [first = '', last = first, ...more] = text.split('-')
  const start = DAYS.indexOf(first)
  const end = DAYS.indexOf(last)
  if (start < 0 || end < 0 || more.length > 0) return undefined
  const days: number[] = []
  for (let day = start; ; day = (day + 1) % 7) {
    days.push(day)
    if (day === end) return days
  }
}

/** In days since 1970. */
function parseDate(text: string): number | undefined {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text) ? time / DAY_MS : undefined
}

function parseMinutes(text: string): number | undefined {
  const match = /^(\d{2}):(\d{2})$/.exec(text)
  if (match === null) return undefined
  const minutes = Number(match[1]) * 60 + Number(match[2])
  return Number(match[2]) < 60 && minutes <= DAY_MINUTES ? minutes : undefined
}

const zones = new Set<string>()

/** `UTC` under its other names: none of them has a place whose clocks are put forward. */
const UTC_NAMES = /^(?:etc\/)?(?:utc|uct|universal|zulu|gmt|gmt[+-]?0|greenwich)$/i
/** Offsets from it by name, and abbreviations that are zones without summer time though their places have it, or that nobody uses for a place. */
const FIXED = /^(?:(?:etc|systemv)\/.*|est|mst|hst|[+-].*)$/i

/** What is wrong with a zone that is known; `undefined` where nothing is. */
export function zoneProblem(name: string): string | undefined {
  if (!FIXED.test(name) || UTC_NAMES.test(name)) return undefined
  return `the clocks of \`${name}\` are never put forward; write the place whose clocks are meant, such as America/New_York, or UTC`
}

/** Whether `name` is a zone whose clocks are known. */
export function isTimezone(name: string): boolean {
  if (zones.has(name)) return true
  try {
    const known = new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone !== ''
    if (known) zones.add(name)
    return known
  } catch {
    return false
  }
}

/** Whether `session` is open at `now` (milliseconds since 1970); it opens at `from` and is over at `to`. */
export function isOpen(session: Session, now: number): boolean {
  const local = now + zoneOffset(session.timezone, now)
  const days = Math.floor(local / 86_400_000)
  const minutes = (local - days * 86_400_000) / 60_000
  const weekday = (((days + 4) % 7) + 7) % 7
  const { from, to } = session
  const opensToday = session.days.includes(weekday)
  if (to > from) return opensToday && minutes >= from && minutes < to
  const openedYesterday = session.days.includes((weekday + 6) % 7)
  return (opensToday && minutes >= from) || (openedYesterday && minutes < to)
}

/** Whether `closure` ends whatever would be open at `now`. */
export function isClosed({ timezone, closes, from, to }: Session, now: number): boolean {
  if (closes === undefined) return false
  const minutes = (now + zoneOffset(timezone, now)) / 60_000 - closes * DAY_MINUTES
  return minutes >= from && minutes < (to > from ? to : to + DAY_MINUTES)
}

/** What is open of `sessions` at `now`, `closed` for nothing. */
export function sessionAt(sessions: readonly Session[], now: number): string {
  const { open, closures } = splitOf(sessions)
  const found = open.find((session) => isOpen(session, now))
  return found === undefined || isAnyClosed(closures, now) ? 'closed' : found.session
}

/** By zone, then date: a list of holidays costs a look-up and no walk through it. */
type Closures = ReadonlyMap<string, ReadonlyMap<number, readonly Session[]>>
const splits = new WeakMap<
  readonly Session[],
  { readonly open: readonly Session[]; readonly closures: Closures }
>()

function splitOf(sessions: readonly Session[]) {
  const known = splits.get(sessions)
  if (known !== undefined) return known
  const closures = new Map<string, Map<number, Session[]>>()
  for (const session of sessions) {
    const { timezone, closes } = session
    if (closes === undefined) continue
    const dates = closures.get(timezone) ?? new Map<number, Session[]>()
    closures.set(timezone, dates.set(closes, [...(dates.get(closes) ?? []), session]))
  }
  const split = { open: sessions.filter(({ closes }) => closes === undefined), closures }
  splits.set(sessions, split)
  return split
}

function isAnyClosed(closures: Closures, now: number): boolean {
  for (const [timezone, dates] of closures) {
    const date = Math.floor((now + zoneOffset(timezone, now)) / DAY_MS)
    // One that goes over midnight began the day before.
    for (const near of [date, date - 1])
      if (dates.get(near)?.some((closure) => isClosed(closure, now)) === true) return true
  }
  return false
}

/** Offsets change on quarter hours of UTC at the finest. */
const QUARTER = 900_000
const OFFSETS_MAX = 10_000
const offsets = new Map<string, number>()
const formats = new Map<string, Intl.DateTimeFormat>()

/** Milliseconds to add to UTC for the local wall clock of `timezone` at `now`. */
export function zoneOffset(timezone: string, now: number): number {
  const quarter = Math.floor(now / QUARTER)
  const key = `${timezone} ${quarter}`
  const known = offsets.get(key)
  if (known !== undefined) return known
  const at = quarter * QUARTER
  let format = formats.get(timezone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formats.set(timezone, format)
  }
  const part: Record<string, number> = {}
  for (const { type, value } of format.formatToParts(at)) part[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part
  const offset = Date.UTC(year, month - 1, day, hour, minute, second) - at
  if (offsets.size >= OFFSETS_MAX) offsets.clear()
  offsets.set(key, offset)
  return offset
}

const DAY_MS = 86_400_000
/** The day on which clocks go back two hours has as many quarters, and none has more. */
const DAY_QUARTERS_MAX = 26 * 4
/** The last quarter hour asked for in each zone, with the beginning of its day. */
const starts = new Map<string, { readonly quarter: number; readonly start: number }>()

/**
 * When the day that `now` lies in began on the wall clock of `timezone`. A day is a date on that clock: it has 23 hours where clocks go forward and 25
 * where they go back. Where midnight itself is skipped, the day begins with the first moment of its date.
 */
export function dayStart(timezone: string, now: number): number {
  const quarter = Math.floor(now / QUARTER)
  const known = starts.get(timezone)
  if (known?.quarter === quarter) return known.start
  const dateOf = (of: number): number =>
    Math.floor((of * QUARTER + zoneOffset(timezone, of * QUARTER)) / DAY_MS)
  const date = dateOf(quarter)
  let first = quarter
  while (quarter - first < DAY_QUARTERS_MAX && dateOf(first - 1) === date) first -= 1
  const start = first * QUARTER
  starts.set(timezone, { quarter, start })
  return start
}
