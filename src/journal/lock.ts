/**
 * The lock that keeps a second writer out of a journal: a file that appears whole or not at all, and names its holder.
 *
 * It is made by linking a finished temporary file to its name, which fails when the name is taken. The lock of a dead
 * process is renamed away by one process at a time, the holder of a second file made in the same way; what was renamed
 * is looked at once more, and put back if it turns out to be another's.
 */
import { randomUUID } from 'node:crypto'
import { type BigIntStats, closeSync, fsyncSync, linkSync, openSync, readFileSync, renameSync } from 'node:fs'
import { statSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { EphorError } from '../base/errors.ts'
import { type ProcessIdentity, liveness, ownIdentity } from './process-identity.ts'

export const LOCK_NAME = 'writer.lock'

/** What the lock file says. */
interface LockHolder extends ProcessIdentity {
  /** Tells apart two locks of one process. */
  readonly token: string
}

/** A lock that is held. */
export interface Lock {
  /** Whether the lock file is still the one this process put there. */
  stillHeld(): boolean
  /** Gives the lock up; does nothing to a lock that is another's by now. */
  release(): void
}

/** More attempts than processes that would plausibly fight over a dead process's lock at once. */
const ATTEMPTS_MAX = 8

/**
 * Takes the writer's lock of `directory`. Throws `JOURNAL_LOCKED` when a living process holds it (this one included),
 * when its holder is on another host, or when the file cannot be read as a lock.
 */
export function acquireLock(directory: string): Lock {
  const path = join(directory, LOCK_NAME)
  const holder: LockHolder = { ...ownIdentity(), token: randomUUID() }
  const temporary = `${path}.${holder.token}`
  const descriptor = openSync(temporary, 'wx', 0o600)
  try {
    writeSync(descriptor, JSON.stringify(holder) + '\n')
    fsyncSync(descriptor)
    for (let attempt = 1; !linkUnlessTaken(temporary, path); attempt += 1) {
      if (attempt === ATTEMPTS_MAX) throw new EphorError('JOURNAL_LOCKED', `\`${path}\` keeps changing hands`)
      clearTheWay(path, temporary, holder.token)
    }
    return heldLock(path, descriptor, holder.token)
  } catch (error) {
    closeSync(descriptor)
    throw error
  } finally {
    unlinkSync(temporary)
  }
}

function heldLock(path: string, descriptor: number, token: string): Lock {
  // The descriptor stays open, so that the inode cannot be given to another file while we compare by it.
  let seen = statSync(path, { bigint: true })
  const stillHeld = () => {
    const now = statOrNull(path)
    if (now === null || now.dev !== seen.dev || now.ino !== seen.ino) return false
    if (now.mtimeNs === seen.mtimeNs && now.size === seen.size) return true
    // Somebody touched the file; what it says decides.
    if (readHolder(path)?.token !== token) return false
    seen = now
    return true
  }
  return {
    stillHeld,
    release() {
      if (stillHeld()) unlinkSync(path)
      closeSync(descriptor)
    },
  }
}

/** Moves a dead process's lock out of the way; returns if another attempt may succeed, throws if the lock is in use. */
function clearTheWay(path: string, temporary: string, ownToken: string): void {
  if (deadHolder(path) === null) return
  // Without the guard, a slow process could rename the lock that a quick one has put there since it looked.
  const guard = `${path}.takeover`
  if (!linkUnlessTaken(temporary, guard)) {
    const deadGuard = deadHolder(guard)
    if (deadGuard !== null) removeStale(guard, deadGuard, ownToken)
    return
  }
  try {
    const dead = deadHolder(path)
    if (dead !== null) removeStale(path, dead, ownToken)
  } finally {
    unlinkSync(guard)
  }
}

/** The dead holder of the lock at `path`; `null` when the file is gone. Throws when the holder may be alive. */
function deadHolder(path: string): LockHolder | null {
  const found = readHolder(path)
  if (found === null) return null
  const life = liveness(found)
  if (life === 'dead') return found
  if (life === 'alive') {
    const whose = found.pid === process.pid ? 'this process' : 'process'
    throw new EphorError('JOURNAL_LOCKED', `\`${path}\` is held by ${whose} ${found.pid}`)
  }
  const remedy = `if process ${found.pid} there is gone, remove the file`
  throw new EphorError('JOURNAL_LOCKED', `\`${path}\` is held from host \`${found.hostname}\`; ${remedy}`)
}

function removeStale(path: string, dead: LockHolder, ownToken: string): void {
  const aside = `${path}.stale.${ownToken}`
  if (!renameUnlessGone(path, aside)) return
  const moved = readHolder(aside)
  if (moved?.token !== dead.token) {
    linkUnlessTaken(aside, path)
    unlinkSync(aside)
    throw new EphorError(
      'JOURNAL_LOCKED',
      `\`${path}\` was taken by process ${moved?.pid ?? 'unknown'} just now`,
    )
  }
  unlinkSync(aside)
}

/** The holder named in the file; `null` when there is no such file. */
function readHolder(path: string): LockHolder | null {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
  try {
    const holder: LockHolder = JSON.parse(text)
    if (Number.isSafeInteger(holder.pid) && typeof holder.token === 'string') return holder
  } catch {
    // Falls through to the refusal below, which is the same for every kind of unreadable content.
  }
  throw new EphorError(
    'JOURNAL_LOCKED',
    `\`${path}\` does not read as a lock; if no process writes here, remove it`,
  )
}

function linkUnlessTaken(from: string, to: string): boolean {
  return succeedsUnless('EEXIST', () => linkSync(from, to))
}

function renameUnlessGone(from: string, to: string): boolean {
  return succeedsUnless('ENOENT', () => renameSync(from, to))
}

function statOrNull(path: string): BigIntStats | null {
  return statSync(path, { bigint: true, throwIfNoEntry: false }) ?? null
}

function succeedsUnless(code: string, action: () => void): boolean {
  try {
    action()
    return true
  } catch (error) {
    if (hasCode(error, code)) return false
    throw error
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
