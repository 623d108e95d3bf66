/** Copies of another journal's records, and records that are taken off the end: the journal verifies before, after, and at every crash between. */
import { cp, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  appendNumbered,
  inDirectory,
  interceptedIo,
  keys,
  makeJournal,
  optionsFor,
  systemError,
} from '../../test/journal-support/journals.ts'
import { openJournal } from './journal.ts'
import { readLineBatches, readRecords } from './read.ts'
import { verifyJournal } from './verify.ts'

const linesOf = async (directory: string, from = 1): Promise<string[]> => {
  const lines: string[] = []
  for await (const batch of readLineBatches(directory, from)) lines.push(...batch.map(({ line }) => line))
  return lines
}

const SMALL = { segmentBytesMax: 700 }

describe('records after the last to keep', () => {
  test.each([
    ['in one segment', {}],
    ['over several', SMALL],
  ])('are set aside, %s, and others take their place', (_, changes) =>
    inDirectory(async (directory) => {
      await makeJournal(directory, 12, changes)
      const before = await linesOf(directory)
      const { journal, recovery } = await openJournal(optionsFor(directory, { ...changes, keepTo: 5 }))
      expect(recovery).toMatchObject({ sequence: 5, setAside: { first: 6, records: 7 } })
      const kept = await readFile(recovery.setAside?.file ?? '', 'utf8')
      expect(kept.trim().split('\n')).toEqual(before.slice(5))
      await appendNumbered(journal, 2)
      await journal.close()
      expect((await linesOf(directory)).slice(0, 5)).toEqual(before.slice(0, 5))
      expect(await verifyJournal(directory, keys.publicKey)).toMatchObject({ ok: true, records: 7 })
    }),
  )

  test('are none where the last to keep is the last, and all where none is kept', () =>
    inDirectory(async (directory) => {
      await makeJournal(directory, 3, SMALL)
      const first = await openJournal(optionsFor(directory, { keepTo: 3 }))
      expect(first.recovery.setAside).toBeNull()
      await first.journal.close()
      const second = await openJournal(optionsFor(directory, { keepTo: 0 }))
      expect(second.recovery).toMatchObject({ sequence: 0, setAside: { first: 1, records: 3 } })
      await second.journal.close()
      expect(await verifyJournal(directory, keys.publicKey)).toMatchObject({ ok: true, records: 0 })
    }))

  test('a crash at any operation leaves a journal that opens, with the records to keep', () =>
    inDirectory(async (directory) => {
      const original = join(directory, 'original')
      await makeJournal(original, 9, SMALL)
      for (let crashAt = 1; ; crashAt += 1) {
        const copy = join(directory, `copy-${crashAt}`)
        await cp(original, copy, { recursive: true })
        let operations = 0
        const io = interceptedIo(() => {
          operations += 1
          if (operations >= crashAt) throw systemError('EIO')
        })
        const opened = await openJournal(optionsFor(copy, { ...SMALL, io, keepTo: 4 })).catch(() => undefined)
        await opened?.journal.close().catch(() => undefined)
        const { journal, recovery } = await openJournal(optionsFor(copy, SMALL))
        expect(recovery.sequence).toBeGreaterThanOrEqual(4)
        await journal.close()
        expect(await verifyJournal(copy, keys.publicKey)).toMatchObject({ ok: true })
        if (opened !== undefined) return
      }
    }))
})

describe('a copy', () => {
  test('is the same lines, and what does not follow is refused', () =>
    inDirectory(async (directory) => {
      const [from, to] = [join(directory, 'from'), join(directory, 'to')]
      await makeJournal(from, 6, SMALL)
      const lines = await linesOf(from)
      const { journal } = await openJournal(optionsFor(to))
      await journal.copy(lines.slice(0, 4)).durable
      expect(() => journal.copy(lines.slice(5))).toThrow('LOG_DIFFERS')
      expect(() => journal.copy([(lines[4] ?? '').replace('"number":5', '"number":6')])).toThrow(
        'LOG_DIFFERS',
      )
      // Nor is what comes before it taken.
      expect(() => journal.copy([lines[4] ?? '', lines[4] ?? ''])).toThrow('LOG_DIFFERS')
      await journal.copy(lines.slice(4)).durable
      await journal.close()
      expect(await linesOf(to)).toEqual(lines)
      expect(await linesOf(to, 5)).toEqual(lines.slice(4))
      expect(await verifyJournal(to, keys.publicKey)).toMatchObject({ ok: true, records: 6 })
    }))
})

describe('what has to happen before release', () => {
  test('is told the lines on the disk, and nobody hears before it is done', () =>
    inDirectory(async (directory) => {
      const told: string[] = []
      let letGo = (): void => {}
      const held = new Promise<void>((resolve) => (letGo = resolve))
      const { journal } = await openJournal(
        optionsFor(directory, {
          beforeRelease: async (first, lines) => {
            for await (const { sequence } of readRecords(directory)) told.push(`on disk ${sequence}`)
            told.push(`first ${first} of ${lines().length}`)
            await held
          },
        }),
      )
      const durable = appendNumbered(journal, 1).then(() => told.push('heard'))
      await expect.poll(() => told).toEqual(['on disk 1', 'first 1 of 1'])
      letGo()
      await durable
      expect(told).toEqual(['on disk 1', 'first 1 of 1', 'heard'])
      await journal.close()
    }))

  test('fails the journal where it cannot happen', () =>
    inDirectory(async (directory) => {
      const beforeRelease = (): Promise<void> => Promise.reject(systemError('EHOSTUNREACH'))
      const { journal } = await openJournal(optionsFor(directory, { beforeRelease }))
      await expect(appendNumbered(journal, 1)).rejects.toThrow('EHOSTUNREACH')
      expect(journal.failed?.code).toBe('JOURNAL_FAILED')
      await journal.close()
      expect((await readdir(directory)).some((name) => name.startsWith('segment'))).toBe(true)
    }))
})
