/** Policies on disk: the directory that people edit, read whole, checked, and put in force. */
import type { Logger } from 'pino'
import { EphorError } from '../base/errors.ts'
import { didYouMean, Issues } from '../base/issue.ts'
import { digestOf } from '../base/hash.ts'
import { readPolicies } from '../consensus/read-policies.ts'
import type { Constitution } from '../constitution/model.ts'
import { checkEmergency, type CheckedEmergency } from '../engine/read-emergency.ts'
import type { Policy } from '../protocol/policy.ts'
import { formatIssues, readFiles, type Loaded } from './constitutions.ts'
import type { Person } from '../engine/step.ts'
import { waitingIn, type Waiting } from './approved.ts'
import type { Sidecar } from './sidecar.ts'

const EMERGENCY = 'emergency.yaml'
const CONSENSUS = 'consensus.yaml'

export interface LoadedPolicies extends Pick<Loaded, 'files' | 'issues'>, Pick<CheckedEmergency, 'policy'> {
  /** By which questions are put to the vote; `undefined` where there are none, or one does not load. */
  readonly consensus: readonly Policy[] | undefined
}

/**
 * Reads and checks a directory of policies. A file that is not read would silently not hold, so every file must be one that is. `needed` are the policies
 * that rules escalate to.
 */
export function loadPolicies(directory: string, needed: readonly string[] = []): LoadedPolicies {
  const files = readWhole(directory)
  const issues = new Issues()
  for (const file of files.keys()) {
    if (file === EMERGENCY || file === CONSENSUS || file.endsWith('.md')) continue
    const fix = didYouMean(file, [EMERGENCY, CONSENSUS]) || '; move it out of the policies'
    issues.error({ file, line: 1, column: 1 }, `this file would not be read${fix}`)
  }
  const voting = files.get(CONSENSUS)
  const read = voting === undefined ? undefined : readPolicies(CONSENSUS, voting, needed)
  issues.list.push(...(read?.issues ?? []))
  const consensus = issues.failed ? undefined : read && [...read.policies.values()]
  const text = files.get(EMERGENCY)
  if (text === undefined) {
    issues.error({ file: EMERGENCY, line: 1, column: 1 }, 'this file is missing')
    return { files, policy: undefined, consensus: undefined, issues: issues.list }
  }
  const checked = checkEmergency(EMERGENCY, text)
  const all = [...issues.list, ...checked.issues]
  return { files, policy: issues.failed ? undefined : checked.policy, consensus, issues: all }
}

/** The policies that the rules of a constitution escalate to. */
export function neededPolicies(constitution: Pick<Constitution, 'rules'> | undefined): string[] {
  return [...new Set(constitution?.rules.flatMap(({ to }) => to ?? []))]
}

function readWhole(directory: string): ReturnType<typeof readFiles> {
  try {
    return readFiles(directory)
  } catch (error) {
    throw new EphorError(
      'POLICY_INVALID',
      `${directory} cannot be read: ${error instanceof Error ? error.message : String(error)}; copy the \`policies\` that come with Ephor, and name their place with \`policies\` in config.yaml or with --policies`,
    )
  }
}

export interface PolicyActivation {
  readonly sidecar: Sidecar
  readonly directory: string
  readonly logger: Logger
  readonly which: 'emergency' | 'consensus'
  readonly person: Person
  /** Refuse any other hash. */
  readonly hash: string | undefined
}

/** Puts policies of a directory in force. Throws `EphorError` when the directory does not load whole; what was in force stays. */
export async function activatePolicies({
  sidecar,
  directory,
  logger,
  which,
  person,
  hash: wanted,
}: PolicyActivation): Promise<{ policy: string; activated: boolean } & Waiting> {
  const { by } = person
  const loaded = loadPolicies(directory, neededPolicies(sidecar.state.program?.constitution))
  const { policy, consensus } = loaded
  if (policy === undefined)
    throw new EphorError('POLICY_INVALID', `${directory} does not load:\n${formatIssues(loaded)}`)
  if (which === 'consensus' && consensus === undefined)
    throw new EphorError('POLICY_INVALID', `${directory} has no ${CONSENSUS}`)
  const hash = which === 'emergency' ? policy.hash : digestOf(consensus ?? [])
  if (wanted !== undefined && wanted !== hash)
    throw new EphorError('POLICY_INVALID', `the directory has ${hash}, not ${wanted}`)
  const effect = await sidecar.submit(
    which === 'emergency'
      ? { kind: 'police', ...policy, by }
      : { kind: 'quorate', policies: consensus ?? [], ...person },
  )
  const activated = effect.kind === 'done' && effect.body.activated === true
  const entries = which === 'emergency' ? policy.content.monitors : (consensus ?? [])
  if (activated) logger.info({ policy: hash, entries: entries.length, by }, `${which} policy in force`)
  return { policy: hash, activated, ...waitingIn(effect) }
}

/** Whether a directory says how questions are put to the vote. */
export function hasConsensus(directory: string): boolean {
  return readWhole(directory).has(CONSENSUS)
}
