/** Every kind of value that a state may hold comes back as it was; equal values are equal lines; what cannot be written is refused. */
import * as fc from 'fast-check'
import { hash, is, List, Map, OrderedMap, Set } from 'immutable'
import { describe, expect, test } from 'vitest'
import { IdMap } from '../base/id-map.ts'
import { Queue } from '../base/queue.ts'
import type { Unstorable } from './storable.ts'
import { readValue, valueLines } from './value-lines.ts'

const linesOf = (value: unknown): string[] => [...valueLines(value)]
const again = (value: unknown): unknown => readValue(linesOf(value).values())

const scalar = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.double(),
  fc.bigInt(),
  fc.boolean(),
  fc.constantFrom(null, undefined, NaN, -0, 0, Infinity, -Infinity, '', '\ud800', 2 ** 53, 5e-324),
)
const key = fc.oneof(
  fc.string({ maxLength: 3 }),
  fc.double().map((number) => (number === 0 ? 0 : number)),
)
const entries = (value: fc.Arbitrary<unknown>) => fc.array(fc.tuple(key, value), { maxLength: 120 })
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { weight: 4, arbitrary: scalar },
    fc.array(tie('value')),
    fc.array(tie('value')).map((values) => List(values)),
    fc.array(tie('value')).map((values) => Queue.of(values)),
    fc
      .array(
        fc.tuple(
          fc.string(),
          tie('value').filter((one) => one != null),
        ),
        { maxLength: 120 },
      )
      .map((pairs) => idMapOf(pairs)),
    entries(tie('value')).map((pairs) => Map(pairs)),
    entries(tie('value')).map((pairs) => OrderedMap(pairs)),
    entries(tie('value')).map((pairs) => new globalThis.Map(pairs)),
    fc.dictionary(
      fc.string().filter((name) => name !== '__proto__'),
      tie('value'),
      { noNullPrototype: true },
    ),
  ),
}))

describe('a value', () => {
  test('comes back as it was, and is the same lines again', () => {
    fc.assert(
      fc.property(value, (one) => {
        const back = again(one)
        expect(linesOf(back)).toEqual(linesOf(one))
        expectSame(back, one)
      }),
    )
  })

  test('has the same lines however its maps were made', () => {
    const collide = ['AaAa', 'BBBB', 'AaBB', 'BBAa']
    expect(new globalThis.Set(collide.map(hash)).size).toBe(1)
    fc.assert(
      fc.property(
        fc.array(fc.oneof(key, fc.constantFrom(...collide)), { maxLength: 200 }),
        fc.array(key, { maxLength: 200 }),
        fc.integer(),
        (keys, others, seed) => {
          const plain = Map(keys.map((each) => [each, 1]))
          // In another order, and with keys in between that are gone again.
          const shuffled = keys.toSorted((a, b) => (hash(`${seed}${a}`) < hash(`${seed}${b}`) ? -1 : 1))
          const grown = Map([...others, ...shuffled].map((each) => [each, 1]))
          const made = grown.deleteAll(others.filter((each) => !plain.has(each)))
          expect(is(made, plain)).toBe(true)
          expect(linesOf(made)).toEqual(linesOf(plain))
        },
      ),
    )
  })

  test('has other lines where the order of a list, an ordered map or keys is another', () => {
    expect(linesOf(List([1, 2]))).not.toEqual(linesOf(List([2, 1])))
    expect(linesOf(OrderedMap({ a: 1, b: 2 }))).not.toEqual(linesOf(OrderedMap({ b: 2, a: 1 })))
    expect(linesOf({ a: undefined })).not.toEqual(linesOf({}))
    expect(linesOf(0)).not.toEqual(linesOf(-0))
    expect(linesOf([1])).not.toEqual(linesOf(List([1])))
    expect(linesOf(1n)).not.toEqual(linesOf(1))
  })

  test('of any size is made of short lines', () => {
    const large = Map(
      Array.from({ length: 20_000 }, (_, index) => [`key-${index}`, { index, list: List([index]) }]),
    )
    const lines = linesOf({ large, after: List(Array.from({ length: 20_000 }, String)) })
    expect(lines.length).toBeGreaterThan(100)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(40_000)
    expect(linesOf(again({ large }))).toEqual(linesOf({ large }))
  })
})

describe('what cannot be written is refused', () => {
  test.each<[string, unknown]>([
    ['a date', new Date(0)],
    ['a native set', new globalThis.Set()],
    ['a set', Set([1])],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a key that is a symbol', { [Symbol('s')]: 1 }],
    ['a key that is an object', Map([[{}, 1]])],
    ['a key that would change the prototype', JSON.parse('{"__proto__": 1}')],
  ])('%s', (_, one) => {
    expect(() => linesOf({ deep: List([one]) })).toThrow('cannot be written')
  })

  test('by the compiler too', () => {
    type Judged<T> = [Unstorable<T>] extends [never] ? 'written' : 'refused'
    const fine: Judged<{ readonly a: Map<string, List<{ readonly b?: bigint | undefined }>> }> = 'written'
    const date: Judged<{ readonly a: Map<string, List<{ readonly at: Date }>> }> = 'refused'
    const set: Judged<{ readonly a: Map<string, Set<string>> }> = 'refused'
    const keys: Judged<{ readonly a: Map<object, string> }> = 'refused'
    expect([fine, date, set, keys]).toEqual(['written', 'refused', 'refused', 'refused'])
  })
})

test.each<[string, readonly string[], string]>([
  ['nothing', [], 'end within a value'],
  ['half of a value', ['[["l",3],1,2]'], 'end within a value'],
  ['a collection without a size', ['[["l"],1]'], 'has no size'],
  ['a shape that was not there', ['[[7]]'], 'shape is not known'],
  ['a kind that is none', ['[["z",1]]'], 'means nothing'],
  ['an id twice', ['[["i",2],"a",1,"a",2]'], 'a key twice'],
  ['an id that is none', ['[["i",1],1,1]'], 'an id has no value'],
  ['an id without a value', ['[["i",1],"a",[]]'], 'an id has no value'],
  ['a key twice', ['[["m",2],"a",1,"a",2]'], 'a key twice'],
  ['no JSON', ['['], 'JSON'],
])('lines with %s are no value', (_, lines, message) => {
  expect(() => readValue(lines.values())).toThrow(message)
})

function idMapOf(pairs: readonly (readonly [string, unknown])[]): IdMap<unknown> {
  return pairs.reduce((map, [id, one]) => map.set(id, one), IdMap.empty<unknown>())
}

/** The same kinds all the way down. */
function expectSame(a: unknown, b: unknown): void {
  if (typeof b !== 'object' || b === null) expect(a).toBe(b)
  else if (List.isList(b)) {
    expect(List.isList(a)).toBe(true)
    expectSame((a as List<unknown>).toArray(), b.toArray())
  } else if (b instanceof Queue) {
    expect(a).toBeInstanceOf(Queue)
    expectSame([...(a as Queue<unknown>)], [...b])
  } else if (b instanceof IdMap) {
    expect(a).toBeInstanceOf(IdMap)
    expectSame([...(a as IdMap<unknown>)], [...b])
  } else if (b instanceof globalThis.Map) {
    expect(a).toBeInstanceOf(globalThis.Map)
    expectSame([...(a as globalThis.Map<unknown, unknown>)], [...b])
  } else if (Map.isMap(b)) {
    expect(OrderedMap.isOrderedMap(a)).toBe(OrderedMap.isOrderedMap(b))
    expect((a as Map<unknown, unknown>).size).toBe(b.size)
    for (const [name, part] of b) expectSame((a as Map<unknown, unknown>).get(name), part)
  } else {
    expect(Object.getPrototypeOf(a)).toBe(Object.getPrototypeOf(b))
    expect(Object.keys(a as object)).toEqual(Object.keys(b))
    for (const name of Object.keys(b))
      expectSame((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name])
  }
}
