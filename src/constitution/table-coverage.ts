/** Warns of what rules can ask a table for and no row answers: combinations of its enumerations, in which the rule is unknown. */
import type { Issues } from '../base/issue.ts'
import type { Draft, ReadFact, ReadRule } from './draft.ts'
import { factsIn } from './expression.ts'
import { inputsOf } from './model.ts'
import { COMBINATIONS_MAX, enumerate, expand, outcome, UNKNOWN, type Assignment } from './outcomes.ts'
import { readColumn } from './table-read.ts'
import { rowFinder, type Table } from './table.ts'

/** Values of the table's enumerations, in their order. A text key takes no part: that it lists some names and not others is what it is for. */
type Combination = readonly string[]

interface Key {
  readonly name: string
  /** Its column in the table. */
  readonly index: number
  readonly values: readonly string[]
}

/** Needs a draft whose references are sound and whose rules are known where all facts are there. */
export function checkCoverage(draft: Draft, issues: Issues): void {
  for (const table of draft.tables.values()) {
    const readers = [...draft.facts.values()].filter((fact) => isUnknownWithoutRow(fact, table))
    const keys = enumKeys(table, draft)
    if (readers.length === 0 || keys.length === 0) continue
    const absent = new Set(readers.map(({ name }) => name))
    const asked = new Map<string, Combination>()
    let denies = false
    const covered = coverOf(keys, table)
    for (const rule of draft.rules) {
      if (!reads(rule, absent, draft)) continue
      const here = combinationsAsked(rule, keys, absent, draft)
      for (const one of here) asked.set(one.join('\u0000'), one)
      const uncovered = here.some((one) => !covered(one))
      denies ||= uncovered && rule.effect !== 'warn' && rule.mode === 'enforce'
    }
    report([...asked.values()], covered, keys, table, denies, issues)
  }
}

function isUnknownWithoutRow(fact: ReadFact, table: Table): boolean {
  const { origin } = fact
  if (origin.kind !== 'table' && origin.kind !== 'session') return false
  if (origin.table !== table.name) return false
  return origin.kind === 'session' || readColumn(table, fact) !== undefined
}

function enumKeys(table: Table, draft: Draft): Key[] {
  return table.keys.flatMap((name, index) => {
    const type = draft.facts.get(name)?.type
    return type?.kind === 'enum' ? [{ name, index, values: type.values }] : []
  })
}

/** The combinations in which `rule` may be unknown when the table has no row: those that its conditions do not keep away. */
function combinationsAsked(
  rule: ReadRule,
  keys: readonly Key[],
  absent: ReadonlySet<string>,
  draft: Draft,
): Combination[] {
  let assignments = enumerate(rule, draft) ?? []
  for (const { name, values } of keys) {
    if (assignments[0]?.has(name) === true) continue
    // Beyond the bound nothing is proved, so nothing is said.
    if (assignments.length * values.length > COMBINATIONS_MAX) return []
    assignments = expand(assignments, name, values)
  }
  return assignments.flatMap((assignment) => {
    const world = { draft, assignment, dark: false, cancel: false, absent, missed: new Set<string>() }
    if ((outcome(rule, world) & UNKNOWN) === 0 || !isPossible(assignment, keys, draft)) return []
    return [keys.map(({ name }) => String(assignment.get(name)))]
  })
}

/** Whether the sessions of a combination occur with its other keys: crypto has no evening session if no row gives it one. */
function isPossible(assignment: Assignment, keys: readonly Key[], draft: Draft): boolean {
  return keys.every(({ name }) => {
    const origin = draft.facts.get(name)?.origin
    const hours = origin?.kind === 'session' ? draft.tables.get(origin.table) : undefined
    if (hours?.keys.every((key) => assignment.has(key)) !== true) return true
    const row = rowFinder(hours)(hours.keys.map((key) => String(assignment.get(key)))) ?? -1
    const open = hours.rows.flatMap(({ keys: cells }, index) =>
      cells.every((cell, at) => cell === hours.rows[row]?.keys[at]) ? [hours.sessions[index]?.session] : [],
    )
    return row >= 0 && ['closed', ...open].includes(String(assignment.get(name)))
  })
}

/** Whether a rule depends on one of `facts`, also through others. */
function reads(rule: ReadRule, facts: ReadonlySet<string>, draft: Draft): boolean {
  const seen = new Set<string>()
  const visit = (name: string): boolean => {
    if (facts.has(name)) return true
    const fact = seen.has(name) ? undefined : draft.facts.get(name)
    seen.add(name)
    return fact !== undefined && [...inputsOf(fact, draft.tables)].some(visit)
  }
  const named = [rule.condition, ...(rule.unless === undefined ? [] : [rule.unless])].flatMap(
    (expression) => [...factsIn(expression)],
  )
  return [...named, ...rule.where.map(({ fact }) => fact)].some(visit)
}

/** Whether a row answers a combination. Rows that differ only in other keys count once: tables may be long. */
function coverOf(keys: readonly Key[], table: Table): (combination: Combination) => boolean {
  const patterns = new Map<string, Combination>()
  for (const { keys: cells } of table.rows) {
    const pattern = keys.map(({ index }) => cells[index] ?? '')
    patterns.set(pattern.join('\u0000'), pattern)
  }
  return (combination) =>
    [...patterns.values()].some((pattern) =>
      pattern.every((cell, at) => cell === '*' || cell === combination[at]),
    )
}

/** A value that no row covers with anything is named alone, under its column; the others are named together. */
function report(
  asked: readonly Combination[],
  covered: (combination: Combination) => boolean,
  keys: readonly Key[],
  table: Table,
  denies: boolean,
  issues: Issues,
): void {
  const warn = (index: number, what: string): void =>
    issues.warn(
      table.keyPlaces[index] ?? table.place,
      `no row covers ${what}: what is read from this table is unknown there${denies ? ', and denies' : ''}`,
    )
  let rest = asked
  for (const [at, { name, index, values }] of keys.entries()) {
    const listed = new Set(table.rows.map(({ keys: cells }) => cells[index]))
    const alone = values.filter(
      (value) => !listed.has('*') && !listed.has(value) && rest.some((one) => one[at] === value),
    )
    if (alone.length > 0) warn(index, `${alone.map((value) => `\`${value}\``).join(', ')} of ${name}`)
    rest = rest.filter((one) => !alone.includes(one[at] ?? ''))
  }
  const together = rest.filter((one) => !covered(one))
  if (together.length === 0) return
  const named = together.map((one) => one.map((value) => `\`${value}\``).join(' with ')).join(', ')
  warn(keys[0]?.index ?? 0, `${named} of ${keys.map(({ name }) => name).join(', ')}`)
}
