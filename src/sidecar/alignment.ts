/** Holds a journal against the log of its partition: is it the same history, and how far? */
import type { Cluster, LogEnd, LogEntry, Unreachable } from '../cluster/cluster.ts'
import { hashOfLine, PORTION_RECORDS_MAX, previousOfLine } from '../cluster/cluster.ts'
import { EphorError } from '../base/errors.ts'
import type { State, Tenure } from '../engine/state.ts'
import { checkLine, GENESIS, type ChainEnd } from '../journal/record.ts'
import { nameOfPartition } from '../protocol/partition.ts'
import type { Recorder } from './recorder.ts'
import type { Vouch } from './sealed-log.ts'

export type Alignment =
  /** The journal is the log, or the beginning of it. */
  | { readonly kind: 'aligned' }
  /** The log is the beginning of the journal. */
  | { readonly kind: 'ahead'; readonly end: LogEnd }
  /** The log went on otherwise after record `keepTo`, and what the journal has after it was never released. */
  | { readonly kind: 'strayed'; readonly keepTo: number }

/** What is known of the journal: its end, and who was home in it. */
type JournalEnd = Pick<Recorder, 'end' | 'hashAt'> & { readonly state: { readonly tenure: Tenure } }

/** Compares a journal with the log. Throws `LOG_DIFFERS` when they part before the last promotion of this sidecar, `LOG_UNSIGNED` where no home went on otherwise. */
export async function align(
  cluster: Cluster,
  journal: JournalEnd,
  vouch?: Vouch,
): Promise<Alignment | Unreachable> {
  const ended = await cluster.log.end()
  if (ended.kind === 'unreachable') return ended
  const { end } = ended
  const common = Math.min(end.sequence, journal.end.sequence)
  if (common < ended.first - 1) throw trimmed(ended.first, common)
  const same = await isSame(cluster, journal, common)
  // What it ended with a moment ago is lost: that is not to say that it went on otherwise.
  if (same === 'gone') return align(cluster, journal, vouch)
  if (typeof same !== 'boolean') return same
  if (same) return end.sequence >= journal.end.sequence ? { kind: 'aligned' } : { kind: 'ahead', end }
  const { home, since } = journal.state.tenure
  // What another wrote was in the log before it was here; only what this sidecar wrote as home can be missing there.
  const floor = home === cluster.name ? since - 1 : common
  for (let keepTo = common - 1; keepTo >= floor; keepTo -= 1) {
    const kept = await isSame(cluster, journal, keepTo)
    if (kept === 'gone') return align(cluster, journal, vouch)
    if (typeof kept !== 'boolean') return kept
    if (!kept) continue
    // What was released is not set aside for what somebody else wrote there.
    const isUnreached = vouch && (await assertVouched(cluster, journal, keepTo, vouch))
    return isUnreached ?? { kind: 'strayed', keepTo }
  }
  throw new EphorError(
    'LOG_DIFFERS',
    `record ${common} of the journal is not that of the log, and this sidecar was not home there: begin with an empty directory, and keep this one`,
  )
}

/** Throws where the log does not go on after `keepTo` with records that a home signed for, in one chain. */
async function assertVouched(
  { log }: Cluster,
  journal: JournalEnd,
  keepTo: number,
  vouch: Vouch,
): Promise<Unreachable | undefined> {
  const read = await log.read(keepTo, PORTION_RECORDS_MAX, 0)
  if (read.kind === 'unreachable') return read
  let end: ChainEnd = { sequence: keepTo, hash: (await journal.hashAt(keepTo)) ?? GENESIS.hash }
  for (const { sequence, line } of vouch(read.entries)) {
    const bytes = Buffer.from(line)
    const next = checkLine(bytes, 0, bytes.length, end)
    if (typeof next === 'string')
      throw new EphorError('LOG_DIFFERS', `record ${sequence} of the log: ${next}`)
    end = next
  }
  return undefined
}

/** Whether record `sequence` is the same in both; `gone` where the log ends before it. */
async function isSame(
  { log }: Cluster,
  journal: JournalEnd,
  sequence: number,
): Promise<boolean | 'gone' | Unreachable> {
  if (sequence === 0) return true
  const read = await log.read(sequence - 1, 1, 0)
  if (read.kind === 'unreachable') return read
  const [entry] = read.entries
  if (entry === undefined) return 'gone'
  const hash = sequence === journal.end.sequence ? journal.end.hash : await journal.hashAt(sequence)
  // Where the log was cut off just behind it, the first record that is left names its hash.
  if (entry.sequence === sequence + 1) return previousOfLine(entry.line) === hash
  return entry.sequence === sequence && hashOfLine(entry.line) === hash
}

/** Throws `LOG_DIFFERS` where the journal is of another partition than this sidecar was given for it: the accounts in it are decided on elsewhere. */
export function assertPlace(
  { place, partition }: Cluster,
  { sequence, ledger }: Pick<State, 'sequence' | 'ledger'>,
): void {
  const { number, of } = ledger.partition
  if (sequence === 0 || (number === place.number && of === place.of)) return
  throw new EphorError(
    'LOG_DIFFERS',
    `this journal is of ${nameOfPartition(number)} of ${of}, and here ${partition} of ${place.of} is followed: begin with an empty directory, and keep this one`,
  )
}

/** Throws `LOG_TRIMMED` where records are missing between `last` and the first of these, which the log gave as what comes next. */
export function assertNext([first]: readonly LogEntry[], last: number): void {
  if (first !== undefined && first.sequence > last + 1) throw trimmed(first.sequence, last)
}

/** Why a journal that ends at `last` cannot follow a log that begins at `first`, and what to do. */
function trimmed(first: number, last: number): EphorError {
  return new EphorError(
    'LOG_TRIMMED',
    `the log begins at record ${first} and this journal ends at ${last}: \`ephor log restore ARCHIVE --home HOME\` brings what is between, then start this again`,
  )
}
