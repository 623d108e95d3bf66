/** Limits kept in spreadsheets: CSV tables read by key facts, and tables of trading sessions. */
import { parse } from 'csv-parse/sync'
import { didYouMean, type Issues, type Place } from '../base/issue.ts'
import { multiply, rationalFromText, toNumber } from '../base/rational.ts'
import { parseSession, SESSION_COLUMNS, zoneProblem, type Session } from './session.ts'
import { parseDimension, RATIO, UNIT_WORDS, type FactType } from './units.ts'

/** What a value column holds; a `date` reads as the age since its midnight UTC. */
export type ColumnType =
  { readonly kind: 'value'; readonly type: FactType; readonly percent: boolean } | { readonly kind: 'date' }

export interface Column {
  readonly name: string
  readonly type: ColumnType
}

export type Cell = number | string | boolean

export interface Row {
  /** One per key column: a value, or `*` for any known one. */
  readonly keys: readonly string[]
  /** One per value column. Dates are milliseconds since 1970. */
  readonly cells: readonly Cell[]
}

export interface Table {
  readonly name: string
  /** The facts that pick the row. */
  readonly keys: readonly string[]
  readonly keyPlaces: readonly Place[]
  readonly columns: readonly Column[]
  readonly rows: readonly Row[]
  /** The place of a cell, by row and column of the file, headers aside. */
  readonly placeAt: (row: number, cell: number) => Place
  /** For a table of trading sessions, one per row; otherwise empty. */
  readonly sessions: readonly Session[]
  /** Header and cells as text, for the canonical form. */
  readonly text: readonly (readonly string[])[]
  readonly place: Place
}

const HEADER = /^([A-Za-z_][\w.]*)(?:\s*\[([^\]]+)\])?$/
const CONTROL = /\p{Cc}/u
const PLAIN_NUMBER = /^-?\d+(?:\.\d+)?$/

/** Reads `tables/NAME.csv`. Answers `undefined` after reporting to `issues`. */
export function readTable(name: string, file: string, text: string, issues: Issues): Table | undefined {
  const before = issues.list.length
  let lines: string[][]
  try {
    lines = parse(text, {
      bom: true,
      relax_column_count: true,
      skip_empty_lines: false,
      trim: true,
      // All of them in one file, too: by the end of its first line alone, others would join what follows.
      record_delimiter: ['\r\n', '\n', '\r'],
    })
  } catch (error) {
    issues.error(
      { file, line: 1, column: 1 },
      `is not CSV: ${error instanceof Error ? error.message : String(error)}`,
    )
    return undefined
  }
  const sourceLines = text.split('\n')
  const placeOf = (line: number, cell: number): Place => ({
    file,
    line: line + 1,
    column: columnOf(sourceLines[line] ?? '', cell),
  })
  const [header = [], ...body] = lines
  const sessionsAt = SESSION_COLUMNS.every((column) => header.includes(column))
    ? header.indexOf('session')
    : -1
  const keys: string[] = []
  const columns: Column[] = []
  const named = new Set<string>()
  for (const [index, cell] of header.entries()) {
    const place = placeOf(0, index)
    const [, column, unit] = HEADER.exec(cell) ?? []
    if (column !== undefined && named.has(column))
      issues.slip(place, `the column \`${column}\` stands here twice`)
    if (column === undefined) {
      issues.error(
        place,
        `\`${cell}\` is no column: write the name of a key fact, or \`name [unit]\` for a value`,
      )
    } else if (sessionsAt >= 0 && index >= sessionsAt) {
      if (!SESSION_COLUMNS.some((each) => each === cell))
        issues.slip(
          place,
          `\`${cell}\` behind \`session\` would not be read; keys come before it, and behind it ${SESSION_COLUMNS.slice(1).join(', ')} alone`,
        )
    } else if (unit === undefined) {
      if (columns.length > 0 && issues.list.length === before)
        issues.error(place, `the key column \`${column}\` stands behind a value column; keys come first`)
      keys.push(column)
    } else {
      const type = columnType(unit)
      if (type === undefined) {
        issues.error(
          place,
          `unknown unit \`${unit}\`${didYouMean(unit, ['%', 'text', 'yes/no', 'date', ...UNIT_WORDS])}`,
        )
      } else columns.push({ name: column, type })
    }
    if (column !== undefined) named.add(column)
  }
  if (keys.length === 0) issues.error(placeOf(0, 0), 'a table begins with the facts that pick its row')
  if (issues.list.length > before) return undefined

  const rows: Row[] = []
  const sessions: Session[] = []
  const seen = new Map<string, number>()
  for (const [offset, cells] of body.entries()) {
    const line = offset + 1
    if (cells.length !== header.length) {
      const [cell, message] = raggedness(cells, header, keys.length)
      issues.error(placeOf(line, cell), message)
      continue
    }
    const untrimmedAt = cells.findIndex((cell) => cell !== cell.trim())
    if (untrimmedAt >= 0) {
      issues.error(
        placeOf(line, untrimmedAt),
        `\`${cells[untrimmedAt]}\` begins or ends with a space that cannot be seen`,
      )
      continue
    }
    const controlAt = cells.findIndex((cell) => CONTROL.test(cell))
    if (controlAt >= 0)
      issues.slip(
        placeOf(line, controlAt),
        `the cell under \`${header[controlAt]}\` holds ${JSON.stringify(cells[controlAt])}, with a sign that cannot be seen`,
      )
    const blankAt = cells.indexOf('')
    if (blankAt >= 0) {
      issues.error(
        placeOf(line, blankAt),
        `the cell under \`${header[blankAt]}\` is blank; write \`*\` in a key for any value`,
      )
      continue
    }
    const row = cells.slice(0, keys.length)
    const values: Cell[] = []
    if (sessionsAt >= 0) {
      const session = parseSession(
        Object.fromEntries(header.map((column, index) => [column, cells[index] ?? ''])),
      )
      if ('problem' in session) issues.error(placeOf(line, header.indexOf(session.column)), session.problem)
      else {
        const problem = zoneProblem(session.timezone)
        if (problem !== undefined) issues.slip(placeOf(line, header.indexOf('timezone')), problem)
        sessions.push(session)
      }
    } else {
      const key = row.join('\u0000')
      const twin = seen.get(key)
      if (twin !== undefined) issues.error(placeOf(line, 0), `the same keys stand on line ${twin + 1}`)
      seen.set(key, line)
      for (const [index, column] of columns.entries()) {
        const cell = readCell(cells[keys.length + index] ?? '', column.type)
        if (typeof cell === 'object')
          issues.error(placeOf(line, keys.length + index), `\`${column.name}\`: ${cell.problem}`)
        else values.push(cell)
      }
    }
    rows.push({ keys: row, cells: values })
  }
  if (issues.list.length > before) return undefined
  const keyPlaces = keys.map((_, index) => placeOf(0, index))
  return {
    name,
    keys,
    keyPlaces,
    columns,
    rows,
    placeAt: (row, cell) => placeOf(row + 1, cell),
    sessions,
    text: lines,
    place: { file, line: 1, column: 1 },
  }
}

/** Where, and why, a line has other cells than its header: most often a comma inside a number. */
function raggedness(cells: readonly string[], header: readonly string[], keys: number): [number, string] {
  if (cells.length === 1 && cells[0] === '') return [0, 'the line is blank']
  const counted = `${cells.length} cells where the header has ${header.length}`
  const missing = header[cells.length]
  if (missing !== undefined) return [0, `${counted}; \`${missing}\` is missing`]
  const [split, parts] = splitNumber(cells, keys, cells.length - header.length)
  if (parts.length === 0) return [0, counted]
  const thousands = parts.slice(1).every((part) => /^\d{3}(?:\.\d+)?$/.test(part))
  const fix = thousands
    ? `write \`${parts.join('')}\`, without thousands separators`
    : `write \`${parts.join('.')}\`, with a point`
  return [split, `${counted}: the comma in \`${parts.join(',')}\` ends a cell; ${fix}`]
}

/** The first cells behind the keys that are digits and nothing else, one more than `surplus` at most; none where no two stand together. */
function splitNumber(cells: readonly string[], keys: number, surplus: number): [number, string[]] {
  for (let start = keys; start < cells.length; start += 1) {
    let end = start
    while (end - start < surplus && isDigits(cells[end]) && isDigits(cells[end + 1])) end += 1
    if (end > start) return [start, cells.slice(start, end + 1)]
  }
  return [0, []]
}

const isDigits = (cell: string | undefined): boolean => cell !== undefined && /^-?\d+(?:\.\d+)?$/.test(cell)

/** The 1-based column at which cell `index` of a CSV line begins. */
function columnOf(line: string, index: number): number {
  let cell = 0
  let quoted = false
  for (let at = 0; at < line.length; at++) {
    if (cell === index) return at + 1
    if (line[at] === '"') quoted = !quoted
    else if (line[at] === ',' && !quoted) cell += 1
  }
  return cell === index ? line.length + 1 : 1
}

function columnType(unit: string): ColumnType | undefined {
  const word = unit.trim()
  if (word === 'date') return { kind: 'date' }
  if (word === '%') return { kind: 'value', type: { kind: 'number', dimension: RATIO }, percent: true }
  if (word === 'text') return { kind: 'value', type: { kind: 'text' }, percent: false }
  if (word === 'yes/no') return { kind: 'value', type: { kind: 'boolean' }, percent: false }
  const dimension = parseDimension(word)
  return dimension === undefined
    ? undefined
    : { kind: 'value', type: { kind: 'number', dimension }, percent: false }
}

function readCell(text: string, column: ColumnType): Cell | { readonly problem: string } {
  if (column.kind === 'date') {
    const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
    const real = !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)
    return real ? time : { problem: `\`${text}\` is no date such as 2026-01-31` }
  }
  const { type, percent } = column
  if (type.kind === 'text') return text
  if (type.kind === 'boolean') {
    if (text === 'yes' || text === 'no') return text === 'yes'
    return { problem: `\`${text}\` is neither \`yes\` nor \`no\`` }
  }
  if (text.endsWith('%')) {
    return {
      problem: percent
        ? `write \`${text.slice(0, -1)}\`, the column’s unit is % already`
        : `\`${text}\` under a column that is not [%]`,
    }
  }
  if (/^-?\d{1,3}(?:,\d{3})+(?:\.\d+)?$/.test(text)) {
    return { problem: `write \`${text.replaceAll(',', '')}\`, without thousands separators` }
  }
  const value =
    PLAIN_NUMBER.test(text) && text.replace(/\D/g, '').length <= 15 ? rationalFromText(text) : undefined
  if (value === undefined) return { problem: `\`${text}\` is no number` }
  return toNumber(percent ? multiply(value, { numerator: 1n, denominator: 100n }) : value)
}

/** Finds the row for known key values in time that depends on the number of keys, not of rows. */
export type RowFinder = (keys: readonly (string | undefined)[]) => number | undefined

interface Level {
  readonly below: Map<string, Level>
  row: number
}

/**
 * Makes the finder of a table: the row whose leftmost keys match exactly wins over one that has `*` there. It answers the row's
 * index, −1 when no row matches, and `undefined` when a key is not known (`*` matches any *known* key).
 */
export function rowFinder(table: Table): RowFinder {
  const root: Level = { below: new Map(), row: -1 }
  for (const [index, row] of table.rows.entries()) {
    let level = root
    for (const key of row.keys) {
      const below = level.below.get(key) ?? { below: new Map<string, Level>(), row: -1 }
      level.below.set(key, below)
      level = below
    }
    level.row = index
  }
  const find = (level: Level, keys: readonly (string | undefined)[], depth: number): number => {
    const key = keys[depth]
    if (key === undefined) return level.row
    const exact = level.below.get(key)
    const found = exact === undefined ? -1 : find(exact, keys, depth + 1)
    if (found >= 0) return found
    const any = level.below.get('*')
    return any === undefined ? -1 : find(any, keys, depth + 1)
  }
  return (keys) => (keys.includes(undefined) ? undefined : find(root, keys, 0))
}
