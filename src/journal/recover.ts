/**
 * Recovery: what opening a journal does before anything is appended. It verifies every record, refuses what a crash
 * cannot explain, sets a torn tail aside, and tells where the next record goes.
 */
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { EphorError } from '../base/errors.ts'
import { disagreement } from './agreement.ts'
import { CHECKPOINTS_NAME } from './checkpoint-file.ts'
import { HEAD_NAME, type Head, type HeadReading, type PublicKeyOf, readHead } from './head.ts'
import type { JournalIo } from './io.ts'
import { copyTail, cutOff, keepAside, QUARANTINE_NAME } from './quarantine.ts'
import { type Damage, type Walk, walkSegments } from './scan.ts'
import { type SegmentFile, listSegments } from './segment.ts'

/** Bytes that were moved out of the journal because they are not records. */
export interface Quarantined {
  /** Path of the file that holds them now. */
  readonly file: string
  /** How many. */
  readonly bytes: number
  /** Name of the segment they were cut from. */
  readonly segment: string
  readonly reason: string
}

/** What is there to go on from. */
export interface RecoveredJournal {
  /** The newest valid head. */
  readonly head: Head
  /** Why a slot of the head was not valid, if one was not. */
  readonly headProblems: readonly string[]
  readonly walk: Walk
  readonly quarantined: Quarantined | null
  /** Valid records after the signed head. */
  readonly unsignedRecords: number
}

/**
 * Recovers the journal in `directory`, whose lock the caller holds; `null` when there is no journal yet. Throws
 * `JOURNAL_TRUNCATED` when records that the head signs are missing at the end, `JOURNAL_CORRUPT` when anything else is
 * not as it was written. Afterwards every valid record is on the disk; the head still has to be brought up to them.
 */
export async function recoverJournal(
  io: JournalIo,
  directory: string,
  publicKeyOf: PublicKeyOf,
  now: () => number,
): Promise<RecoveredJournal | null> {
  const reading = await readHead(directory, publicKeyOf)
  if (reading === null) {
    const [first] = await listSegments(directory)
    if (first === undefined) {
      await refuseRemains(directory)
      return null
    }
    throw new EphorError('JOURNAL_CORRUPT', `\`${HEAD_NAME}\` is missing beside \`${first.name}\``)
  }
  const head = newestHead(reading)
  const walk = await walkSegments(directory, new Set(reading.heads.map(({ sequence }) => sequence)))
  const torn = refuseUnlessTorn(head, walk)
  for (const each of reading.heads) refuseDisagreement(each, walk)
  const quarantined = torn === null ? null : await quarantine(io, directory, torn, now())
  const last = walk.segments.at(-1)
  if (last !== undefined) await rewriteUnsigned(io, last, head, walk)
  await io.syncDirectory(directory)
  return {
    head,
    headProblems: reading.invalid.map(({ slot, reason }) => `slot ${slot}: ${reason}`),
    walk,
    quarantined,
    unsignedRecords: walk.end.sequence - head.sequence,
  }
}

/** What a journal leaves beside itself says that there was one: begun anew, what it held would be forgotten without a word. */
async function refuseRemains(directory: string): Promise<void> {
  for (const name of [CHECKPOINTS_NAME, QUARANTINE_NAME]) {
    const files = await readdir(join(directory, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    })
    if (files.length > 0)
      throw new EphorError(
        'JOURNAL_CORRUPT',
        `\`${HEAD_NAME}\` and all segments are missing beside \`${name}/${files[0]}\`: bring them back; or move \`${name}\` away, to begin another journal or to restore one from an archive`,
      )
  }
}

function newestHead({ heads, invalid }: HeadReading): Head {
  const newest = heads[0]
  if (newest !== undefined) return newest
  const reasons = invalid.map(({ slot, reason }) => `slot ${slot}: ${reason}`).join('; ')
  throw new EphorError('JOURNAL_CORRUPT', `\`${HEAD_NAME}\` has no valid slot (${reasons})`)
}

/** The torn tail, if there is one; throws when the damage, or the end, is not what a torn write leaves. */
function refuseUnlessTorn(head: Head, { damage, end }: Walk): Damage | null {
  const reached = end.sequence >= head.sequence
  if (damage === null || (damage.kind === 'unterminated' && damage.inLastSegment)) {
    if (reached) return damage
    const sequences = `the signed head is at ${head.sequence}, the last record at ${end.sequence}`
    throw new EphorError(
      'JOURNAL_TRUNCATED',
      damage === null ? sequences : `${sequences}; ${describe(damage)}`,
    )
  }
  // A crash tears only what was being written: behind the head, in the last segment, after what was released.
  if (reached && damage.inLastSegment && damage.kind === 'line') return damage
  throw new EphorError('JOURNAL_CORRUPT', describe(damage))
}

function describe({ segment, line, offset, message }: Damage): string {
  return `\`${segment.name}\` line ${line}, byte ${offset}: ${message}`
}

function refuseDisagreement(head: Head, walk: Walk): void {
  const message = disagreement(head, walk)
  if (message !== null)
    throw new EphorError('JOURNAL_CORRUPT', `\`${HEAD_NAME}\` slot ${head.slot}: ${message}`)
}

/** Sets a torn tail aside. */
async function quarantine(io: JournalIo, directory: string, torn: Damage, at: number): Promise<Quarantined> {
  const { segment, offset } = torn
  const name = `${basename(segment.name, '.ndjson')}-${offset}-${at}.torn`
  const kept = await keepAside(io, directory, name, [torn])
  await cutOff(io, torn)
  return { ...kept, segment: segment.name, reason: describe(torn) }
}

/**
 * Writes the records after the head once more, as they are, and syncs them. If an earlier process died of a failed
 * sync, the kernel holds their pages for clean though the disk never got them, and a sync alone would do nothing.
 */
async function rewriteUnsigned(io: JournalIo, last: SegmentFile, head: Head, walk: Walk): Promise<void> {
  const signed = walk.sightings.get(head.sequence)
  const offset = signed?.segment.name === last.name ? signed.endOffset : 0
  const target = await io.openFile(last.path, 'r+')
  try {
    if (walk.end.sequence > head.sequence) await copyTail(target, { segment: last, offset }, offset)
    await target.datasync()
  } finally {
    await target.close()
  }
}
