/** Infers the type and unit of an expression, and names what does not fit together. */
import { didYouMean } from '../base/issue.ts'
import type { Expression } from './expression.ts'
import { fxHint, literalHint, unitName, type Unit } from './unit-hints.ts'
import {
  combine,
  dimensionName,
  RATIO,
  sameDimension,
  typeName,
  type Dimension,
  type FactType,
} from './units.ts'

type ExpressionType =
  | { readonly kind: 'boolean' }
  | { readonly kind: 'text'; readonly values: readonly string[] | undefined }
  | { readonly kind: 'number'; readonly unit: Unit }

export interface Scope {
  /** The type of a fact, `undefined` when there is no such fact. */
  readonly typeOf: (name: string) => FactType | undefined
  readonly names: () => Iterable<string>
  /** Of `money`. */
  readonly currency: string
  readonly report: (offset: number, message: string) => void
}

/** Whether `expression` is a condition; reports otherwise. */
export function checkCondition(expression: Expression, scope: Scope): void {
  const type = infer(expression, scope)
  if (type !== undefined && type.kind !== 'boolean') {
    scope.report(expression.start, `this is ${describe(type)} where a condition was expected`)
  }
}

/** Whether `expression` has the type `wanted`; reports otherwise. */
export function checkType(expression: Expression, wanted: FactType, scope: Scope): void {
  const type = infer(expression, scope)
  if (type === undefined) return
  const fits =
    wanted.kind === 'number'
      ? type.kind === 'number' && unify(type.unit, wanted.dimension) !== undefined
      : type.kind === (wanted.kind === 'enum' ? 'text' : wanted.kind)
  if (!fits)
    scope.report(
      expression.start,
      `this is ${describe(type)} where ${typeName(wanted)} was declared${hint(expression, type, wanted, scope)}`,
    )
}

function infer(expression: Expression, scope: Scope): ExpressionType | undefined {
  switch (expression.kind) {
    case 'fact':
      return factType(expression.name, expression.start, scope)
    case 'number':
      return literalType(expression, scope)
    case 'text':
      return { kind: 'text', values: undefined }
    case 'boolean':
      return { kind: 'boolean' }
    case 'not':
      checkCondition(expression.of, scope)
      return { kind: 'boolean' }
    case 'and':
    case 'or':
      for (const of of expression.of) checkCondition(of, scope)
      return { kind: 'boolean' }
    case 'compare': {
      sameUnits(expression.left, expression.right, expression.operator, scope)
      return { kind: 'boolean' }
    }
    case 'equal':
      inferEqual(expression, scope)
      return { kind: 'boolean' }
    case 'in': {
      const type = infer(expression.left, scope)
      if (type?.kind === 'text')
        for (const value of expression.values) checkValue(value, type.values, expression.start, scope)
      else if (type !== undefined)
        scope.report(expression.left.start, `\`in\` compares texts, and this is ${describe(type)}`)
      return { kind: 'boolean' }
    }
    case 'arithmetic':
      return inferArithmetic(expression, scope)
    case 'call':
      return inferCall(expression, scope)
  }
}

function factType(name: string, offset: number, scope: Scope): ExpressionType | undefined {
  const type = scope.typeOf(name)
  if (type === undefined) {
    scope.report(offset, `unknown fact \`${name}\`${didYouMean(name, scope.names())}`)
    return undefined
  }
  switch (type.kind) {
    case 'number':
      return { kind: 'number', unit: type.dimension }
    case 'enum':
      return { kind: 'text', values: type.values }
    case 'text':
      return { kind: 'text', values: undefined }
    case 'boolean':
      return { kind: 'boolean' }
  }
}

function literalType(
  { unit, start }: Expression & { kind: 'number' },
  scope: Scope,
): ExpressionType | undefined {
  if (typeof unit === 'string') return { kind: 'number', unit }
  if (!('currency' in unit)) return { kind: 'number', unit }
  if (unit.currency === scope.currency) return { kind: 'number', unit: { ...RATIO, money: 1 } }
  scope.report(
    start,
    `\`${unit.currency}\` where money is ${scope.currency}; write the amount in ${scope.currency}`,
  )
  return undefined
}

function inferNumber(expression: Expression, scope: Scope): Unit | undefined {
  const type = infer(expression, scope)
  if (type === undefined) return undefined
  if (type.kind === 'number') return type.unit
  scope.report(expression.start, `this is ${describe(type)} where a number was expected`)
  return undefined
}

/** The unit that both sides share; reports and answers `undefined` when they share none. */
function sameUnits(left: Expression, right: Expression, operator: string, scope: Scope): Unit | undefined {
  const a = inferNumber(left, scope)
  const b = inferNumber(right, scope)
  if (a === undefined || b === undefined) return undefined
  const unit = unify(a, b)
  if (unit === undefined) {
    const hint =
      literalHint(left, a, b, scope.currency) ?? literalHint(right, b, a, scope.currency) ?? fxHint(a, b)
    scope.report(left.start, `\`${operator}\` between ${unitName(a)} and ${unitName(b)}${hint}`)
  }
  return unit
}

function unify(a: Unit, b: Unit): Unit | undefined {
  if (a === 'zero') return b
  if (b === 'zero') return a
  if (a === 'bare') return b === 'bare' || takesBare(b) ? b : undefined
  if (b === 'bare') return takesBare(a) ? a : undefined
  return sameDimension(a, b) ? a : undefined
}

function takesBare(unit: Dimension): boolean {
  return ['ratio', 'count'].includes(dimensionName(unit))
}

function inferEqual(expression: Expression & { kind: 'equal' }, scope: Scope): void {
  const { left, right } = expression
  const a = infer(left, scope)
  const b = infer(right, scope)
  if (a === undefined || b === undefined) return
  if (a.kind === 'number' || b.kind === 'number') {
    scope.report(
      left.start,
      '`==` and `!=` on numbers are seldom meant; compare with <=, >= or multiple(x, step)',
    )
  } else if (a.kind === 'boolean' || b.kind === 'boolean') {
    scope.report(left.start, 'a condition is not compared; write it, or `not` before it')
  } else {
    if (right.kind === 'text') checkValue(right.value, a.values, right.start, scope)
    if (left.kind === 'text') checkValue(left.value, b.values, left.start, scope)
  }
}

function checkValue(
  value: string,
  values: readonly string[] | undefined,
  offset: number,
  scope: Scope,
): void {
  if (values === undefined || values.includes(value)) return
  scope.report(offset, `\`'${value}'\` is none of [${values.join(', ')}]${didYouMean(value, values)}`)
}

function inferArithmetic(
  expression: Expression & { kind: 'arithmetic' },
  scope: Scope,
): ExpressionType | undefined {
  const { operator, left, right } = expression
  if (operator === '+' || operator === '-') {
    refuseRatioMinusOne(expression, scope)
    const unit = sameUnits(left, right, operator, scope)
    return unit && { kind: 'number', unit }
  }
  const a = inferNumber(left, scope)
  const b = inferNumber(right, scope)
  if (a === undefined || b === undefined) return undefined
  if (operator === '/' && b === 'zero') {
    scope.report(right.start, 'a division by zero is never known')
    return undefined
  }
  if (a === 'bare' && b === 'bare') return { kind: 'number', unit: 'bare' }
  return { kind: 'number', unit: combine(plain(a), plain(b), operator === '*' ? 1 : -1) }
}

function plain(unit: Unit): Dimension {
  return typeof unit === 'string' ? RATIO : unit
}

function inferCall(expression: Expression & { kind: 'call' }, scope: Scope): ExpressionType | undefined {
  const [first, second, third] = expression.of
  if (first === undefined) return undefined
  switch (expression.name) {
    case 'abs': {
      const unit = inferNumber(first, scope)
      return unit && { kind: 'number', unit }
    }
    case 'multiple':
      if (second?.kind === 'number' && second.value === 0)
        scope.report(second.start, 'a step of zero is never known')
      else if (second !== undefined) sameUnits(first, second, 'multiple', scope)
      return { kind: 'boolean' }
    case 'if': {
      checkCondition(first, scope)
      const unit = second && third && sameUnits(second, third, 'if', scope)
      return unit && { kind: 'number', unit }
    }
    case 'min':
    case 'max': {
      let unit: Unit | undefined = inferNumber(first, scope)
      for (const other of expression.of.slice(1)) {
        const here = inferNumber(other, scope)
        if (unit === undefined || here === undefined) return undefined
        const joined = unify(unit, here)
        if (joined === undefined) {
          scope.report(
            other.start,
            `\`${expression.name}\` between ${unitName(unit)} and ${unitName(here)}${literalHint(other, here, unit, scope.currency) ?? literalHint(first, unit, here, scope.currency) ?? fxHint(unit, here)}`,
          )
          return undefined
        }
        unit = joined
      }
      return unit && { kind: 'number', unit }
    }
  }
}

/** `a / b - 1` loses the last digits and is unknown where `b` is zero; the product form says the same and is exact. */
function refuseRatioMinusOne(
  { operator, left, right, start }: Expression & { kind: 'arithmetic' },
  scope: Scope,
): void {
  const divides = operator === '-' && left.kind === 'arithmetic' && left.operator === '/'
  if (divides && right.kind === 'number' && right.value === 1) {
    scope.report(
      start,
      '`a/b - 1` is written as a product: `abs(a - b) > band * b` instead of `abs(a/b - 1) > band`',
    )
  }
}

function describe(type: ExpressionType): string {
  if (type.kind === 'number') return unitName(type.unit)
  return type.kind === 'boolean' ? 'a condition' : 'a text'
}

function hint(expression: Expression, type: ExpressionType, wanted: FactType, scope: Scope): string {
  if (type.kind !== 'number' || wanted.kind !== 'number') return ''
  const { unit } = type
  return literalHint(expression, unit, wanted.dimension, scope.currency) ?? fxHint(unit, wanted.dimension)
}

/** The dimension of a numeric expression that has passed the check; literals alone count as ratios. */
export function dimensionOf(
  expression: Expression,
  typeOf: (name: string) => FactType | undefined,
  currency: string,
): Dimension | undefined {
  const unit = inferNumber(expression, { typeOf, names: () => [], currency, report: () => undefined })
  return unit === undefined ? undefined : plain(unit)
}
