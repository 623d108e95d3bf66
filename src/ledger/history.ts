/** Windows over the market: how far the reference moved and how much traded, from ticks and bars. */
import { List } from 'immutable'
import {
  add,
  divide,
  rational,
  subtract,
  toNumber,
  toNumberUp,
  ZERO,
  type Rational,
} from '../base/rational.ts'
import type { Bar, Tick } from './ledger.ts'

/** History is kept this long, which bounds the windows a constitution may ask for. */
export const WINDOW_MAX = 24 * 3_600_000
/** Ticks are kept a second each for as long as any common window needs; bars for a day. */
const TICKS_KEPT = 3_600
const BARS_KEPT = 2_000
/** Between two ticks further apart than this the price was not watched. */
const GAP_MAX = 60_000

/** Adds the reference price at `at` to the ticks, a second each. */
export function addTick(ticks: List<Tick> | undefined, at: number, price: number): List<Tick> {
  const second = Math.floor(at / 1000) * 1000
  const list = ticks ?? List<Tick>()
  const last = list.last()
  if (last !== undefined && last.at >= second) {
    if (price <= last.high && price >= last.low) return list
    return list.set(-1, { ...last, high: Math.max(last.high, price), low: Math.min(last.low, price) })
  }
  const longer = list.push({ at: second, high: price, low: price, first: price })
  return longer.size > TICKS_KEPT ? longer.shift() : longer
}

/** Adds a bar in order of its end; a later report of the same stretch takes its place. */
export function addBar(bars: List<Bar> | undefined, bar: Bar): List<Bar> {
  const list = bars ?? List<Bar>()
  const last = list.last()
  if (last === undefined || (last.to <= bar.to && last.from < bar.from)) return bounded(list.push(bar))
  const others = list.filterNot((other) => other.from === bar.from && other.to === bar.to)
  const at = others.findLastIndex((other) => other.to <= bar.to)
  return bounded(others.insert(at + 1, bar))
}

function bounded(bars: List<Bar>): List<Bar> {
  return bars.size > BARS_KEPT ? bars.shift() : bars
}

/**
 * (highest − lowest) / first of the reference within `window` milliseconds before `now`, rounded up. `undefined` when neither ticks nor
 * bars cover the whole window.
 */
export function move(
  ticks: List<Tick> | undefined,
  bars: List<Bar> | undefined,
  now: number,
  window: number,
): number | undefined {
  const start = now - window
  const seenTicks = touching(ticks, start)
  const seenBars = barsTouching(bars, start, now)
  if (!ticksCover(seenTicks, start, now) && !barsCover(seenBars, start, now)) return undefined
  const highest = Math.max(...seenTicks.map((tick) => tick.high), ...seenBars.map((bar) => bar.high))
  const lowest = Math.min(...seenTicks.map((tick) => tick.low), ...seenBars.map((bar) => bar.low))
  const firsts = [
    ...seenBars.slice(0, 1).map((bar) => ({ at: bar.from, price: bar.open })),
    ...seenTicks.slice(0, 1).map((tick) => ({ at: tick.at, price: tick.first })),
  ]
  firsts.sort((a, b) => a.at - b.at)
  const first = firsts[0]?.price
  if (first === undefined) return undefined
  const share = divide(subtract(rational(highest), rational(lowest)), rational(first))
  return share === undefined ? undefined : toNumberUp(share)
}

/**
 * The least that the reference moved within `window` milliseconds before `now`: (highest − lowest) / first of the ticks in it, and of the one before it where no gap parts them. They need
 * not cover the window, since what was seen happened. `undefined` where nothing was.
 */
export function moveSeen(ticks: List<Tick> | undefined, now: number, window: number): Rational | undefined {
  let highest = Number.NEGATIVE_INFINITY
  let lowest = Number.POSITIVE_INFINITY
  let first: number | undefined
  let last: number | undefined
  for (let index = (ticks?.size ?? 0) - 1; index >= 0; index--) {
    const tick = ticks?.get(index)
    if (tick === undefined) break
    // What was seen within the window was seen, also where nothing was for a while; with which price it opens is known without a gap alone.
    if (last !== undefined && last - tick.at > GAP_MAX && tick.at <= now - window) break
    highest = Math.max(highest, tick.high)
    lowest = Math.min(lowest, tick.low)
    first = tick.first
    last = tick.at
    // The price with which the window opens.
    if (tick.at <= now - window) break
  }
  if (first === undefined) return undefined
  return divide(subtract(rational(highest), rational(lowest)), rational(first))
}

/**
 * Volume of the bars that lie wholly within `window` milliseconds before `now`: what is counted was traded then for certain. `undefined` when
 * the bars leave a gap in the window, or none lies in it whole.
 */
export function volume(bars: List<Bar> | undefined, now: number, window: number): number | undefined {
  const start = now - window
  const seen = barsTouching(bars, start, now)
  if (!barsCover(seen, start, now)) return undefined
  let total = ZERO
  let until = start
  let counted = 0
  for (const bar of seen) {
    // What overlaps a bar that is counted may be the same trades again.
    if (bar.from < until) continue
    total = add(total, rational(bar.volume))
    until = bar.to
    counted += 1
  }
  return counted === 0 ? undefined : toNumber(total)
}

/** The ticks within the window, and the last one before it: the price with which the window opens. */
function touching(ticks: List<Tick> | undefined, start: number): Tick[] {
  const seen: Tick[] = []
  for (let index = (ticks?.size ?? 0) - 1; index >= 0; index--) {
    const tick = ticks?.get(index)
    if (tick === undefined) break
    seen.push(tick)
    if (tick.at <= start) break
  }
  return seen.toReversed()
}

function ticksCover(ticks: readonly Tick[], start: number, now: number): boolean {
  const [first] = ticks
  if (first === undefined || first.at > start) return false
  let last = first.at
  for (const tick of ticks) {
    if (tick.at - last > GAP_MAX) return false
    last = tick.at
  }
  return now - last <= GAP_MAX
}

function barsTouching(bars: List<Bar> | undefined, start: number, now: number): Bar[] {
  const seen: Bar[] = []
  for (let index = (bars?.size ?? 0) - 1; index >= 0; index--) {
    const bar = bars?.get(index)
    if (bar === undefined || bar.to <= start) break
    if (bar.from < now) seen.push(bar)
  }
  return seen.toSorted((a, b) => a.from - b.from)
}

/** Bars cover a window when none is missing between its start and the last, after which the next is still forming. */
function barsCover(bars: readonly Bar[], start: number, now: number): boolean {
  const [first] = bars
  const last = bars.at(-1)
  if (first === undefined || last === undefined || first.from > start) return false
  let until = first.from
  for (const bar of bars) {
    if (bar.from > until) return false
    until = Math.max(until, bar.to)
  }
  return now - until <= Math.min(last.to - last.from, GAP_MAX)
}
