/** The second stage: everything that was read is held against everything else, and what passes is a constitution. */
import { canonicalJson, type Json } from '../base/canonical-json.ts'
import { sha256 } from '../base/hash.ts'
import { byPlace, didYouMean, Issues, type Issue, type Place } from '../base/issue.ts'
import type { YamlScalar } from '../base/yaml-source.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import { checkGrantable } from './check-grantable.ts'
import { factsIn, walk } from './expression.ts'
import { checkGuards } from './guards.ts'
import { checkMistakes } from './mistakes.ts'
import { nameProblem } from './names.ts'
import { inputsOf, subjectOf, type Constitution } from './model.ts'
import type { Draft, Files, ReadFact, ReadRule } from './draft.ts'
import { readConstitution } from './read.ts'
import { checkTables } from './table-check.ts'
import { checkCoverage } from './table-coverage.ts'
import { checkCondition, checkType, type Scope } from './types.ts'

export interface Checked {
  /** Present when no issue is an error. */
  readonly constitution: Constitution | undefined
  readonly issues: readonly Issue[]
}

/** Reads and checks a constitution's files, keyed by path relative to its directory. `isKept`: they were taken before, by this version or an earlier one. */
export function checkConstitution(files: Files, isKept = false): Checked {
  const issues = new Issues(isKept)
  const draft = readConstitution(files, issues)
  if (draft !== undefined) {
    checkReferences(draft, issues)
    // The later checks follow references and cycles, which must be sound first.
    if (!issues.failed) checkTables(draft, issues)
    if (!issues.failed) checkGuards(draft, issues)
    if (!issues.failed) checkCoverage(draft, issues)
    if (!issues.failed) checkMistakes(draft, issues)
  }
  return {
    constitution: draft === undefined || issues.failed ? undefined : finish(draft),
    issues: issues.list.toSorted(byPlace),
  }
}

function finish(draft: Draft): Constitution {
  const text = canonicalText(draft)
  const { name, version, effectiveFrom, currency, facts, subjects, rules, tables } = draft
  return { name, version, effectiveFrom, currency, hash: sha256(text), text, facts, subjects, rules, tables }
}

/** The same law has the same text however its rules are spread over files, ordered or commented; cases are no law. */
function canonicalText({ plain, rules, tables }: Draft): string {
  const tableTexts: Json = Object.fromEntries([...tables].map(([name, table]) => [name, table.text]))
  return canonicalJson({
    schema: SCHEMA_VERSION,
    manifest: plain.manifest,
    facts: plain.facts,
    rules: rules.map((rule) => plain.rules.get(rule.id) ?? null),
    tables: tableTexts,
  })
}

/** The files that a canonical text stands for, so that a constitution kept by its hash is read by the same code. */
export function filesOfCanonicalText(text: string): Files {
  const { manifest, facts, rules, tables } = JSON.parse(text) as {
    manifest: Json
    facts: Json
    rules: Json
    tables: Record<string, string[][]>
  }
  const files = new Map([
    ['constitution.yaml', JSON.stringify(manifest)],
    ['facts.yaml', JSON.stringify(facts)],
    ['rules/all.yaml', JSON.stringify({ rules })],
  ])
  for (const [name, lines] of Object.entries(tables)) {
    files.set(`tables/${name}.csv`, lines.map((cells) => cells.map(quoted).join(',')).join('\n'))
  }
  return files
}

/** Every cell is quoted: what stands outside quotes is trimmed. */
function quoted(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`
}

function checkReferences(draft: Draft, issues: Issues): void {
  const scopeAt = (node: YamlScalar): Scope => ({
    typeOf: (name) => draft.facts.get(name)?.type,
    names: () => draft.facts.keys(),
    currency: draft.currency,
    report: (offset, message) => issues.error(node.placeAt(offset), message),
  })
  for (const fact of draft.facts.values()) checkFact(fact, draft, scopeAt, issues)
  checkCycles(draft, issues)
  for (const [subject, place] of draft.subjectPlaces) {
    const used = [...draft.facts.keys()].some((name) => subjectOf(name) === subject)
    if (!used) {
      const subjects = new Set([...draft.facts.keys()].map(subjectOf))
      issues.error(place, `no fact has the subject \`${subject}\`${didYouMean(subject, subjects)}`)
    }
  }
  for (const rule of draft.rules) checkRule(rule, draft, scopeAt, issues)
}

function checkFact(fact: ReadFact, draft: Draft, scopeAt: (node: YamlScalar) => Scope, issues: Issues): void {
  const { origin, places, type } = fact
  if (origin.kind === 'derived' && places.expression !== undefined)
    checkType(origin.expression, type, scopeAt(places.expression))
  if (fact.always !== undefined && fact.always !== true && places.always !== undefined) {
    checkCondition(fact.always, scopeAt(places.always))
    for (const name of factsIn(fact.always)) {
      const guard = draft.facts.get(name)
      if (guard !== undefined && guard.always !== true) {
        issues.error(
          places.always.place,
          `\`${name}\` decides whether \`${fact.name}\` is there, so it must be \`always: true\` itself`,
        )
      }
    }
  }
  if (origin.kind === 'session' && type.kind !== 'enum')
    issues.error(fact.place, 'a session is one of [..., closed]')
  if (origin.kind === 'window') {
    for (const by of places.by) {
      // Streams carry names that the vocabulary need not repeat, such as the price an order was sent with.
      const known = draft.facts.has(String(by.value)) || by.value === 'order.price'
      if (!known)
        issues.error(
          by.place,
          `unknown fact \`${by.value}\`${didYouMean(String(by.value), draft.facts.keys())}`,
        )
    }
    const wanted = WINDOW_UNITS[origin.of]
    const unit = origin.function === 'count' ? 'count' : wanted
    if (unit !== undefined) {
      checkDeclared(fact, unit, issues)
    }
  }
}

/** The unit in which each stream is added up or followed. */
const WINDOW_UNITS: Readonly<Record<string, string>> = {
  'bar.volume': 'quantity',
  'fill.quantity': 'quantity',
  'transfer.value': 'money',
  'market.reference': 'ratio',
}

function checkDeclared(fact: ReadFact, unit: string, issues: Issues): void {
  const exponents = fact.type.kind === 'number' ? fact.type.dimension : undefined
  const named = unit as 'quantity' | 'money' | 'count' | 'ratio'
  const fits =
    exponents !== undefined &&
    (['quantity', 'money', 'local', 'duration', 'count'] as const).every(
      (base) => exponents[base] === (base === named ? 1 : 0),
    )
  if (!fits)
    issues.error(fact.place, `\`${fact.name}\` is a window in ${unit}; declare it as \`type: ${unit}\``)
}

function checkCycles(draft: Draft, issues: Issues): void {
  const state = new Map<string, 'open' | 'done'>()
  const visit = (name: string): void => {
    const fact = draft.facts.get(name)
    if (fact === undefined || state.get(name) === 'done') return
    if (state.get(name) === 'open') {
      issues.error(fact.place, `\`${name}\` is made from itself`)
      return
    }
    state.set(name, 'open')
    for (const input of inputsOf(fact, draft.tables)) visit(input)
    state.set(name, 'done')
  }
  for (const name of draft.facts.keys()) visit(name)
}

function checkRule(rule: ReadRule, draft: Draft, scopeAt: (node: YamlScalar) => Scope, issues: Issues): void {
  const { places } = rule
  const before = issues.list.length
  checkCondition(rule.condition, scopeAt(places.condition))
  if (rule.unless !== undefined && places.unless !== undefined)
    checkCondition(rule.unless, scopeAt(places.unless))
  for (const { fact, values } of rule.where) {
    const place = places.wherePlaces.get(fact) ?? rule.place
    const type = draft.facts.get(fact)?.type
    if (type === undefined) {
      issues.error(place, `unknown fact \`${fact}\`${didYouMean(fact, ['actions', ...draft.facts.keys()])}`)
    } else if (type.kind !== 'enum' && type.kind !== 'text') {
      issues.error(place, `\`applies\` lists values of enumerations and texts, and \`${fact}\` is neither`)
    } else {
      for (const [index, value] of values.entries()) {
        const problem =
          type.kind === 'text'
            ? nameProblem(draft.facts.get(fact), value)
            : type.values.includes(value)
              ? undefined
              : `\`${value}\` is none of [${type.values.join(', ')}]${didYouMean(value, type.values)}`
        if (problem === undefined) continue
        const at = places.where.get(fact)?.[index]?.place ?? place
        if (type.kind === 'text') issues.slip(at, problem)
        else issues.error(at, problem)
      }
    }
  }
  checkReadable(rule, draft, issues)
  // What follows from a mistake in the condition is not named beside it.
  if (issues.list.length === before)
    checkGrantable(rule, draft, scopeAt(places.upTo ?? places.condition), issues)
}

/** All that a rule reads without being able to is one mistake: it lists an action that has none of it. */
function checkReadable(rule: ReadRule, draft: Draft, issues: Issues): void {
  const { places } = rule
  const found = new Map<string, { place: Place; message: string; through: boolean }>()
  const look = (name: string, place: Place): void => {
    const problem = found.has(name) ? undefined : unreadable(rule, name, draft)
    if (problem !== undefined) found.set(name, { place, ...problem })
  }
  for (const [expression, node] of [
    [rule.condition, places.condition],
    [rule.unless, places.unless],
  ] as const) {
    if (expression === undefined || node === undefined) continue
    walk(expression, (inner) => {
      if (inner.kind === 'fact') look(inner.name, node.placeAt(inner.start))
    })
  }
  for (const { fact } of rule.where) look(fact, places.wherePlaces.get(fact) ?? rule.place)
  // One that is written in the rule says more than one behind a table.
  const [first, ...rest] = [...found].toSorted(([, a], [, b]) => Number(a.through) - Number(b.through))
  if (first === undefined) return
  const [, mistake] = first
  const others = rest.map(([name]) => name)
  const also = others.length === 0 ? '' : `; nor can ${others.map((name) => `\`${name}\``).join(', ')}`
  issues.error(mistake.place, `${mistake.message}${also}`)
}

/** Why `name` can't be read for some action that `rule` applies to; subjects bind the facts it is made from too. */
export function unreadable(
  rule: Pick<ReadRule, 'actions'>,
  name: string,
  draft: Pick<Constitution, 'facts' | 'subjects' | 'tables'>,
): { message: string; through: boolean } | undefined {
  const visited = new Set<string>()
  const visit = (inner: string): { message: string; through: boolean } | undefined => {
    if (visited.has(inner)) return undefined
    visited.add(inner)
    const readable = draft.subjects.get(subjectOf(inner))
    const without = rule.actions.filter((action) => readable?.includes(action) === false)
    if (readable !== undefined && without.length > 0) {
      const through = inner !== name
      const behind = through ? ` (through \`${name}\`)` : ''
      const actions = without.map((action) => `\`${action}\``).join(', ')
      return {
        message: `\`${inner}\`${behind} can be read for ${readable.join(', ')}, not for ${actions}`,
        through,
      }
    }
    const fact = draft.facts.get(inner)
    for (const input of fact === undefined ? [] : inputsOf(fact, draft.tables)) {
      const problem = visit(input)
      if (problem !== undefined) return problem
    }
    return undefined
  }
  return visit(name)
}
