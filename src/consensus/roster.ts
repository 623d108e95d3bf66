/** Freezes who votes in a round, and what each vote weighs, from the agents as they are when it opens. */
import type { Policy } from '../protocol/policy.ts'
import { VOTERS_MAX, type AgentRole, type ExpertField } from '../protocol/policy.ts'
import type { Delegation, Performance, Roster, RosterWarning, Voter } from '../protocol/roster.ts'
import { TOTAL_WEIGHT } from '../protocol/roster.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import { delegatesAmong } from './delegation.ts'
import { digestOf } from '../base/hash.ts'
import { askedFields, isAsked } from './routed.ts'
import { gameOf, powersOf, type Powers } from './power.ts'
import { refuse, type Refusal } from './refusal.ts'
import { sharesOf } from './shares.ts'
import { ruleOf } from './tally.ts'
import { isIn, weigh, type Weighed } from './weights.ts'

/** An agent as registered, with its record. */
export interface Agent {
  readonly agent: string
  readonly role: AgentRole
  /** Of a specialist. */
  readonly field: ExpertField | null
  readonly owner: string
  /** Ed25519, SPKI PEM; without one an agent cannot vote. */
  readonly publicKey: string | null
  readonly isRetired: boolean
  /** Not heard lately: no voter, though one who should be there. */
  readonly isSilent: boolean
  /** `null` for those who do not trade. */
  readonly performance: Performance | null
}

export interface Freezing {
  readonly policy: Policy
  /** Each agent once. */
  readonly agents: readonly Agent[]
  readonly delegations: readonly Delegation[]
  readonly proposer: string
  /** The owners whom the question is about, in order: their agents have no vote, whatever the policy says. */
  readonly barred: readonly string[]
  /** The fields whose specialists are asked, beside those with a veto; `null` for all. */
  readonly routed: readonly ExpertField[] | null
  /** From which orders are drawn where there are too many voters to solve their game; a whole number. */
  readonly seed: number
}

/** A roster that no longer changes, ready to count by. */
export interface FrozenRoster {
  readonly roster: Roster
  readonly hash: string
  readonly byName: ReadonlyMap<string, Voter>
}

/**
 * The roster of a round. It does not depend on the order of agents, and not on the round: the same agents, records and delegations make the
 * same roster with the same hash, so one that was frozen may serve many rounds.
 *
 * Refused are rosters by which nothing could be decided, or, where the policy says so, that make a dictator or a vote without power.
 */
export function freezeRoster(freezing: Freezing): FrozenRoster | Refusal {
  const { policy, agents, proposer } = freezing
  const owners = new Set(freezing.barred)
  const routed = freezing.routed === null ? null : askedFields(policy, freezing.routed)
  const able = agents
    .filter(
      (agent) =>
        isThere(agent) &&
        isIn(policy.voters, agent) &&
        (policy.proposerVotes || agent.agent !== proposer) &&
        isAsked(routed, agent),
    )
    .toSorted((a, b) => (a.agent < b.agent ? -1 : 1))
  const eligible = able.filter(({ owner }) => !owners.has(owner))
  const barred = able.filter(({ owner }) => owners.has(owner)).map(({ agent }) => agent)
  const members = eligible.filter((agent): agent is Member => agent.publicKey !== null)
  const refusal = refusalOf(policy, members, barred) ?? vetoMissing(freezing, members)
  if (refusal !== undefined) return refusal
  const seats = seatsOf(members, freezing)
  const weights = sharesOf(seats, policy.caps, TOTAL_WEIGHT)
  if (weights === 'weightless') return refuse('VOTERS_WEIGHTLESS', `of ${members.length} voters`)
  if (weights === 'infeasible') return refuse('CAPS_INFEASIBLE', capsDetail(policy, seats))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const counting = weights.filter((weight) => weight > 0).length
  if (counting < policy.minimumVoters)
    return refuse('VOTERS_TOO_FEW', `${counting} weigh anything, and ${policy.minimumVoters} must say yes`)
  const players = seats.map(({ veto }, index) => ({ carries: weights[index] ?? 0, veto }))
  const game = gameOf(ruleOf(policy, total, players), players)
  const powers = powersOf(game, freezing.seed)
  const warnings = warningsOf(eligible, seats, powers)
  const refused = powerRefusal(policy, warnings)
  if (refused !== undefined) return refused
  const roster: Roster = {
    schema: SCHEMA_VERSION,
    policy: digestOf(policy),
    total,
    voters: seats
      .flatMap((seat, index) => votersOf(seat, weights[index] ?? 0, powers.shares[index] ?? 0))
      .toSorted((a, b) => (a.agent < b.agent ? -1 : 1)),
    routed,
    barred,
    guardians: agents
      .filter((agent) => isThere(agent) && isIn(policy.guardians, agent))
      .map(({ agent }) => agent)
      .toSorted(),
    power: powers.found,
    warnings,
  }
  return frozen(roster)
}

/** A roster as recorded, made ready to count by. */
export function frozen(roster: Roster): FrozenRoster {
  return {
    roster,
    hash: digestOf(roster),
    byName: new Map(roster.voters.map((voter) => [voter.agent, voter])),
  }
}

type Member = Agent & { readonly publicKey: string }

/** A vote that is cast: by whom, and for whom. */
interface CastSeat {
  readonly owner: string
  readonly raw: number
  readonly veto: boolean
  readonly caster: WeighedMember
  readonly others: readonly WeighedMember[]
}

interface WeighedMember extends Weighed {
  readonly member: Member
}

function isThere({ isRetired, isSilent }: Agent): boolean {
  return !isRetired && !isSilent
}

/** Who could reject must be heard, or the others would only have to wait for a moment in which nobody who could is. Where nobody was ever registered who could, nobody is missed. */
function vetoMissing(
  { policy, agents, proposer, barred }: Freezing,
  members: readonly Member[],
): Refusal | undefined {
  if (members.some((member) => isIn(policy.vetoes, member))) return undefined
  const missed = agents.filter(
    (agent) =>
      !agent.isRetired &&
      agent.publicKey !== null &&
      isIn(policy.voters, agent) &&
      isIn(policy.vetoes, agent),
  )
  const named = (some: readonly Agent[]): string =>
    some
      .map(({ agent }) => `\`${agent}\``)
      .toSorted()
      .join(', ')
  const silent = missed.filter(({ agent, owner }) => agent !== proposer && !barred.includes(owner))
  if (silent.length > 0) return refuse('VETO_SILENT', `${named(silent)}: not heard lately`)
  // Nor does anybody make a question one about them to be rid of their no, nor they one of their own.
  return missed.length === 0
    ? undefined
    : refuse('VETO_BARRED', `${named(missed)}: it is theirs, or about them`)
}

function refusalOf(
  { voters }: Policy,
  members: readonly Member[],
  barred: readonly string[],
): Refusal | undefined {
  if (members.length === 0)
    return refuse('VOTERS_NONE', `of ${voters.join(', ')}, none is active and has a key`)
  if (members.length > VOTERS_MAX)
    return refuse('VOTERS_TOO_MANY', `${members.length} would vote, and a round takes ${VOTERS_MAX}`)
  if (barred.length > VOTERS_MAX)
    return refuse('VOTERS_TOO_MANY', `it is about ${barred.length} who would vote`)
  const keys = new Map<string, string>()
  for (const { agent, publicKey } of members) {
    const other = keys.get(publicKey)
    if (other !== undefined) return refuse('KEY_SHARED', `\`${other}\` and \`${agent}\``)
    keys.set(publicKey, agent)
  }
  return undefined
}

/** The votes that are cast, in the order of who casts them. A seat carries what all those weigh whose vote it is. */
function seatsOf(members: readonly Member[], { policy, delegations }: Freezing): CastSeat[] {
  const weighed = members.map((member) => ({ member, ...weigh(policy, member, member.performance) }))
  const names = new Set(members.map(({ agent }) => agent))
  const delegates = delegatesAmong(names, delegations, policy.field)
  const others = new Map<string, WeighedMember[]>()
  for (const one of weighed) {
    const to = delegates.get(one.member.agent)
    if (to !== undefined) others.set(to, [...(others.get(to) ?? []), one])
  }
  return weighed
    .filter(({ member }) => !delegates.has(member.agent))
    .map((caster) => {
      const mine = others.get(caster.member.agent) ?? []
      const all = [caster, ...mine]
      return {
        owner: caster.member.owner,
        raw: all.reduce((sum, { raw }) => sum + raw, 0),
        veto: all.some(({ member }) => isIn(policy.vetoes, member)),
        caster,
        others: mine,
      }
    })
}

/** What a seat weighs is split by raw weight among those whose vote it is, rounded down; the rest stays with who casts it. */
function votersOf({ raw, veto, caster, others }: CastSeat, carries: number, power: number): Voter[] {
  const delegated = others.map((one) => ({
    ...voterOf(one),
    weight: raw === 0 ? 0 : Number((BigInt(carries) * BigInt(one.raw)) / BigInt(raw)),
    delegate: caster.member.agent,
    carries: 0,
    veto: false,
    power: 0,
  }))
  const weight = carries - delegated.reduce((sum, one) => sum + one.weight, 0)
  return [{ ...voterOf(caster), weight, delegate: null, carries, veto, power }, ...delegated]
}

function voterOf({ member, basis }: WeighedMember) {
  const { agent, role, field, owner, publicKey, performance } = member
  return {
    agent,
    role,
    field,
    owner,
    publicKey,
    performance: basis === 'unusable' ? null : performance,
    basis,
  }
}

function warningsOf(
  eligible: readonly Agent[],
  seats: readonly CastSeat[],
  { dictators, powerless }: Powers,
): RosterWarning[] {
  const named = (code: RosterWarning['code'], agents: readonly Agent[]): RosterWarning[] =>
    agents.map(({ agent }) => ({ code, agent }))
  const casters = (isOne: readonly boolean[]): Member[] =>
    seats.filter((_, index) => isOne[index] === true).map(({ caster }) => caster.member)
  const unusable = seats
    .flatMap(({ caster, others }) => [caster, ...others])
    .filter(({ basis }) => basis === 'unusable')
    .map(({ member }) => member)
  return [
    ...named('DICTATOR', casters(dictators)),
    ...named('POWERLESS', casters(powerless)),
    ...named('RECORD_UNUSABLE', unusable),
    ...named(
      'KEY_MISSING',
      eligible.filter(({ publicKey }) => publicKey === null),
    ),
  ]
}

function powerRefusal(
  { onDictator, onPowerless }: Policy,
  warnings: readonly RosterWarning[],
): Refusal | undefined {
  const named = (code: RosterWarning['code']): string =>
    warnings
      .filter((warning) => warning.code === code)
      .map(({ agent }) => `\`${agent}\``)
      .join(', ')
  const dictator = named('DICTATOR')
  if (onDictator === 'refuse' && dictator !== '') return refuse('VOTER_DICTATES', dictator)
  const powerless = named('POWERLESS')
  return onPowerless === 'refuse' && powerless !== '' ? refuse('VOTER_POWERLESS', powerless) : undefined
}

function capsDetail({ caps }: Policy, seats: readonly CastSeat[]): string {
  const counting = seats.filter(({ raw }) => raw > 0)
  const owners = new Set(counting.map(({ owner }) => owner)).size
  return `${counting.length} votes of at most ${caps.voter.join('/')} by ${owners} owners of at most ${caps.owner.join('/')}`
}
