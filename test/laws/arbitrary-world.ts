/** Random readings: most of them sound, some missing, stale, mistyped or out of range, many exactly at a limit. */
import * as fc from 'fast-check'
import type { Constitution, Read, Reading } from '../../src/constitution/model.ts'
import { ACTION_TYPES, type ActionType } from '../../src/protocol/action.ts'
import { BOOLEANS, ENUMS, NUMBERS, TEXTS, TEXT_VALUES, UNITS, WINDOWS } from './vocabulary.ts'

/** What a source may send: any value at any time. */
interface Sent {
  readonly value: unknown
  readonly at: number | undefined
}

/** Everything that a judging depends on besides the constitution. */
export interface World {
  /** Which of the actions that some rule lists is judged. */
  readonly pick: number
  readonly now: number
  readonly readings: Readonly<Record<string, Sent>>
}

/** Tuesday 2026-12-01, half past nine in New York, and other times around edges of sessions and days. */
const OPEN = Date.UTC(2026, 11, 1, 14, 30)
const times = fc.oneof(
  fc.constantFrom(OPEN, OPEN - 1, OPEN + 6.5 * 3_600_000, Date.UTC(2026, 11, 1), Date.UTC(2026, 11, 6, 23)),
  fc.integer({ min: Date.UTC(2026, 10, 28), max: Date.UTC(2026, 11, 8) }),
)

/** Decimals whose sums, products and shares meet each other and the rules' literals exactly. */
const tie = fc.constantFrom(0, 0.1, 0.2, 0.3, 0.6, 1, 2, 3, 6, 10, 200, 206, 0.03, -0.1, -1)
const edge = fc.constantFrom(
  206.01,
  206.00000000000003,
  1e15 + 0.125,
  999_999_999_999_999.9,
  9007199254740990,
  123_456_789.123_456,
  1e-15,
  0.1 + 2 ** -50,
  0.30000000000000004,
  0.1 + 0.7,
  1e-16,
  -1e-16,
  Number.MAX_SAFE_INTEGER,
  -Number.MAX_SAFE_INTEGER,
  4_503_599_627_370_495.5,
  1 / 3,
  -0,
  300_000,
  2000,
  86_400_000,
)
const number = fc.oneof(
  { weight: 8, arbitrary: tie },
  { weight: 2, arbitrary: edge },
  { weight: 1, arbitrary: fc.integer({ min: -1000, max: 1000 }).map((cents) => cents / 100) },
)

const values: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  ...Object.fromEntries(BOOLEANS.map((name) => [name, fc.boolean()])),
  ...Object.fromEntries(Object.entries(ENUMS).map(([name, list]) => [name, fc.constantFrom(...list)])),
  ...Object.fromEntries(TEXTS.map((name) => [name, fc.constantFrom(...TEXT_VALUES)])),
  ...Object.fromEntries(UNITS.flatMap((unit) => NUMBERS[unit]).map((name) => [name, number])),
  ...Object.fromEntries(Object.keys(WINDOWS).map((name) => [name, number])),
}
/** The facts that a world has readings of. */
export const READ_FACTS: readonly string[] = Object.keys(values)

/** What no fact may be taken from, though for some facts one of them is sound. */
const BROKEN: readonly unknown[] = [
  Number.NaN,
  Number.NaN,
  Number.NaN,
  Infinity,
  -Infinity,
  2 ** 53,
  -(2 ** 53),
  1e300,
  9.9e-17,
  Number.MIN_VALUE,
  '5',
  '5abc',
  '',
  'true',
  'hold',
  'buy',
  'constructor',
  true,
  false,
  0,
  5,
  null,
  [5],
  {},
]
type Spoil = (sent: Sent, now: number) => Sent | undefined
const spoil: fc.Arbitrary<Spoil> = fc.oneof(
  fc.constant<Spoil>(() => undefined),
  fc.constantFrom(...BROKEN).map((value): Spoil => ({ at }) => ({ value, at })),
  fc
    .constantFrom(0, 1, 1999, 2000, 2001, 299_999, 300_000, 300_001, -5000)
    .map((age): Spoil => ({ value }, now) => ({ value, at: now - age })),
)

/** A reading of each fact, of which a few are then spoilt; half of all worlds are sound. */
export const world: fc.Arbitrary<World> = fc
  .record({
    pick: fc.nat({ max: 59 }),
    now: times,
    sound: fc.record(values),
    spoils: fc.oneof(
      fc.constant([]),
      fc.array(fc.tuple(fc.constantFrom(...READ_FACTS), spoil), { minLength: 1, maxLength: 8 }),
    ),
  })
  .map(({ pick, now, sound, spoils }) => {
    const readings: Record<string, Sent> = {}
    for (const [name, value] of Object.entries(sound)) readings[name] = { value, at: undefined }
    for (const [name, change] of spoils) {
      const changed = change(readings[name] ?? { value: undefined, at: undefined }, now)
      if (changed === undefined) delete readings[name]
      else readings[name] = changed
    }
    return { pick, now, readings }
  })

/** Readings without an age; a value that is `undefined` is not read at all. */
export function sentOf(entries: readonly (readonly [name: string, value: unknown])[]): World['readings'] {
  const known = entries.filter(([, value]) => value !== undefined)
  return Object.fromEntries(known.map(([name, value]) => [name, { value, at: undefined }]))
}

/** Reads a world's readings, as faulty sources send them. */
export function readOf({ readings }: Pick<World, 'readings'>): Read {
  return (fact) => {
    const sent = readings[fact]
    return sent && ({ value: sent.value, at: sent.at, source: 'test' } as Reading)
  }
}

/** The world without its reading of `fact`. */
export function without(given: World, fact: string): World {
  const { [fact]: _, ...readings } = given.readings
  return { ...given, readings }
}

/** The action that is judged: one that some rule lists. */
export function actionOf({ pick }: Pick<World, 'pick'>, constitution: Constitution): ActionType {
  const listed = ACTION_TYPES.filter((action) =>
    constitution.rules.some(({ actions }) => actions.includes(action)),
  )
  return listed[pick % listed.length] ?? 'order'
}
