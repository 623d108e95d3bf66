/**
 * Checkpoints on disk: files in `checkpoints/` beside the segments, each a signed statement and the lines of a state.
 *
 * One appears whole or not at all: it is written under another name, synced, and renamed. What is read is believed only when all of it has the hash that
 * the statement says.
 */
import { createHash, type Hash } from 'node:crypto'
import { mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  decodeStatement,
  encodeStatement,
  STATEMENT_BYTES,
  type CheckpointStatement,
} from './checkpoint-statement.ts'
import type { HeadSigner } from './head-file.ts'
import type { PublicKeyOf } from './head.ts'
import { type JournalFile, type JournalIo, writeAll } from './io.ts'

export const CHECKPOINTS_NAME = 'checkpoints'

/** One checkpoint, as its name tells. */
export interface CheckpointFile {
  readonly name: string
  readonly path: string
  readonly sequence: number
}

const NAME = /^checkpoint-(\d{12,16})\.lines$/
const PARTIAL = /^checkpoint-\d{12,16}\.partial$/

function nameOf(sequence: number): string {
  return `checkpoint-${String(sequence).padStart(12, '0')}`
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
}

/** The checkpoints of the journal in `directory`, newest first. */
export async function listCheckpoints(directory: string): Promise<CheckpointFile[]> {
  const folder = join(directory, CHECKPOINTS_NAME)
  return (await namesIn(folder))
    .flatMap((name) => {
      const digits = NAME.exec(name)?.[1]
      return digits === undefined ? [] : [{ name, path: join(folder, name), sequence: Number(digits) }]
    })
    .toSorted((a, b) => b.sequence - a.sequence)
}

/** Removes all checkpoints but the newest `count` up to `sequence`, and what was left unfinished. What is ahead of the journal is not of it. */
export async function keepNewest(directory: string, sequence: number, count: number): Promise<void> {
  const folder = join(directory, CHECKPOINTS_NAME)
  const files = await listCheckpoints(directory)
  const kept = files.filter((file) => file.sequence <= sequence).slice(0, count)
  for (const file of files) if (!kept.includes(file)) await rm(file.path, { force: true })
  for (const name of await namesIn(folder))
    if (PARTIAL.test(name)) await rm(join(folder, name), { force: true })
}

/** The valid statement of a checkpoint; as a string, why there is none; `undefined` when the file is gone by now. */
export async function readStatement(
  { path, sequence }: CheckpointFile,
  publicKeyOf: PublicKeyOf,
): Promise<CheckpointStatement | string | undefined> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return undefined
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(STATEMENT_BYTES), 0, STATEMENT_BYTES, 0)
    const statement = decodeStatement(buffer.subarray(0, bytesRead), publicKeyOf)
    if (typeof statement === 'string') return statement
    if (statement.sequence !== sequence) return `it is of record ${statement.sequence}`
    const { size } = await file.stat()
    const stated = STATEMENT_BYTES + statement.bytes
    return size === stated ? statement : `it has ${size} bytes instead of ${stated}`
  } finally {
    await file.close()
  }
}

/** What is signed beside what the lines themselves give. */
export type Unsigned = Pick<CheckpointStatement, 'sequence' | 'hash' | 'engine' | 'state'>

/** A checkpoint that is being written. */
export class CheckpointWriter {
  readonly #io: JournalIo
  readonly #directory: string
  readonly #name: string
  readonly #file: JournalFile
  readonly #hash: Hash = createHash('sha256')
  #bytes = 0

  private constructor(io: JournalIo, directory: string, name: string, file: JournalFile) {
    this.#io = io
    this.#directory = directory
    this.#name = name
    this.#file = file
  }

  /** Begins the checkpoint at `sequence` of the journal in `directory`. */
  static async begin(io: JournalIo, directory: string, sequence: number): Promise<CheckpointWriter> {
    const folder = join(directory, CHECKPOINTS_NAME)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const file = await io.openFile(join(folder, `${nameOf(sequence)}.partial`), 'w+')
    return new CheckpointWriter(io, directory, nameOf(sequence), file)
  }

  /** Bytes of the lines so far. */
  get bytes(): number {
    return this.#bytes
  }

  async add(lines: readonly string[]): Promise<void> {
    const bytes = Buffer.from(`${lines.join('\n')}\n`, 'utf8')
    this.#hash.update(bytes)
    await writeAll(this.#file, bytes, bytes.length, STATEMENT_BYTES + this.#bytes)
    this.#bytes += bytes.length
  }

  /** Signs what was written, brings it onto the disk, and gives it its name. `fsync: false` leaves out the syncs. */
  async publish(
    unsigned: Unsigned,
    { journal, keyId: key, privateKey, now }: HeadSigner,
    fsync: boolean,
  ): Promise<void> {
    const sha256 = this.#hash.digest('hex')
    const statement = { ...unsigned, journal, at: now(), bytes: this.#bytes, sha256, key }
    await writeAll(this.#file, encodeStatement(statement, privateKey), STATEMENT_BYTES, 0)
    if (fsync) await this.#file.datasync()
    await this.#file.close()
    const folder = join(this.#directory, CHECKPOINTS_NAME)
    await this.#io.rename(join(folder, `${this.#name}.partial`), join(folder, `${this.#name}.lines`))
    if (fsync) await this.#io.syncDirectory(folder)
  }

  /** Gives up, and frees the disk. */
  async abandon(): Promise<void> {
    await this.#file.close().catch(() => {})
    await rm(join(this.#directory, CHECKPOINTS_NAME, `${this.#name}.partial`), { force: true })
  }
}
