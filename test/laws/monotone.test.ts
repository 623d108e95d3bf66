/** Law 2, unknown never helps; one more hard rule never helps either; and judging is pure. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Reading } from '../../src/constitution/model.ts'
import { draft, rule, type Draft, type PlainRule } from './arbitrary.ts'
import { actionOf, readOf, without, world, type World } from './arbitrary-world.ts'
import {
  compiledWhole,
  missingIsFalse,
  missingIsZero,
  tampered,
  type Tamper,
  type Whole,
  type WholeEvaluator,
} from './evaluators.ts'
import { hold, isBroken, LawBroken, load, WORLDS, type Law, type Tally } from './law.ts'

const worlds = fc.array(world, { minLength: WORLDS, maxLength: WORLDS })
const RANK = { allow: 0, pending: 1, deny: 2 } as const

function count(tally: Tally, what: string): void {
  tally.seen.set(what, (tally.seen.get(what) ?? 0) + 1)
}

function expectNoBetter(before: Whole, after: Whole, why: string): void {
  if (RANK[after.verdict] < RANK[before.verdict])
    throw new LawBroken(
      `${why} turned ${before.verdict} into ${after.verdict}: ${before.bytes} to ${after.bytes}`,
    )
}

function expectSame(bytes: string, wanted: string | undefined): void {
  if (bytes !== wanted) throw new LawBroken(`expected ${wanted} and got ${bytes}`)
}

interface Given {
  readonly draft: Draft
  readonly worlds: readonly World[]
}
/** Each world is judged again for every reading in it, so a few make many cases. */
const FEW = 6
const given: fc.Arbitrary<Given> = fc.record({
  draft,
  worlds: fc.array(world, { minLength: FEW, maxLength: FEW }),
})

/** Each reading that a judging asks for is left out in turn, and spoilt in turn. */
function unknownNeverHelps(evaluator: WholeEvaluator): Law<Given> {
  return ({ draft: text, worlds: each }, tally) => {
    const constitution = load(text)
    const judge = evaluator(constitution)
    for (const one of each) {
      const action = actionOf(one, constitution)
      const asked = new Set<string>()
      const read = readOf(one)
      const before = judge(action, (name) => (asked.add(name), read(name)), one.now)
      tally.cases += 1
      count(tally, before.verdict)
      for (const name of asked) {
        if (one.readings[name] === undefined) continue
        tally.cases += 1
        const after = judge(action, readOf(without(one, name)), one.now)
        expectNoBetter(before, after, `leaving out ${name}`)
        expectOnlyLess(before, after, name)
        const spoilt = { ...one.readings, [name]: { value: Number.NaN, at: undefined } }
        expectSame(judge(action, readOf({ readings: spoilt }), one.now).bytes, after.bytes)
      }
    }
  }
}

/** A rule that was known may become unknown, and nothing else may change. */
function expectOnlyLess(before: Whole, after: Whole, name: string): void {
  for (const [id, result] of after.results) {
    const was = before.results.get(id)
    if (result !== 'unknown' && result !== was)
      throw new LawBroken(`leaving out ${name} turned the rule ${id} from ${was} to ${result}`)
  }
}

interface Added extends Given {
  readonly extra: PlainRule
}
const added: fc.Arbitrary<Added> = fc.record({
  draft,
  worlds,
  extra: rule('rule-2x').map(({ id, title, warn, escalate, forbid, unless }) => ({
    id,
    title,
    // Warnings and escalations become forbids: what is added is a hard rule.
    applies: { actions: ['transfer', 'change'] },
    forbid: forbid ?? escalate ?? warn,
    ...(unless === undefined ? {} : { unless }),
  })),
})

function oneMoreForbidNeverHelps(evaluator: WholeEvaluator): Law<Added> {
  return ({ draft: text, worlds: each, extra }, tally) => {
    const constitution = load(text)
    const more = load({ ...text, rules: [...text.rules, extra] })
    const judgeBefore = evaluator(constitution)
    const judgeAfter = evaluator(more)
    for (const one of each) {
      const action = actionOf(one, constitution)
      const before = judgeBefore(action, readOf(one), one.now)
      const after = judgeAfter(action, readOf(one), one.now)
      tally.cases += 1
      if (before.verdict !== after.verdict) count(tally, 'made stricter')
      expectNoBetter(before, after, 'one more forbid')
    }
  }
}

interface Two extends Given {
  readonly other: Draft
}
const two: fc.Arbitrary<Two> = fc.record({ draft, other: draft, worlds })

/** Each world is judged, then twice again after another world and under another constitution, then by a fresh evaluator. */
function judgingIsPure(evaluator: WholeEvaluator): Law<Two> {
  return ({ draft: text, other, worlds: each }, tally) => {
    const constitution = load(text)
    const elsewhere = load(other)
    const judge = evaluator(constitution)
    const judgeElsewhere = evaluator(elsewhere)
    const bytesOf = (one: World, by = judge): string =>
      by(actionOf(one, constitution), readOf(one), one.now).bytes
    const first = each.map((one) => bytesOf(one))
    for (const [index, one] of each.entries()) {
      tally.cases += 1
      bytesOf(each[(index * 7 + 3) % each.length] ?? one)
      judgeElsewhere(actionOf(one, constitution), readOf(one), one.now)
      expectSame(bytesOf(one), first[index])
      expectSame(bytesOf(one), first[index])
    }
    const [one] = each
    if (one !== undefined) expectSame(bytesOf(one, evaluator(constitution)), first[0])
  }
}

test('no verdict gets better by leaving a reading out', async () => {
  const { seen } = await hold('unknown never helps', given, unknownNeverHelps(compiledWhole))
  for (const verdict of ['allow', 'pending', 'deny']) expect(seen.get(verdict)).toBeGreaterThan(30)
})

test('no verdict gets better by one more forbid', async () => {
  const { seen } = await hold('one more forbid', added, oneMoreForbidNeverHelps(compiledWhole))
  expect(seen.get('made stricter')).toBeGreaterThan(100)
})

test('the same judging gives the same bytes, whatever is judged in between', async () => {
  const { cases } = await hold('judging is pure', two, judgingIsPure(compiledWhole))
  expect(cases).toBeGreaterThan(0)
})

/** Compiled code over readings that were tampered with. */
function reading(tamper: Tamper): WholeEvaluator {
  return (constitution) => {
    const judge = compiledWhole(constitution)
    return (action, read, now) => judge(action, tampered(tamper, constitution, read, now), now)
  }
}

/** Compiled code whose verdict is replaced by what `decide` makes of it. */
function deciding(decide: (whole: Whole, forbids: ReadonlySet<string>) => Whole['verdict']): WholeEvaluator {
  return (constitution) => {
    const judge = compiledWhole(constitution)
    const hard = constitution.rules.filter(({ effect, mode }) => effect === 'forbid' && mode === 'enforce')
    const forbids = new Set(hard.map(({ id }) => id))
    return (action, read, now) => {
      const whole = judge(action, read, now)
      return { ...whole, verdict: decide(whole, forbids) }
    }
  }
}

describe('a planted fault is found: unknown helps', () => {
  test.each<[string, WholeEvaluator]>([
    ['a condition that is missing reads as false', reading(missingIsFalse)],
    ['a number that is missing reads as zero', reading(missingIsZero)],
    [
      'an unknown forbid allows',
      deciding(({ results, verdict }) => ([...results.values()].includes('unknown') ? 'allow' : verdict)),
    ],
    [
      'rules are skipped when the fact that they are indexed by is missing',
      (constitution) => {
        const judge = compiledWhole(constitution)
        const lean = compiledWhole({
          ...constitution,
          rules: constitution.rules.filter(({ where }) => where.length === 0),
        })
        const indexed = constitution.rules.flatMap(({ where }) => where.map(({ fact }) => fact))
        return (action, read, now) =>
          indexed.some(
            (name) => constitution.facts.get(name)?.origin.kind === 'measured' && read(name) === undefined,
          )
            ? lean(action, read, now)
            : judge(action, read, now)
      },
    ],
  ])('%s', async (name, evaluator) => {
    expect(await isBroken(name, given, unknownNeverHelps(evaluator))).toBe(true)
  })
})

describe('a planted fault is found: one more forbid helps', () => {
  test.each<[string, WholeEvaluator]>([
    [
      'the last rule decides',
      deciding(({ results, verdict }, forbids) => {
        const last = [...results].findLast(([id]) => forbids.has(id))
        return last === undefined ? verdict : last[1] === 'clear' ? 'allow' : 'deny'
      }),
    ],
    [
      'two breaches make none',
      deciding(({ results, verdict }, forbids) => {
        const breaches = [...results].filter(([id, result]) => forbids.has(id) && result === 'breach')
        return breaches.length === 2 ? 'allow' : verdict
      }),
    ],
    [
      'one clear rule allows',
      deciding(({ results, verdict }, forbids) =>
        [...results].some(([id, result]) => forbids.has(id) && result === 'clear') ? 'allow' : verdict,
      ),
    ],
  ])('%s', async (name, evaluator) => {
    expect(await isBroken(name, added, oneMoreForbidNeverHelps(evaluator))).toBe(true)
  })
})

describe('a planted fault is found: judging is not pure', () => {
  test.each<[string, WholeEvaluator]>([
    [
      'the last known reading stands in for one that is missing',
      (constitution) => {
        const judge = compiledWhole(constitution)
        const kept = new Map<string, Reading>()
        return (action, read, now) => {
          const remembering = (name: string): Reading | undefined => {
            const found = read(name) ?? kept.get(name)
            if (found !== undefined) kept.set(name, found)
            return found
          }
          return judge(action, remembering, now)
        }
      },
    ],
    [
      'every other text has a blank more',
      (constitution) => {
        const judge = compiledWhole(constitution)
        let turn = 0
        return (action, read, now) => {
          const whole = judge(action, read, now)
          turn += 1
          return turn % 2 === 0 ? whole : { ...whole, bytes: `${whole.bytes} ` }
        }
      },
    ],
    [
      'two constitutions share what was judged last',
      (() => {
        let last: { readonly key: string; readonly whole: Whole } | undefined
        const fault: WholeEvaluator = (constitution) => {
          const judge = compiledWhole(constitution)
          return (action, read, now) => {
            const key = `${action} ${now}`
            const whole = last?.key === key ? last.whole : judge(action, read, now)
            last = { key, whole }
            return whole
          }
        }
        return fault
      })(),
    ],
  ])('%s', async (name, evaluator) => {
    expect(await isBroken(name, two, judgingIsPure(evaluator))).toBe(true)
  })
})
