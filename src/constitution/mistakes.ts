/** Names what is well formed and all but surely not meant. */
import type { Issues } from '../base/issue.ts'
import type { YamlScalar } from '../base/yaml-source.ts'
import { children, type Expression } from './expression.ts'
import type { Draft, ReadFact, ReadRule } from './draft.ts'
import { nameProblem } from './names.ts'

export function checkMistakes(draft: Draft, issues: Issues): void {
  for (const rule of draft.rules) {
    checkReplace(rule, issues)
    checkWhole(rule.condition, rule.places.condition, draft, issues, false)
    // `true` alone says what it says: nothing of what the rule applies to passes.
    if (isConstant(rule.condition) && !isTrue(rule.condition))
      issues.slip(rule.places.condition.place, 'this reads no fact, so it is the same for every action')
    if (rule.unless !== undefined && rule.places.unless !== undefined) {
      checkWhole(rule.unless, rule.places.unless, draft, issues, true)
      if (isConstant(rule.unless))
        issues.slip(
          rule.places.unless.place,
          'this reads no fact, so the rule would hold for all or for nothing',
        )
    }
    if (rule.grantable !== undefined && rule.places.upTo !== undefined)
      checkShare(rule.grantable.upTo, rule.places.upTo, draft, issues)
  }
  for (const fact of draft.facts.values()) {
    if (fact.origin.kind === 'derived' && fact.places.expression !== undefined) {
      checkWhole(fact.origin.expression, fact.places.expression, draft, issues, false)
    }
  }
}

function isConstant(expression: Expression): boolean {
  return expression.kind !== 'fact' && children(expression).every((child) => isConstant(child))
}

function isTrue(expression: Expression): boolean {
  return expression.kind === 'boolean' && expression.value
}

function checkReplace(rule: ReadRule, issues: Issues): void {
  if (rule.effect === 'warn' || !rule.actions.includes('order') || rule.actions.includes('replace')) return
  issues.error(
    rule.places.actions,
    'the rule lists `order` and not `replace`: a small order could be replaced by one it forbids; list both',
  )
}

/** So many factors of the largest or smallest number a fact can have still make a double. */
const FACTORS_MAX = 16

/** A product of more factors could leave the range of doubles, where comparisons would no longer be known. */
function factors(expression: Expression, draft: Draft): number {
  if (expression.kind === 'fact') {
    const inner = derivation(draft.facts.get(expression.name))
    return inner === undefined ? 1 : factors(inner, draft)
  }
  const counts = children(expression).map((child) => factors(child, draft))
  const multiplies =
    expression.kind === 'arithmetic' && (expression.operator === '*' || expression.operator === '/')
  return multiplies ? counts.reduce((sum, count) => sum + count, 0) : Math.max(1, ...counts)
}

/** Everything that can be wrong in one expression of a rule or fact. */
function checkWhole(
  expression: Expression,
  node: YamlScalar,
  draft: Draft,
  issues: Issues,
  negated: boolean,
): void {
  if (factors(expression, draft) > FACTORS_MAX) {
    issues.error(
      node.place,
      `this multiplies more than ${FACTORS_MAX} numbers, which can leave the range in which they are exact`,
    )
  }
  checkOwnPrice(expression, node, draft, issues)
  checkExpression(expression, node, draft, issues, negated)
}

/** `negated`: whether `expression` being false is what the rule forbids, as under a `not` or in an `unless`. */
function checkExpression(
  expression: Expression,
  node: YamlScalar,
  draft: Draft,
  issues: Issues,
  negated: boolean,
): void {
  if (expression.kind === 'compare') {
    checkWindow(expression, node, draft, issues, negated)
    checkShare(expression.left, node, draft, issues)
    checkShare(expression.right, node, draft, issues)
  }
  checkTwins(expression, node, issues)
  checkNames(expression, node, draft, issues)
  const inside = expression.kind === 'not' ? !negated : negated
  for (const child of children(expression)) checkExpression(child, node, draft, issues, inside)
}

/** What is compared with itself, or chosen between it and itself, decides nothing: one of the two was meant otherwise. */
function checkTwins(expression: Expression, node: YamlScalar, issues: Issues): void {
  const sides =
    expression.kind === 'compare' || expression.kind === 'equal'
      ? [expression.left, expression.right]
      : expression.kind === 'call' && expression.name === 'if'
        ? expression.of.slice(1)
        : []
  const [first, second] = sides
  if (first === undefined || second === undefined || meaning(first) !== meaning(second)) return
  issues.slip(node.placeAt(second.start), 'this is the same as before it, so nothing is decided here')
}

/** A text that a fact is compared with, and that it can never be. */
function checkNames(expression: Expression, node: YamlScalar, draft: Draft, issues: Issues): void {
  const compared =
    expression.kind === 'in'
      ? expression.values.map((text) => [expression.left, text] as const)
      : expression.kind === 'equal'
        ? [
            [expression.left, textOf(expression.right)] as const,
            [expression.right, textOf(expression.left)] as const,
          ]
        : []
  for (const [fact, text] of compared) {
    if (fact.kind !== 'fact' || text === undefined) continue
    const problem = nameProblem(draft.facts.get(fact.name), text)
    if (problem !== undefined) issues.slip(node.placeAt(expression.start), problem)
  }
}

function textOf(expression: Expression): string | undefined {
  return expression.kind === 'text' ? expression.value : undefined
}

/** The expression without its places. */
function meaning(expression: Expression): string {
  return JSON.stringify(expression, (key, value: unknown) =>
    key === 'start' || key === 'end' ? undefined : value,
  )
}

/** A window never counts the action being judged, so `> 10` lets the eleventh through. */
function checkWindow(
  comparison: Expression & { kind: 'compare' },
  node: YamlScalar,
  draft: Draft,
  issues: Issues,
  negated: boolean,
): void {
  const { left, right, operator } = comparison
  const [above, below] = negated ? ['<=', '>='] : ['>', '<']
  const counted = operator === above ? left : operator === below ? right : undefined
  if (counted?.kind !== 'fact') return
  const origin = draft.facts.get(counted.name)?.origin
  if (origin?.kind !== 'window' || origin.function !== 'count') return
  const fix = operator.endsWith('=') ? operator.slice(0, 1) : `${operator}=`
  issues.error(
    node.placeAt(comparison.start),
    `a window never counts the action being judged, so \`${operator}\` lets one too many through; write \`${fix}\``,
  )
}

/** `2 * account.equity` is two hundred percent of it. Other units have no such slip: `10 * instrument.lot` is how ten lots are written. */
function checkShare(side: Expression, node: YamlScalar, draft: Draft, issues: Issues): void {
  if (side.kind !== 'arithmetic' || side.operator !== '*') return
  const [number, fact] = side.left.kind === 'number' ? [side.left, side.right] : [side.right, side.left]
  if (number.kind !== 'number' || fact.kind !== 'fact') return
  const { value, unit } = number
  const type = draft.facts.get(fact.name)?.type
  if (unit !== 'bare' || value < 1 || value > 100) return
  if (type?.kind !== 'number' || type.dimension.money !== 1) return
  issues.warn(
    node.placeAt(side.start),
    `this is ${value} times \`${fact.name}\`; write \`${value}%\` if a share of it was meant`,
  )
}

/** The agent names its own price, so a worth made from it is as small as the agent likes. */
function checkOwnPrice(expression: Expression, node: YamlScalar, draft: Draft, issues: Issues): void {
  const product = ownWorth(expression, draft)
  if (product === undefined) return
  issues.error(
    node.placeAt(product.start),
    'a quantity times the agent’s own price is as small as the agent likes; use the worse of `order.limitPrice` and `market.reference`, as in `max(order.limitPrice, market.reference)`',
  )
}

/** The innermost product in which the agent's price and quantity meet: what is made from it further out is the same mistake. */
function ownWorth(expression: Expression, draft: Draft): Expression | undefined {
  for (const child of children(expression)) {
    const inner = ownWorth(child, draft)
    if (inner !== undefined) return inner
  }
  if (expression.kind !== 'arithmetic' || expression.operator !== '*') return undefined
  const { left, right } = expression
  const meet =
    (ownPrice(left, draft) && ownQuantity(right, draft)) ||
    (ownQuantity(left, draft) && ownPrice(right, draft))
  return meet ? expression : undefined
}

function ownPrice(expression: Expression, draft: Draft): boolean {
  if (expression.kind === 'fact') {
    if (expression.name === 'order.limitPrice') return true
    const inner = derivation(draft.facts.get(expression.name))
    return inner !== undefined && ownPrice(inner, draft)
  }
  // The greater of the agent's price and ours is no longer the agent's to choose.
  if (expression.kind === 'call' && expression.name === 'max')
    return (
      expression.of.every((of) => of.kind === 'number' || ownPrice(of, draft)) &&
      expression.of.some((of) => ownPrice(of, draft))
    )
  return children(expression).some((child) => ownPrice(child, draft))
}

function ownQuantity(expression: Expression, draft: Draft): boolean {
  if (expression.kind === 'fact') {
    if (['order.quantity', 'transfer.amount'].includes(expression.name)) return true
    const inner = derivation(draft.facts.get(expression.name))
    return inner !== undefined && ownQuantity(inner, draft)
  }
  return children(expression).some((child) => ownQuantity(child, draft))
}

function derivation(fact: ReadFact | undefined): Expression | undefined {
  return fact?.origin.kind === 'derived' ? fact.origin.expression : undefined
}
