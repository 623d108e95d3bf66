/** Takes records off the end of a journal that are not of the history that goes on: they are kept in the quarantine, and the head is signed anew. */
import { rm } from 'node:fs/promises'
import { EphorError } from '../base/errors.ts'
import { keepNewest } from './checkpoint-file.ts'
import { HeadFile, type HeadSigner } from './head-file.ts'
import type { JournalIo } from './io.ts'
import { cutOff, keepAside, type Tail } from './quarantine.ts'
import { GENESIS } from './record.ts'
import type { RecoveredJournal } from './recover.ts'
import { walkSegments } from './scan.ts'
import { listSegments } from './segment.ts'

/** Records that were taken off the end. */
export interface SetAside {
  /** Path of the file that holds their lines now. */
  readonly file: string
  /** Sequence of the first of them. */
  readonly first: number
  readonly records: number
}

/**
 * Keeps the records up to `keepTo` and sets those after it aside; `null` when there are none. The head comes first: a crash at any point leaves a journal that
 * verifies, with all of them or without some. The caller holds the lock and has recovered the journal.
 */
export async function setAside(
  io: JournalIo,
  directory: string,
  signer: HeadSigner,
  { head, walk }: RecoveredJournal,
  keepTo: number,
): Promise<SetAside | null> {
  const last = walk.end.sequence
  if (last <= keepTo) return null
  const { sightings } = await walkSegments(directory, new Set([keepTo]))
  const kept = sightings.get(keepTo)
  if (kept === undefined && keepTo > 0)
    throw new EphorError('JOURNAL_CORRUPT', `there is no record ${keepTo} to keep`)
  const end = kept === undefined ? GENESIS : { sequence: keepTo, hash: kept.hash }
  // Those of records that go would say that the journal was cut.
  await keepNewest(directory, keepTo, Number.POSITIVE_INFINITY)
  const headFile = await HeadFile.open(io, directory, signer, true, head.slot === 0 ? 1 : 0)
  try {
    await headFile.writeBoth(end)
  } finally {
    await headFile.close()
  }
  const tails: readonly Tail[] = (await listSegments(directory))
    .filter(({ firstSequence }) => kept === undefined || firstSequence >= kept.segment.firstSequence)
    .map((segment) => ({ segment, offset: segment.name === kept?.segment.name ? kept.endOffset : 0 }))
  const name = `records-${keepTo + 1}-${last}-${signer.now()}.ndjson`
  const { file } = await keepAside(io, directory, name, tails)
  const [first, ...later] = tails
  // From the end, so that no gap is left.
  for (const { segment } of later.toReversed()) await rm(segment.path)
  await io.syncDirectory(directory)
  if (first !== undefined) await cutOff(io, first)
  return { file, first: keepTo + 1, records: last - keepTo }
}
