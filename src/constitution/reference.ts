/**
 * The second evaluator: runs the exported rules in json-rules-engine, so that two independently written programs judge by one law.
 *
 * It shares with the first only the parsed constitution and the clock of sessions; logic, row choice and arithmetic are its own.
 */
import { Fraction } from 'fraction.js'
import { Engine } from 'json-rules-engine'
import type { ActionType } from '../protocol/action.ts'
import { ACTION_FACT, exportRules, type ExportedRule, type ExportedRules } from './export.ts'
import type { Condition, StrictOperator } from './export-condition.ts'
import type { Constitution, Read } from './model.ts'
import { fractionOf, isWholeNumberOf, Values, vocabularyOf, type Vocabulary } from './reference-values.ts'

export type ReferenceResult = 'clear' | 'breach' | 'unknown'

export interface Reference {
  /**
   * The result of each rule that lists `action`, by its id. `now` is in milliseconds since 1970, UTC.
   * Rejects when a rule comes out both breached and clear, which no readings can bring about.
   */
  judge(action: ActionType, read: Read, now: number): Promise<ReadonlyMap<string, ReferenceResult>>
}

/** The second evaluator of `constitution`. */
export function createReference(constitution: Constitution): Reference {
  return runExport(exportRules(constitution))
}

/** Runs an export, also one that comes from a file: it needs nothing but what the export says. */
export function runExport(exported: ExportedRules): Reference {
  const vocabulary = vocabularyOf(exported)
  const judges = new Map<ActionType, ActionJudge>()
  return {
    async judge(action, read, now) {
      const judge = judges.get(action) ?? new ActionJudge(action, exported, vocabulary)
      judges.set(action, judge)
      return judge.judge(read, now)
    },
  }
}

/** One engine with the rules that list one action. */
class ActionJudge {
  readonly #vocabulary: Vocabulary
  readonly #rules: readonly ExportedRule[]
  readonly #facts: readonly string[]
  readonly #engine: Engine
  /** Of the run that is under way. */
  #values: Values | undefined
  /** An engine that finishes one run stops every other under way, so runs wait for each other here. */
  #previous: Promise<unknown> = Promise.resolve()

  constructor(action: ActionType, exported: ExportedRules, vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary
    this.#rules = exported.rules.filter((rule) => rule.event.params.actions.includes(action))
    this.#facts = [...new Set(this.#rules.flatMap((rule) => factsOfCondition(rule.conditions)))]
    this.#engine = new Engine()
    for (const [name, holdsSurely] of Object.entries(OPERATORS)) this.#engine.addOperator(name, holdsSurely)
    // What a rule is about is looked up by its name: the engine would copy and resolve all of it in each run.
    for (const { name, conditions, event } of this.#rules)
      this.#engine.addRule({ name, conditions, event: { type: event.type } })
    // `Values` computes each fact once; the engine would hash its name each time to keep it once more.
    for (const name of this.#facts) {
      const valueOf = name === ACTION_FACT ? () => action : () => this.#values?.of(name)
      this.#engine.addFact(name, valueOf, { cache: false })
    }
  }

  judge(read: Read, now: number): Promise<ReadonlyMap<string, ReferenceResult>> {
    const run = this.#previous.then(() => this.#run(read, now))
    this.#previous = run.catch(() => undefined)
    return run
  }

  async #run(read: Read, now: number): Promise<ReadonlyMap<string, ReferenceResult>> {
    this.#values = new Values(this.#vocabulary, read, now)
    const { results, failureResults } = await this.#engine.run()
    if (results.length + failureResults.length !== this.#rules.length)
      throw new Error(
        `json-rules-engine ran ${results.length + failureResults.length} rules of ${this.#rules.length}`,
      )
    const fired = new Set(results.map((result) => result.name))
    const outcome = new Map<string, ReferenceResult>()
    for (const { event } of this.#rules) {
      const { rule } = event.params
      const breach = fired.has(`${rule}/breach`)
      const clear = fired.has(`${rule}/clear`)
      // INVARIANT: what is surely true is not surely false.
      if (breach && clear) throw new Error(`the rule \`${rule}\` came out both breached and clear`)
      outcome.set(rule, breach ? 'breach' : clear ? 'clear' : 'unknown')
    }
    return outcome
  }
}

function factsOfCondition(condition: Condition): string[] {
  if ('all' in condition) return condition.all.flatMap(factsOfCondition)
  if ('any' in condition) return condition.any.flatMap(factsOfCondition)
  const { fact, value } = condition
  return typeof value === 'object' && 'fact' in value ? [fact, value.fact] : [fact]
}

/** Each takes anything for its sides and is true only when both are known and it surely holds. */
const OPERATORS: Readonly<Record<StrictOperator, (fact: unknown, value: unknown) => boolean>> = {
  'ephor:is': (fact, value) => typeof fact === 'boolean' && fact === value,
  'ephor:textIn': (fact, value) => textIsIn(fact, value) === true,
  'ephor:textNotIn': (fact, value) => textIsIn(fact, value) === false,
  'ephor:less': (fact, value) => holds(fact, value, (order) => order < 0),
  'ephor:lessOrEqual': (fact, value) => holds(fact, value, (order) => order <= 0),
  'ephor:greater': (fact, value) => holds(fact, value, (order) => order > 0),
  'ephor:greaterOrEqual': (fact, value) => holds(fact, value, (order) => order >= 0),
  'ephor:multipleOf': (fact, value) => isMultiple(fact, value) === true,
  'ephor:notMultipleOf': (fact, value) => isMultiple(fact, value) === false,
}

/** Whether the text `fact` is `value`, or one of its texts when it is a list; `undefined` when a side is no text. */
function textIsIn(fact: unknown, value: unknown): boolean | undefined {
  if (typeof fact !== 'string') return undefined
  if (Array.isArray(value)) return value.includes(fact)
  return typeof value === 'string' ? fact === value : undefined
}

function holds(fact: unknown, value: unknown, test: (order: number) => boolean): boolean {
  const left = numberOf(fact)
  const right = numberOf(value)
  return left !== undefined && right !== undefined && test(left.compare(right))
}

function isMultiple(fact: unknown, value: unknown): boolean | undefined {
  const number = numberOf(fact)
  const step = numberOf(value)
  return number === undefined || step === undefined ? undefined : isWholeNumberOf(number, step)
}

/** Facts come as fractions, and the numbers that stand in rules as JSON numbers. */
function numberOf(side: unknown): Fraction | undefined {
  if (side instanceof Fraction) return side
  return typeof side === 'number' && Number.isFinite(side) ? fractionOf(side) : undefined
}
