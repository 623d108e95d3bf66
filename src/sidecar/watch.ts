/** Watches a constitution's directory under `--dev`: takes a snapshot once it has stopped changing, and ignores broken ones aloud. */
import { watch } from 'node:fs'
import type { Logger } from 'pino'
import { readFiles } from './constitutions.ts'

/** A directory is stable when two reads this far apart (milliseconds) are the same. */
const STABLE_MS = 100

export interface Watching {
  readonly close: () => Promise<void>
}

/** Calls `activate` after each change that has settled. Its failures are logged; what was in force stays in force. */
export function watchConstitution(
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
      logger.warn({ err: error }, 'the constitution’s directory cannot be read')
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
          `not activated, the constitution in force stays: ${error instanceof Error ? error.message : String(error)}`,
        ),
    )
  }
  const watcher = watch(directory, { recursive: true }, () => {
    clearTimeout(timer)
    timer = setTimeout(settle, STABLE_MS)
  })
  return {
    close: async () => {
      watcher.close()
      clearTimeout(timer)
      await busy
    },
  }
}
