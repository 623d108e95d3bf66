/** The registry of models on disk: plain files of bounded size under names that are their hashes, and nothing else. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EphorError } from '../base/errors.ts'
import { ARTIFACT_MAX } from '../optimizer/artifact.ts'
import { HEAD_MAX, LOG_MAX } from '../optimizer/registry/alias-log.ts'
import { EVALUATION_MAX } from '../optimizer/registry/evaluation.ts'
import type { RegistryFiles } from '../optimizer/registry/registry.ts'

export const LOG = 'aliases.ndjson'
export const HEAD = 'aliases.head'
export const ARTIFACTS = 'artifacts'
export const EVALUATIONS = 'evaluations'

/** The files of the registry in `directory`, read when they are asked for. A directory that is not there is a registry without anything in it. */
export function modelFiles(directory: string): RegistryFiles {
  const text = (name: string, most: number): string | undefined => {
    const bytes = readPlain(join(directory, name), most, 'MODEL_LOG_INVALID')
    return bytes === undefined ? undefined : textOf(bytes, join(directory, name))
  }
  return {
    // The head first: what a promotion writes meanwhile only makes the log longer.
    head: text(HEAD, HEAD_MAX),
    log: text(LOG, LOG_MAX),
    artifact: (hash) => readNamed(join(directory, ARTIFACTS), hash, ARTIFACT_MAX, 'MODEL_INVALID'),
    evaluation: (hash) =>
      readNamed(join(directory, EVALUATIONS), hash, EVALUATION_MAX, 'MODEL_EVALUATION_INVALID'),
  }
}

type Refusal = 'MODEL_INVALID' | 'MODEL_LOG_INVALID' | 'MODEL_EVALUATION_INVALID'

function readNamed(folder: string, hash: string, most: number, code: Refusal): Uint8Array | undefined {
  // A name that is no hash could lead anywhere.
  if (!/^[0-9a-f]{64}$/.test(hash)) throw new EphorError(code, `\`${hash.slice(0, 80)}\` is no hash`)
  const state = lstatSync(folder, { throwIfNoEntry: false })
  if (state !== undefined && !state.isDirectory())
    throw new EphorError(code, `${folder} is no directory of its own`)
  return readPlain(join(folder, `${hash}.json`), most, code)
}

/** A plain file of bounded size: not a link, a device or a directory. `undefined` where there is nothing. */
export function readPlain(path: string, most: number, code: Refusal): Uint8Array | undefined {
  let file: number
  try {
    // What is opened is what is looked at: a name could become a link in between. A pipe would wait for its writer.
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code
    if (why === 'ENOENT') return undefined
    throw new EphorError(
      code,
      why === 'ELOOP' ? `${path} is no plain file` : `${path} cannot be read: ${why}`,
    )
  }
  try {
    const state = fstatSync(file)
    if (!state.isFile()) throw new EphorError(code, `${path} is no plain file`)
    if (state.size > most)
      throw new EphorError(code, `${path}: ${state.size} bytes; expected ${most} at most`)
    return readFileSync(file)
  } finally {
    closeSync(file)
  }
}

function textOf(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new EphorError('MODEL_LOG_INVALID', `${path} is not UTF-8`)
  }
}
