import { appendFile, truncate, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openJournal } from './journal.ts'
import { readRecords, readRecordsBackwards } from './read.ts'
import type { JournalRecord } from './record.ts'
import { inDirectory, makeJournal, optionsFor, sharedDirectory } from '../../test/journal-support/journals.ts'

async function sequences(records: AsyncIterable<JournalRecord>): Promise<number[]> {
  const found: number[] = []
  for await (const record of records) found.push(record.sequence)
  return found
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

/** Records from 1 byte to more than a reader's chunk, over several segments larger than a bisection's span. */
const RECORDS = 300
const shared = sharedDirectory(async (path) => {
  const { journal } = await openJournal(optionsFor(path, { segmentBytesMax: 1_000_000 }))
  for (let sequence = 1; sequence <= RECORDS; sequence += 1) {
    const size = sequence % 50 === 0 ? 700_000 : (sequence * 7919) % 3000
    const eventText = JSON.stringify({ sequence, text: 'é'.repeat(size) })
    const { durable } = journal.append([{ at: sequence, eventText }])
    if (sequence % 10 === 0) await durable
  }
  await journal.close()
})

describe('reading', () => {
  it('gives every record once, with its content, oldest or newest first', async () => {
    expect(await sequences(readRecords(shared.path))).toEqual(range(1, RECORDS))
    expect(await sequences(readRecordsBackwards(shared.path))).toEqual(range(1, RECORDS).toReversed())
    for await (const record of readRecords(shared.path)) {
      expect(record).toMatchObject({
        at: record.sequence,
        event: { sequence: record.sequence },
        timing: null,
      })
    }
  })

  it('begins and ends at any record', async () => {
    for (let sequence = 1; sequence <= RECORDS + 1; sequence += 1) {
      const forwards = readRecords(shared.path, { fromSequence: sequence, toSequence: sequence + 2 })
      expect(await sequences(forwards)).toEqual(range(sequence, Math.min(sequence + 2, RECORDS)))
      const found: number[] = []
      for await (const record of readRecordsBackwards(shared.path, { beforeSequence: sequence })) {
        if (found.push(record.sequence) === 3) break
      }
      expect(found).toEqual(range(Math.max(1, sequence - 3), sequence - 1).toReversed())
    }
  })

  it('agrees in both directions on the chain', async () => {
    const newestFirst: JournalRecord[] = []
    for await (const record of readRecordsBackwards(shared.path)) newestFirst.push(record)
    const previous = newestFirst.map((record) => record.previous)
    expect(previous.slice(0, -1)).toEqual(newestFirst.slice(1).map((record) => record.hash))
    expect(previous.at(-1)).toBe('0'.repeat(64))
  })

  it('leaves out an unfinished last line, however long', () =>
    inDirectory(async (path) => {
      await makeJournal(path, 3)
      const file = join(path, 'segment-000000000001.ndjson')
      await appendFile(file, 'x'.repeat(600_000))
      expect(await sequences(readRecords(path))).toEqual([1, 2, 3])
      expect(await sequences(readRecordsBackwards(path))).toEqual([3, 2, 1])
      await truncate(file, 10)
      expect(await sequences(readRecords(path))).toEqual([])
      expect(await sequences(readRecordsBackwards(path))).toEqual([])
      expect((await stat(file)).size).toBe(10)
    }))

  it('throws at a line that is no record, naming the place', () =>
    inDirectory(async (path) => {
      await writeFile(join(path, 'segment-000000000001.ndjson'), 'garbage\n')
      const wanted = {
        code: 'JOURNAL_CORRUPT',
        detail: expect.stringContaining('segment-000000000001.ndjson` byte 0'),
      }
      await expect(sequences(readRecords(path))).rejects.toMatchObject(wanted)
      await expect(sequences(readRecordsBackwards(path))).rejects.toMatchObject(wanted)
    }))

  it('of an empty directory gives nothing', () =>
    inDirectory(async (path) => {
      expect(await sequences(readRecords(path))).toEqual([])
      expect(await sequences(readRecordsBackwards(path))).toEqual([])
    }))
})
