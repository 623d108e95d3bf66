import { expect, test } from 'vitest'
import type { Cluster } from '../cluster/cluster.ts'
import { Progress } from './progress.ts'

test('what was taken is cut off first thing as home, after so many inputs, and now and then', async () => {
  let now = 0
  const cut: string[] = []
  const cluster = {
    inbox: { trim: (taken: { inbox: string }) => Promise.resolve(void cut.push(`inbox ${taken.inbox}`)) },
    halts: { trim: (taken: string) => Promise.resolve(void cut.push(`halts ${taken}`)) },
  } as unknown as Cluster
  const progress = new Progress(cluster, () => now)
  const taken = (place: string) => ({ inbox: place, critical: '0-0', halts: place })
  const of = (place: string) => [`inbox ${place}`, `halts ${place}`]
  await progress.shorten(taken('1-0'))
  await progress.shorten(taken('2-0'))
  expect(cut.splice(0)).toEqual(of('1-0'))
  await progress.took(1_023, taken('3-0'))
  expect(cut).toEqual([])
  await progress.took(1, taken('4-0'))
  expect(cut.splice(0)).toEqual(of('4-0'))
  now = 60_000
  await progress.shorten(taken('5-0'))
  expect(cut).toEqual(of('5-0'))
})
