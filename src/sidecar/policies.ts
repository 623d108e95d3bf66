/** Policies on disk: the directory that people edit, read whole, checked, and put in force. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { EphorError } from '../base/errors.ts'
import { didYouMean, Issues } from '../base/issue.ts'
import { digestOf } from '../base/hash.ts'
import { readPolicies } from '../consensus/read-policies.ts'
import type { Constitution } from '../constitution/model.ts'
import { checkEmergency, type CheckedEmergency } from '../engine/read-emergency.ts'
import { checkOptimizer } from '../engine/read-optimizer.ts'
import { checkRouting } from '../constitution/routes.ts'
import type { Input, Person } from '../engine/step.ts'
import type { OptimizerPolicy } from '../protocol/optimizer.ts'
import type { Policy } from '../protocol/policy.ts'
import type { AgreedPolicy } from '../protocol/proposal.ts'
import type { RoutingPolicy } from '../protocol/routing.ts'
import { formatIssues, loadConstitution, readFiles, type Loaded } from './constitutions.ts'
import { openNamed, type ReadModel } from './models.ts'
import { waitingIn, type Waiting } from './approved.ts'
import type { Front } from './front.ts'

const EMERGENCY = 'emergency.yaml'
const CONSENSUS = 'consensus.yaml'
const ROUTING = 'routing.yaml'
const OPTIMIZER = 'optimizer.yaml'
const FILES = [EMERGENCY, CONSENSUS, ROUTING, OPTIMIZER]

export interface LoadedPolicies extends Pick<Loaded, 'files' | 'issues'>, Pick<CheckedEmergency, 'policy'> {
  /** By which questions are put to the vote; `undefined` where there are none, or one does not load. */
  readonly consensus: readonly Policy[] | undefined
  /** By which proposals are routed; `undefined` where nothing is, or the file does not load. */
  readonly routing: RoutingPolicy | undefined
  /** By which orders are tuned, and the models that it names; `undefined` where nothing is, or the file does not load. */
  readonly optimizer: Steering | undefined
}

interface Steering {
  readonly hash: string
  readonly content: OptimizerPolicy
  readonly models: readonly ReadModel[]
}

/**
 * Reads and checks a directory of policies, against the constitution where there is one. A file that is not read would silently not hold, so every file
 * must be one that is.
 */
export function loadPolicies(directory: string, constitution?: Constitution): LoadedPolicies {
  const files = readWhole(directory)
  const issues = new Issues()
  for (const file of files.keys()) {
    if (FILES.includes(file) || file.endsWith('.md')) continue
    const fix = didYouMean(file, FILES) || '; move it out of the policies'
    issues.error({ file, line: 1, column: 1 }, `this file would not be read${fix}`)
  }
  const voting = files.get(CONSENSUS)
  const read =
    voting === undefined ? undefined : readPolicies(CONSENSUS, voting, neededPolicies(constitution))
  issues.list.push(...(read?.issues ?? []))
  const routes = files.get(ROUTING)
  const names = [...(read?.policies.keys() ?? [])]
  // What is wrong with the policies is not named again in each route.
  const routed =
    routes === undefined || issues.failed
      ? undefined
      : checkRouting(ROUTING, routes, { policies: names, constitution })
  issues.list.push(...(routed?.issues ?? []))
  const consensus = issues.failed ? undefined : read && [...read.policies.values()]
  const routing = issues.failed ? undefined : routed?.content
  const optimizer = readSteering(files.get(OPTIMIZER), join(directory, '..', MODELS), issues)
  const text = files.get(EMERGENCY)
  if (text === undefined) {
    issues.error({ file: EMERGENCY, line: 1, column: 1 }, 'this file is missing')
    return { ...NOTHING, files, issues: issues.list }
  }
  const checked = checkEmergency(EMERGENCY, text)
  const all = [...issues.list, ...checked.issues]
  if (issues.failed) return { ...NOTHING, files, issues: all }
  return { files, policy: checked.policy, consensus, routing, optimizer, issues: all }
}

const NOTHING = { policy: undefined, consensus: undefined, routing: undefined, optimizer: undefined }
/** Beside the policies' directory. */
const MODELS = 'models'

/** The optimizer policy, with each model that it names read and asked its golden vectors. */
function readSteering(text: string | undefined, models: string, issues: Issues): Steering | undefined {
  if (text === undefined) return undefined
  const read: ReadModel[] = []
  const checked = checkOptimizer(OPTIMIZER, text, (name) => {
    try {
      const { schedule, model } = openNamed(models, name)
      if (model === undefined) return { schedule }
      read.push(model)
      const { hash, features } = model.model.artifact
      const reference = features.flatMap(({ spread }) => spread ?? [])
      return { schedule, hash, ...(reference.length === features.length ? { reference } : {}) }
    } catch (error) {
      if (!(error instanceof EphorError)) throw error
      return { problem: `${error.code}: ${error.detail}` }
    }
  })
  issues.list.push(...checked.issues)
  return checked.policy && { ...checked.policy, models: read }
}

/** The policies that the rules of a constitution escalate to. */
function neededPolicies(constitution: Pick<Constitution, 'rules'> | undefined): string[] {
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

/** A file of the policies' directory that is put in force by itself. */
export type PolicyKind = 'emergency' | 'optimizer' | AgreedPolicy

/** Whose policies are put in force where, and by whom. */
export interface PolicyActivation {
  readonly sidecar: Front
  readonly directory: string
  readonly logger: Logger
  readonly person: Person
}

/** What a directory holds, where all of it loads. */
interface Whole extends Pick<LoadedPolicies, 'consensus' | 'routing' | 'optimizer'> {
  readonly policy: NonNullable<LoadedPolicies['policy']>
}

/**
 * Puts one kind of policies of a directory in force, and refuses any other hash than `wanted`. Throws `EphorError` when the directory does not load whole;
 * what was in force stays, also where it waits for others.
 */
export async function activatePolicies(
  kind: PolicyKind,
  wanted: string | undefined,
  activation: PolicyActivation,
): Promise<{ policy: string; activated: boolean } & Waiting> {
  return putInForce(kind, wanted, loadWhole(activation), activation)
}

/** Puts all that a directory holds in force, routes only where there is a constitution to read them by; throws as `activatePolicies` does. */
export async function activateAllPolicies(activation: PolicyActivation): Promise<void> {
  const whole = loadWhole(activation)
  await putInForce('emergency', undefined, whole, activation)
  if (whole.consensus !== undefined) await putInForce('consensus', undefined, whole, activation)
  // What stopped by itself goes on by an author's call alone, never because a file was touched.
  const { cores } = activation.sidecar
  if (whole.optimizer !== undefined && cores.every(({ state }) => state.optimizer.stops.length === 0))
    await putInForce('optimizer', undefined, whole, activation)
  if (whole.routing !== undefined && activation.sidecar.state.program !== undefined)
    await putInForce('routing', undefined, whole, activation)
}

function loadWhole({ sidecar, directory }: PolicyActivation): Whole {
  return wholeOf(directory, loadPolicies(directory, sidecar.state.program?.constitution))
}

function wholeOf(directory: string, loaded: LoadedPolicies): Whole {
  const { policy, consensus, routing, optimizer } = loaded
  if (policy === undefined)
    throw new EphorError('POLICY_INVALID', `${directory} does not load:\n${formatIssues(loaded)}`)
  return { policy, consensus, routing, optimizer }
}

async function putInForce(
  kind: PolicyKind,
  wanted: string | undefined,
  whole: Whole,
  { sidecar, directory, logger, person }: PolicyActivation,
): Promise<{ policy: string; activated: boolean } & Waiting> {
  const { hash, entries, input, models = [] } = chosen(kind, whole, directory, person)
  if (wanted !== undefined && wanted !== hash)
    throw new EphorError('POLICY_INVALID', `the directory has ${hash}, not ${wanted}`)
  for (const model of models) sidecar.models.keep(model)
  const effect = await sidecar.submit(input)
  const activated = effect.kind === 'done' && effect.body.activated === true
  const waiting = waitingIn(effect)
  const { by } = person
  if (activated) logger.info({ policy: hash, entries, by }, `${kind} policy in force`)
  else if (waiting.waitsFor !== undefined)
    logger.info({ policy: hash, by, ...waiting }, `${kind} policy waits for others`)
  return { policy: hash, activated, ...waiting }
}

interface Chosen {
  readonly hash: string
  readonly entries: number
  readonly input: Input
  /** That it names. */
  readonly models?: readonly ReadModel[]
}

/** The policy that is asked for, and what puts it in force. */
function chosen(
  kind: PolicyKind,
  { policy, consensus, routing, optimizer }: Whole,
  directory: string,
  person: Person,
): Chosen {
  const missing = (file: string): never => {
    throw new EphorError('POLICY_INVALID', `${directory} has no ${file}`)
  }
  switch (kind) {
    case 'emergency': {
      const { hash, content } = policy
      return {
        hash,
        entries: content.monitors.length,
        input: { kind: 'police', hash, content, by: person.by },
      }
    }
    case 'consensus': {
      const policies = consensus ?? missing(CONSENSUS)
      return {
        hash: digestOf(policies),
        entries: policies.length,
        input: { kind: 'quorate', policies, ...person },
      }
    }
    case 'optimizer': {
      const { hash, content, models } = optimizer ?? missing(OPTIMIZER)
      return {
        hash,
        entries: content.optimizers.length,
        input: { kind: 'steer', hash, content, ...person },
        models,
      }
    }
    case 'routing': {
      const content = routing ?? missing(ROUTING)
      return {
        hash: digestOf(content),
        entries: content.routes.length,
        input: { kind: 'route', content, ...person },
      }
    }
  }
}

/** Throws `POLICY_INVALID` where policies do not load beside the constitution of a directory: a first start would put that in force and stop there. */
export function checkBeside(directory: string, constitutionDirectory: string): void {
  if (existsSync(constitutionDirectory))
    wholeOf(directory, loadPolicies(directory, loadConstitution(constitutionDirectory).constitution))
}
