/** Ids rise, carry their time, and are what the sidecar takes. */
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { timeOfId } from '../protocol/action.ts'
import { TimeOrderedId } from '../protocol/common.ts'
import { idsFrom } from './ids.ts'

/** A source whose clock reads `times`, one after another. */
function idsAt(times: readonly number[], random: (bytes: number) => Uint8Array = randomBytes): () => string {
  let index = 0
  return idsFrom({ now: () => times[index++] ?? 0, random })
}

const START = Date.parse('2026-12-01T17:00:00Z')

test('an id is a UUIDv7 of its millisecond', () => {
  const zeros = idsAt([START], (bytes) => new Uint8Array(bytes))
  expect(zeros()).toBe('019adad0-ae80-7000-8000-000000000000'.replace(/^.{13}/, stampOf(START)))
  const ones = idsAt([START], (bytes) => new Uint8Array(bytes).fill(0xff))
  expect(ones()).toBe(`${stampOf(START)}-77ff-bfff-ffffffffffff`)
  fc.assert(
    fc.property(fc.nat(2 ** 47), fc.uint8Array({ minLength: 10, maxLength: 10 }), (time, bytes) => {
      const id = idsAt([time], () => bytes)()
      expect(TimeOrderedId.safeParse(id).success).toBe(true)
      expect(timeOfId(id)).toBe(time)
    }),
  )
})

function stampOf(time: number): string {
  const hex = time.toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}`
}

test('ids rise while the clock stands, moves on, and steps back by less than ten seconds', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -5000, max: 5000 }), { maxLength: 300 }), (offsets) => {
      const next = idsAt(offsets.map((offset) => START + offset))
      const ids = offsets.map(() => next())
      expect(ids).toEqual(ids.toSorted())
      expect(new Set(ids).size).toBe(ids.length)
    }),
  )
})

test('more ids than a millisecond counts go on into the next', () => {
  const next = idsAt(Array.from({ length: 10_000 }, () => START))
  const ids = Array.from({ length: 10_000 }, next)
  expect(ids).toEqual(ids.toSorted())
  expect(new Set(ids).size).toBe(10_000)
  expect(timeOfId(ids.at(-1) ?? '')).toBeGreaterThan(START)
  expect(timeOfId(ids.at(-1) ?? '')).toBeLessThan(START + 10)
})

test('after a greater step back the ids follow the clock, since ids of the future are refused', () => {
  const next = idsAt([START, START - 10_000, START - 20_001])
  expect([next(), next(), next()].map(timeOfId)).toEqual([START, START, START - 20_001])
})
