/** The map of ids does what a native one does, whichever version it goes on from, and lies in one order however it was made. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { IdMap } from './id-map.ts'

/** What the properties need of a map. */
interface Persistent extends Iterable<[string, number]> {
  readonly size: number
  get(id: string): number | undefined
  has(id: string): boolean
  set(id: string, value: number): Persistent
  delete(id: string): Persistent
  deleteAll(ids: Iterable<string>): Persistent
}

/** Pairs of texts that have one hash (FNV-1a in 32 bits), also when both are made longer alike. */
const ALIKE = ['costarring', 'liquid', 'declinate', 'macallums', 'altarage', 'zinke'].flatMap((text) => [
  text,
  `${text}-1`,
])
const id = fc.oneof(
  { weight: 3, arbitrary: fc.nat(300).map((number) => `d-${number}`) },
  fc.constantFrom(...ALIKE),
  fc.string({ maxLength: 2 }),
)
/** One step: the version it goes on from, and what it does. */
const step = fc.record({
  from: fc.nat(),
  does: fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('set' as const), id, value: fc.nat(3) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), id }) },
    fc.record({ kind: fc.constant('deleteAll' as const), ids: fc.array(id, { maxLength: 60 }) }),
  ),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** The first difference from native maps after `steps`, each from the newest version or one before; looked for in all versions once all are made. */
function difference(empty: Persistent, steps: readonly Step[]): string | undefined {
  const versions: { real: Persistent; model: ReadonlyMap<string, number> }[] = [
    { real: empty, model: new Map() },
  ]
  for (const { from, does } of steps) {
    const at = from % 4 === 0 ? from % versions.length : versions.length - 1
    const { real, model } = versions[at] as (typeof versions)[number]
    const next = new Map(model)
    if (does.kind === 'set') next.set(does.id, does.value)
    for (const gone of does.kind === 'delete' ? [does.id] : does.kind === 'deleteAll' ? does.ids : [])
      next.delete(gone)
    const made =
      does.kind === 'set'
        ? real.set(does.id, does.value)
        : does.kind === 'delete'
          ? real.delete(does.id)
          : real.deleteAll(does.ids)
    versions.push({ real: made, model: next })
  }
  for (const [number, { real, model }] of versions.entries()) {
    if (real.size !== model.size) return `version ${number} has ${real.size} entries of ${model.size}`
    for (const [key, value] of real)
      if (model.get(key) !== value) return `version ${number}: ${key} is ${value}`
    for (const [key, value] of model)
      if (real.get(key) !== value || !real.has(key)) return `version ${number} lacks ${key}`
    if ([...real].length !== model.size) return `version ${number} gives an entry twice`
    if (real.get('never there') !== undefined) return `version ${number} has what was never there`
  }
  return undefined
}

/** Whether the same entries lie otherwise when they come in another order, with others in between that are gone again. */
function dependsOnHistory(
  empty: Persistent,
  keys: readonly string[],
  others: readonly string[],
  order: readonly number[],
): boolean {
  const build = (ids: readonly string[], from: Persistent): Persistent =>
    ids.reduce((map, key) => map.set(key, key.length), from)
  const shuffled = keys
    .map((key, at) => ({ key, rank: order[at % order.length] ?? 0 }))
    .toSorted((a, b) => a.rank - b.rank)
  const grown = build(
    shuffled.map(({ key }) => key),
    build(others, empty),
  )
  const wanted = new Set(keys)
  const made = grown.deleteAll(others.filter((other) => !wanted.has(other)))
  const text = (map: Persistent): string => JSON.stringify([...map])
  return text(made) !== text(build(keys, empty))
}

const history = [
  fc.array(id, { maxLength: 150 }),
  fc.array(id, { maxLength: 150 }),
  fc.array(fc.integer(), { minLength: 1 }),
] as const

describe('a map of ids', () => {
  test('holds what a native map holds, in every version', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        expect(difference(IdMap.empty<number>(), steps)).toBeUndefined()
      }),
    )
  })

  test('lies in an order that its entries alone make', () => {
    fc.assert(
      fc.property(...history, (keys, others, order) => {
        expect(dependsOnHistory(IdMap.empty<number>(), keys, others, order)).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  test('of ids with one hash keeps them apart, and is as it was once one is gone', () => {
    const one = IdMap.empty<number>().set('liquid', 1)
    const both = one.set('costarring', 2)
    expect([...both]).toEqual([
      ['costarring', 2],
      ['liquid', 1],
    ])
    expect([...both.delete('costarring')]).toEqual([...one])
    expect(both.set('liquid', 3).get('costarring')).toBe(2)
  })

  test('is itself where nothing changes', () => {
    const map = IdMap.empty<number>().set('d-1', 1)
    expect(map.set('d-1', 1)).toBe(map)
    expect(map.delete('d-2')).toBe(map)
    expect(map.deleteAll(['d-2', 'd-3'])).toBe(map)
    expect(map.delete('d-1').size).toBe(0)
  })

  test('of many entries holds them all', () => {
    const keys = Array.from({ length: 20_000 }, (_, at) => `d-${at}`)
    const map = keys.reduce((made, key, at) => made.set(key, at), IdMap.empty<number>())
    expect(map.size).toBe(keys.length)
    expect(keys.every((key, at) => map.get(key) === at)).toBe(true)
    expect(new Set(map.keys()).size).toBe(keys.length)
    expect(map.deleteAll(keys.slice(1)).size).toBe(1)
  })
})

describe('a planted fault is caught:', () => {
  /** Copies a native map: right, but for the order, which is that in which entries came. */
  class Copied implements Persistent {
    readonly entries: Map<string, number>
    constructor(entries: Iterable<[string, number]> = []) {
      this.entries = new Map(entries)
    }
    get size(): number {
      return this.entries.size
    }
    get = (key: string): number | undefined => this.entries.get(key)
    has = (key: string): boolean => this.entries.has(key)
    set(key: string, value: number): Persistent {
      return new Copied([...this.entries, [key, value]])
    }
    delete = (key: string): Persistent => this.deleteAll([key])
    deleteAll(keys: Iterable<string>): Persistent {
      const gone = new Set(keys)
      return new Copied([...this.entries].filter(([key]) => !gone.has(key)))
    }
    [Symbol.iterator](): Iterator<[string, number]> {
      return this.entries[Symbol.iterator]()
    }
  }
  /** Changes the version that it goes on from. */
  class Shared extends Copied {
    override set(key: string, value: number): Persistent {
      this.entries.set(key, value)
      return this
    }
  }

  test('an order that tells how the map was made', () => {
    expect(() =>
      fc.assert(
        fc.property(
          ...history,
          (keys, others, order) => !dependsOnHistory(new Copied(), keys, others, order),
        ),
      ),
    ).toThrow('Property failed')
  })

  test('a version that changes with the next', () => {
    const steps = fc.array(step, { maxLength: 200 })
    expect(() => fc.assert(fc.property(steps, (all) => difference(new Shared(), all) === undefined))).toThrow(
      'Property failed',
    )
    fc.assert(fc.property(steps, (all) => difference(new Copied(), all) === undefined))
  })
})
