/**
 * The line of one record: its exact bytes, its place in the hash chain, and how both are written and checked.
 *
 * `{"hash":"…64…","previous":"…64…","sequence":N,"schema":1,"at":MS,"event":…,"timing":…}\n`, where `hash` is the
 * SHA-256 of every byte after `{"hash":"…64…",` up to and including the closing brace.
 */
import { sha256 } from '../base/hash.ts'
import type { Json } from '../base/canonical-json.ts'

/** One record as a reader gets it. */
export interface JournalRecord {
  /** Place in the journal: 1, 2, 3, … without gaps, across segments. */
  readonly sequence: number
  /** Wall time in milliseconds since 1970, UTC, as the appender gave it. */
  readonly at: number
  readonly event: Json
  /** How long the steps took, kept apart from `event` because a replay does not reproduce it. */
  readonly timing: Json | null
  /** SHA-256 of this record, which covers `previous` and so everything before it. */
  readonly hash: string
  /** The hash of the record before; 64 zeros for the first. */
  readonly previous: string
}

/** One event on its way into the journal. Both texts are JSON on one line, already serialised. */
export interface JournalEntry {
  /** Wall time in milliseconds since 1970, UTC. */
  readonly at: number
  readonly eventText: string
  readonly timingText?: string
}

/** The end of a chain: the last sequence, and the hash that the next record names as its `previous`. */
export interface ChainEnd {
  readonly sequence: number
  readonly hash: string
}

/** The end of a chain without records. */
export const GENESIS: ChainEnd = { sequence: 0, hash: '0'.repeat(64) }

/** The longest line accepted, in bytes with its newline; it bounds the memory of every reader. */
export const LINE_BYTES_MAX = 16 * 1024 * 1024

/** Bytes before the part that the hash covers: `{"hash":"`, 64 digits and `",`. */
const HASHED_FROM = 75

/** Where the digits of the sequence begin. */
export const SEQUENCE_FROM = 164

/** More than the bytes of a line beside its two texts: two hashes, two numbers, the member names. */
const FRAME_BYTES_MAX = 300

const NEWLINE = 10

/** An upper bound in bytes for the line of `entry`, found without encoding it: a UTF-16 unit takes at most three. */
export function lineBytesBound(entry: JournalEntry): number {
  return FRAME_BYTES_MAX + 3 * (entry.eventText.length + (entry.timingText ?? 'null').length)
}

/** Throws a `TypeError` or `RangeError`, before anything is written, when `entry` cannot become one line. */
export function assertEntry(entry: JournalEntry): void {
  if (!Number.isSafeInteger(entry.at) || entry.at < 0) throw new TypeError(`\`${entry.at}\` is not a time`)
  if (entry.eventText === '' || entry.timingText === '') throw new TypeError('an empty text is not JSON')
  if (entry.eventText.includes('\n') || entry.timingText?.includes('\n') === true) {
    throw new TypeError('a record is one line: its JSON texts hold no newline')
  }
  if (lineBytesBound(entry) > LINE_BYTES_MAX) {
    throw new RangeError(
      `a record of ${entry.eventText.length} characters could pass ${LINE_BYTES_MAX} bytes`,
    )
  }
}

/** Where an encoded line ends, and the chain's end after it. */
interface EncodedLine {
  /** Offset just past the newline. */
  readonly offset: number
  readonly chain: ChainEnd
}

/**
 * Writes the line of `entry`, following `chain`, into `target` from `offset`. The caller has seen to room of
 * `lineBytesBound(entry)`.
 */
export function encodeLine(
  target: Buffer,
  offset: number,
  chain: ChainEnd,
  entry: JournalEntry,
): EncodedLine {
  const sequence = chain.sequence + 1
  const frame = `"previous":"${chain.hash}","sequence":${sequence},"schema":1,"at":${entry.at},"event":`
  let end = offset + HASHED_FROM
  end += target.write(frame, end, 'latin1')
  end += target.write(entry.eventText, end, 'utf8')
  end += target.write(',"timing":', end, 'latin1')
  end += target.write(entry.timingText ?? 'null', end, 'utf8')
  end += target.write('}', end, 'latin1')
  const hash = sha256(target.subarray(offset + HASHED_FROM, end))
  target.write(`{"hash":"${hash}",`, offset, 'latin1')
  target[end] = NEWLINE
  return { offset: end + 1, chain: { sequence, hash } }
}

/**
 * The chain's end after the line in `bytes` from `from` to `to` (its newline excluded), or, as a string, which check
 * failed. The hash covers all bytes after the fixed frame, so a line that passes is one that a journal wrote.
 */
export function checkLine(bytes: Buffer, from: number, to: number, chain: ChainEnd): ChainEnd | string {
  const sequence = chain.sequence + 1
  const hash = sha256(bytes.subarray(from + HASHED_FROM, Math.max(to, from + HASHED_FROM)))
  const expected = `{"hash":"${hash}","previous":"${chain.hash}","sequence":${sequence},"schema":1,"at":`
  // One comparison covers the frame, both hashes, the sequence and the schema; only a failure looks closer.
  if (bytes.toString('latin1', from, from + expected.length) === expected) return { sequence, hash }
  return failedCheck(bytes.toString('latin1', from, to), hash, chain)
}

const FRAME = /^\{"hash":"([0-9a-f]{64})","previous":"([0-9a-f]{64})","sequence":(\d+),"schema":1,"at":/

function failedCheck(line: string, hash: string, chain: ChainEnd): string {
  const match = FRAME.exec(line)
  if (match === null) return 'the line is not laid out as a record'
  const [, statedHash, statedPrevious, statedSequence] = match
  if (statedHash !== hash) return `hash: the line states ${statedHash}, its bytes give ${hash}`
  if (statedPrevious !== chain.hash) {
    return `previous: the line states ${statedPrevious}, the record before has ${chain.hash}`
  }
  return `sequence: the line states ${statedSequence}, ${chain.sequence + 1} comes next`
}

/** Reads one line. Throws a `SyntaxError` when it is not JSON. Does not check its hash: `verifyJournal` does. */
export function parseLine(line: string): JournalRecord {
  const parsed: JournalRecord = JSON.parse(line)
  const { sequence, at, event, timing, hash, previous } = parsed
  return { sequence, at, event, timing, hash, previous }
}
