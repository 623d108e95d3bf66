/** Reads the registry of models: who is champion, challenger and shadow, and whether each is what it was when it became that. */
import { EphorError } from '../../base/errors.ts'
import { parseStrictJsonBytes } from '../../base/strict-json.ts'
import { ARTIFACT_MAX, readModel, type Artifact } from '../artifact.ts'
import type { Inference } from '../network.ts'
import type { Plan } from '../plan.ts'
import { readAliasLog, type Alias, type AliasState, type Held } from './alias-log.ts'
import { gatesOf, readEvaluation, type Evaluation, type Judged } from './evaluation.ts'
import { readSchedule, type ScheduleArtifact } from './schedule-artifact.ts'

/** The files of a registry, as they are on the disk; `undefined` where there is none. */
export interface RegistryFiles {
  readonly log: string | undefined
  readonly head: string | undefined
  /** By their hashes. */
  readonly artifact: (hash: string) => Uint8Array | undefined
  readonly evaluation: (hash: string) => Uint8Array | undefined
}

/** What tunes: a schedule alone, or a model that moves one. */
export type Tuner =
  | {
      readonly kind: 'schedule'
      readonly hash: string
      readonly plan: Plan
      readonly artifact: ScheduleArtifact
    }
  | {
      readonly kind: 'model'
      readonly hash: string
      readonly plan: Plan
      readonly artifact: Artifact
      readonly infer: Inference
    }

/** A tuner that has an alias, with the evaluation that it got it by. */
export interface Named {
  readonly alias: Alias
  readonly tuner: Tuner
  readonly evaluation: Evaluation
}

/**
 * What has the alias in a registry, read and held against all that it has to be; `undefined` where nothing has. `constitution` is the hash of the rules in force. Throws, by name,
 * what `readAliasLog` and `readTuner` do; `MODEL_MISSING` where a file is not there, and `MODEL_GATES_NOT_PASSED` where its evaluation does not carry it.
 */
export function inForce(files: RegistryFiles, alias: Alias, constitution: string): Named | undefined {
  const held = readAliases(files).held[alias].at(-1)
  return held === undefined ? undefined : openHeld(files, alias, held, constitution)
}

/** Who has which alias, by the log alone. */
export function readAliases({ log, head }: RegistryFiles): AliasState {
  return readAliasLog(log ?? '', head)
}

/** Opens what an entry of the log names. Without `constitution` a model is not held against the rules. */
export function openHeld(files: RegistryFiles, alias: Alias, held: Held, constitution?: string): Named {
  const tuner = openTuner(files, held.artifact, constitution)
  const evaluation = openEvaluation(files, held.evaluation)
  if (evaluation.artifact !== tuner.hash)
    throw new EphorError(
      'MODEL_EVALUATION_INVALID',
      `${held.evaluation} is of ${evaluation.artifact}, not of ${tuner.hash}`,
    )
  const why = barTo(alias, tuner, evaluation)
  if (why !== undefined) throw new EphorError('MODEL_GATES_NOT_PASSED', `${tuner.hash} as ${alias}: ${why}`)
  return { alias, tuner, evaluation }
}

/** Why an artifact may not have an alias. A shadow moves nothing, so it may be anything that can be read. */
export function barTo(alias: Alias, tuner: Tuner, evaluation: Evaluation): string | undefined {
  if (alias === 'shadow') return undefined
  const missed = gatesOf(judgedAs(tuner), evaluation).filter(({ passed }) => !passed)
  return missed.length === 0
    ? undefined
    : missed.map(({ gate, asks, found }) => `gate ${gate}: ${asks}; found ${found}`).join('. ')
}

export function judgedAs({ kind, plan }: Tuner): Judged {
  return { kind, schedule: plan.schedule }
}

/** Opens an artifact by its hash, which is its name. Throws `MODEL_MISSING`, and what `readTuner` does. */
export function openTuner(files: RegistryFiles, hash: string, constitution?: string): Tuner {
  const bytes = files.artifact(hash)
  if (bytes === undefined) throw new EphorError('MODEL_MISSING', `there is no artifact ${hash}`)
  const tuner = readTuner(bytes, constitution)
  if (tuner.hash !== hash)
    throw new EphorError('MODEL_ALTERED', `the artifact under the name ${hash} is ${tuner.hash}`)
  return tuner
}

export function openEvaluation(files: RegistryFiles, hash: string): Evaluation {
  const bytes = files.evaluation(hash)
  if (bytes === undefined) throw new EphorError('MODEL_MISSING', `there is no evaluation ${hash}`)
  const evaluation = readEvaluation(bytes)
  if (evaluation.hash !== hash)
    throw new EphorError(
      'MODEL_EVALUATION_INVALID',
      `the evaluation under the name ${hash} is ${evaluation.hash}`,
    )
  return evaluation
}

/** Reads the file of a model or of a schedule. Throws what `readArtifact` and `readSchedule` do. A schedule was fitted to no rules, so none are asked of it. */
export function readTuner(bytes: Uint8Array, constitution?: string): Tuner {
  if (bytes.length > ARTIFACT_MAX)
    throw new EphorError('MODEL_INVALID', `${bytes.length} bytes; an artifact has at most ${ARTIFACT_MAX}`)
  const json = parseStrictJsonBytes(bytes)
  if (!json.ok) throw new EphorError('MODEL_INVALID', `${json.path || '/'} ${json.message}`)
  const { value } = json
  if (typeof value === 'object' && value !== null && 'kind' in value && value['kind'] === 'ephor-schedule') {
    const artifact = readSchedule(value)
    return { kind: 'schedule', hash: artifact.hash, plan: artifact.plan, artifact }
  }
  const { artifact, infer } = readModel(value, constitution)
  return { kind: 'model', hash: artifact.hash, plan: artifact.plan, artifact, infer }
}
