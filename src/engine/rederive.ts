/** Derives a recorded verdict again from its record alone: the facts it read and the constitution it was judged by. */
import { canonicalJson } from '../base/canonical-json.ts'
import { gather, type Program } from '../constitution/compile.ts'
import { judge, presentFinding, type Judgement } from '../constitution/judge.ts'
import type { Read } from '../constitution/model.ts'
import type { Decision } from '../protocol/decision.ts'
import { digestOf } from './memory.ts'

/** What does not come out as recorded; `undefined` when all does. */
export function rederive(decision: Decision, program: Program | undefined): string | undefined {
  if (program === undefined) return `the text of constitution ${decision.constitution} is not kept`
  if (digestOf(decision.request) !== decision.digest) return 'the digest is not that of the request'
  const refused = decision.reasons.some(
    (reason) => reason.rule === null && reason.code !== 'QUORUM_UNAVAILABLE',
  )
  if (refused && decision.findings.length === 0)
    return decision.verdict === 'deny'
      ? undefined
      : `refused by the engine and recorded as ${decision.verdict}`
  const facts = gather(program, decision.action.type, readerOf(decision), decision.at)
  const judgement = judge(program, decision.action.type, facts)
  const findings = judgement.findings.map((found) => presentFinding(program, found))
  if (canonicalJson(findings) !== canonicalJson(decision.findings)) return 'the findings come out differently'
  const derived = verdictAfter(decision, judgement.verdict, refused)
  return derived === decision.verdict
    ? undefined
    : `recorded as ${decision.verdict} and derived as ${derived}`
}

/** The verdict that a judgement of what was decided upon leads to. What was narrowed keeps the reasons against what was asked. */
function verdictAfter(
  { action, request, reasons }: Decision,
  judged: Judgement['verdict'],
  refused: boolean,
): Decision['verdict'] {
  const asAsked = canonicalJson(action) === canonicalJson(request.action)
  if (!asAsked) return judged === 'allow' ? 'narrow' : judged
  const rejected = judged === 'pending' && reasons.some(({ code }) => code === 'QUORUM_UNAVAILABLE')
  return refused || rejected ? 'deny' : judged
}

/**
 * The rule on which a second evaluator and the record disagree; `undefined` when there is none. A rule without a finding was passed over by its
 * index, which is as good as clear.
 */
export function disagreement(
  decision: Decision,
  results: ReadonlyMap<string, 'clear' | 'breach' | 'unknown'>,
): string | undefined {
  // What the engine itself refused no rule was asked about.
  if (decision.findings.length === 0) return undefined
  const recorded = new Map(decision.findings.map(({ rule, result }) => [rule, result]))
  for (const [rule, result] of results) {
    const other = recorded.get(rule) ?? 'clear'
    if (other !== result)
      return `${rule} is recorded as ${other} and judged ${result} by the second evaluator`
  }
  return undefined
}

/** Reads facts as they were recorded: what was unknown then is unknown now. */
export function readerOf(decision: Decision): Read {
  return (name) => {
    const recorded = decision.facts[name]
    if (recorded === undefined || recorded.value === null) return undefined
    return {
      value: recorded.value,
      at: recorded.ageMs === null ? undefined : decision.at - recorded.ageMs,
      source: recorded.source,
    }
  }
}
