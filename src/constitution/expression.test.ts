/** The parser: precedence, literals and places; what does not parse is in test/mistakes. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { children, factsIn, parseExpression, type Expression } from './expression.ts'
import { ExpressionError } from './tokens.ts'

/** The tree in brackets. */
function printed(node: Expression): string {
  switch (node.kind) {
    case 'fact':
      return node.name
    case 'number':
      return String(node.value)
    case 'text':
      return `'${node.value}'`
    case 'boolean':
      return String(node.value)
    case 'in':
      return `(${printed(node.left)} in ${node.values.join('|')})`
    case 'equal':
      return `(${printed(node.left)} ${node.negated ? '!=' : '=='} ${printed(node.right)})`
    case 'compare':
    case 'arithmetic':
      return `(${printed(node.left)} ${node.operator} ${printed(node.right)})`
    case 'not':
      return `(not ${printed(node.of)})`
    case 'and':
    case 'or':
      return `(${node.of.map(printed).join(` ${node.kind} `)})`
    case 'call':
      return `${node.name}(${node.of.map(printed).join(', ')})`
  }
}

test.each([
  ['a.b + c.d * e.f', '(a.b + (c.d * e.f))'],
  ['a.b - c.d - e.f', '((a.b - c.d) - e.f)'],
  ['a.b / c.d / e.f', '((a.b / c.d) / e.f)'],
  ['a.b * (c.d + e.f)', '(a.b * (c.d + e.f))'],
  ['a.b - -c.d', '(a.b - (0 - c.d))'],
  ['-a.b * c.d', '((0 - a.b) * c.d)'],
  ['a.b + 1 > c.d * 2', '((a.b + 1) > (c.d * 2))'],
  ['a.b and c.d and e.f', '(a.b and c.d and e.f)'],
  ['(a.b and c.d) or e.f', '((a.b and c.d) or e.f)'],
  ['not a.b and c.d', '((not a.b) and c.d)'],
  ['not (a.b > 1)', '(not (a.b > 1))'],
  ['a.b == \'x\' or a.b != "y"', "((a.b == 'x') or (a.b != 'y'))"],
  ["a.b in ['x', 'y']", '(a.b in x|y)'],
  ['if(a.b > 1, c.d, max(1, 2, 3)) >= 0', '(if((a.b > 1), c.d, max(1, 2, 3)) >= 0)'],
  ['multiple(a.b, 0.1)', 'multiple(a.b, 0.1)'],
  ['a.b>1 and c.d', '((a.b > 1) and c.d)'],
  ['android.or_not', 'android.or_not'],
])('%s', (text, tree) => {
  expect(printed(parseExpression(text))).toBe(tree)
})

describe('literals', () => {
  test.each<[string, number, unknown]>([
    ['5', 5, 'bare'],
    ['1e3', 1000, 'bare'],
    ['0', 0, 'zero'],
    ['0%', 0, 'zero'],
    ['0.000s', 0, 'zero'],
    ['2%', 0.02, { duration: 0, money: 0 }],
    ['0.1%', 0.001, { money: 0 }],
    ['7%', 0.07, { money: 0 }],
    ['29%', 0.29, { money: 0 }],
    ['500ms', 500, { duration: 1 }],
    ['0.1s', 100, { duration: 1 }],
    ['5min', 300_000, { duration: 1 }],
    ['24h', 86_400_000, { duration: 1 }],
    ['2d', 172_800_000, { duration: 1 }],
    ['250000 USD', 250_000, { currency: 'USD' }],
    ['0.30 USDT', 0.3, { currency: 'USDT' }],
    ['123456789.012345', 123_456_789.012_345, 'bare'],
  ])('%s', (text, value, unit) => {
    expect(parseExpression(text)).toMatchObject({ kind: 'number', value, unit })
  })
})

test('every node knows where it stands', () => {
  const text = "not (a.b > 2%) and min(c.d, 5min) <= e.f - 1 and g.h in ['x']"
  const spans: string[] = []
  const visit = (node: Expression): void => {
    spans.push(text.slice(node.start, node.end))
    for (const child of children(node)) visit(child)
  }
  visit(parseExpression(text))
  expect(spans).toEqual([
    text,
    'not (a.b > 2%)',
    '(a.b > 2%)',
    'a.b',
    '2%',
    'min(c.d, 5min) <= e.f - 1',
    'min(c.d, 5min)',
    'c.d',
    '5min',
    'e.f - 1',
    'e.f',
    '1',
    "g.h in ['x']",
    'g.h',
  ])
})

test('the facts that are read, each once', () => {
  expect([...factsIn(parseExpression("a.b > c.d and (a.b < 1 or x.y in ['a.z'])"))]).toEqual([
    'a.b',
    'c.d',
    'x.y',
  ])
})

test.each([
  ['a.b ^ 1', 4],
  ['a.b >', 5],
  ['(a.b > 1', 8],
  ['a.b > 1)', 7],
  ['foo(a.b)', 0],
  ['1 + abs(a.b, 2)', 4],
  ['', 0],
  ['a.b c.d', 4],
  ["a.b == 'x", 7],
  ['2parsecs', 1],
  ['a.b and c.d or e.f', 12],
])('the mistake in `%s` is at %i', (text, offset) => {
  let error: unknown
  try {
    parseExpression(text)
  } catch (caught) {
    error = caught
  }
  expect(error).toBeInstanceOf(ExpressionError)
  expect((error as ExpressionError).offset).toBe(offset)
})

test('any text parses or is refused where it stands, and never anything else', () => {
  const piece = fc.constantFrom(
    'a.b',
    '1',
    '2%',
    '5min',
    "'x'",
    '(',
    ')',
    '[',
    ']',
    ',',
    ' ',
    'and',
    'or',
    'not',
    'in',
    '<',
    '>=',
    '==',
    '+',
    '-',
    '*',
    '/',
    'min',
    'if',
    'toString',
    'constructor',
    '__proto__',
    '%',
    '.',
    '\n',
    'é',
    '1e999',
    '9'.repeat(30),
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ maxLength: 40 }),
        fc.array(piece, { maxLength: 30 }).map((of) => of.join('')),
      ),
      (text) => {
        try {
          const node = parseExpression(text)
          expect(node.start).toBeGreaterThanOrEqual(0)
          expect(node.end).toBeLessThanOrEqual(text.length)
        } catch (error) {
          if (!(error instanceof ExpressionError)) throw error
          expect(error.offset).toBeGreaterThanOrEqual(0)
          expect(error.offset).toBeLessThanOrEqual(text.length)
        }
      },
    ),
    { numRuns: 20_000 },
  )
})
