/**
 * What all positions of an account are worth, kept from one judgement to the next. A judgement asks for all positions but one, and few of them
 * have changed since the last: those are valued again, and the sums follow. What is kept is found again by the ledger it was worked out on, and is never part
 * of it: a ledger that nothing is known of is valued whole, with the same result.
 */
import { add, compare, multiply, negate, rational, subtract, ZERO, type Rational } from '../base/rational.ts'
import { Map as PersistentMap } from 'immutable'
import type { Ledger, PortfolioState } from './ledger.ts'
import { referenceOf } from './reference.ts'

/** By what positions are valued. Ages are in milliseconds, `undefined` where any will do. */
export interface Valuing {
  readonly currency: string
  readonly now: number
  /** Of the prices. */
  readonly markAge: number | undefined
  /** Of the rates. */
  readonly rateAge: number | undefined
  /** Of what is added up; all where none is named. */
  readonly sector?: string | undefined
}

/** Worth of one position, or of all; `unknown` counts those of which nobody can say. */
export interface Worth {
  /** As if the worse of its sides filled, without a sign. */
  readonly gross: Rational
  /** As if all that is open on that side filled, with its sign. */
  readonly buy: Rational
  readonly sell: Rational
  readonly unknown: number
}

interface Entry extends Worth {
  /** The last moment at which it is still worked out from the same prices. */
  readonly until: number
}

interface Book {
  readonly entries: PersistentMap<string, Entry>
  readonly total: Worth
  /** Of all entries; never too late. */
  readonly until: number
  /** When it was worked out: of an earlier moment it says nothing. */
  readonly at: number
  /** The last change that is in it. */
  readonly upTo: Change | undefined
}

/** An instrument of which the price, a position or an open order changed, and what had changed before. */
interface Change {
  readonly instrument: string
  readonly before: Change | undefined
}

/** What is known of one ledger. */
interface Kept {
  readonly books: PersistentMap<string, Book>
  readonly changes: Change | undefined
  /** Since the books began. */
  readonly count: number
}

const kept = new WeakMap<Ledger, Kept>()
const NOTHING_KEPT: Kept = { books: PersistentMap(), changes: undefined, count: 0 }
/** Changes and books that are kept; then everything is valued anew. */
const CHANGES_MAX = 4_096
const BOOKS_MAX = 256

const NOTHING: Worth = { gross: ZERO, buy: ZERO, sell: ZERO, unknown: 0 }
const UNKNOWN: Entry = { ...NOTHING, unknown: 1, until: Number.POSITIVE_INFINITY }

/**
 * Hands on what is known of `before` to the ledger that an event made of it. `instrument` is the only one whose prices, positions or open orders the event
 * can have changed; `undefined` where that cannot be told.
 */
export function handOn(before: Ledger, after: Ledger, instrument: string | undefined): void {
  const known = kept.get(before)
  if (known === undefined || before === after) return
  const isSame =
    before.prices === after.prices &&
    before.portfolios === after.portfolios &&
    before.exposures === after.exposures &&
    before.rates === after.rates &&
    before.instruments === after.instruments
  if (isSame) kept.set(after, known)
  else if (
    instrument !== undefined &&
    known.count < CHANGES_MAX &&
    before.rates === after.rates &&
    before.instruments === after.instruments
  ) {
    const changes = { instrument, before: known.changes }
    kept.set(after, { books: known.books, changes, count: known.count + 1 })
  }
}

/** What the account's positions are worth, those in `but` aside; `undefined` when nobody has said what it holds. */
export function worthOf(ledger: Ledger, account: string, but: string, valuing: Valuing): Worth | undefined {
  if (!isKnown(ledger.portfolios.get(account))) return undefined
  const { total, entries } = bookOf(ledger, account, valuing)
  const own = entries.get(but)
  return own === undefined ? total : plus(total, own, subtract, -1)
}

/** Fills alone do not say what was held before them; positions that a case states one by one are all there are. */
function isKnown(portfolio: PortfolioState | undefined): boolean {
  return portfolio !== undefined && (portfolio.completeAt !== undefined || portfolio.positions.size > 0)
}

function bookOf(ledger: Ledger, account: string, valuing: Valuing): Book {
  const { currency, now, markAge, rateAge, sector } = valuing
  const known = kept.get(ledger) ?? NOTHING_KEPT
  const key = [account, currency, markAge, rateAge, sector].join('\u0000')
  const before = known.books.get(key)
  if (before !== undefined && before.upTo === known.changes && before.at <= now && now <= before.until)
    return before
  const book =
    before === undefined || before.at > now || now > before.until
      ? valued(ledger, account, valuing, known.changes)
      : revalued(ledger, account, valuing, before, known.changes)
  const books = known.books.size >= BOOKS_MAX ? NOTHING_KEPT.books : known.books
  kept.set(ledger, { ...known, books: books.set(key, book) })
  return book
}

/** All of the account, one by one. */
function valued(ledger: Ledger, account: string, valuing: Valuing, upTo: Change | undefined): Book {
  const held = ledger.portfolios.get(account)?.positions.keys() ?? []
  const open = ledger.exposures.get(account)?.keys() ?? []
  let total = NOTHING
  let until = Number.POSITIVE_INFINITY
  const entries = PersistentMap<string, Entry>().withMutations((made) => {
    for (const instrument of new Set([...held, ...open])) {
      const entry = entryOf(ledger, account, instrument, valuing)
      if (entry === undefined) continue
      made.set(instrument, entry)
      total = plus(total, entry, add, 1)
      until = Math.min(until, entry.until)
    }
  })
  return { entries, total, until, at: valuing.now, upTo }
}

/** The book with what changed since valued again. */
function revalued(
  ledger: Ledger,
  account: string,
  valuing: Valuing,
  before: Book,
  changes: Change | undefined,
): Book {
  const changed = new Set<string>()
  for (let change = changes; change !== undefined && change !== before.upTo; change = change.before)
    changed.add(change.instrument)
  let { entries, total, until } = before
  for (const instrument of changed) {
    const was = entries.get(instrument)
    const is = entryOf(ledger, account, instrument, valuing)
    if (was !== undefined) total = plus(total, was, subtract, -1)
    if (is === undefined) entries = entries.delete(instrument)
    else {
      entries = entries.set(instrument, is)
      total = plus(total, is, add, 1)
      until = Math.min(until, is.until)
    }
  }
  return { entries, total, until, at: valuing.now, upTo: changes }
}

function plus(a: Worth, b: Worth, by: typeof add, sign: 1 | -1): Worth {
  return {
    gross: by(a.gross, b.gross),
    buy: by(a.buy, b.buy),
    sell: by(a.sell, b.sell),
    unknown: a.unknown + sign * b.unknown,
  }
}

/** Worth of one position with what is open in it; `undefined` where there is nothing, or it is of another sector. One of which nobody said the sector is of each. */
function entryOf(
  ledger: Ledger,
  account: string,
  name: string,
  { currency, now, markAge, rateAge, sector }: Valuing,
): Entry | undefined {
  const held = rational(ledger.portfolios.get(account)?.positions.get(name)?.quantity ?? 0)
  const { buy, sell } = ledger.exposures.get(account)?.get(name) ?? { buy: 0, sell: 0 }
  if (held.numerator === 0n && buy === 0 && sell === 0) return undefined
  const instrument = ledger.instruments.get(name)
  if (sector !== undefined && (instrument?.sector ?? sector) !== sector) return undefined
  const sources = ledger.prices.get(name)
  const { price } = referenceOf(sources, now, markAge)
  if (instrument === undefined || sources === undefined || price === undefined) return UNKNOWN
  let until = Number.POSITIVE_INFINITY
  let rate = 1
  if (instrument.currency !== currency) {
    const reported = ledger.rates.get(`${instrument.currency}/${currency}`)
    if (reported === undefined || (rateAge !== undefined && now - reported.at > rateAge)) return UNKNOWN
    rate = reported.price
    if (rateAge !== undefined) until = reported.at + rateAge
  }
  // With the next source that is too old the median is another.
  for (const { at } of sources.values())
    if (markAge !== undefined && now - at <= markAge) until = Math.min(until, at + markAge)
  const each = [price, rate].map(rational).reduce(multiply, rational(instrument.multiplier))
  const lots = (count: number): Rational => multiply(rational(count), rational(instrument.lot))
  const long = multiply(buy === 0 ? held : add(held, lots(buy)), each)
  const short = multiply(sell === 0 ? held : subtract(held, lots(sell)), each)
  return { gross: larger(long, short), buy: long, sell: short, unknown: 0, until }
}

/** The larger of the magnitudes. */
function larger(a: Rational, b: Rational): Rational {
  const [x, y] = [a, b].map((each) => (each.numerator < 0n ? negate(each) : each)) as [Rational, Rational]
  return compare(x, y) < 0 ? y : x
}
