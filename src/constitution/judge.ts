/** The last stage: facts in, findings and a verdict out. Pure: the same facts give the same answer, byte for byte. */
import { subtract, toNumber } from '../base/rational.ts'
import { canonicalJson } from '../base/canonical-json.ts'
import type { ActionType } from '../protocol/action.ts'
import type { FactReading, Finding, MissingFact, Reason } from '../protocol/decision.ts'
import { gather, type Program, type Trace } from './compile.ts'
import { NOT_REACHED, type Comparison } from './emit.ts'
import { exactNumber } from './exact-evaluate.ts'
import { FALSE, isKnown, TRUE, UNKNOWN, valueOf, type Facts } from './facts.ts'
import { factsIn, type Expression } from './expression.ts'
import { inputsOf, type Read, type Rule } from './model.ts'

/** What one rule found. `observed` and `limit` are doubles here; reasons carry them exactly. */
export interface RuleFinding {
  readonly rule: Rule
  readonly result: 'clear' | 'breach' | 'unknown'
  readonly observed: number | string | boolean | null
  readonly limit: number | string | boolean | null
  /** `limit − observed` (for a lower bound the reverse): below zero by as much as the limit is passed. */
  readonly headroom: number | null
  /** The comparison that tells; −1 when none was reached. */
  readonly comparison: number
}

export interface Judgement {
  /** `pending`: nothing forbids the action and something escalates it. */
  readonly verdict: 'allow' | 'deny' | 'pending'
  /** One for each rule that applies, in order of id within their index. */
  readonly findings: readonly RuleFinding[]
}

const RESULTS = ['clear', 'unknown', 'breach'] as const

/** Measures and judges in one go. */
export function measureAndJudge(program: Program, action: ActionType, read: Read, now: number): Judgement {
  return judge(program, action, gather(program, action, read, now))
}

/** Judges one action's facts: every rule that applies, with its finding. */
export function judge(program: Program, action: ActionType, facts: Facts): Judgement {
  const { scratch, constitution } = program
  const findings: RuleFinding[] = []
  let verdict: Judgement['verdict'] = 'allow'
  run(program, action, facts, (group) => {
    for (const index of group) {
      const rule = constitution.rules[index] as Rule
      const outcome = scratch.r[index] as 0 | 1 | 2
      if (outcome !== FALSE) verdict = worse(verdict, rule, outcome)
      findings.push(finding(program, rule, index, outcome, facts))
    }
  })
  return { verdict, findings }
}

/** The verdict alone, without findings: for searches that ask it many times. */
export function verdictOf(program: Program, action: ActionType, facts: Facts): Judgement['verdict'] {
  const { scratch, constitution } = program
  let verdict: Judgement['verdict'] = 'allow'
  run(program, action, facts, (group, top) => {
    if (top === FALSE) return
    for (const index of group) {
      const outcome = scratch.r[index] as 0 | 1 | 2
      if (outcome !== FALSE) verdict = worse(verdict, constitution.rules[index] as Rule, outcome)
    }
  })
  return verdict
}

function run(
  program: Program,
  action: ActionType,
  facts: Facts,
  visit: (rules: readonly number[], top: number) => void,
): void {
  const { always, indexes } = program.actions[action]
  const { numbers, texts, truths, magnitudes } = facts
  for (const group of always)
    visit(group.rules, group.run(facts, numbers, texts, truths, magnitudes, program.scratch))
  for (const { slot, byValue, all } of indexes) {
    const value = texts[slot]
    // INVARIANT: no rule is escaped by leaving its index fact out; unknown, all of them are judged.
    const groups = value === undefined ? all : byValue.get(value)
    if (groups === undefined) continue
    for (const group of groups)
      visit(group.rules, group.run(facts, numbers, texts, truths, magnitudes, program.scratch))
  }
}

/** Enforced forbids deny on breach and on unknown; escalations escalate on breach and deny on unknown; nothing else counts. */
function worse(verdict: Judgement['verdict'], rule: Rule, outcome: 0 | 1 | 2): Judgement['verdict'] {
  if (rule.mode === 'shadow' || rule.effect === 'warn' || verdict === 'deny') return verdict
  return rule.effect === 'escalate' && outcome === TRUE ? 'pending' : 'deny'
}

function finding(program: Program, rule: Rule, index: number, outcome: 0 | 1 | 2, facts: Facts): RuleFinding {
  const { L, R } = program.scratch
  const trace = program.traces[index] as Trace
  const comparison = tellingComparison(program, trace.comparisons, outcome)
  const result = RESULTS[outcome]
  if (comparison < 0) {
    const { subject } = trace
    // A rule with numbers of which none was reached was decided before them.
    const observed =
      subject === undefined || trace.comparisons.length > 0
        ? null
        : valueOf(facts, subject.slot, subject.fact)
    return {
      rule,
      result,
      observed,
      limit: observed === null ? null : (subject?.limit ?? null),
      headroom: null,
      comparison,
    }
  }
  const { bound, left, right } = program.comparisons[comparison] as Comparison
  const known = program.scratch.T[comparison] !== UNKNOWN
  const leftValue = L[comparison] as number
  const rightValue = R[comparison] as number
  const observed = Number.isFinite(leftValue) ? leftValue : known ? exactSide(left, facts, program) : null
  const limit = Number.isFinite(rightValue) ? rightValue : known ? exactSide(right, facts, program) : null
  const headroom =
    observed === null || limit === null || bound === 0 ? null : finite((limit - observed) * bound)
  return { rule, result, observed, limit, headroom, comparison }
}

/** One side of a comparison where doubles gave no number that can be written down. */
function exactSide(side: Expression, facts: Facts, program: Program): number | null {
  const exact = exactNumber(side, facts, program)
  return exact === undefined ? null : finite(toNumber(exact))
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}

/** The first comparison that speaks for the rule's own outcome, else the first that was reached. */
function tellingComparison(program: Program, comparisons: readonly number[], outcome: 0 | 1 | 2): number {
  let reached = -1
  for (const index of comparisons) {
    const truth = program.scratch.T[index] as number
    const wanted = (program.comparisons[index] as Comparison).negated ? TRUE - outcome : outcome
    if (truth === wanted) return index
    if (truth !== NOT_REACHED && reached < 0) reached = index
  }
  return reached
}

/** The finding as it is recorded. */
export function presentFinding(
  program: Program,
  { rule, result, observed, limit, headroom, comparison }: RuleFinding,
): Finding {
  return {
    rule: rule.id,
    result,
    observed: tidy(observed),
    limit: tidy(limit),
    headroom: tidy(headroom),
    unit: unitOf(program, comparison),
  }
}

/** Fifteen digits are what a double holds; the sixteenth is noise of the fast path. */
function tidy<T extends number | string | boolean | null>(value: T): T {
  return typeof value === 'number' && !Number.isInteger(value) ? (Number(value.toPrecision(15)) as T) : value
}

/** A breach, unknown or warning as a reason, with exact figures. */
export function explain(program: Program, facts: Facts, found: RuleFinding): Reason {
  const { rule, result, comparison } = found
  if (result === 'clear') throw new Error('invariant: a clear finding is no reason')
  let { observed, limit, headroom } = found
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
    unit: unitOf(program, comparison),
    cites: [...rule.cites],
    ...(result === 'unknown' ? { missing: missingFacts(program, facts, rule) } : {}),
  }
}

function unitOf(program: Program, comparison: number): string | null {
  return program.unitNames[comparison] ?? null
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

/** Every fact that was read for the action, with its source and age, in order of name. */
export function recordFacts(program: Program, action: ActionType, facts: Facts): Record<string, FactReading> {
  const { measured, tables } = program.actions[action]
  const record: Record<string, FactReading> = {}
  for (const { slot, fact } of [...measured, ...tables]) {
    const reading = facts.readings[slot]
    const ageMs = reading?.at === undefined ? null : facts.now - reading.at
    record[fact.name] = { value: valueOf(facts, slot, fact), source: reading?.source ?? 'missing', ageMs }
  }
  return record
}

/** The judgement as canonical text: what "the same bytes" means. */
export function judgementText(program: Program, judgement: Judgement): string {
  return canonicalJson({
    verdict: judgement.verdict,
    findings: judgement.findings.map((found) => presentFinding(program, found)),
  })
}
