/** Writes to the registry of models: files that are never changed, and a log whose head is moved last, so that a writer that dies leaves what was in force. */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { EphorError } from '../base/errors.ts'
import { acquireLock } from '../journal/lock.ts'
import {
  follow,
  headText,
  lengthInForce,
  lineOf,
  sealEntry,
  type AliasState,
  type Proposed,
} from '../optimizer/registry/alias-log.ts'
import { openHeld, readAliases } from '../optimizer/registry/registry.ts'
import { ARTIFACTS, EVALUATIONS, HEAD, LOG, modelFiles } from './model-files.ts'

/** Keeps the text of an artifact or an evaluation under its hash, for good. A second time does nothing. */
export function keepModelFile(
  directory: string,
  kind: 'artifact' | 'evaluation',
  hash: string,
  text: string,
): void {
  const folder = join(directory, kind === 'artifact' ? ARTIFACTS : EVALUATIONS)
  mkdirSync(folder, { recursive: true })
  const files = modelFiles(directory)
  const there = kind === 'artifact' ? files.artifact(hash) : files.evaluation(hash)
  if (there !== undefined) {
    if (Buffer.from(there).equals(Buffer.from(text))) return
    throw new EphorError('MODEL_ALTERED', `the ${kind} ${hash} is there already, with other content`)
  }
  writeDurably(folder, `${hash}.json`, text)
}

/** Where a writer may die; for tests. */
export type Reached = (step: 'begun' | 'appended' | 'synced' | 'head written' | 'done') => void

/**
 * Puts one entry into force, held against the chain, the rules of the log, the artifact and its gates. One writer at a time. `constitution` is the hash of the rules in force.
 * Throws what reading throws, and leaves everything as it was.
 */
export function enter(
  directory: string,
  proposed: Proposed,
  constitution: string,
  reached: Reached = () => undefined,
): AliasState {
  mkdirSync(directory, { recursive: true })
  const lock = acquireLock(directory)
  try {
    const files = modelFiles(directory)
    const before = readAliases(files)
    const entry = sealEntry(proposed)
    const after = follow(before, entry)
    if (entry.kind === 'promoted' || entry.kind === 'shipped') {
      const { tuner } = openHeld(files, entry.alias, entry, constitution)
      if (entry.kind === 'shipped' && tuner.kind === 'model')
        throw new EphorError('MODEL_LOG_INVALID', 'only a schedule comes with the software')
    }
    reached('begun')
    const log = openSync(join(directory, LOG), existsSync(join(directory, LOG)) ? 'r+' : 'wx+', 0o644)
    try {
      // What stands behind the head was never in force: its writer died.
      const length = lengthInForce(before)
      ftruncateSync(log, length)
      const line = Buffer.from(lineOf(entry))
      if (writeSync(log, line, 0, line.length, length) !== line.length)
        throw new EphorError('MODEL_LOG_INVALID', `${join(directory, LOG)}: the disk did not take the entry`)
      reached('appended')
      fdatasyncSync(log)
    } finally {
      closeSync(log)
    }
    reached('synced')
    writeDurably(directory, HEAD, headText(after.head), reached)
    reached('done')
    return after
  } finally {
    lock.release()
  }
}

/** Whole or not at all, also where the machine stops meanwhile. */
function writeDurably(folder: string, name: string, text: string, reached: Reached = () => undefined): void {
  const path = join(folder, name)
  const file = openSync(`${path}.new`, 'w', 0o644)
  try {
    writeFileSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  reached('head written')
  renameSync(`${path}.new`, path)
  const directory = openSync(folder, 'r')
  fsyncSync(directory)
  closeSync(directory)
}
