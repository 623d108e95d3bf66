/** Policies on disk: the directory that people edit, read whole, checked, and put in force. */
import type { Logger } from 'pino'
import { EphorError } from '../base/errors.ts'
import { didYouMean, Issues } from '../base/issue.ts'
import { readPolicies } from '../consensus/read-policies.ts'
import { checkEmergency, type CheckedEmergency } from '../engine/read-emergency.ts'
import { formatIssues, readFiles, type Loaded } from './constitutions.ts'
import type { Sidecar } from './sidecar.ts'

const EMERGENCY = 'emergency.yaml'
const CONSENSUS = 'consensus.yaml'

export type LoadedPolicies = Pick<Loaded, 'files' | 'issues'> & Pick<CheckedEmergency, 'policy'>

/** Reads and checks a directory of policies. A file that is not read would silently not hold, so every file must be one that is. */
export function loadPolicies(directory: string): LoadedPolicies {
  const files = readWhole(directory)
  const issues = new Issues()
  for (const file of files.keys()) {
    if (file === EMERGENCY || file === CONSENSUS || file.endsWith('.md')) continue
    const fix = didYouMean(file, [EMERGENCY, CONSENSUS]) || '; move it out of the policies'
    issues.error({ file, line: 1, column: 1 }, `this file would not be read${fix}`)
  }
  const consensus = files.get(CONSENSUS)
  if (consensus !== undefined) issues.list.push(...readPolicies(CONSENSUS, consensus).issues)
  const text = files.get(EMERGENCY)
  if (text === undefined) {
    issues.error({ file: EMERGENCY, line: 1, column: 1 }, 'this file is missing')
    return { files, policy: undefined, issues: issues.list }
  }
  const checked = checkEmergency(EMERGENCY, text)
  const all = [...issues.list, ...checked.issues]
  return { files, policy: issues.failed ? undefined : checked.policy, issues: all }
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
  readonly by: string
  /** Refuse any other hash. */
  readonly hash: string | undefined
}

/** Puts the emergency policy of a directory in force. Throws `EphorError` when it is refused; what was in force stays. */
export async function activatePolicies({
  sidecar,
  directory,
  logger,
  by,
  hash,
}: PolicyActivation): Promise<{ policy: string; activated: boolean }> {
  const loaded = loadPolicies(directory)
  const { policy } = loaded
  if (policy === undefined)
    throw new EphorError('POLICY_INVALID', `${directory} does not load:\n${formatIssues(loaded)}`)
  if (hash !== undefined && hash !== policy.hash)
    throw new EphorError('POLICY_INVALID', `the directory has ${policy.hash}, not ${hash}`)
  const effect = await sidecar.submit({ kind: 'police', ...policy, by })
  const activated = effect.kind === 'done' && effect.body.activated === true
  if (activated)
    logger.info(
      { policy: policy.hash, monitors: policy.content.monitors.length, by },
      'emergency policy in force',
    )
  return { policy: policy.hash, activated }
}
