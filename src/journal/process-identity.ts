/** Which process this is, in terms that still tell it apart after it died and its number was given to another. */
import { readFileSync, readdirSync } from 'node:fs'
import { hostname } from 'node:os'

/** One process on one boot of one machine. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks from boot to the start of the process; `null` where the system has no /proc. */
  readonly startTime: string | null
  readonly hostname: string
  /** The boot of the machine; `null` where the system does not name it. */
  readonly bootId: string | null
}

/** The identity of the running process. */
export function ownIdentity(): ProcessIdentity {
  return {
    pid: process.pid,
    startTime: statOf(process.pid)?.startTime ?? null,
    hostname: hostname(),
    bootId: bootId(),
  }
}

/**
 * Whether the process still runs: `unknown` when it is on another host, which cannot be asked from here. A machine
 * that was started anew since has none of its old processes.
 */
export function liveness(identity: ProcessIdentity): 'alive' | 'dead' | 'unknown' {
  if (identity.hostname !== hostname()) return 'unknown'
  if (identity.bootId !== bootId()) return 'dead'
  if (!answersSignals(identity.pid)) return 'dead'
  const stat = statOf(identity.pid)
  if (stat === null || identity.startTime === null) return 'alive'
  if (stat.startTime !== identity.startTime) return 'dead'
  return stat.finished ? 'dead' : 'alive'
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM means that the process is there and belongs to somebody else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** `finished`: the process has ended, down to its last thread, and only waits for its parent to take notice. */
function statOf(pid: number): { startTime: string; finished: boolean } | null {
  const stat = readOrNull(`/proc/${pid}/stat`)
  if (stat === null) return null
  // The second field is the command in parentheses, and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const startTime = fields[22 - 3]
  if (startTime === undefined) return null
  return { startTime, finished: fields[0] === 'Z' && threadCount(pid) <= 1 }
}

/** A killed process can still have a thread inside a write to the disk; it counts as running until that ends. */
function threadCount(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length
  } catch {
    return 0
  }
}

function bootId(): string | null {
  return readOrNull('/proc/sys/kernel/random/boot_id')?.trim() ?? null
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
