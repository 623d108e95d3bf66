/** The last stage: facts in, findings and a verdict out. Pure: the same facts give the same answer, byte for byte. */
import { canonicalJson } from '../base/canonical-json.ts'
import { subtract, toNumber } from '../base/rational.ts'
import type { ActionType } from '../protocol/action.ts'
import type { MissingFact, Reason } from '../protocol/decision.ts'
import { gather, type Program } from './compile.ts'
import { exactNumber } from './exact-evaluate.ts'
import { FALSE, isKnown, TRUE, UNKNOWN, type Facts, type Truth } from './facts.ts'
import { factsIn } from './expression.ts'
import { Findings, type RuleFinding } from './findings.ts'
import type { Group } from './group-code.ts'
import { inputsOf, type Read, type Rule } from './model.ts'

export interface Judgement {
  /** `pending`: nothing forbids the action and something escalates it. */
  readonly verdict: 'allow' | 'deny' | 'pending'
  /** One for each rule that applies, in order of id within their index. */
  readonly findings: Findings
}

/** Measures and judges in one go. */
export function measureAndJudge(program: Program, action: ActionType, read: Read, now: number): Judgement {
  return judge(program, action, gather(program, action, read, now))
}

/** Judges one action's facts: every rule that applies, with its finding. */
export function judge(program: Program, action: ActionType, facts: Facts): Judgement {
  const { scratch } = program
  const { numbers, texts, truths, magnitudes } = facts
  const findings = new Findings(program, facts, program.actions[action].alwaysCount)
  let verdict: Judgement['verdict'] = 'allow'
  visitGroups(program, action, facts, (group, listed) => {
    const at = findings.place(group)
    const { columns } = findings
    const top = group.traced(facts, numbers, texts, truths, magnitudes, scratch, group, listed, columns, at)
    if (top !== FALSE) verdict = worst(verdict, group, program)
    findings.take(group, top)
    return false
  })
  return { verdict, findings }
}

/** The verdict alone, without findings: for searches that ask it many times. */
export function verdictOf(program: Program, action: ActionType, facts: Facts): Judgement['verdict'] {
  const { scratch } = program
  const { numbers, texts, truths, magnitudes } = facts
  let verdict: Judgement['verdict'] = 'allow'
  visitGroups(program, action, facts, (group, listed) => {
    const top = group.lean(facts, numbers, texts, truths, magnitudes, scratch, group, listed, NO_COLUMNS, 0)
    if (top !== FALSE) verdict = worst(verdict, group, program)
    return verdict === 'deny'
  })
  return verdict
}

const NO_COLUMNS: number[] = []

/** Visits the groups that apply, until `visit` has seen enough; `listed` says whether a group surely applies. */
function visitGroups(
  program: Program,
  action: ActionType,
  facts: Facts,
  visit: (group: Group, listed: Truth) => boolean,
): void {
  const { always, indexes } = program.actions[action]
  for (const group of always) if (visit(group, TRUE)) return
  for (const { slot, byValue, all } of indexes) {
    const value = facts.texts[slot]
    // INVARIANT: no rule is escaped by leaving its index fact out; unknown, all of them are judged.
    const groups = value === undefined ? all : byValue.get(value)
    if (groups === undefined) continue
    const listed = value === undefined ? UNKNOWN : TRUE
    for (const group of groups) if (visit(group, listed)) return
  }
}

/** The verdict so far with a group that was just evaluated. */
function worst(verdict: Judgement['verdict'], { rules }: Group, program: Program): Judgement['verdict'] {
  let worsened = verdict
  for (let place = 0; place < rules.length; place += 1) {
    const outcome = program.scratch.r[place] as Truth
    if (outcome !== FALSE)
      worsened = worse(worsened, program.constitution.rules[rules[place] as number] as Rule, outcome)
  }
  return worsened
}

/** Enforced forbids deny on breach and on unknown; escalations escalate on breach and deny on unknown; nothing else counts. */
function worse(verdict: Judgement['verdict'], rule: Rule, outcome: Truth): Judgement['verdict'] {
  if (rule.mode === 'shadow' || rule.effect === 'warn' || verdict === 'deny') return verdict
  return rule.effect === 'escalate' && outcome === TRUE ? 'pending' : 'deny'
}

/** A breach, unknown or warning as a reason, with exact figures. */
export function explain(program: Program, facts: Facts, found: RuleFinding): Reason {
  const { rule, result, comparison } = found
  if (result === 'clear') throw new Error('invariant: a clear finding is no reason')
  let { observed, limit } = found
  let headroom: number | null = null
  const told = program.comparisons[comparison]
  if (told !== undefined) {
    const left = exactNumber(told.left, facts, program)
    const right = exactNumber(told.right, facts, program)
    observed = left === undefined ? null : finite(toNumber(left))
    limit = right === undefined ? null : finite(toNumber(right))
    const room = left && right && (told.bound > 0 ? subtract(right, left) : subtract(left, right))
    headroom = room === undefined || told.bound === 0 ? null : finite(toNumber(room))
  }
  return {
    rule: rule.id,
    code: rule.code,
    title: rule.title,
    effect: rule.effect,
    result,
    observed,
    limit,
    headroom,
    unit: program.unitNames[comparison] ?? null,
    cites: [...rule.cites],
    ...(result === 'unknown' ? { missing: missingFacts(program, facts, rule) } : {}),
  }
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}

/** The facts that `rule` wanted and that were not there or too old, at the bottom of what is derived from what. */
export function missingFacts(program: Program, facts: Facts, rule: Rule): MissingFact[] {
  const names = new Set<string>()
  const visit = (name: string): void => {
    const fact = program.factOf(name)
    const slot = program.slotOf(name)
    if (isKnown(facts, slot, fact) || names.has(name)) return
    const inputs = [...inputsOf(fact, program.constitution.tables)].filter(
      (input) => !isKnown(facts, program.slotOf(input), program.factOf(input)),
    )
    if (inputs.length === 0) names.add(name)
    else for (const input of inputs) visit(input)
  }
  for (const expression of [rule.condition, rule.unless])
    if (expression !== undefined) for (const name of factsIn(expression)) visit(name)
  for (const { fact } of rule.where) visit(fact)
  return [...names].toSorted().map((name) => {
    const fact = program.factOf(name)
    const at = facts.readings[program.slotOf(name)]?.at
    return { fact: name, ageMs: at === undefined ? null : facts.now - at, maxAgeMs: fact.maxAge ?? null }
  })
}

/** The judgement as canonical text: what "the same bytes" means. */
export function judgementText(judgement: Judgement): string {
  return canonicalJson({
    verdict: judgement.verdict,
    findings: judgement.findings.recorded(),
  })
}
