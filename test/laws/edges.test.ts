/** Law 9 at places that random constitutions seldom reach: where doubles vanish, leave crumbs or lose digits, and odd names. */
import { expect, test } from 'vitest'
import { constitutionOf, readingsOf } from '../support/constitution.ts'
import { compiled, naive, reference } from './evaluators.ts'

/** The product of many `ratio.a`: past what a double can hold near zero. */
const TINY = Array.from({ length: 14 }, () => 'ratio.a').join(' * ')
const FACTS = `
facts:
  flag.a: { type: boolean, source: ledger }
  text.a: { type: text, source: ledger }
  ratio.a: { type: ratio, source: ledger }
  ratio.b: { type: ratio, source: ledger }
  derived.sum: { type: ratio, is: ratio.a + ratio.b }
  derived.crumb: { type: ratio, is: ratio.a + ratio.b - 0.3 }
  derived.tiny: { type: ratio, is: ${TINY} }
  derived.chosen: { type: ratio, is: "if(ratio.a + ratio.b > 0.3, 1, 0)" }
  derived.flag: { type: boolean, is: ratio.a + ratio.b > 0.3 }
  derived.text: { type: text, is: text.a }
  limit.ratio: { type: ratio, table: limits }
  limit.derived: { type: ratio, table: derived }
`
const TABLES = {
  'tables/limits.csv': 'text.a,most [ratio]\na,1\nconstructor,2\n',
  'tables/derived.csv': 'derived.text,most [ratio]\na,1\n*,2\n',
}
const TENTHS = { 'ratio.a': 0.1, 'ratio.b': 0.2 }
const LARGE = Number.MAX_SAFE_INTEGER

test.each([
  [`${TINY} > 0`, { 'ratio.a': 1e-16 }, 'breach'],
  [`${TINY} > 0`, { 'ratio.a': -1e-16 }, 'breach'],
  [`1 / (${TINY}) > 0`, { 'ratio.a': 1e-16 }, 'breach'],
  ['derived.tiny > 0', { 'ratio.a': 1e-16 }, 'breach'],
  ['1 / derived.tiny > 0', { 'ratio.a': 1e-16 }, 'breach'],
  ['derived.crumb > 0', TENTHS, 'clear'],
  ['1 / derived.crumb > 0', TENTHS, 'unknown'],
  ['1 / (ratio.a + ratio.b - 0.3) > 0', TENTHS, 'unknown'],
  ['multiple(1, ratio.a + ratio.b - 0.3)', TENTHS, 'unknown'],
  ['multiple(1, derived.crumb)', TENTHS, 'unknown'],
  ['multiple(ratio.a + ratio.b, 0.3)', TENTHS, 'breach'],
  ['multiple(derived.sum, 0.3)', TENTHS, 'breach'],
  ['multiple(0.3, derived.sum)', TENTHS, 'breach'],
  ['if(ratio.a + ratio.b > 0.3, 1, 0) > 0.5', TENTHS, 'clear'],
  ['derived.chosen > 0.5', TENTHS, 'clear'],
  ['derived.flag', TENTHS, 'clear'],
  ['abs(derived.sum - 0.3) > 0', TENTHS, 'clear'],
  ['min(derived.sum, 0.3) < 0.3', TENTHS, 'clear'],
  ['max(derived.sum, 0.3) > 0.3', TENTHS, 'clear'],
  ['(ratio.a + ratio.b) - ratio.b > ratio.a', { 'ratio.a': 0.1, 'ratio.b': LARGE }, 'clear'],
  ['(ratio.a + ratio.b) - ratio.b >= ratio.a', { 'ratio.a': 1e-16, 'ratio.b': LARGE }, 'breach'],
  ["text.a in ['toString', 'constructor']", { 'text.a': 'constructor' }, 'breach'],
  ['limit.ratio > 1', { 'text.a': 'constructor' }, 'breach'],
  ['limit.ratio > 1', { 'text.a': '__proto__' }, 'unknown'],
  ['limit.ratio > 1', { 'text.a': '*' }, 'unknown'],
  ["derived.text == 'a'", { 'text.a': 'a' }, 'breach'],
  ["derived.text == 'a'", {}, 'unknown'],
  ['limit.derived > 1', { 'text.a': 'a' }, 'clear'],
  ['limit.derived > 1', { 'text.a': '' }, 'breach'],
])('%s with %o is %s', async (condition, values, wanted) => {
  const constitution = constitutionOf({
    'facts.yaml': FACTS,
    ...TABLES,
    'rules/a.yaml': `rules:\n  - { id: one, title: x, applies: { actions: [transfer] }, forbid: "${condition}" }\n`,
  })
  for (const evaluator of [naive, compiled, reference]) {
    const results = await evaluator(constitution)('transfer', readingsOf(values), 0)
    expect(results.get('one')).toBe(wanted)
  }
})
