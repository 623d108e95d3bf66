/** Figures that jump beyond all that happens within an hour: a slip of the feed, such as pence for pounds, rather than news. */
import type { Observation } from '../protocol/observation.ts'
import type { AccountState, InstrumentState, PriceState } from './ledger.ts'

/** Between one report and the next nothing real moves by more than this factor … */
const FACTOR = 10
/** … while the report before is younger than this, in milliseconds. After it the world may have changed, and a wrong first report must not hold for good. */
const HOUR = 3_600_000
/** What describes an instrument is reported by the day and moves by the month; so long, in milliseconds, a report of it is held against the next. */
const WEEK = 7 * 86_400_000

type InstrumentReport = Extract<Observation, { kind: 'instrument' }>
type BarReport = Extract<Observation, { kind: 'bar' }>
type AccountReport = Extract<Observation, { kind: 'account' }>

/** Whether a `rate` reported at `now` is more than ten times the last, or less than a tenth of it. */
export function rateJumps(before: PriceState | undefined, rate: number, now: number): boolean {
  if (before === undefined || now - before.at >= HOUR) return false
  return rate > before.price * FACTOR || rate * FACTOR < before.price
}

/** Whether equity reported at `now` is above ten times the highest ever reported; what is not above zero never is. */
export function equityJumps(
  before: AccountState | undefined,
  { equity }: AccountReport,
  now: number,
): boolean {
  return before !== undefined && now - before.at < HOUR && equity > most(before.highWater)
}

/**
 * Whether the free credit reported at `now`, the cash where there is none, is above ten times the highest equity and above ten times the credit before, which may
 * well be a multiple of the equity.
 */
export function creditJumps(before: AccountState | undefined, report: AccountReport, now: number): boolean {
  if (before === undefined || now - before.creditAt >= HOUR) return false
  return (report.credit ?? report.cash) > most(Math.max(before.highWater, before.credit))
}

function most(known: number): number {
  return Math.max(known, 0) * FACTOR
}

/** What `leap` finds: the figure, as it was and as it is said to be. */
export interface Leap {
  readonly field: 'adv' | 'sharesOutstanding' | 'tick'
  readonly from: number
  readonly to: number
}

/**
 * The first figure of an instrument's report at `now` that has leapt: a daily volume or a number of shares above ten times the last, by which orders may be
 * larger, or a tick ten times as coarse or as fine. A fall of the others only makes limits tighter. One that was left out of the last report is not held
 * against anything, and rules that read it have denied since: so it is said on purpose that a share was split.
 */
export function leap(
  before: InstrumentState | undefined,
  report: InstrumentReport,
  now: number,
): Leap | undefined {
  if (before === undefined || now - before.at >= WEEK) return undefined
  for (const field of ['adv', 'sharesOutstanding', 'tick'] as const) {
    const [from, to] = [before[field], report[field]]
    // None at all was said for want of a figure.
    if (from === undefined || from === 0 || to === undefined) continue
    if (to > from * FACTOR || (field === 'tick' && to * FACTOR < from)) return { field, from, to }
  }
  return undefined
}

/** Whether a report says that an instrument does not trade: such news is never refused for a figure beside it. */
export function stops({ status }: InstrumentReport): boolean {
  return status !== 'open'
}

/** The report without what has leapt: there the last holds. */
export function withoutLeaps(
  before: InstrumentState | undefined,
  report: InstrumentReport,
  now: number,
): InstrumentReport {
  const found = leap(before, report, now)
  return found === undefined ? report : withoutLeaps(before, { ...report, [found.field]: found.from }, now)
}

/** Whether a bar holds more than ten average days. */
export function volumeJumps(instrument: InstrumentState | undefined, { volume }: BarReport): boolean {
  return instrument?.adv !== undefined && instrument.adv > 0 && volume > instrument.adv * FACTOR
}
