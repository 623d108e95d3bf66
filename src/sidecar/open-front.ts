/** Opens the core of each partition that a process holds, each with a journal of its own, and what callers reach of them. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { EphorError } from '../base/errors.ts'
import { nameOfPartition } from '../protocol/partition.ts'
import { ConstitutionStore } from './constitutions.ts'
import type { Front } from './front.ts'
import { ModelStore } from './models.ts'
import { Several } from './several.ts'
import { Sidecar, type Opened } from './sidecar.ts'
import type { Membership, SidecarOptions } from './sidecar-options.ts'

export interface OpenedFront {
  readonly front: Front
  /** By the numbers of their partitions. */
  readonly opened: readonly [Opened, ...Opened[]]
}

/** Where a partition's journal lies in that of the sidecar; the only one is the journal itself. */
export function journalOfPartition(directory: string, number: number, of: number): string {
  return of === 1 ? directory : join(directory, nameOfPartition(number))
}

/** The journals in a sidecar's directory of them, each with what its partition is called; the only one without. */
export function journalsIn(
  directory: string,
): { readonly partition: string | undefined; readonly directory: string }[] {
  const found = existsSync(directory)
    ? readdirSync(directory)
        .filter((name) => /^p\d{2,3}$/.test(name))
        .toSorted((a, b) => Number(a.slice(1)) - Number(b.slice(1)))
    : []
  return found.length === 0
    ? [{ partition: undefined, directory }]
    : found.map((partition) => ({ partition, directory: join(directory, partition) }))
}

/** One core without `memberships` or with one; else one for each, which share texts, models and the thread that signs. */
export async function openFront(
  options: Omit<SidecarOptions, 'membership'>,
  memberships: readonly Membership[],
): Promise<OpenedFront> {
  const of = memberships.length
  if (of <= 1) {
    const opened = await Sidecar.open({ ...options, membership: memberships[0] })
    if (of === 0) await assertAlone(opened.sidecar)
    return { front: opened.sidecar, opened: [opened] }
  }
  const { permits } = options
  const store = new ConstitutionStore(options.constitutionsDirectory)
  const models = new ModelStore(options.modelsDirectory)
  const open = (membership: Membership, number: number): Promise<Opened> =>
    Sidecar.open({
      ...options,
      journalDirectory: journalOfPartition(options.journalDirectory, number, of),
      store,
      models,
      ...(permits === undefined ? {} : { permits: { ...permits, close: () => undefined } }),
      membership,
    })
  const [first, ...others] = memberships
  if (first === undefined) throw new Error('invariant: there are several')
  const opened: [Opened, ...Opened[]] = [await open(first, 0)]
  try {
    for (const [place, membership] of others.entries()) opened.push(await open(membership, place + 1))
  } catch (error) {
    await Promise.all(opened.map(({ sidecar }) => sidecar.close()))
    throw error
  }
  const cores = opened.map(({ sidecar }) => sidecar)
  const clusters = memberships.map(({ cluster }) => cluster)
  return { front: new Several(cores, clusters, () => permits?.close()), opened }
}

/** What was one of several sidecars would decide beside the others, and each up to the limits. Throws `CONFIG_INVALID`. */
async function assertAlone(sidecar: Sidecar): Promise<void> {
  const { epoch, home } = sidecar.durableState.tenure
  if (epoch === 0) return
  await sidecar.close()
  throw new EphorError(
    'CONFIG_INVALID',
    `${sidecar.journalDirectory} is the journal of one of several sidecars, whose home was \`${home}\` (epoch ${epoch}), and would decide beside them: start it with \`--redis\`. Where their Redis is lost, an empty one will do`,
  )
}

/** A directory is of one partition or of several from its first start on: begun as the other, it would be taken for empty. Throws `CONFIG_INVALID`. */
export function assertPlaceFor(directory: string, of: number): void {
  if (!existsSync(directory)) return
  const several = journalsIn(directory).filter(({ partition }) => partition !== undefined).length
  const isOne = readdirSync(directory).some((name) => name.startsWith('segment-'))
  if (of <= 1 && several > 0)
    throw new EphorError(
      'CONFIG_INVALID',
      `${directory} has the journals of ${several} partitions: start it with \`--redis\` and \`--partitions ${several}\``,
    )
  if (of > 1 && isOne)
    throw new EphorError(
      'CONFIG_INVALID',
      `${directory} is the journal of one partition, which never becomes one of ${of}: begin with an empty directory, and keep this one`,
    )
}
