/** Each thing that makes a server unfit is told with the setting that mends it. */
import { expect, test } from 'vitest'
import { fitnessOf } from './redis-fitness.ts'

const GOOD = {
  redis_version: '7.0.15',
  role: 'master',
  maxmemory_policy: 'noeviction',
  aof_enabled: '1',
}
const CONFIG = { save: '', appendfsync: 'always' }
const judge = (
  info: Partial<typeof GOOD> & { cluster_enabled?: string },
  config: Partial<typeof CONFIG> = {},
) =>
  fitnessOf(
    { info: new Map(Object.entries({ ...GOOD, ...info })) },
    new Map(Object.entries({ ...CONFIG, ...config })),
  )

test('a good one is good', () => {
  expect(judge({})).toEqual({ refusals: [], warnings: [] })
  expect(judge({ redis_version: '6.2.0' })).toEqual({ refusals: [], warnings: [] })
})

test.each([
  [{ redis_version: '6.0.16' }, 'install Redis 6.2 or later, or Valkey'],
  [{ redis_version: '5.0.7' }, 'install Redis 6.2 or later, or Valkey'],
  [{ redis_version: '' }, 'version unknown'],
  [{ role: 'slave' }, 'name the master'],
  [{ maxmemory_policy: 'volatile-ttl' }, '`maxmemory-policy noeviction`'],
  [{ aof_enabled: '0' }, '`appendonly yes`'],
  [{ cluster_enabled: '1' }, '`redis+cluster://…`'],
])('%j is refused: %s', (info, text) => {
  const { refusals } = judge(info)
  expect(refusals).toHaveLength(1)
  expect(refusals[0]).toContain(text)
})

test('what can be lived with is warned of', () => {
  expect(judge({ aof_enabled: '0' }, { save: '3600 1' })).toEqual({
    refusals: [],
    warnings: [expect.stringContaining('`appendonly yes`')],
  })
  expect(judge({}, { appendfsync: 'no' }).warnings).toEqual([expect.stringContaining('`appendfsync always`')])
  expect(fitnessOf({ info: new Map(Object.entries(GOOD)) }, new Map()).warnings).toEqual([
    expect.stringContaining('were not checked'),
  ])
})
