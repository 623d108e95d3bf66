/** What a start makes of the journal: the newest checkpoint that fits, and all records after it; or all records. */
import { EphorError } from '../base/errors.ts'
import { VERSION } from '../base/version.ts'
import { readState, STATE_SCHEMA } from '../engine/state-lines.ts'
import { apply, EMPTY_STATE, type ProgramOf, type State } from '../engine/state.ts'
import { listCheckpoints, readStatement, type CheckpointFile } from '../journal/checkpoint-file.ts'
import { CheckpointLines } from '../journal/checkpoint-lines.ts'
import type { CheckpointStatement } from '../journal/checkpoint-statement.ts'
import { DecisionIndex } from '../journal/decision-index.ts'
import type { PublicKeyOf } from '../journal/head.ts'
import { readIndex } from '../journal/index-lines.ts'
import { isDecision } from '../journal/query.ts'
import { hashAt, readRecordBatches } from '../journal/read.ts'
import type { Event } from '../protocol/event.ts'

/** A journal that was recovered: what checkpoints are held against. */
export interface Recovered {
  readonly directory: string
  /** Its UUID. */
  readonly journal: string
  /** Of its last record. */
  readonly sequence: number
  readonly publicKeyOf: PublicKeyOf
}

/** The state and the index as of some record; the index grows in place. */
export interface Folded {
  readonly state: State
  readonly decisions: DecisionIndex
}

/** How a start came to its state. */
export interface Restart {
  /** The sequence of the checkpoint that it began with; 0 when it began with nothing. */
  readonly checkpoint: number
  /** Records folded after it. */
  readonly folded: number
  /** Checkpoints that were not used, and why. */
  readonly ignored: readonly { readonly name: string; readonly reason: string }[]
}

const NOTHING = (): Folded => ({ state: EMPTY_STATE, decisions: new DecisionIndex() })

/**
 * The state that the journal makes. A checkpoint only saves time: one that is damaged, forged, of another version or of another history is passed over.
 * Throws `JOURNAL_TRUNCATED` when a checkpoint of this journal is signed for a record that the journal does not reach.
 */
export async function restart(
  journal: Recovered,
  programOf: ProgramOf,
): Promise<Folded & { readonly restart: Restart }> {
  const ignored: { name: string; reason: string }[] = []
  const fitting: { file: CheckpointFile; statement: CheckpointStatement }[] = []
  for (const file of await listCheckpoints(journal.directory)) {
    const statement = await readStatement(file, journal.publicKeyOf)
    if (statement === undefined) continue
    if (typeof statement === 'string') {
      ignored.push({ name: file.name, reason: statement })
      continue
    }
    refuseCut(journal, file, statement)
    const reason = (await misfit(journal, statement)) ?? otherVersion(statement)
    if (reason === undefined) fitting.push({ file, statement })
    else ignored.push({ name: file.name, reason })
  }
  for (const { file, statement } of fitting) {
    const loaded = load(file, statement, programOf)
    if (typeof loaded === 'string') ignored.push({ name: file.name, reason: loaded })
    else return foldRest(journal, loaded, programOf, ignored)
  }
  return foldRest(journal, NOTHING(), programOf, ignored)
}

/** Nothing is signed ahead of the head, so that records are gone, and the head was set back with them. */
function refuseCut(journal: Recovered, { name }: CheckpointFile, statement: CheckpointStatement): void {
  if (statement.journal !== journal.journal || statement.sequence <= journal.sequence) return
  throw new EphorError(
    'JOURNAL_TRUNCATED',
    `the signed checkpoint \`${name}\` is at ${statement.sequence}, the last record at ${journal.sequence}`,
  )
}

/** Why the checkpoint cannot be of this journal; `undefined` when it can. */
export async function misfit(
  { directory, journal, sequence }: Recovered,
  statement: CheckpointStatement,
): Promise<string | undefined> {
  if (statement.journal !== journal) return `it is of journal ${statement.journal}`
  if (statement.sequence > sequence) return `it is at ${statement.sequence}, the last record at ${sequence}`
  const hash = await hashAt(directory, statement.sequence)
  return hash === statement.hash ? undefined : `record ${statement.sequence} has another hash than it says`
}

/** By which other version of Ephor the checkpoint is; `undefined` when it is by this one. */
export function otherVersion({ engine, state }: CheckpointStatement): string | undefined {
  if (engine === VERSION && state === STATE_SCHEMA) return undefined
  return `by engine ${engine}, state ${state}; this is ${VERSION}, state ${STATE_SCHEMA}`
}

function load(file: CheckpointFile, statement: CheckpointStatement, programOf: ProgramOf): Folded | string {
  try {
    const lines = new CheckpointLines(file.path, statement)
    try {
      const loaded = { state: readState(lines, programOf), decisions: readIndex(lines) }
      lines.check()
      return loaded.state.sequence === statement.sequence
        ? loaded
        : `its state is of record ${loaded.state.sequence}`
    } finally {
      lines.close()
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

async function foldRest(
  { directory }: Recovered,
  from: Folded,
  programOf: ProgramOf,
  ignored: Restart['ignored'],
): Promise<Folded & { readonly restart: Restart }> {
  const { sequence: checkpoint } = from.state
  let last = from
  for await (const folded of foldRecords(directory, from, programOf)) last = folded
  return { ...last, restart: { checkpoint, folded: last.state.sequence - checkpoint, ignored } }
}

/** Folds the records after `from`, up to `toSequence`, and gives what they come to at every so many records and at the end. */
export async function* foldRecords(
  directory: string,
  { state: start, decisions }: Folded,
  programOf: ProgramOf,
  toSequence = Number.MAX_SAFE_INTEGER,
): AsyncGenerator<Folded> {
  let state = start
  for await (const records of readRecordBatches(directory, {
    fromSequence: start.sequence + 1,
    toSequence,
  })) {
    for (const { at, event: recorded, sequence } of records) {
      const event = recorded as unknown as Event
      state = apply(state, { at, event }, programOf)
      index(decisions, event, sequence)
    }
    yield { state, decisions }
  }
}

/** Adds what `event`, recorded at `sequence`, decided. */
export function index(decisions: DecisionIndex, event: Event, sequence: number): void {
  if (isDecision(event)) decisions.add(event.decision.decision, sequence)
}
