/** What votes can bring about, beside what they weigh: Shapley and Shubik's index, dictators, and those without power. */
import { greatestCommonDivisor } from '../base/literal.ts'
import { seeded } from '../base/random.ts'
import { toNumber, ZERO, type Rational } from '../base/rational.ts'
import type { Power, Voter } from '../protocol/roster.ts'
import type { Rule } from './tally.ts'

/** One vote in the game. */
export type Player = Pick<Voter, 'carries' | 'veto'>

/**
 * The simple game that a round is: a set of votes wins when those say yes, all others say no, and that approves. So it wins if and only if it
 * weighs at least `threshold`, counts at least `minimumVoters` that weigh anything, and holds every vote with a veto.
 */
export interface Game {
  readonly threshold: number
  readonly minimumVoters: number
  readonly players: readonly Player[]
}

/** Games up to this size are solved, larger ones sampled. */
export const EXACT_MAX = 20
/** Orders drawn for a larger game: within five points of 100, for 1,000 votes, with 99 %. */
export const SAMPLES = 4000
export const CONFIDENCE = 0.99

/** The game of `rule` among `players`. */
export function gameOf(
  { total, quorumWeight, support, minimumVoters }: Rule,
  players: readonly Player[],
): Game {
  const supportWeight = Math.floor((support[0] * total) / support[1]) + 1
  return { threshold: Math.max(quorumWeight, supportWeight), minimumVoters, players }
}

/** An index for each player of a game, in their order, and how it was found. */
export interface Powers {
  readonly found: Power
  /** From 0 to 1; together 1, where all votes together win. */
  readonly shares: readonly number[]
  /** Whether it decides alone: wins by itself, and nobody wins without it. */
  readonly dictators: readonly boolean[]
  /**
   * Whether no set of votes needs it to win. Of a sampled game: whether none was found, neither in the sample nor by looking for one, so that in
   * doubt a vote is said to be powerless rather than not.
   */
  readonly powerless: readonly boolean[]
}

const known = new Map<string, Powers>()
const KNOWN_MAX = 64

/**
 * Solves `game`, or samples it by orders drawn from `seed`, a whole number. The games met last are remembered: rosters seldom change from round
 * to round, and a game of twenty votes has a million sets.
 */
export function powersOf(game: Game, seed: number): Powers {
  const { threshold, minimumVoters, players } = game
  const key = JSON.stringify([
    seed,
    threshold,
    minimumVoters,
    players.map(({ carries, veto }) => [carries, veto]),
  ])
  const found = known.get(key) ?? solve(game, seed)
  known.delete(key)
  known.set(key, found)
  const oldest = known.size > KNOWN_MAX ? known.keys().next().value : undefined
  if (oldest !== undefined) known.delete(oldest)
  return found
}

function solve(game: Game, seed: number): Powers {
  const dictators = game.players.map((_, index) => isDictator(game, index))
  if (game.players.length <= EXACT_MAX) {
    const indices = shapleyShubik(game)
    const powerless = indices.map(({ numerator }) => numerator === 0n)
    return { found: { method: 'exact' }, shares: indices.map(toNumber), dictators, powerless }
  }
  const shares = sampledIndices(game, seeded(seed), SAMPLES)
  const powerless = shares.map((share, index) => share === 0 && !hasPivot(game, index))
  const error = hoeffding(SAMPLES, game.players.length)
  const found = { method: 'sampled', samples: SAMPLES, seed, error, confidence: CONFIDENCE } as const
  return { found, shares, dictators, powerless }
}

/**
 * L. S. Shapley and M. Shubik, “A Method for Evaluating the Distribution of Power in a Committee System”, American Political Science Review 48
 * (3), 1954: the share of all orders of voting in which a vote is the one that makes those before it win.
 *
 * Exact, by visiting all 2^n sets in Gray's order, in which each differs from the one before by one vote: a vote that a winning
 * set of k cannot spare decides (k − 1)! (n − k)! of the n! orders.
 */
export function shapleyShubik({ threshold, minimumVoters, players }: Game): Rational[] {
  const size = players.length
  if (size > 30) throw new RangeError(`${size} votes have too many sets to visit`)
  const weights = Float64Array.from(players, ({ carries }) => carries)
  const counts = Uint8Array.from(players, ({ carries }) => (carries > 0 ? 1 : 0))
  const vetoes = players.reduce((mask, { veto }, index) => (veto ? mask | (1 << index) : mask), 0)
  const largest = Math.max(0, ...weights)
  // One row for each vote: how many sets of each size it decides.
  const pivots = new Float64Array(size * (size + 1))
  let [weight, counted, members, inside] = [0, 0, 0, 0]
  const sets = 2 ** size
  for (let step = 1; step < sets; step += 1) {
    const turned = 31 - Math.clz32(step & -step)
    inside ^= 1 << turned
    const sign = (inside >>> turned) & 1 ? 1 : -1
    weight += sign * (weights[turned] as number)
    counted += sign * (counts[turned] as number)
    members += sign
    if (weight < threshold || counted < minimumVoters || (inside & vetoes) !== vetoes) continue
    if (vetoes === 0 && weight - largest >= threshold && counted > minimumVoters) continue
    for (let rest = inside; rest !== 0; rest &= rest - 1) {
      const index = 31 - Math.clz32(rest & -rest)
      const isSpare =
        ((vetoes >>> index) & 1) === 0 &&
        weight - (weights[index] as number) >= threshold &&
        counted - (counts[index] as number) >= minimumVoters
      if (!isSpare) pivots[index * (size + 1) + members]! += 1
    }
  }
  const factorial = factorials(size)
  return players.map((_, index) => {
    let orders = 0n
    for (let k = 1; k <= size; k += 1)
      orders +=
        BigInt(pivots[index * (size + 1) + k] ?? 0) * (factorial[k - 1] ?? 1n) * (factorial[size - k] ?? 1n)
    return lowestTerms(orders, factorial[size] ?? 1n)
  })
}

/** The share of `samples` random orders in which each vote decides. */
export function sampledIndices(game: Game, random: () => number, samples: number): number[] {
  const { players } = game
  const order = Uint32Array.from(players.keys())
  const decided = new Float64Array(players.length)
  const vetoes = players.filter(({ veto }) => veto).length
  for (let sample = 0; sample < samples; sample += 1) {
    let [weight, counted, vetoing] = [0, 0, 0]
    // Shuffled only as far as it is read (Fisher and Yates, from the front).
    for (let place = 0; place < order.length; place += 1) {
      const other = place + Math.floor(random() * (order.length - place))
      const index = order[other] ?? 0
      order[other] = order[place] ?? 0
      order[place] = index
      const { carries, veto } = players[index] as Player
      weight += carries
      if (carries > 0) counted += 1
      if (veto) vetoing += 1
      if (weight < game.threshold || counted < game.minimumVoters || vetoing < vetoes) continue
      decided[index] = (decided[index] ?? 0) + 1
      break
    }
  }
  return [...decided].map((count) => count / samples)
}

/**
 * By how much any of `players` estimates may be off, with probability `CONFIDENCE`.
 *
 * W. Hoeffding, “Probability Inequalities for Sums of Bounded Random Variables”, JASA 58, 1963: one mean of m values within 0 and 1 is off by e or
 * more with probability at most 2 exp(−2 m e²); n of them with at most n times that.
 */
export function hoeffding(samples: number, players: number): number {
  return Math.sqrt(Math.log((2 * players) / (1 - CONFIDENCE)) / (2 * samples))
}

function wins({ threshold, minimumVoters, players }: Game, isInside: (index: number) => boolean): boolean {
  let [weight, counted] = [0, 0]
  for (const [index, { carries, veto }] of players.entries()) {
    if (!isInside(index)) {
      if (veto) return false
      continue
    }
    weight += carries
    if (carries > 0) counted += 1
  }
  return weight >= threshold && counted >= minimumVoters
}

function isDictator(game: Game, index: number): boolean {
  return wins(game, (other) => other === index) && !wins(game, (other) => other !== index)
}

/**
 * Looks for a set that wins with a vote and not without it: the vetoes first, then the others, largest and smallest first, as long as the
 * set does not win without the vote. Finding none proves nothing.
 */
function hasPivot(game: Game, index: number): boolean {
  const { players, threshold, minimumVoters } = game
  const me = players[index] as Player
  if (me.veto) return wins(game, () => true)
  if (me.carries === 0) return false
  const others = players.filter((_, other) => other !== index)
  const vetoing = others.filter(({ veto }) => veto)
  const rest = others.filter(({ veto, carries }) => !veto && carries > 0)
  const start = {
    weight: vetoing.reduce((sum, { carries }) => sum + carries, 0),
    counted: vetoing.filter(({ carries }) => carries > 0).length,
  }
  const tries = [
    rest.toSorted((a, b) => b.carries - a.carries),
    rest.toSorted((a, b) => a.carries - b.carries),
  ]
  return tries.some((order) => {
    let { weight, counted } = start
    for (const { carries } of order) {
      if (weight + carries >= threshold && counted + 1 >= minimumVoters) continue
      weight += carries
      counted += 1
    }
    const winsWithout = weight >= threshold && counted >= minimumVoters
    return !winsWithout && weight + me.carries >= threshold && counted + 1 >= minimumVoters
  })
}

function factorials(most: number): bigint[] {
  const all = [1n]
  for (let value = 1; value <= most; value += 1) all.push((all[value - 1] ?? 1n) * BigInt(value))
  return all
}

function lowestTerms(numerator: bigint, denominator: bigint): Rational {
  if (numerator === 0n) return ZERO
  const common = greatestCommonDivisor(numerator, denominator)
  return { numerator: numerator / common, denominator: denominator / common }
}
