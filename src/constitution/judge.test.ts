/** Comparisons that doubles get wrong come out right, and findings say what was seen, allowed and missing. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { constitutionOf, readingsOf } from '../../test/support/constitution.ts'
import { exactTruth } from './exact-evaluate.ts'
import { compile, gather, type Program } from './compile.ts'
import { findingsOf } from '../protocol/evidence.ts'
import { explain, judge, judgementText } from './judge.ts'

const TRUTHS = ['clear', 'unknown', 'breach'] as const
const FACTS = {
  'a.x': { type: 'ratio', source: 'ledger' },
  'a.y': { type: 'ratio', source: 'ledger' },
  'a.z': { type: 'ratio', source: 'ledger' },
  'a.flag': { type: 'boolean', source: 'ledger' },
  'a.cash': { type: 'money', source: 'ledger', maxAge: '5s' },
  'a.age': { type: 'duration', source: 'ledger' },
  'a.kind': { type: ['one', 'two'], source: 'ledger' },
  'a.sum': { type: 'ratio', is: 'a.x + a.y' },
  'a.worth': { type: 'money', is: 'a.cash * a.x' },
}

function program(rule: object): Program {
  return compile(
    constitutionOf({
      'facts.yaml': JSON.stringify({ facts: FACTS }),
      'rules/one.yaml': JSON.stringify({
        rules: [{ id: 'one', title: 'One', applies: { actions: ['transfer'] }, ...rule }],
      }),
    }),
  )
}

function found(
  condition: string | object,
  values: Readonly<Record<string, unknown>>,
  at?: number,
  now = 10_000,
) {
  const compiled = program(typeof condition === 'string' ? { forbid: condition } : condition)
  const facts = gather(compiled, 'transfer', readingsOf(values, at), now)
  const judgement = judge(compiled, 'transfer', facts)
  const [finding] = judgement.findings
  const [rule] = compiled.constitution.rules
  if (finding === undefined || rule === undefined) throw new Error('expected a finding')
  const exact = TRUTHS[exactTruth(rule.condition, facts, compiled)]
  const [presented] = findingsOf(judgement.findings.recorded())
  const reason = finding.result === 'clear' ? undefined : explain(compiled, facts, finding)
  return { result: finding.result, exact, presented, reason, text: judgementText(judgement) }
}

describe('exactly at the limit', () => {
  test.each<[string, Readonly<Record<string, number>>, string]>([
    ['a.x > a.y * 1.03', { 'a.x': 206, 'a.y': 200 }, 'clear'],
    ['a.x >= a.y * 1.03', { 'a.x': 206, 'a.y': 200 }, 'breach'],
    ['abs(a.x - a.y) > 3% * a.y', { 'a.x': 206, 'a.y': 200 }, 'clear'],
    ['a.x + a.y > 0.3', { 'a.x': 0.1, 'a.y': 0.2 }, 'clear'],
    ['a.x + a.y < 0.3', { 'a.x': 0.1, 'a.y': 0.2 }, 'clear'],
    ['a.sum > 0.3', { 'a.x': 0.1, 'a.y': 0.2 }, 'clear'],
    ['a.x + a.y > 0.3', { 'a.x': 0.1, 'a.y': 0.200_000_000_000_001 }, 'breach'],
    ['a.x - a.y > 0.1', { 'a.x': 0.3, 'a.y': 0.2 }, 'clear'],
    ['a.x - a.y >= 0.1', { 'a.x': 0.3, 'a.y': 0.2 }, 'breach'],
    ['a.x + a.y - a.x > a.y', { 'a.x': 9_007_199_254_740_991, 'a.y': 0.1 }, 'clear'],
    ['a.x + a.y - a.x < a.y', { 'a.x': 9_007_199_254_740_991, 'a.y': 0.1 }, 'clear'],
    ['a.x / a.y > 3.3', { 'a.x': 0.33, 'a.y': 0.1 }, 'clear'],
    ['a.x / a.y * a.y < a.x', { 'a.x': 1, 'a.y': 49 }, 'clear'],
    ['1 / (a.x + a.y - 0.3) > 5', { 'a.x': 0.1, 'a.y': 0.2 }, 'unknown'],
    ['1 / (a.sum - 0.3) > 5', { 'a.x': 0.1, 'a.y': 0.2 }, 'unknown'],
    ['1 / (a.x + a.y - 0.3) > 5', { 'a.x': 0.1, 'a.y': 0.200_000_000_000_001 }, 'breach'],
    ['1 / (a.x + a.y - 0.3) < -5', { 'a.x': 0.1, 'a.y': 0.199_999_999_999_999 }, 'breach'],
    ['a.x / a.y > 1', { 'a.x': 1, 'a.y': 0 }, 'unknown'],
    ['a.x * a.y * a.z > 1e15 * 1e15', { 'a.x': 1e15, 'a.y': 1e15, 'a.z': 1 }, 'clear'],
    ['a.x * a.y * a.z > 1e-15 * 1e-15 * 1e-15', { 'a.x': 1e-15, 'a.y': 1e-15, 'a.z': 1e-15 }, 'clear'],
    ['a.x * a.y > a.z', { 'a.x': 1e-16, 'a.y': 1e-16, 'a.z': 0 }, 'breach'],
    ['a.x > a.y', { 'a.x': 1e-16, 'a.y': 2e-16 }, 'clear'],
    ['a.x > 0', { 'a.x': 1e-17 }, 'unknown'],
    ['a.x > 0', { 'a.x': 2 ** 53 }, 'unknown'],
    ['a.x > 0', { 'a.x': Number.NaN }, 'unknown'],
    ['multiple(a.x, 0.1)', { 'a.x': 0.3 }, 'breach'],
    ['multiple(a.x + a.y, 0.1)', { 'a.x': 0.1, 'a.y': 0.2 }, 'breach'],
    ['multiple(a.sum, 0.1)', { 'a.x': 0.1, 'a.y': 0.2 }, 'breach'],
    ['multiple(a.x, a.y)', { 'a.x': 1, 'a.y': 0 }, 'unknown'],
    ['max(a.x, a.y) > min(a.x, a.y)', { 'a.x': 0.3, 'a.y': 0.3 }, 'clear'],
    ['if(a.x + a.y > 0.3, 1, 2) > 1', { 'a.x': 0.1, 'a.y': 0.2 }, 'breach'],
  ])('%s with %j', (condition, values, result) => {
    const { result: compiled, exact } = found(condition, values)
    expect(compiled).toBe(result)
    expect(exact).toBe(result)
  })

  test('compiled code agrees with exact fractions on decimals near each other', () => {
    const decimal = fc
      .tuple(fc.integer({ min: -3000, max: 3000 }), fc.integer({ min: 0, max: 4 }))
      .map(([digits, places]) => Number(`${digits}e-${places}`))
    const conditions = [
      'a.x + a.y > a.z',
      'a.x * a.y >= a.z',
      'a.x / a.y < a.z',
      'a.x - a.y <= a.z * 1%',
      'a.x / (a.y - a.z) > 1',
      'a.x / (a.x - a.y * a.z) > 0.1',
      'multiple(a.x - a.y, a.z)',
      'abs(a.x - a.y) > 3% * a.z',
      'max(a.x, a.y) * a.z > a.sum',
    ]
    const programs = conditions.map((condition) => program({ forbid: condition }))
    fc.assert(
      fc.property(decimal, decimal, decimal, fc.constantFrom(1, 1e-9, 1e9), (x, y, z, scale) => {
        const [small, other, third] = [x, y, z].map((value) => Number((value * scale).toPrecision(15)))
        for (const compiled of programs) {
          const facts = gather(
            compiled,
            'transfer',
            readingsOf({ 'a.x': small, 'a.y': other, 'a.z': third }),
            0,
          )
          const [rule] = compiled.constitution.rules
          const exact = rule && TRUTHS[exactTruth(rule.condition, facts, compiled)]
          expect([...judge(compiled, 'transfer', facts).findings][0]?.result).toBe(exact)
        }
      }),
      { numRuns: 5000 },
    )
  })
})

describe('findings', () => {
  test.each<[string, string, Readonly<Record<string, unknown>>, object]>([
    [
      'an upper bound passed',
      'a.x > 2',
      { 'a.x': 5 },
      { observed: 5, limit: 2, headroom: -3, unit: 'ratio' },
    ],
    ['an upper bound kept', 'a.x > 2', { 'a.x': 0.5 }, { observed: 0.5, limit: 2, headroom: 1.5 }],
    ['a lower bound passed', 'a.x < 2', { 'a.x': 0.5 }, { observed: 0.5, limit: 2, headroom: -1.5 }],
    ['a lower bound kept', 'a.x < 2', { 'a.x': 5 }, { headroom: 3 }],
    [
      'under a not, what is wanted: a lower bound kept',
      'not (a.x > 2)',
      { 'a.x': 5 },
      { result: 'clear', observed: 5, limit: 2, headroom: 3 },
    ],
    [
      'under a not, a lower bound passed',
      'not (a.x > 2)',
      { 'a.x': 0.5 },
      { result: 'breach', headroom: -1.5 },
    ],
    ['under two', 'not (not (a.x > 2))', { 'a.x': 5 }, { result: 'breach', headroom: -3 }],
    [
      'the comparison that tells, of two',
      'a.x > 2 or a.y > 3',
      { 'a.x': 1, 'a.y': 5 },
      { observed: 5, limit: 3, headroom: -2 },
    ],
    [
      'the one that stopped it',
      'a.x > 2 and a.y > 3',
      { 'a.x': 5, 'a.y': 1 },
      { result: 'clear', observed: 1, limit: 3 },
    ],
    [
      'money has its currency',
      'a.worth > 100 USD',
      { 'a.cash': 300, 'a.x': 0.5 },
      { observed: 150, limit: 100, headroom: -50, unit: 'USD' },
    ],
    [
      'durations are in milliseconds',
      'a.age > 2s',
      { 'a.age': 2500 },
      { observed: 2500, limit: 2000, headroom: -500, unit: 'ms' },
    ],
    [
      'a multiple has no sides',
      'not multiple(a.x, 0.1)',
      { 'a.x': 0.25 },
      { observed: 0.25, limit: 0.1, headroom: null },
    ],
    [
      'a text',
      "a.kind != 'one'",
      { 'a.kind': 'two' },
      { observed: 'two', limit: 'one', headroom: null, unit: null },
    ],
    [
      'one of a list',
      "a.kind in ['one', 'two']",
      { 'a.kind': 'two' },
      { observed: 'two', limit: 'one, two' },
    ],
    ['a flag', 'not a.flag', { 'a.flag': false }, { observed: false, limit: null }],
    [
      'of two, the one that is breached',
      "a.flag or not (a.kind == 'one')",
      { 'a.flag': false, 'a.kind': 'two' },
      { result: 'breach', observed: 'two', limit: 'one' },
    ],
    [
      'of two, the one that is unknown',
      "a.flag or a.kind == 'one'",
      { 'a.flag': false },
      { result: 'unknown', observed: null, limit: null },
    ],
    [
      'of two, the one that is clear',
      "a.flag and a.kind == 'one'",
      { 'a.flag': true, 'a.kind': 'two' },
      { result: 'clear', observed: 'two', limit: 'one' },
    ],
    [
      'decided before a number was reached',
      "a.kind == 'one' and a.x > 2",
      { 'a.kind': 'two' },
      { result: 'clear', observed: null, limit: null },
    ],
    ['nothing known', 'a.x > 2', {}, { result: 'unknown', observed: null, limit: 2, headroom: null }],
    [
      'fifteen digits and no noise',
      'a.x + a.y > 1',
      { 'a.x': 0.1, 'a.y': 0.2 },
      { observed: 0.3, headroom: 0.7 },
    ],
    [
      'exactly at the limit there is no headroom',
      'a.x > a.y * 1.03',
      { 'a.x': 206, 'a.y': 200 },
      { result: 'clear', headroom: 0 },
    ],
    [
      'nothing is observed of a quotient by zero',
      '1 / (a.x + a.y - 0.3) > 5',
      { 'a.x': 0.1, 'a.y': 0.2 },
      { result: 'unknown', observed: null, headroom: null },
    ],
    [
      'a quotient by next to nothing',
      '1 / (a.x + a.y - 0.3) > 5',
      { 'a.x': 0.1, 'a.y': 0.200_000_000_000_001 },
      { result: 'breach', observed: 1e15 },
    ],
  ])('%s', (_, condition, values, expected) => {
    expect(found(condition, values).presented).toMatchObject(expected)
  })

  test('reasons are exact where findings are doubles', () => {
    expect(found('a.x >= a.y * 1.03', { 'a.x': 206, 'a.y': 200 }).reason).toMatchObject({
      observed: 206,
      limit: 206,
      headroom: 0,
    })
  })

  test('an unknown names what was missing, at the bottom of what is made from what, and its age', () => {
    const rule = { forbid: 'a.worth > 1 USD', unless: 'a.flag' }
    expect(found(rule, {}).reason?.missing).toEqual([
      { fact: 'a.cash', ageMs: null, maxAgeMs: 5000 },
      { fact: 'a.flag', ageMs: null, maxAgeMs: null },
      { fact: 'a.x', ageMs: null, maxAgeMs: null },
    ])
    expect(found(rule, { 'a.cash': 5, 'a.x': 1, 'a.flag': false }, 4999).reason?.missing).toEqual([
      { fact: 'a.cash', ageMs: 5001, maxAgeMs: 5000 },
    ])
    expect(found(rule, { 'a.cash': 5, 'a.x': 1, 'a.flag': false }, 5000).result).toBe('breach')
  })

  test('a known exemption wins over an unknown condition, an unknown one does not', () => {
    const rule = { forbid: 'a.x > 1', unless: 'a.flag' }
    expect(found(rule, { 'a.flag': true }).result).toBe('clear')
    expect(found(rule, { 'a.x': 2 }).result).toBe('unknown')
    expect(found(rule, { 'a.x': 0 }).result).toBe('clear')
  })

  test('the largest product that is let in can be written down', () => {
    const power = Array.from({ length: 16 }, () => 'a.x').join(' * ')
    const { text, presented } = found(`${power} > 1`, { 'a.x': 9e15 })
    expect(text).toContain('"findings"')
    expect(JSON.stringify(presented)).not.toContain('Infinity')
  })
})

describe('verdicts', () => {
  test.each([
    [{ forbid: 'a.x > 1' }, 2, 'deny'],
    [{ forbid: 'a.x > 1' }, undefined, 'deny'],
    [{ forbid: 'a.x > 1' }, 0, 'allow'],
    [{ escalate: 'a.x > 1', to: 'desk' }, 2, 'pending'],
    [{ escalate: 'a.x > 1', to: 'desk' }, undefined, 'deny'],
    [{ warn: 'a.x > 1' }, 2, 'allow'],
    [{ warn: 'a.x > 1' }, undefined, 'allow'],
    [{ forbid: 'a.x > 1', mode: 'shadow' }, 2, 'allow'],
    [{ forbid: 'a.x > 1', mode: 'shadow' }, undefined, 'allow'],
  ])('%j with %s', (rule, x, verdict) => {
    const compiled = program(rule)
    const facts = gather(compiled, 'transfer', readingsOf(x === undefined ? {} : { 'a.x': x }), 0)
    expect(judge(compiled, 'transfer', facts).verdict).toBe(verdict)
  })
})

test.each<[string, Readonly<Record<string, unknown>>, unknown, unknown]>([
  ["a.kind != 'one' or a.flag", { 'a.kind': 'one', 'a.flag': true }, true, null],
  ["a.kind != 'one' or a.flag", { 'a.kind': 'two', 'a.flag': false }, 'two', 'one'],
  ["a.kind == 'two' or not a.flag", { 'a.kind': 'one', 'a.flag': false }, false, null],
])('%s: of texts and truths too, the one that breaches is told', (condition, values, observed, limit) => {
  expect(found(condition, values).reason).toMatchObject({ result: 'breach', observed, limit })
})
