/**
 * Law 9: a second, independently written evaluator agrees, and a third; unknowns included.
 *
 * Compiled code, json-rules-engine and the naive interpreter share the parser and the clock of sessions, and nothing else.
 */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { exportRules } from '../../src/constitution/export.ts'
import type { Constitution, Fact } from '../../src/constitution/model.ts'
import { runExport } from '../../src/constitution/reference.ts'
import { agreement } from './agreement.ts'
import { DOUBLES, FRACTIONS, type Arithmetic } from './arithmetic.ts'
import { draft } from './arbitrary.ts'
import { actionOf, readOf, world, type World } from './arbitrary-world.ts'
import {
  compiled,
  missingIsFalse,
  missingIsZero,
  naive,
  reference,
  tampered,
  type Evaluator,
  type Tamper,
} from './evaluators.ts'
import { hold, isBroken, load, WORLDS } from './law.ts'
import { judgeNaively, judgeWith } from './naive.ts'
import { mapExpressions } from './rewrite.ts'

const scenario = fc.record({
  draft,
  worlds: fc.array(world, { minLength: WORLDS, maxLength: WORLDS }),
})
interface Scenario {
  readonly draft: typeof draft extends fc.Arbitrary<infer T> ? T : never
  readonly worlds: readonly World[]
}

test('compiled code, json-rules-engine and the naive interpreter agree', async () => {
  const { seen } = await hold(
    'agreement',
    scenario,
    agreement({ naive, compiled, reference }, ({ draft: given }: Scenario) => load(given)),
  )
  // The generators must reach each outcome often, or agreement would say little.
  for (const result of ['clear', 'breach', 'unknown']) expect(seen.get(result)).toBeGreaterThan(1000)
})

test('many comparisons are exactly at their limit', () => {
  let compared = 0
  let tied = 0
  const counting: Arithmetic<ReturnType<typeof FRACTIONS.of>> = {
    ...FRACTIONS,
    compare(a, b) {
      const order = FRACTIONS.compare(a, b)
      compared += 1
      if (order === 0) tied += 1
      return order
    },
  }
  for (const { draft: given, worlds } of fc.sample(scenario, 100)) {
    let constitution: Constitution
    try {
      constitution = load(given)
    } catch {
      continue
    }
    for (const each of worlds)
      judgeWith(counting, constitution, actionOf(each, constitution), readOf(each), each.now)
  }
  expect(compared).toBeGreaterThan(1000)
  expect(tied / compared).toBeGreaterThan(0.05)
})

/** The naive evaluator over a constitution that was tampered with. */
function over(tamper: (constitution: Constitution) => Constitution): Evaluator {
  return (constitution) => naive(tamper(constitution))
}

/** The naive evaluator over readings that were tampered with. */
function reading(tamper: Tamper): Evaluator {
  return (constitution) => (action, read, now) =>
    judgeNaively(constitution, action, tampered(tamper, constitution, read, now), now)
}

const withFacts =
  (change: (fact: Fact) => Fact) =>
  (constitution: Constitution): Constitution => ({
    ...constitution,
    facts: new Map([...constitution.facts].map(([name, fact]) => [name, change(fact)])),
  })

const FAULTS: Readonly<Record<string, Evaluator>> = {
  'an unknown condition reads as false': reading(missingIsFalse),
  'a missing number reads as zero': reading(missingIsZero),
  'what is no number is converted to one': reading((read, { name, type }) => {
    const found = read(name)
    const convert = type.kind === 'number' && found !== undefined
    return convert ? { ...found, value: Number(found.value) } : found
  }),
  'not a number reads as zero': reading((read, { name }) => {
    const found = read(name)
    return Number.isNaN(found?.value) && found !== undefined ? { ...found, value: 0 } : found
  }),
  'a value outside its enumeration is taken': over(
    withFacts((fact) => (fact.type.kind === 'enum' ? { ...fact, type: { kind: 'text' } } : fact)),
  ),
  'what is stale counts as fresh': over(withFacts((fact) => ({ ...fact, maxAge: undefined }))),
  'what is exactly as old as allowed counts as stale': over(
    withFacts((fact) => (fact.maxAge === undefined ? fact : { ...fact, maxAge: fact.maxAge - 1 })),
  ),
  'more than is taken for at least': over((constitution) =>
    mapExpressions(constitution, (node) =>
      node.kind === 'compare' && node.operator === '>' ? { ...node, operator: '>=' } : node,
    ),
  ),
  'all is taken for any': over((constitution) =>
    mapExpressions(constitution, (node) => (node.kind === 'and' ? { ...node, kind: 'or' } : node)),
  ),
  'not is left out': over((constitution) =>
    mapExpressions(constitution, (node) => (node.kind === 'not' ? node.of : node)),
  ),
  'if ignores its condition': over((constitution) =>
    mapExpressions(constitution, (node) =>
      node.kind === 'call' && node.name === 'if' ? (node.of[1] ?? node) : node,
    ),
  ),
  'floating point': (constitution) => (action, read, now) =>
    judgeWith(DOUBLES, constitution, action, read, now),
  'a quotient by zero is zero': (constitution) => (action, read, now) =>
    judgeWith(
      { ...FRACTIONS, divide: (a, b) => FRACTIONS.divide(a, b) ?? FRACTIONS.of(0) },
      constitution,
      action,
      read,
      now,
    ),
  'a multiple of zero is none': (constitution) => (action, read, now) =>
    judgeWith(
      { ...FRACTIONS, isMultiple: (a, b) => FRACTIONS.isMultiple(a, b) ?? false },
      constitution,
      action,
      read,
      now,
    ),
  'the first row that matches wins': over((constitution) => ({
    ...constitution,
    tables: new Map(
      [...constitution.tables].map(([name, table]) => [
        name,
        {
          ...table,
          rows: table.rows
            .toSorted((a, b) => (a.keys.includes('*') && !b.keys.includes('*') ? -1 : 1))
            .slice(0, 1),
        },
      ]),
    ),
  })),
  'an exception is ignored': over((constitution) => ({
    ...constitution,
    rules: constitution.rules.map((rule) => ({ ...rule, unless: undefined })),
  })),
  'values that a rule applies to are ignored': over((constitution) => ({
    ...constitution,
    rules: constitution.rules.map((rule) => ({ ...rule, where: [] })),
  })),
  'the export leaves out when a rule is clear': (constitution) => {
    const exported = exportRules(constitution)
    const rules = exported.rules.map((rule) =>
      'any' in rule.conditions ? { ...rule, conditions: { any: rule.conditions.any.slice(0, -1) } } : rule,
    )
    const judge = runExport({ ...exported, rules })
    return (action, read, now) => judge.judge(action, read, now)
  },
  'a forbid is dropped': (constitution) => (action, read, now) => {
    const dropped = constitution.rules.find(({ effect }) => effect === 'forbid')
    const results = judgeNaively(constitution, action, read, now)
    return new Map([...results].map(([id, result]) => [id, id === dropped?.id ? 'clear' : result]))
  },
}

describe('a planted fault breaks the agreement', () => {
  test.each(Object.entries(FAULTS))('%s', async (name, fault) => {
    expect(
      await isBroken(
        name,
        scenario,
        agreement({ naive, fault }, ({ draft: given }: Scenario) => load(given)),
      ),
    ).toBe(true)
  })
})
