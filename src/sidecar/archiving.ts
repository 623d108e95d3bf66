/** Drains a partition's log into an archive, and cuts off what is archived and needed by nobody; and gives a journal back what was cut off. */
import { PORTION_RECORDS_MAX, type Cluster, type LogEntry, type Unreachable } from '../cluster/cluster.ts'
import { EphorError } from '../base/errors.ts'
import { archivedLines, type Archive } from '../journal/archive.ts'
import type { Journal } from '../journal/journal.ts'
import { hashAt } from '../journal/read.ts'
import type { ConstitutionStore } from './constitutions.ts'
import { learnFrom } from './delivery.ts'
import type { Vouch } from './sealed-log.ts'

/** Records taken at once. */
const TAKE_MAX = PORTION_RECORDS_MAX

/** What an archive is filled from. */
export interface ArchivingParts {
  readonly cluster: Cluster
  readonly archive: Archive
  /** Which records of the log are believed; without it all that are in one chain. */
  readonly vouch?: Vouch | undefined
  /** Keeps the texts of constitutions beside the archive, without which no verdict in it could be derived again. */
  readonly store: ConstitutionStore
}

/** What one round of archiving did. */
export interface ArchivedSome {
  /** Records that were new. */
  readonly records: number
  /** The last record of the partition that is archived. */
  readonly sequence: number
}

/** What was given before and not confirmed comes first: the archive may have it, and the confirmation was lost. */
export async function archiveUnconfirmed(parts: ArchivingParts): Promise<ArchivedSome> {
  const { archive, cluster } = parts
  const { retention, partition } = cluster
  reached(await retention.attach(archive.id, archive.endOf(partition).sequence))
  let records = 0
  for (;;) {
    const some = await archiveSome(parts, 'unconfirmed', 0)
    records += some.records
    if (some.isEmpty) return { records, sequence: archive.endOf(partition).sequence }
  }
}

/** Archives what comes; waits up to `waitMs` for it. Throws `LOG_DIFFERS` where it is another history, `LOG_TRIMMED` where records are gone. */
export async function archiveSome(
  parts: ArchivingParts,
  which: 'unconfirmed' | 'others',
  waitMs: number,
): Promise<ArchivedSome & { readonly isEmpty: boolean }> {
  const { cluster, archive } = parts
  const { retention, partition } = cluster
  const { entries } = reached(await retention.drain(archive.id, which, TAKE_MAX, waitMs))
  const first = entries[0]
  const last = entries.at(-1)
  let records = 0
  if (first !== undefined && last !== undefined) {
    records += await fillUpTo(parts, first.sequence)
    if (parts.vouch === undefined || entries.some(({ seal }) => seal !== undefined))
      records += await take(parts, entries)
    // Of what was given the last may be signed for further on.
    records += await fillUpTo(parts, last.sequence + 1)
    await retention.confirm(
      archive.id,
      entries.map(({ sequence }) => sequence),
    )
  }
  const { sequence } = archive.endOf(partition)
  await retention.report(`archive ${archive.id}`, sequence)
  return { records, sequence, isEmpty: first === undefined }
}

/** An archive that was put back from a copy lacks what the log gave it since. */
async function fillUpTo(parts: ArchivingParts, before: number): Promise<number> {
  const { cluster, archive } = parts
  let records = 0
  for (;;) {
    const { sequence } = archive.endOf(cluster.partition)
    if (sequence >= before - 1) return records
    const { entries } = reached(await cluster.log.read(sequence, TAKE_MAX, 0))
    const [first] = entries
    if (first === undefined || first.sequence > sequence + 1)
      throw new EphorError(
        'LOG_TRIMMED',
        `the archive ends at record ${sequence} of ${cluster.partition}, and the log begins at ${first?.sequence ?? 'none'}: begin another archive from a sidecar that has what is between`,
      )
    records += await take(parts, entries)
  }
}

async function take(
  { cluster, archive, store, vouch }: ArchivingParts,
  given: readonly LogEntry[],
): Promise<number> {
  const entries = vouch === undefined ? given : vouch(given)
  await learnFrom(entries, store, cluster.texts)
  return archive.append(cluster.partition, entries)
}

/** Appends to a journal what an archive has of its partition and it lacks; how many records. Throws `LOG_DIFFERS` where the two are of another history. */
export async function restoreFrom(
  archive: { readonly directory: string; readonly partition: string; readonly to: number },
  journal: Journal,
  journalDirectory: string,
): Promise<number> {
  let records = 0
  for await (const lines of archivedLines(archive.directory, archive.partition, TAKE_MAX, archive.to)) {
    const { sequence } = journal.end
    const same = lines.find((line) => line.sequence === sequence)
    if (same !== undefined && same.line.slice(9, 73) !== (await hashAt(journalDirectory, sequence)))
      throw new EphorError(
        'LOG_DIFFERS',
        `record ${sequence} of the journal is not that of the archive: begin with an empty directory, and keep this one`,
      )
    const missing = lines.filter((line) => line.sequence > sequence)
    if (missing.length === 0) continue
    await journal.copy(missing.map(({ line }) => line)).durable
    records += missing.length
  }
  return records
}

/** What was answered. Throws `CLUSTER_UNREACHABLE` where nothing was. */
export function reached<T extends { readonly kind: string }>(result: T | Unreachable): T {
  if (result.kind === 'unreachable')
    throw new EphorError('CLUSTER_UNREACHABLE', (result as Unreachable).detail)
  return result as T
}
