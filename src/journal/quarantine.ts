/** Takes bytes off the end of a journal: they are copied to where nothing reads them, and cut off only when the copy is on the disk. */
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { type JournalFile, type JournalIo, writeAll } from './io.ts'
import type { SegmentFile } from './segment.ts'

export const QUARANTINE_NAME = 'quarantine'
const CHUNK_BYTES = 1024 * 1024

/** A segment from a byte on. */
export interface Tail {
  readonly segment: SegmentFile
  readonly offset: number
}

/** Copies tails, one after another, into a file of the quarantine called `name`; tells its path and how many bytes it has once it is on the disk. */
export async function keepAside(
  io: JournalIo,
  directory: string,
  name: string,
  tails: readonly Tail[],
): Promise<{ readonly file: string; readonly bytes: number }> {
  const folder = join(directory, QUARANTINE_NAME)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, name)
  const target = await io.openFile(file, 'w+')
  let bytes = 0
  try {
    for (const tail of tails) bytes = await copyTail(target, tail, bytes)
    await target.datasync()
  } finally {
    await target.close()
  }
  await io.syncDirectory(folder)
  await io.syncDirectory(directory)
  return { file, bytes }
}

/** Writes a tail to `target` from `position` on; answers where it ends. */
export async function copyTail(
  target: JournalFile,
  { segment, offset }: Tail,
  position: number,
): Promise<number> {
  const source = await open(segment.path, 'r')
  let to = position
  try {
    for (let from = offset; ;) {
      const { buffer, bytesRead } = await source.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, from)
      if (bytesRead === 0) return to
      await writeAll(target, buffer, bytesRead, to)
      from += bytesRead
      to += bytesRead
    }
  } finally {
    await source.close()
  }
}

export async function cutOff(io: JournalIo, { segment, offset }: Tail): Promise<void> {
  const file = await io.openFile(segment.path, 'r+')
  try {
    await file.truncate(offset)
    await file.datasync()
  } finally {
    await file.close()
  }
}
