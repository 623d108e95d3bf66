/** One lane for several partitions: each hears all, one halt is written once, and nothing is cut off that one of them has not taken. */
import { beforeEach, expect, test } from 'vitest'
import type { HaltEntry, Put, Unreachable } from './cluster.ts'
import { sharedHalts, type ClosableHalts } from './shared-halts.ts'

let lane: HaltEntry[]
let written: string[]
let trimmed: string[]
let closed: number
/** What the next write comes to, and what tells that it is written. */
let result: Put | Unreachable
let tell: ((entry: string) => void)[]
let ears: readonly ClosableHalts[]

beforeEach(() => {
  lane = []
  written = []
  trimmed = []
  closed = 0
  tell = []
  result = { kind: 'put', entry: '5-0' }
  const one: ClosableHalts = {
    hear: () => lane.splice(0),
    ageMs: () => 7,
    put: ({ request }, told) => {
      written.push(request)
      tell.push(told)
      if (result.kind === 'put') told(result.entry)
      return Promise.resolve(result)
    },
    notice: () => undefined,
    listen: () => undefined,
    knows: () => undefined,
    trim: async (taken) => void trimmed.push(taken),
    close: async () => {
      closed += 1
    },
  }
  ears = sharedHalts(one, 3, 3)
})

const entry = (name: string): HaltEntry => ({ entry: name, kind: 'halt', text: '' })
const ear = (number: number): ClosableHalts => {
  const found = ears[number]
  if (found === undefined) throw new Error('there are three')
  return found
}

test('each hears every entry once and in order, whoever looks first', () => {
  lane.push(entry('1-0'), entry('2-0'))
  expect(
    ear(1)
      .hear()
      .map((one) => one.entry),
  ).toEqual(['1-0', '2-0'])
  lane.push(entry('3-0'))
  expect(
    ear(0)
      .hear()
      .map((one) => one.entry),
  ).toEqual(['1-0', '2-0', '3-0'])
  expect(
    ear(1)
      .hear()
      .map((one) => one.entry),
  ).toEqual(['3-0'])
  expect(ear(2).hear()).toHaveLength(3)
  for (const each of ears) expect(each.hear()).toEqual([])
})

test('what all raise under one request is written once, and each is told where', async () => {
  result = { kind: 'unreachable', detail: 'test' }
  const told: string[] = []
  const raise = (each: ClosableHalts): Promise<Put | Unreachable> =>
    each.put({ request: 'r', text: '', alwaysFits: true }, (place) => told.push(place))
  expect(await Promise.all(ears.map(raise))).toEqual(Array.from({ length: 3 }, () => result))
  expect([written, told]).toEqual([['r'], []])
  // Written as soon as it could be.
  tell[0]?.('9-0')
  expect(told).toEqual(['9-0', '9-0', '9-0'])
  result = { kind: 'put', entry: '9-0' }
  expect(await raise(ear(0))).toEqual(result)
})

test('nothing is cut off before every partition has taken it', async () => {
  await ear(0).trim('50-0')
  await ear(1).trim('70-0')
  expect(trimmed).toEqual([])
  await ear(2).trim('9-0')
  await ear(2).trim('60-0')
  await ear(0).trim('80-0')
  expect(trimmed).toEqual(['9-0', '50-0', '60-0'])
})

test('the lane ends with the last', async () => {
  for (const each of ears) {
    expect(closed).toBe(0)
    await each.close()
  }
  expect(closed).toBe(1)
})
