/** Finds decisions in the journal, newest first, page by page: a bounded scan of the segments. */
import type { Decision, DecisionCore, Verdict } from '../protocol/decision.ts'
import { decisionOf } from '../protocol/evidence.ts'
import type { Event } from '../protocol/event.ts'
import { readRecords, readRecordsBackwards } from './read.ts'

/** What a decision must match; a field left out matches all. Times are milliseconds since 1970, `from` included, `to` not. */
export interface DecisionFilter {
  readonly agent?: string
  readonly account?: string
  readonly instrument?: string
  readonly verdict?: Verdict
  /** A rule among the reasons, by id or code. */
  readonly rule?: string
  /** The grant that let it through, by id; `any` for whichever. */
  readonly grant?: string
  readonly from?: number
  readonly to?: number
}

export interface RecordedDecision {
  readonly sequence: number
  readonly decision: Decision
  /** Whose journal it is in, where there are several partitions. */
  readonly partition?: string
}

export interface DecisionPage {
  readonly decisions: readonly RecordedDecision[]
  /** Pass it as `before` for the next page; `null` when there is none. */
  readonly next: number | null
  /** When the last decision that was looked at was made; what is further back is not newer. Decisions follow each other in time, also where a clock stepped back between them. */
  readonly reachedAt: number
}

/** Records looked at for one page; what is further back is on the next. */
const SCAN_MAX = 100_000

/** One page of decisions that match, of records before sequence `before`. */
export async function queryDecisions(
  directory: string,
  filter: DecisionFilter,
  before: number,
  limit: number,
): Promise<DecisionPage> {
  const decisions: RecordedDecision[] = []
  let scanned = 0
  let last = before
  let reachedAt = Infinity
  for await (const record of readRecordsBackwards(directory, { beforeSequence: before })) {
    last = record.sequence
    scanned += 1
    const event = record.event as unknown as Event
    if (isDecision(event)) {
      reachedAt = event.decision.at
      if (filter.from !== undefined && reachedAt < filter.from) return { decisions, next: null, reachedAt }
      if (matches(event.decision, filter))
        decisions.push({ sequence: record.sequence, decision: decisionOf(event) })
    }
    if (decisions.length >= limit || scanned >= SCAN_MAX) break
  }
  const exhausted = last <= 1 || (decisions.length < limit && scanned < SCAN_MAX)
  return { decisions, next: exhausted ? null : last, reachedAt }
}

/** The decision recorded at `sequence`. */
export async function decisionAt(directory: string, sequence: number): Promise<RecordedDecision | undefined> {
  for await (const record of readRecords(directory, { fromSequence: sequence, toSequence: sequence })) {
    const decision = decisionIn(record.event as unknown as Event, sequence)
    if (decision !== undefined) return decision
  }
  return undefined
}

/** The decision that is the event of the record at `sequence`; `undefined` when that is none. */
export function decisionIn(event: Event, sequence: number): RecordedDecision | undefined {
  return isDecision(event) ? { sequence, decision: decisionOf(event) } : undefined
}

/** The decision with this id, looked for from the newest back through all records: for a command, not for a server. */
export async function findDecision(
  directory: string,
  id: string,
  before: number,
): Promise<RecordedDecision | undefined> {
  for await (const record of readRecordsBackwards(directory, { beforeSequence: before })) {
    const event = record.event as unknown as Event
    if (isDecision(event) && event.decision.decision === id)
      return { sequence: record.sequence, decision: decisionOf(event) }
  }
  return undefined
}

/** A verdict, or that it waits for a vote. */
export function isDecision(event: Event): event is Extract<Event, { type: 'decided' | 'proposed' }> {
  return event.type === 'decided' || event.type === 'proposed'
}

function matches(
  { request, action, verdict, reasons, grants = [], at }: DecisionCore,
  filter: DecisionFilter,
): boolean {
  if (filter.agent !== undefined && request.agent !== filter.agent) return false
  if (filter.account !== undefined && !('account' in action && action.account === filter.account))
    return false
  if (filter.instrument !== undefined && !('instrument' in action && action.instrument === filter.instrument))
    return false
  if (filter.verdict !== undefined && verdict !== filter.verdict) return false
  if (
    filter.rule !== undefined &&
    !reasons.some(({ rule, code }) => rule === filter.rule || code === filter.rule)
  )
    return false
  if (
    filter.grant !== undefined &&
    !grants.some(({ grant }) => filter.grant === 'any' || grant === filter.grant)
  )
    return false
  return filter.to === undefined || at < filter.to
}
