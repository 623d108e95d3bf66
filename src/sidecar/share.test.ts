/** Whom a partition goes to: dealt by hashes, and moved only to one that is there, keeps up, and is meant for longer than a moment. */
import { beforeEach, expect, test } from 'vitest'
import type { Heard, Unreachable } from '../cluster/cluster.ts'
import { Share, shareOf } from './share.ts'

const NAMES = Array.from({ length: 100 }, (_, place) => `host-${place}`)
const PARTITIONS = Array.from({ length: 256 }, (_, number) => `p${number}`)

test('one that goes moves what was its own and nothing else, and each has about its share', () => {
  const all = PARTITIONS.map((partition) => shareOf(partition, NAMES))
  const gone = PARTITIONS.map((partition) => shareOf(partition, NAMES.slice(0, -1)))
  const moved = PARTITIONS.flatMap((_, place) => (all[place] === gone[place] ? [] : [all[place]]))
  expect(new Set(moved)).toEqual(new Set(['host-99']))
  const counts = NAMES.map((name) => all.filter((other) => other === name).length)
  expect(Math.max(...counts)).toBeLessThan(12)
  expect(shareOf('p0', NAMES.toReversed())).toBe(all[0])
  expect(shareOf('p00', [])).toBeUndefined()
})

let now: number
let heard: Heard | Unreachable
const PLACE = { number: 1, of: 4 }
/** Of two names, who should have `p01`, and who should not. */
const BEST = shareOf('p01', ['one', 'other']) ?? ''
const WORST = BEST === 'one' ? 'other' : 'one'

beforeEach(() => {
  now = 0
  heard = { kind: 'heard', reports: [] }
})

function homeOf(name: string, place = PLACE): Share {
  const retention = { heard: () => Promise.resolve(heard) }
  return new Share({ name, partition: 'p01', place, retention: retention as never }, () => now)
}

/** What is said at the next look, where the log ends at `end` and the other has it up to `has`. */
async function look(share: Share, end: number, name: string, has: number): Promise<string | undefined> {
  now += 1_000
  heard = { kind: 'heard', reports: [{ name, sequence: has }] }
  return share.successor(end)
}

test('it goes to another that is there for two looks and keeps up', async () => {
  const share = homeOf(WORST)
  const said = [
    await look(share, 10, BEST, 10),
    await look(share, 20, BEST, 15),
    await look(share, 30, BEST, 25),
    await look(share, 40, BEST, 35),
  ]
  expect(said).toEqual([undefined, undefined, BEST, BEST])
})

test('one that is behind, or was not heard, gets nothing', async () => {
  const share = homeOf(WORST)
  for (const [end, has] of [
    [10, 10],
    [20, 9],
    [30, 10],
    [40, 19],
  ] as const)
    expect(await look(share, end, BEST, has)).toBeUndefined()
  for (let turn = 0; turn < 5; turn += 1) {
    now += 1_000
    heard = turn % 2 === 0 ? { kind: 'heard', reports: [] } : { kind: 'unreachable', detail: 'test' }
    expect(await share.successor(50)).toBeUndefined()
  }
})

test('what is rightly here stays, and so does all where there is one partition', async () => {
  const [mine, only] = [homeOf(BEST), homeOf(WORST, { number: 0, of: 1 })]
  for (let turn = 0; turn < 5; turn += 1) {
    expect(await look(mine, 10, WORST, 10)).toBeUndefined()
    expect(await look(only, 10, BEST, 10)).toBeUndefined()
  }
})

test('it looks once a second', async () => {
  const share = homeOf(WORST)
  for (let turn = 0; turn < 4; turn += 1) await look(share, 10, BEST, 10)
  now += 999
  expect(await share.successor(10)).toBeUndefined()
  now += 1
  expect(await share.successor(10)).toBe(BEST)
})
