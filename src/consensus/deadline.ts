/** How long a round waits: by how fast its voters answered before, within the policy's bounds. */
import type { Policy } from '../protocol/policy.ts'

/** Response times that are looked at: the last so many. */
const RESPONSES_MAX = 1000
const PERCENTILE = 0.95

/**
 * Milliseconds from opening to deadline: `times` the 95th percentile (nearest rank) of the response times, within `least` and `most`; `first`
 * while fewer than `after` are known. A response time that is no number of milliseconds is not known. `responsesMs` is in order of time.
 * Only waiting adapts, and never what it takes to approve.
 */
export function waitOf({ deadline }: Policy, responsesMs: readonly number[]): number {
  const known = responsesMs.slice(-RESPONSES_MAX).filter((value) => Number.isFinite(value) && value >= 0)
  if (known.length < deadline.after) return deadline.firstMs
  const sorted = known.toSorted((a, b) => a - b)
  const typical = sorted[Math.ceil(PERCENTILE * sorted.length) - 1] ?? deadline.firstMs
  return Math.min(deadline.mostMs, Math.max(deadline.leastMs, Math.ceil(typical * deadline.times)))
}
