/** The one place where real things are wired: directory, core, journal, server, logs. */
import { systemClock, type Clock } from './base/clock.ts'
import type { Board } from './cluster/board.ts'
import type { Cluster } from './cluster/cluster.ts'
import { MemoryBoard } from './cluster/memory-board.ts'
import { openRedisBoard } from './cluster/redis-board.ts'
import { openPartitions, openRedis, type RedisOptions } from './cluster/redis.ts'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { pino, type Logger } from 'pino'
import { EphorError, type ErrorCode } from './base/errors.ts'
import type { JournalIo, Recovery } from './journal/journal.ts'

import type { ActivateDirectory, PoliceDirectory } from './server/routes.ts'
import { buildServer, listen, type Listening } from './server/server.ts'
import { activateDirectory, compareWithDirectory } from './sidecar/activation.ts'
import { followApprovals, type Person } from './sidecar/approved.ts'
import { permitSigner } from './permit/sign.ts'
import { PERMIT_ISSUER } from './protocol/permit.ts'
import type { CheckpointReport } from './sidecar/checkpoint-options.ts'
import { assertJournalKept, openHome, type Config, type Home } from './sidecar/home.ts'
import { openPeerKeys } from './sidecar/peer-keys.ts'
import type { MemberReport } from './sidecar/member-options.ts'
import type { Restart } from './sidecar/restart.ts'
import { Shared } from './sidecar/shared.ts'
import type { Front } from './sidecar/front.ts'
import { assertPlaceFor, openFront } from './sidecar/open-front.ts'
import { Topics } from './sidecar/topics.ts'
import { activateAllPolicies, activatePolicies, checkBeside } from './sidecar/policies.ts'
import { startTicks, systemTimer, type Every } from './sidecar/ticks.ts'
import { doubtsOf } from './sidecar/tokens.ts'
import { watchDirectory } from './sidecar/watch.ts'

export interface StartOptions {
  /** The sidecar's own directory. */
  readonly home: string
  /** Goes before what the configuration says. */
  readonly constitution?: string
  readonly policies?: string
  readonly host?: string
  readonly port?: number
  /** The Redis that sidecars share; else what the configuration says. */
  readonly redis?: string
  /** Into how many partitions owners are shared out; else what the configuration says. */
  readonly partitions?: number
  /** The name of a former home whose journal is lost: another may be home without it. */
  readonly acceptAbsence?: string
  /** What sidecars share in the place of Redis, for tests. */
  readonly cluster?: Cluster
  /** Where topics and shared values lie, for tests. */
  readonly board?: Board
  /** Watch the constitution's directory and activate each whole, valid version of it. */
  readonly dev?: boolean
  /** Why a first start takes a constitution though cases beside it do not hold; without a reason it does not start. */
  readonly acceptFailingCases?: string
  readonly logger?: Logger
  /** The machine's clock, unless a demonstration or test brings its own. */
  readonly clock?: Clock
  /** What lets time pass; the machine's timer, unless a demonstration or test does. */
  readonly every?: Every
  /** How the journal reaches the disk, for tests in which it fails. */
  readonly io?: JournalIo
}

export interface Running {
  readonly home: Home
  readonly sidecar: Front
  /** Of the first partition, where there are several. */
  readonly recovery: Recovery
  readonly restart: Restart
  readonly listening: Listening
  /** Finishes what was begun, writes the journal's last head, and resolves. */
  readonly stop: () => Promise<void>
}

/** Who activates at start and under `--dev`. */
const OURSELVES = 'ephor'

/** Starts a sidecar. Throws `EphorError` when the directory, journal or constitution does not let it. */
export async function start(options: StartOptions): Promise<Running> {
  const logger = options.logger ?? pino({ level: 'info' }, pino.destination({ dest: 2, sync: true }))
  const home = openHome(options.home, options.constitution, undefined, options.policies)
  const clock = options.clock ?? systemClock
  const { config, directory } = home
  assertJournalKept(directory)
  const journalDirectory = join(directory, 'journal')
  const clusters = options.cluster === undefined ? await connect(home, options, logger) : [options.cluster]
  const [cluster] = clusters
  const board = await boardOf(home, options)
  const { acceptAbsence } = options
  const peers = cluster && openPeerKeys(join(directory, 'keys'), cluster.name)
  if (peers !== undefined && peers.keys === undefined)
    logger.warn(
      'inputs of other sidecars are taken unchecked: lay the `keys/sidecar.pub.pem` of each into `keys/peers/NAME.pub.pem` of all, see docs/cluster.md',
    )
  const memberships = clusters.map((each) => ({
    cluster: each,
    peers,
    acceptAbsence,
    report: (report: MemberReport) => reportMember(report, each, logger),
  }))
  const name = cluster?.name ?? home.config.redis?.name ?? home.keyId
  const topics = new Topics({ board, clock, name, peers })
  const { front: sidecar, opened } = await openFront(
    {
      journalDirectory,
      constitutionsDirectory: join(directory, 'constitutions'),
      modelsDirectory: join(directory, 'models'),
      keys: home.keys,
      keyId: home.keyId,
      retiredKeys: home.retiredKeys,
      clock,
      permits: permitSigner({ keys: home.permitKeys.signing, issuer: PERMIT_ISSUER }),
      segmentBytesMax: config.segmentBytes,
      queueMax: config.limits.queue,
      checkpoints: { ...config.checkpoints, report: (report) => reportCheckpoint(report, logger) },
      ...(options.io === undefined ? {} : { io: options.io }),
    },
    memberships,
  ).catch(async (error: unknown) => {
    await Promise.all([...clusters.map((each) => each.close()), topics.close()])
    throw error
  })
  for (const each of opened) reportRecovery(each.recovery, each.restart, logger)
  const [{ recovery, restart }] = opened
  for (const { about, message } of doubtsOf(home.tokens)) logger.warn(about, message)
  const reason = options.acceptFailingCases ?? (options.dev === true ? 'serve --dev' : undefined)
  const ourselves: Person = { by: OURSELVES, ...(reason === undefined ? {} : { reason }) }
  try {
    if (cluster !== undefined) await takePart(sidecar, logger)
    const policiesDirectory = resolve(config.policies)
    const police: PoliceDirectory = (kind, person, hash) =>
      activatePolicies(kind, hash, { sidecar, directory: policiesDirectory, logger, person })
    // Why failing cases are accepted is no reason for policies.
    const editor: Person = options.dev === true ? { by: OURSELVES, reason: 'serve --dev' } : { by: OURSELVES }
    const policeAll = (): Promise<void> =>
      activateAllPolicies({ sidecar, directory: policiesDirectory, logger, person: editor })
    const constitutionDirectory = resolve(config.constitution)
    const activate: ActivateDirectory = (person, { hash, acceptFailing = false }) =>
      activateDirectory({ sidecar, directory: constitutionDirectory, logger, person, hash, acceptFailing })
    // Who edits under `--dev` changes a limit first and its cases after, and watches what it does meanwhile.
    const acceptFailing = ourselves.reason !== undefined
    // By itself, another partition than the first takes its law from there alone.
    const isLawgiver = (cluster?.place.number ?? 0) === 0
    // A restart keeps what was in force; only a first start takes the directories by itself.
    const isFirst = isLawgiver && sidecar.state.emergency.policy === undefined
    // What stops trading is there before what allows it; without it nothing starts.
    if (isFirst) {
      checkBeside(policiesDirectory, constitutionDirectory)
      await putInForce(sidecar, policeAll)
    }
    const standing = sidecar.state.program?.constitution.hash
    if (isLawgiver && standing === undefined)
      await putInForce(sidecar, () => activate(ourselves, { acceptFailing }))
    // What was named on the command line is not passed over without a word. Under `--dev` it is taken up at the next change.
    if (standing !== undefined) compareWithDirectory(constitutionDirectory, standing, logger)
    // Routes read the facts of a constitution, so they come after one.
    if (isFirst) await putInForce(sidecar, policeAll)
    const stopTelling = sidecar.listen(({ sequence, event }) => {
      if (event.type !== 'tuningStopped') return
      const { optimizer, cause, detail, decision } = event
      logger.error({ sequence, optimizer, cause, detail, decision }, 'tuning stopped by itself')
    })
    const stopFollowing = isLawgiver ? followApprovals(sidecar, { activate, police }, logger) : undefined
    const app = await buildServer({
      sidecar,
      topics,
      shared: new Shared(board, clock, name),
      tokens: home.tokens,
      limits: config.limits,
      jwks: home.permitKeys.jwks,
      activate,
      police,
      logger,
      guards: () => [...clusters, board].flatMap(({ guards }) => guards?.map(({ view }) => view) ?? []),
    })
    const listening = await listen(app, {
      host: options.host ?? config.host,
      port: options.port ?? config.port,
      socket: config.socket === null ? undefined : join(directory, config.socket),
      limits: config.limits,
    })
    const watching =
      options.dev === true
        ? [
            watchDirectory(
              'constitution',
              constitutionDirectory,
              () => activate(ourselves, { acceptFailing }),
              logger,
            ),
            watchDirectory('policies', policiesDirectory, policeAll, logger),
          ]
        : []
    const stopTicks = startTicks(sidecar, clock, options.every ?? systemTimer, config.tickMs)
    const stop = async (): Promise<void> => {
      stopTicks()
      stopTelling()
      await stopFollowing?.()
      await Promise.all(watching.map((each) => each.close()))
      await listening.close()
      await topics.close()
      await sidecar.close()
    }
    return { home, sidecar, recovery, restart, listening, stop }
  } catch (error) {
    await topics.close()
    await sidecar.close()
    throw error
  }
}

/** The ways to the Redis that is named, one for each partition; none where none is. */
export async function connect(
  { config, keyId, directory }: Home,
  { redis: url, partitions: number }: Pick<StartOptions, 'redis' | 'partitions'>,
  logger: Logger,
): Promise<readonly Cluster[]> {
  const { redis } = config
  const wanted = url ?? redis?.url
  const of = number ?? redis?.partitions ?? 1
  // Before a Redis is told how many there are.
  assertPlaceFor(join(directory, 'journal'), of)
  if (wanted === undefined) {
    if (of === 1) return []
    throw new EphorError(
      'CONFIG_INVALID',
      `${of} partitions are shared over a Redis: name it with \`--redis\``,
    )
  }
  const { clusters, warnings } = await openAll(of, {
    url: wanted,
    name: redis?.name ?? keyId,
    emergency: redis?.emergency,
    replicas: redis?.replicas,
    window: redis?.batch,
    sentinelPassword: redis?.sentinelPassword,
    tls: tlsOf(redis?.tls, directory),
  })
  for (const warning of warnings) logger.warn(warning)
  // Nothing new is risked before halts were read once.
  const isHeard = (): boolean => clusters.every(({ halts }) => Number.isFinite(halts.ageMs()))
  for (let left = HEARD_MS; !isHeard(); left -= LOOK_MS) {
    if (left <= 0) {
      await Promise.all(clusters.map((each) => each.close()))
      throw new EphorError(
        'CLUSTER_UNREACHABLE',
        'halts cannot be read: is `redis.emergency` right, where it is set?',
      )
    }
    await pause(LOOK_MS)
  }
  return clusters
}

async function openAll(of: number, options: RedisOptions): ReturnType<typeof openPartitions> {
  if (of > 1) return openPartitions(options, of)
  const { cluster, warnings } = await openRedis(options)
  return { clusters: [cluster], warnings }
}

/** Where agents' topics and shared values lie: in the Redis that sidecars share, or in this process. */
async function boardOf(
  { config, directory }: Home,
  { redis: url, cluster, board, clock = systemClock }: StartOptions,
): Promise<Board> {
  const { redis } = config
  const wanted = url ?? redis?.url
  if (board !== undefined) return board
  if (cluster !== undefined || wanted === undefined) return new MemoryBoard(() => clock.now())
  return openRedisBoard(wanted, {
    window: redis?.batch,
    sentinelPassword: redis?.sentinelPassword,
    tls: tlsOf(redis?.tls, directory),
  })
}

type Tls = NonNullable<Config['redis']>['tls']

function tlsOf(tls: Tls, directory: string): RedisOptions['tls'] {
  return (
    tls && {
      ca: readPem(directory, tls.ca),
      cert: readPem(directory, tls.cert),
      key: readPem(directory, tls.key),
    }
  )
}

/** Milliseconds that a start waits for the emergency lane, and between two looks. */
const HEARD_MS = 10_000
const LOOK_MS = 10

function readPem(directory: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(resolve(directory, path), 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new EphorError('CONFIG_INVALID', `redis.tls: ${reason}`, { cause: error })
  }
}

/** Takes part in the cluster. One that has nothing in force waits until the law is there to be had; others answer meanwhile, and say why they do not decide. */
async function takePart(sidecar: Front, logger: Logger): Promise<void> {
  const joined = sidecar.join()
  const knowsLaw = sidecar.cores.every(
    ({ state: { program, emergency } }) => program !== undefined && emergency.policy !== undefined,
  )
  const waiting = setInterval(() => logger.warn(`waiting: ${sidecar.unready}`), 5_000)
  const ended = joined.finally(() => clearInterval(waiting))
  if (!knowsLaw) await ended
  else await Promise.race([ended, pause(JOIN_MS)])
  ended.catch((error: unknown) => logger.error(error, 'takes no part in the cluster any more'))
}

/** Puts in force what a first start finds. While several start at once, who is home may change, and what came too late is tried again. */
async function putInForce(sidecar: Front, put: () => Promise<unknown>): Promise<void> {
  for (let left = PUT_TRIES; ; left -= 1) {
    try {
      await put()
      return
    } catch (error) {
      const isPassing = error instanceof EphorError && PASSING.includes(error.code)
      if (sidecar.home === undefined || !isPassing || left === 0) throw error
      await pause(JOIN_MS)
    }
  }
}

/** Milliseconds to wait for the cluster where the law is known without it. */
const JOIN_MS = 1_000
const PUT_TRIES = 10
const PASSING: readonly ErrorCode[] = ['HOME_UNKNOWN', 'HOME_LOST', 'HOME_SILENT', 'CLUSTER_UNREACHABLE']

function reportMember(report: MemberReport, { name, partition, place }: Cluster, logger: Logger): void {
  const { kind, ...more } = report
  const rest = place.of === 1 ? more : { ...more, partition }
  switch (kind) {
    case 'promoted':
      return logger.info({ ...rest, name }, 'home from now on')
    case 'handedOver':
      return logger.info({ ...rest, name }, 'handed over: another sidecar shares the work')
    case 'demoted':
      return logger.warn({ ...rest, name }, 'not home any more')
    case 'setAside':
      return logger.warn(
        { ...rest, name },
        'records that never reached the log, and were never released, were set aside',
      )
    case 'took':
      return logger.debug({ ...rest, name }, 'took what was handed on')
    case 'stopped':
      return logger.error({ ...rest, name }, 'takes no part any more: see the reason')
  }
}

function reportRecovery(
  { records, sequence, quarantined, headProblems, unsignedRecords }: Recovery,
  { checkpoint, folded, ignored }: Restart,
  logger: Logger,
): void {
  for (const { name, reason } of ignored)
    logger.warn(
      { checkpoint: name, reason },
      'a checkpoint was ignored; the journal is folded from further back',
    )
  if (records > 0) logger.info({ records, sequence, checkpoint, folded }, 'journal folded')
  if (quarantined !== null)
    logger.warn({ quarantined }, 'the journal ended in the middle of a write; the rest was set aside')
  if (unsignedRecords > 0) logger.warn({ unsignedRecords }, 'records behind the signed head were kept')
  for (const problem of headProblems) logger.error({ problem }, 'the signed head of the journal is damaged')
}

function reportCheckpoint({ kind, ...rest }: CheckpointReport, logger: Logger): void {
  if (kind === 'written') logger.info(rest, 'checkpoint written')
  else logger.warn(rest, 'no checkpoint was written; the next start folds more of the journal')
}
