/** What stays the same in the JSON of findings and facts, written once for each program. */
import { tidy, type Relation } from '../protocol/evidence.ts'
import type { Comparison } from './emit.ts'
import { RESULTS } from './facts.ts'
import type { Constitution, Fact } from './model.ts'

export interface Texts {
  /** By rule and outcome: up to the observed value. */
  readonly ruleTexts: readonly (readonly string[])[]
  /** By comparison: what comes after the observed value. */
  readonly limits: readonly LimitText[]
  /** By slot: up to the value. */
  readonly factTexts: readonly string[]
  /** By slot: what comes after the value. */
  readonly sources: readonly SourceText[]
}

/** What comes after the observed value of one comparison. Most limits are the same from one action to the next, so the last is remembered. */
export class LimitText {
  readonly #relation: string
  readonly #tail: string
  #limit = Number.NaN
  #text: string

  constructor(relation: Relation, unit: string | null) {
    this.#relation = `,"${relation}",`
    this.#tail = `,${JSON.stringify(unit)}]`
    this.#text = this.#of(this.#limit)
  }

  of(limit: number): string {
    // Of a zero the sign counts for nothing here: both are written `0`.
    if (limit !== this.#limit && (limit === limit || this.#limit === this.#limit)) {
      this.#limit = limit
      this.#text = this.#of(limit)
    }
    return this.#text
  }

  #of(limit: number): string {
    return `${this.#relation}${numberText(limit)}${this.#tail}`
  }
}

/** The source of one fact as it is written after the value. It is nearly always the same, so the last is remembered. */
export class SourceText {
  #source = ''
  #text = ',""'

  of(source: string): string {
    if (source !== this.#source) {
      this.#source = source
      this.#text = `,${JSON.stringify(source)}`
    }
    return this.#text
  }
}

/** A double as it is recorded. */
export function numberText(value: number): string {
  return value === value ? String(tidy(value)) : 'null'
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
    limits: relations.map((relation, comparison) => new LimitText(relation, unitNames[comparison] ?? null)),
    factTexts: facts.map(({ name }) => `${JSON.stringify(name)}:[`),
    sources: facts.map(() => new SourceText()),
  }
}
