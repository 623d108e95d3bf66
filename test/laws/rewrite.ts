/** Rewrites every expression of a constitution: how faults are planted in what an evaluator sees. */
import type { Expression } from '../../src/constitution/expression.ts'
import type { Constitution, Fact } from '../../src/constitution/model.ts'

type Change = (node: Expression) => Expression

/** The constitution with `change` applied to every node of every rule and derived fact, innermost first. */
export function mapExpressions(constitution: Constitution, change: Change): Constitution {
  const mapFact = (fact: Fact): Fact =>
    fact.origin.kind === 'derived'
      ? { ...fact, origin: { kind: 'derived', expression: rewrite(fact.origin.expression, change) } }
      : fact
  return {
    ...constitution,
    facts: new Map([...constitution.facts].map(([name, fact]) => [name, mapFact(fact)])),
    rules: constitution.rules.map((rule) => ({
      ...rule,
      condition: rewrite(rule.condition, change),
      unless: rule.unless === undefined ? undefined : rewrite(rule.unless, change),
    })),
  }
}

function rewrite(node: Expression, change: Change): Expression {
  const inner = (of: Expression): Expression => rewrite(of, change)
  switch (node.kind) {
    case 'not':
      return change({ ...node, of: inner(node.of) })
    case 'and':
    case 'or':
    case 'call':
      return change({ ...node, of: node.of.map(inner) })
    case 'compare':
    case 'equal':
    case 'arithmetic':
      return change({ ...node, left: inner(node.left), right: inner(node.right) })
    case 'in':
      return change({ ...node, left: inner(node.left) })
    case 'fact':
    case 'number':
    case 'text':
    case 'boolean':
      return change(node)
  }
}
