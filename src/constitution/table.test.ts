/** Rows of tables: the leftmost exact match wins, `*` stands for any known key, and units of columns. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Issues } from '../base/issue.ts'
import { readTable, rowFinder, type Table } from './table.ts'
import { dimensionName, displayUnit, parseDimension, sameDimension, UNIT_WORDS } from './units.ts'

function tableOf(text: string): Table {
  const issues = new Issues()
  const table = readTable('limits', 'tables/limits.csv', text, issues)
  if (table === undefined) throw new Error(issues.list.map(({ message }) => message).join('\n'))
  return table
}

describe('which row', () => {
  const find = rowFinder(tableOf('a.one,a.two,max [count]\n*,*,0\n*,x,1\ny,*,2\ny,x,3\nz,x,4\n'))
  test.each<[(string | undefined)[], number | undefined]>([
    [['y', 'x'], 3],
    [['y', 'other'], 2],
    [['other', 'x'], 1],
    [['z', 'x'], 4],
    [['z', 'other'], 0],
    [['other', 'other'], 0],
    [['*', 'x'], 1],
    [['', ''], 0],
    [[undefined, 'x'], undefined],
    [['y', undefined], undefined],
  ])('%j', (keys, row) => {
    expect(find(keys)).toBe(row)
  })

  test.each(['\r\n', '\n', '\r', 'all of them'])('whatever ends the lines: %j', (end) => {
    const text = ['a.one,max [count]', 'x,1', 'y,2', 'z,3', ''].join('@')
    const ends = end === 'all of them' ? ['\r\n', '\n', '\r', '\n'] : [end, end, end, end]
    const table = tableOf(ends.reduce((all, one) => all.replace('@', one), text))
    expect(['x', 'y', 'z'].map((key) => rowFinder(table)([key]))).toEqual([0, 1, 2])
  })

  test('none', () => {
    expect(rowFinder(tableOf('a.one,max [count]\nx,1\n'))(['y'])).toBe(-1)
  })

  test('agrees with looking at every row, whatever their order', () => {
    const key = fc.constantFrom('*', 'x', 'y', 'z')
    const rows = fc.uniqueArray(fc.tuple(key, key, key), { minLength: 1, selector: (keys) => keys.join() })
    fc.assert(
      fc.property(
        rows,
        fc.array(fc.constantFrom('x', 'y', 'w'), { minLength: 3, maxLength: 3 }),
        (given, asked) => {
          const found = rowFinder(
            tableOf(`a.a,a.b,a.c,max [count]\n${given.map((keys) => `${keys.join()},1`).join('\n')}`),
          )
          // The leftmost exact match weighs more than all that stand right of it.
          const weight = (keys: readonly string[]): number =>
            keys.reduce((sum, cell, at) => sum * 2 + (cell === asked[at] ? 1 : 0), 0)
          const fitting = [...given.entries()].filter(([, keys]) =>
            keys.every((cell, at) => cell === '*' || cell === asked[at]),
          )
          const best = fitting.toSorted(([, a], [, b]) => weight(b) - weight(a))[0]
          expect(found(asked)).toBe(best?.[0] ?? -1)
        },
      ),
      { numRuns: 500 },
    )
  })
})

test('cells as the column says', () => {
  const table = tableOf(
    'a.one,share [%],worth [money],on [date],open [yes/no],label [text],rate [money/quantity]\nx,0.1,-2.50,2026-01-31,yes,"a, b",1\ny,7,0,1969-12-31,no,*,2\n',
  )
  expect(table.rows.map(({ cells }) => cells)).toEqual([
    [0.001, -2.5, Date.parse('2026-01-31'), true, 'a, b', 1],
    [0.07, 0, Date.parse('1969-12-31'), false, '*', 2],
  ])
})

describe('units', () => {
  test('a word is read and named back', () => {
    for (const word of UNIT_WORDS)
      expect(
        dimensionName(parseDimension(word) ?? { quantity: 9, money: 9, local: 9, duration: 9, count: 9 }),
      ).toBe(word)
  })

  test.each([
    ['local/quantity', 'price'],
    ['money/local', 'fx'],
    ['money/money', 'ratio'],
    ['price/price', 'ratio'],
    ['money/quantity', 'money/quantity'],
    ['count / duration', 'count/duration'],
    ['ratio/duration', '1/duration'],
    ['ratio/duration/duration', '1/duration^2'],
  ])('%s is %s', (text, name) => {
    const dimension = parseDimension(text)
    expect(dimension && dimensionName(dimension)).toBe(name)
  })

  test.each(['', 'mony', 'money*price', 'money/', '/money', 'constructor', 'money/toString', '__proto__'])(
    '`%s` is none',
    (text) => {
      expect(parseDimension(text)).toBeUndefined()
    },
  )

  test('as printed beside a number', () => {
    const shown = (text: string): string | undefined => {
      const dimension = parseDimension(text)
      return dimension && displayUnit(dimension, 'USD')
    }
    expect(['money', 'duration', 'money/quantity', 'fx', 'price', 'ratio'].map(shown)).toEqual([
      'USD',
      'ms',
      'USD/quantity',
      'fx',
      'price',
      'ratio',
    ])
  })

  test('price times quantity times fx is money', () => {
    const [price, quantity, fx, money] = ['price', 'quantity', 'fx', 'money'].map((word) =>
      parseDimension(word),
    )
    if (price === undefined || quantity === undefined || fx === undefined || money === undefined)
      throw new Error('expected units')
    const product = Object.fromEntries(
      Object.entries(price).map(([base, power]) => [
        base,
        power + quantity[base as 'money'] + fx[base as 'money'],
      ]),
    )
    expect(sameDimension(product as unknown as typeof money, money)).toBe(true)
  })
})
