/** The facts of one action as the compiled rules read them: one slot a fact, in arrays by kind. */
import { NUMBER_MAX, NUMBER_MIN } from '../protocol/common.ts'
import type { Fact, Reading } from './model.ts'

/** Truth values in Kleene's order, so that `and` is the lesser and `or` the greater. */
export const FALSE = 0
export const UNKNOWN = 1
export const TRUE = 2
export type Truth = 0 | 1 | 2

/** What a rule found, by its truth. */
export const RESULTS = ['clear', 'unknown', 'breach'] as const

/** Values by slot. What is not known is NaN, `undefined` or `UNKNOWN`, after the fact's kind. */
export interface Facts {
  /** The clock reading of this decision, in milliseconds since 1970. */
  readonly now: number
  readonly numbers: number[]
  /** For derived numbers: the sum of the magnitudes that went into it, which bounds its rounding error. */
  readonly magnitudes: number[]
  readonly texts: (string | undefined)[]
  readonly truths: number[]
  /** What was measured, also when it was too old or did not fit; `undefined` for what was not measured or not needed. */
  readonly readings: (Reading | undefined)[]
}

/** Facts of which nothing is known. Plain arrays: typed ones live outside the heap, and their collection is felt. */
export function blankFacts(slots: number): Facts {
  return {
    now: 0,
    numbers: doubles(slots, Number.NaN),
    magnitudes: doubles(slots, 0),
    texts: Array.from<string | undefined>({ length: slots }).fill(undefined),
    truths: Array.from({ length: slots }, () => UNKNOWN),
    readings: Array.from<Reading | undefined>({ length: slots }).fill(undefined),
  }
}

/** An array that holds doubles from the start, so that storing one never changes its kind. */
function doubles(length: number, value: number): number[] {
  return Array.from({ length }, () => Number.NaN).fill(value)
}

/** The same facts in arrays of their own, at the clock reading `now`. */
export function copyFacts(facts: Facts, now: number): Facts {
  return {
    now,
    numbers: facts.numbers.slice(),
    magnitudes: facts.magnitudes.slice(),
    texts: facts.texts.slice(),
    truths: facts.truths.slice(),
    readings: facts.readings.slice(),
  }
}

/** Puts a reading into its slot. What is missing, too old, mistyped or out of range stays unknown. */
export function store(facts: Facts, slot: number, fact: Fact, reading: Reading | undefined): void {
  facts.readings[slot] = reading
  const { type } = fact
  const value = reading !== undefined && isFresh(fact, reading, facts.now) ? reading.value : undefined
  if (type.kind === 'number')
    facts.numbers[slot] = typeof value === 'number' && isInRange(value) ? value : Number.NaN
  else if (type.kind === 'boolean')
    facts.truths[slot] = typeof value === 'boolean' ? (value ? TRUE : FALSE) : UNKNOWN
  else
    facts.texts[slot] =
      typeof value === 'string' && (type.kind === 'text' || type.values.includes(value)) ? value : undefined
}

function isFresh(fact: Fact, reading: Reading, now: number): boolean {
  return fact.maxAge === undefined || reading.at === undefined || now - reading.at <= fact.maxAge
}

/** Numbers outside this range are refused, so that no product of facts can overflow or vanish. */
function isInRange(value: number): boolean {
  const magnitude = Math.abs(value)
  return magnitude <= NUMBER_MAX && (magnitude >= NUMBER_MIN || magnitude === 0)
}

/** Whether the slot of `fact` holds a known value. */
export function isKnown(facts: Facts, slot: number, fact: Fact): boolean {
  switch (fact.type.kind) {
    case 'number':
      return !Number.isNaN(facts.numbers[slot])
    case 'boolean':
      return facts.truths[slot] !== UNKNOWN
    default:
      return facts.texts[slot] !== undefined
  }
}

/** The value in the slot of `fact`, or `null` when it is unknown. */
export function valueOf(facts: Facts, slot: number, fact: Fact): number | string | boolean | null {
  if (!isKnown(facts, slot, fact)) return null
  switch (fact.type.kind) {
    case 'number':
      return facts.numbers[slot] ?? null
    case 'boolean':
      return facts.truths[slot] === TRUE
    default:
      return facts.texts[slot] ?? null
  }
}
