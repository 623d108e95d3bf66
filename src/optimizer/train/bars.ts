/** Reads bars of a market from a file, and refuses or leaves out what cannot be true. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { parse } from 'csv-parse/sync'
import { EphorError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'

/** Bars of equal length, oldest first. Columns have one entry a bar. */
export interface Bars {
  readonly name: string
  readonly sha256: string
  /** Milliseconds that one bar takes. */
  readonly stepMs: number
  /** When each begins, in milliseconds since 1970. */
  readonly at: Float64Array
  readonly high: Float64Array
  readonly low: Float64Array
  readonly close: Float64Array
  /** In whatever the market counts, the same for all. */
  readonly volume: Float64Array
  /** Bars that were left out: without volume, with a print far off, or with volumes that fit no price. */
  readonly dropped: number
}

/** Largest file, uncompressed. */
const BYTES_MAX = 200_000_000
/** More dropped bars than this part, and the file is refused. */
const DROPPED_MAX = 0.01
/** A high or low so many times off the close, when the close has hardly moved, is a bad print. */
const PRINT_MAX = 1.25
const CLOSE_MOVE_MAX = 1.1

/** The columns of the files that are known, by the first of them. */
const LAYOUTS: Readonly<Record<string, { readonly time: string; readonly quote?: string }>> = {
  unix: { time: 'unix', quote: 'Volume USD' },
  timestamp: { time: 'timestamp' },
}

interface Row {
  readonly at: number
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number
}

/** Reads a `.csv` or `.csv.gz`. Throws `BARS_INVALID`, naming file and line. */
export function readBars(path: string): Bars {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    throw new EphorError('BARS_INVALID', `${path} cannot be read: ${reasonOf(error)}`)
  }
  let text: string
  try {
    text = (path.endsWith('.gz') ? gunzipSync(bytes, { maxOutputLength: BYTES_MAX }) : bytes).toString('utf8')
  } catch (error) {
    throw new EphorError('BARS_INVALID', `${path} cannot be unpacked: ${reasonOf(error)}`)
  }
  return parseBars(basename(path).replace(/\.csv(?:\.gz)?$/, ''), text)
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The bars that `text` lists, a header first; `name` says whose they are in messages. */
export function parseBars(name: string, text: string): Bars {
  let rows: Record<string, string>[]
  try {
    rows = parse(text, { columns: true, skip_empty_lines: true })
  } catch (error) {
    throw new EphorError('BARS_INVALID', `${name}: ${reasonOf(error)}`)
  }
  const header = Object.keys(rows[0] ?? {})
  const layout = LAYOUTS[header[0] ?? '']
  const missing = ['open', 'high', 'low', 'close', 'volume', layout?.quote].filter(
    (column) => column !== undefined && !header.includes(column),
  )
  if (layout === undefined || missing.length > 0) {
    const expected = layout === undefined ? 'a first column of unix or timestamp' : missing.join(', ')
    throw new EphorError(
      'BARS_INVALID',
      `${name}:1: expected ${expected} in ${header.join(', ').slice(0, 200)}`,
    )
  }
  const kept: Row[] = []
  let dropped = 0
  let before: Row | undefined
  for (const [index, record] of rows.entries()) {
    const row = rowOf(`${name}:${index + 2}`, record, layout)
    if (before !== undefined && row.at <= before.at)
      throw new EphorError(
        'BARS_INVALID',
        `${name}:${index + 2}: the time goes back, from ${before.at} to ${row.at}`,
      )
    if (row.volume > 0 && !isBadPrint(row, before)) kept.push(row)
    else dropped += 1
    before = row
  }
  if (kept.length < 2)
    throw new EphorError('BARS_INVALID', `${name}: ${kept.length} bars; expected two at least`)
  if (dropped > DROPPED_MAX * rows.length)
    throw new EphorError(
      'BARS_INVALID',
      `${name}: ${dropped} of ${rows.length} bars have no volume or prices far off; at most 1 % may`,
    )
  const column = (of: (row: Row) => number): Float64Array => Float64Array.from(kept, of)
  const at = column((row) => row.at)
  return {
    name,
    sha256: sha256(text),
    stepMs: shortest(at),
    at,
    high: column(({ high }) => high),
    low: column(({ low }) => low),
    close: column(({ close }) => close),
    volume: column(({ volume }) => volume),
    dropped,
  }
}

function rowOf(
  place: string,
  record: Readonly<Record<string, string>>,
  layout: { readonly time: string; readonly quote?: string },
): Row {
  const number = (column: string): number => {
    const value = Number(record[column] === '' ? Number.NaN : record[column])
    if (!Number.isFinite(value) || value < 0 || value > Number.MAX_SAFE_INTEGER)
      throw new EphorError(
        'BARS_INVALID',
        `${place}: \`${column}\` is \`${String(record[column]).slice(0, 40)}\`; expected a number above zero`,
      )
    return value
  }
  const stamp = record[layout.time] ?? ''
  const at = layout.time === 'unix' ? number('unix') * 1000 : Date.parse(`${stamp.replace(' ', 'T')}Z`)
  if (!Number.isSafeInteger(at))
    throw new EphorError('BARS_INVALID', `${place}: \`${stamp.slice(0, 40)}\` is no time`)
  const [open, high, low, close] = [number('open'), number('high'), number('low'), number('close')]
  if (!(low > 0) || low > Math.min(open, close) || high < Math.max(open, close))
    throw new EphorError(
      'BARS_INVALID',
      `${place}: low ${low}, open ${open}, close ${close}, high ${high}; columns swapped?`,
    )
  const volume = number('volume')
  if (layout.quote === undefined) return { at, open, high, low, close, volume }
  return { at, open, high, low, close, volume: baseVolume(volume, number(layout.quote), low, high) }
}

/** Of two volumes, in coins and in money, the one in coins, whichever column it stands in: their quotient is the price. Zero where it is none. */
function baseVolume(one: number, other: number, low: number, high: number): number {
  const fits = (coins: number, money: number): boolean =>
    money >= coins * low * 0.98 && money <= coins * high * 1.02
  if (fits(one, other)) return one
  return fits(other, one) ? other : 0
}

function isBadPrint({ high, low, close }: Row, before: Row | undefined): boolean {
  if (before === undefined) return false
  const moved = Math.max(close / before.close, before.close / close)
  return (
    moved < CLOSE_MOVE_MAX &&
    (high / Math.max(close, before.close) > PRINT_MAX || Math.min(close, before.close) / low > PRINT_MAX)
  )
}

function shortest(at: Float64Array): number {
  let least = Number.POSITIVE_INFINITY
  for (let index = 1; index < at.length; index += 1)
    least = Math.min(least, (at[index] as number) - (at[index - 1] as number))
  return least
}

/** The same bars, `count` made one; where one of them is missing, none is made. */
export function joined(bars: Bars, count: number): Bars {
  const { at, high, low, close, volume, stepMs } = bars
  const starts: number[] = []
  const step = stepMs * count
  for (let index = 0; index + count <= at.length; index += 1) {
    const first = at[index] as number
    if (first % step === 0 && (at[index + count - 1] as number) - first === stepMs * (count - 1))
      starts.push(index)
  }
  const over = (column: Float64Array, of: (...values: number[]) => number): Float64Array =>
    Float64Array.from(starts, (start) => of(...column.subarray(start, start + count)))
  return {
    ...bars,
    stepMs: step,
    at: Float64Array.from(starts, (start) => at[start] as number),
    high: over(high, Math.max),
    low: over(low, Math.min),
    close: Float64Array.from(starts, (start) => close[start + count - 1] as number),
    volume: over(volume, (...values) => values.reduce((sum, value) => sum + value, 0)),
  }
}
