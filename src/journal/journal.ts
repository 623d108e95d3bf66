/** The journal: an append-only, hash-chained log on disk, whose signed head says how far it reaches. */
import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { KeyPair } from '../base/ed25519.ts'
import { EphorError } from '../base/errors.ts'
import { HeadFile, type HeadSigner } from './head-file.ts'
import type { PublicKeyOf } from './head.ts'
import { type JournalIo, nodeIo } from './io.ts'
import { type Lock, acquireLock } from './lock.ts'
import { GENESIS } from './record.ts'
import { type Quarantined, type RecoveredJournal, recoverJournal } from './recover.ts'
import { segmentFile } from './segment.ts'
import { setAside, type SetAside } from './set-aside.ts'
import { type BeforeRelease, type Journal, Writer } from './writer.ts'

export type { Journal } from './writer.ts'
export type { JournalIo } from './io.ts'

/** How a journal is opened. */
export interface JournalOptions {
  /** Made, for the owner only, if it does not exist. */
  readonly directory: string
  /** Signs the heads; its public half checks those that state `keyId`. */
  readonly keys: KeyPair
  readonly keyId: string
  /** Finds the public keys of heads signed under other ids, before the key was changed. */
  readonly publicKeyOf?: PublicKeyOf
  /** A segment of at least this many bytes is followed by a new one. Default: 64 MiB. */
  readonly segmentBytesMax?: number
  /** `false` leaves out every sync: a power cut then loses released records. For benchmarks. Default: `true`. */
  readonly fsync?: boolean
  /** Wall time in milliseconds since 1970, UTC. */
  readonly now: () => number
  /** Default: the file system of the machine. */
  readonly io?: JournalIo
  /** What has to happen to a group that is on the disk before anybody is told. */
  readonly beforeRelease?: BeforeRelease | undefined
  /** The last record to keep, where those after it are not of the history that goes on: they are set aside. */
  readonly keepTo?: number | undefined
}

/** What was found when the journal was opened. */
export interface Recovery {
  /** The UUID given to the journal when it was made. */
  readonly journal: string
  /** Sequence of the last record; 0 when there is none. */
  readonly sequence: number
  /** Hash of the last record; 64 zeros when there is none. */
  readonly hash: string
  readonly records: number
  readonly segments: number
  /** The torn tail that was set aside, if there was one. */
  readonly quarantined: Quarantined | null
  /** Where the records after `keepTo` are now, if there were any. */
  readonly setAside: SetAside | null
  /** Records after the signed head. They are kept; nobody was ever told of them. */
  readonly unsignedRecords: number
  /** Why a slot of the head was not valid, if one was not: a torn write, or tampering. */
  readonly headProblems: readonly string[]
}

const SEGMENT_BYTES_MAX = 64 * 1024 * 1024

/**
 * Opens the journal in a directory, or makes one. Throws `JOURNAL_LOCKED` when another writer has it,
 * `JOURNAL_TRUNCATED` when it ends before its signed head, `JOURNAL_CORRUPT` when it does not verify.
 */
export async function openJournal(
  options: JournalOptions,
): Promise<{ journal: Journal; recovery: Recovery }> {
  await mkdir(options.directory, { recursive: true, mode: 0o700 })
  const lock = acquireLock(options.directory)
  try {
    return await openLocked(options, lock)
  } catch (error) {
    lock.release()
    throw error
  }
}

async function openLocked(options: JournalOptions, lock: Lock) {
  const { directory, keys, keyId, now, io = nodeIo, fsync = true } = options
  const publicKeyOf: PublicKeyOf = (id) => (id === keyId ? keys.publicKey : options.publicKeyOf?.(id))
  const found = await recoverJournal(io, directory, publicKeyOf, now)
  const journal = found?.head.journal ?? randomUUID()
  const signer: HeadSigner = { journal, keyId, privateKey: keys.privateKey, now }
  const { keepTo } = options
  const aside =
    found === null || keepTo === undefined ? null : await setAside(io, directory, signer, found, keepTo)
  const recovered = aside === null ? found : await recoverJournal(io, directory, publicKeyOf, now)
  if (recovered === null) {
    await HeadFile.create(io, directory, signer, GENESIS)
    // The directory itself may be new: its name has to be on the disk like those in it.
    await io.syncDirectory(dirname(directory))
  }
  const end = recovered?.walk.end ?? GENESIS
  const headFile = await HeadFile.open(io, directory, signer, fsync, recovered?.head.slot === 0 ? 1 : 0)
  try {
    // A recovery takes its time; whoever removed the lock meanwhile may have opened the journal too.
    if (!lock.stillHeld()) throw new EphorError('JOURNAL_LOCKED', 'the lock file is not ours any more')
    await headFile.trim()
    await headFile.writeBoth(end)
    const { segment, isNew } = lastSegment(directory, recovered)
    const segmentHandle = await io.openFile(segment.path, isNew ? 'wx+' : 'r+')
    if (isNew) await io.syncDirectory(directory)
    const segmentBytes = isNew ? 0 : (recovered?.walk.validBytes ?? 0)
    const segmentBytesMax = options.segmentBytesMax ?? SEGMENT_BYTES_MAX
    const parts = {
      io,
      directory,
      lock,
      headFile,
      segment,
      segmentHandle,
      segmentBytes,
      segmentBytesMax,
      fsync,
      end,
      beforeRelease: options.beforeRelease,
    }
    return { journal: new Writer(parts), recovery: recoveryOf(journal, recovered, aside) }
  } catch (error) {
    await headFile.close()
    throw error
  }
}

function lastSegment(directory: string, recovered: RecoveredJournal | null) {
  const last = recovered?.walk.segments.at(-1)
  return last === undefined
    ? { segment: segmentFile(directory, 1), isNew: true }
    : { segment: last, isNew: false }
}

function recoveryOf(
  journal: string,
  recovered: RecoveredJournal | null,
  setAside: SetAside | null,
): Recovery {
  const { sequence, hash } = recovered?.walk.end ?? GENESIS
  return {
    journal,
    sequence,
    hash,
    records: sequence,
    segments: Math.max(1, recovered?.walk.segments.length ?? 0),
    quarantined: recovered?.quarantined ?? null,
    setAside,
    unsignedRecords: recovered?.unsignedRecords ?? 0,
    headProblems: recovered?.headProblems ?? [],
  }
}
