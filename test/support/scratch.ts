/** Where homes lie whose journals are written a thousand times over and cut off by nobody: in memory, where the system has room for files there. */
import { existsSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'

const MEMORY = '/dev/shm'
const ROOM = 1_073_741_824

function hasRoom(directory: string): boolean {
  if (!existsSync(directory)) return false
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize >= ROOM
}

/** For tests of what is decided, not of what outlives a crash: those stay on the disk. */
export const SCRATCH = hasRoom(MEMORY) ? MEMORY : tmpdir()
