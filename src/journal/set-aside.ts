/** Takes records off the end of a journal that are not of the history that goes on: they are kept in the quarantine, and the head is signed anew. */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { EphorError } from '../base/errors.ts'
import { keepNewest } from './checkpoint-file.ts'
import { HeadFile, type HeadSigner } from './head-file.ts'
import { type JournalIo, writeAll } from './io.ts'
import { GENESIS } from './record.ts'
import { chunksFrom, QUARANTINE_NAME, type RecoveredJournal } from './recover.ts'
import { walkSegments } from './scan.ts'
import { listSegments, type SegmentFile } from './segment.ts'

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
  const folder = join(directory, QUARANTINE_NAME)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, `records-${keepTo + 1}-${last}-${signer.now()}.ndjson`)
  const target = await io.openFile(file, 'w+')
  const segments = (await listSegments(directory)).filter(
    ({ firstSequence }) => kept === undefined || firstSequence >= kept.segment.firstSequence,
  )
  const offsetIn = (name: string): number => (name === kept?.segment.name ? kept.endOffset : 0)
  try {
    let bytes = 0
    for (const segment of segments)
      for await (const chunk of chunksFrom(segment, offsetIn(segment.name))) {
        await writeAll(target, chunk, chunk.length, bytes)
        bytes += chunk.length
      }
    await target.datasync()
  } finally {
    await target.close()
  }
  await io.syncDirectory(folder)
  const [first, ...later] = segments
  // From the end, so that no gap is left.
  for (const segment of later.toReversed()) await rm(segment.path)
  await io.syncDirectory(directory)
  if (first !== undefined) await cut(io, first, offsetIn(first.name))
  return { file, first: keepTo + 1, records: last - keepTo }
}

async function cut(io: JournalIo, { path }: SegmentFile, bytes: number): Promise<void> {
  const segment = await io.openFile(path, 'r+')
  try {
    await segment.truncate(bytes)
    await segment.datasync()
  } finally {
    await segment.close()
  }
}
