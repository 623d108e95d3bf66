/** Where homes lie whose journals are written a thousand times over and cut off by nobody: in memory, where the system has room for files there. */
import { existsSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LOCK_NAME } from '../../src/journal/lock.ts'

const MEMORY = '/dev/shm'
const ROOM = 1_073_741_824

function hasRoom(directory: string): boolean {
  if (!existsSync(directory)) return false
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize >= ROOM
}

/** For tests of what is decided, not of what outlives a crash: those stay on the disk. */
export const SCRATCH = hasRoom(MEMORY) ? MEMORY : tmpdir()

/** As where the process that had `directory` locked was killed: its lock is taken away by whoever comes next. */
export function dropLock(directory: string): void {
  rmSync(join(directory, LOCK_NAME), { force: true })
}
