/** One consolidated, chained journal of what several partitions recorded: each of its records holds a record of one of them, byte for byte. */
import type { KeyObject } from 'node:crypto'
import type { KeyPair } from '../base/ed25519.ts'
import { EphorError } from '../base/errors.ts'
import { ArchivedRecord } from '../protocol/archived.ts'
import type { PublicKeyOf } from './head.ts'
import { openJournal, type Journal } from './journal.ts'
import { readRecords, type RecordLine } from './read.ts'
import { checkLine, GENESIS, parseLine, type ChainEnd } from './record.ts'
import { verifyJournal, type Verification } from './verify.ts'

export interface ArchiveOptions {
  readonly directory: string
  readonly keys: KeyPair
  readonly keyId: string
  readonly publicKeyOf?: PublicKeyOf
  /** Wall time in milliseconds since 1970, UTC. */
  readonly now: () => number
}

/** An archive that is being written. */
export class Archive {
  /** The UUID given to it when it was made. */
  readonly id: string
  readonly #journal: Journal
  readonly #now: () => number
  readonly #ends: Map<string, ChainEnd>

  private constructor(id: string, journal: Journal, now: () => number, ends: Map<string, ChainEnd>) {
    this.id = id
    this.#journal = journal
    this.#now = now
    this.#ends = ends
  }

  /** Opens an archive, or makes one. Throws as `openJournal` does, and `JOURNAL_CORRUPT` where what it holds are no chains of partitions. */
  static async open({ directory, now, ...keys }: ArchiveOptions): Promise<Archive> {
    const { journal, recovery } = await openJournal({ directory, now, ...keys })
    try {
      return new Archive(recovery.journal, journal, now, await endsIn(directory))
    } catch (error) {
      await journal.close()
      throw error
    }
  }

  /** Where the chain of a partition ends. */
  endOf(partition: string): ChainEnd {
    return this.#ends.get(partition) ?? GENESIS
  }

  /**
   * Takes records of a partition that follow its end; those up to the end are there already. Resolves with how many were new, once they are on the disk.
   * Throws `LOG_DIFFERS` where they do not follow.
   */
  async append(partition: string, lines: readonly RecordLine[]): Promise<number> {
    let end = this.endOf(partition)
    const entries: { at: number; eventText: string }[] = []
    for (const { sequence, line } of lines) {
      if (sequence <= end.sequence) continue
      end = following(end, line, `record ${sequence} of ${partition}`)
      const event: ArchivedRecord = { schema: 1, type: 'archived', partition, line }
      entries.push({ at: this.#now(), eventText: JSON.stringify(event) })
    }
    if (entries.length === 0) return 0
    await this.#journal.append(entries).durable
    this.#ends.set(partition, end)
    return entries.length
  }

  close(): Promise<void> {
    return this.#journal.close()
  }
}

/** The records of one partition in an archive, from its first on, as many at a time as `max`, of records of the archive up to `to`. */
export async function* archivedLines(
  directory: string,
  partition: string,
  max: number,
  to = Infinity,
): AsyncGenerator<RecordLine[]> {
  let lines: RecordLine[] = []
  for await (const one of archived(directory)) {
    if (one.place > to) break
    if (one.partition !== partition) continue
    lines.push({ sequence: parseLine(one.line).sequence, line: one.line })
    if (lines.length < max) continue
    yield lines
    lines = []
  }
  if (lines.length > 0) yield lines
}

/** What was found of an archive: of itself as a journal, and of the chains in it. */
export interface ArchiveVerification extends Verification {
  readonly partitions: readonly {
    readonly partition: string
    readonly records: number
    readonly hash: string
  }[]
}

/** Verifies an archive, and the chain of each partition in it. */
export async function verifyArchive(
  directory: string,
  publicKey: KeyObject | PublicKeyOf,
): Promise<ArchiveVerification> {
  const verified = await verifyJournal(directory, publicKey)
  if (!verified.ok) return { ...verified, partitions: [] }
  try {
    const ends = await endsIn(directory)
    const partitions = [...ends].map(([partition, { sequence, hash }]) => ({
      partition,
      records: sequence,
      hash,
    }))
    return { ...verified, partitions }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { ...verified, ok: false, problems: [{ file: directory, message }], partitions: [] }
  }
}

async function endsIn(directory: string): Promise<Map<string, ChainEnd>> {
  const ends = new Map<string, ChainEnd>()
  for await (const { partition, line, place } of archived(directory))
    ends.set(partition, following(ends.get(partition) ?? GENESIS, line, `record ${place} of the archive`))
  return ends
}

async function* archived(directory: string): AsyncGenerator<ArchivedRecord & { readonly place: number }> {
  for await (const { sequence: place, event } of readRecords(directory)) {
    const read = ArchivedRecord.safeParse(event)
    if (!read.success)
      throw new EphorError('JOURNAL_CORRUPT', `record ${place} of ${directory} is none of an archive`)
    yield { ...read.data, place }
  }
}

function following(end: ChainEnd, line: string, what: string): ChainEnd {
  const bytes = Buffer.from(line)
  const next = checkLine(bytes, 0, bytes.length, end)
  if (typeof next === 'string')
    throw new EphorError('LOG_DIFFERS', `${what} does not follow record ${end.sequence}: ${next}`)
  return next
}
