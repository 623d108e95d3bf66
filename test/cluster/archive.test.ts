/** Sidecars over one cluster in memory whose log is archived and cut off: who has been there goes on, and who comes later is told what to do, and can. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { MemoryStore } from '../../src/cluster/memory.ts'
import { Archive, archivedLines, verifyArchive } from '../../src/journal/archive.ts'
import { openJournal } from '../../src/journal/journal.ts'
import { verifyJournal } from '../../src/journal/verify.ts'
import { archiveSome, archiveUnconfirmed, restoreFrom } from '../../src/sidecar/archiving.ts'
import { ConstitutionStore } from '../../src/sidecar/constitutions.ts'
import { openHome } from '../../src/sidecar/home.ts'
import { until } from '../support/http.ts'
import { order, quietMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

const HEARD_MS = 3_600_000

let store: MemoryStore
let rigs: Rig[]
let directory: string

beforeEach(() => {
  rigs = []
  directory = mkdtempSync(join(tmpdir(), 'ephor-archive-'))
  mkdirSync(join(directory, 'constitutions'))
  store = new MemoryStore({ now: () => performance.now(), sleep: (ms) => pause(ms) })
})
afterEach(async () => {
  await Promise.all(rigs.map((rig) => rig.end()))
  rmSync(directory, { recursive: true, force: true })
})

async function enter(name: string, rig = new Rig()): Promise<Rig> {
  if (!rigs.includes(rig)) rigs.push(rig)
  return rig.start({ cluster: store.connect(name) })
}

const linesOf = (rig: Rig): string[] =>
  readdirSync(rig.journal)
    .filter((name) => name.startsWith('segment-'))
    .toSorted()
    .flatMap((name) => readFileSync(join(rig.journal, name), 'utf8').trim().split('\n'))

/** What an archive of these keys holds of the partition. */
const archivedOf = async (): Promise<string[]> => {
  const lines: string[] = []
  for await (const some of archivedLines(join(directory, 'journal'), 'p00', 100))
    lines.push(...some.map(({ line }) => line))
  return lines
}

/** Writes the archive as one that takes part under `cluster`, with the keys of `rig`, as far as `work` goes. */
async function archiving<T>(
  rig: Rig,
  cluster: Cluster,
  work: (parts: Parameters<typeof archiveSome>[0]) => Promise<T>,
): Promise<T> {
  const { keys, keyId } = openHome(rig.home, undefined)
  const archive = await Archive.open({ directory: join(directory, 'journal'), keys, keyId, now: Date.now })
  try {
    return await work({ cluster, archive, store: new ConstitutionStore(join(directory, 'constitutions')) })
  } finally {
    await archive.close()
  }
}

const archiveAll = (rig: Rig): Promise<number> =>
  archiving(rig, store.connect('archiver'), async (parts) => {
    let { records } = await archiveUnconfirmed(parts)
    for (;;) {
      const some = await archiveSome(parts, 'others', 0)
      records += some.records
      if (some.isEmpty) return records
    }
  })

const first = async (): Promise<number> => {
  const end = await store.connect('looker').log.end()
  return end.kind === 'end' ? end.first : Number.NaN
}

test('what is archived and needed by nobody goes; who has it goes on, and who has not is told to restore it', async () => {
  const one = await enter('one')
  const two = await enter('two')
  await one.observe(...quietMarket(OPEN - 1))
  expect((await two.judge(order())).verdict).toBe('allow')
  const sequence = await archiveAll(one)
  expect(sequence).toBeGreaterThan(10)
  expect(await archivedOf()).toEqual(linesOf(one).slice(0, sequence))
  // Sidecars say once a second how far they are; until both have, no more goes than both have.
  const { retention } = store.connect('archiver')
  await expect
    .poll(
      async () => {
        await retention.trim(sequence, HEARD_MS)
        return first()
      },
      { timeout: 10_000, interval: 50 },
    )
    .toBeGreaterThanOrEqual(sequence)
  const three = new Rig()
  rigs.push(three)
  await expect(enter('three', three)).rejects.toMatchObject({
    code: 'LOG_TRIMMED',
    detail: expect.stringContaining('`ephor log restore ARCHIVE --home HOME`') as string,
  })
  // One that has the end of what is gone needs nothing.
  await two.stop()
  await enter('two', two)
  expect((await two.judge(order())).verdict).toBe('allow')

  const { keys, keyId } = openHome(three.home, undefined)
  const { journal } = await openJournal({ directory: three.journal, keys, keyId, now: Date.now })
  const texts = new ConstitutionStore(join(three.home, 'constitutions'))
  for (const [hash, text] of new ConstitutionStore(join(directory, 'constitutions')).texts())
    texts.learn(hash, text)
  const archive = { directory: join(directory, 'journal'), partition: 'p00', to: Infinity }
  expect(await restoreFrom(archive, journal, three.journal)).toBe(sequence)
  // A second time there is nothing left to bring.
  expect(await restoreFrom(archive, journal, three.journal)).toBe(0)
  await journal.close()
  await enter('three', three)
  expect((await three.judge(order())).verdict).toBe('allow')
  await until('both journals are the same', () => linesOf(three).join('\n') === linesOf(one).join('\n'))
  await three.stop()
  expect(await verifyJournal(three.journal, keys.publicKey)).toMatchObject({ ok: true })
})

test('an archive whose writer was killed before it confirmed has each record once', async () => {
  const one = await enter('one')
  await one.observe(...quietMarket(OPEN - 1))
  await archiving(one, store.connect('archiver'), async (parts) => {
    await archiveUnconfirmed(parts)
    const { retention } = parts.cluster
    // It has them on its disk, and is killed before it says so.
    const deaf: Cluster = {
      ...parts.cluster,
      retention: { ...retention, confirm: () => Promise.reject(new Error('killed')) },
    }
    await expect(archiveSome({ ...parts, cluster: deaf }, 'others', 0)).rejects.toThrow('killed')
  })
  expect((await one.judge(order())).verdict).toBe('allow')
  await archiveAll(one)
  expect(await archivedOf()).toEqual(linesOf(one))
  const { publicKey } = openHome(one.home, undefined).keys
  const found = await verifyArchive(join(directory, 'journal'), publicKey)
  expect(found).toMatchObject({ ok: true, partitions: [{ partition: 'p00', records: linesOf(one).length }] })
})

test('an archive that was put back from a copy takes what it lacks, and says so where that is gone', async () => {
  const one = await enter('one')
  await one.observe(...quietMarket(OPEN - 1))
  const old = await archiveAll(one)
  cpSync(directory, `${directory}-copy`, { recursive: true })
  const putBack = (): void => {
    rmSync(directory, { recursive: true })
    cpSync(`${directory}-copy`, directory, { recursive: true })
  }
  await one.judge(order())
  await archiveAll(one)
  putBack()
  // The group was given these before; what comes now shows that they are missing.
  await one.judge(order())
  await archiveAll(one)
  expect(await archivedOf()).toEqual(linesOf(one))
  putBack()
  rmSync(`${directory}-copy`, { recursive: true })
  await one.judge(order())
  const { retention } = store.connect('archiver')
  await retention.report('one', old + 1)
  await retention.report(
    `archive ${await archiving(one, store.connect('archiver'), async ({ archive }) => archive.id)}`,
    old + 1,
  )
  expect(await retention.trim(old + 1, HEARD_MS)).toMatchObject({ first: old + 2 })
  await expect(archiveAll(one)).rejects.toMatchObject({ code: 'LOG_TRIMMED' })
})

test('records that do not follow are refused, and what an archive holds is held against its chains', async () => {
  const one = await enter('one')
  await one.observe(...quietMarket(OPEN - 1))
  await archiveAll(one)
  const lines = linesOf(one)
  const last = lines.at(-1) ?? ''
  await archiving(one, store.connect('archiver'), async ({ archive }) => {
    const sequence = lines.length + 1
    const forged = last.replace(/"at":\d+/, '"at":1')
    await expect(archive.append('p00', [{ sequence, line: forged }])).rejects.toMatchObject({
      code: 'LOG_DIFFERS',
    })
    expect(archive.endOf('p00').sequence).toBe(lines.length)
  })
  // Planted by whoever has the key: a chain that is whole around a record that is not of its partition's.
  const { keys, keyId } = openHome(one.home, undefined)
  const { journal } = await openJournal({ directory: join(directory, 'journal'), keys, keyId, now: Date.now })
  const planted = { schema: 1, type: 'archived', partition: 'p00', line: last }
  await journal.append([{ at: 1, eventText: JSON.stringify(planted) }]).durable
  await journal.close()
  expect(await verifyArchive(join(directory, 'journal'), keys.publicKey)).toMatchObject({
    ok: false,
    problems: [{ message: expect.stringContaining('does not follow record') as string }],
  })
})
