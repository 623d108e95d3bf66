/** Turns raw weights into whole shares of a total, under caps for each vote and each owner: exactly, and whatever their order. */
import { compare, rational, type Rational } from '../base/rational.ts'
import type { Share } from '../protocol/policy.ts'

/** One vote: the raw weight it carries, and whose it is. */
export interface Seat {
  readonly owner: string
  /** A whole number, zero or above. */
  readonly raw: number
}

export interface Caps {
  readonly voter: Share
  readonly owner: Share
}

/** No shares: nobody weighs anything, or the caps together leave less than the total. */
export type NoShares = 'weightless' | 'infeasible'

/**
 * Whole weights for `seats`, in their order, together at most `total` and close to it; or why there are none.
 *
 * Each vote gets its raw weight times one common factor, but no vote more than `caps.voter` and no owner's votes together more than
 * `caps.owner` of what all weigh; what a cap cuts off goes to all others by their raw weights. Within an owner at his cap the same
 * holds among his votes. Whoever weighs nothing gets nothing.
 *
 * The weights are found as exact fractions and rounded down. What rounding cuts off is nobody's: the total of a round is what its weights add up
 * to. So votes that weigh the same before weigh the same after, and two of three equals are two thirds. Where that leaves somebody above his
 * cap by a hair, the caps are taken of the smaller total again.
 */
export function sharesOf(seats: readonly Seat[], caps: Caps, total: number): number[] | NoShares {
  const positive = seats.map((seat, index) => ({ ...seat, index })).filter(({ raw }) => raw > 0)
  if (positive.length === 0) return 'weightless'
  const owners = byOwner(positive)
  if (!isFeasible(owners, caps)) return 'infeasible'
  let base = total
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const weights = seats.map(() => 0)
    fill(weights, owners, floorOf(caps.voter, base), floorOf(caps.owner, base), total)
    base = sum(weights)
    if (base > 0 && holdsCaps(seats, weights, caps)) return weights
  }
  return 'infeasible'
}

/** Whether no vote and no owner has more than its cap, exactly. */
export function holdsCaps(
  seats: readonly Pick<Seat, 'owner'>[],
  weights: readonly number[],
  caps: Caps,
): boolean {
  const total = sum(weights)
  const held = new Map<string, number>()
  for (const [index, { owner }] of seats.entries())
    held.set(owner, (held.get(owner) ?? 0) + (weights[index] ?? 0))
  const isWithin = (weight: number, [above, below]: Share): boolean => weight * below <= above * total
  return (
    weights.every((weight) => isWithin(weight, caps.voter)) &&
    [...held.values()].every((weight) => isWithin(weight, caps.owner))
  )
}

/** The second is nearly always the last; caps whose denominators have nothing in common with the total may take a few more. */
const ATTEMPTS_MAX = 32

/** Whether the caps of those who weigh anything add up to the whole. */
function isFeasible(owners: readonly (readonly Placed[])[], { voter, owner }: Caps): boolean {
  const below = voter[1] * owner[1]
  const ownerMax = BigInt(owner[0] * voter[1])
  const room = owners.reduce((all, own) => {
    const mine = BigInt(own.length) * BigInt(voter[0] * owner[1])
    return all + (mine < ownerMax ? mine : ownerMax)
  }, 0n)
  return room >= BigInt(below)
}

function fill(
  weights: number[],
  owners: readonly (readonly Placed[])[],
  voterMax: number,
  ownerMax: number,
  total: number,
): void {
  const room = sum(owners.map((own) => Math.min(ownerMax, own.length * voterMax)))
  const factor = commonFactor(owners, voterMax, ownerMax, Math.min(total, room))
  for (const own of owners) {
    const isCapped = compare(sumAt(own, factor, voterMax), rational(ownerMax)) > 0
    const mine = isCapped ? commonFactor(own.map(alone), voterMax, ownerMax, ownerMax) : factor
    for (const { index, raw } of own) weights[index] = floorUnder(mine, raw, voterMax)
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0)
}

const NOTHING: Rational = { numerator: 0n, denominator: 1n }

interface Placed extends Seat {
  readonly index: number
}

function byOwner(seats: readonly Placed[]): Placed[][] {
  const owners = new Map<string, Placed[]>()
  for (const seat of seats) {
    const own = owners.get(seat.owner)
    if (own === undefined) owners.set(seat.owner, [seat])
    else own.push(seat)
  }
  return [...owners.values()]
}

function alone(seat: Placed): Placed[] {
  return [seat]
}

function floorOf([above, below]: Share, total: number): number {
  return Math.floor((above * total) / below)
}

/** `raw` times `factor`, at most `max`, rounded down. */
function floorUnder({ numerator, denominator }: Rational, raw: number, max: number): number {
  return Math.min(max, Number((numerator * BigInt(raw)) / denominator))
}

/** What the seats of one owner have at `factor`, the owner's cap aside. */
function sumAt(own: readonly Placed[], factor: Rational, voterMax: number): Rational {
  const { free, capped } = split(own, factor, voterMax)
  return {
    numerator: factor.numerator * free + BigInt(capped) * BigInt(voterMax) * factor.denominator,
    denominator: factor.denominator,
  }
}

/** The raw weight of seats below their cap at `factor`, and how many are above. */
function split(own: readonly Placed[], factor: Rational, voterMax: number): { free: bigint; capped: number } {
  const bound = BigInt(voterMax) * factor.denominator
  let free = 0
  let capped = 0
  for (const { raw } of own) {
    if (factor.numerator * BigInt(raw) > bound) capped += 1
    else free += raw
  }
  return { free: BigInt(free), capped }
}

/**
 * The factor at which the capped seats of all owners add up to `total`.
 *
 * What they add up to is a concave function of the factor, made of straight pieces, so the root of each piece lies below the factor
 * looked for or upon it: following the pieces from zero climbs to it without ever passing, one piece at least each time. Ends when no seat or
 * owner comes to its cap that was not there.
 */
function commonFactor(
  owners: readonly (readonly Placed[])[],
  voterMax: number,
  ownerMax: number,
  total: number,
): Rational {
  let factor: Rational = NOTHING
  let before = -1
  for (;;) {
    let free = 0n
    let fixed = 0
    let atCap = 0
    for (const own of owners) {
      const mine = split(own, factor, voterMax)
      if (compare(sumAt(own, factor, voterMax), rational(ownerMax)) > 0) {
        fixed += ownerMax
        atCap += own.length + 1
      } else {
        free += mine.free
        fixed += mine.capped * voterMax
        atCap += mine.capped
      }
    }
    if (atCap === before || free === 0n) return factor
    before = atCap
    factor = { numerator: BigInt(total - fixed), denominator: free }
  }
}
