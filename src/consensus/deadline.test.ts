import { describe, expect, test } from 'vitest'
import { AT, nameOf, opened, policyWith, rosterOf, voteIn, voting } from '../../test/support/consensus.ts'
import { answersIn, quantile, tooMany, waitOf, type Answers } from './deadline.ts'
import type { ClosedRound, Round } from './round-state.ts'
import { step } from './round.ts'

/** Waits 2 s at first, 0.5 s to 10 s, three times what 19 in 20 take, once 20 were asked. */
const policy = policyWith()
const times = (value: number, count = 20): number[] => Array.from({ length: count }, () => value)
const all = (...answeredMs: number[]): Answers => ({ answeredMs, silent: 0, silentMs: 0 })
const some = (answeredMs: readonly number[], silent: number, silentMs: number): Answers => ({
  answeredMs: [...answeredMs],
  silent,
  silentMs,
})

describe('a deadline where all answer', () => {
  test.each<[string, readonly Answers[], number]>([
    ['nobody was asked yet', [], 2000],
    ['too few were asked', [all(...times(300, 19))], 2000],
    ['three times what they take', [all(...times(300))], 900],
    ['not below the least', [all(...times(1))], 500],
    ['not above the most', [all(...times(99_999))], 10_000],
    ['one in twenty may be slow', [all(...times(300, 19), 9999)], 900],
    ['two may not', [all(...times(300, 18), 3000, 3000)], 9000],
    ['over many rounds', times(300, 4).map((value) => all(...times(value, 5))), 900],
  ])('%s', (_, rounds, wait) => {
    expect(waitOf(policy, rounds)).toBe(wait)
  })
})

describe('a deadline where some are silent', () => {
  test('does not lean to the quick: leaving the silent out would give 0.9 s, and 2 s is given to them', () => {
    const rounds = times(0, 10).map(() => some(times(300, 4), 1, 300))
    expect(waitOf(policy, rounds)).toBe(2000)
    expect(waitOf(policy, [all(...times(300, 40))])).toBe(900)
  })

  test('is longer after each that they let pass, up to the most', () => {
    expect(
      waitOf(
        policy,
        times(0, 5).map(() => some(times(300, 4), 1, 2000)),
      ),
    ).toBe(6000)
    expect(
      waitOf(
        policy,
        times(0, 5).map(() => some(times(300, 4), 1, 6000)),
      ),
    ).toBe(10_000)
    expect(waitOf(policy, [some([], 50, 2000)])).toBe(6000)
  })

  test('is that of those who answer where one in twenty-five never does', () => {
    expect(
      waitOf(
        policy,
        times(0, 10).map(() => some(times(300, 24), 1, 2000)),
      ),
    ).toBe(900)
  })

  test('closing early does not make the slow look quick', () => {
    // Nine of ten rounds are closed early at 100 ms with one of five still to answer; in the others that one takes 3 s.
    const closed = times(0, 18).map(() => some(times(100, 4), 1, 100))
    const whole = times(0, 2).map(() => all(...times(100, 4), 3000))
    expect(waitOf(policy, [...closed, ...whole])).toBe(9000)
    // Of the answers alone, 80 of 82 take 100 ms.
    const answers = [...closed, ...whole].map(({ answeredMs }) => all(...answeredMs))
    expect(waitOf(policy, answers)).toBe(500)
  })
})

/**
 * Worked by hand. Answers after 1, 3 and 5, silent until 2 and until 4. Five are waited for at 1: 4/5 have not answered. Three at 3, since one was
 * waited for until 2 only: 4/5 · 2/3 = 8/15. One at 5: nothing is left. So half answer within … 5, and 7/15 within 3.
 */
test('the estimate is that of Kaplan and Meier', () => {
  const rounds = [some([1, 3], 1, 2), some([5], 1, 4)]
  expect(quantile(rounds, 0.2)).toBe(1)
  expect(quantile(rounds, 0.21)).toBe(3)
  expect(quantile(rounds, 7 / 15)).toBe(3)
  expect(quantile(rounds, 0.5)).toBe(5)
  expect(quantile(rounds, 1)).toBe(5)
  expect(quantile([some([1, 3], 2, 4)], 0.51)).toBeUndefined()
  // Who answers and who is silent at one moment: the answer came first.
  expect(quantile([some([1, 2], 1, 2)], 2 / 3)).toBe(2)
})

test('with none that is silent it is the nearest rank', () => {
  for (let count = 1; count <= 400; count += 1) {
    const answeredMs = Array.from({ length: count }, (_, index) => index + 1)
    expect(quantile([all(...answeredMs)], 0.95)).toBe(Math.ceil((95 * count) / 100))
  }
})

test('what is looked at is bounded: whole rounds, the newest, and always the last', () => {
  const rounds = (count: number, size: number): Answers[] =>
    Array.from({ length: count }, () => some(times(1, size - 1), 1, 1))
  expect(tooMany([])).toBe(0)
  expect(tooMany(rounds(80, 5))).toBe(0)
  expect(tooMany(rounds(81, 5))).toBe(1)
  expect(tooMany(rounds(3, 1000))).toBe(2)
  expect(tooMany([...rounds(3, 5), ...rounds(1, 1000)])).toBe(3)
})

test('a round that is over tells how it was answered', () => {
  const start = opened(policy, rosterOf(policy, [1, 1, 1, 1]))
  const yes = (index: number, at: number) => voting(voteIn(start, nameOf(index), 'yes'), at)
  const events = [yes(2, AT + 40), yes(0, AT + 70), { type: 'tick', at: start.deadline } as const]
  const over = events.reduce<Round>((round, event) => step(round, event)[0], start) as ClosedRound
  expect(answersIn(over)).toEqual({ answeredMs: [40, 70], silent: 2, silentMs: 2000 })
})
