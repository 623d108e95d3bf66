/** What JSON.parse would repair silently is refused, with the path to it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NESTING_MAX, parseStrictJson, parseStrictJsonBytes } from './strict-json.ts'

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

describe('refused', () => {
  test.each<[string, string, string, string]>([
    ['a key twice', '{"a":1,"a":1}', '/a', 'is there twice'],
    ['a key twice, written otherwise', String.raw`{"a":1,"\u0061":2}`, '/a', 'is there twice'],
    ['a key twice, deep', '{"a":[0,{"b":{"c":1,"c":2}}]}', '/a/1/b/c', 'is there twice'],
    ['a key twice behind a nested one of that name', '{"a":{"a":1},"a":2}', '/a', 'is there twice'],
    ['a number that is rounded', '{"a":9007199254740993}', '/a', 'more digits'],
    ['a fraction that is rounded', '[0.1,0.1000000000000000055]', '/1', 'more digits'],
    ['a number that overflows', '{"a":[1e400]}', '/a/0', 'too large'],
    ['and one below zero', '-1e400', '', 'too large'],
    ['a number that vanishes', '{"a":1e-400}', '/a', 'too small'],
    ['minus zero', '{"a":-0}', '/a', 'minus zero'],
    ['minus zero with a fraction', '[-0.000]', '/0', 'minus zero'],
    ['minus zero with an exponent', '[-0e5]', '/0', 'minus zero'],
    ['a prototype', '{"a":{"__proto__":{}}}', '/a/__proto__', 'not a key'],
    ['a constructor', '{"constructor":1}', '/constructor', 'not a key'],
    ['a prototype, written otherwise', String.raw`{"__prot\u006f__":1}`, '/__proto__', 'not a key'],
    ['nesting', nested(NESTING_MAX + 1), '', 'nests deeper than 32'],
    ['nesting without end', '['.repeat(1_000_000), '', 'nests deeper than 32'],
    ['a byte order mark', '\uFEFF{}', '', 'is not JSON'],
    ['nothing', '', '', 'is not JSON'],
    ['a trailing comma', '[1,]', '', 'is not JSON'],
    ['a comment', '{} // x', '', 'is not JSON'],
    ['not a number', 'NaN', '', 'is not JSON'],
    ['a leading zero', '01', '', 'is not JSON'],
    ['single quotes', "{'a':1}", '', 'is not JSON'],
    ['an escape that JSON does not have, in a key', String.raw`{"\x":1}`, '', 'is not JSON'],
    ['a string that never ends', '{"a":"b', '', 'is not JSON'],
    ['two values', '{} {}', '', 'is not JSON'],
  ])('%s', (_, text, path, message) => {
    expect(parseStrictJson(text)).toMatchObject({
      ok: false,
      path,
      message: expect.stringContaining(message) as string,
    })
  })

  test('bytes that are no UTF-8, or begin with a byte order mark', () => {
    expect(parseStrictJsonBytes(Uint8Array.of(0x22, 0xff, 0x22))).toMatchObject({
      ok: false,
      message: 'is not UTF-8',
    })
    expect(parseStrictJsonBytes(Uint8Array.of(0xef, 0xbb, 0xbf, 0x30)).ok).toBe(false)
    expect(parseStrictJsonBytes(new TextEncoder().encode('"€"'))).toEqual({ ok: true, value: '€' })
  })
})

describe('taken', () => {
  test.each([
    nested(NESTING_MAX),
    '{"a":"1e400 -0 {\\"a\\":1,\\"a\\":2} __proto__"}',
    '{"a":{"b":1},"b":{"b":1}}',
    '[{"a":1},{"a":1}]',
    '[1.50,0.000,0e-400,1e23,100000000000000000000000,9007199254740992,1E+2,0.30000000000000004,5e-324]',
    '{"":1," ":2}',
    ' [ ] ',
    String.raw`"\\\""`,
  ])('%s', (text) => {
    expect(parseStrictJson(text)).toEqual({ ok: true, value: JSON.parse(text) as unknown })
  })

  test('everything that JSON.stringify writes of plain values', () => {
    const key = fc.string().filter((name) => !['__proto__', 'constructor', 'prototype'].includes(name))
    const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0 || 0)
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.string(),
        number,
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value')),
        fc.dictionary(key, tie('value')),
      ),
    }))
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 2), (given, indent) => {
        const text = JSON.stringify(given, null, indent)
        expect(parseStrictJson(text)).toEqual({ ok: true, value: JSON.parse(text) as unknown })
      }),
      { numRuns: 2000 },
    )
  })

  test('a number is taken exactly when its shortest text is the same decimal', () => {
    const digits = fc.tuple(fc.bigInt({ min: 1n, max: 10n ** 22n }), fc.integer({ min: -25, max: 3 }))
    fc.assert(
      fc.property(digits, ([whole, exponent]) => {
        const text = `${whole}e${exponent}`
        const [mantissa = '', power = '0'] = Number(text).toExponential().split('e')
        const places = mantissa.split('.')[1]?.length ?? 0
        const back = BigInt(mantissa.replace('.', ''))
        const shift = Number(power) - places - exponent
        const same =
          shift >= 0 ? back * 10n ** BigInt(shift) === whole : back === whole * 10n ** BigInt(-shift)
        expect(parseStrictJson(text).ok).toBe(same)
      }),
      { numRuns: 2000 },
    )
  })
})
