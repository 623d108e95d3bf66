import { Engine } from 'json-rules-engine'
import { describe, expect, test } from 'vitest'
import { canonicalJson, type Json } from '../base/canonical-json.ts'
import { constitutionOf } from '../../test/support/constitution.ts'
import { exportRules, type ExportedRules } from './export.ts'
import { STRICT_OPERATORS, type Condition, type Leaf } from './export-condition.ts'

const FACTS = `
facts:
  flag.a: { type: boolean, source: ledger }
  flag.b: { type: boolean, source: ledger }
  order.side: { type: [buy, sell], source: action, always: true }
  order.quantity: { type: quantity, source: action, maxAge: 2s }
  account.equity: { type: money, source: ledger }
  account.loss: { type: money, source: ledger }
  account.lossShare: { type: ratio, is: account.loss / account.equity }
  limit.quantity: { type: quantity, table: limits }
  unused.number: { type: ratio, source: ledger }
`
const TABLE = 'order.side,maximum [quantity]\nbuy,10\n*,5\n'

function exported(...rules: string[]): ExportedRules {
  return exportRules(
    constitutionOf({
      'facts.yaml': FACTS,
      'tables/limits.csv': TABLE,
      'rules/a.yaml': `rules:\n${rules.map((rule) => `  - ${rule}\n`).join('')}  - { id: uses-table, title: x, applies: { actions: [transfer] }, forbid: order.quantity > limit.quantity }\n`,
    }),
  )
}

/** The exported conditions of one rule on transfers that forbids `condition`, without the leaf on the action. */
function conditionsOf(condition: string, more = ''): { breach: Condition[]; clear: Condition[] } {
  const { rules } = exported(
    `{ id: one, title: x, applies: { actions: [transfer] }, forbid: "${condition}"${more} }`,
  )
  const parts = (name: string): Condition[] => {
    const conditions = rules.find((rule) => rule.name === name)?.conditions
    if (conditions === undefined) throw new Error(`no rule ${name}`)
    return ('all' in conditions ? conditions.all : conditions.any).slice(1)
  }
  return { breach: parts('one/breach'), clear: parts('one/clear') }
}

function leavesOf(condition: Condition): Leaf[] {
  if ('all' in condition) return condition.all.flatMap(leavesOf)
  return 'any' in condition ? condition.any.flatMap(leavesOf) : [condition]
}

describe('exportRules', () => {
  test('makes two rules of one, and names the constitution', () => {
    const result = exported(
      '{ id: one, title: One, applies: { actions: [transfer] }, escalate: flag.a, to: desk }',
    )
    expect(result.constitution).toMatchObject({
      name: 'small',
      version: '1.0.0',
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(result.rules.slice(0, 2)).toEqual([
      {
        name: 'one/breach',
        conditions: {
          all: [
            { fact: 'ephor:action', operator: 'ephor:textIn', value: ['transfer'] },
            { fact: 'flag.a', operator: 'ephor:is', value: true },
          ],
        },
        event: {
          type: 'breach',
          params: {
            rule: 'one',
            code: 'ONE',
            title: 'One',
            effect: 'escalate',
            to: 'desk',
            mode: 'enforce',
            actions: ['transfer'],
          },
        },
      },
      {
        name: 'one/clear',
        conditions: {
          any: [
            { fact: 'ephor:action', operator: 'ephor:textNotIn', value: ['transfer'] },
            { fact: 'flag.a', operator: 'ephor:is', value: false },
          ],
        },
        event: expect.objectContaining({ type: 'clear' }),
      },
    ])
  })

  test('pushes negations down to the leaves', () => {
    expect(conditionsOf("not (flag.a and not (flag.b or order.side == 'buy'))")).toEqual({
      breach: [
        {
          any: [
            { fact: 'flag.a', operator: 'ephor:is', value: false },
            {
              any: [
                { fact: 'flag.b', operator: 'ephor:is', value: true },
                { fact: 'order.side', operator: 'ephor:textIn', value: ['buy'] },
              ],
            },
          ],
        },
      ],
      clear: [
        {
          all: [
            { fact: 'flag.a', operator: 'ephor:is', value: true },
            {
              all: [
                { fact: 'flag.b', operator: 'ephor:is', value: false },
                { fact: 'order.side', operator: 'ephor:textNotIn', value: ['buy'] },
              ],
            },
          ],
        },
      ],
    })
  })

  test.each([
    ['account.loss > 5 USD', 'ephor:greater', 'ephor:lessOrEqual'],
    ['account.loss >= 5 USD', 'ephor:greaterOrEqual', 'ephor:less'],
    ['5 USD > account.loss', 'ephor:less', 'ephor:greaterOrEqual'],
    ['5 USD <= account.loss', 'ephor:greaterOrEqual', 'ephor:less'],
  ])('compares %s with %s, and %s for surely not', (condition, breach, clear) => {
    expect(conditionsOf(condition)).toEqual({
      breach: [{ fact: 'account.loss', operator: breach, value: 5 }],
      clear: [{ fact: 'account.loss', operator: clear, value: 5 }],
    })
  })

  test('an exception must surely not hold for a breach', () => {
    expect(conditionsOf('flag.a', ', unless: flag.b')).toEqual({
      breach: [
        { fact: 'flag.a', operator: 'ephor:is', value: true },
        { fact: 'flag.b', operator: 'ephor:is', value: false },
      ],
      clear: [
        { fact: 'flag.a', operator: 'ephor:is', value: false },
        { fact: 'flag.b', operator: 'ephor:is', value: true },
      ],
    })
  })

  test('gives each calculation a name as a fact, once', () => {
    const result = exported(
      '{ id: one, title: x, applies: { actions: [transfer] }, forbid: account.loss > 3% * account.equity }',
      '{ id: two, title: x, applies: { actions: [transfer] }, forbid: 3% * account.equity < account.loss - 1 USD }',
    )
    const calculations = result.facts.filter(({ source }) => source.kind === 'calculation')
    expect(calculations.map(({ name }) => name)).toEqual([
      '= (0.03 * account.equity)',
      '= (account.loss - 1)',
      'ephor:true',
    ])
    expect(calculations[0]?.source).toEqual({
      kind: 'calculation',
      text: '(0.03 * account.equity)',
      tree: { apply: '*', to: [0.03, { fact: 'account.equity' }] },
    })
  })

  test('lists every fact and table that its rules depend on, and no other', () => {
    const result = exported(
      '{ id: one, title: x, applies: { actions: [transfer] }, forbid: account.lossShare > 3% }',
    )
    expect(result.facts.map(({ name }) => name)).toEqual([
      'account.equity',
      'account.loss',
      'account.lossShare',
      'ephor:true',
      'limit.quantity',
      'order.quantity',
      'order.side',
    ])
    expect(result.facts.find(({ name }) => name === 'order.quantity')).toEqual({
      name: 'order.quantity',
      type: 'number',
      source: { kind: 'reading', maxAge: 2000 },
    })
    expect(result.tables).toEqual([
      {
        name: 'limits',
        keys: ['order.side'],
        columns: [{ name: 'maximum', date: false }],
        rows: [
          { keys: ['buy'], cells: [10] },
          { keys: ['*'], cells: [5] },
        ],
        sessions: [],
      },
    ])
  })

  test('is plain JSON, and the same however the rules are ordered', () => {
    const one = '{ id: one, title: x, applies: { actions: [transfer] }, forbid: not (flag.a or true) }'
    const two =
      '{ id: two, title: x, applies: { actions: [transfer] }, forbid: account.loss / account.equity > 3% }'
    const result = exported(one, two)
    expect(JSON.parse(JSON.stringify(result))).toEqual(result)
    expect(JSON.stringify(result)).toBe(JSON.stringify(exported(two, one)))
  })

  test('never leans on the engine’s own operators, on `not` or on empty lists', () => {
    const { rules, operators } = exported(
      "{ id: one, title: x, applies: { actions: [transfer], order.side: [buy] }, forbid: \"not (flag.a or true) and not (order.side in ['buy', 'sell']) and ('a' == 'b' or not multiple(order.quantity, order.quantity))\" }",
    )
    const text = canonicalJson(rules.map((rule) => rule.conditions) as unknown as Json)
    expect(text).not.toMatch(/"not"|"any":\[\]|"all":\[\]/)
    for (const { conditions } of rules) {
      for (const leaf of leavesOf(conditions)) {
        expect(Object.keys(STRICT_OPERATORS)).toContain(leaf.operator)
        expect(Object.keys(operators)).toContain(leaf.operator)
      }
    }
  })
})

// What the export must avoid. Should json-rules-engine ever change here, the export's reasons change too.
describe('json-rules-engine fails open', () => {
  test.each([
    ['not over a missing number', { not: { fact: 'x', operator: 'greaterThan', value: 5 } }, undefined],
    ['notIn over what is missing', { all: [{ fact: 'x', operator: 'notIn', value: ['a'] }] }, undefined],
    ['notEqual over what is missing', { all: [{ fact: 'x', operator: 'notEqual', value: 'a' }] }, undefined],
    [
      'a number against null',
      { all: [{ fact: 'x', operator: 'greaterThan', value: { fact: 'nothing' } }] },
      5,
    ],
    ['a number as text', { all: [{ fact: 'x', operator: 'greaterThan', value: 1 }] }, '5'],
    ['an empty any', { any: [] }, undefined],
  ])('%s fires', async (_, conditions, x) => {
    const engine = new Engine([{ conditions, event: { type: 'fired' } }], { allowUndefinedFacts: true })
    const { events } = await engine.run({ nothing: null, ...(x === undefined ? {} : { x }) })
    expect(events).toHaveLength(1)
  })
})
