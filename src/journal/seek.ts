/** Finds a record in a segment by its sequence, by bisection, without reading what lies before it. */
import type { FileHandle } from 'node:fs/promises'
import { EphorError } from '../base/errors.ts'
import { SEQUENCE_FROM } from './record.ts'
import type { SegmentFile } from './segment.ts'

/** Below this many bytes, reading on is faster than another bisection. */
const SPAN_BYTES = 64 * 1024
/** What is read first to find the end of a line: most are shorter. Of one that is longer, four times as much each time, up to so much. */
const [PROBE_BYTES, PROBE_BYTES_MAX] = [4 * 1024, 256 * 1024]
const NEWLINE = 10
const SEQUENCE_FIELD = /,"sequence":(\d+),$/
const SEQUENCE_DIGITS_MAX = 16

/**
 * Byte offsets of two line starts (or of the end of the file) between which the first record with a sequence of at
 * least `sequence` starts, `high` included.
 */
export async function seekSequence(file: FileHandle, segment: SegmentFile, sequence: number) {
  let low = 0
  let high = (await file.stat()).size
  if (segment.firstSequence >= sequence) return { low, high: 0 }
  // INVARIANT: records before `low` are smaller than `sequence`; the record at `high`, if any, is not.
  let bound = high
  while (bound - low > SPAN_BYTES) {
    const middle = low + Math.floor((bound - low) / 2)
    const start = await nextLineStart(file, middle, bound)
    const found = start === null ? null : await sequenceAt(file, segment, start)
    if (start === null || found === null) {
      bound = middle
    } else if (found < sequence) {
      low = start
    } else {
      high = start
      bound = middle
    }
  }
  return { low, high }
}

/** The first line start after `from` and before `limit`; `null` when there is none. */
async function nextLineStart(file: FileHandle, from: number, limit: number): Promise<number | null> {
  let size = PROBE_BYTES
  for (let position = from; position < limit;) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(size), 0, size, position)
    if (bytesRead === 0) return null
    const index = buffer.subarray(0, bytesRead).indexOf(NEWLINE)
    if (index !== -1) return position + index + 1 < limit ? position + index + 1 : null
    position += bytesRead
    size = Math.min(size * 4, PROBE_BYTES_MAX)
  }
  return null
}

/** The sequence of the record whose line starts at `offset`; `null` when the line is not finished yet. */
async function sequenceAt(file: FileHandle, segment: SegmentFile, offset: number): Promise<number | null> {
  const length = SEQUENCE_FROM + SEQUENCE_DIGITS_MAX + 1
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset)
  if (bytesRead < length) return null
  const text = buffer.toString('latin1')
  const digits = SEQUENCE_FIELD.exec(text.slice(0, text.indexOf(',', SEQUENCE_FROM) + 1))?.[1]
  if (digits !== undefined) return Number(digits)
  throw new EphorError(
    'JOURNAL_CORRUPT',
    `\`${segment.name}\` byte ${offset}: the line is not laid out as a record`,
  )
}
