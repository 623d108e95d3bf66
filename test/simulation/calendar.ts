/** When the simulated markets are open: as a constitution's table has it, and for the naive model a quarter of an hour at a time. */

/** Stocks with a holiday, an early close, a late opening and a holiday before a weekend; what never closes; futures with an early close and a session that does not open. */
export const HOURS = `instrument.id,session,timezone,days,from,to
ONE,regular,America/New_York,Mon-Fri,09:30,16:00
ONE,closed,America/New_York,2026-12-02,13:00,24:00
ONE,closed,America/New_York,2026-12-03,00:00,24:00
ONE,closed,America/New_York,2026-12-07,00:00,12:00
ONE,closed,America/New_York,2026-12-11,00:00,24:00
TENTH,regular,UTC,Mon-Sun,00:00,24:00
FIVE,regular,America/Chicago,Sun-Thu,17:00,16:00
FIVE,closed,America/Chicago,2026-12-02,12:00,16:00
FIVE,closed,America/Chicago,2026-12-02,17:00,16:00
`

const HOUR = 3_600_000
const DAY = 24 * HOUR
const QUARTER = HOUR / 4
const at = (text: string): number => Date.parse(`${text}Z`)

/** No clock is set in these weeks, so that each wall clock stands still against UTC. */
const FIRST = at('2026-11-16T00:00')
export const LAST = at('2027-02-15T00:00')

interface Market {
  /** Hours from UTC. */
  readonly zone: number
  /** Hours on its wall clock, from and to; past 24 on the next date. */
  readonly hours: readonly [number, number]
  /** Weekdays on which it opens; 0 is Sunday. */
  readonly opens: readonly number[]
  /** In UTC. */
  readonly closed: readonly (readonly [number, number])[]
}

const MARKETS: Readonly<Record<string, Market>> = {
  ONE: {
    zone: -5,
    hours: [9.5, 16],
    opens: [1, 2, 3, 4, 5],
    closed: [
      [at('2026-12-02T18:00'), at('2026-12-04T05:00')],
      [at('2026-12-07T05:00'), at('2026-12-07T17:00')],
      [at('2026-12-11T05:00'), at('2026-12-12T05:00')],
    ],
  },
  TENTH: { zone: 0, hours: [0, 24], opens: [0, 1, 2, 3, 4, 5, 6], closed: [] },
  FIVE: {
    zone: -6,
    hours: [17, 40],
    opens: [0, 1, 2, 3, 4],
    closed: [
      [at('2026-12-02T18:00'), at('2026-12-02T22:00')],
      [at('2026-12-02T23:00'), at('2026-12-03T22:00')],
    ],
  },
}

/** The date, in days since 1970, on which the session that is open then will close; `undefined` while it is closed. */
function sessionAt({ zone, hours: [from, to], opens, closed }: Market, time: number): number | undefined {
  if (closed.some(([begin, end]) => time >= begin && time < end)) return undefined
  const wall = time + zone * HOUR
  const today = Math.floor(wall / DAY)
  const open = [today - 1, today].find(
    (date) =>
      opens.includes(new Date(date * DAY).getUTCDay()) &&
      wall >= date * DAY + from * HOUR &&
      wall < date * DAY + to * HOUR,
  )
  return open === undefined ? undefined : to > 24 ? open + 1 : open
}

interface Days {
  /** When each trading day began, from the first. */
  readonly begins: readonly number[]
  /** When it opened or closed, from the first. */
  readonly turns: readonly number[]
}

function daysOf(market: Market): Days {
  const begins: number[] = []
  const turns: number[] = []
  const dates = new Set<number>()
  let before: number | undefined
  for (let time = FIRST; time < LAST; time += QUARTER) {
    const date = sessionAt(market, time)
    if ((date === undefined) !== (before === undefined)) turns.push(time)
    if (date !== undefined && !dates.has(date)) begins.push(time)
    if (date !== undefined) dates.add(date)
    before = date
  }
  return { begins, turns }
}

const DAYS = new Map(Object.entries(MARKETS).map(([name, market]) => [name, daysOf(market)]))

/** Every moment at which a market opens or closes or a day begins, from the first. */
export const TURNS: readonly number[] = [
  ...new Set([...DAYS.values()].flatMap(({ begins, turns }) => [...begins, ...turns])),
].toSorted((a, b) => a - b)

export const isMarketOpen = (instrument: string, time: number): boolean => {
  const market = MARKETS[instrument]
  return market !== undefined && sessionAt(market, time) !== undefined
}

/** When the trading day of an instrument began that goes on at `time`. */
export function dayBegan(instrument: string, time: number): number {
  const began = DAYS.get(instrument)?.begins.findLast((begin) => begin <= time)
  if (began === undefined || time >= LAST)
    throw new Error(`the calendar does not know ${instrument} at ${time}`)
  return began
}
