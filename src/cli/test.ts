/** `ephor test`: do the constitution's cases hold, and do they try every rule? */
import { Command } from 'commander'
import { formatIssue } from '../base/issue.ts'
import { compile } from '../constitution/compile.ts'
import { runCases } from '../engine/cases.ts'
import { formatIssues } from '../sidecar/constitutions.ts'
import { load } from './check.ts'
import { printJson, printLine } from './output.ts'

export function testCommand(): Command {
  return new Command('test')
    .description('Run the cases of a constitution')
    .argument('[directory]', 'the constitution', 'constitution')
    .option('--strict', 'count rules that no case tries as findings')
    .option('--json', 'print for machines')
    .action((directory: string, options: { strict?: boolean; json?: boolean }) => {
      const loaded = load(directory)
      const { constitution, files } = loaded
      if (constitution === undefined) {
        if (options.json === true) printJson({ ok: false, issues: loaded.issues, results: [] })
        else printLine(`${formatIssues(loaded)}\n${directory} does not load`)
        process.exitCode = 1
        return
      }
      const { results, issues } = runCases(files, compile(constitution))
      const failed = results.filter((result) => result.failures.length > 0)
      const errors = issues.filter((issue) => issue.severity === 'error')
      const found =
        failed.length > 0 ||
        errors.length > 0 ||
        results.length === 0 ||
        (options.strict === true && issues.length > 0)
      process.exitCode = found ? 1 : 0
      if (options.json === true) {
        printJson({ ok: !found, constitution: constitution.hash, results, issues })
        return
      }
      for (const { place, note, failures } of failed) {
        for (const failure of failures)
          printLine(`${place.file}:${place.line}:${place.column}: failed: ${note}: ${failure}`)
      }
      for (const issue of issues) printLine(formatIssue(issue, (file) => files.get(file)))
      const untried = new Set(
        issues.filter((issue) => issue.severity === 'warning').map(({ file, line }) => `${file}:${line}`),
      ).size
      printLine(
        `${results.length - failed.length} of ${results.length} cases hold; ${constitution.rules.length - untried} of ${constitution.rules.length} rules are breached, cleared and tried at their limits`,
      )
    })
}
