import { appendFile, readFile, rename, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  type Operation,
  appendNumbered,
  covered,
  inDirectory,
  interceptedIo,
  keys,
  optionsFor,
  systemError,
} from '../../test/journal-support/journals.ts'
import { openJournal } from './journal.ts'
import { verifyJournal } from './verify.ts'

const FIRST = 'segment-000000000001.ndjson'
const entry = (text: string) => ({ at: 1, eventText: JSON.stringify(text) })

describe('a journal whose disk fails', () => {
  const faults: [Operation, string][] = [
    ['write segment', 'ENOSPC'],
    ['write segment', 'EIO'],
    ['datasync segment', 'EIO'],
  ]

  it.each(faults)('at `%s` with %s fails for good, and recovers when opened again', (where, code) =>
    inDirectory(async (directory) => {
      const log: string[] = []
      let broken = false
      const io = interceptedIo((operation) => {
        log.push(operation)
        if (broken && operation === where) {
          // Only once: a journal that tried again would get through, and must not.
          broken = false
          throw systemError(code)
        }
      })
      const { journal } = await openJournal(optionsFor(directory, { io }))
      await appendNumbered(journal, 3)
      await covered(directory, 3)
      broken = true
      log.length = 0
      const failing = journal.append([entry('in the failing flush')]).durable
      await Promise.resolve()
      await Promise.resolve()
      const gathered = journal.append([entry('waiting for the next flush')]).durable
      await expect(failing).rejects.toMatchObject({ code: 'JOURNAL_FAILED', cause: { code } })
      await expect(gathered).rejects.toMatchObject({ code: 'JOURNAL_FAILED' })
      await expect(journal.append([entry('later')]).durable).rejects.toMatchObject({ code: 'JOURNAL_FAILED' })
      await expect(journal.append([]).durable).rejects.toMatchObject({ code: 'JOURNAL_FAILED' })
      expect(journal.failed).toMatchObject({ code: 'JOURNAL_FAILED', detail: expect.stringContaining(code) })
      await journal.close()
      expect(log.at(-1), 'nothing is tried after the failure').toBe(where)

      const again = await openJournal(optionsFor(directory))
      const kept = where === 'write segment' ? 3 : 4
      expect(again.recovery).toMatchObject({ sequence: kept })
      await appendNumbered(again.journal, 2)
      await again.journal.close()
      expect(await verifyJournal(directory, keys.publicKey)).toMatchObject({ ok: true, records: kept + 2 })
    }),
  )

  it.each<[Operation, string]>([
    ['write head', 'ENOSPC'],
    ['datasync head', 'EIO'],
  ])('at `%s` with %s fails for good, and keeps what was released', (where, code) =>
    inDirectory(async (directory) => {
      let broken = false
      const io = interceptedIo((operation) => {
        if (!broken || operation !== where) return
        broken = false
        throw systemError(code)
      })
      const { journal } = await openJournal(optionsFor(directory, { io }))
      await appendNumbered(journal, 3)
      await covered(directory, 3)
      broken = true
      await journal.append([entry('released')]).durable
      await expect(journal.covered()).rejects.toMatchObject({ code: 'JOURNAL_FAILED', cause: { code } })
      const next = journal.append([entry('never released')]).durable
      await expect(next).rejects.toMatchObject({ code: 'JOURNAL_FAILED', cause: { code } })
      expect(journal.failed).toMatchObject({ code: 'JOURNAL_FAILED', detail: expect.stringContaining(code) })
      await expect(journal.append([]).durable).rejects.toMatchObject({ code: 'JOURNAL_FAILED' })
      await journal.close()
      const again = await openJournal(optionsFor(directory))
      expect(again.recovery.sequence).toBeGreaterThanOrEqual(4)
      await again.journal.close()
      expect(await verifyJournal(directory, keys.publicKey)).toMatchObject({ ok: true, unsigned: 0 })
    }),
  )

  it('halfway through a write sets the torn record aside when opened again', () =>
    inDirectory(async (directory) => {
      let writes = 0
      let broken = false
      const io = interceptedIo((operation) => {
        if (!broken || operation !== 'write segment') return undefined
        writes += 1
        if (writes === 1) return 300
        throw systemError('ENOSPC')
      })
      const { journal } = await openJournal(optionsFor(directory, { io }))
      await appendNumbered(journal, 3)
      broken = true
      const waiting = Array.from(
        { length: 4 },
        (_, index) => journal.append([entry(`lost ${index}`)]).durable,
      )
      expect((await Promise.allSettled(waiting)).map(({ status }) => status)).toEqual(
        Array(4).fill('rejected'),
      )
      await journal.close()

      const { ok, unsigned, torn } = await verifyJournal(directory, keys.publicKey)
      expect({ ok, unsigned, torn }).toMatchObject({ ok: true, unsigned: 1, torn: { file: FIRST, line: 5 } })
      const { journal: again, recovery } = await openJournal(optionsFor(directory))
      expect(recovery).toMatchObject({ sequence: 4, unsignedRecords: 1, quarantined: { segment: FIRST } })
      await again.close()
    }))

  it('while a segment is added fails, and opens again', () =>
    inDirectory(async (directory) => {
      let broken = false
      const io = interceptedIo((operation) => {
        if (broken && operation === 'syncDirectory') throw systemError('EIO')
      })
      const { journal } = await openJournal(optionsFor(directory, { io, segmentBytesMax: 10 }))
      await appendNumbered(journal, 1)
      broken = true
      await expect(journal.append([entry('a')]).durable).rejects.toMatchObject({ code: 'JOURNAL_FAILED' })
      await journal.close()
      const again = await openJournal(optionsFor(directory, { segmentBytesMax: 10 }))
      expect(again.recovery).toMatchObject({ sequence: 1, segments: 2 })
      await appendNumbered(again.journal, 2)
      await again.journal.close()
      expect(await verifyJournal(directory, keys.publicKey)).toMatchObject({
        ok: true,
        records: 3,
        segments: 3,
      })
    }))
})

describe('a journal that finds another writer at work', () => {
  const intrusions: [string, (directory: string) => Promise<void>, string][] = [
    ['the segment grew', (directory) => appendFile(join(directory, FIRST), 'x'), 'JOURNAL_LOCKED'],
    ['the segment shrank', (directory) => truncate(join(directory, FIRST), 10), 'JOURNAL_LOCKED'],
    ['the head grew', (directory) => appendFile(join(directory, 'head'), 'x'), 'JOURNAL_LOCKED'],
    [
      'the lock is gone',
      (directory) => rename(join(directory, 'writer.lock'), join(directory, 'x')),
      'JOURNAL_LOCKED',
    ],
    [
      'the lock says another',
      (directory) => writeFile(join(directory, 'writer.lock'), '{"pid":1,"token":"x"}'),
      'JOURNAL_LOCKED',
    ],
    [
      'the segment was replaced',
      async (directory) => {
        await rename(join(directory, FIRST), join(directory, 'x'))
        await writeFile(join(directory, FIRST), await readFile(join(directory, 'x')))
      },
      'JOURNAL_FAILED',
    ],
  ]

  it.each(intrusions)('because %s writes nothing more', (_, intrude, code) =>
    inDirectory(async (directory) => {
      const { journal } = await openJournal(optionsFor(directory))
      await appendNumbered(journal, 2)
      await intrude(directory)
      const before = await readFile(join(directory, FIRST))
      await expect(journal.append([entry('a')]).durable).rejects.toMatchObject({ code })
      await expect(journal.append([entry('b')]).durable).rejects.toMatchObject({ code })
      await journal.close()
      expect(await readFile(join(directory, FIRST))).toEqual(before)
    }),
  )

  it('does not mind a lock file that was merely touched', () =>
    inDirectory(async (directory) => {
      const { journal } = await openJournal(optionsFor(directory))
      const path = join(directory, 'writer.lock')
      await writeFile(path, await readFile(path))
      await appendNumbered(journal, 2)
      await journal.close()
      expect((await verifyJournal(directory, keys.publicKey)).records).toBe(2)
    }))
})
