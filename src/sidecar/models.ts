/** Models on disk: those that people name in the optimizer policy, and copies of those that came into force, kept by their hash. */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { EphorError } from '../base/errors.ts'
import { ARTIFACT_MAX, readArtifact, type Model } from '../optimizer/artifact.ts'
import { Name } from '../protocol/common.ts'

/** A model with the bytes that it was read from. */
export interface ReadModel {
  readonly model: Model
  readonly bytes: Uint8Array
}

/**
 * Reads the model `name` of `directory`, which is the file `name.json` there. Throws `MODEL_INVALID` where the name is none or the file is not there or too
 * large, and what `readArtifact` throws.
 */
export function readModel(directory: string, name: string): ReadModel {
  // A name has no way out of the directory.
  if (!Name.safeParse(name).success || name.includes('/') || name.includes('..'))
    throw new EphorError('MODEL_INVALID', `\`${name}\` is no name of a model`)
  const path = join(directory, `${name}.json`)
  let bytes: Uint8Array
  try {
    const { size } = statSync(path)
    if (size > ARTIFACT_MAX)
      throw new EphorError('MODEL_INVALID', `${path} has ${size} bytes; a model has at most ${ARTIFACT_MAX}`)
    bytes = readFileSync(path)
  } catch (error) {
    if (error instanceof EphorError) throw error
    throw new EphorError(
      'MODEL_INVALID',
      `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
  return { model: readArtifact(bytes), bytes }
}

/** Models by their hash. What is not at hand, or is not what its hash says any more, is asked nothing. */
export class ModelStore {
  readonly #directory: string | undefined
  readonly #models = new Map<string, Model | undefined>()

  constructor(directory: string | undefined) {
    this.#directory = directory
  }

  /** Keeps a model, durably, before a policy that names it comes into force. */
  keep({ model, bytes }: ReadModel): void {
    const { hash } = model.artifact
    if (this.#directory !== undefined) {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 })
      const path = this.#path(this.#directory, hash)
      const partial = `${path}.partial`
      const file = openSync(partial, 'w', 0o600)
      try {
        writeSync(file, bytes)
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
      renameSync(partial, path)
    }
    this.#models.set(hash, model)
  }

  modelOf(hash: string): Model | undefined {
    if (!this.#models.has(hash)) this.#models.set(hash, this.#load(hash))
    return this.#models.get(hash)
  }

  #load(hash: string): Model | undefined {
    if (this.#directory === undefined) return undefined
    try {
      const model = readArtifact(readFileSync(this.#path(this.#directory, hash)))
      return model.artifact.hash === hash ? model : undefined
    } catch {
      return undefined
    }
  }

  #path(directory: string, hash: string): string {
    return join(directory, `${hash}.json`)
  }
}
