/** A difference anywhere in a state is found, in queues and maps of ids too, and its dump tells it as well. */
import { List, Map, OrderedMap } from 'immutable'
import { expect, test } from 'vitest'
import { IdMap } from '../../src/base/id-map.ts'
import { Queue } from '../../src/base/queue.ts'
import { EMPTY_STATE, type State } from '../../src/engine/state.ts'
import { differenceOf } from './difference.ts'
import { dump } from './engine.ts'

const ids = (...entries: readonly [string, unknown][]): IdMap<unknown> =>
  entries.reduce((map, [id, value]) => map.set(id, value), IdMap.empty<unknown>())

test.each<[string, unknown, unknown]>([
  ['numbers', 0, -0],
  ['what is absent', {}, { a: undefined }],
  ['queues', Queue.of([1, { b: 2 }]), Queue.of([1, { b: 3 }])],
  ['maps of ids', ids(['x', 1]), ids(['x', 2])],
  ['the ids of maps', ids(['x', 1]), ids(['y', 1])],
  ['maps', Map({ a: 1 }), Map({ b: 1 })],
  ['the order of maps that keep one', OrderedMap({ a: 1, b: 2 }), OrderedMap({ b: 2, a: 1 })],
  ['lists', List([1, 2]), List([1, 3])],
  ['bigints', { a: [1n] }, { a: [2n] }],
  ['kinds', [1], List([1])],
])('in %s', (_, a, b) => {
  expect(differenceOf(a, b)).toBeDefined()
  expect(differenceOf(b, a)).toBeDefined()
  expect(differenceOf(a, a)).toBeUndefined()
})

test.each<[string, unknown, unknown]>([
  ['objects', { a: 1, b: 2n }, { b: 2n, a: 1 }],
  ['maps without one', Map({ a: 1, b: 2 }), Map({ b: 2, a: 1 })],
  ['maps of ids', ids(['x', 1], ['y', 2]), ids(['y', 2], ['x', 1])],
  ['queues that were shifted', Queue.of([0, 1, 2]).shift(), Queue.of([1, 2])],
])('no order and no making tells %s apart', (_, a, b) => {
  expect(differenceOf(a, b)).toBeUndefined()
})

test('two states with one dump are the same state: what is remembered and what is open are in it', () => {
  const remembering = (sequence: number): State => ({
    ...EMPTY_STATE,
    memory: {
      ...EMPTY_STATE.memory,
      byDecision: EMPTY_STATE.memory.byDecision.set('d-1', { digest: 'x', sequence, allowed: undefined }),
      order: Queue.of([{ decision: 'd-1', at: sequence, agent: 'ada' }]),
    },
  })
  expect(dump(remembering(1))).toBe(dump(remembering(1)))
  expect(dump(remembering(1))).not.toBe(dump(remembering(2)))
  expect(differenceOf(remembering(1), remembering(2))).toBe('.memory.byDecision.d-1.sequence: 1 and 2')
})
