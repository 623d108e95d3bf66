/** What the hash of a constitution stands for: every value that judges, and nothing else. */
import fc from 'fast-check'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readFiles } from '../sidecar/constitutions.ts'
import { checkConstitution, filesOfCanonicalText } from './check.ts'
import type { Files } from './draft.ts'

const SHIPPED = readFiles(join(import.meta.dirname, '../../constitution'))

function hashOf(files: Files): string {
  const { constitution, issues } = checkConstitution(files)
  if (constitution === undefined)
    throw new Error(issues.map(({ file, line, message }) => `${file}:${line} ${message}`).join('\n'))
  return constitution.hash
}
const HASH = hashOf(SHIPPED)

function edited(file: string, from: string | RegExp, to: string): Files {
  const text = SHIPPED.get(file) ?? ''
  const after = text.replace(from, to)
  expect(after).not.toBe(text)
  return new Map(SHIPPED).set(file, after)
}

describe('the same law has the same hash', () => {
  const rulesOf = (file: string): string[] => (SHIPPED.get(file) ?? '').split(/(?=^ {2}- id:)/m).slice(1)

  test.each<[string, () => Files]>([
    ['with comments', () => edited('rules/size.yaml', 'rules:', '# more words\nrules: # and more')],
    ['without its cases', () => new Map([...SHIPPED].filter(([file]) => !file.startsWith('cases/')))],
    ['with words beside it', () => new Map(SHIPPED).set('README.md', '# Rules')],
    ['with its files in another order', () => new Map([...SHIPPED].toReversed())],
    [
      'with the lines of Windows',
      () => new Map([...SHIPPED].map(([file, text]) => [file, text.replaceAll('\n', '\r\n')])),
    ],
    ['with a byte order mark before a table', () => edited('tables/price-bands.csv', /^/, '\uFEFF')],
    [
      'with blanks and quotes in a table',
      () => edited('tables/price-bands.csv', 'equity,regular,3', '"equity" , regular,  3'),
    ],
    [
      'with its rules in other files',
      () => {
        const files = new Map(SHIPPED)
        files.set('rules/size.yaml', `rules:\n${rulesOf('rules/size.yaml').slice(1).join('')}`)
        return files.set('rules/zzz.yaml', `rules:\n${rulesOf('rules/size.yaml')[0] ?? ''}`)
      },
    ],
    [
      'with its rules in another order',
      () =>
        new Map(SHIPPED).set(
          'rules/size.yaml',
          `rules:\n${rulesOf('rules/size.yaml')
            .map((rule) => `${rule.trimEnd()}\n`)
            .toReversed()
            .join('')}`,
        ),
    ],
    [
      'with the keys of a rule in another order',
      () => edited('rules/size.yaml', /( {4}forbid: order\.value.*\n)( {4}unless: .*\n)/, '$2$1'),
    ],
    [
      'read back from its canonical text',
      () => filesOfCanonicalText(checkConstitution(SHIPPED).constitution?.text ?? ''),
    ],
  ])('%s', (_, files) => {
    expect(hashOf(files())).toBe(HASH)
  })
})

describe('another law has another hash', () => {
  test.each<[string, string, string | RegExp, string]>([
    ['name', 'constitution.yaml', 'name: house', 'name: other'],
    ['version', 'constitution.yaml', '1.6.0', '1.6.1'],
    ['time', 'constitution.yaml', '2026-01-01', '2026-01-02'],
    ['currency', 'constitution.yaml', 'USD', 'EUR'],
    ['a limit', 'rules/size.yaml', '2% *', '3% *'],
    ['an operator', 'rules/size.yaml', 'order.value > 2%', 'order.value >= 2%'],
    ['a title', 'rules/size.yaml', 'One order is worth', 'An order is worth'],
    ['a reason why', 'rules/size.yaml', 'moves it', 'stirs it'],
    ['a source', 'rules/size.yaml', 'Art. 15(1)(c)', 'Art. 15(1)(d)'],
    ['a check', 'rules/size.yaml', 'C05', 'C06'],
    ['an id', 'rules/size.yaml', 'id: off-lot', 'id: off-lots'],
    ['an age', 'facts.yaml', 'maxAge: 7d', 'maxAge: 8d'],
    ['a window', 'facts.yaml', /window: 5min/, 'window: 6min'],
    ['a readable subject', 'facts.yaml', '[order, replace, cancel, transfer]', '[order, replace, transfer]'],
    ['a cell', 'tables/price-bands.csv', 'crypto,*,5', 'crypto,*,6'],
    ['a cell that is the same number', 'tables/price-bands.csv', 'crypto,*,5', 'crypto,*,5.0'],
    ['a session', 'tables/hours.csv', '16:00,20:00', '16:00,20:01'],
    ['the order of rows', 'tables/price-bands.csv', /(fx.*\n)(crypto.*\n)/, '$2$1'],
  ])('%s', (_, file, from, to) => {
    expect(hashOf(edited(file, from, to))).not.toBe(HASH)
  })
})

describe('kept by its hash, it is read again', () => {
  const small = (label: string, name = 'labels'): Files =>
    new Map([
      [
        'constitution.yaml',
        "name: small\nversion: '1.0.0'\neffectiveFrom: '2026-01-01T00:00:00Z'\ncurrency: USD\n",
      ],
      [
        'facts.yaml',
        `facts:\n  agent.id: { type: text, source: action, always: true }\n  agent.label: { type: text, table: ${JSON.stringify(name)} }\n`,
      ],
      [
        'rules/one.yaml',
        'rules:\n  - id: one\n    title: One\n    applies: { actions: [transfer] }\n    forbid: agent.label == agent.id\n',
      ],
      [`tables/${name}.csv`, `agent.id,label [text]\n*,"${label.replaceAll('"', '""')}"\n`],
    ])

  test('whatever stands in a cell', () => {
    const cell = fc.oneof(
      fc.string({ minLength: 1, maxLength: 12 }),
      fc.string({
        unit: fc.constantFrom(' ', '"', ',', '\n', '\r', '\t', 'a', '\uFEFF'),
        minLength: 1,
        maxLength: 6,
      }),
    )
    fc.assert(
      fc.property(cell, (label) => {
        const { constitution } = checkConstitution(small(label))
        fc.pre(constitution !== undefined)
        expect(hashOf(filesOfCanonicalText(constitution.text))).toBe(constitution.hash)
      }),
      { numRuns: 300 },
    )
  })

  test('whatever a rule is called', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }), (title) => {
        const files = new Map(small('a'))
        const rule = {
          id: 'one',
          title,
          applies: { actions: ['transfer'] },
          forbid: 'agent.label == agent.id',
        }
        const { constitution } = checkConstitution(
          files.set('rules/one.yaml', JSON.stringify({ rules: [rule] })),
        )
        fc.pre(constitution !== undefined)
        expect(hashOf(filesOfCanonicalText(constitution.text))).toBe(constitution.hash)
      }),
      { numRuns: 300 },
    )
  })

  test.each(['__proto__', 'constructor'])('a table called %s counts', (name) => {
    expect(hashOf(small('a', name))).not.toBe(hashOf(small('b', name)))
    expect(hashOf(filesOfCanonicalText(checkConstitution(small('a', name)).constitution?.text ?? ''))).toBe(
      hashOf(small('a', name)),
    )
  })
})
