/**
 * Checks what a rule says about exceptions to it. A grant bounds what is observed by a number that neither the agent nor the size of its
 * order moves; where that cannot be proved, the rule is refused.
 */
import type { Issues } from '../base/issue.ts'
import type { Draft, ReadRule } from './draft.ts'
import { factsIn, type Expression } from './expression.ts'
import { inputsOf, type Fact } from './model.ts'
import { variesWithQuantity } from './monotone.ts'
import { checkCondition, dimensionOf, type Scope } from './types.ts'

export function checkGrantable(rule: ReadRule, draft: Draft, scope: Scope, issues: Issues): void {
  const { grantable, places } = rule
  const before = issues.list.length
  if (places.notGrantable !== undefined) issues.slip(places.grantable, places.notGrantable)
  if (grantable === undefined) return
  const { observed, operator, limit, upTo } = grantable
  const at = places.upTo?.place ?? places.grantable
  const dimension = dimensionOf(observed, scope.typeOf, scope.currency)
  if (dimension === undefined) return
  if (places.upTo !== undefined)
    checkCondition(
      { kind: 'compare', operator, left: { ...observed, start: 0 }, right: upTo, start: 0, end: upTo.end },
      scope,
    )
  if (issues.list.length > before) return
  const moved = factsBehind(limit, draft).find(isMovedByAgent)
  const measured = factsBehind(observed, draft).some(
    ({ origin }) => origin.kind === 'measured' || origin.kind === 'window',
  )
  if (!measured || moved !== undefined) {
    issues.error(
      places.grantable,
      `a grant bounds what stands on the left of the comparison, and ${moved === undefined ? 'nothing there is measured' : `\`${moved.name}\` stands on the right`}; write what is observed on the left and the limit on the right`,
    )
    return
  }
  const condition = factsBehind(rule.condition, draft)
  const own = new Set(condition.map(({ name }) => name))
  for (const fact of factsBehind(upTo, draft)) {
    if (!own.has(fact.name))
      issues.error(
        at,
        `\`${fact.name}\` is not read by the rule’s own condition; \`upTo\` is made of what the rule reads`,
      )
    else if (isMovedByAgent(fact))
      issues.error(
        at,
        `\`${fact.name}\` is said by the agent, or moves with the size of its order, so it bounds nothing`,
      )
  }
}

/** Every fact that `expression` rests on. */
function factsBehind(expression: Expression, draft: Draft): Fact[] {
  const found = new Map<string, Fact>()
  const visit = (name: string): void => {
    const fact = draft.facts.get(name)
    if (fact === undefined || found.has(name)) return
    found.set(name, fact)
    for (const input of inputsOf(fact, draft.tables)) visit(input)
  }
  for (const name of factsIn(expression)) visit(name)
  return [...found.values()]
}

/** Names that the agent chooses pick a row of a table; its numbers are as large as it likes. */
function isMovedByAgent({ name, type, origin }: Fact): boolean {
  if (variesWithQuantity(name)) return true
  return origin.kind === 'measured' && origin.source === 'action' && type.kind === 'number'
}
