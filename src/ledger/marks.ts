/**
 * What positions gained and lost by the market since their account was last reported: each move of a reference price counts at once for every
 * account that holds the instrument, so that an open loss is known before the next report of equity.
 */
import { List, Map } from 'immutable'
import { add, multiply, rational, subtract, type Rational } from '../base/rational.ts'
import type { AccountState, Ledger, Moved } from './ledger.ts'

/** Moves are whole numbers of this share of one, rounded down: against the account. */
const UNITS = 10n ** 18n
/** Moments kept between two reports of an account. */
const MOVES_KEPT = 4_096
const NOTHING_MOVED: Moved = { units: 0n, moves: List() }

/** The ledger after the reference of `instrument` was `price` at `at`. `staleAfter` is how long, in milliseconds, a mark stands without news. */
export function mark(
  ledger: Ledger,
  instrument: string,
  price: number,
  at: number,
  staleAfter: number,
): Ledger {
  const before = ledger.marks.get(instrument)
  const marks = ledger.marks.set(instrument, { price, at: Math.max(before?.at ?? at, at) })
  if (before === undefined || before.price === price) return { ...ledger, marks }
  let { moved } = ledger
  for (const account of ledger.holders.get(instrument)?.keys() ?? []) {
    const state = ledger.accounts.get(account)
    // What moved while nobody looked may be in the account's report already: then nobody can say how much is not.
    if (state === undefined || state.at > before.at + staleAfter) continue
    const gain = gainOf(ledger, account, state, instrument, subtract(rational(price), rational(before.price)))
    if (gain !== undefined && gain !== 0n)
      moved = moved.set(account, push(moved.get(account) ?? NOTHING_MOVED, at, gain))
  }
  return { ...ledger, marks, moved }
}

/** What the position gains by `change` of its price, in units of the account's currency; `undefined` where that cannot be told. */
function gainOf(
  { instruments, portfolios, rates }: Ledger,
  account: string,
  { currency }: AccountState,
  instrument: string,
  change: Rational,
): bigint | undefined {
  const known = instruments.get(instrument)
  const held = portfolios.get(account)?.positions.get(instrument)?.quantity
  if (known === undefined || held === undefined) return undefined
  const rate = known.currency === currency ? 1 : rates.get(`${known.currency}/${currency}`)?.price
  if (rate === undefined) return undefined
  const gain = [held, known.multiplier, rate].map(rational).reduce(multiply, change)
  const scaled = gain.numerator * UNITS
  const whole = scaled / gain.denominator
  return scaled < 0n && scaled % gain.denominator !== 0n ? whole - 1n : whole
}

function push({ units, moves }: Moved, at: number, gain: bigint): Moved {
  const last = moves.last()
  if (last !== undefined && last.at >= at)
    return { units: units + gain, moves: moves.set(-1, { at: last.at, units: last.units + gain }) }
  const longer = moves.push({ at, units: gain })
  if (longer.size <= MOVES_KEPT) return { units: units + gain, moves: longer }
  // The two oldest become one that counts until the later of them is reported.
  const [first, second] = [longer.get(0), longer.get(1)]
  const merged = { at: second?.at ?? at, units: (first?.units ?? 0n) + (second?.units ?? 0n) }
  return { units: units + gain, moves: longer.shift().set(0, merged) }
}

/** What the account's report of `at` holds already does not count beside it any more. */
export function settleMoves(moved: Ledger['moved'], account: string, at: number): Ledger['moved'] {
  const before = moved.get(account)
  if (before === undefined) return moved
  const left = before.moves.filter((move) => move.at > at)
  if (left.isEmpty()) return moved.delete(account)
  return moved.set(account, { units: left.reduce((sum, { units }) => sum + units, 0n), moves: left })
}

/** The account's equity by now: as it was reported, with what its positions gained and lost since. */
export function equityOf({ moved }: Ledger, account: string, { equity }: AccountState): Rational {
  const units = moved.get(account)?.units ?? 0n
  return add(rational(equity), { numerator: units, denominator: UNITS })
}

/** Notes that `account` holds, or held, the instruments. */
export function hold(
  holders: Ledger['holders'],
  account: string,
  instruments: Iterable<string>,
): Ledger['holders'] {
  let next = holders
  for (const instrument of instruments)
    next = next.set(instrument, (next.get(instrument) ?? Map<string, true>()).set(account, true))
  return next
}
