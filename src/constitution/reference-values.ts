/** The values of an export's facts at one moment, computed with fractions; `undefined` is unknown throughout. */
import { Fraction } from 'fraction.js'
import type { ExportedFact, ExportedRules, ExportedTable, FactSource } from './export.ts'
import type { Operation, Tree } from './export-tree.ts'
import type { Read, Reading } from './model.ts'
import { isClosed, isOpen } from './session.ts'

/** A known value, or `undefined`. */
export type Value = Fraction | string | boolean | undefined

/** Outside of these a number is not taken for known: beyond, doubles skip whole numbers; below, they are noise. */
const LARGEST = 9_007_199_254_740_991
const SMALLEST = 1e-16

/** The facts and tables of an export by name. */
export interface Vocabulary {
  readonly facts: ReadonlyMap<string, ExportedFact>
  readonly tables: ReadonlyMap<string, ExportedTable>
}

export function vocabularyOf({ facts, tables }: ExportedRules): Vocabulary {
  return {
    facts: new Map(facts.map((fact) => [fact.name, fact])),
    tables: new Map(tables.map((table) => [table.name, table])),
  }
}

/** The exact fraction that the shortest decimal of a finite `number` denotes. */
export function fractionOf(number: number): Fraction {
  const [mantissa = '', exponent = '0'] = String(number).split('e')
  const [whole = '', decimals = ''] = mantissa.split('.')
  const power = Number(exponent) - decimals.length
  const digits = BigInt(whole + decimals)
  return power < 0 ? new Fraction(digits, 10n ** BigInt(-power)) : new Fraction(digits * 10n ** BigInt(power))
}

/** Whether `number` is a whole number of `step`s; unknown for a step of zero. */
export function isWholeNumberOf(number: Fraction, step: Fraction): boolean | undefined {
  return step.n === 0n ? undefined : number.div(step).d === 1n
}

/** Computes each fact at most once, when it is first asked for. */
export class Values {
  readonly #vocabulary: Vocabulary
  readonly #read: Read
  readonly #now: number
  readonly #known = new Map<string, Value>()

  /** `now` is in milliseconds since 1970, UTC. */
  constructor(vocabulary: Vocabulary, read: Read, now: number) {
    this.#vocabulary = vocabulary
    this.#read = read
    this.#now = now
  }

  /** The value of the fact called `name`. Throws when the export has no such fact. */
  of(name: string): Value {
    if (this.#known.has(name)) return this.#known.get(name)
    const fact = this.#vocabulary.facts.get(name)
    if (fact === undefined) throw new Error(`the export lacks the fact \`${name}\``)
    const value = this.#compute(fact)
    this.#known.set(name, value)
    return value
  }

  #compute({ name, type, source }: ExportedFact): Value {
    if (source.kind === 'reading') {
      const reading = this.#read(name)
      if (reading === undefined || this.#isStale(reading, source.maxAge)) return undefined
      return valueOfReading(reading.value, type)
    }
    const value = this.#derive(source)
    // A text that an enumeration doesn't list is unknown, wherever it comes from.
    return typeof value === 'string' && Array.isArray(type) && !type.includes(value) ? undefined : value
  }

  #derive(source: Exclude<FactSource, { kind: 'reading' }>): Value {
    switch (source.kind) {
      case 'calculation':
        return this.#calculate(source.tree)
      case 'row': {
        const row = this.#row(this.#table(source.table))
        return row === undefined ? undefined : row !== 'none'
      }
      case 'table':
        return this.#cell(this.#table(source.table), source.column)
      case 'session':
        return this.#session(this.#table(source.table))
    }
  }

  #isStale({ at }: Reading, maxAge: number | null): boolean {
    // Written so that a time that is not a number counts as stale.
    return maxAge !== null && at !== undefined && !(this.#now - at <= maxAge)
  }

  #table(name: string): ExportedTable {
    const table = this.#vocabulary.tables.get(name)
    if (table === undefined) throw new Error(`the export lacks the table \`${name}\``)
    return table
  }

  /** The indices of the rows whose keys all match; `undefined` when a key is unknown. */
  #matching({ keys, rows }: ExportedTable): number[] | undefined {
    const values = keys.map((key) => this.of(key))
    if (values.includes(undefined)) return undefined
    return rows.flatMap((row, index) =>
      row.keys.every((key, column) => key === '*' || key === values[column]) ? [index] : [],
    )
  }

  /** The rows that match with an exact key as far left as any does; `undefined` when a key is unknown. */
  #best(table: ExportedTable): number[] | undefined {
    let candidates = this.#matching(table)
    for (const column of table.keys.keys()) {
      const exact: number[] | undefined = candidates?.filter(
        (index) => table.rows[index]?.keys[column] !== '*',
      )
      if (exact !== undefined && exact.length > 0) candidates = exact
    }
    return candidates
  }

  #row(table: ExportedTable): ExportedTable['rows'][number] | 'none' | undefined {
    const candidates = this.#best(table)
    if (candidates === undefined) return undefined
    const [first] = candidates
    return first === undefined ? 'none' : table.rows[first]
  }

  #cell(table: ExportedTable, column: string): Value {
    const row = this.#row(table)
    if (row === undefined || row === 'none') return undefined
    const index = table.columns.findIndex(({ name }) => name === column)
    const cell = row.cells[index]
    if (typeof cell !== 'number') return cell
    return table.columns[index]?.date === true
      ? fractionOf(this.#now).sub(fractionOf(cell))
      : fractionOf(cell)
  }

  #session(table: ExportedTable): Value {
    const candidates = this.#best(table)
    if (candidates === undefined || candidates.length === 0) return undefined
    const sessions = candidates.flatMap((index) => table.sessions[index] ?? [])
    if (sessions.some((session) => isClosed(session, this.#now))) return 'closed'
    return sessions.find((session) => isOpen(session, this.#now))?.session ?? 'closed'
  }

  #calculate(tree: Tree): Value {
    if (typeof tree === 'number') return fractionOf(tree)
    if (typeof tree === 'boolean') return tree
    if ('text' in tree) return tree.text
    if ('fact' in tree) return this.of(tree.fact)
    if (tree.apply === 'if') return this.#choose(tree.to)
    const operands = tree.to.map((operand) => this.#calculate(operand))
    if (tree.apply === 'and') return every(operands)
    if (tree.apply === 'or') return opposite(every(operands.map(opposite)))
    return operands.includes(undefined) ? undefined : apply(tree.apply, operands)
  }

  /** Only the branch that is chosen counts: the other may be unknown. */
  #choose([condition, yes, no]: readonly Tree[]): Value {
    if (condition === undefined || yes === undefined || no === undefined) throw new Error('`if` takes three')
    const chosen = this.#calculate(condition)
    if (chosen === undefined) return undefined
    return this.#calculate(chosen === true ? yes : no)
  }
}

function valueOfReading(value: unknown, type: ExportedFact['type']): Value {
  switch (type) {
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined
    case 'text':
      return typeof value === 'string' ? value : undefined
    case 'number': {
      if (typeof value !== 'number') return undefined
      const size = Math.abs(value)
      const fits = size === 0 || (size >= SMALLEST && size <= LARGEST)
      return fits ? fractionOf(value) : undefined
    }
    default:
      return typeof value === 'string' && type.includes(value) ? value : undefined
  }
}

function every(operands: readonly Value[]): Value {
  if (operands.includes(false)) return false
  return operands.includes(undefined) ? undefined : true
}

function opposite(value: Value): Value {
  return value === undefined ? undefined : value === false
}

/** Applies an operation to operands that are all known. */
function apply(operation: Exclude<Operation, 'if' | 'and' | 'or'>, operands: readonly Value[]): Value {
  const [first, second] = operands
  if (operation === 'not') return first === false
  if (operation === '==') return first === second
  if (operation === '!=') return first !== second
  return compute(operation, operands.map(asFraction))
}

function compute(
  operation: Exclude<Operation, 'if' | 'and' | 'or' | 'not' | '==' | '!='>,
  operands: readonly Fraction[],
): Value {
  const [first = ZERO, second = ZERO] = operands
  switch (operation) {
    case '<':
      return first.compare(second) < 0
    case '<=':
      return first.compare(second) <= 0
    case '>':
      return first.compare(second) > 0
    case '>=':
      return first.compare(second) >= 0
    case '+':
      return first.add(second)
    case '-':
      return first.sub(second)
    case '*':
      return first.mul(second)
    case '/':
      return second.n === 0n ? undefined : first.div(second)
    case 'multiple':
      return isWholeNumberOf(first, second)
    case 'abs':
      return first.abs()
    case 'min':
      return operands.reduce((least, operand) => (operand.compare(least) < 0 ? operand : least))
    case 'max':
      return operands.reduce((most, operand) => (operand.compare(most) > 0 ? operand : most))
  }
}

const ZERO = new Fraction(0n)

function asFraction(value: Value): Fraction {
  if (value instanceof Fraction) return value
  throw new Error(`\`${String(value)}\` is no number, which the check of types has excluded`)
}
