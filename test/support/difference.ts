/** Where two values differ, by everything in them: what a state is made of, and no text in between. */
import { isCollection, isKeyed, isOrdered, type Collection } from 'immutable'
import { IdMap } from '../../src/base/id-map.ts'
import { Queue } from '../../src/base/queue.ts'

type Parts = Iterable<readonly [unknown, unknown]>

/** The first place at which `a` and `b` differ, with both; `undefined` where they are the same. Objects have no order of keys, maps only where they keep one. */
export function differenceOf(a: unknown, b: unknown, place = ''): string | undefined {
  if (Object.is(a, b)) return undefined
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return `${place}: ${shown(a)} and ${shown(b)}`
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return `${place}: of two kinds`
  if (isCollection(a) && isKeyed(a) && !isOrdered(a)) {
    const [left, right] = [a, b] as [Collection.Keyed<unknown, unknown>, Collection.Keyed<unknown, unknown>]
    if (left.count() !== right.count()) return `${place}: ${left.count()} and ${right.count()} of them`
    return inAny(left.entries(), place, (key) => right.get(key))
  }
  const [left, right] = [partsOf(a), partsOf(b)]
  if (left !== undefined && right !== undefined) return inRow([...left], [...right], place)
  const other = b as Readonly<Record<string, unknown>>
  // What is `undefined` is as good as absent nowhere: a checkpoint would tell them apart.
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length || keys.some((key) => !Object.hasOwn(b, key)))
    return `${place}: {${keys.join()}} and {${Object.keys(b).join()}}`
  return inAny(Object.entries(a), place, (key) => other[String(key)])
}

/** What comes in an order that means something. */
function partsOf(value: object): Parts | undefined {
  if (Array.isArray(value)) return value.entries()
  if (value instanceof Queue) return [...value].entries()
  if (value instanceof IdMap || value instanceof Map) return value
  return isCollection(value) ? value.entries() : undefined
}

function inRow(
  left: readonly (readonly [unknown, unknown])[],
  right: readonly (readonly [unknown, unknown])[],
  place: string,
): string | undefined {
  if (left.length !== right.length) return `${place}: ${left.length} and ${right.length} of them`
  for (const [at, [key, value]] of left.entries()) {
    const [other, found] = right[at] ?? []
    const difference =
      key === other
        ? differenceOf(value, found, `${place}.${String(key)}`)
        : `${place}: ${shown(key)} and ${shown(other)}`
    if (difference !== undefined) return difference
  }
  return undefined
}

function inAny(parts: Parts, place: string, other: (key: unknown) => unknown): string | undefined {
  for (const [key, value] of parts) {
    const difference = differenceOf(value, other(key), `${place}.${String(key)}`)
    if (difference !== undefined) return difference
  }
  return undefined
}

function shown(value: unknown): string {
  return typeof value === 'bigint'
    ? `${value}n`
    : typeof value === 'number' || value === undefined
      ? Object.is(value, -0)
        ? '-0'
        : String(value)
      : JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part)).slice(
          0,
          200,
        )
}
