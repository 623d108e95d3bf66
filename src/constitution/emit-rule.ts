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
    `r[${place}]=${result};if(${result}>top)top=${result};`,
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

/** A comparison of texts or a truth in a condition: what it looks at, and against what. */
export interface Looked {
  readonly fact: string
  readonly limit: string | boolean | null
  readonly of: Expression
  /** Whether it speaks for the condition where it is false. */
  readonly negated: boolean
}

/** All of them in a condition, in the order in which they are written. */
export function looksOf(of: Expression, negated = false): readonly Looked[] {
  switch (of.kind) {
    case 'fact':
      return [{ fact: of.name, limit: null, of, negated }]
    case 'equal': {
      if (of.left.kind !== 'fact') return []
      return [{ fact: of.left.name, limit: of.right.kind === 'text' ? of.right.value : null, of, negated }]
    }
    case 'in':
      return of.left.kind === 'fact' ? [{ fact: of.left.name, limit: of.values.join(', '), of, negated }] : []
    case 'not':
      return looksOf(of.of, !negated)
    case 'and':
    case 'or':
      return of.of.flatMap((each) => looksOf(each, negated))
    default:
      return []
  }
}
