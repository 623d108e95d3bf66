#!/usr/bin/env node
/** `ephor`: one file a command. Exit codes: 0 fine, 1 found something, 2 could not run. */
import { Command, CommanderError } from 'commander'
import { EphorError } from '../base/errors.ts'
import { VERSION } from '../base/version.ts'

/** In the order of the help. Only what is asked for is loaded: a start is quick, and none waits for what trains models. */
const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ['serve', async () => (await import('./serve.ts')).serveCommand()],
  ['decide', async () => (await import('./decide.ts')).decideCommand()],
  ['check', async () => (await import('./check.ts')).checkCommand()],
  ['test', async () => (await import('./test.ts')).testCommand()],
  ['log', async () => (await import('./log.ts')).logCommand()],
  ['train', async () => (await import('./train.ts')).trainCommand()],
  ['model', async () => (await import('./model.ts')).modelCommand()],
  ['weights', async () => (await import('./weights.ts')).weightsCommand()],
  ['halt', async () => (await import('./halt.ts')).haltCommand()],
  ['resume', async () => (await import('./resume.ts')).resumeCommand()],
  ['demo', async () => (await import('./demo.ts')).demoCommand()],
])

const program = new Command('ephor')
  .description('A constitutional guardrail for trading agents.')
  .version(VERSION)
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text) })
  .addHelpText('after', '\nExit codes: 0 fine, 1 found something, 2 could not run.')

// Help, a mistyped word and options of `ephor` itself need them all.
const asked = COMMANDS.get(process.argv[2] ?? '')
for (const load of asked === undefined ? COMMANDS.values() : [asked]) {
  const command = await load()
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
