/** Activates what stands in a constitution's directory: whole, valid, and with cases that hold, unless somebody answers for those that do not. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Logger } from 'pino'
import { EphorError } from '../base/errors.ts'
import { formatIssue } from '../base/issue.ts'
import { compile } from '../constitution/compile.ts'
import type { Files } from '../constitution/draft.ts'
import type { Constitution } from '../constitution/model.ts'
import { caseSteps } from '../engine/cases.ts'
import { formatIssues, loadConstitution, type Loaded } from './constitutions.ts'
import type { Person } from '../engine/step.ts'
import { waitingIn, type Waiting } from './approved.ts'
import type { Front } from './front.ts'

/** Milliseconds of work in one turn of the event loop. */
const TURN_MS = 5

/** More failures are counted and not named. */
const NAMED_MAX = 20

export interface DirectoryActivation {
  readonly sidecar: Front
  readonly directory: string
  readonly logger: Logger
  readonly person: Person
  /** Refuse any other hash. */
  readonly hash: string | undefined
  /** Whether it is put in force though cases beside it do not hold; the person says why. */
  readonly acceptFailing: boolean
}

/** Throws `EphorError` when it is refused; what was in force stays, also where it waits for others. */
export async function activateDirectory(
  wanted: DirectoryActivation,
): Promise<{ constitution: string; activated: boolean; casesFailed: number } & Waiting> {
  const { sidecar, directory, logger, person, hash, acceptFailing } = wanted
  const { by, ...why } = person
  const { files, constitution } = readWhole(directory)
  if (hash !== undefined && hash !== constitution.hash)
    throw new EphorError('CONSTITUTION_INVALID', `the directory has ${constitution.hash}, not ${hash}`)
  const failed = await failingCases(files, constitution)
  const casesFailed = failed.length
  // What is in force already is not put in force again, so there is nothing to refuse.
  const inForce = sidecar.cores.every(({ state }) => state.program?.constitution.hash === constitution.hash)
  if (casesFailed > 0 && !inForce && !acceptFailing) throw new EphorError('CASES_FAILED', refusal(failed))
  const effect = await sidecar.activate(constitution, by, {
    ...why,
    ...(casesFailed === 0 ? {} : { casesFailed }),
  })
  const { version } = constitution
  const activated = effect.kind === 'done' && effect.body.activated === true
  const waiting = waitingIn(effect)
  if (activated) {
    logger.info({ constitution: constitution.hash, version, by }, 'constitution in force')
    if (casesFailed > 0)
      logger.warn({ failed, reason: why.reason }, `in force though cases do not hold; ${EDIT_THEM}`)
  } else if (waiting.waitsFor !== undefined)
    logger.info({ constitution: constitution.hash, version, by, ...waiting }, 'constitution waits for others')
  return { constitution: constitution.hash, activated, casesFailed, ...waiting }
}

const EDIT_THEM = 'where a limit was meant to change, change the cases beside it too (`ephor test` runs them)'

function refusal(failed: readonly string[]): string {
  const count = failed.length === 1 ? 'a case does' : `${failed.length} cases do`
  const more = failed.length > NAMED_MAX ? [`and ${failed.length - NAMED_MAX} more`] : []
  return [
    `${count} not hold:`,
    ...failed.slice(0, NAMED_MAX),
    ...more,
    `${EDIT_THEM}; to put it in force as it is, give \`acceptFailingCases: true\` and a \`reason\` in the call, or \`--accept-failing-cases REASON\` at a first start`,
  ].join('\n')
}

/** What came of the cases beside a constitution: the same files have the same one, so they are judged once. */
const judged = new WeakMap<Constitution, readonly string[]>()

/** One line a case: what it shows, and how it came out. A home has its lease to renew and halts to take while hundreds of them are judged. */
async function failingCases(files: Files, constitution: Constitution): Promise<readonly string[]> {
  const known = judged.get(constitution)
  if (known !== undefined) return known
  await turn()
  const { results, issues } = await inTurns(caseSteps(files, compile(constitution)))
  const errors = issues.filter((issue) => issue.severity === 'error').map((issue) => formatIssue(issue))
  const failures = results
    .filter(({ failures }) => failures.length > 0)
    .map(
      ({ place, note, failures }) =>
        `${place.file}:${place.line}:${place.column}: ${note}: ${failures.join('; ')}`,
    )
  const failed = [...errors, ...failures]
  judged.set(constitution, failed)
  return failed
}

/** Takes all steps, and lets others have their turn in between. */
async function inTurns<T>(steps: Generator<unknown, T>): Promise<T> {
  let until = performance.now() + TURN_MS
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
    if (performance.now() < until) continue
    await turn()
    until = performance.now() + TURN_MS
  }
}

/** Says where the directory has something else than what is in force, which stays: whoever edits it keeps no sidecar from starting. */
export function compareWithDirectory(directory: string, inForce: string, logger: Logger): void {
  const stays =
    'what was in force stays in force; `POST /v1/constitution` puts in force what the directory has'
  try {
    const { hash } = readWhole(directory).constitution
    if (hash !== inForce)
      logger.warn({ directory, has: hash, inForce }, `the directory has another constitution: ${stays}`)
  } catch (error) {
    if (!(error instanceof EphorError)) throw error
    logger.warn(
      { directory, inForce, why: error.message },
      `the directory has no constitution that loads: ${stays}`,
    )
  }
}

function readWhole(directory: string): Loaded & { constitution: Constitution } {
  let loaded: Loaded
  try {
    loaded = loadConstitution(directory)
  } catch (error) {
    throw new EphorError(
      'CONSTITUTION_INVALID',
      `${directory} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
  const { constitution } = loaded
  if (constitution === undefined)
    throw new EphorError('CONSTITUTION_INVALID', `${directory} does not load:\n${formatIssues(loaded)}`)
  return { ...loaded, constitution }
}
