/**
 * Interprets a rule over sets of outcomes: which of false, unknown and true can come out when a given set of facts is missing.
 */
import { walk, type Expression } from './expression.ts'
import { countsItself, inputsOf } from './model.ts'
import type { Draft, ReadFact, ReadRule } from './draft.ts'

/** Sets of truth values, as bits. */
const FALSE = 1
export const UNKNOWN = 2
const TRUE = 4
const EITHER = FALSE | TRUE
const TRUTHS = [FALSE, UNKNOWN, TRUE] as const

/** Sets of whether a value is there, as bits. */
const KNOWN = 1
const MISSING = 2

/** More combinations than this are not enumerated; the rule is refused as too intricate. */
export const COMBINATIONS_MAX = 4096

export type Assignment = ReadonlyMap<string, string | boolean>

/** In which world a rule is interpreted. */
export interface World {
  readonly draft: Draft
  readonly assignment: Assignment
  /** Whether facts that are not `always` there are taken as missing. */
  readonly dark: boolean
  /** Whether it is a cancel that must get through: one of an instrument nobody described, too. */
  readonly cancel: boolean
  /** Facts that are missing whatever else is there. */
  readonly absent: ReadonlySet<string>
  /** Facts found missing on the way. */
  readonly missed: Set<string>
}

/** Whether the fact is known only of instruments that a feeder has described. */
export function isDescribed(fact: ReadFact | undefined): boolean {
  return fact?.origin.kind === 'measured' && fact.origin.source === 'market'
}

/** All combinations of the enumerations and flags that are always known and that the rule depends on. */
export function enumerate(rule: ReadRule, draft: Draft): readonly Assignment[] | undefined {
  const names = new Set<string>()
  const visit = (name: string): void => {
    const fact = draft.facts.get(name)
    if (fact === undefined || names.has(name)) return
    const { type, always } = fact
    if (name === 'action.reducing' || (always === true && (type.kind === 'enum' || type.kind === 'boolean')))
      names.add(name)
    if (always !== undefined && always !== true) visitExpression(always)
    for (const input of inputsOf(fact, draft.tables)) visit(input)
  }
  const visitExpression = (expression: Expression): void =>
    walk(expression, (node) => {
      if (node.kind === 'fact') visit(node.name)
    })
  visitExpression(rule.condition)
  if (rule.unless !== undefined) visitExpression(rule.unless)
  for (const { fact } of rule.where) visit(fact)
  let assignments: readonly Assignment[] = [new Map()]
  for (const name of names) {
    const type = draft.facts.get(name)?.type
    const values = type?.kind === 'enum' ? type.values : [true, false]
    if (assignments.length * values.length > COMBINATIONS_MAX) return undefined
    assignments = expand(assignments, name, values)
  }
  return assignments
}

/** Each of `assignments` with each of `values` for the fact `name`. */
export function expand(
  assignments: readonly Assignment[],
  name: string,
  values: readonly (string | boolean)[],
): Assignment[] {
  return assignments.flatMap((assignment) => values.map((value) => new Map(assignment).set(name, value)))
}

/** Which outcomes `applies and condition and not unless` can have. */
export function outcome(rule: ReadRule, world: World): number {
  let truths = TRUE
  for (const { fact, values } of rule.where) {
    const known = world.assignment.get(fact)
    if (known !== undefined) truths = both(truths, values.includes(String(known)) ? TRUE : FALSE)
    else truths = both(truths, truthsOf(valueOf(fact, world)))
  }
  // What can't be reached can't be missed.
  if (truths === FALSE) return FALSE
  if (rule.unless !== undefined) truths = both(truths, negated(truth(rule.unless, world)))
  return truths === FALSE ? FALSE : both(truths, truth(rule.condition, world))
}

function truth(expression: Expression, world: World): number {
  switch (expression.kind) {
    case 'boolean':
      return expression.value ? TRUE : FALSE
    case 'fact': {
      const known = world.assignment.get(expression.name)
      if (known !== undefined) return known === true ? TRUE : FALSE
      const fact = world.draft.facts.get(expression.name)
      if (fact?.origin.kind === 'derived') return truth(fact.origin.expression, world)
      return truthsOf(valueOf(expression.name, world))
    }
    case 'not':
      return negated(truth(expression.of, world))
    case 'and':
    case 'or': {
      const stop = expression.kind === 'and' ? FALSE : TRUE
      let truths: number = expression.kind === 'and' ? TRUE : FALSE
      for (const of of expression.of) {
        truths = expression.kind === 'and' ? both(truths, truth(of, world)) : either(truths, truth(of, world))
        if (truths === stop) break
      }
      return truths
    }
    case 'equal':
    case 'in':
      return equality(expression, world)
    case 'compare':
      return truthsOf(value(expression.left, world) | value(expression.right, world))
    case 'call':
      return truthsOf(expression.of.reduce((mask, of) => mask | value(of, world), KNOWN))
    default:
      return EITHER
  }
}

function equality(expression: Expression & { kind: 'equal' | 'in' }, world: World): number {
  const left = expression.left.kind === 'fact' ? world.assignment.get(expression.left.name) : undefined
  if (expression.kind === 'in') {
    if (left === undefined) return truthsOf(value(expression.left, world))
    return expression.values.includes(String(left)) ? TRUE : FALSE
  }
  if (left !== undefined && expression.right.kind === 'text') {
    return (left === expression.right.value) !== expression.negated ? TRUE : FALSE
  }
  return truthsOf(value(expression.left, world) | value(expression.right, world))
}

/** Whether the value of a number or text can be known, missing or both. */
function value(expression: Expression, world: World): number {
  switch (expression.kind) {
    case 'fact':
      return valueOf(expression.name, world)
    case 'arithmetic': {
      const mask = value(expression.left, world) | value(expression.right, world)
      // A divisor that may be zero makes the quotient unknown; only in the dark does that matter.
      return expression.operator === '/' && expression.right.kind !== 'number' && world.dark
        ? mask | MISSING
        : mask
    }
    case 'call': {
      if (expression.name !== 'if') return expression.of.reduce((mask, of) => mask | value(of, world), KNOWN)
      const [condition, yes, no] = expression.of
      if (condition === undefined || yes === undefined || no === undefined) return MISSING
      const truths = truth(condition, world)
      let mask = (truths & UNKNOWN) === 0 ? 0 : MISSING
      if ((truths & TRUE) !== 0) mask |= value(yes, world)
      if ((truths & FALSE) !== 0) mask |= value(no, world)
      return mask
    }
    default:
      return KNOWN
  }
}

function valueOf(name: string, world: World): number {
  const fact = world.draft.facts.get(name)
  if (fact === undefined) return MISSING
  if (fact.origin.kind === 'derived') return value(fact.origin.expression, world)
  const mask = world.absent.has(name) ? MISSING : presence(fact, world)
  if ((mask & MISSING) !== 0) world.missed.add(name)
  return mask
}

function presence(fact: ReadFact, world: World): number {
  const { origin, always } = fact
  if (countsItself(origin)) return KNOWN
  if (always === true) return world.cancel && isDescribed(fact) ? MISSING : KNOWN
  if (always !== undefined) {
    const truths = truth(always, world)
    if (truths === TRUE) return KNOWN
    return truths === FALSE ? MISSING : KNOWN | MISSING
  }
  if (!world.dark) return KNOWN
  const exists = origin.kind === 'table' && fact.type.kind === 'boolean' && origin.column === undefined
  if (!exists) return MISSING
  return [...inputsOf(fact, world.draft.tables)].reduce((mask, key) => mask | valueOf(key, world), KNOWN)
}

function truthsOf(mask: number): number {
  return ((mask & KNOWN) === 0 ? 0 : EITHER) | ((mask & MISSING) === 0 ? 0 : UNKNOWN)
}

function negated(truths: number): number {
  return ((truths & TRUE) === 0 ? 0 : FALSE) | ((truths & FALSE) === 0 ? 0 : TRUE) | (truths & UNKNOWN)
}

/** Kleene's `and`, over sets: the lesser of each pair. */
function both(a: number, b: number): number {
  return pairs(a, b, (x, y) => Math.min(x, y))
}

/** Kleene's `or`, over sets: the greater of each pair. */
function either(a: number, b: number): number {
  return pairs(a, b, (x, y) => Math.max(x, y))
}

function pairs(a: number, b: number, pick: (x: number, y: number) => number): number {
  let result = 0
  for (const x of TRUTHS) for (const y of TRUTHS) if ((a & x) !== 0 && (b & y) !== 0) result |= pick(x, y)
  return result
}
