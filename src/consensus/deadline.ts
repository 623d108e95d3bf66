/** How long a round waits: by how fast its voters answered before, those who did not answer counted too, within the policy's bounds. */
import type { Policy } from '../protocol/policy.ts'
import type { ClosedRound } from './round-state.ts'

/** How those who were asked in one round took it. */
export interface Answers {
  /** Milliseconds from the opening to each vote. */
  readonly answeredMs: readonly number[]
  /** Those who had not voted when it closed, and how long that was after it opened: what they would have taken is longer, and nobody knows by how much. */
  readonly silent: number
  readonly silentMs: number
}

/** Voters that are looked at: of the last rounds that together had no more, and of the last one whatever it had. */
const ASKED_MAX = 400
const PERCENTILE = 0.95
/** Products of shares are off by less. */
const ROUNDING = 1e-9

/** How a round that is over was answered. */
export function answersIn({ opening, votes, closed }: ClosedRound): Answers {
  const { opened, frozen } = opening
  const asked = frozen.roster.voters.filter(({ delegate }) => delegate === null)
  return {
    answeredMs: [...votes.values()].map(({ at }) => at - opened).toSorted((a, b) => a - b),
    silent: asked.length - votes.size,
    silentMs: closed - opened,
  }
}

/** How many voters of `rounds`, in order of time, are too many to be looked at: as many of the oldest rounds. */
export function tooMany(rounds: readonly Answers[]): number {
  let asked = 0
  for (let index = rounds.length - 1; index >= 0; index -= 1) {
    const { answeredMs, silent } = rounds[index] as Answers
    asked += answeredMs.length + silent
    if (asked > ASKED_MAX) return Math.min(index + 1, rounds.length - 1)
  }
  return 0
}

/**
 * Milliseconds from opening to deadline: `times` the time within which 95 of 100 answer, within `least` and `most`; `first` while fewer than `after`
 * were asked. Where fewer than that many were seen to answer, nobody can say how long they would need: it is no less than `first`, and `times` the longest that
 * anybody was waited for. So the quick cannot shorten the time of the slow, and who lets deadlines pass is waited for longer, up to `most`.
 * `rounds` are in order of time. Only waiting adapts, and never what it takes to approve.
 */
export function waitOf({ deadline }: Policy, rounds: readonly Answers[]): number {
  const asked = rounds.reduce((sum, { answeredMs, silent }) => sum + answeredMs.length + silent, 0)
  if (asked < deadline.after) return deadline.firstMs
  const typical = quantile(rounds, PERCENTILE)
  const least = typical === undefined ? deadline.firstMs : deadline.leastMs
  const wait = Math.ceil((typical ?? longest(rounds)) * deadline.times)
  return Math.min(deadline.mostMs, Math.max(least, wait))
}

function longest(rounds: readonly Answers[]): number {
  return Math.max(0, ...rounds.flatMap(({ answeredMs, silentMs }) => [...answeredMs.slice(-1), silentMs]))
}

/**
 * The time within which a share of all who are asked answers; `undefined` where it is longer than anything that was seen.
 *
 * E. L. Kaplan and P. Meier, “Nonparametric Estimation from Incomplete Observations”, Journal of the American Statistical Association 53 (282),
 * 1958: the share that has not answered after a time is the product, over the times of answers until then, of the share of those still waited for
 * that did not answer at that time. Who was silent until the close is waited for until then, and after that tells nothing. To leave the silent out would
 * tell only how fast the fast are: the wait would shrink to theirs, and the slow would never be seen again. Without any that are silent it is the nearest
 * rank.
 */
export function quantile(rounds: readonly Answers[], share: number): number | undefined {
  const answered = Float64Array.from(rounds.flatMap(({ answeredMs }) => answeredMs)).toSorted()
  const closings = rounds.filter(({ silent }) => silent > 0).toSorted((a, b) => a.silentMs - b.silentMs)
  let waited = answered.length + closings.reduce((sum, { silent }) => sum + silent, 0)
  let unanswered = 1
  let closing = 0
  for (const time of answered) {
    // Who was silent until just then was waited for then.
    for (; (closings[closing]?.silentMs ?? Infinity) < time; closing += 1)
      waited -= closings[closing]?.silent ?? 0
    unanswered *= (waited - 1) / waited
    waited -= 1
    if (unanswered <= 1 - share + ROUNDING) return time
  }
  return undefined
}
