/** The price we trust: which sources count, how old it is, how far they disagree. */
import { Map } from 'immutable'
import { expect, test } from 'vitest'
import { referenceOf } from './reference.ts'

const NOW = 1_000_000

/** Sources by price and age. */
type Sources = (readonly [price: number, age: number])[]

function sources(...given: Sources): Map<string, { price: number; at: number }> {
  return Map(given.map(([price, age], index) => [`s${index}`, { price, at: NOW - age }]))
}

test.each<[string, Sources, object]>([
  ['nobody', [], { sources: 0, price: undefined, at: undefined, disagreement: undefined }],
  [
    'one alone is no reference',
    [[200, 0]],
    { sources: 1, price: undefined, at: undefined, disagreement: undefined },
  ],
  [
    'two at the limit of their age',
    [
      [200, 2000],
      [201, 2000],
    ],
    { sources: 2, price: 200.5, at: NOW - 2000 },
  ],
  [
    'one a millisecond too old, whose age is told all the same',
    [
      [200, 0],
      [201, 2001],
    ],
    { sources: 1, price: undefined, at: NOW - 2001 },
  ],
  [
    'the age is that of the second-freshest',
    [
      [200, 5],
      [200, 700],
      [200, 1900],
    ],
    { sources: 3, at: NOW - 700 },
  ],
  [
    'the middle of three',
    [
      [300, 0],
      [100, 0],
      [200, 0],
    ],
    { price: 200 },
  ],
  [
    'the middle two of four, exactly',
    [
      [0.1, 0],
      [0.2, 0],
      [0.3, 0],
      [0.4, 0],
    ],
    { price: 0.25 },
  ],
  [
    'a sum that doubles get wrong',
    [
      [0.1, 0],
      [0.2, 0],
    ],
    { price: 0.15 },
  ],
  [
    'half a tick',
    [
      [200.01, 0],
      [200.02, 0],
    ],
    { price: 200.015 },
  ],
  [
    'the stale one does not move the median',
    [
      [1, 9999],
      [200, 0],
      [201, 0],
    ],
    { sources: 2, price: 200.5 },
  ],
  [
    'disagreement',
    [
      [199, 0],
      [201, 0],
    ],
    { price: 200, disagreement: 0.01 },
  ],
  [
    'agreement',
    [
      [200, 0],
      [200, 0],
    ],
    { price: 200, disagreement: 0 },
  ],
])('%s', (_, given, expected) => {
  expect(referenceOf(sources(...given), NOW, 2000)).toMatchObject(expected)
})

test('disagreement is rounded up: 2 / 3.00…01 is never below itself', () => {
  const { disagreement } = referenceOf(sources([2, 0], [3, 0], [4, 0]), NOW, undefined)
  expect(disagreement).toBeGreaterThanOrEqual(2 / 3)
  // The double below two thirds is less than two thirds.
  expect(disagreement).toBe(0.6666666666666667)
})

test('without a bound on age all sources count', () => {
  expect(referenceOf(sources([1, 1e9], [3, 1e9]), NOW, undefined)).toMatchObject({ sources: 2, price: 2 })
})

test('nothing known is no reference', () => {
  expect(referenceOf(undefined, NOW, 2000)).toMatchObject({ sources: 0, price: undefined })
})
