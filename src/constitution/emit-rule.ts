/** Writes JavaScript for whole rules and derived facts, out of what `emit.ts` writes for their expressions. */
import type { Emitter } from './emit.ts'
import type { Expression } from './expression.ts'
import { FALSE, TRUE } from './facts.ts'
import { COLUMNS } from './group-code.ts'
import type { Fact, Rule } from './model.ts'

/** Whether a rule is one comparison and nothing before it can keep it from being reached. */
export function isSole({ condition, unless, where }: Rule, indexedBy: string | undefined): boolean {
  return condition.kind === 'compare' && unless === undefined && where.every(({ fact }) => fact === indexedBy)
}

/**
 * Emits `applies and condition and not unless` of the rule at `place` in its group into `r`; answers the first comparison of its
 * condition. A rule that is one comparison also writes its finding, on a line of its own.
 */
export function emitOutcome(rule: Rule, place: number, out: Emitter, indexedBy: string | undefined): number {
  const result = out.fresh(indexedBy === undefined ? String(TRUE) : 'w')
  let open = 0
  const narrowTo = (truth: string): void => {
    out.lines.push(`if(${truth}<${result})${result}=${truth};if(${result}!==${FALSE}){`)
    open += 1
  }
  for (const { fact, values } of rule.where)
    if (fact !== indexedBy) narrowTo(out.among(out.textSlot(fact), values))
  if (rule.unless !== undefined) {
    const exempt = out.truth(rule.unless)
    narrowTo(out.fresh(`${TRUE}-${exempt}`))
  }
  const first = out.comparisons.length
  const sole = isSole(rule, indexedBy) ? out.soleTruth(rule.condition) : undefined
  const truth = sole?.truth ?? out.truth(rule.condition)
  out.lines.push(
    `if(${truth}<${result})${result}=${truth};`,
    '}'.repeat(open),
    `r[q[${place}]]=${result};if(${result}>top)top=${result};`,
  )
  if (sole !== undefined) {
    const at = `d+${place * COLUMNS}`
    out.lines.push(
      `D[${at}]=(o+${first})*4+${result};D[${at}+1]=x=${sole.left};D[${at}+2]=y=${sole.right};if(x-x!==0||y-y!==0)k.odd.push(${at});`,
    )
  }
  return first
}

/** Emits a derived fact into its slot. */
export function emitDerived(fact: Fact, slot: number, out: Emitter): string[] {
  if (fact.origin.kind !== 'derived') return []
  const { expression } = fact.origin
  if (fact.type.kind === 'boolean') out.lines.push(`b[${slot}]=${out.truth(expression)};`)
  else {
    const { value, magnitude } = out.number(expression)
    out.lines.push(`n[${slot}]=${value};g[${slot}]=${magnitude};`)
  }
  return ['{', ...out.lines, '}']
}

/** What a condition without numbers looks at: a fact, and the value it is held against. */
export interface Look {
  readonly fact: string
  readonly limit: string | boolean | null
  /** The part of the condition that looks, and whether a `not` stands before it. */
  readonly expression: Expression
  readonly negated: boolean
}

/** All that a condition without numbers looks at, in its order. */
export function looksOf(expression: Expression, negated = false): Look[] {
  const look = (fact: string, limit: Look['limit']): Look[] => [{ fact, limit, expression, negated }]
  switch (expression.kind) {
    case 'fact':
      return look(expression.name, null)
    case 'equal':
      if (expression.left.kind !== 'fact') return []
      return look(expression.left.name, expression.right.kind === 'text' ? expression.right.value : null)
    case 'in':
      return expression.left.kind === 'fact' ? look(expression.left.name, expression.values.join(', ')) : []
    case 'not':
      return looksOf(expression.of, !negated)
    case 'and':
    case 'or':
      return expression.of.flatMap((of) => looksOf(of, negated))
    default:
      return []
  }
}
