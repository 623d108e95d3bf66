/** The language of conditions: its syntax tree, and the parser that makes one from text. */
import { rationalFromText, multiply, toNumber, type Rational } from '../base/rational.ts'
import { didYouMean } from '../base/issue.ts'
import { DURATIONS } from '../base/literal.ts'
import { NUMBER_MAX, NUMBER_MIN } from '../protocol/common.ts'
import { noUnit, slipOf } from './slips.ts'
import { ExpressionError, tokenize, type Span, type Token } from './tokens.ts'
import { RATIO, type Dimension } from './units.ts'

/** A number's unit as written: `bare` fits ratio and count, `zero` fits all. */
export type LiteralUnit = 'bare' | 'zero' | Dimension | { readonly currency: string }

export type CompareOperator = '<' | '<=' | '>' | '>='
export type ArithmeticOperator = '+' | '-' | '*' | '/'
export type FunctionName = 'abs' | 'min' | 'max' | 'if' | 'multiple'

export type Expression = Span &
  (
    | { readonly kind: 'fact'; readonly name: string }
    | { readonly kind: 'number'; readonly value: number; readonly unit: LiteralUnit }
    | { readonly kind: 'text'; readonly value: string }
    | { readonly kind: 'boolean'; readonly value: boolean }
    | { readonly kind: 'not'; readonly of: Expression }
    | { readonly kind: 'and' | 'or'; readonly of: readonly Expression[] }
    | {
        readonly kind: 'compare'
        readonly operator: CompareOperator
        readonly left: Expression
        readonly right: Expression
      }
    | {
        readonly kind: 'equal'
        readonly negated: boolean
        readonly left: Expression
        readonly right: Expression
      }
    | { readonly kind: 'in'; readonly left: Expression; readonly values: readonly string[] }
    | {
        readonly kind: 'arithmetic'
        readonly operator: ArithmeticOperator
        readonly left: Expression
        readonly right: Expression
      }
    | { readonly kind: 'call'; readonly name: FunctionName; readonly of: readonly Expression[] }
  )

/** How many arguments each function takes; `min` and `max` take two or more. */
const FUNCTIONS: Readonly<Record<FunctionName, readonly [number, number]>> = {
  abs: [1, 1],
  min: [2, 8],
  max: [2, 8],
  if: [3, 3],
  multiple: [2, 2],
}

const LENGTH_MAX = 4096
const DEPTH_MAX = 64
/** Digits that a double holds without fail. */
const DIGITS_MAX = 15

const DURATION: Dimension = { ...RATIO, duration: 1 }

const COMPARISONS = new Set(['<', '<=', '>', '>=', '==', '!=', 'in'])
/** Parses `text`. Throws `ExpressionError` pointing at what is wrong. Recursion is bounded by `DEPTH_MAX`. */
export function parseExpression(text: string): Expression {
  if (text.length > LENGTH_MAX)
    throw new ExpressionError(0, `an expression has at most ${LENGTH_MAX} characters`)
  const tokens = tokenize(text)
  let position = 0
  let depth = 0

  const peek = (): Token => tokens[position] ?? (tokens.at(-1) as Token)
  const next = (): Token => {
    const token = peek()
    position += 1
    return token
  }
  const at = (...words: string[]): boolean => {
    const token = peek()
    return (token.kind === 'symbol' || token.kind === 'name') && words.includes(token.text)
  }
  const expect = (symbol: string): Token => {
    if (!at(symbol)) throw unexpected(`\`${symbol}\``)
    return next()
  }
  const unexpected = (wanted: string): ExpressionError => {
    const token = peek()
    if (token.kind === 'end')
      return new ExpressionError(token.start, `the expression ends where ${wanted} was expected`)
    const slip = slipOf(token, tokens[position - 1])
    if (slip !== undefined) return new ExpressionError(token.start, slip)
    return new ExpressionError(token.start, `unexpected \`${token.text}\` where ${wanted} was expected`)
  }

  function condition(): Expression {
    depth += 1
    if (depth > DEPTH_MAX) throw new ExpressionError(peek().start, `nests deeper than ${DEPTH_MAX} levels`)
    const first = negation()
    const word = peek().text
    if (!at('and', 'or')) {
      depth -= 1
      return first
    }
    const of = [first]
    while (at('and', 'or')) {
      const token = next()
      if (token.text !== word) {
        throw new ExpressionError(
          token.start,
          '`and` beside `or` needs brackets: write `(a and b) or c` or `a and (b or c)`',
        )
      }
      of.push(negation())
    }
    depth -= 1
    return { kind: word as 'and' | 'or', of, start: first.start, end: (of.at(-1) as Expression).end }
  }

  function negation(): Expression {
    if (!at('not')) return comparison()
    const { start } = next()
    if (at('not')) throw new ExpressionError(peek().start, '`not not` says nothing')
    const of = primary()
    const token = peek()
    if (COMPARISONS.has(token.text) && token.kind !== 'text') {
      throw new ExpressionError(
        start,
        `\`not a ${token.text} b\` can be read two ways; write \`not (a ${token.text} b)\``,
      )
    }
    return { kind: 'not', of, start, end: of.end }
  }

  function comparison(): Expression {
    const left = sum()
    const token = peek()
    if (token.kind === 'text' || !COMPARISONS.has(token.text)) return left
    next()
    const result = token.text === 'in' ? membership(left) : compared(left, token.text)
    if (COMPARISONS.has(peek().text) && peek().kind !== 'text') {
      throw new ExpressionError(peek().start, 'comparisons are not chained; write `a < b and b < c`')
    }
    return result
  }

  function compared(left: Expression, operator: string): Expression {
    const right = sum()
    const span = { start: left.start, end: right.end }
    if (operator === '==' || operator === '!=')
      return { kind: 'equal', negated: operator === '!=', left, right, ...span }
    return { kind: 'compare', operator: operator as CompareOperator, left, right, ...span }
  }

  function membership(left: Expression): Expression {
    expect('[')
    const values: string[] = []
    do {
      const token = next()
      if (token.kind !== 'text') throw new ExpressionError(token.start, "a list holds texts: `in ['a', 'b']`")
      values.push(token.text)
    } while (at(',') && next())
    const { end } = expect(']')
    return { kind: 'in', left, values, start: left.start, end }
  }

  function sum(): Expression {
    let left = product()
    while (at('+', '-')) {
      const operator = next().text as ArithmeticOperator
      const right = product()
      left = { kind: 'arithmetic', operator, left, right, start: left.start, end: right.end }
    }
    return left
  }

  function product(): Expression {
    let left = primary()
    while (at('*', '/')) {
      const operator = next().text as ArithmeticOperator
      const right = primary()
      left = { kind: 'arithmetic', operator, left, right, start: left.start, end: right.end }
    }
    return left
  }

  function primary(): Expression {
    const token = peek()
    if (token.kind === 'number') return literal()
    if (token.kind === 'text') {
      next()
      return { kind: 'text', value: token.text, start: token.start, end: token.end }
    }
    if (token.kind === 'name') return named()
    if (at('-')) {
      const { start } = next()
      const of = primary()
      const zero: Expression = { kind: 'number', value: 0, unit: 'zero', start, end: start }
      return { kind: 'arithmetic', operator: '-', left: zero, right: of, start, end: of.end }
    }
    if (!at('(')) throw unexpected('a fact, a number or a bracket')
    const { start } = next()
    const inner = condition()
    const { end } = expect(')')
    return { ...inner, start, end }
  }

  function named(): Expression {
    const token = next()
    if (token.text === 'true' || token.text === 'false') {
      return { kind: 'boolean', value: token.text === 'true', start: token.start, end: token.end }
    }
    if (['and', 'or', 'in', 'not'].includes(token.text)) {
      throw new ExpressionError(
        token.start,
        `unexpected \`${token.text}\` where a fact, a number or a bracket was expected`,
      )
    }
    if (!at('(')) return { kind: 'fact', name: token.text, start: token.start, end: token.end }
    const arity = Object.hasOwn(FUNCTIONS, token.text) ? FUNCTIONS[token.text as FunctionName] : undefined
    if (arity === undefined) {
      throw new ExpressionError(
        token.start,
        `unknown function \`${token.text}\`${didYouMean(token.text, Object.keys(FUNCTIONS))}`,
      )
    }
    next()
    const of: Expression[] = []
    do of.push(condition())
    while (at(',') && next())
    const { end } = expect(')')
    if (of.length < arity[0] || of.length > arity[1]) {
      const wanted = arity[0] === arity[1] ? String(arity[0]) : `${arity[0]} to ${arity[1]}`
      throw new ExpressionError(token.start, `\`${token.text}\` takes ${wanted} arguments, not ${of.length}`)
    }
    return { kind: 'call', name: token.text as FunctionName, of, start: token.start, end }
  }

  function literal(): Expression {
    const token = next()
    const { value, end, unit } = literalValue(token)
    const magnitude = toNumber(value)
    if (magnitude !== 0 && (magnitude > NUMBER_MAX || magnitude < NUMBER_MIN)) {
      throw new ExpressionError(
        token.start,
        `\`${token.text}\` is out of range; numbers lie between ${NUMBER_MIN} and ${NUMBER_MAX}`,
      )
    }
    if (value.numerator === 0n) return { kind: 'number', value: 0, unit: 'zero', start: token.start, end }
    return { kind: 'number', value: magnitude, unit, start: token.start, end }
  }

  function literalValue(token: Token): { value: Rational; end: number; unit: LiteralUnit } {
    const plain = token.text
    const digits = plain.replace(/[eE].*$/, '').replace(/^0\.0*|\./g, '')
    const value = plain.includes('_') || digits.length > DIGITS_MAX ? undefined : rationalFromText(plain)
    if (value === undefined)
      throw new ExpressionError(token.start, `\`${plain}\` is not a number of at most ${DIGITS_MAX} digits`)
    const suffix = peek()
    const touches = suffix.start === token.end
    if (touches && suffix.text === '%') {
      next()
      return { value: multiply(value, { numerator: 1n, denominator: 100n }), end: suffix.end, unit: RATIO }
    }
    if (touches && suffix.kind === 'name') {
      const milliseconds = DURATIONS.get(suffix.text)
      if (milliseconds === undefined) {
        throw new ExpressionError(suffix.start, noUnit(suffix.text))
      }
      next()
      return {
        value: multiply(value, { numerator: BigInt(milliseconds), denominator: 1n }),
        end: suffix.end,
        unit: DURATION,
      }
    }
    if (suffix.kind === 'name' && /^[A-Z][A-Z0-9]{2,7}$/.test(suffix.text)) {
      next()
      return { value, end: suffix.end, unit: { currency: suffix.text } }
    }
    return { value, end: token.end, unit: 'bare' }
  }

  const result = condition()
  if (peek().kind !== 'end') throw unexpected('`and`, `or` or the end')
  return result
}

/** The expressions directly inside `expression`. */
export function children(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'not':
      return [expression.of]
    case 'and':
    case 'or':
    case 'call':
      return expression.of
    case 'compare':
    case 'equal':
    case 'arithmetic':
      return [expression.left, expression.right]
    case 'in':
      return [expression.left]
    default:
      return []
  }
}

/** Visits `expression` and everything inside it, outermost first. */
export function walk(expression: Expression, visit: (node: Expression) => void): void {
  visit(expression)
  for (const child of children(expression)) walk(child, visit)
}

/** The names of the facts that `expression` reads itself, each once. */
export function factsIn(expression: Expression): Set<string> {
  const names = new Set<string>()
  walk(expression, (node) => {
    if (node.kind === 'fact') names.add(node.name)
  })
  return names
}
