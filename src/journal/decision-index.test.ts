/** The index finds every decision it holds, is not misled by equal hashes, and forgets the oldest at its bound. */
import { describe, expect, test } from 'vitest'
import { sha256 } from '../base/hash.ts'
import { DecisionIndex } from './decision-index.ts'
import { indexLines, readIndex } from './index-lines.ts'

const BLOCK = 16_384
const idOf = (turn: number): string => `d-${sha256(String(turn)).slice(0, 24)}`

/** An index of decisions number 1 to `count`, each recorded at ten times its number. */
function filled(count: number, blocksMax?: number): DecisionIndex {
  const index = new DecisionIndex(blocksMax)
  for (let turn = 1; turn <= count; turn += 1) index.add(idOf(turn), turn * 10)
  return index
}

describe('an index of decisions', () => {
  test.each([1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])('of %i finds each', (count) => {
    const index = filled(count)
    for (let turn = 1; turn <= count; turn += 1) expect(index.candidates(idOf(turn))).toContain(turn * 10)
    expect(index.reach).toBe(Number.POSITIVE_INFINITY)
  })

  test('knows no other, but for the odd one with the same hash', () => {
    const index = filled(3 * BLOCK + 5)
    let candidates = 0
    for (let turn = 1; turn <= 10_000; turn += 1) candidates += index.candidates(idOf(-turn)).length
    expect(candidates).toBeLessThanOrEqual(5)
    expect(new DecisionIndex().candidates(idOf(1))).toEqual([])
    // The hash of nothing is a number like any other, and places not yet filled are not taken for it.
    expect(new DecisionIndex().candidates('')).toEqual([])
  })

  test('gives two with one hash, newest first, in the open block and in closed ones', () => {
    // Two ids with the same FNV-1a hash, as anybody can find them.
    const [one, other] = ['costarring', 'liquid']
    const index = new DecisionIndex()
    index.add(one, 1)
    index.add(other, 2)
    expect(index.candidates(one)).toEqual([2, 1])
    for (let turn = 1; turn <= BLOCK; turn += 1) index.add(idOf(turn), 2 + turn)
    index.add(other, 9_000_000)
    expect(index.candidates(one)).toEqual([9_000_000, 2, 1])
  })

  test('forgets the oldest at its bound, and says how far it reaches', () => {
    const index = filled(3 * BLOCK, 3)
    expect(index.reach).toBe(2 * BLOCK)
    expect(index.candidates(idOf(1))).toEqual([])
    for (const turn of [BLOCK + 1, 3 * BLOCK]) expect(index.candidates(idOf(turn))).toContain(turn * 10)
  })

  test.each([0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])(
    'of %i as it was at any record is written, read, and goes on as if nothing had been',
    (count) => {
      const linesAt = (index: DecisionIndex, sequence: number): string[] => [
        ...indexLines(index.snapshot(sequence) ?? expect.unreachable()),
      ]
      const whole = filled(count)
      for (const upTo of [count, count - 1, Math.floor(count / 2), 0].filter((each) => each >= 0)) {
        // Later decisions leave no trace in it.
        const lines = linesAt(whole, upTo * 10 + 5)
        expect(lines).toEqual(linesAt(filled(upTo), upTo * 10))
        const again = readIndex(lines.values())
        for (let turn = upTo + 1; turn <= count; turn += 1) again.add(idOf(turn), turn * 10)
        expect(linesAt(again, count * 10)).toEqual(linesAt(whole, count * 10))
        for (const turn of [1, upTo, count])
          expect(again.candidates(idOf(turn))).toEqual(whole.candidates(idOf(turn)))
      }
    },
  )

  test('that forgot is written as one that forgot, and not as of before', () => {
    const index = filled(3 * BLOCK + 1, 3)
    expect(index.snapshot(3 * BLOCK * 10 - 5)).toBeUndefined()
    const snapshot = index.snapshot(3 * BLOCK * 10) ?? expect.unreachable()
    expect(readIndex(indexLines(snapshot)).reach).toBeLessThan(Number.POSITIVE_INFINITY)
  })

  test.each<[string, (lines: string[]) => string[]]>([
    ['a line less', (lines) => lines.slice(0, -1)],
    ['a block cut short', ([head = '', block = '']) => [head, block.replace(/,\d+\]\]$/, ']]')]],
  ])('with %s is none', (_, change) => {
    const lines = [...indexLines(filled(5).snapshot(50) ?? expect.unreachable())]
    expect(() => readIndex(change(lines).values())).toThrow(SyntaxError)
  })
})
