/** What one agent's vote weighs before caps: by its record, or by the policy's word. */
import type { Group, Policy, Share } from '../protocol/policy.ts'
import type { Performance, Voter } from '../protocol/roster.ts'

/** Weights from 0 to 1 are counted in whole billionths from here on. */
export const RAW_WEIGHT = 1_000_000_000

export interface Weighed {
  /** Whole billionths of the largest weight there can be. */
  readonly raw: number
  readonly basis: Voter['basis']
}

/**
 * w = α · Sharpe' + β · (1 − drawdown) + γ · uptime, with Sharpe' = (Sharpe − from) / (to − from) held within 0 and 1.
 *
 * Who does not trade (`null`) and who has fewer than `record` periods weighs what the policy says of his group. A Sharpe ratio that is
 * not known although the record is long enough, for want of volatility, counts as the least. A record with a number that is none, weighs nothing: were
 * it taken for a newcomer's, breaking it would pay.
 */
export function weigh(
  { weights }: Policy,
  groups: Pick<Voter, 'role' | 'field'>,
  record: Performance | null,
): Weighed {
  if (record !== null && !isSound(record)) return { raw: 0, basis: 'unusable' }
  if (record === null || record.periods < weights.record) {
    const share =
      (groups.field === null ? undefined : weights.byGroup[groups.field]) ?? weights.byGroup[groups.role]
    return { raw: Math.round(RAW_WEIGHT * part(share ?? [0, 1])), basis: 'group' }
  }
  const { from, to } = weights.sharpe
  const scaled = record.sharpe === null ? 0 : Math.min(1, Math.max(0, (record.sharpe - from) / (to - from)))
  const weight =
    part(weights.alpha) * scaled +
    part(weights.beta) * (1 - record.drawdown) +
    part(weights.gamma) * record.uptime
  return { raw: Math.round(RAW_WEIGHT * weight), basis: 'record' }
}

/** The groups that an agent belongs to: its role, and as a specialist its field. */
export function isIn(groups: readonly Group[], { role, field }: Pick<Voter, 'role' | 'field'>): boolean {
  return groups.includes(role) || (role === 'specialist' && field !== null && groups.includes(field))
}

function part([above, below]: Share): number {
  return above / below
}

/** A Sharpe ratio may be `null`; everything else is a number within its bounds. */
function isSound({ periods, sharpe, drawdown, uptime }: Performance): boolean {
  const isShare = (value: number): boolean => value >= 0 && value <= 1
  return (
    Number.isSafeInteger(periods) &&
    periods >= 0 &&
    (sharpe === null || Number.isFinite(sharpe)) &&
    isShare(drawdown) &&
    isShare(uptime)
  )
}
