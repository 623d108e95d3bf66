/** `ephor resume`: ask for trading to go on, or see what stops it. */
import { Command } from 'commander'
import type { ResumeAnswer, StateAnswer } from '../protocol/answers.ts'
import { describeScope } from './halt.ts'
import { asOperator, withReach, type ReachOptions } from './operator.ts'
import { printJson, printLine, printTable } from './output.ts'

interface Options extends ReachOptions {
  reason?: string
  rebase?: boolean
  json?: boolean
}

export function resumeCommand(): Command {
  const command = new Command('resume')
    .description(
      'Ask to lift a halt; without one, list those in force. Exits 0 when trading is not stopped by it any more',
    )
    .argument('[halt]', 'its id')
    .option('--reason <text>', 'why, for the record; needed with an id')
    .option(
      '--rebase',
      'lower the high-water mark of the account to its equity, where both operators ask for it',
    )
    .option('--json', 'print for machines')
  return withReach(command).action(async (halt: string | undefined, options: Options) => {
    const { reason, rebase, json } = options
    if (halt === undefined) {
      const { halts } = await asOperator(options, (client) => client.state())
      process.exitCode = halts.length === 0 ? 0 : 1
      if (json === true) printJson({ halts })
      else printHalts(halts)
      return
    }
    if (reason === undefined) return command.error("error: required option '--reason <text>' not specified")
    const answer = await asOperator(options, (client) =>
      client.resume(halt, reason, rebase === true ? { rebase } : {}),
    )
    process.exitCode = answer.lifted ? 0 : 1
    if (json === true) printJson(answer)
    else printLine(describe(answer))
  })
}

function describe({ halt, lifted, rebased, proposal }: ResumeAnswer): string {
  if (lifted) return `${halt} is lifted${rebased ? ', and the high-water mark lowered' : ''}`
  return proposal === undefined
    ? `${halt} stays in force until another operator asks as well`
    : `${halt} stays in force until agents have voted on ${proposal}`
}

function printHalts(halts: StateAnswer['halts']): void {
  if (halts.length === 0) {
    printLine('nothing is halted')
    return
  }
  printTable(
    ['halt', 'what', 'state', 'since', 'by', 'reason', 'asked to resume'],
    halts.map(({ halt, scope, state, at, by, reason, resumes }) => [
      halt,
      describeScope(scope),
      state,
      new Date(at).toISOString(),
      by,
      reason,
      resumes.map(({ operator }) => operator).join(', ') || '–',
    ]),
    [null, 20, null, null, null, 40, null],
  )
}
