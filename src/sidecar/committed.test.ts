/** What is surely in the log: nothing before all was read that was in it, and never what a home could not bring there. */
import { expect, test } from 'vitest'
import { Committed } from './committed.ts'

test('nothing is, before the log was seen and read to the end that it had then', () => {
  const committed = new Committed()
  expect(committed.upTo(0, 50)).toBe(0)
  committed.aligned(40, 10)
  expect(committed.upTo(0, 10)).toBe(0)
  committed.copied(39)
  expect(committed.upTo(0, 39)).toBe(0)
  committed.copied(40)
  expect(committed.upTo(0, 40)).toBe(40)
  // That the log is longer when it is seen again takes nothing back.
  committed.aligned(60, 45)
  expect(committed.upTo(0, 45)).toBe(45)
})

test('as home it is what was brought there, and not what stands in the journal alone', () => {
  const committed = new Committed()
  committed.aligned(10, 10)
  expect(committed.upTo(12, 15)).toBe(12)
})

test('nothing is while the log does not have all of the journal, until it has it again', () => {
  const committed = new Committed()
  committed.aligned(10, 10)
  committed.copied(20)
  committed.unknown()
  expect([committed.upTo(0, 20), committed.upTo(20, 20)]).toEqual([0, 0])
  committed.aligned(20, 20)
  expect(committed.upTo(0, 20)).toBe(20)
})
