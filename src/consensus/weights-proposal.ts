/** Other weights for votes than a policy has, proposed from how well votes foretold the market: held within bounds, and refused where they would shift power in kind. */
import type { Certificate } from '../protocol/certificate.ts'
import type { Policy } from '../protocol/policy.ts'
import { TOTAL_WEIGHT, type Roster, type Voter } from '../protocol/roster.ts'
import { hedge, simplexGrid, type Hedged, type Vector } from './hedge.ts'
import { gameOf, powersOf, type Game } from './power.ts'
import { sharesOf } from './shares.ts'
import { ruleOf } from './tally.ts'
import { weigh } from './weights.ts'

/** The grid: twentieths, so that every share is a whole number of five percent. */
export const PARTS = 20
/** No weight is ever proposed below or above these, in parts. */
const LEAST = 1
const MOST = 16
/** How far one proposal may go from what is in force, in parts, for each of the three. */
const STEP_MAX = 2
/** How far all changes of a quarter may go together. */
export const DRIFT_MAX = 6
/** Fewer outcomes say nothing. */
export const OUTCOMES_MIN = 30

/** A round that is over, and what came of it. */
export interface Outcome {
  readonly certificate: Certificate
  /** Whether the market went the way of the action: 1 or 0. */
  readonly outcome: 0 | 1
  /** When that was known. */
  readonly at: number
}

export interface Evidence {
  readonly rounds: number
  readonly hedged: Hedged
  /** The mean loss by the weights in force. */
  readonly inForce: number
  /** Where the weights of Hedge have their middle, before bounds. */
  readonly middle: readonly [number, number, number]
  readonly power: readonly PowerChange[]
}

/** One vote’s power under both, in the last roster that it was in. */
export interface PowerChange {
  readonly agent: string
  readonly before: number
  readonly after: number
}

export type WeightsProposal =
  | { readonly kind: 'proposed'; readonly from: Vector; readonly to: Vector; readonly evidence: Evidence }
  | { readonly kind: 'unchanged'; readonly from: Vector; readonly evidence: Evidence }
  | {
      readonly kind: 'refused'
      readonly from: Vector
      readonly to: Vector
      readonly why: readonly string[]
      readonly evidence: Evidence
    }
  | { readonly kind: 'too few'; readonly outcomes: number }
  | { readonly kind: 'off the grid'; readonly weights: readonly number[] }

/**
 * What `policy` should weigh votes by, from the outcomes of its rounds in the order in which they opened. `drifted` is how far approved changes of the last quarter went together, in
 * parts of the grid.
 */
export function proposeWeights(
  policy: Policy,
  outcomes: readonly Outcome[],
  drifted: number,
): WeightsProposal {
  const from = vectorOf(policy)
  if (from === undefined) {
    const { alpha, beta, gamma } = policy.weights
    return { kind: 'off the grid', weights: [alpha, beta, gamma].map(([above, below]) => above / below) }
  }
  if (outcomes.length < OUTCOMES_MIN) return { kind: 'too few', outcomes: outcomes.length }
  const grid = simplexGrid(PARTS)
  const policies = grid.map((vector) => withVector(policy, vector))
  const losses = outcomes.map(({ certificate, outcome }) =>
    policies.map((one) => brier(forecast(one, certificate), outcome)),
  )
  const rounds = losses.map((loss, place) => ({
    losses: loss,
    known: knownBefore(outcomes, place),
  }))
  const hedged = hedge(rounds, grid.length)
  const own = grid.findIndex((vector) => vector.join() === from.join())
  const mean = (place: number): number =>
    losses.reduce((sum, loss) => sum + (loss[place] as number), 0) / losses.length
  const middle = [0, 1, 2].map((axis) =>
    grid.reduce(
      (sum, vector, place) => sum + (vector[axis] as number) * (hedged.weights[place] as number),
      0,
    ),
  ) as [number, number, number]
  const room = Math.min(STEP_MAX, Math.floor(DRIFT_MAX - drifted))
  const to = nearest(grid, middle, from, room)
  const rosters = latestRosters(outcomes)
  const power = rosters.flatMap((roster) => powerChanges(policy, withVector(policy, to), roster))
  const evidence = { rounds: outcomes.length, hedged, inForce: mean(own), middle, power }
  if (to.join() === from.join()) return { kind: 'unchanged', from, evidence }
  const why = rosters.flatMap((roster) => shiftsIn(policy, withVector(policy, to), roster))
  return why.length > 0
    ? { kind: 'refused', from, to, why: [...new Set(why)], evidence }
    : { kind: 'proposed', from, to, evidence }
}

/** The weights of a policy in parts of the grid; `undefined` where they lie beside it. */
export function vectorOf({ weights: { alpha, beta, gamma } }: Policy): Vector | undefined {
  const parts = [alpha, beta, gamma].map(([above, below]) => (above * PARTS) / below)
  return parts.every(Number.isInteger) ? (parts as unknown as Vector) : undefined
}

/** The same policy with other weights. */
export function withVector(policy: Policy, [alpha, beta, gamma]: Vector): Policy {
  const { weights } = policy
  return {
    ...policy,
    weights: { ...weights, alpha: [alpha, PARTS], beta: [beta, PARTS], gamma: [gamma, PARTS] },
  }
}

/** How far two vectors are apart: the most that one weight moves. */
export function distance(one: Vector, other: Vector): number {
  return Math.max(...one.map((part, axis) => Math.abs(part - (other[axis] as number))))
}

/** Places of the rounds before that were known when this one opened. */
function knownBefore(outcomes: readonly Outcome[], place: number): number[] {
  const { opened } = (outcomes[place] as Outcome).certificate
  return outcomes.flatMap(({ at }, before) => (before < place && at <= opened ? [before] : []))
}

/**
 * The probability that the votes of a round gave to the action’s being right: yes is 1, no is 0, and who abstained or said nothing knows nothing, 1/2, each by what it weighs. Who said two
 * things counts as no, as in the round itself.
 */
export function forecast(policy: Policy, { roster, votes, equivocations }: Certificate): number {
  const carried = carriesUnder(policy, roster)
  if (carried === undefined) return 0.5
  const choices = new Map(votes.map(({ vote }) => [vote.agent, vote.choice]))
  for (const { first } of equivocations) choices.set(first.agent, 'no')
  let [sum, total] = [0, 0]
  for (const [agent, weight] of carried) {
    const choice = choices.get(agent)
    sum += weight * (choice === 'yes' ? 1 : choice === 'no' ? 0 : 0.5)
    total += weight
  }
  return total === 0 ? 0.5 : sum / total
}

export function brier(probability: number, outcome: 0 | 1): number {
  return (probability - outcome) ** 2
}

/** What each vote that is cast would carry under a policy, from the records that the roster was frozen with; `undefined` where there are no shares. */
function carriesUnder(policy: Policy, { voters }: Roster): ReadonlyMap<string, number> | undefined {
  const raw = (voter: Voter): number =>
    voter.basis === 'unusable' ? 0 : weigh(policy, voter, voter.performance).raw
  const casters = voters.filter(({ delegate }) => delegate === null)
  const seats = casters.map(({ agent, owner, ...voter }) => ({
    owner,
    raw: voters.reduce(
      (sum, other) => (other.delegate === agent ? sum + raw(other) : sum),
      raw({ agent, owner, ...voter }),
    ),
  }))
  const shares = sharesOf(seats, policy.caps, TOTAL_WEIGHT)
  return typeof shares === 'string'
    ? undefined
    : new Map(casters.map(({ agent }, at) => [agent, shares[at] as number]))
}

/** The grid’s vector nearest to `middle` among those within bounds and within reach. */
function nearest(grid: readonly Vector[], middle: readonly number[], from: Vector, reach: number): Vector {
  const off = (vector: Vector): number =>
    vector.reduce((sum, part, axis) => sum + (part - (middle[axis] as number)) ** 2, 0)
  const allowed = grid.filter(
    (vector) => distance(vector, from) <= reach && vector.every((part) => part >= LEAST && part <= MOST),
  )
  // What is in force stays where nothing else may be reached.
  return allowed.reduce((best, vector) => (off(vector) < off(best) ? vector : best), from)
}

/** The last roster of each composition. */
function latestRosters(outcomes: readonly Outcome[]): Roster[] {
  const last = new Map<string, Roster>()
  for (const { certificate } of outcomes)
    last.set(certificate.roster.voters.map(({ agent }) => agent).join(), certificate.roster)
  return [...last.values()].slice(-ROSTERS_MAX)
}
const ROSTERS_MAX = 16

interface Table {
  readonly agents: readonly string[]
  readonly game: Game
}

function tableOf(policy: Policy, roster: Roster): Table | undefined {
  const carried = carriesUnder(policy, roster)
  if (carried === undefined) return undefined
  const casters = roster.voters.filter(({ delegate }) => delegate === null)
  const players = casters.map(({ agent, veto }) => ({ carries: carried.get(agent) ?? 0, veto }))
  const total = players.reduce((sum, { carries }) => sum + carries, 0)
  return { agents: casters.map(({ agent }) => agent), game: gameOf(ruleOf(policy, total, players), players) }
}

const SEED = 1

function powerChanges(before: Policy, after: Policy, roster: Roster): PowerChange[] {
  const [old, now] = [tableOf(before, roster), tableOf(after, roster)]
  if (old === undefined || now === undefined) return []
  const [was, is] = [powersOf(old.game, SEED), powersOf(now.game, SEED)]
  return old.agents.map((agent, at) => ({ agent, before: was.shares[at] ?? 0, after: is.shares[at] ?? 0 }))
}

/** What a change would bring about in kind: a dictator, a dummy, a veto that nobody had, or a round in which nothing passes. */
function shiftsIn(before: Policy, after: Policy, roster: Roster): string[] {
  const [old, now] = [tableOf(before, roster), tableOf(after, roster)]
  if (now === undefined) return ['no weights hold the caps']
  const is = powersOf(now.game, SEED)
  const was = old === undefined ? undefined : powersOf(old.game, SEED)
  const blocked = blockersOf(now.game)
  const blockedBefore = old === undefined ? [] : blockersOf(old.game)
  return now.agents.flatMap((agent, at) => [
    ...(is.dictators[at] === true && was?.dictators[at] !== true ? [`\`${agent}\` would decide alone`] : []),
    ...(is.powerless[at] === true && was?.powerless[at] !== true ? [`\`${agent}\` would have no power`] : []),
    ...(blocked[at] === true && blockedBefore[at] !== true
      ? [`nothing would pass without \`${agent}\``]
      : []),
  ])
}

/** Whether nothing passes without each player, although all others say yes. */
function blockersOf({ players, threshold, minimumVoters }: Game): boolean[] {
  return players.map((_, without) => {
    const others = players.filter((__, at) => at !== without)
    const weight = others.reduce((sum, { carries }) => sum + carries, 0)
    const counting = others.filter(({ carries }) => carries > 0).length
    return players[without]?.veto === true || weight < threshold || counting < minimumVoters
  })
}
