/** Conditions of json-rules-engine that hold only when an expression is surely true, or only when it is surely false. */
import { printTree, treeOf, type Tree } from './export-tree.ts'
import type { CompareOperator, Expression } from './expression.ts'

/** The operators that leaves use. Each is false when a side is unknown, so that what is missing makes no rule fire. */
export const STRICT_OPERATORS = {
  'ephor:is': 'the fact is a known condition and equals the value, true or false',
  'ephor:textIn':
    'the fact is a known text and equals one of the listed values, or the known text that the value is',
  'ephor:textNotIn':
    'the fact is a known text and equals none of the listed values, nor the known text that the value is',
  'ephor:less': 'both are known numbers and the fact is less than the value, exactly',
  'ephor:lessOrEqual': 'both are known numbers and the fact is less than or equal to the value, exactly',
  'ephor:greater': 'both are known numbers and the fact is greater than the value, exactly',
  'ephor:greaterOrEqual':
    'both are known numbers and the fact is greater than or equal to the value, exactly',
  'ephor:multipleOf':
    'both are known numbers, the value is not zero, and the fact is a whole number of times the value, exactly',
  'ephor:notMultipleOf':
    'both are known numbers, the value is not zero, and the fact is no whole number of times the value, exactly',
} as const
export type StrictOperator = keyof typeof STRICT_OPERATORS

/** One comparison; `value` is the other side itself or the name of the fact that it is. */
export interface Leaf {
  readonly fact: string
  readonly operator: StrictOperator
  readonly value: number | boolean | readonly string[] | { readonly fact: string }
}

/** What json-rules-engine evaluates; lists are never empty. */
export type Condition = Leaf | { readonly all: Condition[] } | { readonly any: Condition[] }

/** A fact that is always true, for conditions that are constant. */
export const TRUE_FACT = 'ephor:true'

/** Gives every calculation met on the way a name as a fact; one calculation has one name. */
export type NameCalculation = (tree: Tree) => string

/** The name of a calculation as a fact; no fact of a constitution can have it. */
export function calculationName(tree: Tree): string {
  return `= ${printTree(tree)}`
}

/** The condition that holds when `expression` is surely `wanted`. */
export function surely(wanted: boolean, expression: Expression, name: NameCalculation): Condition {
  switch (expression.kind) {
    case 'boolean':
      return { fact: TRUE_FACT, operator: 'ephor:is', value: expression.value === wanted }
    case 'fact':
      return { fact: expression.name, operator: 'ephor:is', value: wanted }
    case 'not':
      return surely(!wanted, expression.of, name)
    case 'and':
    case 'or': {
      const parts = expression.of.map((of) => surely(wanted, of, name))
      return (expression.kind === 'and') === wanted ? { all: parts } : { any: parts }
    }
    case 'compare':
      return comparison(wanted, expression, name)
    case 'equal':
      return equality(wanted !== expression.negated, expression.left, expression.right, name)
    case 'in':
      return {
        fact: factOf(expression.left, name),
        operator: wanted ? 'ephor:textIn' : 'ephor:textNotIn',
        value: expression.values,
      }
    case 'call': {
      const [number, step] = expression.of
      if (expression.name !== 'multiple' || number === undefined || step === undefined) break
      return {
        fact: factOf(number, name),
        operator: wanted ? 'ephor:multipleOf' : 'ephor:notMultipleOf',
        value: sideOf(step, name),
      }
    }
    case 'number':
    case 'text':
    case 'arithmetic':
  }
  throw new Error(`\`${expression.kind}\` is no condition, which the check of types has excluded`)
}

const HOLDS: Readonly<Record<CompareOperator, StrictOperator>> = {
  '<': 'ephor:less',
  '<=': 'ephor:lessOrEqual',
  '>': 'ephor:greater',
  '>=': 'ephor:greaterOrEqual',
}
const OPPOSITE: Readonly<Record<CompareOperator, CompareOperator>> = {
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
}
const MIRRORED: Readonly<Record<CompareOperator, CompareOperator>> = {
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
}

function comparison(
  wanted: boolean,
  { operator, left, right }: Expression & { kind: 'compare' },
  name: NameCalculation,
): Leaf {
  const holding = wanted ? operator : OPPOSITE[operator]
  // A leaf begins with a fact, so a number that stands first changes sides.
  if (left.kind === 'number') {
    return { fact: factOf(right, name), operator: HOLDS[MIRRORED[holding]], value: left.value }
  }
  return { fact: factOf(left, name), operator: HOLDS[holding], value: sideOf(right, name) }
}

function equality(wanted: boolean, left: Expression, right: Expression, name: NameCalculation): Leaf {
  if (left.kind === 'text' && right.kind !== 'text') return equality(wanted, right, left, name)
  return {
    fact: factOf(left, name),
    operator: wanted ? 'ephor:textIn' : 'ephor:textNotIn',
    value: right.kind === 'text' ? [right.value] : { fact: factOf(right, name) },
  }
}

function factOf(expression: Expression, name: NameCalculation): string {
  return expression.kind === 'fact' ? expression.name : name(treeOf(expression))
}

function sideOf(expression: Expression, name: NameCalculation): number | { fact: string } {
  return expression.kind === 'number' ? expression.value : { fact: factOf(expression, name) }
}
