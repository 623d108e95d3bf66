/** The home of another partition takes over what the first recorded for all: in its order, each record once, and only what its home signed for. */
import type { Timers } from '../base/clock.ts'
import { isLater } from '../base/entry-id.ts'
import { EphorError } from '../base/errors.ts'
import type { Program } from '../constitution/compile.ts'
import {
  PORTION_RECORDS_MAX,
  RETRY_MS,
  type Cluster,
  type LogEnd,
  type LogEntry,
} from '../cluster/cluster.ts'
import { isForAll, laneBefore } from '../engine/placing.ts'
import type { Input } from '../engine/step.ts'
import { checkLine, GENESIS, parseLine, type ChainEnd } from '../journal/record.ts'
import type { Event } from '../protocol/event.ts'
import { learnFrom } from './delivery.ts'
import type { FirstWatch } from './first-watch.ts'
import type { ConstitutionStore } from './constitutions.ts'
import type { Book, MemberOptions } from './member-options.ts'
import type { Made } from './recorder.ts'

/** Milliseconds of waiting for records. */
const WAIT_MS = 100
/** Records that say nothing for all, after which it is recorded how far the log was read. */
const PASSED_MAX = 4_096

type Followed = Input & { readonly kind: 'follow' }

/** With what a home follows. */
interface Following extends Pick<MemberOptions, 'vouchFirst'> {
  readonly cluster: Pick<Cluster, 'first' | 'partition' | 'texts'>
  readonly store: Pick<ConstitutionStore, 'programOf' | 'learn'>
  readonly timers: Pick<Timers, 'pause'>
  readonly book: () => Pick<Book, 'state' | 'durable' | 'record' | 'show'>
  /** Whether the lease is held, and whether surely so. */
  readonly lease: { readonly isHeld: boolean; readonly isSure: boolean }
  /** Told whether all that was followed is still there. */
  readonly watch: Pick<FirstWatch, 'now' | 'sure' | 'freeze'>
  /** Not any more where it is being handed over. */
  readonly isHome: () => boolean
}

/**
 * Follows as long as the lease is held; nothing where this is the first, or the only one. Throws `LOG_DIFFERS` where the first partition went on otherwise than it was followed, or nothing lets
 * it do what it did: what is owned here could have been given to another there. Throws `CONSTITUTION_INVALID` where the text of a constitution is not to be had.
 */
export async function followFirst(following: Following): Promise<void> {
  const { cluster, store, vouchFirst: vouch, timers, book, lease, isHome, watch } = following
  const { first, partition } = cluster
  if (first === undefined) return
  const { sequence, hash } = book().state.tenure.followed
  let read: ChainEnd = sequence === 0 ? GENESIS : { sequence, hash }
  while (lease.isHeld && isHome()) {
    // What was not followed is not cut off, as for a sidecar.
    void first.retention.report(`partition ${partition}`, book().durable.tenure.followed.sequence)
    const sent = watch.now()
    const ended = await first.log.end()
    const isThere = ended.kind === 'end' && hasAll(ended.end, read, watch)
    if (isThere && ended.end.sequence === read.sequence) watch.sure(sent)
    const found = isThere ? await first.log.read(read.sequence, PORTION_RECORDS_MAX, WAIT_MS) : undefined
    if (found?.kind !== 'read' || !lease.isSure || !isHome()) {
      await timers.pause(RETRY_MS)
      continue
    }
    if (found.entries.length === 0) continue
    const entries = vouch === undefined ? found.entries : vouch(found.entries)
    if (!(await isLearnt(entries, following))) {
      await timers.pause(RETRY_MS)
      continue
    }
    const { followed: before, taken } = book().state.tenure
    const programOf = (hash: string): Program | undefined => store.programOf(hash)
    const { inputs, end } = followed(entries, read, {
      before: before.sequence,
      halts: taken.halts,
      programOf,
    })
    // A halt that comes over the lane is taken before it is lifted.
    if (end === read) {
      watch.freeze(
        `record ${end.sequence + 1} of the first partition is about a halt that was not read from \`ephor:halts\` yet; where that has lost it, raising any other brings this on`,
      )
      await timers.pause(RETRY_MS)
    }
    read = end
    const made = inputs.map((input) => book().record(input))
    await made.at(-1)?.durable
    for (const each of made) book().show(each)
    for (const { effect } of made) assertTaken(effect)
    if (isThere && read.sequence >= ended.end.sequence) watch.sure(sent)
  }
}

/** Whether the constitutions that the first put in force are at hand. */
async function isLearnt(
  entries: readonly LogEntry[],
  { store, cluster }: Pick<Following, 'store' | 'cluster'>,
): Promise<boolean> {
  try {
    await learnFrom(entries, store, cluster.texts)
    return true
  } catch (error) {
    // They could not be asked for now.
    if (error instanceof EphorError && error.code === 'HOME_LOST') return false
    throw error
  }
}

function assertTaken(effect: Made['effect']): void {
  if (effect?.kind === 'refuse') throw new EphorError('LOG_DIFFERS', effect.detail)
}

/** Whether a log that ends so has all that was read of it; says to `watch` where it has not. Throws `LOG_DIFFERS` where it went on otherwise. */
function hasAll(end: LogEnd, read: ChainEnd, watch: Pick<FirstWatch, 'freeze'>): boolean {
  if (end.sequence === read.sequence && end.hash !== read.hash && read.sequence > 0)
    throw new EphorError(
      'LOG_DIFFERS',
      `record ${read.sequence} of the log of the first partition is another`,
    )
  if (end.sequence >= read.sequence) return true
  watch.freeze(
    `the log of the first partition ends at record ${end.sequence}, and was followed up to ${read.sequence}: what is missing may be lost, so nothing new is risked until its home brings it back`,
  )
  return false
}

/** Up to where the log was followed, up to where halts were taken, and where constitutions are. */
interface Place {
  readonly before: number
  readonly halts: string
  readonly programOf: (hash: string) => Program | undefined
}

/** What these records come to for who read the log up to `chain`, and where they end: before one that is about a halt that was not taken. */
function followed(
  entries: readonly LogEntry[],
  chain: ChainEnd,
  { before, halts, programOf }: Place,
): { readonly inputs: readonly Followed[]; readonly end: ChainEnd } {
  const inputs: Followed[] = []
  let end = chain
  let after = before
  const follow = (event?: Followed['event']): void => {
    const program = event?.type === 'activated' ? programOf(event.constitution) : undefined
    const { sequence: record, hash } = end
    inputs.push({ kind: 'follow', after, record, hash, ...(event && { event }), ...(program && { program }) })
    after = record
  }
  for (const { sequence, line } of entries) {
    if (sequence > end.sequence + 1)
      throw new EphorError(
        'LOG_TRIMMED',
        `the log of the first partition begins at record ${sequence}, and was followed up to ${end.sequence}: what is between may have given away what is owned here`,
      )
    const bytes = Buffer.from(line)
    const next = checkLine(bytes, 0, bytes.length, end)
    if (typeof next === 'string')
      throw new EphorError('LOG_DIFFERS', `record ${sequence} of the log of the first partition: ${next}`)
    const event = parseLine(line).event as unknown as Event
    const isOurs = isForAll(event)
    const place = isOurs ? laneBefore(event) : undefined
    if (place !== undefined && isLater(place, halts)) break
    end = next
    if (isOurs) follow(event)
  }
  if (end.sequence - after >= PASSED_MAX) follow()
  return { inputs, end }
}
