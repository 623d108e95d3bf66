/** Writes the head file: slot after slot in turn, each on the disk before the next is touched. */
import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { HEAD_BYTES, HEAD_NAME, type Head, SLOT_BYTES, type Slot, encodeSlot } from './head.ts'
import { type JournalFile, type JournalIo, writeAll } from './io.ts'
import type { ChainEnd } from './record.ts'

/** What all heads of one journal written by one process share. */
export interface HeadSigner {
  /** The UUID of the journal. */
  readonly journal: string
  /** The id of the signing key. */
  readonly keyId: string
  readonly privateKey: KeyObject
  /** Wall time in milliseconds since 1970, UTC. */
  readonly now: () => number
}

/** The head file of a journal that is open. */
export class HeadFile {
  readonly #file: JournalFile
  readonly #signer: HeadSigner
  readonly #fsync: boolean
  #next: Slot

  private constructor(file: JournalFile, signer: HeadSigner, fsync: boolean, next: Slot) {
    this.#file = file
    this.#signer = signer
    this.#fsync = fsync
    this.#next = next
  }

  /** Opens an existing head file; `next` is the slot to write first, which must not hold the newest valid head. */
  static async open(io: JournalIo, directory: string, signer: HeadSigner, fsync: boolean, next: Slot) {
    const file = await io.openFile(join(directory, HEAD_NAME), 'r+')
    return new HeadFile(file, signer, fsync, next)
  }

  /** Makes the head file of a new journal, both slots stating `end`. It appears whole or not at all. */
  static async create(io: JournalIo, directory: string, signer: HeadSigner, end: ChainEnd): Promise<void> {
    const temporary = join(directory, `${HEAD_NAME}.new`)
    const file = await io.openFile(temporary, 'w+')
    try {
      const slots = ([0, 1] as const).map((slot) => encodeSlot(headOf(signer, end, slot), signer.privateKey))
      await writeAll(file, Buffer.concat(slots), HEAD_BYTES, 0)
      await file.datasync()
    } finally {
      await file.close()
    }
    await io.rename(temporary, join(directory, HEAD_NAME))
    await io.syncDirectory(directory)
  }

  /** States `end` in the slot whose turn it is; resolves when that is on the disk. What `end` states must be there already, and the head before it. */
  async write(end: ChainEnd): Promise<void> {
    const slot = this.#next
    this.#next = slot === 0 ? 1 : 0
    const bytes = encodeSlot(headOf(this.#signer, end, slot), this.#signer.privateKey)
    await writeAll(this.#file, bytes, SLOT_BYTES, slot * SLOT_BYTES)
    if (this.#fsync) await this.#file.datasync()
  }

  /** States `end` in both slots, one after the other. */
  async writeBoth(end: ChainEnd): Promise<void> {
    await this.write(end)
    await this.write(end)
  }

  /** The size in bytes of the file; throws when the path leads to another file by now. */
  sizeBytes(): number {
    return this.#file.sizeBytes()
  }

  /** Cuts the file to its right size, which only a damaged one does not have. */
  trim(): Promise<void> {
    return this.#file.truncate(HEAD_BYTES)
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

function headOf({ journal, keyId, now }: HeadSigner, { sequence, hash }: ChainEnd, slot: Slot): Head {
  return { journal, sequence, hash, at: now(), slot, key: keyId }
}
