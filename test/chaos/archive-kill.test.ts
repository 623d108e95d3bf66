/** The real `ephor log archive` is killed again and again while a home records: nothing is archived twice, nothing is lost, and nothing is cut off that is not archived. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { openRedis } from '../../src/cluster/redis.ts'
import { archivedLines } from '../../src/journal/archive.ts'
import { GENESIS, type ChainEnd } from '../../src/journal/record.ts'
import { openHome } from '../../src/sidecar/home.ts'
import { acquired, endOf, linesAfter } from '../cluster/conformance.ts'
import { until } from '../support/http.ts'
import { RedisServer } from '../support/redis.ts'

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const KILLS = process.env.EPHOR_LONG === '1' ? 20 : 2

test('an archive that is killed goes on where it was', { timeout: 300_000 }, async () => {
  const redis = await RedisServer.start()
  const directory = mkdtempSync(join(tmpdir(), 'ephor-archive-'))
  const [home, archive] = [join(directory, 'home'), join(directory, 'archive')]
  openHome(home, undefined)
  const { cluster } = await openRedis({ url: redis.url, name: 'one' })
  let end: ChainEnd = GENESIS
  const written: string[] = []
  const over = new AbortController()
  const epoch = await acquired(cluster)
  const record = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const lines = linesAfter(end, 20)
      end = endOf(lines)
      written.push(...lines.map(({ line }) => line))
      expect((await cluster.log.append(epoch, lines)).kind).toBe('appended')
      await cluster.retention.report('one', end.sequence)
      await pause(5)
    }
  }
  const recording = record()
  const run = (...more: readonly string[]): ReturnType<typeof spawn> =>
    spawn(process.execPath, [CLI, 'log', 'archive', archive, '--home', home, '--redis', redis.url, ...more], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  const archivedNow = async (): Promise<string[]> => {
    const lines: string[] = []
    if (!existsSync(join(archive, 'journal'))) return lines
    for await (const some of archivedLines(join(archive, 'journal'), 'p00', 1_000))
      lines.push(...some.map(({ line }) => line))
    return lines
  }
  try {
    for (let turn = 0; turn < KILLS; turn += 1) {
      const before = (await archivedNow()).length
      const child = run('--follow')
      const exited = once(child, 'exit')
      await until('it has archived more', async () => (await archivedNow()).length > before + 50, 30_000)
      child.kill('SIGKILL')
      await exited
      const span = await cluster.log.end()
      expect(span.kind === 'end' && span.first - 1).toBeLessThanOrEqual((await archivedNow()).length)
    }
    over.abort()
    await recording
    const [code] = (await once(run(), 'exit')) as [number]
    expect(code).toBe(0)
    expect(await archivedNow()).toEqual(written)
    expect(await cluster.log.end()).toEqual({ kind: 'end', end, first: end.sequence })
  } finally {
    over.abort()
    await recording.catch(() => undefined)
    await cluster.close()
    await redis.end()
    rmSync(directory, { recursive: true, force: true })
  }
})
