/** `ephor halt`: stop trading, now. */
import { Argument, Command } from 'commander'
import { EphorError } from '../base/errors.ts'
import { SCOPE_KINDS, type HaltScope } from '../protocol/action.ts'
import { asOperator, withReach, type ReachOptions } from './operator.ts'
import { printJson, printLine } from './output.ts'

interface Options extends ReachOptions {
  reason: string
  reducing?: boolean
  json?: boolean
}

export function haltCommand(): Command {
  const command = new Command('halt')
    .description('Stop trading: of everything, or of one account, agent, strategy or instrument')
    .addArgument(new Argument('[scope]', 'what is stopped').choices(SCOPE_KINDS).default('everything'))
    .argument('[name]', 'which account, agent, strategy or instrument')
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--reducing', 'let through what certainly reduces risk')
    .option('--json', 'print for machines')
  return withReach(command).action(
    async (kind: HaltScope['kind'], name: string | undefined, options: Options) => {
      const { reason, reducing, json } = options
      const state = reducing === true ? 'reducing' : 'halted'
      const scope = scopeOf(kind, name)
      const answer = await asOperator(options, (client) => client.halt({ scope, state, reason }))
      if (json === true) printJson(answer)
      else printLine(`${answer.halt} is in force: ${describeScope(scope)}, ${answer.state}`)
    },
  )
}

function scopeOf(kind: HaltScope['kind'], name: string | undefined): HaltScope {
  if (kind === 'everything') {
    if (name !== undefined)
      throw new EphorError('BODY_INVALID', `\`everything\` takes no name, and \`${name}\` is one`)
    return { kind }
  }
  if (name === undefined)
    throw new EphorError('BODY_INVALID', `which ${kind}? Name it: ephor halt ${kind} NAME`)
  return { kind, name }
}

export function describeScope(scope: HaltScope): string {
  return scope.kind === 'everything' ? scope.kind : `${scope.kind} ${scope.name}`
}
