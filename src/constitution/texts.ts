/** What stays the same in the JSON of findings and facts, written once for each program. */
import type { Relation } from '../protocol/evidence.ts'
import type { Comparison } from './emit.ts'
import { RESULTS } from './findings.ts'
import type { Constitution, Fact } from './model.ts'

export interface Texts {
  /** By rule and outcome: up to the observed value. */
  readonly ruleTexts: readonly (readonly string[])[]
  /** By comparison: between observed value and limit. */
  readonly relationTexts: readonly string[]
  /** By comparison: after the limit. */
  readonly tailTexts: readonly string[]
  /** By slot: up to the value. */
  readonly factTexts: readonly string[]
}

/** How the left side of a comparison must stand to the right one where the rule is clear. */
export function relationOf({ expression, negated }: Comparison): Relation {
  if (expression.kind === 'call') return 'multiple of'
  const { operator } = expression
  return negated ? operator : OPPOSITES[operator]
}

const OPPOSITES = { '>': '<=', '>=': '<', '<': '>=', '<=': '>' } as const

export function textsOf(
  { rules }: Constitution,
  facts: readonly Fact[],
  relations: readonly Relation[],
  unitNames: readonly (string | null)[],
): Texts {
  return {
    ruleTexts: rules.map(({ id }) => RESULTS.map((result) => `${JSON.stringify(id)}:["${result}",`)),
    relationTexts: relations.map((relation) => `,"${relation}",`),
    tailTexts: unitNames.map((unit) => `,${JSON.stringify(unit)}]`),
    factTexts: facts.map(({ name }) => `${JSON.stringify(name)}:[`),
  }
}
