/** Models on disk: those that people name in the optimizer policy, and copies of those that came into force, kept by their hash. */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EphorError } from '../base/errors.ts'
import { readArtifact, type Model } from '../optimizer/artifact.ts'
import type { Schedule } from '../optimizer/plan.ts'
import type { Alias } from '../optimizer/registry/alias-log.ts'
import {
  openHeld,
  openTuner,
  readAliases,
  type RegistryFiles,
  type Tuner as RegistryTuner,
} from '../optimizer/registry/registry.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import { explainTuning } from '../engine/explain.ts'
import type { Explanation, ScheduleName } from '../protocol/optimizer.ts'
import { modelFiles } from './model-files.ts'

/** A model with the bytes that it was read from. */
export interface ReadModel {
  readonly model: Model
  readonly bytes: Uint8Array
}

/** What the optimizer policy names: a schedule by itself, or a model that moves one. */
export interface NamedTuner {
  readonly schedule: ScheduleName
  readonly model: ReadModel | undefined
}

/** The schedules of the registry, as policies call them. By the hour of the day no feeder tells volume, so there is no VWAP. */
const CALLED: Readonly<Partial<Record<Schedule, ScheduleName>>> = {
  TWAP: 'twap',
  AC: 'almgren-chriss',
  'receding AC': 'receding',
  'receding AC, expecting': 'expecting',
}

/**
 * Opens what `name` stands for in the registry in `directory`: the champion, challenger or shadow, or an artifact by its hash. Throws `MODEL_MISSING` where nothing has the
 * name, `MODEL_UNSUPPORTED` where it goes by a schedule that is not kept here, and what opening throws.
 */
export function openNamed(directory: string, name: string): NamedTuner {
  const files = modelFiles(directory)
  const tuner = isAlias(name) ? championOf(files, name) : openTuner(files, name)
  const schedule = CALLED[tuner.plan.schedule]
  if (schedule === undefined)
    throw new EphorError('MODEL_UNSUPPORTED', `it goes by ${tuner.plan.schedule}, which is not tuned by here`)
  if (tuner.kind === 'schedule') return { schedule, model: undefined }
  const { artifact, infer, hash } = tuner
  return { schedule, model: { model: { artifact, infer }, bytes: files.artifact(hash) ?? new Uint8Array() } }
}

const NAMES: readonly Alias[] = ['champion', 'challenger', 'shadow']

function isAlias(name: string): name is Alias {
  return NAMES.some((alias) => alias === name)
}

/** Whether it was trained under the rules in force is looked at whenever it is asked. */
function championOf(files: RegistryFiles, alias: Alias): RegistryTuner {
  const held = readAliases(files).held[alias].at(-1)
  if (held === undefined) throw new EphorError('MODEL_MISSING', `nothing is ${alias}`)
  return openHeld(files, alias, held).tuner
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
        writeFileSync(file, bytes)
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

  /** Why an order with a horizon was sent as it was; `undefined` where no optimizer looked at it. */
  explain(decision: DecisionCore): Explanation | undefined {
    return explainTuning(decision, (hash) => this.modelOf(hash))
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
