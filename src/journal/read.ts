/**
 * Reads records, oldest or newest first, with or without a writer at work.
 *
 * Readers do not check hashes (`verifyJournal` does), and they may meet records that no signed head covers yet; an
 * unfinished last line is left out.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { EphorError } from '../base/errors.ts'
import { type JournalRecord, LINE_BYTES_MAX, parseLine } from './record.ts'
import { seekSequence } from './seek.ts'
import { type SegmentFile, listSegments } from './segment.ts'

const CHUNK_BYTES = 256 * 1024
const NEWLINE = 10

/** Which records to read: from and to are both included. */
export interface ReadRange {
  readonly fromSequence?: number
  readonly toSequence?: number
}

/** The records of the journal in `directory`, oldest first. Throws `JOURNAL_CORRUPT` at a line that is no record. */
export async function* readRecords(directory: string, range: ReadRange = {}): AsyncGenerator<JournalRecord> {
  for await (const records of readRecordBatches(directory, range)) yield* records
}

/** The same records, as many at a time as were read at once: for whoever reads them all, since each turn of the event loop costs more than a record. */
export async function* readRecordBatches(
  directory: string,
  range: ReadRange = {},
): AsyncGenerator<Iterable<JournalRecord>> {
  const { fromSequence = 1, toSequence = Number.MAX_SAFE_INTEGER } = range
  const segments = await listSegments(directory)
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1]
    if (next !== undefined && next.firstSequence <= fromSequence) continue
    if (segment.firstSequence > toSequence) return
    yield* withFile(segment, (file) =>
      segmentRecords(file, segment, { fromSequence, toSequence }, (record) => record),
    )
  }
}

/** The lines of the records from `sequence` on, as many at a time as were read at once, without their newlines. */
export async function* readLineBatches(directory: string, sequence: number): AsyncGenerator<RecordLine[]> {
  const segments = await listSegments(directory)
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1]
    if (next !== undefined && next.firstSequence <= sequence) continue
    const range = { fromSequence: sequence, toSequence: Number.MAX_SAFE_INTEGER }
    for await (const lines of withFile(segment, (file) =>
      segmentRecords(file, segment, range, ({ sequence: of }, line) => ({ sequence: of, line: line() })),
    ))
      yield [...lines]
  }
}

/** One record's line, under its sequence. */
export interface RecordLine {
  readonly sequence: number
  readonly line: string
}

/** The hash of the record at `sequence`; `undefined` when there is none. */
export async function hashAt(directory: string, sequence: number): Promise<string | undefined> {
  for await (const { hash } of readRecords(directory, { fromSequence: sequence, toSequence: sequence }))
    return hash
  return undefined
}

/** Where to read backwards from. */
export interface ReadBackwardsRange {
  /** Only records with smaller sequences; the end of the journal when left out. */
  readonly beforeSequence?: number
}

/** The records of the journal in `directory`, newest first. Throws `JOURNAL_CORRUPT` at a line that is no record. */
export async function* readRecordsBackwards(
  directory: string,
  { beforeSequence = Number.MAX_SAFE_INTEGER }: ReadBackwardsRange = {},
): AsyncGenerator<JournalRecord> {
  for (const segment of (await listSegments(directory)).toReversed()) {
    if (segment.firstSequence >= beforeSequence) continue
    yield* withFile(segment, (file) => segmentRecordsBackwards(file, segment, beforeSequence))
  }
}

async function* withFile<T>(segment: SegmentFile, read: (file: FileHandle) => AsyncGenerator<T>) {
  const file = await open(segment.path, 'r')
  try {
    yield* read(file)
  } finally {
    await file.close()
  }
}

async function* segmentRecords<T>(
  file: FileHandle,
  segment: SegmentFile,
  { fromSequence, toSequence }: Required<ReadRange>,
  make: (record: JournalRecord, line: () => string) => T,
): AsyncGenerator<Iterable<T>> {
  let { low: position } = await seekSequence(file, segment, fromSequence)
  // INVARIANT: `rest` is the part of a line that has been read, and ends at `position`.
  let rest: Buffer = Buffer.alloc(0)
  for (;;) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, position)
    if (bytesRead === 0) return
    const start = position - rest.length
    const bytes = Buffer.concat([rest, buffer.subarray(0, bytesRead)])
    position += bytesRead
    const end = bytes.lastIndexOf(NEWLINE) + 1
    let isOver = false
    function* wanted(): Generator<T> {
      for (let from = 0; from < end;) {
        const to = bytes.indexOf(NEWLINE, from)
        const record = parseAt(segment, bytes, from, to, start)
        isOver = record.sequence > toSequence
        if (isOver) return
        const begin = from
        if (record.sequence >= fromSequence) yield make(record, () => bytes.toString('utf8', begin, to))
        from = to + 1
      }
    }
    yield wanted()
    if (isOver) return
    rest = bytes.subarray(end)
    refuseLongLine(segment, rest, start + end)
  }
}

async function* segmentRecordsBackwards(file: FileHandle, segment: SegmentFile, beforeSequence: number) {
  let { high: position } = await seekSequence(file, segment, beforeSequence)
  // INVARIANT: `rest` begins at `position`, and begins with the part of a line that has been read.
  let rest: Buffer = Buffer.alloc(0)
  while (position > 0) {
    const length = Math.min(CHUNK_BYTES, position)
    position -= length
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, position)
    const bytes = Buffer.concat([buffer, rest])
    // Each turn takes the last whole line: from past the newline before it to its own.
    let end = bytes.lastIndexOf(NEWLINE) + 1
    for (;;) {
      const from = end < 2 ? 0 : bytes.lastIndexOf(NEWLINE, end - 2) + 1
      if (end === 0 || (from === 0 && position > 0)) break
      const record = parseAt(segment, bytes, from, end - 1, position)
      if (record.sequence < beforeSequence) yield record
      end = from
    }
    // Without a newline all of it may still be the unfinished last line, or the middle of a long one.
    rest = end === 0 ? bytes : bytes.subarray(0, end)
    refuseLongLine(segment, rest, position)
  }
}

function parseAt(segment: SegmentFile, bytes: Buffer, from: number, to: number, base: number): JournalRecord {
  try {
    return parseLine(bytes.toString('utf8', from, to))
  } catch (cause) {
    throw new EphorError('JOURNAL_CORRUPT', `\`${segment.name}\` byte ${base + from}: the line is not JSON`, {
      cause,
    })
  }
}

function refuseLongLine(segment: SegmentFile, rest: Buffer, offset: number): void {
  if (rest.length <= LINE_BYTES_MAX) return
  const message = `the line is longer than ${LINE_BYTES_MAX} bytes`
  throw new EphorError('JOURNAL_CORRUPT', `\`${segment.name}\` byte ${offset}: ${message}`)
}
