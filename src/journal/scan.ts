/** Streams the segments of a journal and checks every record's bytes against the chain. */
import { open } from 'node:fs/promises'
import { type ChainEnd, GENESIS, LINE_BYTES_MAX, checkLine } from './record.ts'
import { type SegmentFile, listSegments } from './segment.ts'

/** The first place where the records stop making sense. */
export interface Damage {
  /**
   * `line`: a complete line that is not the record that comes next. `unterminated`: bytes at the end of a segment
   * without a newline. `gap`: a segment does not begin where the one before ended.
   */
  readonly kind: 'line' | 'unterminated' | 'gap'
  readonly segment: SegmentFile
  /** Whether no segment follows, so that a torn write could have left it. */
  readonly inLastSegment: boolean
  /** Line in the segment, from 1. */
  readonly line: number
  /** Byte offset in the segment, from 0. */
  readonly offset: number
  /** Which check failed. */
  readonly message: string
}

/** Where a record that the caller asked for was found. */
export interface Sighting {
  readonly hash: string
  readonly segment: SegmentFile
  /** Byte offset just past the record's newline. */
  readonly endOffset: number
}

/** What a walk over all segments found. */
export interface Walk {
  /** The end of the chain as far as it is valid. */
  readonly end: ChainEnd
  readonly segments: readonly SegmentFile[]
  /** Length in bytes of the valid records in the last segment walked. */
  readonly validBytes: number
  /** Why the walk ended early; `null` when every byte was part of a valid record. */
  readonly damage: Damage | null
  /** The watched records that were met. */
  readonly sightings: ReadonlyMap<number, Sighting>
}

/** How much is read at once, at most: large enough for speed, small enough to leave the event loop free every few ms. */
const CHUNK_BYTES = 1024 * 1024
const NEWLINE = 10

/**
 * Walks all segments in `directory` from the first record, stopping at the first damage. `watched` are sequences
 * whose records the caller wants to know the hash and place of.
 */
export async function walkSegments(directory: string, watched: ReadonlySet<number>): Promise<Walk> {
  const segments = await listSegments(directory)
  const sightings = new Map<number, Sighting>()
  let end = GENESIS
  let validBytes = 0
  for (const [index, segment] of segments.entries()) {
    const inLastSegment = index === segments.length - 1
    if (segment.firstSequence !== end.sequence + 1) {
      const message = `sequence: the segment begins at ${segment.firstSequence}, ${end.sequence + 1} comes next`
      const damage: Damage = { kind: 'gap', segment, inLastSegment, line: 1, offset: 0, message }
      return { end, segments, validBytes, damage, sightings }
    }
    const scan = await scanSegment(segment, end, (sequence, hash, endOffset) => {
      if (watched.has(sequence)) sightings.set(sequence, { hash, segment, endOffset })
    })
    end = scan.end
    validBytes = scan.validBytes
    if (scan.damage !== null) {
      return { end, segments, validBytes, damage: { ...scan.damage, segment, inLastSegment }, sightings }
    }
  }
  return { end, segments, validBytes, damage: null, sightings }
}

interface SegmentScan {
  readonly end: ChainEnd
  readonly validBytes: number
  readonly damage: Omit<Damage, 'segment' | 'inLastSegment'> | null
}

async function scanSegment(
  segment: SegmentFile,
  start: ChainEnd,
  onRecord: (sequence: number, hash: string, endOffset: number) => void,
): Promise<SegmentScan> {
  const file = await open(segment.path, 'r')
  try {
    const { size } = await file.stat()
    // A whole megabyte for a small file is costly to clean up; what a writer adds meanwhile makes it grow.
    let buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size + 1))
    let filled = 0
    // INVARIANT: the buffer's first byte is byte `base` of the file, and is the first byte of a line.
    let base = 0
    let line = 1
    let end = start
    for (;;) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, base + filled)
      if (bytesRead === 0) break
      filled += bytesRead
      const view = buffer.subarray(0, filled)
      let from = 0
      for (let to = view.indexOf(NEWLINE); to !== -1; to = view.indexOf(NEWLINE, from)) {
        const next = checkLine(view, from, to, end)
        if (typeof next === 'string') {
          const offset = base + from
          return { end, validBytes: offset, damage: { kind: 'line', line, offset, message: next } }
        }
        end = next
        from = to + 1
        line += 1
        onRecord(end.sequence, end.hash, base + from)
      }
      buffer.copyWithin(0, from, filled)
      base += from
      filled -= from
      if (filled >= LINE_BYTES_MAX) {
        const message = `the line is longer than ${LINE_BYTES_MAX} bytes`
        return { end, validBytes: base, damage: { kind: 'line', line, offset: base, message } }
      }
      if (filled === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2)
    }
    if (filled === 0) return { end, validBytes: base, damage: null }
    const message = `${filled} bytes without a newline are not a record`
    return { end, validBytes: base, damage: { kind: 'unterminated', line, offset: base, message } }
  } finally {
    await file.close()
  }
}
