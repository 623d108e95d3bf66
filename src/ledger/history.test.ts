/** Windows over the market: a window that was not wholly watched is unknown. */
import type { List } from 'immutable'
import { describe, expect, test } from 'vitest'
import { addBar, addTick, move, volume } from './history.ts'
import type { Bar, Tick } from './ledger.ts'

const MINUTE = 60_000
const NOW = 1_000 * MINUTE
const WINDOW = 5 * MINUTE

/** Ticks by age in milliseconds and price, oldest first. */
function ticksOf(...given: readonly (readonly [age: number, price: number])[]): List<Tick> | undefined {
  return given.reduce<List<Tick> | undefined>(
    (ticks, [age, price]) => addTick(ticks, NOW - age, price),
    undefined,
  )
}
/** Bars by the ages of their beginning and end in minutes. */
type Bars = (readonly [from: number, to: number, more?: Partial<Bar>])[]

function barsOf(...given: Bars): List<Bar> | undefined {
  return given.reduce<List<Bar> | undefined>(
    (bars, [from, to, more]) =>
      addBar(bars, {
        from: NOW - from * MINUTE,
        to: NOW - to * MINUTE,
        open: 100,
        high: 100,
        low: 100,
        volume: 10,
        ...more,
      }),
    undefined,
  )
}
/** A tick a minute over `minutes`, all at `price`. */
const watched = (minutes: number, price = 100): [number, number][] =>
  Array.from({ length: minutes + 1 }, (_, index) => [(minutes - index) * MINUTE, price])

describe('how far the price moved, by ticks', () => {
  test.each<[string, readonly (readonly [number, number])[], number | undefined]>([
    ['watched to the minute', watched(5), 0],
    ['begun a minute late', watched(4), undefined],
    [
      'begun a second late',
      watched(5)
        .slice(1)
        .toSpliced(0, 0, [WINDOW - 1000, 100]),
      undefined,
    ],
    ['a gap of a minute', watched(6), 0],
    [
      'a gap of a minute and a second',
      watched(6)
        .filter(([age]) => age !== 2 * MINUTE && age !== 3 * MINUTE)
        .concat([]),
      undefined,
    ],
    ['not watched for the last minute', watched(6).slice(0, -1), 0],
    ['not watched for longer', watched(7).slice(0, -2), undefined],
    ['a move of five percent', [...watched(5), [0, 105]], 0.05],
    ['down and up', [...watched(5), [2, 97.5], [1, 102.5]], 0.05],
    ['what was before the window does not count', [[10 * MINUTE, 50], [9 * MINUTE, 100], ...watched(8)], 0],
    [
      'the price with which the window opens does',
      [[WINDOW + 30_000, 80], [WINDOW - 30_000, 100], ...watched(4)],
      0.25,
    ],
  ])('%s', (_, given, expected) => {
    expect(move(ticksOf(...given), undefined, NOW, WINDOW)).toBe(expected)
  })

  test('a tick within the same second widens it, and a late one too', () => {
    const ticks = addTick(addTick(ticksOf(...watched(5)), NOW, 110), NOW - 90_000, 90)
    expect(move(ticks, undefined, NOW, WINDOW)).toBe(0.2)
  })

  test('the share is rounded up', () => {
    expect(move(ticksOf(...watched(5, 3), [0, 5]), undefined, NOW, WINDOW)).toBe(0.6666666666666667)
  })
})

describe('how far the price moved, by bars', () => {
  test.each<[string, Bars, number | undefined]>([
    ['one bar over the window', [[5, 0, { high: 101, low: 100 }]], 0.01],
    [
      'the last bar ended a minute ago',
      [
        [6, 3],
        [3, 1],
      ],
      0,
    ],
    [
      'the last bar ended longer ago',
      [
        [6, 3],
        [3, 2],
      ],
      undefined,
    ],
    [
      'minutes in a row',
      [
        [5, 4],
        [4, 3],
        [3, 2],
        [2, 1],
        [1, 0],
      ],
      0,
    ],
    [
      'a minute missing',
      [
        [5, 4],
        [4, 3],
        [2, 1],
        [1, 0],
      ],
      undefined,
    ],
    [
      'late and out of order',
      [
        [3, 2],
        [1, 0],
        [5, 4],
        [2, 1],
        [4, 3],
      ],
      0,
    ],
    ['begun within the window', [[4, 0]], undefined],
    [
      'a wide bar that began before it counts whole',
      [
        [8, 2, { high: 120 }],
        [2, 0],
      ],
      0.2,
    ],
  ])('%s', (_, given, expected) => {
    expect(move(undefined, barsOf(...given), NOW, WINDOW)).toBe(expected)
  })

  test('ticks and bars together: the widest of both', () => {
    expect(move(ticksOf(...watched(5)), barsOf([1, 0, { high: 103 }]), NOW, WINDOW)).toBe(0.03)
  })
})

test('a short bar that begins with a long one takes nothing of it away', () => {
  const bars = barsOf([5, 0, { high: 110 }], [5, 4, { high: 101 }])
  expect(move(undefined, bars, NOW, WINDOW)).toBe(0.1)
  expect(bars?.size).toBe(2)
})

describe('what was traded', () => {
  test.each<[string, Bars, number | undefined]>([
    [
      'five minutes',
      [
        [5, 4],
        [4, 3],
        [3, 2],
        [2, 1],
        [1, 0],
      ],
      50,
    ],
    [
      'a sum that doubles get wrong',
      [
        [5, 4, { volume: 0.1 }],
        [4, 3, { volume: 0.2 }],
        [3, 0, { volume: 0 }],
      ],
      0.3,
    ],
    [
      'a bar that began before the window does not count',
      [
        [6, 4],
        [4, 0],
      ],
      10,
    ],
    [
      'a gap',
      [
        [5, 4],
        [3, 0],
      ],
      undefined,
    ],
    ['too short', [[4, 0]], undefined],
    [
      'a bar reported again takes the first one’s place',
      [
        [5, 0, { volume: 7 }],
        [5, 0, { volume: 9 }],
      ],
      9,
    ],
    [
      'the same minute in two bars counts once',
      [
        [5, 0, { volume: 50 }],
        [1, 0, { volume: 10 }],
      ],
      50,
    ],
    [
      'bars that overlap never count more than was traded',
      [
        [5, 2, { volume: 30 }],
        [3, 0, { volume: 30 }],
        [1, 0, { volume: 10 }],
      ],
      40,
    ],
    ['nothing', [], undefined],
  ])('%s', (_, given, expected) => {
    expect(volume(barsOf(...given), NOW, WINDOW)).toBe(expected)
  })
})

test('history is bounded', () => {
  let ticks: List<Tick> | undefined
  for (let second = 0; second < 4000; second++) ticks = addTick(ticks, second * 1000, 100)
  expect(ticks?.size).toBe(3600)
  let bars: List<Bar> | undefined
  for (let minute = 2100; minute > 0; minute--)
    bars = addBar(bars, {
      from: NOW - minute * MINUTE,
      to: NOW - (minute - 1) * MINUTE,
      open: 1,
      high: 1,
      low: 1,
      volume: 1,
    })
  expect(bars?.size).toBe(2000)
}, 60_000)
