/** The evidence of a judgement: findings and facts as they are recorded, built or written only when asked for. */
import { quoted } from '../base/canonical-json.ts'
import type { ActionType } from '../protocol/action.ts'
import type { Evidence, RecordedFact, Trial } from '../protocol/evidence.ts'
import type { Program } from './compile.ts'
import { valueOf, type Facts } from './facts.ts'
import type { Findings } from './findings.ts'
import type { SourceText } from './texts.ts'

/** What one action came to. */
export class LiveTrial implements Trial {
  readonly #program: Program
  readonly #action: ActionType
  readonly #facts: Facts
  readonly #findings: Findings

  constructor(program: Program, action: ActionType, facts: Facts, findings: Findings) {
    this.#program = program
    this.#action = action
    this.#facts = facts
    this.#findings = findings
  }

  get findings(): Trial['findings'] {
    return this.#findings.recorded()
  }

  /** Every fact that was read for the action, with its source and age. */
  get facts(): Trial['facts'] {
    const record: Record<string, RecordedFact> = {}
    const { measured, tables } = this.#program.actions[this.#action]
    for (const { slot, fact } of [...measured, ...tables]) {
      const value = valueOf(this.#facts, slot, fact)
      const source = this.#sourceOf(slot)
      const ageMs = this.#ageOf(slot)
      record[fact.name] = ageMs === undefined ? [value, source] : [value, source, ageMs]
    }
    return record
  }

  toJSON(): Trial {
    return { findings: this.findings, facts: this.facts }
  }

  /** Its JSON, without the braces around. */
  text(): string {
    return `"findings":${this.#findings.text()},"facts":{${this.#factsText()}}`
  }

  #factsText(): string {
    const { measured, tables } = this.#program.actions[this.#action]
    const { factTexts, sources } = this.#program.texts
    let text = ''
    for (const list of [measured, tables]) {
      for (const { slot, fact } of list) {
        if (text !== '') text += ','
        text += factTexts[slot] as string
        const value = valueOf(this.#facts, slot, fact)
        text += typeof value === 'string' ? quoted(value) : String(value)
        text += (sources[slot] as SourceText).of(this.#sourceOf(slot))
        const ageMs = this.#ageOf(slot)
        text += ageMs === undefined ? ']' : `,${ageMs}]`
      }
    }
    return text
  }

  #sourceOf(slot: number): string {
    return this.#facts.readings[slot]?.source ?? 'missing'
  }

  #ageOf(slot: number): number | undefined {
    const at = this.#facts.readings[slot]?.at
    return at === undefined ? undefined : this.#facts.now - at
  }
}

/** The evidence of a verdict, as long as it is not read back from a record. */
export class LiveEvidence implements Evidence {
  readonly #decided: LiveTrial
  readonly proposed: LiveTrial | null

  constructor(decided: LiveTrial, proposed: LiveTrial | null) {
    this.#decided = decided
    this.proposed = proposed
  }

  get findings(): Trial['findings'] {
    return this.#decided.findings
  }

  get facts(): Trial['facts'] {
    return this.#decided.facts
  }

  toJSON(): Evidence {
    return { ...this.#decided.toJSON(), proposed: this.proposed?.toJSON() ?? null }
  }

  /** Its JSON, in a fraction of the time that `JSON.stringify` takes. */
  text(): string {
    return `{${this.#decided.text()},"proposed":${this.proposed === null ? 'null' : `{${this.proposed.text()}}`}}`
  }
}
