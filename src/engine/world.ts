/** Builds a ledger from a list of observations: the state of a case, or of `ephor decide`. */
import { EphorError } from '../base/errors.ts'
import { didYouMean } from '../base/issue.ts'
import type { Constitution } from '../constitution/model.ts'
import { typeName } from '../constitution/units.ts'
import { refuse, type Refused } from '../ledger/accept.ts'
import { observe, register } from '../ledger/fold.ts'
import type { GrantWord } from '../ledger/grants.ts'
import { EMPTY_LEDGER, type Ledger } from '../ledger/ledger.ts'
import { refuseTerms } from './grants.ts'
import type { Action } from '../protocol/action.ts'
import { describeIssues } from '../protocol/issues.ts'
import type { GrantTerms } from '../protocol/grant.ts'
import { WorldEntry, type WorldObservation } from '../protocol/observation.ts'

/** The ledger in which `observations` are all that ever happened, in their order. Throws `EphorError` naming the one that does not fit, or that a sidecar would have refused. */
export function buildWorld(
  observations: readonly unknown[],
  constitution: Constitution,
  now: number,
): Ledger {
  let ledger = EMPTY_LEDGER
  for (const [index, value] of observations.entries()) {
    const parsed = WorldEntry.safeParse(value)
    if (!parsed.success)
      throw new EphorError('BODY_INVALID', `observation ${index}: ${describeIssues(parsed.error)}`)
    const observation = parsed.data
    if (observation.kind === 'grant') {
      ledger = withGrant(ledger, index, observation, constitution, now)
      continue
    }
    if (observation.kind === 'facts') checkFacts(observation.facts, constitution)
    const refusal = refusalOf(ledger, observation, now)
    if (refusal !== undefined) throw new EphorError(refusal.code, `observation ${index}: ${refusal.detail}`)
    ledger = observe(ledger, observation, now, constitution)
  }
  return ledger
}

/** Why a sidecar would not have believed `observation` after those before it. It came when it says: nobody tells when else. */
function refusalOf(ledger: Ledger, observation: WorldObservation, now: number): Refused | undefined {
  switch (observation.kind) {
    case 'facts':
      return undefined
    case 'position':
      return refusePosition(ledger, observation, now)
    case 'portfolio':
      return (
        refuse(ledger, observation, Math.min(observation.at, now)) ?? refusePortfolio(ledger, observation)
      )
    default:
      return refuse(
        ledger,
        observation,
        Math.min(observation.kind === 'bar' ? observation.to : observation.at, now),
      )
  }
}

/** The same of a single position, which no sidecar is told. */
function refusePosition(
  { portfolios }: Ledger,
  { account, instrument, at }: WorldObservation & { kind: 'position' },
  now: number,
): Refused | undefined {
  const what = `the position of ${instrument} in ${account} says ${at} and`
  if (at > now) return { code: 'OBSERVATION_IN_FUTURE', detail: `${what} it is ${now}` }
  const known = portfolios.get(account)
  const last = Math.max(known?.positions.get(instrument)?.at ?? 0, known?.completeAt ?? 0)
  return at < last
    ? { code: 'OBSERVATION_STALE', detail: `${what} one of ${last} comes before it` }
    : undefined
}

/** The same of a portfolio after positions that were stated one by one. */
function refusePortfolio(
  { portfolios }: Ledger,
  { account, at }: WorldObservation & { kind: 'portfolio' },
): Refused | undefined {
  const stated = portfolios.get(account)?.positions.map((position) => position.at)
  const last = Math.max(0, ...(stated?.values() ?? []))
  return at < last
    ? {
        code: 'OBSERVATION_STALE',
        detail: `the portfolio of ${account} says ${at} and a position of ${last} comes before it`,
      }
    : undefined
}

/**
 * The ledger in which `agent` is registered with the strategy it names. In a world of observations nobody registers agents, and a strategy that is named there
 * is meant.
 */
export function withAgent(ledger: Ledger, agent: string, action: Action, now: number): Ledger {
  const strategy = action.type === 'order' ? action.strategy : undefined
  return register(
    ledger,
    { agent, role: 'trader', strategies: strategy === undefined ? [] : [strategy] },
    now,
  )
}

/** The ledger with a grant that was approved now; what could not be proposed cannot be stated. */
function withGrant(
  ledger: Ledger,
  index: number,
  { rule, scope, upTo, until, uses }: GrantTerms,
  constitution: Constitution,
  now: number,
): Ledger {
  const terms: GrantTerms = { rule, scope, upTo, until, uses }
  const refusal = refuseTerms(constitution, terms, now)
  if (refusal !== undefined) throw new EphorError(refusal.code, `observation ${index}: ${refusal.detail}`)
  const id = `g-${index + 1}`
  // No agent can have a name with blanks in it.
  const word = (operator: string): GrantWord => ({ operator, reason: 'as stated', at: now })
  const grant = {
    id,
    terms,
    constitution: constitution.hash,
    proposed: word('who proposed it'),
    approved: word('who approved it'),
    revoked: undefined,
    superseded: false,
    used: 0,
    proposal: undefined,
    asked: [],
  }
  return { ...ledger, grants: ledger.grants.set(id, grant) }
}

function checkFacts(
  facts: Readonly<Record<string, number | string | boolean>>,
  constitution: Constitution,
): void {
  for (const [name, value] of Object.entries(facts)) {
    const fact = constitution.facts.get(name)
    if (fact === undefined)
      throw new EphorError(
        'BODY_INVALID',
        `unknown fact \`${name}\`${didYouMean(name, constitution.facts.keys())}`,
      )
    if (fact.origin.kind !== 'measured' && fact.origin.kind !== 'window') {
      throw new EphorError(
        'BODY_INVALID',
        `\`${name}\` is not measured but made from other facts; state those`,
      )
    }
    const kind = fact.type.kind === 'number' || fact.type.kind === 'boolean' ? fact.type.kind : 'string'
    if (typeof value !== kind)
      throw new EphorError('BODY_INVALID', `\`${name}\` is ${typeName(fact.type)}, and \`${value}\` is not`)
  }
}
