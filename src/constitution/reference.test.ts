import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { constitutionOf, readingsOf } from '../../test/support/constitution.ts'
import { exportRules } from './export.ts'
import type { Read } from './model.ts'
import { createReference, runExport, type Reference } from './reference.ts'

const FACTS = `
facts:
  flag.a: { type: boolean, source: ledger }
  flag.b: { type: boolean, source: ledger }
  side.one: { type: [buy, sell], source: ledger }
  text.one: { type: text, source: ledger }
  text.two: { type: text, source: ledger }
  ratio.a: { type: ratio, source: ledger }
  ratio.b: { type: ratio, source: ledger }
  ratio.c: { type: ratio, source: ledger }
  fresh.ratio: { type: ratio, source: ledger, maxAge: 2s }
  sum.ab: { type: ratio, is: ratio.a + ratio.b }
  listed.row: { type: boolean, table: listed }
  limit.share: { type: ratio, table: limits, column: share }
  limit.flag: { type: boolean, table: limits, column: flag }
  limit.age: { type: duration, table: limits, column: since }
  market.session: { type: [pre, regular, closed], table: hours, source: clock }
`
const TABLES = {
  'tables/listed.csv': 'text.one,side.one\na,*\nb,buy\n',
  'tables/limits.csv':
    'text.one,text.two,share [%],flag [yes/no],since [date]\na,*,1,yes,2026-01-01\n*,b,2,no,2026-01-02\na,c,3,no,2026-01-03\n',
  'tables/hours.csv':
    'text.one,session,timezone,days,from,to\na,pre,UTC,Mon-Sun,08:00,09:00\n*,regular,UTC,Mon-Sun,09:00,10:00\n*,closed,UTC,2026-01-06,09:15,10:00\n',
}
/** 2026-01-05, a Monday. */
const MIDNIGHT = Date.UTC(2026, 0, 5)
const HOUR = 3_600_000

/** Facts and tables that the rules of a test don't use must still be used, so a rule on another action uses them. */
const REST =
  "  - { id: rest, title: x, applies: { actions: [change] }, forbid: listed.row and limit.flag and market.session == 'closed' }\n"

function referenceFor(condition: string, more = ''): Reference {
  return createReference(
    constitutionOf({
      'facts.yaml': FACTS,
      ...TABLES,
      'rules/a.yaml': `rules:\n  - { id: one, title: x, applies: { actions: [transfer] }, forbid: "${condition}"${more} }\n${REST}`,
    }),
  )
}

async function resultOf(
  condition: string,
  values: Record<string, unknown>,
  { more = '', at, now = MIDNIGHT }: { more?: string; at?: number; now?: number } = {},
): Promise<string | undefined> {
  const results = await referenceFor(condition, more).judge('transfer', readingsOf(values, at), now)
  return results.get('one')
}

describe('what json-rules-engine would let through', () => {
  test.each([
    ['not (ratio.a > 5)', {}],
    ["not (side.one in ['buy'])", {}],
    ["side.one != 'buy'", {}],
    ['not flag.a', {}],
    ['ratio.a > ratio.b', { 'ratio.a': 5, 'ratio.b': null }],
    ['ratio.a > 1', { 'ratio.a': '5abc' }],
    ['ratio.a > 1', { 'ratio.a': '5' }],
    ['ratio.a > 1', { 'ratio.a': true }],
    ['ratio.a > 1', { 'ratio.a': [5] }],
    ['flag.a', { 'flag.a': 1 }],
    ['flag.a', { 'flag.a': 'true' }],
    ["not (side.one == 'buy')", { 'side.one': 'hold' }],
    ["text.one != 'a'", { 'text.one': 5 }],
    ['text.one != text.two', { 'text.one': 'a' }],
    ['not multiple(ratio.a, ratio.b)', { 'ratio.a': 1, 'ratio.b': 0 }],
  ])('%s is unknown with %o', async (condition, values) => {
    expect(await resultOf(condition, values)).toBe('unknown')
  })

  test.each([Number.NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53), 9e-17, -1e-20])(
    'the number %s is unknown',
    async (value) => {
      expect(await resultOf('ratio.a > 1', { 'ratio.a': value })).toBe('unknown')
      expect(await resultOf('not (ratio.a > 1)', { 'ratio.a': value })).toBe('unknown')
    },
  )

  test('no unknown makes both rules fire or a constant go wrong', async () => {
    expect(await resultOf('true', {})).toBe('breach')
    expect(await resultOf('flag.a and false', { 'flag.a': true })).toBe('clear')
    expect(await resultOf('flag.a and false', {})).toBe('clear')
    expect(await resultOf('flag.a or true', {})).toBe('breach')
    expect(await resultOf('not (flag.a and false)', {})).toBe('breach')
  })
})

describe('numbers', () => {
  test.each([
    ['ratio.a + ratio.b > ratio.c', { 'ratio.a': 0.1, 'ratio.b': 0.2, 'ratio.c': 0.3 }, 'clear'],
    ['sum.ab >= ratio.c', { 'ratio.a': 0.1, 'ratio.b': 0.2, 'ratio.c': 0.3 }, 'breach'],
    ['abs(ratio.a - ratio.b) > 3% * ratio.b', { 'ratio.a': 206, 'ratio.b': 200 }, 'clear'],
    ['abs(ratio.a - ratio.b) > 3% * ratio.b', { 'ratio.a': 206.01, 'ratio.b': 200 }, 'breach'],
    ['ratio.a / ratio.b > 1', { 'ratio.a': 1, 'ratio.b': 0 }, 'unknown'],
    ['ratio.a / 3 * 3 >= ratio.a', { 'ratio.a': 0.1 }, 'breach'],
    ['ratio.a * ratio.a > 1', { 'ratio.a': 1e-16 }, 'clear'],
    ['ratio.a > ratio.b', { 'ratio.a': 1e-16, 'ratio.b': 0 }, 'breach'],
    ['ratio.a > 9007199254', { 'ratio.a': Number.MAX_SAFE_INTEGER }, 'breach'],
    ['multiple(ratio.a, ratio.b)', { 'ratio.a': 0.3, 'ratio.b': 0.1 }, 'breach'],
    ['multiple(ratio.a, ratio.b)', { 'ratio.a': -0.3, 'ratio.b': 0.1 }, 'breach'],
    ['multiple(ratio.a, ratio.b)', { 'ratio.a': 0.35, 'ratio.b': 0.1 }, 'clear'],
    ['min(ratio.a, ratio.b) > 1', { 'ratio.a': 0 }, 'unknown'],
    ['max(ratio.a, ratio.b) > 1', { 'ratio.a': 2, 'ratio.b': 1 }, 'breach'],
    ['if(flag.a, ratio.a, ratio.b) > 1', { 'flag.a': true, 'ratio.a': 2 }, 'breach'],
    ['if(flag.a, ratio.a, ratio.b) > 1', { 'flag.a': false, 'ratio.a': 2 }, 'unknown'],
    ['if(flag.a, ratio.a, 2 * ratio.a) > 1', { 'ratio.a': 2 }, 'unknown'],
    ['if(flag.a and flag.b, ratio.a, ratio.b) > 1', { 'flag.b': false, 'ratio.b': 2 }, 'breach'],
  ])('%s with %o is %s', async (condition, values, wanted) => {
    expect(await resultOf(condition, values)).toBe(wanted)
  })
})

describe('readings', () => {
  const condition = 'fresh.ratio > 1'
  const values = { 'fresh.ratio': 2 }

  test('are unknown once they are older than the fact allows', async () => {
    expect(await resultOf(condition, values, { at: MIDNIGHT - 2000 })).toBe('breach')
    expect(await resultOf(condition, values, { at: MIDNIGHT - 2001 })).toBe('unknown')
    expect(await resultOf(condition, values, { at: Number.NaN })).toBe('unknown')
  })

  test('without a time, or from the future, are fresh', async () => {
    expect(await resultOf(condition, values)).toBe('breach')
    expect(await resultOf(condition, values, { at: MIDNIGHT + 1 })).toBe('breach')
  })
})

describe('tables', () => {
  test.each([
    ['limit.share > 2%', { 'text.one': 'a', 'text.two': 'c' }, 'breach'],
    ['limit.share < 2%', { 'text.one': 'a', 'text.two': 'b' }, 'breach'],
    ['limit.share < 2%', { 'text.one': 'z', 'text.two': 'b' }, 'clear'],
    ['limit.share < 2%', { 'text.one': 'z', 'text.two': 'z' }, 'unknown'],
    ['limit.share < 2%', { 'text.two': 'b' }, 'unknown'],
    ['listed.row', { 'text.one': 'a', 'side.one': 'sell' }, 'breach'],
    ['listed.row', { 'text.one': 'b', 'side.one': 'sell' }, 'clear'],
    ['listed.row', { 'text.one': 'a' }, 'unknown'],
    ['listed.row', { 'text.one': 'a', 'side.one': 'hold' }, 'unknown'],
    ['limit.age > 2d', { 'text.one': 'a', 'text.two': 'c' }, 'clear'],
    ['limit.age >= 2d', { 'text.one': 'a', 'text.two': 'c' }, 'breach'],
  ])('%s with %o is %s', async (condition, values, wanted) => {
    expect(await resultOf(condition, values)).toBe(wanted)
  })

  test.each([
    ['a', 8, 'pre'],
    // Its own rows stand before those of any other.
    ['a', 9, 'closed'],
    ['b', 9, 'regular'],
    ['b', 8, 'closed'],
    ['a', 10, 'closed'],
    // On the second day it closes early.
    ['b', 33.2, 'regular'],
    ['b', 33.25, 'closed'],
  ])('the session of %s at %d o’clock is %s', async (key, hour, session) => {
    const now = MIDNIGHT + hour * HOUR
    expect(await resultOf(`market.session == '${session}'`, { 'text.one': key }, { now })).toBe('breach')
    expect(await resultOf(`market.session == '${session}'`, {}, { now })).toBe('unknown')
  })
})

const broken: Read = () => {
  throw new Error('the source is down')
}

describe('rules', () => {
  test('are reported for the actions they list, and clear where they do not apply', async () => {
    const reference = createReference(
      constitutionOf({
        'facts.yaml': FACTS,
        ...TABLES,
        'rules/a.yaml': `rules:
  - { id: one, title: x, applies: { actions: [transfer], side.one: [buy] }, forbid: flag.a }
  - { id: two, title: x, applies: { actions: [transfer, change] }, warn: flag.a, unless: flag.b }
${REST}`,
      }),
    )
    const judged = async (values: Record<string, unknown>): Promise<unknown> =>
      Object.fromEntries(await reference.judge('transfer', readingsOf(values), MIDNIGHT))
    expect(await judged({ 'flag.a': true, 'side.one': 'buy' })).toEqual({ one: 'breach', two: 'unknown' })
    expect(await judged({ 'flag.a': true, 'side.one': 'sell', 'flag.b': false })).toEqual({
      one: 'clear',
      two: 'breach',
    })
    expect(await judged({ 'flag.a': true, 'flag.b': true })).toEqual({ one: 'unknown', two: 'clear' })
    expect([...(await reference.judge('order', readingsOf({}), MIDNIGHT)).keys()]).toEqual([])
    expect([...(await reference.judge('change', readingsOf({}), MIDNIGHT)).keys()]).toEqual(['rest', 'two'])
  })

  test('are judged apart when asked at the same time', async () => {
    const reference = referenceFor('ratio.a > 5')
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        reference.judge(
          'transfer',
          readingsOf(index % 3 === 2 ? {} : { 'ratio.a': index % 3 === 0 ? 6 : 5 }),
          MIDNIGHT,
        ),
      ),
    )
    const wanted = ['breach', 'clear', 'unknown']
    expect(results.map((result) => result.get('one'))).toEqual(results.map((_, index) => wanted[index % 3]))
  })

  test('a source that throws fails that judging and no later one', async () => {
    const reference = referenceFor('ratio.a > 5')
    await expect(reference.judge('transfer', broken, MIDNIGHT)).rejects.toThrow('the source is down')
    const later = await reference.judge('transfer', readingsOf({ 'ratio.a': 6 }), MIDNIGHT)
    expect(later.get('one')).toBe('breach')
  })

  test('run from an export that went through a file', async () => {
    const constitution = constitutionOf({
      'facts.yaml': FACTS,
      ...TABLES,
      'rules/a.yaml': `rules:\n${REST}`,
    })
    const reference = runExport(JSON.parse(JSON.stringify(exportRules(constitution))) as never)
    const values = { 'text.one': 'a', 'text.two': 'b', 'side.one': 'buy' }
    const results = await reference.judge('change', readingsOf(values), MIDNIGHT)
    expect(results.get('rest')).toBe('breach')
  })

  test('both of a pair firing is a broken invariant, and is thrown', async () => {
    const exported = exportRules(
      constitutionOf({ 'facts.yaml': FACTS, ...TABLES, 'rules/a.yaml': `rules:\n${REST}` }),
    )
    const [breach, clear] = exported.rules
    if (breach === undefined || clear === undefined) throw new Error('expected a pair of rules')
    const contradictory = { ...exported, rules: [breach, { ...clear, conditions: breach.conditions }] }
    const values = { 'text.one': 'a', 'text.two': 'b', 'side.one': 'buy' }
    await expect(runExport(contradictory).judge('change', readingsOf(values), MIDNIGHT)).rejects.toThrow(
      'both breached and clear',
    )
  })
})

test('shares no logic or arithmetic with the first evaluator', () => {
  const seen = new Set<string>()
  const visit = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    const source = readFileSync(new URL(file, import.meta.url), 'utf8')
    // Types are erased, so only imports that also exist at run time count.
    for (const [, target = ''] of source.matchAll(/^import \{[^}]*\} from '(\.[^']*)'/gm)) visit(target)
  }
  visit('./reference.ts')
  expect([...seen].toSorted()).toEqual([
    './export-condition.ts',
    './export-tree.ts',
    './export.ts',
    './reference-values.ts',
    './reference.ts',
    './session.ts',
  ])
})
