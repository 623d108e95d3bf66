/**
 * The constitution as rules of json-rules-engine, for other tools and for the second evaluator.
 *
 * json-rules-engine knows two truth values and fails open on what is missing, so each rule becomes two: `<id>/breach` fires when the
 * rule is surely breached and `<id>/clear` when it surely is not. When neither fires, it is unknown. Negations are pushed down to
 * the leaves, where operators of our own are false whenever a side of them is unknown; `not`, empty lists and the engine's own
 * operators are never used.
 */
import type { ActionType } from '../protocol/action.ts'
import {
  calculationName,
  STRICT_OPERATORS,
  surely,
  TRUE_FACT,
  type Condition,
  type Leaf,
  type NameCalculation,
} from './export-condition.ts'
import { factsOfTree, printTree, treeOf, type Tree } from './export-tree.ts'
import type { Constitution, Effect, Fact, Rule } from './model.ts'
import type { Session } from './session.ts'
import type { Cell, Table } from './table.ts'

/** The fact that holds the type of the action being judged. */
export const ACTION_FACT = 'ephor:action'

/** Where the value of an exported fact comes from. */
export type FactSource =
  /** Read from outside; known when it has the fact's type and is at most `maxAge` milliseconds old. */
  | { readonly kind: 'reading'; readonly maxAge: number | null }
  /** The cell of the row that the table's keys pick; a column of dates reads as milliseconds since midnight UTC of the date. */
  | { readonly kind: 'table'; readonly table: string; readonly column: string }
  /** Whether the table's keys pick a row. */
  | { readonly kind: 'row'; readonly table: string }
  /** The first session open now among the rows that match best (leftmost exact key first), else `closed`; unknown when no row matches. */
  | { readonly kind: 'session'; readonly table: string }
  | { readonly kind: 'calculation'; readonly text: string; readonly tree: Tree }

export interface ExportedFact {
  readonly name: string
  readonly source: FactSource
  /** What a reading must be to be known; a text that is not among those listed is unknown, wherever it comes from. */
  readonly type: 'boolean' | 'text' | 'number' | readonly string[]
}

/** A table; `*` among a row's keys matches any known value, and the row with the leftmost exact match wins. */
export interface ExportedTable {
  readonly name: string
  readonly keys: readonly string[]
  readonly columns: readonly { readonly name: string; readonly date: boolean }[]
  readonly rows: readonly { readonly keys: readonly string[]; readonly cells: readonly Cell[] }[]
  /** One per row of a table of sessions; otherwise empty. */
  readonly sessions: readonly Session[]
}

/** A rule as json-rules-engine's constructor takes it. */
export interface ExportedRule {
  readonly name: string
  readonly conditions: Exclude<Condition, Leaf>
  readonly event: {
    readonly type: 'breach' | 'clear'
    readonly params: {
      readonly rule: string
      readonly code: string
      readonly title: string
      readonly effect: Effect
      readonly to: string | null
      readonly mode: Rule['mode']
      readonly actions: readonly ActionType[]
    }
  }
}

/** Everything that a host of json-rules-engine needs besides the readings and the time; plain JSON. */
export interface ExportedRules {
  readonly constitution: { readonly name: string; readonly version: string; readonly hash: string }
  /** What each operator means, in words. */
  readonly operators: Readonly<Record<string, string>>
  readonly facts: readonly ExportedFact[]
  readonly tables: readonly ExportedTable[]
  readonly rules: readonly ExportedRule[]
}

/** Exports `constitution`. One constitution has one export: facts and tables are sorted by name and rules by id. */
export function exportRules(constitution: Constitution): ExportedRules {
  const calculations = new Map<string, Tree>([[TRUE_FACT, true]])
  const nameCalculation: NameCalculation = (tree) => {
    const name = calculationName(tree)
    calculations.set(name, tree)
    return name
  }
  const { name, version, hash } = constitution
  const rules = constitution.rules.flatMap((rule) => [
    exportRule(rule, 'breach', nameCalculation),
    exportRule(rule, 'clear', nameCalculation),
  ])
  const facts = [...calculations].map(([calculation, tree]) => exportCalculation(calculation, tree))
  for (const fact of neededFacts(constitution, calculations.values())) {
    facts.push(exportFact(fact, constitution.tables))
  }
  const used = new Set(facts.flatMap(({ source }) => ('table' in source ? [source.table] : [])))
  const tables = [...constitution.tables.values()].filter((table) => used.has(table.name))
  return {
    constitution: { name, version, hash },
    operators: STRICT_OPERATORS,
    facts: facts.toSorted(byName),
    tables: tables.map(exportTable).toSorted(byName),
    rules,
  }
}

function exportRule(rule: Rule, type: 'breach' | 'clear', nameCalculation: NameCalculation): ExportedRule {
  const breach = type === 'breach'
  const { id, code, title, effect, to = null, mode, actions } = rule
  // A rule is breached when it applies and its condition is true and its exception is not: any of them false makes it clear.
  const parts: Condition[] = [
    { fact: ACTION_FACT, operator: breach ? 'ephor:textIn' : 'ephor:textNotIn', value: actions },
  ]
  for (const { fact, values } of rule.where) {
    parts.push({ fact, operator: breach ? 'ephor:textIn' : 'ephor:textNotIn', value: values })
  }
  parts.push(surely(breach, rule.condition, nameCalculation))
  if (rule.unless !== undefined) parts.push(surely(!breach, rule.unless, nameCalculation))
  return {
    name: `${id}/${type}`,
    conditions: breach ? { all: parts } : { any: parts },
    event: { type, params: { rule: id, code, title, effect, to, mode, actions } },
  }
}

/** The constitution's facts that rules and calculations depend on, near and far. */
function neededFacts(constitution: Constitution, calculations: Iterable<Tree>): Set<Fact> {
  const needed = new Set<Fact>()
  const visit = (name: string): void => {
    const fact = constitution.facts.get(name)
    if (fact === undefined)
      throw new Error(`\`${name}\` is no fact, which the check of references has excluded`)
    if (needed.has(fact)) return
    needed.add(fact)
    const { origin } = fact
    if (origin.kind === 'derived') factsOfTree(treeOf(origin.expression)).forEach(visit)
    else if ('table' in origin) constitution.tables.get(origin.table)?.keys.forEach(visit)
  }
  for (const tree of calculations) factsOfTree(tree).forEach(visit)
  for (const rule of constitution.rules) {
    for (const { fact } of rule.where) visit(fact)
    factsOfTree(treeOf(rule.condition)).forEach(visit)
    if (rule.unless !== undefined) factsOfTree(treeOf(rule.unless)).forEach(visit)
  }
  return needed
}

function exportCalculation(name: string, tree: Tree): ExportedFact {
  const numeric = typeof tree === 'number' || (typeof tree === 'object' && 'apply' in tree)
  const type = numeric ? 'number' : typeof tree === 'boolean' ? 'boolean' : 'text'
  return { name, type, source: { kind: 'calculation', text: printTree(tree), tree } }
}

function exportFact(fact: Fact, tables: ReadonlyMap<string, Table>): ExportedFact {
  const { name, type } = fact
  return { name, type: type.kind === 'enum' ? type.values : type.kind, source: exportSource(fact, tables) }
}

function exportSource({ type, origin, maxAge }: Fact, tables: ReadonlyMap<string, Table>): FactSource {
  switch (origin.kind) {
    case 'measured':
    case 'window':
      return { kind: 'reading', maxAge: maxAge ?? null }
    case 'derived': {
      const tree = treeOf(origin.expression)
      return { kind: 'calculation', text: printTree(tree), tree }
    }
    case 'session':
      return { kind: 'session', table: origin.table }
    case 'table': {
      const { table } = origin
      if (origin.column !== undefined) return { kind: 'table', table, column: origin.column }
      const columns = tables.get(table)?.columns ?? []
      const flags = columns.some(
        (column) => column.type.kind === 'value' && column.type.type.kind === 'boolean',
      )
      if (type.kind === 'boolean' && !flags) return { kind: 'row', table }
      const [only] = columns
      if (only === undefined || columns.length > 1)
        throw new Error(`\`${table}\` has no only column, which the check of tables has excluded`)
      return { kind: 'table', table, column: only.name }
    }
  }
}

function exportTable({ name, keys, columns, rows, sessions }: Table): ExportedTable {
  return {
    name,
    keys,
    columns: columns.map((column) => ({ name: column.name, date: column.type.kind === 'date' })),
    rows,
    sessions,
  }
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1
}
