/**
 * Evaluates expressions in exact fractions. The compiled code asks this only where doubles are too close to tell, and reports
 * use it for the figures they print.
 */
import { isMultiple } from '../base/rational.ts'
import * as exact from '../base/rational.ts'
import type { Expression } from './expression.ts'
import { FALSE, TRUE, UNKNOWN, type Facts, type Truth } from './facts.ts'
import type { Fact } from './model.ts'

/** Where the facts of an expression stand. */
export interface Slots {
  readonly slotOf: (name: string) => number
  readonly factOf: (name: string) => Fact
}

/** The value of a numeric expression; `undefined` when it is unknown. */
export function exactNumber(expression: Expression, facts: Facts, slots: Slots): exact.Rational | undefined {
  switch (expression.kind) {
    case 'number':
      return exact.rational(expression.value)
    case 'fact': {
      const { origin } = slots.factOf(expression.name)
      if (origin.kind === 'derived') return exactNumber(origin.expression, facts, slots)
      const value = facts.numbers[slots.slotOf(expression.name)] ?? Number.NaN
      return Number.isNaN(value) ? undefined : exact.rational(value)
    }
    case 'arithmetic': {
      const left = exactNumber(expression.left, facts, slots)
      const right = exactNumber(expression.right, facts, slots)
      return left && right && OPERATIONS[expression.operator](left, right)
    }
    case 'call':
      return exactCall(expression, facts, slots)
    default:
      return undefined
  }
}

const OPERATIONS = { '+': exact.add, '-': exact.subtract, '*': exact.multiply, '/': exact.divide } as const

function exactCall(
  expression: Expression & { kind: 'call' },
  facts: Facts,
  slots: Slots,
): exact.Rational | undefined {
  if (expression.name === 'if') {
    const [condition, yes, no] = expression.of
    if (condition === undefined || yes === undefined || no === undefined) return undefined
    const truth = exactTruth(condition, facts, slots)
    return truth === UNKNOWN ? undefined : exactNumber(truth === TRUE ? yes : no, facts, slots)
  }
  const values = expression.of.map((of) => exactNumber(of, facts, slots))
  let best = values[0]
  for (const value of values) {
    if (value === undefined || best === undefined) return undefined
    const order = exact.compare(value, best)
    if ((expression.name === 'min' && order < 0) || (expression.name === 'max' && order > 0)) best = value
  }
  return expression.name === 'abs' && best !== undefined && best.numerator < 0n ? exact.negate(best) : best
}

/** The truth of a condition. */
export function exactTruth(expression: Expression, facts: Facts, slots: Slots): Truth {
  switch (expression.kind) {
    case 'boolean':
      return expression.value ? TRUE : FALSE
    case 'fact': {
      const { origin } = slots.factOf(expression.name)
      if (origin.kind === 'derived') return exactTruth(origin.expression, facts, slots)
      return facts.truths[slots.slotOf(expression.name)] as Truth
    }
    case 'not':
      return (TRUE - exactTruth(expression.of, facts, slots)) as Truth
    case 'and':
      return Math.min(...expression.of.map((of) => exactTruth(of, facts, slots))) as Truth
    case 'or':
      return Math.max(...expression.of.map((of) => exactTruth(of, facts, slots))) as Truth
    case 'compare': {
      const left = exactNumber(expression.left, facts, slots)
      const right = exactNumber(expression.right, facts, slots)
      if (left === undefined || right === undefined) return UNKNOWN
      return holds(expression.operator, exact.compare(left, right)) ? TRUE : FALSE
    }
    case 'equal': {
      const left = text(expression.left, facts, slots)
      const right = text(expression.right, facts, slots)
      if (left === undefined || right === undefined) return UNKNOWN
      return (left === right) === expression.negated ? FALSE : TRUE
    }
    case 'in': {
      const left = text(expression.left, facts, slots)
      if (left === undefined) return UNKNOWN
      return expression.values.includes(left) ? TRUE : FALSE
    }
    case 'call': {
      const [value, step] = expression.of.map((of) => exactNumber(of, facts, slots))
      const whole = value && step && isMultiple(value, step)
      return whole === undefined ? UNKNOWN : whole ? TRUE : FALSE
    }
    default:
      return UNKNOWN
  }
}

function holds(operator: '<' | '<=' | '>' | '>=', order: -1 | 0 | 1): boolean {
  switch (operator) {
    case '<':
      return order < 0
    case '<=':
      return order <= 0
    case '>':
      return order > 0
    case '>=':
      return order >= 0
  }
}

function text(expression: Expression, facts: Facts, slots: Slots): string | undefined {
  if (expression.kind === 'text') return expression.value
  return expression.kind === 'fact' ? facts.texts[slots.slotOf(expression.name)] : undefined
}
