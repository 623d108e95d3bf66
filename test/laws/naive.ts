/**
 * A third evaluator, as plain as the language's description: recursion over the checked constitution, nothing kept, nothing shared.
 *
 * It is slow and short on purpose, so that it can be held against the description by reading. `undefined` is unknown.
 */
import type { Expression } from '../../src/constitution/expression.ts'
import type { Constitution, Fact, Read, Rule } from '../../src/constitution/model.ts'
import { isClosed, isOpen } from '../../src/constitution/session.ts'
import type { Table } from '../../src/constitution/table.ts'
import type { ActionType } from '../../src/protocol/action.ts'
import { FRACTIONS, type Arithmetic } from './arithmetic.ts'

export type Result = 'clear' | 'breach' | 'unknown'
export type Results = ReadonlyMap<string, Result>

/** The result of each rule that lists `action`, by its id. */
export function judgeNaively(
  constitution: Constitution,
  action: ActionType,
  read: Read,
  now: number,
): Results {
  return judgeWith(FRACTIONS, constitution, action, read, now)
}

/** As `judgeNaively`, with another arithmetic. */
export function judgeWith<N>(
  arithmetic: Arithmetic<N>,
  constitution: Constitution,
  action: ActionType,
  read: Read,
  now: number,
): Results {
  const naive = new Naive(arithmetic, constitution, read, now)
  const rules = constitution.rules.filter((rule) => rule.actions.includes(action))
  return new Map(rules.map((rule) => [rule.id, naive.result(rule)]))
}

/** What the results of a constitution's rules come to. */
export function verdictOf(constitution: Constitution, results: Results): 'allow' | 'deny' | 'pending' {
  const enforced = constitution.rules.filter(({ mode, effect }) => mode === 'enforce' && effect !== 'warn')
  const found = enforced.map(({ id, effect }) => ({ effect, result: results.get(id) ?? 'clear' }))
  if (found.some(({ result }) => result === 'unknown')) return 'deny'
  if (found.some(({ effect, result }) => effect === 'forbid' && result === 'breach')) return 'deny'
  return found.some(({ result }) => result === 'breach') ? 'pending' : 'allow'
}

type Known<N> = { readonly number: N } | string | boolean

class Naive<N> {
  readonly arithmetic: Arithmetic<N>
  readonly constitution: Constitution
  readonly read: Read
  readonly now: number

  constructor(arithmetic: Arithmetic<N>, constitution: Constitution, read: Read, now: number) {
    this.arithmetic = arithmetic
    this.constitution = constitution
    this.read = read
    this.now = now
  }

  result({ where, condition, unless }: Rule): Result {
    const applies = where.map(({ fact, values }) => {
      const value = this.text(this.fact(fact))
      return value === undefined ? undefined : values.includes(value)
    })
    const exempt = unless === undefined ? false : this.truth(unless)
    const truth = all([...applies, this.truth(condition), negated(exempt)])
    return truth === undefined ? 'unknown' : truth ? 'breach' : 'clear'
  }

  fact(name: string): Known<N> | undefined {
    const fact = this.constitution.facts.get(name)
    if (fact === undefined) throw new Error(`no fact ${name}`)
    const { origin, type } = fact
    if (origin.kind === 'session') return this.session(this.table(origin.table))
    if (origin.kind === 'measured' || origin.kind === 'window') return this.reading(fact)
    const value =
      origin.kind === 'derived'
        ? this.value(origin.expression)
        : this.cell(fact, this.table(origin.table), origin.column)
    const outside = type.kind === 'enum' && typeof value === 'string' && !type.values.includes(value)
    return outside ? undefined : value
  }

  reading({ name, type, maxAge }: Fact): Known<N> | undefined {
    const reading = this.read(name)
    if (reading === undefined) return undefined
    const { value, at } = reading
    if (maxAge !== undefined && at !== undefined && !(this.now - at <= maxAge)) return undefined
    if (type.kind === 'boolean') return typeof value === 'boolean' ? value : undefined
    if (type.kind === 'text') return typeof value === 'string' ? value : undefined
    if (type.kind === 'enum')
      return typeof value === 'string' && type.values.includes(value) ? value : undefined
    if (typeof value !== 'number' || !Number.isFinite(value)) return undefined
    if (Math.abs(value) > Number.MAX_SAFE_INTEGER) return undefined
    if (value !== 0 && Math.abs(value) < 1e-16) return undefined
    return this.number(value)
  }

  table(name: string): Table {
    const table = this.constitution.tables.get(name)
    if (table === undefined) throw new Error(`no table ${name}`)
    return table
  }

  /** Indexes of the rows whose keys match, best first; `undefined` when a key is unknown. */
  rows({ keys, rows }: Table): number[] | undefined {
    const values = keys.map((key) => this.text(this.fact(key)))
    if (values.includes(undefined)) return undefined
    // `0` before `1`, leftmost key first: an exact match on the left beats any number of them on the right.
    const ranks = rows.map((row) =>
      row.keys.map((key, at) => (key === '*' ? '1' : key === values[at] ? '0' : 'x')).join(''),
    )
    const matching = [...rows.keys()].filter((index) => ranks[index]?.includes('x') === false)
    return matching.toSorted((a, b) => ((ranks[a] ?? '') < (ranks[b] ?? '') ? -1 : 1))
  }

  cell(fact: Fact, table: Table, name: string | undefined): Known<N> | undefined {
    const rows = this.rows(table)
    if (rows === undefined) return undefined
    const flags = table.columns.some(({ type }) => type.kind === 'value' && type.type.kind === 'boolean')
    if (name === undefined && fact.type.kind === 'boolean' && !flags) return rows.length > 0
    const index = name === undefined ? 0 : table.columns.findIndex((column) => column.name === name)
    const cell = table.rows[rows[0] ?? -1]?.cells[index]
    if (typeof cell !== 'number') return cell
    return this.number(table.columns[index]?.type.kind === 'date' ? this.now - cell : cell)
  }

  session(table: Table): string | undefined {
    const matching = this.rows(table)
    const keys = table.rows[matching?.[0] ?? -1]?.keys
    if (matching === undefined || keys === undefined) return undefined
    const same = (row: number): boolean => String(table.rows[row]?.keys) === String(keys)
    const rows = matching.filter(same).toSorted((a, b) => a - b)
    for (const row of rows) {
      const session = table.sessions[row]
      if (session !== undefined && isClosed(session, this.now)) return 'closed'
    }
    for (const row of rows) {
      const session = table.sessions[row]
      if (session !== undefined && isOpen(session, this.now)) return session.session
    }
    return 'closed'
  }

  value(expression: Expression): Known<N> | undefined {
    switch (expression.kind) {
      case 'fact':
        return this.fact(expression.name)
      case 'text':
        return expression.value
      case 'number':
        return this.number(expression.value)
      case 'arithmetic':
        return this.computed(expression)
      case 'call':
        return this.called(expression)
      case 'boolean':
      case 'not':
      case 'and':
      case 'or':
      case 'compare':
      case 'equal':
      case 'in':
        return this.truth(expression)
    }
  }

  truth(expression: Expression): boolean | undefined {
    switch (expression.kind) {
      case 'boolean':
        return expression.value
      case 'not':
        return negated(this.truth(expression.of))
      case 'and':
        return all(expression.of.map((of) => this.truth(of)))
      case 'or':
        return negated(all(expression.of.map((of) => negated(this.truth(of)))))
      case 'compare': {
        const order = this.order(expression.left, expression.right)
        if (order === undefined) return undefined
        if (expression.operator === '<') return order < 0
        if (expression.operator === '>') return order > 0
        return expression.operator === '<=' ? order <= 0 : order >= 0
      }
      case 'equal': {
        const left = this.text(this.value(expression.left))
        const right = this.text(this.value(expression.right))
        return left === undefined || right === undefined ? undefined : (left === right) !== expression.negated
      }
      case 'in': {
        const left = this.text(this.value(expression.left))
        return left === undefined ? undefined : expression.values.includes(left)
      }
      case 'fact':
      case 'call':
      case 'number':
      case 'text':
      case 'arithmetic': {
        const value = this.value(expression)
        return typeof value === 'boolean' ? value : undefined
      }
    }
  }

  order(left: Expression, right: Expression): number | undefined {
    const [a, b] = this.numbers([left, right]) ?? []
    return a === undefined || b === undefined ? undefined : this.arithmetic.compare(a, b)
  }

  /** The numbers of all of `expressions`, or nothing when one of them is unknown. */
  numbers(expressions: readonly Expression[]): N[] | undefined {
    const values = expressions.map((expression) => this.value(expression))
    return values.every((value) => typeof value === 'object') ? values.map(({ number }) => number) : undefined
  }

  computed({ operator, left, right }: Expression & { kind: 'arithmetic' }): Known<N> | undefined {
    const [a, b] = this.numbers([left, right]) ?? []
    if (a === undefined || b === undefined) return undefined
    if (operator === '+') return { number: this.arithmetic.add(a, b) }
    if (operator === '-') return { number: this.arithmetic.subtract(a, b) }
    if (operator === '*') return { number: this.arithmetic.multiply(a, b) }
    const quotient = this.arithmetic.divide(a, b)
    return quotient === undefined ? undefined : { number: quotient }
  }

  called({ name, of }: Expression & { kind: 'call' }): Known<N> | undefined {
    const [first, second, third] = of
    if (name === 'if') {
      const chosen = first === undefined ? undefined : this.truth(first)
      const branch = chosen === true ? second : third
      return chosen === undefined || branch === undefined ? undefined : this.value(branch)
    }
    const numbers = this.numbers(of)
    const [a, b] = numbers ?? []
    if (numbers === undefined || a === undefined) return undefined
    const { compare, isMultiple, subtract, of: make } = this.arithmetic
    if (name === 'multiple') return b === undefined ? undefined : isMultiple(a, b)
    const zero = make(0)
    if (name === 'abs') return { number: compare(a, zero) < 0 ? subtract(zero, a) : a }
    const sorted = numbers.toSorted(compare)
    return { number: (name === 'min' ? sorted[0] : sorted.at(-1)) ?? a }
  }

  number(value: number): Known<N> {
    return { number: this.arithmetic.of(value) }
  }

  text(value: Known<N> | undefined): string | undefined {
    return typeof value === 'string' ? value : undefined
  }
}

function all(truths: readonly (boolean | undefined)[]): boolean | undefined {
  if (truths.includes(false)) return false
  return truths.includes(undefined) ? undefined : true
}

function negated(truth: boolean | undefined): boolean | undefined {
  return truth === undefined ? undefined : !truth
}
