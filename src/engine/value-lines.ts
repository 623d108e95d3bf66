/**
 * Any value of plain data and immutable collections as lines of text, and back: equal values give equal lines, whatever they were made from.
 *
 * A line is a JSON array of tokens; all lines together are one row of them. A token that is no array and no object stands for itself. The others begin a
 * value of which the parts follow, or are one that JSON lacks:
 *
 * | token | is |
 * | --- | --- |
 * | `{"keys": […]}` | an object of a new shape, the next by number; its values follow |
 * | `[SHAPE]` | an object of a shape that was there before; its values follow |
 * | `["a", N]`, `["l", N]`, `["q", N]` | an array, a `List`, a `Queue`; N values follow |
 * | `["i", N]` | an `IdMap`; N times an id and its value follow, in the order in which it gives them, which depends on them alone |
 * | `["m", N]` | a `Map`; N times a key and its value follow, in the order of `inOrder` |
 * | `["o", N]` | an `OrderedMap`; the same, in its own order |
 * | `["r", N]` | a native `Map`; the same, in its own order |
 * | `["n", "DIGITS"]` | a bigint |
 * | `["f", NAME]` | `NaN`, `Infinity`, `-Infinity` or `-0` |
 * | `[]` | `undefined` |
 *
 * There is no list of fields here, so none can be left out. What is none of the above is refused.
 */
import { hash, List, Map, OrderedMap } from 'immutable'
import { IdMap } from '../base/id-map.ts'
import { Queue } from '../base/queue.ts'

/** Tokens of a line: so few that making one takes a fraction of a millisecond. */
const LINE_TOKENS = 1024
/** Maps up to this size are sorted; larger ones lie in order already. */
const SORTED_MAX = 64

type Key = string | number
type Entry = readonly [Key, unknown]

/** The lines of `value`, each made when it is asked for. Throws a `TypeError` at what cannot be written. */
export function* valueLines(value: unknown): Generator<string, void> {
  // What is still to be written, from the outermost: what is nested waits on top of what it is nested in.
  const rest = [new Rest([value])]
  const writer = new Tokens(rest)
  for (let top = rest.at(-1); top !== undefined; top = rest.at(-1)) {
    if (top.isDone) rest.pop()
    else writer.put(top.take())
    if (writer.count >= LINE_TOKENS) yield writer.line()
  }
  if (writer.count > 0) yield writer.line()
}

/** Values still to be written, in rows: a step for each value of an iterator takes longer than writing it does. */
class Rest {
  #row: readonly unknown[]
  #at = 0
  readonly #rows: Iterator<readonly unknown[]> | undefined

  constructor(row: readonly unknown[], rows?: Iterator<readonly unknown[]>) {
    this.#row = row
    this.#rows = rows
  }

  /** Whether there is nothing left; looks for the next row. */
  get isDone(): boolean {
    while (this.#at >= this.#row.length) {
      const next = this.#rows?.next()
      if (next === undefined || next.done === true) return true
      this.#row = next.value
      this.#at = 0
    }
    return false
  }

  /** The next value, where there is one. */
  take(): unknown {
    return this.#row[this.#at++]
  }
}

/** Gathers tokens, and numbers the shapes of objects in the order in which they come. */
class Tokens {
  readonly #rest: Rest[]
  #tokens: unknown[] = []
  #shapes = 0
  /** Shapes by their first key, each with the token that stands for it. */
  readonly #known = new globalThis.Map<string | undefined, { keys: readonly string[]; token: unknown }[]>()

  /** Parts of what was put, where they are still to be put, go onto `rest`. */
  constructor(rest: Rest[]) {
    this.#rest = rest
  }

  get count(): number {
    return this.#tokens.length
  }

  /** The line of what was put since the last. */
  line(): string {
    const text = JSON.stringify(this.#tokens)
    this.#tokens = []
    return text
  }

  put(value: unknown): void {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        this.#tokens.push(value)
        return
      case 'number':
        this.#tokens.push(Number.isFinite(value) && !Object.is(value, -0) ? value : ['f', nameOf(value)])
        return
      case 'undefined':
        this.#tokens.push([])
        return
      case 'bigint':
        this.#tokens.push(['n', String(value)])
        return
      case 'object':
        if (value === null) this.#tokens.push(null)
        else this.#putObject(value)
        return
      default:
        throw new TypeError(`a ${typeof value} cannot be written`)
    }
  }

  #putObject(value: object): void {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype === Object.prototype) this.#putPlain(value as Readonly<Record<string, unknown>>)
    else if (Array.isArray(value)) this.#putCollection('a', value.length, [value].values())
    else if (value instanceof IdMap) this.#putCollection('i', value.size, value.rows())
    else if (value instanceof Queue) this.#putCollection('q', value.size, value.rows())
    else if (List.isList(value)) this.#putCollection('l', value.size, inRows(value.values()))
    else if (OrderedMap.isOrderedMap(value)) this.#putCollection('o', value.size, flat(value.entries()))
    else if (Map.isMap(value)) this.#putCollection('m', value.size, flat(inOrder(value)))
    else if (value instanceof globalThis.Map) this.#putCollection('r', value.size, flat(value.entries()))
    else throw new TypeError(`a ${value.constructor.name} cannot be written`)
  }

  #putCollection(kind: string, size: number, rows: Iterator<readonly unknown[]>): void {
    this.#tokens.push([kind, size])
    if (size > 0) this.#rest.push(new Rest([], rows))
  }

  #putPlain(value: Readonly<Record<string, unknown>>): void {
    // Together a third of the time that `Reflect.ownKeys` takes.
    const keys = Object.getOwnPropertyNames(value)
    const [symbol] = Object.getOwnPropertySymbols(value)
    if (symbol !== undefined) throw new TypeError(`the key ${String(symbol)} cannot be written`)
    this.#tokens.push(this.#shapeOf(keys))
    const depth = this.#rest.length
    for (let place = 0; place < keys.length; place += 1) {
      this.put(value[keys[place] as string])
      if (this.#rest.length === depth) continue
      // What comes after a part that has parts itself waits for them.
      const after = keys.slice(place + 1).map((key) => value[key])
      if (after.length > 0) this.#rest.splice(depth, 0, new Rest(after))
      return
    }
  }

  #shapeOf(keys: readonly string[]): unknown {
    const [first] = keys
    const alike = this.#known.get(first)
    if (alike !== undefined) for (const shape of alike) if (isSame(shape.keys, keys)) return shape.token
    if (keys.includes('__proto__')) throw new TypeError('the key __proto__ cannot be written')
    const shape = { keys, token: [this.#shapes] }
    this.#shapes += 1
    if (alike === undefined) this.#known.set(first, [shape])
    else alike.push(shape)
    return { keys }
  }
}

function nameOf(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function isSame(keys: readonly string[], others: readonly string[]): boolean {
  if (keys.length !== others.length) return false
  for (let at = 0; at < keys.length; at += 1) if (keys[at] !== others[at]) return false
  return true
}

/** Values of a row that is made here. */
const ROW = 256

function* inRows(values: Iterable<unknown>): Generator<readonly unknown[]> {
  let row: unknown[] = []
  for (const value of values) {
    row.push(value)
    if (row.length < ROW) continue
    yield row
    row = []
  }
  yield row
}

function* flat(entries: Iterable<readonly unknown[]>): Generator<readonly unknown[]> {
  let row: unknown[] = []
  for (const [key, value] of entries) {
    if (typeof key !== 'string' && typeof key !== 'number')
      throw new TypeError(`a ${typeof key} cannot be written as a key`)
    row.push(key, value)
    if (row.length < ROW) continue
    yield row
    row = []
  }
  yield row
}

/**
 * The entries of a map in the order of their keys' hashes, read from the low bits in fives, and then of the keys: the order in which a large map lies in
 * memory, so that it need not be sorted. How a map came to be shows in the order of small ones, and of keys with one hash, so those are.
 */
function* inOrder(map: Map<unknown, unknown>): Generator<Entry> {
  const entries = map.entries() as Iterator<Entry>
  let alike: Entry[] = []
  let rank = -1
  for (let next = entries.next(); next.done !== true; next = entries.next()) {
    const found = map.size <= SORTED_MAX ? 0 : rankOf(next.value[0])
    if (found < rank) throw new Error('a map does not lie in the order of its keys’ hashes')
    if (found > rank) {
      yield* sorted(alike)
      alike = []
    }
    alike.push(next.value)
    rank = found
  }
  yield* sorted(alike)
}

function sorted(entries: Entry[]): Entry[] {
  if (entries.length < 2) return entries
  return entries.toSorted(([a], [b]) => rankOf(a) - rankOf(b) || (order(a) < order(b) ? -1 : 1))
}

function order(key: Key): string {
  return `${typeof key} ${key}`
}

function rankOf(key: Key): number {
  const bits = hash(key)
  let rank = 0
  for (let shift = 0; shift < 32; shift += 5) rank = rank * 32 + ((bits >>> shift) & 31)
  return rank
}

/** The value that `lines` are of; what follows it is left in them. Throws where they are no such lines. */
export function readValue(lines: Iterator<string>): unknown {
  return new Reader(lines).value()
}

class Reader {
  readonly #lines: Iterator<string>
  readonly #shapes: (readonly string[])[] = []
  #tokens: readonly unknown[] = []
  #at = 0

  constructor(lines: Iterator<string>) {
    this.#lines = lines
  }

  value(): unknown {
    const token = this.#next()
    if (typeof token !== 'object' || token === null) return token
    if (!Array.isArray(token)) return this.#newShape((token as { keys?: unknown }).keys)
    const [kind, of]: unknown[] = token
    if (typeof kind === 'number') return this.#object(this.#shapes[kind])
    switch (kind) {
      case undefined:
        return undefined
      case 'n':
        return BigInt(of as string)
      case 'f':
        return Number(of)
      case 'a':
        return this.#array(sizeIn(of))
      case 'l':
        return List(this.#array(sizeIn(of)))
      case 'q':
        return Queue.of(this.#array(sizeIn(of)))
      case 'i':
        return this.#ids(sizeIn(of))
      case 'm':
        return this.#map(Map<Key, unknown>(), sizeIn(of))
      case 'o':
        return this.#map(OrderedMap<Key, unknown>(), sizeIn(of))
      case 'r':
        return new globalThis.Map(this.#map(OrderedMap<Key, unknown>(), sizeIn(of)))
      default:
        throw new SyntaxError(`the token ${JSON.stringify(token).slice(0, 40)} means nothing`)
    }
  }

  #next(): unknown {
    while (this.#at >= this.#tokens.length) {
      const { done, value } = this.#lines.next()
      if (done === true) throw new SyntaxError('the lines end within a value')
      this.#tokens = JSON.parse(value) as unknown[]
      this.#at = 0
    }
    return this.#tokens[this.#at++]
  }

  #newShape(keys: unknown): unknown {
    if (!Array.isArray(keys) || keys.includes('__proto__')) throw new SyntaxError('a shape has no keys')
    this.#shapes.push(keys)
    return this.#object(keys)
  }

  #object(keys: readonly string[] | undefined): unknown {
    if (keys === undefined) throw new SyntaxError('a shape is not known')
    const value: Record<string, unknown> = {}
    for (const key of keys) value[key] = this.value()
    return value
  }

  #array(size: number): unknown[] {
    const values: unknown[] = []
    for (let at = 0; at < size; at += 1) values.push(this.value())
    return values
  }

  #ids(size: number): IdMap<unknown> {
    let map = IdMap.empty<unknown>()
    for (let at = 0; at < size; at += 1) {
      const [id, value] = [this.value(), this.value()]
      if (typeof id !== 'string' || value === null || value === undefined)
        throw new SyntaxError('an id has no value')
      map = map.set(id, value)
    }
    if (map.size !== size) throw new SyntaxError('a map has a key twice')
    return map
  }

  #map<M extends Map<Key, unknown>>(empty: M, size: number): M {
    const map = empty.withMutations((filling) => {
      for (let at = 0; at < size; at += 1) filling.set(this.value() as Key, this.value())
    })
    if (map.size !== size) throw new SyntaxError('a map has a key twice')
    return map
  }
}

function sizeIn(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new SyntaxError('a collection has no size')
}
