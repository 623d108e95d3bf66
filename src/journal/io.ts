/** The few file operations that a journal writes with, as an interface, so that tests can make each of them fail. */
import { fstatSync, statSync, writeSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'

/** One file open for writing. */
export interface JournalFile {
  /**
   * Writes `length` bytes of `bytes` from `offset` at `position` of the file; gives the number written, which may be
   * smaller.
   */
  write(bytes: Uint8Array, offset: number, length: number, position: number): Promise<number>
  /** Resolves when the content is on the disk. After a failure nothing is known, and it must not be tried again. */
  datasync(): Promise<void>
  truncate(lengthBytes: number): Promise<void>
  /** The size in bytes of what the path leads to; throws when that is no longer the file that was opened. */
  sizeBytes(): number
  close(): Promise<void>
}

/** How a journal reaches its directory. */
export interface JournalIo {
  /** Opens a file for writing: an existing one (`r+`), an emptied or new one (`w+`), or only a new one (`wx+`). */
  openFile(path: string, flags: 'r+' | 'w+' | 'wx+'): Promise<JournalFile>
  rename(from: string, to: string): Promise<void>
  /** Resolves when the names in the directory are on the disk. */
  syncDirectory(path: string): Promise<void>
}

/**
 * So much is written synchronously: it goes to the system's memory in some ten microseconds, and a trip to the thread pool takes three times as long, for
 * whoever waits and in all. What takes time is the sync, and that is never waited for here.
 */
const AT_ONCE_BYTES_MAX = 256 * 1024

/** The file system of the machine. Files are readable only to their owner. */
export const nodeIo: JournalIo = {
  async openFile(path, flags) {
    const handle = await open(path, flags, 0o600)
    const { dev, ino } = fstatSync(handle.fd, { bigint: true })
    return {
      write: async (bytes, offset, length, position) =>
        length <= AT_ONCE_BYTES_MAX
          ? writeSync(handle.fd, bytes, offset, length, position)
          : (await handle.write(bytes, offset, length, position)).bytesWritten,
      datasync: () => handle.datasync(),
      truncate: (lengthBytes) => handle.truncate(lengthBytes),
      sizeBytes() {
        // Synchronous on purpose: the inode is in memory, and a trip to the thread pool takes twenty times as long.
        const now = statSync(path, { bigint: true })
        if (now.dev !== dev || now.ino !== ino) throw new Error(`\`${path}\` was replaced by another file`)
        return Number(now.size)
      },
      close: () => handle.close(),
    }
  },
  rename,
  async syncDirectory(path) {
    const handle = await open(path, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
}

/** Writes the first `length` bytes of `bytes` at `position`, going on after short writes. */
export async function writeAll(file: JournalFile, bytes: Uint8Array, length: number, position: number) {
  let written = 0
  while (written < length) {
    const count = await file.write(bytes, written, length - written, position + written)
    if (count <= 0) throw new Error(`the disk took ${written} of ${length} bytes and no more`)
    written += count
  }
}
