/**
 * Classes a rule as monotone in the order's quantity or not: whether an order it refuses is refused at every larger quantity too.
 * Then the largest quantity that passes can be found by bisection, and is the largest.
 */
import { children, walk, type Expression } from './expression.ts'
import type { Constitution, Rule } from './model.ts'
import { readColumn } from './table-read.ts'

/** How a value moves as the quantity grows, in whole lots. */
type Slope = 'constant' | 'up' | 'down' | 'unknown'
type Sign = 'positive' | 'nonnegative' | 'negative' | 'nonpositive' | 'unknown'

interface Shape {
  readonly slope: Slope
  readonly sign: Sign
}

/** Facts above zero wherever they are known: the schemas at the door see to it. */
const POSITIVE = new Set([
  'order.quantity',
  'order.limitPrice',
  'instrument.lot',
  'instrument.tick',
  'instrument.multiplier',
  'instrument.fx',
  'market.reference',
])

/** Measured facts that move with the quantity, and how. A reducing order that grows stops being one. */
const MOVING: Readonly<Record<string, Slope>> = { 'order.quantity': 'up', 'action.reducing': 'down' }

/**
 * Facts whose readings have to be taken again for another quantity. A window told apart by the quantity is not among them: it asks whether the order as
 * it was asked for came before, and a duplicate stays one however much smaller it is made.
 */
export function variesWithQuantity(name: string): boolean {
  return Object.hasOwn(MOVING, name)
}

/** Whether a denial by `rule` at some quantity is one at every larger quantity. Rules that never deny are. */
export function isRising(rule: Rule, constitution: Constitution): boolean {
  if (rule.effect === 'warn' || rule.mode === 'shadow') return true
  const exempt = rule.unless === undefined ? 'constant' : truthSlope(rule.unless, constitution, false)
  if (exempt !== 'constant' && exempt !== 'down') return false
  const exitsExempt = rule.unless?.kind === 'fact' && rule.unless.name === 'action.reducing'
  const slope = truthSlope(rule.condition, constitution, exitsExempt)
  if (slope !== 'constant' && slope !== 'up') return false
  // An unknown escalation denies where a breach only escalates; without alternatives it can't go from the one to the other.
  return rule.effect === 'forbid' || !hasAlternatives(rule.condition, constitution)
}

function hasAlternatives(expression: Expression, constitution: Constitution): boolean {
  let found = false
  walk(expression, (node) => {
    if (node.kind === 'or') found = true
    if (node.kind === 'not' && (node.of.kind === 'and' || node.of.kind === 'or')) found = true
    const origin = node.kind === 'fact' ? constitution.facts.get(node.name)?.origin : undefined
    if (origin?.kind === 'derived' && hasAlternatives(origin.expression, constitution)) found = true
  })
  return found
}

function truthSlope(expression: Expression, constitution: Constitution, exitsExempt: boolean): Slope {
  switch (expression.kind) {
    case 'fact': {
      const origin = constitution.facts.get(expression.name)?.origin
      if (origin?.kind === 'derived') return truthSlope(origin.expression, constitution, exitsExempt)
      return MOVING[expression.name] ?? 'constant'
    }
    case 'not':
      return flip(truthSlope(expression.of, constitution, exitsExempt))
    case 'and':
    case 'or':
      return expression.of.map((of) => truthSlope(of, constitution, exitsExempt)).reduce(join)
    case 'compare': {
      const left = shapeOf(expression.left, constitution, exitsExempt)
      const right = shapeOf(expression.right, constitution, exitsExempt)
      // Against zero, what is always above it never changes sides.
      if (left.sign === 'positive' && isZero(expression.right)) return 'constant'
      const difference = join(left.slope, flip(right.slope))
      return expression.operator.startsWith('>') ? difference : flip(difference)
    }
    case 'call': {
      const [value, step] = expression.of
      if (value === undefined || step === undefined) return 'unknown'
      const onGrid =
        value.kind === 'fact' &&
        value.name === 'order.quantity' &&
        step.kind === 'fact' &&
        step.name === 'instrument.lot'
      const still = expression.of.every((of) => shapeOf(of, constitution, exitsExempt).slope === 'constant')
      return onGrid || still ? 'constant' : 'unknown'
    }
    default:
      return 'constant'
  }
}

function isZero(expression: Expression): boolean {
  return expression.kind === 'number' && expression.value === 0
}

function shapeOf(expression: Expression, constitution: Constitution, exitsExempt: boolean): Shape {
  switch (expression.kind) {
    case 'number':
      return { slope: 'constant', sign: expression.value > 0 ? 'positive' : 'nonnegative' }
    case 'fact': {
      const origin = constitution.facts.get(expression.name)?.origin
      if (origin?.kind === 'derived') return shapeOf(origin.expression, constitution, exitsExempt)
      const sign = POSITIVE.has(expression.name) ? 'positive' : tableSign(expression.name, constitution)
      if (variesWithQuantity(expression.name)) return { slope: MOVING[expression.name] ?? 'unknown', sign }
      return { slope: 'constant', sign }
    }
    case 'arithmetic':
      return shapeOfArithmetic(expression, constitution, exitsExempt)
    case 'call':
      return shapeOfCall(expression, constitution, exitsExempt)
    default:
      return { slope: 'unknown', sign: 'unknown' }
  }
}

/** The sign of everything that a column of numbers holds. */
function tableSign(name: string, constitution: Constitution): Sign {
  const fact = constitution.facts.get(name)
  const table = fact?.origin.kind === 'table' ? constitution.tables.get(fact.origin.table) : undefined
  if (fact === undefined || table === undefined) return 'unknown'
  const column = readColumn(table, fact)
  if (column?.type.kind !== 'value') return 'unknown'
  const cells = table.rows.map((row) => row.cells[table.columns.indexOf(column)])
  return cells.every((cell) => typeof cell === 'number' && cell >= 0) ? 'nonnegative' : 'unknown'
}

function shapeOfArithmetic(
  expression: Expression & { kind: 'arithmetic' },
  constitution: Constitution,
  exitsExempt: boolean,
): Shape {
  const a = shapeOf(expression.left, constitution, exitsExempt)
  const b = shapeOf(expression.right, constitution, exitsExempt)
  switch (expression.operator) {
    case '+':
      return { slope: join(a.slope, b.slope), sign: addSigns(a.sign, b.sign) }
    case '-':
      return { slope: join(a.slope, flip(b.slope)), sign: addSigns(a.sign, oppositeSign(b.sign)) }
    case '*':
      return {
        slope: join(scaled(a.slope, b.sign), scaled(b.slope, a.sign)),
        sign: multiplySigns(a.sign, b.sign),
      }
    case '/':
      return {
        slope: b.slope === 'constant' ? scaled(a.slope, b.sign) : 'unknown',
        sign: multiplySigns(a.sign, b.sign),
      }
  }
}

function shapeOfCall(
  expression: Expression & { kind: 'call' },
  constitution: Constitution,
  exitsExempt: boolean,
): Shape {
  const [first] = expression.of
  if (expression.name === 'if') {
    const [condition, ...branches] = expression.of
    const still = condition !== undefined && truthSlope(condition, constitution, exitsExempt) === 'constant'
    const shapes = branches.map((of) => shapeOf(of, constitution, exitsExempt))
    return {
      slope: still ? shapes.map(({ slope }) => slope).reduce(join) : 'unknown',
      sign: commonSign(shapes),
    }
  }
  if (expression.name === 'abs' && first !== undefined) {
    const inner = shapeOf(first, constitution, exitsExempt)
    if (inner.slope === 'constant') return { slope: 'constant', sign: 'nonnegative' }
    // Where exits are exempt, what is left to judge ends on the order's own side of zero and moves away from it.
    if (exitsExempt && isPositionAfter(first)) return { slope: 'up', sign: 'nonnegative' }
    return { slope: scaled(inner.slope, inner.sign), sign: 'nonnegative' }
  }
  const shapes = expression.of.map((of) => shapeOf(of, constitution, exitsExempt))
  return { slope: shapes.map(({ slope }) => slope).reduce(join), sign: commonSign(shapes) }
}

/** Whether this is `position.quantity + order.direction * (position.open + order.quantity)`, in any order of terms. */
function isPositionAfter(expression: Expression): boolean {
  const own = splitPair(expression, '+', 'position.quantity')
  const signed = own && splitPair(own, '*', 'order.direction')
  const added = signed && splitPair(signed, '+', 'position.open')
  return added?.kind === 'fact' && added.name === 'order.quantity'
}

/** The other operand of `operator` beside the fact `name`. */
function splitPair(expression: Expression, operator: '+' | '*', name: string): Expression | undefined {
  if (expression.kind !== 'arithmetic' || expression.operator !== operator) return undefined
  const [left, right] = children(expression)
  if (left?.kind === 'fact' && left.name === name) return right
  return right?.kind === 'fact' && right.name === name ? left : undefined
}

function flip(slope: Slope): Slope {
  return slope === 'up' ? 'down' : slope === 'down' ? 'up' : slope
}

function join(a: Slope, b: Slope): Slope {
  if (a === 'constant') return b
  if (b === 'constant') return a
  return a === b ? a : 'unknown'
}

/** The slope of something multiplied by a factor of the given sign. */
function scaled(slope: Slope, sign: Sign): Slope {
  if (slope === 'constant') return 'constant'
  if (sign === 'positive' || sign === 'nonnegative') return slope
  return sign === 'unknown' ? 'unknown' : flip(slope)
}

function oppositeSign(sign: Sign): Sign {
  const opposite: Readonly<Record<Sign, Sign>> = {
    positive: 'negative',
    negative: 'positive',
    nonnegative: 'nonpositive',
    nonpositive: 'nonnegative',
    unknown: 'unknown',
  }
  return opposite[sign]
}

function addSigns(a: Sign, b: Sign): Sign {
  if (a === b) return a
  const pair = new Set([a, b])
  if (pair.has('positive') && pair.has('nonnegative')) return 'positive'
  return pair.has('negative') && pair.has('nonpositive') ? 'negative' : 'unknown'
}

function multiplySigns(a: Sign, b: Sign): Sign {
  if (a === 'unknown' || b === 'unknown') return 'unknown'
  const strict = (sign: Sign): boolean => sign === 'positive' || sign === 'negative'
  const below = (sign: Sign): boolean => sign === 'negative' || sign === 'nonpositive'
  const negative = below(a) !== below(b)
  if (strict(a) && strict(b)) return negative ? 'negative' : 'positive'
  return negative ? 'nonpositive' : 'nonnegative'
}

function commonSign(shapes: readonly Shape[]): Sign {
  const signs = new Set(shapes.map(({ sign }) => sign))
  const [only = 'unknown'] = signs
  if (signs.size === 1) return only
  const above = [...signs].every((sign) => sign === 'positive' || sign === 'nonnegative')
  return above ? 'nonnegative' : 'unknown'
}
