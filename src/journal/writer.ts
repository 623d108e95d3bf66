/**
 * The writer of an open journal: gathers appended records into batches, and brings each onto the disk before anybody is told. A signed head follows close
 * behind.
 */
import { EphorError } from '../base/errors.ts'
import { Batch } from './batch.ts'
import { Covering } from './covering.ts'
import type { HeadFile } from './head-file.ts'
import { HEAD_BYTES } from './head.ts'
import { type JournalFile, type JournalIo, writeAll } from './io.ts'
import type { Lock } from './lock.ts'
import { type ChainEnd, type JournalEntry, assertEntry } from './record.ts'
import { type SegmentFile, segmentFile } from './segment.ts'

/** What an append tells at once, and what it promises. */
export interface Appended {
  /** The sequence of the first of the appended records; the others follow it without gaps. */
  readonly firstSequence: number
  /**
   * Resolves when the records and all before them are on the disk, with a signed head that covers what was there `BEHIND_MS_MAX` before; the head
   * that covers theirs is on its way. Rejects with `JOURNAL_FAILED` or `JOURNAL_LOCKED` when that cannot be any more.
   */
  readonly durable: Promise<void>
}

/** An open journal. */
export interface Journal {
  /** The sequence of the last record, durable or on its way. */
  readonly sequence: number
  /** Why nothing can be appended any more; `null` while all is well. A journal that failed stays failed. */
  readonly failed: EphorError | null
  /**
   * Appends records in the order of calls. Throws a `TypeError` or `RangeError`, appending none, when one of them
   * cannot be a record. The caller bounds how much it lets wait; past 256 MiB the journal fails.
   */
  append(entries: readonly JournalEntry[]): Appended
  /** The last record, durable or on its way. */
  readonly end: ChainEnd
  /** Appends records that another journal wrote, as their lines are. Throws `LOG_DIFFERS` where one does not follow: then none is appended. */
  copy(lines: readonly string[]): Appended
  /** Resolves when a signed head on the disk covers what is durable now. Rejects when the journal failed. */
  covered(): Promise<void>
  /**
   * Flushes, states the end in both slots of the head, and gives up the lock. Rejects when any of that fails; a journal
   * that had failed before only gives up its lock. Further calls give the same promise.
   */
  close(): Promise<void>
}

/** What an open journal holds: its files, its lock, and where it stands. */
export interface WriterParts {
  readonly io: JournalIo
  readonly directory: string
  readonly lock: Lock
  readonly headFile: HeadFile
  readonly segment: SegmentFile
  readonly segmentHandle: JournalFile
  readonly segmentBytes: number
  readonly segmentBytesMax: number
  /** `false` leaves out every sync, for benchmarks of the rest. */
  readonly fsync: boolean
  readonly end: ChainEnd
  readonly beforeRelease?: BeforeRelease | undefined
}

/**
 * Told of each group once it is on the disk: the sequence of its first record, and a way to its lines. Its appenders are told when this resolves; where it
 * rejects the journal fails.
 */
export type BeforeRelease = (first: number, lines: () => string[]) => Promise<void>

/** More would wait only for a disk that has stopped answering. */
const WAITING_BYTES_MAX = 256 * 1024 * 1024

/** The one implementation of `Journal`. */
export class Writer implements Journal {
  readonly #parts: WriterParts
  #segment: SegmentFile
  #handle: JournalFile
  #segmentBytes: number
  #gathering: Batch
  #latestDurable: Promise<void> = Promise.resolve()
  #spareBytes: Buffer | undefined
  #flushing: Promise<void> | null = null
  readonly #covering: Covering
  #closing: Promise<void> | null = null
  #failed: EphorError | null = null

  constructor(parts: WriterParts) {
    this.#parts = parts
    this.#segment = parts.segment
    this.#handle = parts.segmentHandle
    this.#segmentBytes = parts.segmentBytes
    this.#gathering = new Batch(parts.end)
    this.#covering = new Covering(parts.headFile, (error) => this.#fail(error))
  }

  get sequence(): number {
    return this.#gathering.end.sequence
  }

  get end(): ChainEnd {
    return this.#gathering.end
  }

  get failed(): EphorError | null {
    return this.#failed
  }

  append(entries: readonly JournalEntry[]): Appended {
    for (const entry of entries) assertEntry(entry)
    return this.#gather(entries, () => {
      for (const entry of entries) this.#gathering.add(entry)
    })
  }

  copy(lines: readonly string[]): Appended {
    return this.#gather(lines, () => this.#gathering.addLines(lines))
  }

  #gather(records: readonly unknown[], add: () => void): Appended {
    const firstSequence = this.sequence + 1
    const refusal = this.#refusal()
    if (refusal !== null) return { firstSequence, durable: rejected(refusal) }
    add()
    if (this.#gathering.length > WAITING_BYTES_MAX) {
      this.#fail(new Error(`${this.#gathering.length} bytes wait for the disk`))
    }
    if (records.length > 0) {
      this.#latestDurable = this.#gathering.durable
      // Not at once: what is appended in the same turn of the event loop goes to the disk together.
      this.#flushing ??= Promise.resolve().then(() => this.#flushAll())
    }
    return { firstSequence, durable: this.#latestDurable }
  }

  async covered(): Promise<void> {
    await this.#covering.all()
    if (this.#failed !== null) throw this.#failed
  }

  close(): Promise<void> {
    this.#closing ??= this.#failed === null ? this.#closeWell() : this.#release()
    return this.#closing
  }

  #refusal(): EphorError | null {
    return this.#closing === null ? this.#failed : new EphorError('JOURNAL_FAILED', 'the journal is closed')
  }

  async #flushAll(): Promise<void> {
    while (this.#failed === null && this.#gathering.length > 0) {
      const batch = this.#gathering
      this.#gathering = new Batch(batch.end, this.#spareBytes)
      this.#spareBytes = undefined
      try {
        await this.#flush(batch)
        const { beforeRelease } = this.#parts
        if (beforeRelease !== undefined) await beforeRelease(batch.startSequence, () => batch.lines())
        batch.resolve()
      } catch (error) {
        batch.reject(this.#fail(error))
      }
      this.#spareBytes = batch.reusableBytes()
    }
    this.#flushing = null
  }

  async #flush(batch: Batch): Promise<void> {
    const { fsync, segmentBytesMax } = this.#parts
    this.#assertSoleWriter()
    if (this.#segmentBytes >= segmentBytesMax) await this.#rotate(batch)
    await writeAll(this.#handle, batch.bytes, batch.length, this.#segmentBytes)
    this.#segmentBytes += batch.length
    if (fsync) await this.#handle.datasync()
    // INVARIANT: what was released is behind the head by `BEHIND_MS_MAX` at the most.
    await this.#covering.caughtUp()
    // A journal that failed meanwhile has already told its appenders so.
    if (this.#failed !== null) throw this.#failed
    // INVARIANT: the head never states what is not on the disk, so this comes after the sync.
    this.#covering.reached(batch.end)
  }

  /** Cheap signs that somebody else has been writing: they come too late for that write, but end ours, that of heads too. */
  #assertSoleWriter(): void {
    try {
      this.#assertOwnFiles()
    } catch (error) {
      void this.#covering.stop()
      throw error
    }
  }

  #assertOwnFiles(): void {
    const { lock, headFile } = this.#parts
    if (!lock.stillHeld()) throw new EphorError('JOURNAL_LOCKED', 'the lock file is not ours any more')
    const found = this.#handle.sizeBytes()
    if (found !== this.#segmentBytes) {
      const sizes = `has ${found} bytes, ${this.#segmentBytes} were written`
      throw new EphorError(
        'JOURNAL_LOCKED',
        `somebody else wrote to the journal: \`${this.#segment.name}\` ${sizes}`,
      )
    }
    if (headFile.sizeBytes() !== HEAD_BYTES) {
      throw new EphorError('JOURNAL_LOCKED', 'somebody else wrote to the head: its size has changed')
    }
  }

  async #rotate(batch: Batch): Promise<void> {
    const { io, directory, fsync } = this.#parts
    // So that only the last segment has records behind the head.
    await this.#covering.all()
    const next = segmentFile(directory, batch.startSequence)
    const handle = await io.openFile(next.path, 'wx+')
    const previous = this.#handle
    this.#handle = handle
    this.#segment = next
    this.#segmentBytes = 0
    await previous.close()
    if (fsync) await io.syncDirectory(directory)
  }

  /** Fails the journal for good. After a failed write or sync, what the disk holds is known only after a recovery. */
  #fail(cause: unknown): EphorError {
    this.#failed ??= cause instanceof EphorError ? cause : journalFailed(cause)
    this.#gathering.reject(this.#failed)
    return this.#failed
  }

  async #closeWell(): Promise<void> {
    await this.#flushing
    await this.#covering.stop()
    try {
      if (this.#failed !== null) throw this.#failed
      this.#assertSoleWriter()
      await this.#parts.headFile.writeBoth(this.#gathering.end)
    } catch (error) {
      throw this.#fail(error)
    } finally {
      await this.#release()
    }
  }

  async #release(): Promise<void> {
    // A flush in flight still writes; another writer may start only when it has ended.
    await this.#flushing
    // Of a journal that failed, too: what was on the disk before may have been released.
    await this.#covering.all()
    await this.#covering.stop()
    await Promise.allSettled([this.#handle.close(), this.#parts.headFile.close()])
    this.#parts.lock.release()
  }
}

function journalFailed(cause: unknown): EphorError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new EphorError(
    'JOURNAL_FAILED',
    `${reason}; nothing more is recorded until the journal is opened again`,
    {
      cause,
    },
  )
}

/** A promise that rejects, but does not bring down the process of an appender that does not wait. */
function rejected(failure: EphorError): Promise<void> {
  const promise = throwing(failure)
  promise.catch(() => {})
  return promise
}

async function throwing(failure: EphorError): Promise<never> {
  throw failure
}
