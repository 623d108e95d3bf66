/** The agents of a ledger as a quorum sees them: who serves, and how each did, as feeders reported it. */
import { maximumDrawdown, sharpe } from '../consensus/performance.ts'
import type { Agent } from '../consensus/roster.ts'
import type { AgentState, Ledger } from '../ledger/ledger.ts'
import type { TrackRecord } from '../ledger/track-days.ts'
import { BEATS_MISSING_MAX } from '../ledger/track-record.ts'
import type { Performance } from '../protocol/roster.ts'

/** Periods of a track record are days of the calendar. */
const DAYS_PER_YEAR = 365

/** All agents that were ever registered. One that is silent votes no more than one that was retired, and is missed where it could reject. */
export function agentsOf(ledger: Ledger, now: number): Agent[] {
  return [...ledger.agents].map(([agent, state]) => ({
    agent,
    role: state.role,
    field: state.field ?? null,
    // Who belongs to nobody is bounded by itself.
    owner: state.owner ?? agent,
    publicKey: state.publicKey ?? null,
    isRetired: state.retiredAt !== undefined,
    isSilent: !serves(state, now),
    performance: performanceOf(state, ledger.trackRecords.get(agent)),
  }))
}

/** Whether the agent was registered and not retired since. */
export function isRegistered({ agents }: Ledger, agent: string): boolean {
  const known = agents.get(agent)
  return known !== undefined && known.retiredAt === undefined
}

/** Whether the agent was not retired, and was heard lately. */
export function serves({ retiredAt, heartbeatAt, heartbeatMs }: AgentState, now: number): boolean {
  return (
    retiredAt === undefined &&
    heartbeatAt !== undefined &&
    now - heartbeatAt <= BEATS_MISSING_MAX * heartbeatMs
  )
}

/**
 * How an agent with capital did on its closed days since the last without any; `null` without capital. A return is the day's profit as a share of that
 * day's capital, and the equity that drawdown is measured on is what returns make of one: so capital that is given or taken is neither gain nor loss. Periods are the
 * days on which it traded or held something, since nothing is learned of an agent on others; the Sharpe ratio is that of all days. A record with a day whose
 * profit nobody knows has no sound Sharpe ratio and no drawdown, which a policy weighs as nothing.
 */
function performanceOf({ capital }: AgentState, record: TrackRecord | undefined): Performance | null {
  if (capital === undefined) return null
  const days = [...(record?.days ?? [])]
  days.splice(0, days.findLastIndex((day) => day.capital === undefined) + 1)
  const registeredMs = days.reduce((sum, day) => sum + day.registeredMs, 0)
  const upMs = days.reduce((sum, day) => sum + day.upMs, 0)
  const periods = days.filter(({ traded }) => traded).length
  if (days.length === 0) return { periods, sharpe: null, drawdown: 0, uptime: 0 }
  const returns = days.map((day) => (day.profit ?? Number.NaN) / (day.capital ?? Number.NaN))
  const found = sharpe(returns, DAYS_PER_YEAR)
  const equity = [1]
  for (const one of returns) equity.push((equity.at(-1) as number) * Math.max(0, 1 + one))
  return {
    periods,
    sharpe: found.known ? found.value : found.why === 'not finite' ? Number.NaN : null,
    drawdown: maximumDrawdown(equity) ?? Number.NaN,
    uptime: upMs / registeredMs,
  }
}
