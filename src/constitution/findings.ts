/** What the rules found on one action, in columns: nothing is built for a rule until somebody asks for it. */
import { toNumber } from '../base/rational.ts'
import { tidy, type RecordedFinding } from '../protocol/evidence.ts'
import type { Program, Trace } from './compile.ts'
import { COLUMNS, type Group } from './group-code.ts'
import { NOT_REACHED, type Comparison } from './emit.ts'
import { exactNumber, exactTruth } from './exact-evaluate.ts'
import { FALSE, RESULTS, TRUE, UNKNOWN, valueOf, type Facts, type Truth } from './facts.ts'
import type { Expression } from './expression.ts'
import type { Rule } from './model.ts'
import { numberText, type LimitText } from './texts.ts'

/** What one rule found. `observed` and `limit` are doubles here; reasons carry them exactly. */
export interface RuleFinding {
  readonly rule: Rule
  readonly result: 'clear' | 'breach' | 'unknown'
  readonly observed: number | string | boolean | null
  readonly limit: number | string | boolean | null
  /** The comparison that tells; −1 when none was reached. */
  readonly comparison: number
}

/** The findings of one judgement, each by its place. */
export class Findings implements Iterable<RuleFinding> {
  readonly #program: Program
  readonly #facts: Facts
  readonly #groups: (readonly number[])[] = []
  /** A plain array of doubles: typed ones live outside the heap, and their collection is felt. */
  columns: number[]
  #length = 0
  #allClear = true

  /** With room for `size` rules; for more, room is made. */
  constructor(program: Program, facts: Facts, size: number) {
    this.#program = program
    this.#facts = facts
    this.columns = doubles(size * COLUMNS)
  }

  get length(): number {
    return this.#length
  }

  /** The columns, and where in them the findings of `group` go. */
  place({ rules }: Group): number {
    const at = this.#length * COLUMNS
    const needed = at + rules.length * COLUMNS
    if (needed > this.columns.length) this.columns = [...this.columns, ...doubles(needed)]
    return at
  }

  /** Takes the findings of `group`, which was just evaluated into the columns; `top` is the worst of them. */
  take(group: Group, top: Truth): void {
    const { odd } = this.#program.scratch
    const from = this.#length * COLUMNS
    for (const place of group.composite)
      this.#takeComposite(from + place * COLUMNS, place, group.rules[place] as number)
    for (const at of odd) this.#setExactly(at, ((this.columns[at] as number) & 3) !== UNKNOWN)
    odd.length = 0
    this.#groups.push(group.rules)
    this.#length += group.rules.length
    if (top !== FALSE) this.#allClear = false
  }

  #takeComposite(at: number, place: number, index: number): void {
    const { r, T, L, R } = this.#program.scratch
    const outcome = r[place] as Truth
    const comparison = this.#telling(index, outcome)
    this.columns[at] = comparison * 4 + outcome
    if (comparison < 0) return
    this.columns[at + 1] = L[comparison] as number
    this.columns[at + 2] = R[comparison] as number
    this.#setExactly(at, T[comparison] !== UNKNOWN)
  }

  *[Symbol.iterator](): Generator<RuleFinding> {
    let place = 0
    for (const rules of this.#groups) for (const index of rules) yield this.#found(place++, index)
  }

  /** Those of rules that are not clear. */
  notClear(): RuleFinding[] {
    return this.#allClear ? [] : [...this].filter(({ result }) => result !== 'clear')
  }

  /** The findings as they are recorded, by rule. */
  recorded(): Record<string, RecordedFinding> {
    const { relations, unitNames } = this.#program
    const record: Record<string, RecordedFinding> = {}
    for (const { rule, result, observed, limit, comparison } of this) {
      record[rule.id] = [
        result,
        tidyValue(observed),
        relations[comparison] ?? null,
        tidyValue(limit),
        unitNames[comparison] ?? null,
      ]
    }
    return record
  }

  /** The same as JSON, written straight from the columns. */
  text(): string {
    const { ruleTexts, limits } = this.#program.texts
    let text = ''
    let place = 0
    for (const rules of this.#groups) {
      for (const index of rules) {
        const at = place * COLUMNS
        const code = this.columns[at] as number
        const comparison = code >> 2
        if (place > 0) text += ','
        text += (ruleTexts[index] as readonly string[])[code & 3] as string
        if (comparison >= 0) {
          text += numberText(this.columns[at + 1] as number)
          text += (limits[comparison] as LimitText).of(this.columns[at + 2] as number)
        } else {
          const { observed, limit } = this.#found(place, index)
          text += `${JSON.stringify(tidyValue(observed))},null,${JSON.stringify(tidyValue(limit))},null]`
        }
        place += 1
      }
    }
    return `{${text}}`
  }

  #found(place: number, index: number): RuleFinding {
    const { constitution, traces } = this.#program
    const rule = constitution.rules[index] as Rule
    const at = place * COLUMNS
    const code = this.columns[at] as number
    const comparison = code >> 2
    const result = RESULTS[(code & 3) as Truth]
    if (comparison >= 0) {
      const observed = numberOrNull(this.columns[at + 1] as number)
      return { rule, result, observed, limit: numberOrNull(this.columns[at + 2] as number), comparison }
    }
    const { subjects, comparisons } = traces[index] as Trace
    const subject = this.#speaking(subjects, (code & 3) as Truth)
    // A rule with numbers of which none was reached was decided before them.
    if (subject === undefined || comparisons.length > 0)
      return { rule, result, observed: null, limit: null, comparison }
    const observed = valueOf(this.#facts, subject.slot, subject.fact)
    return { rule, result, observed, limit: observed === null ? null : subject.limit, comparison }
  }

  /** The first of what a rule looks at that speaks for its outcome, else the first. */
  #speaking(subjects: Trace['subjects'], outcome: Truth): Trace['subjects'][number] | undefined {
    if (subjects.length < 2) return subjects[0]
    const speaks = ({ of, negated }: Trace['subjects'][number]): boolean =>
      exactTruth(of, this.#facts, this.#program) === (negated ? TRUE - outcome : outcome)
    return subjects.find(speaks) ?? subjects[0]
  }

  /** The first comparison that speaks for the rule's own outcome, else the first that was reached; −1 for none. */
  #telling(index: number, outcome: Truth): number {
    const { scratch, comparisons, traces } = this.#program
    let reached = -1
    for (const comparison of (traces[index] as Trace).comparisons) {
      const truth = scratch.T[comparison] as number
      const wanted = (comparisons[comparison] as Comparison).negated ? TRUE - outcome : outcome
      if (truth === wanted) return comparison
      if (truth !== NOT_REACHED && reached < 0) reached = comparison
    }
    return reached
  }

  /** Where doubles gave no number that can be written down, exact arithmetic may. */
  #setExactly(at: number, isKnown: boolean): void {
    if (Number.isFinite(this.columns[at + 1]) && Number.isFinite(this.columns[at + 2])) return
    const comparison = (this.columns[at] as number) >> 2
    const { left, right } = this.#program.comparisons[comparison] as Comparison
    const side = (double: number, of: Expression): number => {
      if (Number.isFinite(double)) return double
      const exact = isKnown ? exactNumber(of, this.#facts, this.#program) : undefined
      const number = exact === undefined ? Number.NaN : toNumber(exact)
      return Number.isFinite(number) ? number : Number.NaN
    }
    this.columns[at + 1] = side(this.columns[at + 1] as number, left)
    this.columns[at + 2] = side(this.columns[at + 2] as number, right)
  }
}

let template: number[] = []

/** Doubles to be overwritten: copying some is faster than making them. */
function doubles(length: number): number[] {
  if (template.length < length) template = Array.from({ length: length * 2 }, () => Number.NaN)
  return template.slice(0, length)
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value
}

function tidyValue<T extends number | string | boolean | null>(value: T): T {
  return typeof value === 'number' ? (tidy(value) as T) : value
}
