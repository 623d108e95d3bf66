/** `ephor check`: does the constitution load? */
import { existsSync } from 'node:fs'
import { Command } from 'commander'
import { EphorError } from '../base/errors.ts'
import type { Issue } from '../base/issue.ts'
import { exportRules } from '../constitution/export.ts'
import { formatIssues, loadConstitution, type Loaded } from '../sidecar/constitutions.ts'
import { loadPolicies, type LoadedPolicies } from '../sidecar/policies.ts'
import { printJson, printLine } from './output.ts'

interface Options {
  policies?: string
  strict?: boolean
  export?: boolean
  json?: boolean
}

export function checkCommand(): Command {
  return new Command('check')
    .description('Read a constitution and the policies, and name every mistake in them')
    .argument('[directory]', 'the constitution', 'constitution')
    .option('--policies <directory>', 'the policies; else `policies`, where there is one')
    .option('--strict', 'count warnings as findings')
    .option('--export', 'print the rules for json-rules-engine')
    .option('--json', 'print for machines')
    .action((directory: string, options: Options) => {
      const loaded = load(directory)
      const { constitution } = loaded
      const policies = policiesOf(options, constitution)
      const issues = [...loaded.issues, ...(policies?.issues ?? [])]
      const broken = constitution === undefined || (policies !== undefined && policies.policy === undefined)
      const found = broken || (options.strict === true && issues.length > 0)
      process.exitCode = found ? 1 : 0
      if (options.export === true && constitution !== undefined) {
        printJson(exportRules(constitution))
        return
      }
      if (options.json === true) {
        const policy = policies?.policy?.hash ?? null
        printJson({ ok: !found, constitution: constitution?.hash ?? null, policy, issues })
        return
      }
      printConstitution(directory, loaded)
      if (policies !== undefined) printPolicies(options.policies ?? POLICIES, policies)
    })
}

/** Where policies stand unless something else is said. */
const POLICIES = 'policies'

/** The policies that are asked for; without being asked for, those beside, where there are any. */
function policiesOf({ policies }: Options, constitution: Loaded['constitution']): LoadedPolicies | undefined {
  if (policies === undefined && !existsSync(POLICIES)) return undefined
  return loadPolicies(policies ?? POLICIES, constitution)
}

function printConstitution(directory: string, loaded: Loaded): void {
  const { constitution, issues } = loaded
  if (issues.length > 0) printLine(formatIssues(loaded))
  if (constitution === undefined) {
    printLine(`${directory} does not load: ${errorsIn(issues)}`)
    return
  }
  const { name, version, rules, facts, tables, hash } = constitution
  printLine(
    `${name} ${version}: ${rules.length} rules, ${facts.size} facts, ${tables.size} tables; ${issues.length} warnings`,
  )
  printLine(`sha256 ${hash}`)
}

function printPolicies(directory: string, loaded: LoadedPolicies): void {
  const { policy, issues } = loaded
  if (issues.length > 0) printLine(formatIssues(loaded))
  if (policy === undefined) {
    printLine(`${directory} does not load: ${errorsIn(issues)}`)
    return
  }
  printLine(`emergency policy: ${policy.content.monitors.length} monitors`)
  printLine(`sha256 ${policy.hash}`)
  if (loaded.consensus !== undefined) printLine(`consensus policies: ${loaded.consensus.length}`)
  if (loaded.routing !== undefined) printLine(`routes: ${loaded.routing.routes.length}`)
  for (const { id, mode, schedule, model } of loaded.optimizer?.content.optimizers ?? [])
    printLine(`optimizer ${id}: ${mode}, ${schedule}${model === undefined ? '' : ` moved by ${model}`}`)
}

function errorsIn(issues: readonly Issue[]): string {
  const errors = issues.filter(({ severity }) => severity === 'error').length
  return `${errors} ${errors === 1 ? 'error' : 'errors'}`
}

/** Reads a constitution, or says why the directory can't be read. */
export function load(directory: string): Loaded {
  try {
    return loadConstitution(directory)
  } catch (error) {
    throw new EphorError(
      'CONSTITUTION_INVALID',
      `${directory} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}
