/** A start that the book refuses ends, and leaves no way to Redis open behind it. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { MemoryStore } from '../../src/cluster/memory.ts'
import { start } from '../../src/main.ts'
import { POLICIES, Rig, UNTHROTTLED } from '../support/sidecar.ts'

test.each([
  ['another process has', 'JOURNAL_LOCKED'],
  ['does not read', 'JOURNAL_CORRUPT'],
])('one that %s', async (_, code) => {
  const store = new MemoryStore({ now: () => performance.now(), sleep: (ms) => pause(ms) })
  const rig = new Rig({ cluster: store.connect('one') })
  if (code === 'JOURNAL_LOCKED') await rig.start()
  else writeFileSync(join(rig.home, 'allotments.json'), 'x')
  const real = store.connect('one')
  let closed = 0
  const cluster: Cluster = {
    ...real,
    close: async () => {
      closed += 1
      await real.close()
    },
  }
  const logger = pino({ level: 'silent' })
  const parts = { home: rig.home, cluster, constitution: UNTHROTTLED, policies: POLICIES, port: 0, logger }
  await expect(start(parts)).rejects.toMatchObject({ code })
  expect(closed).toBe(1)
  await rig.end()
})
