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
  const writer = new Tokens()
  // Values still to be written, from the innermost: what is nested waits on top of what it is nested in.
  const rest: Iterator<unknown>[] = [[value].values()]
  for (let top = rest.at(-1); top !== undefined; top = rest.at(-1)) {
    const { done, value: next } = top.next()
    if (done === true) rest.pop()
    else {
      const parts = writer.put(next)
      if (parts !== undefined) rest.push(parts)
    }
    if (writer.count >= LINE_TOKENS) yield writer.line()
  }
  if (writer.count > 0) yield writer.line()
}

/** Gathers tokens, and numbers the shapes of objects in the order in which they come. */
class Tokens {
  #tokens: unknown[] = []
  #shapes = 0
  /** Shapes by their first key, each with the token that stands for it. */
  readonly #known = new globalThis.Map<string | undefined, { keys: readonly string[]; token: unknown }[]>()

  get count(): number {
    return this.#tokens.length
  }

  /** The line of what was put since the last. */
  line(): string {
    const text = JSON.stringify(this.#tokens)
    this.#tokens = []
    return text
  }

  /** Puts the token of `value`; answers its parts, where they are still to be put. */
  put(value: unknown): Iterator<unknown> | undefined {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        this.#tokens.push(value)
        return undefined
      case 'number':
        this.#tokens.push(Number.isFinite(value) && !Object.is(value, -0) ? value : ['f', nameOf(value)])
        return undefined
      case 'undefined':
        this.#tokens.push([])
        return undefined
      case 'bigint':
        this.#tokens.push(['n', String(value)])
        return undefined
      case 'object':
        return value === null ? void this.#tokens.push(null) : this.#putObject(value)
      default:
        throw new TypeError(`a ${typeof value} cannot be written`)
    }
  }

  #putObject(value: object): Iterator<unknown> | undefined {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype === Object.prototype) return this.#putPlain(value as Readonly<Record<string, unknown>>)
    if (Array.isArray(value)) return this.#putCollection('a', value.length, value.values())
    if (value instanceof IdMap) return this.#putCollection('i', value.size, value.parts())
    if (value instanceof Queue) return this.#putCollection('q', value.size, value[Symbol.iterator]())
    if (List.isList(value)) return this.#putCollection('l', value.size, value.values())
    if (OrderedMap.isOrderedMap(value)) return this.#putCollection('o', value.size, flat(value.entries()))
    if (Map.isMap(value)) return this.#putCollection('m', value.size, flat(inOrder(value)))
    if (value instanceof globalThis.Map) return this.#putCollection('r', value.size, flat(value.entries()))
    throw new TypeError(`a ${value.constructor.name} cannot be written`)
  }

  #putCollection(kind: string, size: number, parts: Iterator<unknown>): Iterator<unknown> | undefined {
    this.#tokens.push([kind, size])
    return size === 0 ? undefined : parts
  }

  #putPlain(value: Readonly<Record<string, unknown>>): Iterator<unknown> | undefined {
    const keys = Reflect.ownKeys(value)
    this.#tokens.push(this.#shapeOf(keys))
    for (const [place, key] of keys.entries()) {
      const parts = this.put(value[key as string])
      // What comes after a part that has parts itself waits for them.
      if (parts !== undefined) return then(parts, value, keys as string[], place + 1)
    }
    return undefined
  }

  #shapeOf(keys: readonly (string | symbol)[]): unknown {
    const [first] = keys as string[]
    const alike = this.#known.get(first)
    const known = alike?.find((shape) => isSame(shape.keys, keys))
    if (known !== undefined) return known.token
    for (const key of keys)
      if (typeof key !== 'string' || key === '__proto__')
        throw new TypeError(`the key ${String(key)} cannot be written`)
    const shape = { keys: keys as string[], token: [this.#shapes] }
    this.#shapes += 1
    if (alike === undefined) this.#known.set(first, [shape])
    else alike.push(shape)
    return { keys }
  }
}

function nameOf(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function isSame(keys: readonly string[], others: readonly (string | symbol)[]): boolean {
  if (keys.length !== others.length) return false
  for (let at = 0; at < keys.length; at += 1) if (keys[at] !== others[at]) return false
  return true
}

/** `parts`, then the values of `value` from the key at `from`. */
function* then(
  parts: Iterator<unknown>,
  value: Readonly<Record<string, unknown>>,
  keys: readonly string[],
  from: number,
): Generator {
  for (let next = parts.next(); next.done !== true; next = parts.next()) yield next.value
  for (let at = from; at < keys.length; at += 1) yield value[keys[at] as string]
}

function* flat(entries: Iterable<readonly unknown[]>): Generator {
  for (const [key, value] of entries) {
    if (typeof key !== 'string' && typeof key !== 'number')
      throw new TypeError(`a ${typeof key} cannot be written as a key`)
    yield key
    yield value
  }
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
