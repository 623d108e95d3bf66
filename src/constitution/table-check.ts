/** Holds tables against the facts that pick their rows and read their columns. */
import { didYouMean, nearest, type Issues } from '../base/issue.ts'
import type { Draft, ReadFact } from './draft.ts'
import { nameProblem } from './names.ts'
import type { Column, Table } from './table.ts'
import { RATIO, sameDimension, typeName, type FactType } from './units.ts'

export function checkTables(draft: Draft, issues: Issues): void {
  for (const table of draft.tables.values()) {
    checkKeys(table, draft, issues)
    checkRatios(table, issues)
    checkClosures(table, issues)
  }
  const used = new Set<string>()
  for (const fact of draft.facts.values()) {
    const name = tableNamed(fact.origin)
    if (name === undefined) continue
    const table = draft.tables.get(name)
    used.add(name)
    if (table === undefined) {
      const meant = nearest(name, draft.tables.keys())
      const hint = meant === undefined ? '' : `; did you mean \`${meant}\`?`
      issues.error(fact.place, `there is no \`tables/${name}.csv\`${hint}`)
      // A slip in its name is one mistake; that nobody reads the other table comes of it.
      if (meant !== undefined) used.add(meant)
    } else if (fact.origin.kind === 'session') checkSession(fact, table, issues)
    else if (fact.origin.kind === 'window') checkCalendar(fact, table, draft, issues)
    else if (fact.origin.kind === 'measured') checkAccountCalendar(fact, table, issues)
    else if (fact.origin.kind !== 'table') continue
    else if (table.sessions.length > 0)
      issues.error(fact.place, 'a table of sessions is read with `source: clock`')
    else checkColumn(fact, table, fact.origin.column, issues)
  }
  for (const table of draft.tables.values()) {
    if (!used.has(table.name))
      issues.error(table.place, `no fact reads this table${didYouMean(table.name, used)}`)
  }
}

/** The table that a fact is read from, or goes by. */
function tableNamed(origin: ReadFact['origin']): string | undefined {
  if (origin.kind === 'window' || origin.kind === 'measured') return origin.calendar
  return origin.kind === 'table' || origin.kind === 'session' ? origin.table : undefined
}

/** A day of equity opens with a report of the account, which names nothing else. */
function checkAccountCalendar(fact: ReadFact, table: Table, issues: Issues): void {
  checkIsSessions(fact, table, issues)
  for (const [index, key] of table.keys.entries()) {
    if (key !== 'account.id')
      issues.error(
        table.keyPlaces[index] ?? table.place,
        `\`${fact.name}\` opens with a report of the account, which says no \`${key}\`; the one key of its calendar is \`account.id\``,
      )
  }
}

function checkIsSessions({ place }: ReadFact, { name, sessions }: Table, issues: Issues): void {
  if (sessions.length === 0)
    issues.error(place, `\`tables/${name}.csv\` has no columns session, timezone, days, from, to`)
}

/** A calendar's keys are looked up where windows are measured, before any fact is worked out from others. */
function checkCalendar(fact: ReadFact, table: Table, draft: Draft, issues: Issues): void {
  checkIsSessions(fact, table, issues)
  for (const [index, key] of table.keys.entries()) {
    const known = draft.facts.get(key)
    if (known === undefined || known.origin.kind === 'measured') continue
    issues.error(
      table.keyPlaces[index] ?? table.place,
      `\`${key}\` is worked out from other facts; the keys of a calendar come from \`source: action\`, \`ledger\` or \`market\``,
    )
  }
}

function checkKeys(table: Table, draft: Draft, issues: Issues): void {
  for (const [index, key] of table.keys.entries()) {
    const place = table.keyPlaces[index] ?? table.place
    const type = draft.facts.get(key)?.type
    if (type === undefined) issues.error(place, unknownKey(key, draft))
    else if (type.kind !== 'enum' && type.kind !== 'text')
      issues.error(place, `\`${key}\` is ${typeName(type)}; a key is a text or an enumeration`)
    else if (type.kind === 'enum') checkEnumKey(table, index, type.values, issues)
    else checkTextKey(table, index, draft.facts.get(key), issues)
  }
}

/** A header without a unit is a key; one that no dot divides is a value column whose unit was forgotten. */
function unknownKey(key: string, draft: Draft): string {
  return key.includes('.')
    ? `unknown fact \`${key}\`${didYouMean(key, draft.facts.keys())}`
    : `\`${key}\` is no fact, so it is no key; a value column says its unit, as in \`${key} [%]\``
}

/** A wildcard with anything beside it would match that text and nothing else, and what can be no name nothing at all. */
function checkTextKey(table: Table, index: number, fact: ReadFact | undefined, issues: Issues): void {
  for (const [line, { keys }] of table.rows.entries()) {
    const cell = keys[index] ?? ''
    if (cell === '*') continue
    const place = table.placeAt(line, index)
    if (cell.includes('*')) issues.error(place, `\`${cell}\` matches only itself; write \`*\` for any value`)
    else {
      const problem = nameProblem(fact, cell)
      if (problem !== undefined) issues.slip(place, problem)
    }
  }
}

function checkEnumKey(table: Table, index: number, values: readonly string[], issues: Issues): void {
  for (const [line, { keys }] of table.rows.entries()) {
    const cell = keys[index] ?? ''
    if (cell !== '*' && !values.includes(cell)) {
      issues.error(
        table.placeAt(line, index),
        `\`${cell}\` is none of [${values.join(', ')}]${didYouMean(cell, values)}`,
      )
    }
  }
}

function checkSession(fact: ReadFact, table: Table, issues: Issues): void {
  checkIsSessions(fact, table, issues)
  const values = fact.type.kind === 'enum' ? fact.type.values : []
  if (!values.includes('closed'))
    issues.error(fact.place, 'a session is `closed` when no row is open; list it in the type')
  for (const [line, { session, closes }] of table.sessions.entries()) {
    if (closes === undefined && !values.includes(session)) {
      issues.error(
        table.placeAt(line, table.keys.length),
        `\`${session}\` is no session of \`${fact.name}\`${didYouMean(session, values)}`,
      )
    }
  }
}

/** A share of more than all is seldom meant, and a hundred times what was. */
function checkRatios({ columns, keys, rows, placeAt }: Table, issues: Issues): void {
  for (const [index, { name, type }] of columns.entries()) {
    if (type.kind === 'date' || type.percent || type.type.kind !== 'number') continue
    if (!sameDimension(type.type.dimension, RATIO)) continue
    const row = rows.findIndex(({ cells }) => Number(cells[index]) >= 1 && Number(cells[index]) <= 100)
    if (row < 0) continue
    const value = Number(rows[row]?.cells[index])
    // Without the noise of binary fractions: 1.1 is 110 %.
    const percent = Number((value * 100).toPrecision(12))
    issues.warn(
      placeAt(row, keys.length + index),
      `\`${name}\` is a ratio, so this is ${percent} %; write the column as \`${name} [%]\`, with \`${value}\` for ${value} % or \`${percent}\` for what it is now`,
    )
  }
}

/** A closure ends the sessions with its keys, so that one which no session shares them with would close nothing. */
function checkClosures(table: Table, issues: Issues): void {
  const opening = new Set(
    table.sessions.flatMap(({ closes }, row) => (closes === undefined ? String(table.rows[row]?.keys) : [])),
  )
  for (const [row, { closes }] of table.sessions.entries()) {
    const keys = table.rows[row]?.keys ?? []
    if (closes !== undefined && !opening.has(String(keys)))
      issues.error(
        table.placeAt(row, 0),
        `no session has the keys ${keys.map((key) => `\`${key}\``).join(', ')}, so nothing is closed; write the keys as its sessions have them`,
      )
  }
}

function checkColumn(fact: ReadFact, table: Table, name: string | undefined, issues: Issues): void {
  if (
    name === undefined &&
    fact.type.kind === 'boolean' &&
    !table.columns.some((column) => isBoolean(column))
  )
    return
  const column =
    name === undefined ? onlyColumn(table) : table.columns.find((candidate) => candidate.name === name)
  // A column that was taken for a key has been named already.
  if (name !== undefined && table.keys.includes(name)) return
  if (column === undefined) {
    const names = table.columns.map((candidate) => candidate.name)
    const wanted =
      name === undefined
        ? `say which \`column\` of ${names.join(', ')} it is`
        : `no column \`${name}\`${didYouMean(name, names)}`
    issues.error(fact.place, `\`tables/${table.name}.csv\`: ${wanted}`)
    return
  }
  const type = columnFactType(column)
  if (!sameType(type, fact.type)) {
    issues.error(
      fact.place,
      `\`${fact.name}\` is ${typeName(fact.type)} and the column \`${column.name}\` holds ${typeName(type)}`,
    )
  }
}

function isBoolean(column: Column): boolean {
  return column.type.kind === 'value' && column.type.type.kind === 'boolean'
}

/** The column a fact reads when it names none: the only one there is. */
export function onlyColumn(table: Table): Column | undefined {
  return table.columns.length === 1 ? table.columns[0] : undefined
}

function columnFactType(column: Column): FactType {
  return column.type.kind === 'date'
    ? { kind: 'number', dimension: { ...RATIO, duration: 1 } }
    : column.type.type
}

function sameType(a: FactType, b: FactType): boolean {
  if (a.kind === 'number' && b.kind === 'number') return sameDimension(a.dimension, b.dimension)
  return a.kind === b.kind || (a.kind === 'text' && b.kind === 'enum')
}
