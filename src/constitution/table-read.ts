/** Reads facts from tables: the row by its keys, the session by the clock. */
import type { Facts } from './facts.ts'
import type { Constitution, Fact, Reading } from './model.ts'
import { sessionAt } from './session.ts'
import { onlyColumn } from './table-check.ts'
import { rowFinder, type Column, type Table } from './table.ts'
import { calendarsOf } from './trading-day.ts'

/** Reads one table fact, given that its keys are in their slots. */
export type TableReader = (facts: Facts) => Reading | undefined

export function tableReader(
  fact: Fact,
  constitution: Constitution,
  slotOf: (name: string) => number,
): TableReader {
  const { origin } = fact
  const table =
    origin.kind === 'table' || origin.kind === 'session' ? constitution.tables.get(origin.table) : undefined
  if (table === undefined) throw new Error(`invariant: the table of \`${fact.name}\` was checked to exist`)
  const slots = table.keys.map(slotOf)
  const keysOf = (facts: Facts): (string | undefined)[] => slots.map((slot) => facts.texts[slot])
  const source = `tables/${table.name}.csv`
  if (origin.kind === 'session') return sessionReader(table, keysOf, source)
  const find = rowFinder(table)
  const column = readColumn(table, fact)
  const at = column === undefined ? -1 : table.columns.indexOf(column)
  return (facts) => {
    const row = find(keysOf(facts))
    if (row === undefined) return undefined
    if (column === undefined) return { value: row >= 0, at: undefined, source }
    const cell = table.rows[row]?.cells[at]
    if (cell === undefined) return undefined
    const value = column.type.kind === 'date' && typeof cell === 'number' ? facts.now - cell : cell
    return { value, at: undefined, source }
  }
}

/** The column that `fact` reads; `undefined` when it asks whether there is a row at all. */
export function readColumn(table: Table, fact: Fact): Column | undefined {
  const named = fact.origin.kind === 'table' ? fact.origin.column : undefined
  if (named !== undefined) return table.columns.find(({ name }) => name === named)
  const only = onlyColumn(table)
  const isFlag = only?.type.kind === 'value' && only.type.type.kind === 'boolean'
  return fact.type.kind === 'boolean' && !isFlag ? undefined : only
}

/** The clock picks among the sessions. */
function sessionReader(
  table: Table,
  keysOf: (facts: Facts) => (string | undefined)[],
  source: string,
): TableReader {
  const sessionsOf = calendarsOf(table)
  return (facts) => {
    const sessions = sessionsOf(keysOf(facts))
    if (sessions === undefined) return undefined
    return { value: sessionAt(sessions, facts.now), at: undefined, source }
  }
}
