/** Decisions of the journals of several partitions as one list, newest first, page by page. */
import { queryDecisions, type DecisionFilter, type RecordedDecision } from './query.ts'

/** A partition's journal, and the record before which it is looked at: 0 where nothing is left. */
export interface PagedJournal {
  readonly directory: string
  /** What its partition is called, where there are several. */
  readonly partition: string | undefined
  readonly before: number
}

export interface SeveralPage {
  readonly decisions: readonly RecordedDecision[]
  /** For each journal, from where the next page goes on; `null` when there is none. */
  readonly next: readonly number[] | null
}

/** One page of decisions that match, at most `limit`. What one journal was not looked at for yet keeps older ones of the others for the next page. */
export async function queryAll(
  journals: readonly PagedJournal[],
  filter: DecisionFilter,
  limit: number,
): Promise<SeveralPage> {
  const pages = await Promise.all(
    journals.map(async ({ directory, before }) =>
      before === 0 ? DONE : queryDecisions(directory, filter, before, limit),
    ),
  )
  const [only] = pages
  // One journal has its own order.
  if (pages.length === 1 && only !== undefined)
    return { decisions: only.decisions, next: only.next === null ? null : [only.next] }
  const reached = Math.max(...pages.map(({ next, reachedAt }) => (next === null ? -Infinity : reachedAt)))
  const all = pages.flatMap(({ decisions }, place) => decisions.map((found) => ({ place, found })))
  const taken = all
    .filter(({ found }) => found.decision.at >= reached)
    .toSorted((a, b) => b.found.decision.at - a.found.decision.at)
    .slice(0, limit)
  const next = pages.map(({ decisions, next: after }, place) => {
    const mine = taken.filter((one) => one.place === place)
    if (mine.length === decisions.length) return after ?? 0
    return mine.at(-1)?.found.sequence ?? journals[place]?.before ?? 0
  })
  return {
    decisions: taken.map(({ place, found }) => {
      const { partition } = journals[place] ?? {}
      return partition === undefined ? found : { ...found, partition }
    }),
    next: next.every((before) => before === 0) ? null : next,
  }
}

const DONE = { decisions: [], next: null, reachedAt: -Infinity } as const
