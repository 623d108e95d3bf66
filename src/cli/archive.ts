/** `ephor log archive` and `ephor log restore`: what sidecars share goes into one journal that is kept, and from there into a journal that lacks it. */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Command, InvalidArgumentError, Option } from 'commander'
import { pino } from 'pino'
import { EphorError } from '../base/errors.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { Archive, verifyArchive } from '../journal/archive.ts'
import { openJournal } from '../journal/journal.ts'
import { connect } from '../main.ts'
import { archiveSome, archiveUnconfirmed, reached, restoreFrom } from '../sidecar/archiving.ts'
import { ConstitutionStore } from '../sidecar/constitutions.ts'
import { openHome, type Home } from '../sidecar/home.ts'
import { readKeyRing, readPublicKey } from '../sidecar/key-ring.ts'
import { openPeerKeys } from '../sidecar/peer-keys.ts'
import { vouchBy } from '../sidecar/sealed-log.ts'
import { printJson, printLine } from './output.ts'
import { journalOf, partitionOption } from './journals.ts'
import { parsePartitions } from './serve.ts'

const HOUR_MS = 3_600_000
/** Milliseconds of waiting for more, under `--follow`. */
const WAIT_MS = 1_000

const homeOption = (): Option => new Option('--home <directory>', 'the sidecar’s directory').default('.ephor')

const keyOption = (): Option =>
  new Option(
    '--key <file>',
    'the one public key to trust that an archive is signed with; else those in the sidecar’s directory, retired ones too',
  )

interface ArchiveOptions {
  home: string
  redis?: string
  partitions?: number
  follow?: boolean
  keep?: boolean
  forgetAfter: number
  verify?: boolean
  key?: string
  json?: boolean
}

export function archiveCommand(): Command {
  return new Command('archive')
    .description(
      'Drain the logs in Redis into one chained journal, and cut off there what is archived and nobody needs',
    )
    .argument('<directory>', 'of the archive; made where there is none')
    .addOption(homeOption())
    .option('--redis <url>', 'the Redis that sidecars share; else what the sidecar’s configuration says')
    .option(
      '--partitions <number>',
      'how many partitions they share out; else what the configuration says',
      parsePartitions,
    )
    .option('--follow', 'go on until stopped')
    .option('--keep', 'cut nothing off')
    .option(
      '--forget-after <hours>',
      'wait no longer for a sidecar that is gone: it will need `restore`',
      parseHours,
      24,
    )
    .option('--verify', 'only verify the archive')
    .addOption(keyOption())
    .option('--json', 'print for machines')
    .action(async (directory: string, options: ArchiveOptions) => {
      if (options.verify === true) process.exitCode = (await verify(directory, options)) ? 0 : 1
      else await archiveInto(directory, options)
    })
}

export function restoreCommand(): Command {
  return new Command('restore')
    .description('Append to a stopped sidecar’s journal what an archive has of it and it lacks')
    .argument('<directory>', 'of the archive')
    .addOption(homeOption())
    .addOption(partitionOption().default('p00'))
    .addOption(keyOption())
    .action(async (directory: string, { home: path, partition, key }: RestoreOptions) => {
      const signed = await signedArchive(directory, path, key)
      const home = openHome(path, undefined)
      const journalDirectory = journalOf(home.directory, partition)
      const archive = { ...signed, partition }
      const { journal } = await openJournal({ directory: journalDirectory, ...signing(home) })
      try {
        // What a fold of the journal asks for comes first.
        const store = new ConstitutionStore(join(home.directory, 'constitutions'))
        for (const [hash, text] of new ConstitutionStore(join(directory, 'constitutions')).texts())
          store.learn(hash, text)
        const records = await restoreFrom(archive, journal, journalDirectory)
        printLine(
          `${records} records of ${partition} brought over: the journal ends at record ${journal.end.sequence}`,
        )
      } finally {
        await journal.close()
      }
    })
}

async function archiveInto(directory: string, options: ArchiveOptions): Promise<void> {
  const { home: path } = options
  if (!existsSync(join(path, 'config.yaml')))
    throw new EphorError('NOT_FOUND', `there is no sidecar’s directory in ${path}`)
  const home = openHome(path, undefined)
  const clusters = await connect(
    home,
    options,
    pino({ level: 'warn' }, pino.destination({ dest: 2, sync: true })),
  )
  if (clusters.length === 0)
    throw new EphorError('CONFIG_INVALID', 'name the Redis that sidecars share: `--redis redis://host:port`')
  try {
    const constitutions = join(directory, 'constitutions')
    mkdirSync(constitutions, { recursive: true, mode: 0o700 })
    const archive = await Archive.open({ directory: join(directory, 'journal'), ...signing(home) })
    try {
      const store = new ConstitutionStore(constitutions)
      const stopped = options.follow === true ? untilStopped() : undefined
      // One that fails ends all, so that no partition is left out unnoticed.
      const drained = await Promise.all(
        clusters.map((cluster) => {
          const vouch = vouchBy(cluster.partition, openPeerKeys(join(home.directory, 'keys'), cluster.name))
          return drain({ cluster, archive, vouch, store }, options, stopped)
        }),
      )
      printDrained(drained, options)
    } finally {
      await archive.close()
    }
  } finally {
    await Promise.all(clusters.map((cluster) => cluster.close()))
  }
}

interface Drained {
  readonly partition: string
  readonly records: number
  readonly archivedTo: number
  readonly first: number
  readonly keptFor: string
}

async function drain(
  parts: Parameters<typeof archiveSome>[0],
  options: ArchiveOptions,
  stopped: Stopped | undefined,
): Promise<Drained> {
  let { records } = await archiveUnconfirmed(parts)
  let since = records
  for (;;) {
    try {
      const some = await archiveSome(parts, 'others', stopped === undefined ? 0 : WAIT_MS)
      records += some.records
      since += some.records
      if (!some.isEmpty && stopped?.isOver !== true) continue
      if (stopped === undefined || stopped.isOver) break
      if (since > 0) await cutOff(parts.cluster, some.sequence, options)
      since = 0
    } catch (error) {
      const isPassing = error instanceof EphorError && error.code === 'CLUSTER_UNREACHABLE'
      if (stopped === undefined || !isPassing) throw error
      if (stopped.isOver) break
      process.stderr.write(`${error.message}; trying again\n`)
      await pause(WAIT_MS)
      // The group may be gone with what Redis lost.
      await archiveUnconfirmed(parts).catch(() => undefined)
    }
  }
  const { partition } = parts.cluster
  const { sequence } = parts.archive.endOf(partition)
  return { partition, records, archivedTo: sequence, ...(await cutOff(parts.cluster, sequence, options)) }
}

function printDrained(drained: readonly Drained[], { json }: ArchiveOptions): void {
  if (json === true) {
    printJson(drained.length === 1 ? drained[0] : drained)
    return
  }
  for (const { partition, records, archivedTo, first, keptFor } of drained) {
    printLine(`${records} records archived: ${partition} up to record ${archivedTo}`)
    const why = keptFor === '' ? '' : `; \`${keptFor}\` needs those after`
    printLine(`the log${drained.length === 1 ? '' : ` of ${partition}`} begins at record ${first}${why}`)
  }
}

/** Cuts off what may go, a bounded number at a time. */
async function cutOff(
  cluster: Cluster,
  archived: number,
  { keep, forgetAfter }: ArchiveOptions,
): Promise<{ readonly first: number; readonly keptFor: string }> {
  let { first } = reached(await cluster.log.end())
  if (keep === true) return { first, keptFor: '' }
  for (;;) {
    const trimmed = reached(await cluster.retention.trim(archived, forgetAfter * HOUR_MS))
    if (trimmed.first === first) return { first, keptFor: trimmed.keptFor }
    ;({ first } = trimmed)
  }
}

interface RestoreOptions {
  home: string
  partition: string
  key?: string
}

async function verify(directory: string, { home, key, json }: ArchiveOptions): Promise<boolean> {
  const found = await verifyArchive(archiveJournal(directory), trustedKeys(home, key))
  if (json === true) printJson(found)
  else {
    for (const { file, line, message } of found.problems) printLine(`${file}:${line ?? 0}: ${message}`)
    for (const { partition, records, hash } of found.partitions)
      printLine(`${partition}: ${records} records, chain whole, the last ${hash.slice(0, 12)}…`)
    printLine(found.ok ? `${found.records} records: chain whole, head signed` : 'the archive does not verify')
  }
  return found.ok
}

/** The archive as far as its signed head goes: what nobody signed may be anybody's. Throws `JOURNAL_CORRUPT` where it does not verify. */
async function signedArchive(
  directory: string,
  home: string,
  key: string | undefined,
): Promise<{ readonly directory: string; readonly to: number }> {
  const journal = archiveJournal(directory)
  const { ok, problems, headSequence } = await verifyArchive(journal, trustedKeys(home, key))
  if (ok && headSequence !== null) return { directory: journal, to: headSequence }
  const [first] = problems
  throw new EphorError(
    'JOURNAL_CORRUPT',
    `nothing was brought over: ${directory} does not verify${first === undefined ? '' : `: ${first.message}`}; one that another sidecar signed needs --key, and what a crash left the next \`ephor log archive\` sets aside`,
  )
}

function trustedKeys(home: string, key: string | undefined): Parameters<typeof verifyArchive>[1] {
  if (key !== undefined) return readPublicKey(key)
  const ring = readKeyRing(join(home, 'keys'))
  return (id) => ring.keys.get(id)
}

function archiveJournal(directory: string): string {
  const journal = join(directory, 'journal')
  if (existsSync(journal)) return journal
  throw new EphorError('NOT_FOUND', `there is no archive in ${directory}`)
}

function signing({ keys, keyId, retiredKeys }: Home): Omit<Parameters<typeof openJournal>[0], 'directory'> {
  return { keys, keyId, publicKeyOf: (id) => retiredKeys.get(id), now: Date.now }
}

interface Stopped {
  isOver: boolean
}

function untilStopped(): Stopped {
  const stopped: Stopped = { isOver: false }
  const stop = (): void => {
    stopped.isOver = true
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  return stopped
}

function parseHours(text: string): number {
  const hours = Number(text)
  if (!(hours > 0)) throw new InvalidArgumentError('expected a number of hours above zero')
  return hours
}
