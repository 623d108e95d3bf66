/** `ephor check`: does the constitution load? */
import { Command } from 'commander'
import { EphorError } from '../base/errors.ts'
import { exportRules } from '../constitution/export.ts'
import { formatIssues, loadConstitution, type Loaded } from '../sidecar/constitutions.ts'
import { printJson, printLine } from './output.ts'

export function checkCommand(): Command {
  return new Command('check')
    .description('Read a constitution and name every mistake in it')
    .argument('[directory]', 'the constitution', 'constitution')
    .option('--strict', 'count warnings as findings')
    .option('--export', 'print the rules for json-rules-engine')
    .option('--json', 'print for machines')
    .action((directory: string, options: { strict?: boolean; export?: boolean; json?: boolean }) => {
      const loaded = load(directory)
      const { constitution, issues } = loaded
      const found = constitution === undefined || (options.strict === true && issues.length > 0)
      process.exitCode = found ? 1 : 0
      if (options.export === true && constitution !== undefined) {
        printJson(exportRules(constitution))
        return
      }
      if (options.json === true) {
        printJson({ ok: !found, constitution: constitution?.hash ?? null, issues })
        return
      }
      if (issues.length > 0) printLine(formatIssues(loaded))
      const errors = issues.filter((issue) => issue.severity === 'error').length
      if (constitution === undefined)
        printLine(`${directory} does not load: ${errors} ${errors === 1 ? 'error' : 'errors'}`)
      else {
        const { name, version, rules, facts, tables, hash } = constitution
        printLine(
          `${name} ${version}: ${rules.length} rules, ${facts.size} facts, ${tables.size} tables; ${issues.length} warnings`,
        )
        printLine(`sha256 ${hash}`)
      }
    })
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
