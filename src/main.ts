/** The one place where real things are wired: directory, core, journal, server, logs. */
import { EphorError } from './base/errors.ts'
import { systemClock, type Clock } from './base/clock.ts'
import { join, resolve } from 'node:path'
import { formatIssue } from './base/issue.ts'
import { compile } from './constitution/compile.ts'
import type { Files } from './constitution/draft.ts'
import type { Constitution } from './constitution/model.ts'
import { runCases } from './engine/cases.ts'
import { pino, type Logger } from 'pino'
import type { JournalIo, Recovery } from './journal/journal.ts'

import type { Activated } from './server/routes.ts'
import { buildServer, listen, type Listening } from './server/server.ts'
import { formatIssues, loadConstitution } from './sidecar/constitutions.ts'
import { openHome, type Home } from './sidecar/home.ts'
import { Sidecar } from './sidecar/sidecar.ts'
import { watchConstitution } from './sidecar/watch.ts'

export interface StartOptions {
  /** The sidecar's own directory. */
  readonly home: string
  /** Goes before what the configuration says. */
  readonly constitution?: string
  readonly host?: string
  readonly port?: number
  /** Watch the constitution's directory and activate each whole, valid version of it. */
  readonly dev?: boolean
  readonly logger?: Logger
  /** The machine's clock, unless a demonstration or test brings its own. */
  readonly clock?: Clock
  /** How the journal reaches the disk, for tests in which it fails. */
  readonly io?: JournalIo
}

export interface Running {
  readonly home: Home
  readonly sidecar: Sidecar
  readonly recovery: Recovery
  readonly listening: Listening
  /** Finishes what was begun, writes the journal's last head, and resolves. */
  readonly stop: () => Promise<void>
}

/** Who activates at start and under `--dev`. */
const OURSELVES = 'ephor'

/** Starts a sidecar. Throws `EphorError` when the directory, journal or constitution does not let it. */
export async function start(options: StartOptions): Promise<Running> {
  const logger = options.logger ?? pino({ level: 'info' }, pino.destination({ dest: 2, sync: true }))
  const home = openHome(options.home, options.constitution)
  const { config, directory } = home
  const journalDirectory = join(directory, 'journal')
  const { sidecar, recovery } = await Sidecar.open({
    journalDirectory,
    constitutionsDirectory: join(directory, 'constitutions'),
    keys: home.keys,
    keyId: home.keyId,
    clock: options.clock ?? systemClock,
    segmentBytesMax: config.segmentBytes,
    queueMax: config.limits.queue,
    ...(options.io === undefined ? {} : { io: options.io }),
  })
  reportRecovery(recovery, logger)
  for (const { name, role, sources } of home.tokens) {
    if (role === 'feeder' && sources === undefined) {
      logger.warn(
        { feeder: name },
        'this feeder is bound to no price source, so it alone can make two sources agree; list its `sources` in tokens.yaml',
      )
    }
  }
  try {
    const constitutionDirectory = resolve(config.constitution)
    const activate = async (by: string, expected: string | undefined): Promise<Activated> => {
      const loaded = readDirectory(constitutionDirectory)
      const { constitution } = loaded
      if (constitution === undefined)
        throw new EphorError(
          'CONSTITUTION_INVALID',
          `${constitutionDirectory} does not load:\n${formatIssues(loaded)}`,
        )
      if (expected !== undefined && expected !== constitution.hash) {
        throw new EphorError(
          'CONSTITUTION_INVALID',
          `the directory has ${constitution.hash}, not ${expected}`,
        )
      }
      const failed = failingCases(loaded.files, constitution)
      if (failed.length > 0)
        logger.warn({ failed }, 'cases of this constitution do not hold; run `ephor test`')
      const effect = await sidecar.activate(constitution, by)
      const activated = effect.kind === 'done' && effect.body.activated === true
      if (activated)
        logger.info(
          { constitution: constitution.hash, version: constitution.version, by },
          'constitution in force',
        )
      return { constitution: constitution.hash, activated, casesFailed: failed.length }
    }
    // A restart keeps what was in force; only a first start takes the directory by itself.
    if (sidecar.state.program === undefined) await activate(OURSELVES, undefined)
    const app = await buildServer({
      sidecar,
      tokens: home.tokens,
      limits: config.limits,
      journalDirectory,
      activate,
      logger,
    })
    const listening = await listen(app, {
      host: options.host ?? config.host,
      port: options.port ?? config.port,
      socket: config.socket === null ? undefined : join(directory, config.socket),
      limits: config.limits,
    })
    const watching =
      options.dev === true
        ? watchConstitution(constitutionDirectory, () => activate(OURSELVES, undefined), logger)
        : undefined
    const stop = async (): Promise<void> => {
      await watching?.close()
      await listening.close()
      await sidecar.close()
    }
    return { home, sidecar, recovery, listening, stop }
  } catch (error) {
    await sidecar.close()
    throw error
  }
}

/** Examples beside a law that do not hold: the author decides which of the two is wrong, and is told. */
function failingCases(files: Files, constitution: Constitution): string[] {
  const { results, issues } = runCases(files, compile(constitution))
  const errors = issues.filter((issue) => issue.severity === 'error').map((issue) => formatIssue(issue))
  const failures = results.flatMap(({ place, note, failures: all }) =>
    all.map((failure) => `${place.file}:${place.line}:${place.column}: ${note}: ${failure}`),
  )
  return [...errors, ...failures]
}

function readDirectory(directory: string): ReturnType<typeof loadConstitution> {
  try {
    return loadConstitution(directory)
  } catch (error) {
    throw new EphorError(
      'CONSTITUTION_INVALID',
      `${directory} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

function reportRecovery(
  { records, sequence, quarantined, headProblems, unsignedRecords }: Recovery,
  logger: Logger,
): void {
  if (records > 0) logger.info({ records, sequence }, 'journal folded')
  if (quarantined !== null)
    logger.warn({ quarantined }, 'the journal ended in the middle of a write; the rest was set aside')
  if (unsignedRecords > 0) logger.warn({ unsignedRecords }, 'records behind the signed head were kept')
  for (const problem of headProblems) logger.error({ problem }, 'the signed head of the journal is damaged')
}
