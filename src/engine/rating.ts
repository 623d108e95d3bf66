/** How agents did on days that are over, told to all partitions: executions are reported where an agent's owner lies, and agents of any owner may have a vote anywhere. */
import { isHere, ownerOfAgent } from '../ledger/owners.ts'
import { DAY_MS, NEVER } from '../ledger/track-record.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { Event } from '../protocol/event.ts'
import { nameOfPartition, partitionOf } from '../protocol/partition.ts'
import { RATED_MAX, type RatedDay } from '../protocol/rated.ts'
import type { State } from './state.ts'
import { recorded, refused, type Input, type Step } from './step.ts'

/** The closed days of this partition's agents that were not told yet, as many as go at once; `undefined` where there are none, or no others to tell. */
export function ratingDue({ ledger }: State): (Input & { kind: 'rate' }) | undefined {
  const { number, of } = ledger.partition
  if (of === 1) return undefined
  const days: RatedDay[] = []
  for (const [agent, { capital }] of ledger.agents) {
    // Without capital nobody has a record.
    if (capital === undefined || !isHere(ledger, agent)) continue
    const record = ledger.trackRecords.get(agent)
    for (const { profit, capital: worth, ...rest } of record?.days ?? []) {
      if (rest.day <= (record?.rated ?? NEVER)) continue
      if (days.length === RATED_MAX) return { kind: 'rate', partition: number, days }
      days.push({ agent, ...rest, profit: known(profit), capital: known(worth) })
    }
  }
  return days.length === 0 ? undefined : { kind: 'rate', partition: number, days }
}

/** What is no number nobody can say. */
function known(amount: number | undefined): number | null {
  return amount !== undefined && Number.isFinite(amount) ? amount : null
}

/** Takes them in the first, each day of an agent once and in its order. Its own partition answers for them. */
export function handleRate(state: State, { partition, days }: Input & { kind: 'rate' }, now: number): Step {
  const { ledger } = state
  const { of } = ledger.partition
  if (of === 1)
    return refused(state, 'PARTITION_WRONG', 'there is one partition, which knows how its agents did')
  const rated = new Map<string, number>()
  const news: RatedDay[] = []
  for (const one of days) {
    const { agent, day } = one
    if (!ledger.agents.has(agent)) return refused(state, 'AGENT_UNKNOWN', `\`${agent}\` is not registered`)
    const home = partitionOf(ownerOfAgent(ledger, agent), of)
    if (home !== partition)
      return refused(
        state,
        'PARTITION_WRONG',
        `\`${agent}\` belongs to ${nameOfPartition(home)}, and ${nameOfPartition(partition)} tells how it did`,
      )
    if ((day + 1) * DAY_MS > now)
      return refused(state, 'OBSERVATION_IN_FUTURE', `day ${day} of \`${agent}\` is not over`)
    if (day <= (rated.get(agent) ?? ledger.trackRecords.get(agent)?.rated ?? NEVER)) continue
    rated.set(agent, day)
    news.push(one)
  }
  if (news.length === 0) return [state, [], [{ kind: 'done', body: { rated: 0 } }]]
  const event: Event = { schema: SCHEMA_VERSION, type: 'rated', partition, days: news }
  return recorded(state, event, now, { rated: news.length })
}
