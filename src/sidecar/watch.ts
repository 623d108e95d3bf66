/** Watches a directory that people edit under `--dev`: takes a snapshot once it has stopped changing, and ignores broken ones aloud. */
import { readdirSync, watch, type FSWatcher } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { readFiles } from './constitutions.ts'

/** A directory is stable when two reads this far apart (milliseconds) are the same. */
const STABLE_MS = 100

export interface Watching {
  readonly close: () => Promise<void>
}

/** Calls `activate` after each change of `what` that has settled. Its failures are logged; what was in force stays in force. */
export function watchDirectory(
  what: string,
  directory: string,
  activate: () => Promise<unknown>,
  logger: Logger,
): Watching {
  let timer: NodeJS.Timeout | undefined
  let last = ''
  let busy: Promise<void> = Promise.resolve()
  const settle = (): void => {
    let now: string
    try {
      now = JSON.stringify([...readFiles(directory)].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    } catch (error) {
      logger.warn({ err: error }, `the directory of the ${what} cannot be read`)
      return
    }
    if (now !== last) {
      last = now
      timer = setTimeout(settle, STABLE_MS)
      return
    }
    busy = busy.then(activate).then(
      () => undefined,
      (error: unknown) =>
        logger.warn(
          `not activated, the ${what} in force stays: ${error instanceof Error ? error.message : String(error)}`,
        ),
    )
  }
  const watchers = watchEach(what, directory, logger, () => {
    clearTimeout(timer)
    timer = setTimeout(settle, STABLE_MS)
  })
  return {
    close: async () => {
      watchers.close()
      clearTimeout(timer)
      await busy
    },
  }
}

/**
 * Watches each directory below `root` by itself. Node's own recursive watching follows files on Linux, and loses one that an editor has
 * replaced by renaming another over it.
 */
function watchEach(what: string, root: string, logger: Logger, changed: () => void): { close: () => void } {
  const watchers = new Map<string, FSWatcher>()
  const forget = (path: string): void => {
    watchers.get(path)?.close()
    watchers.delete(path)
  }
  const lost = (path: string, error: unknown): void => {
    logger.warn({ err: error, path }, `a directory of the ${what} cannot be watched`)
    forget(path)
  }
  const follow = (): void => {
    const paths = directoriesIn(root)
    for (const path of watchers.keys()) if (!paths.has(path)) forget(path)
    for (const path of paths) {
      if (watchers.has(path)) continue
      try {
        const watcher = watch(path, () => {
          follow()
          changed()
        })
        watcher.on('error', (error) => lost(path, error))
        watchers.set(path, watcher)
      } catch (error) {
        // Removed since it was listed.
        lost(path, error)
      }
    }
  }
  follow()
  return { close: () => [...watchers.keys()].forEach(forget) }
}

function directoriesIn(root: string): Set<string> {
  try {
    const entries = readdirSync(root, { recursive: true, withFileTypes: true })
    return new Set([
      root,
      ...entries.filter((entry) => entry.isDirectory()).map(({ parentPath, name }) => join(parentPath, name)),
    ])
  } catch {
    // Gone for the moment; what is left of it is looked at again with the next change.
    return new Set([root])
  }
}
