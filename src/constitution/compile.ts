/** The third stage: a constitution becomes one program per action type, so that cost follows the rules that apply. */
import { ACTION_TYPES, type ActionType } from '../protocol/action.ts'
import type { Relation } from '../protocol/evidence.ts'
import { Emitter, NOT_REACHED, type Comparison } from './emit.ts'
import { emitDerived, emitOutcome, looksOf, isSole, type Looked } from './emit-rule.ts'
import { exactTruth, type Slots } from './exact-evaluate.ts'
import {
  TRUE,
  copyFacts,
  blankFacts,
  FALSE,
  isKnown,
  store,
  UNKNOWN,
  type Facts,
  type Truth,
} from './facts.ts'
import { factsIn, type Expression } from './expression.ts'
import { codeMaker, withoutTrace, type Built, type Group, type Scratch } from './group-code.ts'
import { inputsOf, type Constitution, type Fact, type Read, type Rule } from './model.ts'
import { isRising, variesWithQuantity } from './monotone.ts'
import { tableReader, type TableReader } from './table-read.ts'
import { relationOf, textsOf, type Texts } from './texts.ts'
import { dimensionOf } from './types.ts'
import { displayUnit, type Dimension, type FactType } from './units.ts'

/** Rules of one compiled function, small enough for the engine's optimizer to like. */
const GROUP_MAX = 20

/** Rules that apply only for some values of one fact, found by that value. */
interface Index {
  readonly slot: number
  readonly byValue: ReadonlyMap<string, readonly Group[]>
  readonly all: readonly Group[]
}

interface ActionProgram {
  /** Rules that are not indexed. */
  readonly alwaysCount: number
  readonly always: readonly Group[]
  readonly indexes: readonly Index[]
  /** What to measure, in an order in which each table comes after its keys. */
  readonly measured: readonly { readonly slot: number; readonly fact: Fact }[]
  /** Those of them that another quantity changes. */
  readonly varying: readonly { readonly slot: number; readonly fact: Fact }[]
  /** Whether a window tells orders apart by their quantity, so that one quantity may be refused between two that pass. */
  readonly byQuantity: boolean
  readonly tables: readonly { readonly slot: number; readonly fact: Fact; readonly read: TableReader }[]
  readonly derive: Built | undefined
  /** Facts that must be there before any rule runs. */
  readonly required: readonly {
    readonly slot: number
    readonly fact: Fact
    readonly when: Expression | true
  }[]
  /** Whether all rules that apply are monotone in the quantity. */
  readonly monotone: boolean
}

/** What a rule compares, to report as observed and limit. */
export interface Trace {
  readonly comparisons: readonly number[]
  /** For a rule without numbers: the facts it looks at. */
  readonly subjects: readonly (Omit<Looked, 'fact'> & { readonly slot: number; readonly fact: Fact })[]
}

/** A compiled constitution. Immutable but for scratch space that no call leaves anything in. */
export interface Program extends Slots {
  readonly constitution: Constitution
  readonly facts: readonly Fact[]
  readonly comparisons: readonly Comparison[]
  /** Unit of each comparison's sides. */
  readonly units: readonly (Dimension | undefined)[]
  /** The same as printed. */
  readonly unitNames: readonly (string | null)[]
  /** How each comparison's sides must stand for its rule to be clear. */
  readonly relations: readonly Relation[]
  readonly texts: Texts
  readonly traces: readonly Trace[]
  readonly actions: Readonly<Record<ActionType, ActionProgram>>
  readonly scratch: Scratch
  /** Facts of which nothing is known, to copy. */
  readonly blank: Facts
}

const COMMITTED: readonly string[] = ['account.committed', 'basket.committed']

/** Compiles a checked constitution. */
export function compile(constitution: Constitution): Program {
  const facts = [...constitution.facts.values()]
  const slots = new Map(facts.map((fact, slot) => [fact.name, slot]))
  const slotOf = (name: string): number => slots.get(name) ?? assertKnown(name)
  const factOf = (name: string): Fact => constitution.facts.get(name) ?? assertKnown(name)
  const slotted = (name: string): { slot: number; fact: Fact } => ({ slot: slotOf(name), fact: factOf(name) })
  // What is committed is what each order was worth, whether or not a rule asks that of the order itself.
  const counted = neededFacts(constitution.rules, constitution).some((name) => COMMITTED.includes(name))
  const comparisons: Comparison[] = []
  const exactly = (index: number, at: Facts): Truth => {
    const comparison = comparisons[index]
    return comparison === undefined ? UNKNOWN : exactTruth(comparison.expression, at, { slotOf, factOf })
  }
  const build = codeMaker(exactly)
  const traces: Trace[] = []
  const subjectsOf = (expression: Expression): Trace['subjects'] =>
    looksOf(expression).map((looked) => ({ ...looked, ...slotted(looked.fact) }))
  const baseOf = new Map<number, number>()
  const groupsOf = (rules: readonly number[], indexedBy: string | undefined): Group[] => {
    const groups: Group[] = []
    for (let at = 0; at < rules.length; at += GROUP_MAX) {
      const part = rules.slice(at, at + GROUP_MAX)
      const constants: number[] = []
      const bodies = part.map((index, place) => {
        const rule = constitution.rules[index] as Rule
        const own: Comparison[] = []
        const out = new Emitter(slotOf, factOf, own, constants, place)
        const first = emitOutcome(rule, place, out, indexedBy)
        if (!baseOf.has(index)) {
          const base = comparisons.length
          baseOf.set(index, base)
          comparisons.push(...own)
          traces[index] = {
            comparisons: Array.from({ length: own.length - first }, (_, local) => base + first + local),
            subjects: subjectsOf(rule.condition),
          }
        }
        const reset = isSole(rule, indexedBy)
          ? []
          : own.slice(first).map((_, local) => `T[o+${first + local}]=${NOT_REACHED};`)
        return ['{', `const o=K[${place}];`, reset.join(''), ...out.lines, '}'].join('\n')
      })
      const composite = [...part.keys()].filter(
        (place) => !isSole(constitution.rules[part[place] as number] as Rule, indexedBy),
      )
      groups.push({
        rules: part,
        composite,
        traced: build(bodies),
        // The verdict alone needs no trace of what was compared.
        lean: build(bodies.map(withoutTrace)),
        c: Float64Array.from(constants),
        K: Int32Array.from(part, (index) => baseOf.get(index) ?? 0),
      })
    }
    return groups
  }
  const buildDerived = (names: readonly string[]): Built => {
    const constants: number[] = []
    const bases: number[] = []
    const bodies = names.map((name, place) => {
      const own: Comparison[] = []
      const lines = emitDerived(
        factOf(name),
        slotOf(name),
        new Emitter(slotOf, factOf, own, constants, place),
      )
      bases.push(comparisons.length)
      comparisons.push(...own)
      return `{const o=K[${place}];${lines.join('\n')}}`
    })
    return {
      code: build(bodies),
      parts: { c: Float64Array.from(constants), K: Int32Array.from(bases) },
    }
  }
  const actionProgram = (action: ActionType): ActionProgram => {
    const rules = [...constitution.rules.entries()]
      .filter(([, rule]) => rule.actions.includes(action))
      .map(([index]) => index)
    const byFact = groupByFact(rules, constitution, factOf)
    const needed = neededFacts(
      rules.map((index) => constitution.rules[index] as Rule),
      constitution,
      counted && (action === 'order' || action === 'replace') ? ['order.value'] : [],
    )
    const derived = needed.filter((name) => factOf(name).origin.kind === 'derived' && !isText(factOf(name)))
    return {
      alwaysCount: byFact.get('')?.length ?? 0,
      always: groupsOf(byFact.get('') ?? [], undefined),
      indexes: [...byFact]
        .filter(([fact]) => fact !== '')
        .map(([fact, indexed]) => indexBy(slotOf(fact), fact, indexed)),
      measured: needed.map(slotted).filter(({ fact }) => isMeasured(fact)),
      varying: needed.filter(variesWithQuantity).map(slotted),
      byQuantity: needed.some((name) => {
        const { origin } = factOf(name)
        return origin.kind === 'window' && origin.by.includes('order.quantity')
      }),
      tables: needed
        .map(slotted)
        .filter(({ fact }) => !isMeasured(fact) && (fact.origin.kind !== 'derived' || isText(fact)))
        .map(({ slot, fact }) => ({
          slot,
          fact,
          // A derived text may be a table's key and a table's text may be derived from, so they are read in one order.
          read:
            fact.origin.kind === 'derived'
              ? textReader(fact.origin.expression, slotOf)
              : tableReader(fact, constitution, slotOf),
        })),
      derive: derived.length === 0 ? undefined : buildDerived(derived),
      required: needed.flatMap((name) => {
        const fact = factOf(name)
        return fact.always === undefined ? [] : [{ slot: slotOf(name), fact, when: fact.always }]
      }),
      monotone: rules.every((index) => {
        const rule = constitution.rules[index]
        return rule === undefined || isRising(rule, constitution)
      }),
    }
  }
  const indexBy = (slot: number, fact: string, rules: readonly number[]): Index => {
    // Rules that list the same values share a group, so that a rule is compiled once however many values it lists.
    const sets = new Map<string, { values: readonly string[]; rules: number[] }>()
    for (const index of rules) {
      const values = constitution.rules[index]?.where.find((where) => where.fact === fact)?.values ?? []
      const key = values.toSorted().join('\u0000')
      const set = sets.get(key) ?? { values, rules: [] }
      set.rules.push(index)
      sets.set(key, set)
    }
    const byValue = new Map<string, Group[]>()
    const all: Group[] = []
    for (const { values, rules: same } of sets.values()) {
      const groups = groupsOf(same, fact)
      all.push(...groups)
      for (const value of new Set(values)) byValue.set(value, [...(byValue.get(value) ?? []), ...groups])
    }
    return { slot, byValue, all }
  }
  const actions = Object.fromEntries(ACTION_TYPES.map((action) => [action, actionProgram(action)])) as Record<
    ActionType,
    ActionProgram
  >
  const typeOf = (name: string): FactType | undefined => constitution.facts.get(name)?.type
  const units = comparisons.map(({ expression }) => {
    const sides = expression.kind === 'compare' ? [expression.left, expression.right] : expression.of
    const dimensions = sides.map((side) => dimensionOf(side, typeOf, constitution.currency))
    // A literal takes its unit from the other side.
    return sides[0]?.kind === 'number' ? dimensions[1] : dimensions[0]
  })
  const scratch: Scratch = {
    r: new Uint8Array(GROUP_MAX),
    T: new Uint8Array(comparisons.length),
    L: new Float64Array(comparisons.length),
    R: new Float64Array(comparisons.length),
    odd: [],
  }
  const unitNames = units.map((unit) =>
    unit === undefined ? null : displayUnit(unit, constitution.currency),
  )
  const relations = comparisons.map(relationOf)
  const blank = blankFacts(facts.length)
  return {
    constitution,
    facts,
    comparisons,
    units,
    unitNames,
    relations,
    texts: textsOf(constitution, facts, relations, unitNames),
    traces,
    actions,
    scratch,
    blank,
    slotOf,
    factOf,
  }
}

function assertKnown(name: string): never {
  throw new Error(`invariant: the fact \`${name}\` was checked to exist`)
}

function isMeasured(fact: Fact): boolean {
  return fact.origin.kind === 'measured' || fact.origin.kind === 'window'
}

function isText({ type }: Fact): boolean {
  return type.kind === 'text' || type.kind === 'enum'
}

/** Reads a derived text: a text or another fact, since nothing else makes texts. */
function textReader(expression: Expression, slotOf: (name: string) => number): TableReader {
  const source = 'derived'
  if (expression.kind === 'text') return () => ({ value: expression.value, at: undefined, source })
  if (expression.kind !== 'fact') throw new Error('invariant: a derived text was checked to be a text')
  const slot = slotOf(expression.name)
  return ({ texts }) => {
    const value = texts[slot]
    return value === undefined ? undefined : { value, at: undefined, source }
  }
}

/** Rules by the one fact they are indexed by: a text where they list one, since texts have more values than enumerations. */
function groupByFact(
  rules: readonly number[],
  constitution: Constitution,
  factOf: (name: string) => Fact,
): Map<string, number[]> {
  const groups = new Map<string, number[]>()
  for (const index of rules) {
    const where = constitution.rules[index]?.where ?? []
    const key = (where.find(({ fact }) => factOf(fact).type.kind === 'text') ?? where[0])?.fact ?? ''
    groups.set(key, [...(groups.get(key) ?? []), index])
  }
  return groups
}

/** All facts that the rules depend on, inputs before what is made from them. */
export function neededFacts(
  rules: Iterable<Rule>,
  constitution: Constitution,
  also: readonly string[] = [],
): string[] {
  const ordered = new Set<string>()
  const visit = (name: string): void => {
    const fact = constitution.facts.get(name)
    if (fact === undefined || ordered.has(name)) return
    for (const input of inputsOf(fact, constitution.tables)) visit(input)
    if (fact.always !== undefined && fact.always !== true)
      for (const guard of factsIn(fact.always)) visit(guard)
    ordered.add(name)
  }
  for (const name of also) visit(name)
  for (const rule of rules) {
    for (const name of factsIn(rule.condition)) visit(name)
    if (rule.unless !== undefined) for (const name of factsIn(rule.unless)) visit(name)
    for (const { fact } of rule.where) visit(fact)
  }
  return [...ordered]
}

/** Measures all facts that the rules on `action` read. One pass; what can't be measured stays unknown. */
export function gather(program: Program, action: ActionType, read: Read, now: number): Facts {
  const facts = copyFacts(program.blank, now)
  const { measured, tables } = program.actions[action]
  for (const { slot, fact } of measured) store(facts, slot, fact, read(fact.name))
  for (const { slot, fact, read: readTable } of tables) store(facts, slot, fact, readTable(facts))
  derive(program, action, facts)
  return facts
}

/**
 * A copy of facts in which the quantity can be changed again and again: each call measures anew, by `read`, only what the quantity
 * changes.
 */
export function varying(program: Program, action: ActionType, facts: Facts): (read: Read) => Facts {
  const copy = copyFacts(facts, facts.now)
  return (read) => {
    for (const { slot, fact } of program.actions[action].varying) store(copy, slot, fact, read(fact.name))
    derive(program, action, copy)
    return copy
  }
}

const NO_COLUMNS: number[] = []

/** Works out the derived facts. */
function derive(program: Program, action: ActionType, facts: Facts): void {
  const { derive: built } = program.actions[action]
  if (built === undefined) return
  const { numbers, texts, truths, magnitudes } = facts
  built.code(facts, numbers, texts, truths, magnitudes, program.scratch, built.parts, TRUE, NO_COLUMNS, 0)
}

/** Names of facts that must be known before any rule on `action` runs, and are not. */
export function missingRequired(program: Program, action: ActionType, facts: Facts): string[] {
  const missing: string[] = []
  for (const { slot, fact, when } of program.actions[action].required) {
    if (isKnown(facts, slot, fact)) continue
    if (when === true || exactTruth(when, facts, program) !== FALSE) missing.push(fact.name)
  }
  return missing
}
