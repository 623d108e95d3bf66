/** Derives a recorded verdict again from its record alone: the facts it read and the constitution it was judged by. */
import { canonicalJson } from '../base/canonical-json.ts'
import type { Facts } from '../constitution/facts.ts'
import { gather, missingRequired, type Program } from '../constitution/compile.ts'
import { explain, judge, type Judgement } from '../constitution/judge.ts'
import type { Read } from '../constitution/model.ts'
import { actionFacts } from '../ledger/measure.ts'
import type { Action } from '../protocol/action.ts'
import type { ApprovalUse, Decision, Finding, Reason } from '../protocol/decision.ts'
import { findingsOf } from '../protocol/evidence.ts'
import { approve } from './approve.ts'
import { isSaid, reasonsBeside } from './judgement.ts'
import { lift } from './lift.ts'
import { decisionId, digestOf } from './memory.ts'
import { effectsProblem, raisedProblem, rulingsOn } from './rederive-effects.ts'
import { tuningProblem } from './rederive-tuning.ts'
import { isByVote, isRefusedBefore, offGrid, refusalGrounds } from './rederive-refusal.ts'

/** What does not come out as recorded; `undefined` when all does. */
export function rederive(decision: Decision, program: Program | undefined): string | undefined {
  if (program === undefined) return `the text of constitution ${decision.constitution} is not kept`
  const { verdict, findings, facts, proposed, action, request } = decision
  if (decisionId(request.agent, request.id) !== decision.decision)
    return 'its id is not the one that the request makes'
  if (digestOf(request) !== decision.digest) return 'the digest is not that of the request'
  const asAsked = canonicalJson(action) === canonicalJson(request.action)
  if (!asAsked && !isSmaller(action, request.action))
    return 'the action is not the one that was asked for, nor a smaller one'
  if (asAsked !== (proposed === null))
    return 'what was proposed is recorded only for an action that was narrowed'
  const refusals = refusalGrounds(decision, program, readerOf(decision, proposed?.facts ?? facts))
  if (typeof refusals === 'string') return refusals
  if (isRefusedBefore(decision)) return refusedBefore(decision, program) ?? tuningProblem(decision, program)
  const judged = rejudge(decision, program, action, facts)
  if (typeof judged === 'string') return judged
  if (canonicalJson(judged.findings) !== canonicalJson(findings)) return 'the findings come out differently'
  const { grants = [], approvals = [] } = decision
  if (verdict === 'deny' && grants.length > 0) return 'it was denied, and a grant was used'
  if (verdict === 'deny' && approvals.length > 0) return 'it was denied, and an approval was drawn on'
  const lifted = lift(program, judged.facts, judged.judgement, grants)
  if (canonicalJson(lifted.uses) !== canonicalJson(grants)) return 'the grants do not come out as used'
  const approved = approve({ ...judged.judgement, verdict: lifted.verdict }, approvals)
  const derived = verdictAfter(decision, approved.verdict, refusals.size > 0)
  if (derived !== verdict) return `recorded as ${verdict} and derived as ${derived}`
  // The reasons are those against what was proposed.
  const asked = proposed === null ? judged : rejudge(decision, program, request.action, proposed.facts)
  if (typeof asked === 'string') return asked
  if (proposed !== null && canonicalJson(asked.findings) !== canonicalJson(proposed.findings))
    return 'the findings on what was proposed come out differently'
  // A slice draws on what was approved for the whole, which may need it where the slice alone would not.
  const ofAsked = proposed === null ? approved : approve(asked.judgement, approvals)
  const drawn = new Set([...approved.uses, ...ofAsked.uses].map((use) => use.proposal))
  if (drawn.size !== approvals.length) return 'an approval was drawn on without need'
  if (!sameReasons(decision, asked, ofAsked.uses)) return 'the reasons come out differently'
  return (
    gridProblem(decision, proposed === null ? approved.verdict : 'deny', asked, new Set(refusals.keys())) ??
    effectsProblem(decision, program, judged.facts, rulingsOn(decision, approved.verdict)) ??
    raisedProblem(decision, asked.judgement.findings) ??
    tuningProblem(decision, program)
  )
}

/** What is no whole number of lots or ticks and was let through, or was denied and the reasons do not say it. `ruled` is what the rules say of what was asked. */
function gridProblem(
  { action, request, facts, proposed }: Decision,
  ruled: Judgement['verdict'],
  { reasons }: Rejudged,
  refusals: ReadonlySet<string>,
): string | undefined {
  const unsaid = offGrid(request.action, proposed?.facts ?? facts).find(
    (code) => !isSaid(code, ruled, reasons) && !refusals.has(code),
  )
  if (unsaid !== undefined) return `it had to be refused with ${unsaid}`
  const [ofNarrowed] = proposed === null ? [] : offGrid(action, facts)
  return ofNarrowed && `what it was narrowed to had to be refused with ${ofNarrowed}`
}

/** What does not fit a refusal that came before any rule. */
function refusedBefore(decision: Decision, program: Program): string | undefined {
  const { verdict, findings, reasons, action, request, facts, raised } = decision
  if (verdict !== 'deny') return `refused by the engine and recorded as ${verdict}`
  if (decision.grants !== undefined) return 'refused before any rule, and a grant was used'
  if (findings.length > 0 || reasons.some(({ rule }) => rule !== null))
    return 'refused before any rule, and rules were asked'
  if (raised.length > 0) return 'refused before any rule, and a trading state was raised'
  const gathered = gather(program, action.type, readerOf(decision), decision.at)
  return contradiction(request.agent, action, facts) ?? effectsProblem(decision, program, gathered, ['deny'])
}

/** A fact that is recorded otherwise than the action itself says it. */
function contradiction(agent: string, action: Action, recorded: Decision['facts']): string | undefined {
  const said = actionFacts(agent, action)
  for (const [name, { value }] of Object.entries(recorded)) {
    const own = said(name)
    if (own !== undefined && own !== value)
      return `\`${name}\` is recorded as ${value}, and the action says ${own}`
  }
  return undefined
}

/** An action judged again from facts as they were recorded. */
interface Rejudged {
  readonly facts: Facts
  readonly judgement: Judgement
  readonly findings: readonly Finding[]
  readonly reasons: readonly Reason[]
}

function rejudge(
  decision: Decision,
  program: Program,
  action: Action,
  recorded: Decision['facts'],
): Rejudged | string {
  // What the action itself says is not taken from the record of what was read.
  const other = contradiction(decision.request.agent, action, recorded)
  if (other !== undefined) return other
  const facts = gather(program, action.type, readerOf(decision, recorded), decision.at)
  const missing = missingRequired(program, action.type, facts)
  if (missing.length > 0) return `${missing.join(', ')} was missing, and it was not refused`
  const judgement = judge(program, action.type, facts)
  const told = judgement.findings.notClear().filter((found) => found.rule.mode === 'enforce')
  return {
    facts,
    judgement,
    findings: findingsOf(judgement.findings.recorded()),
    reasons: told.map((found) => explain(program, facts, found)),
  }
}

/** Whether the reasons that rules gave are those recorded. The age of what was missing is not kept with the facts, so it is left out. */
function sameReasons(decision: Decision, rejudged: Rejudged, approvals: readonly ApprovalUse[]): boolean {
  const { reasons, grants = [], proposed } = decision
  const derived = reasonsBeside(rejudged.reasons, proposed === null ? grants : [], approvals)
  const text = (of: readonly Reason[]): string =>
    of
      .filter(({ rule }) => rule !== null)
      .map(({ missing, ...rest }) => canonicalJson({ ...rest, missing: missing?.map(({ fact }) => fact) }))
      .toSorted()
      .join('\n')
  return text(reasons) === text(derived)
}

function isSmaller(action: Action, asked: Action): boolean {
  if (!('quantity' in action) || !('quantity' in asked) || action.quantity >= asked.quantity) return false
  return canonicalJson({ ...action, quantity: asked.quantity }) === canonicalJson(asked)
}

/** The verdict that a judgement of what was decided upon leads to. What was narrowed keeps the reasons against what was asked. */
function verdictAfter(
  { action, request, reasons }: Decision,
  judged: Judgement['verdict'],
  refused: boolean,
): Decision['verdict'] {
  const asAsked = canonicalJson(action) === canonicalJson(request.action)
  if (!asAsked) return judged === 'allow' ? 'narrow' : judged
  const rejected = reasons.some(
    ({ code }) => code === 'QUORUM_REJECTED' || (judged === 'pending' && isByVote(code)),
  )
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
export function readerOf(decision: Decision, facts: Decision['facts'] = decision.facts): Read {
  return (name) => {
    const recorded = facts[name]
    if (recorded === undefined || recorded.value === null) return undefined
    return {
      value: recorded.value,
      at: recorded.ageMs === null ? undefined : decision.at - recorded.ageMs,
      source: recorded.source,
    }
  }
}
