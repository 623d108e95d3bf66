/** The price we trust: the median of at least two fresh sources, with its age and how far they disagree. */
import type { Map } from 'immutable'
import {
  add,
  compare,
  divide,
  rational,
  subtract,
  toNumber,
  toNumberUp,
  type Rational,
} from '../base/rational.ts'
import type { PriceState } from './ledger.ts'

export interface Reference {
  /** Sources no older than the bound. */
  readonly sources: number
  /** Median of the fresh sources; `undefined` with fewer than two. */
  readonly price: number | undefined
  /** When the second-freshest source spoke; `undefined` with fewer than two sources of any age. */
  readonly at: number | undefined
  /** (highest − lowest) / median of the fresh sources, rounded up; `undefined` with fewer than two. */
  readonly disagreement: number | undefined
}

const NO_REFERENCE: Reference = { sources: 0, price: undefined, at: undefined, disagreement: undefined }
const TWO: Rational = { numerator: 2n, denominator: 1n }

/** What was worked out of a set of prices. */
interface Worked {
  /** Median and disagreement of the freshest sources, by how many they are. */
  readonly byCount: globalThis.Map<number, Pick<Reference, 'price' | 'disagreement'>>
  /** The last that was asked for: one action is often judged for several quantities at one moment. */
  now: number
  maxAge: number | undefined
  last: Reference
}

const worked = new WeakMap<object, Worked>()

/** The reference at `now`, from sources no older than `maxAge` milliseconds (`undefined`: of any age). */
export function referenceOf(
  prices: Map<string, PriceState> | undefined,
  now: number,
  maxAge: number | undefined,
): Reference {
  if (prices === undefined) return NO_REFERENCE
  let known = worked.get(prices)
  if (known !== undefined && known.now === now && known.maxAge === maxAge) return known.last
  if (known === undefined) {
    known = { byCount: new globalThis.Map(), now, maxAge, last: NO_REFERENCE }
    worked.set(prices, known)
  }
  known.last = readAt(known, prices, now, maxAge)
  known.now = now
  known.maxAge = maxAge
  return known.last
}

function readAt(
  { byCount }: Worked,
  prices: Map<string, PriceState>,
  now: number,
  maxAge: number | undefined,
): Reference {
  let sources = 0
  let freshest = Number.NEGATIVE_INFINITY
  let second = Number.NEGATIVE_INFINITY
  for (const { at } of prices.values()) {
    if (maxAge === undefined || now - at <= maxAge) sources += 1
    if (at > freshest) {
      second = freshest
      freshest = at
    } else if (at > second) second = at
  }
  const at = Number.isFinite(second) ? second : undefined
  if (sources < 2) return { sources, price: undefined, at, disagreement: undefined }
  let result = byCount.get(sources)
  if (result === undefined) {
    const fresh = [...prices.values()]
      .filter((source) => maxAge === undefined || now - source.at <= maxAge)
      .map((source) => source.price)
    result = workOut(fresh)
    byCount.set(sources, result)
  }
  return { sources, price: result.price, at, disagreement: result.disagreement }
}

function workOut(fresh: readonly number[]): Pick<Reference, 'price' | 'disagreement'> {
  const sorted = fresh.toSorted((a, b) => a - b)
  const price = median(sorted)
  const spread = subtract(rational(sorted.at(-1) as number), rational(sorted[0] as number))
  const share = divide(spread, rational(price))
  return { price, disagreement: share === undefined ? undefined : toNumberUp(share) }
}

function median(sorted: readonly number[]): number {
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] as number
  if (sorted.length % 2 === 1) return upper
  const lower = sorted[middle - 1] as number
  if (lower === upper) return upper
  const mean = divide(add(rational(lower), rational(upper)), TWO)
  return mean === undefined || compare(mean, rational(lower)) === 0 ? lower : toNumber(mean)
}
