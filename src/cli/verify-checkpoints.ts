/** Holds each checkpoint against the journal: whether its lines are those of the state that the records up to there come to. */
import { createHash } from 'node:crypto'
import { EMPTY_STATE } from '../engine/state.ts'
import { type CheckpointFile, readStatement } from '../journal/checkpoint-file.ts'
import { CheckpointLines } from '../journal/checkpoint-lines.ts'
import type { CheckpointStatement } from '../journal/checkpoint-statement.ts'
import { DecisionIndex } from '../journal/decision-index.ts'
import { bothLines } from '../sidecar/checkpoints.ts'
import type { ConstitutionStore } from '../sidecar/constitutions.ts'
import { type Folded, foldRecords, misfit, otherVersion, type Recovered } from '../sidecar/restart.ts'

/** What was found of one checkpoint: as it should be, wrong, or not to be compared. */
export interface CheckpointFinding {
  readonly name: string
  readonly found: 'same' | 'wrong' | 'not compared'
  readonly detail: string
}

/** Folds the journal from its first record and stops at each of `files` on the way. The journal itself must have been verified. */
export async function verifyCheckpoints(
  files: readonly CheckpointFile[],
  journal: Recovered,
  store: ConstitutionStore,
): Promise<CheckpointFinding[]> {
  const findings: CheckpointFinding[] = []
  let folded: Folded = { state: EMPTY_STATE, decisions: new DecisionIndex() }
  for (const file of files.toReversed()) {
    const finding = (found: CheckpointFinding['found'], detail: string): void => {
      findings.push({ name: file.name, found, detail })
    }
    let unknownKey = false
    const statement = await readStatement(file, (id) => {
      const key = journal.publicKeyOf(id)
      unknownKey = key === undefined
      return key
    })
    // A sidecar at work removes the oldest when it has written another.
    if (statement === undefined) continue
    if (typeof statement === 'string') {
      // One of before the key was changed, once the old key is gone: no start believes it either.
      finding(unknownKey ? 'not compared' : 'wrong', statement)
      continue
    }
    const wrong = await wrongWith(journal, file, statement)
    if (wrong !== undefined) finding('wrong', wrong)
    else if (otherVersion(statement) !== undefined)
      finding('not compared', `it is ${otherVersion(statement) ?? ''}`)
    else {
      const programOf = store.programOf.bind(store)
      for await (const next of foldRecords(journal.directory, folded, programOf, file.sequence)) folded = next
      if (hashOf(folded) === statement.sha256) finding('same', 'what the journal comes to, byte for byte')
      else finding('wrong', 'it is signed, and not what the journal comes to')
    }
  }
  return findings
}

async function wrongWith(
  journal: Recovered,
  file: CheckpointFile,
  statement: CheckpointStatement,
): Promise<string | undefined> {
  const reason = await misfit(journal, statement)
  if (reason !== undefined) return reason
  const lines = new CheckpointLines(file.path, statement)
  try {
    while (lines.next().done !== true);
    lines.check()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    lines.close()
  }
}

function hashOf({ state, decisions }: Folded): string {
  const hash = createHash('sha256')
  const snapshot = decisions.snapshot(state.sequence)
  if (snapshot === undefined) throw new Error('an index that ends at a record has all up to it')
  for (const line of bothLines(state, snapshot)) hash.update(`${line}\n`)
  return hash.digest('hex')
}
