/** Lets through what the rules only escalate, where a quorum approved it. No breach of a rule that forbids is among it, and nothing unknown. */
import type { Judgement } from '../constitution/judge.ts'
import type { ApprovalUse } from '../protocol/decision.ts'

/** A verdict with approvals, and those that it takes. */
export interface Approved {
  readonly verdict: Judgement['verdict']
  readonly uses: readonly ApprovalUse[]
}

/** The same each time, so that who compares two verdicts sees that neither takes any. */
const NONE: readonly ApprovalUse[] = []

/** The verdict where `approvals` can be drawn on: still pending unless they satisfy each escalation. */
export function approve({ verdict, findings }: Judgement, approvals: readonly ApprovalUse[]): Approved {
  if (verdict !== 'pending' || approvals.length === 0) return { verdict, uses: NONE }
  const escalating = findings
    .notClear()
    .filter(({ rule }) => rule.effect === 'escalate' && rule.mode === 'enforce')
    .map(({ rule }) => rule.id)
  const satisfied = (id: string): boolean => approvals.some(({ rules }) => rules.includes(id))
  if (!escalating.every(satisfied)) return { verdict, uses: NONE }
  return {
    verdict: 'allow',
    uses: approvals.filter(({ rules }) => rules.some((id) => escalating.includes(id))),
  }
}
