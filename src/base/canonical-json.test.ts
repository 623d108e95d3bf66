/** One value, one text; and the hash of it. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalJson, type Json } from './canonical-json.ts'
import { sha256 } from './hash.ts'

test.each<[string, Json, string]>([
  ['sorted members, at every depth', { b: 1, a: { d: [], c: null } }, '{"a":{"c":null,"d":[]},"b":1}'],
  [
    'sorted by code units, not by alphabet or number',
    { é: 1, z: 2, Z: 3, '10': 4, '9': 5, '😀': 6, '\uFB33': 7 },
    '{"10":4,"9":5,"Z":3,"z":2,"é":1,"😀":6,"\uFB33":7}',
  ],
  ['lists keep their order', [3, 1, 2], '[3,1,2]'],
  ['numbers as ECMAScript prints them', [1e21, 1e-7, 0.1, -0, 100], '[1e+21,1e-7,0.1,0,100]'],
  ['what is undefined is left out', { a: undefined, b: 1 }, '{"b":1}'],
  ['texts are escaped as little as may be', '€"\\\n\u0001', '"€\\"\\\\\\n\\u0001"'],
])('%s', (_, value, text) => {
  expect(canonicalJson(value)).toBe(text)
})

test.each([Number.NaN, Number.POSITIVE_INFINITY])('%d is not JSON', (value) => {
  expect(() => canonicalJson([value])).toThrow(TypeError)
})

test('read back it is the same value, and written again the same text, in whatever order it came', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const text = canonicalJson(value)
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      expect(canonicalJson(JSON.parse(text) as Json)).toBe(text)
      expect(canonicalJson(reversed(value as Json))).toBe(text)
    }),
    { numRuns: 1000 },
  )
})

function reversed(value: Json): Json {
  if (Array.isArray(value)) return (value as Json[]).map(reversed)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, member]) => [key, reversed(member as Json)]),
  )
}

test('the hash is that of FIPS 180-4, of text as UTF-8', () => {
  expect(sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  expect(sha256('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  expect(sha256('€')).toBe(sha256(new TextEncoder().encode('€')))
})
