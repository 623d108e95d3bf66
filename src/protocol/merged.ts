/**
 * Values that many write at once and that merge without conflict: the last word, a counter, and a set in which what was added meanwhile outlives a removal.
 * Merging is commutative, associative and idempotent, so that whoever has seen the same words has the same value, in whatever order they came.
 */
import { z } from 'zod'
import { canonicalJson, type Json } from '../base/canonical-json.ts'

/** Writers that one value may ever have had, and elements of a set. */
export const REPLICAS_MAX = 1_024
export const ELEMENTS_MAX = 1_024

const Replica = z.string().min(1).max(200)
const Count = z.int().nonnegative()
const Counts = z.record(Replica, Count)

export const Merged = z.discriminatedUnion('kind', [
  /** The word of the latest time; of two at one time that of the larger writer. */
  z.strictObject({ kind: z.literal('register'), at: z.int().nonnegative(), by: Replica, value: z.json() }),
  z.strictObject({ kind: z.literal('counter'), up: Counts, down: Counts }),
  /** `seen`: how many additions of each writer are known; `items`: the additions that stand, by element. */
  z.strictObject({ kind: z.literal('set'), seen: Counts, items: z.record(z.string().max(128), Counts) }),
])
export type Merged = z.infer<typeof Merged>
type Kind = Merged['kind']
type Of<K extends Kind> = Extract<Merged, { kind: K }>

/** Elements are keys of JSON objects where they are kept, and the one that a reader refuses would hide all others. */
const Element = z
  .string()
  .min(1)
  .max(128)
  .refine((text) => text !== '__proto__', 'expected another word than `__proto__`')

/** The body of `POST /v1/shared/{key}/merge`: what one writer does. */
export const MergeWord = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('register'), value: z.json() }),
  z.strictObject({ kind: z.literal('counter'), add: z.int().min(-1_000_000_000).max(1_000_000_000) }),
  z.strictObject({
    kind: z.literal('set'),
    add: z.array(Element).max(100).optional(),
    remove: z.array(Element).max(100).optional(),
  }),
])
export type MergeWord = z.infer<typeof MergeWord>

/** What nobody has said anything of. */
export function nothing(kind: Kind): Merged {
  switch (kind) {
    case 'register':
      return { kind, at: 0, by: '0', value: null }
    case 'counter':
      return { kind, up: {}, down: {} }
    case 'set':
      return { kind, seen: {}, items: {} }
  }
}

/** Both together. Throws a `TypeError` where they are not of one kind. */
export function merge(one: Merged, other: Merged): Merged {
  if (one.kind === 'register' && other.kind === 'register') return later(one, other)
  if (one.kind === 'counter' && other.kind === 'counter')
    return { kind: 'counter', up: most(one.up, other.up), down: most(one.down, other.down) }
  if (one.kind === 'set' && other.kind === 'set') return mergeSets(one, other)
  throw new TypeError(`a ${one.kind} and a ${other.kind} do not merge`)
}

/** `state` after a writer's word at `at` (milliseconds since 1970). Throws a `TypeError` where it is of another kind. */
export function say(state: Merged, word: MergeWord, replica: string, at: number): Merged {
  if (state.kind === 'register' && word.kind === 'register')
    // A word comes after all that its writer has seen, whatever the clocks say.
    return { kind: 'register', at: Math.max(at, state.at + 1), by: replica, value: word.value }
  if (state.kind === 'counter' && word.kind === 'counter') {
    const side = word.add < 0 ? 'down' : 'up'
    return {
      ...state,
      [side]: { ...state[side], [replica]: (state[side][replica] ?? 0) + Math.abs(word.add) },
    }
  }
  if (state.kind === 'set' && word.kind === 'set') return sayOfSet(state, word, replica)
  throw new TypeError(`it is a ${state.kind} and no ${word.kind}`)
}

/** What a reader is shown. */
export function valueOf(state: Merged): Json {
  if (state.kind === 'register') return state.value
  if (state.kind === 'counter') return sum(state.up) - sum(state.down)
  return Object.keys(state.items).toSorted((a, b) => (a < b ? -1 : 1))
}

/** Whether it has grown beyond what is kept. */
export function isTooLarge(state: Merged): boolean {
  if (state.kind === 'register') return false
  if (state.kind === 'counter')
    return Object.keys(state.up).length + Object.keys(state.down).length > REPLICAS_MAX
  return Object.keys(state.seen).length > REPLICAS_MAX || Object.keys(state.items).length > ELEMENTS_MAX
}

function later(one: Of<'register'>, other: Of<'register'>): Merged {
  if (one.at !== other.at) return one.at > other.at ? one : other
  if (one.by !== other.by) return one.by > other.by ? one : other
  return canonicalJson(one.value) >= canonicalJson(other.value) ? one : other
}

function mergeSets(one: Of<'set'>, other: Of<'set'>): Merged {
  const items: Record<string, Record<string, number>> = {}
  for (const element of new Set([...Object.keys(one.items), ...Object.keys(other.items)])) {
    const kept = standing(own(one.items, element), own(other.items, element), one.seen, other.seen)
    if (Object.keys(kept).length > 0)
      Object.defineProperty(items, element, {
        value: kept,
        enumerable: true,
        configurable: true,
        writable: true,
      })
  }
  return { kind: 'set', seen: most(one.seen, other.seen), items }
}

/** The additions that stand in both: what one has and the other has not is there unless the other has seen it, and so removed it. */
function standing(
  one: Readonly<Record<string, number>>,
  other: Readonly<Record<string, number>>,
  seenByOne: Readonly<Record<string, number>>,
  seenByOther: Readonly<Record<string, number>>,
): Record<string, number> {
  const kept: Record<string, number> = {}
  for (const replica of new Set([...Object.keys(one), ...Object.keys(other)])) {
    const [here, there] = [one[replica] ?? 0, other[replica] ?? 0]
    const [mine, yours] = [
      here === there || here > (seenByOther[replica] ?? 0) ? here : 0,
      here === there || there > (seenByOne[replica] ?? 0) ? there : 0,
    ]
    const last = Math.max(mine, yours)
    if (last > 0) kept[replica] = last
  }
  return kept
}

function sayOfSet(
  state: Of<'set'>,
  { add = [], remove = [] }: MergeWord & { kind: 'set' },
  replica: string,
): Merged {
  let { seen } = state
  const items = new Map(Object.entries(state.items))
  for (const element of remove) items.delete(element)
  for (const element of add) {
    seen = { ...seen, [replica]: (seen[replica] ?? 0) + 1 }
    // What its writers added before is known here, so that one addition stands for all.
    items.set(element, { [replica]: seen[replica] ?? 0 })
  }
  return { kind: 'set', seen, items: Object.fromEntries(items) }
}

function most(
  one: Readonly<Record<string, number>>,
  other: Readonly<Record<string, number>>,
): Record<string, number> {
  const all = { ...one }
  for (const [replica, count] of Object.entries(other)) all[replica] = Math.max(all[replica] ?? 0, count)
  return all
}

function own<T>(of: Readonly<Record<string, T>>, name: string): T | Record<string, never> {
  return Object.hasOwn(of, name) ? (of[name] as T) : {}
}

function sum(of: Readonly<Record<string, number>>): number {
  return Object.values(of).reduce((total, count) => total + count, 0)
}

export const MergedAnswer = z.strictObject({
  schema: z.literal(1),
  key: z.string(),
  kind: z.enum(['register', 'counter', 'set']).nullable().describe('null where nobody has said anything'),
  value: z.json(),
  shared: z
    .boolean()
    .describe('Whether it is with the others; else it will be, and what they said may be missing'),
})
