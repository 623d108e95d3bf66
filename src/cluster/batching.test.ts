/** Batches: everything is answered for, in order; windows are kept, and what is urgent or too much waits for none. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Batching } from './batching.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Batches that answer each item with its double, and what was sent of them. */
function doubling(windowMs: number) {
  const sent: number[][] = []
  const batching = new Batching<number, number>(windowMs, async (items) => {
    sent.push([...items])
    return items.map((item) => 2 * item)
  })
  return { batching, sent }
}

test.each([0, 1, 10])(
  'what comes within a window of %d ms goes together, and each hears its own',
  async (windowMs) => {
    const { batching, sent } = doubling(windowMs)
    const first = [1, 2, 3].map((item) => batching.add(item))
    expect(sent).toEqual([])
    await vi.advanceTimersByTimeAsync(windowMs)
    const second = [4, 5].map((item) => batching.add(item))
    await vi.advanceTimersByTimeAsync(windowMs)
    expect(sent).toEqual([
      [1, 2, 3],
      [4, 5],
    ])
    expect(await Promise.all([...first, ...second])).toEqual([2, 4, 6, 8, 10])
  },
)

test('a window begins with the first, and nobody waits longer', async () => {
  const { batching, sent } = doubling(10)
  void batching.add(1)
  await vi.advanceTimersByTimeAsync(9)
  void batching.add(2)
  expect(sent).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  expect(sent).toEqual([[1, 2]])
})

test('what is urgent goes at once, behind what came before it', async () => {
  const { batching, sent } = doubling(10)
  const waits = batching.add(1)
  const urgent = batching.add(2, true)
  expect(sent).toEqual([[1, 2]])
  expect(await Promise.all([waits, urgent])).toEqual([2, 4])
  await vi.advanceTimersByTimeAsync(20)
  expect(sent).toHaveLength(1)
})

test('a batch that is full waits for nothing', async () => {
  const { batching, sent } = doubling(10)
  for (let item = 0; item < 300; item += 1) void batching.add(item)
  expect(sent.map(({ length }) => length)).toEqual([128, 128])
  await vi.advanceTimersByTimeAsync(10)
  expect(sent.flat()).toEqual(Array.from({ length: 300 }, (_, item) => item))
})

test('what could not be sent is told to all who waited', async () => {
  const lost = { kind: 'unreachable', detail: 'gone' } as const
  const batching = new Batching<number, number>(1, async () => lost)
  const all = Promise.all([batching.add(1), batching.add(2)])
  await vi.advanceTimersByTimeAsync(1)
  expect(await all).toEqual([lost, lost])
})
