#!/usr/bin/env node
/** `ephor`: one file a command. Exit codes: 0 fine, 1 found something, 2 could not run. */
import { Command, CommanderError } from 'commander'
import { EphorError } from '../base/errors.ts'
import { VERSION } from '../base/version.ts'
import { checkCommand } from './check.ts'
import { decideCommand } from './decide.ts'
import { demoCommand } from './demo.ts'
import { logCommand } from './log.ts'
import { modelCommand } from './model.ts'
import { serveCommand } from './serve.ts'
import { testCommand } from './test.ts'
import { trainCommand } from './train.ts'
import { weightsCommand } from './weights.ts'

const program = new Command('ephor')
  .description('A constitutional guardrail for trading agents.')
  .version(VERSION)
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text) })
  .addHelpText('after', '\nExit codes: 0 fine, 1 found something, 2 could not run.')

for (const command of [
  serveCommand(),
  decideCommand(),
  checkCommand(),
  testCommand(),
  logCommand(),
  trainCommand(),
  modelCommand(),
  weightsCommand(),
  demoCommand(),
]) {
  program.addCommand(command.exitOverride())
  for (const inner of command.commands) inner.exitOverride()
}

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2
  else {
    // A refusal of ours says all there is to say; anything else is a defect, with its stack.
    process.stderr.write(
      `${error instanceof EphorError ? `error: ${error.message}` : error instanceof Error ? error.stack : String(error)}\n`,
    )
    process.exitCode = 2
  }
}
