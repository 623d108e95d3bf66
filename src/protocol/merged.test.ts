/** Whatever is said by whom, and in whatever order it is merged, all come to the same; a fault in the merge is caught. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { merge, MergeWord, nothing, say, valueOf, type Merged } from './merged.ts'

type Merge = typeof merge
const REPLICAS = ['a', 'b', 'c'] as const

const wordOf = (kind: Merged['kind']): fc.Arbitrary<MergeWord> => {
  const element = fc.constantFrom('x', 'y', '__proto__')
  if (kind === 'register')
    return fc.record({ kind: fc.constant(kind), value: fc.integer({ min: 0, max: 3 }) })
  if (kind === 'counter') return fc.record({ kind: fc.constant(kind), add: fc.integer({ min: -3, max: 3 }) })
  return fc.record({
    kind: fc.constant(kind),
    add: fc.array(element, { maxLength: 2 }),
    remove: fc.array(element, { maxLength: 2 }),
  })
}

interface Said {
  readonly by: number
  readonly word: MergeWord
  readonly at: number
}
interface Heard {
  readonly to: number
  readonly from: number
}

/** Three writers say things and hear each other now and then; then all hear all. */
const storyOf = (kind: Merged['kind']) =>
  fc.array(
    fc.oneof(
      fc.record({ by: fc.constantFrom(0, 1, 2), word: wordOf(kind), at: fc.integer({ min: 0, max: 5 }) }),
      fc.record({ to: fc.constantFrom(0, 1, 2), from: fc.constantFrom(0, 1, 2) }),
    ),
    { maxLength: 20 },
  )

function play(kind: Merged['kind'], story: readonly object[], how: Merge): Merged[] {
  const states: Merged[] = REPLICAS.map(() => nothing(kind))
  const at = (place: number): Merged => states[place] as Merged
  for (const step of story as readonly (Said | Heard)[]) {
    if ('word' in step) states[step.by] = say(at(step.by), step.word, REPLICAS[step.by] ?? '', step.at)
    else states[step.to] = how(at(step.to), at(step.from))
  }
  return states
}

/** Throws where the laws of a merge do not hold. */
function holdLaws(kind: Merged['kind'], how: Merge, runs: number): void {
  fc.assert(
    fc.property(storyOf(kind), (story) => {
      const [a, b, c] = play(kind, story, how) as [Merged, Merged, Merged]
      expect(how(a, b)).toEqual(how(b, a))
      expect(how(how(a, b), c)).toEqual(how(a, how(b, c)))
      expect(how(a, a)).toEqual(a)
      expect(how(how(a, b), b)).toEqual(how(a, b))
    }),
    { numRuns: runs },
  )
}

const KINDS = ['register', 'counter', 'set'] as const

describe.each(KINDS)('a %s', (kind) => {
  test('merges alike in any order, and once and twice', () => {
    holdLaws(kind, merge, process.env.EPHOR_LONG === '1' ? 20_000 : 500)
  })
})

test('a counter is the sum of all that was said', () => {
  fc.assert(
    fc.property(storyOf('counter'), (story) => {
      const states = play('counter', story, merge)
      const all = states.reduce(merge)
      const said = (story as readonly { word?: { add: number } }[]).reduce(
        (sum, { word }) => sum + (word?.add ?? 0),
        0,
      )
      expect(valueOf(all)).toBe(said)
    }),
  )
})

test('what is added while another removes it stays; what all have seen removed is gone', () => {
  const added = say(nothing('set'), { kind: 'set', add: ['x'] }, 'a', 0)
  const removed = say(added, { kind: 'set', remove: ['x'] }, 'b', 0)
  const again = say(added, { kind: 'set', add: ['x'] }, 'a', 0)
  expect(valueOf(merge(removed, again))).toEqual(['x'])
  expect(valueOf(merge(removed, added))).toEqual([])
})

describe('a fault that is planted is caught', () => {
  test.each<[string, Merged['kind'], Merge]>([
    ['a register that takes the other’s', 'register', (_, other) => other],
    [
      'a counter that adds what it hears',
      'counter',
      (one, other) =>
        one.kind === 'counter' && other.kind === 'counter'
          ? {
              ...one,
              up: Object.fromEntries(REPLICAS.map((it) => [it, (one.up[it] ?? 0) + (other.up[it] ?? 0)])),
            }
          : one,
    ],
    [
      'a set that forgets whose additions it has seen',
      'set',
      (one, other) => {
        const both = merge(one, other)
        return both.kind === 'set' && one.kind === 'set' ? { ...both, seen: one.seen } : both
      },
    ],
  ])('%s', (_, kind, how) => {
    expect(() => holdLaws(kind, how, 2_000)).toThrow(/Property failed/)
  })
})

test.each(['add', 'remove'])(
  'an element that would make the whole set unreadable is no word to %s',
  (how) => {
    const word = (element: string) => MergeWord.safeParse({ kind: 'set', [how]: [element] }).success
    expect(word('proto')).toBe(true)
    expect(word('__proto__')).toBe(false)
  },
)
