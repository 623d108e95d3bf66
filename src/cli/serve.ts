/** `ephor serve`: run the sidecar. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { pino } from 'pino'
import { v7 as uuidv7 } from 'uuid'
import { start, type Running } from '../main.ts'
import { PARTITIONS_MAX } from '../protocol/partition.ts'
import { printLine } from './output.ts'

interface Options {
  home: string
  constitution?: string
  policies?: string
  host?: string
  port?: number
  redis?: string
  partitions?: number
  acceptAbsence?: string
  dev?: boolean
  acceptFailingCases?: string
  logLevel: string
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const

export function serveCommand(): Command {
  return new Command('serve')
    .description('Run the sidecar; the first start makes its directory')
    .option('--home <directory>', 'configuration, tokens, keys and journal', '.ephor')
    .option('--constitution <directory>', 'the constitution; else what the configuration says')
    .option('--policies <directory>', 'the policies; else what the configuration says')
    .option('--host <address>', 'listen here instead of where the configuration says')
    .option('--port <number>', 'listen on this port; 0 takes any that is free', parsePort)
    .option(
      '--redis <url>',
      'one of several sidecars under one law, which share this Redis: redis://, redis+sentinel:// or redis+cluster://, with rediss for TLS',
    )
    .option(
      '--partitions <number>',
      'into how many partitions owners are shared out among them; fixed at the first start of the first; else what the configuration says',
      parsePartitions,
    )
    .option(
      '--accept-absence <name>',
      'the former home of that name is lost with its journal: another may be home without it',
    )
    .option(
      '--dev',
      'activate the constitution and the policies whenever their directories change and are valid',
    )
    .option(
      '--accept-failing-cases <reason>',
      'at a first start, take a constitution whose cases do not hold',
      parseReason,
    )
    .addOption(
      new Option('--log-level <level>', 'from this level on it says what it does')
        .choices(LOG_LEVELS)
        .default('info'),
    )
    .action(async (options: Options) => {
      const { logLevel, ...rest } = options
      const logger = pino({ level: logLevel }, pino.destination({ dest: 2, sync: true }))
      const running = await start({ ...rest, logger })
      printStart(running)
      await untilStopped()
      printLine('stopping: no new calls, finishing what was begun')
      await running.stop()
      const ends = running.sidecar.cores.map(({ durableSequence }) => durableSequence)
      printLine(`stopped at ${ends.length === 1 ? 'record' : 'records'} ${ends.join(', ')}`)
    })
}

function parseReason(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('say why, in words')
  return text
}

function parsePort(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('expected 0 to 65535')
  return port
}

/** Also of what drains their logs. */
export function parsePartitions(text: string): number {
  const of = Number(text)
  if (!Number.isInteger(of) || of < 1 || of > PARTITIONS_MAX)
    throw new InvalidArgumentError(`expected 1 to ${PARTITIONS_MAX}`)
  return of
}

async function untilStopped(): Promise<void> {
  await new Promise<void>((stop) => {
    process.once('SIGINT', () => stop())
    process.once('SIGTERM', () => stop())
  })
}

function printStart({ home, sidecar, listening }: Running): void {
  const constitution = sidecar.state.program?.constitution
  printLine(
    `Ephor judges on http://${listening.host}:${listening.port}${listening.socket === undefined ? '' : ` and ${listening.socket}`}`,
  )
  printLine(
    `Constitution ${constitution?.name} ${constitution?.version} (${constitution?.rules.length} rules, sha256 ${constitution?.hash.slice(0, 12)}…)`,
  )
  const emergency = sidecar.state.emergency.policy
  printLine(
    `Emergency policy with ${emergency?.content.monitors.length} monitors (sha256 ${emergency?.hash.slice(0, 12)}…)`,
  )
  for (const core of sidecar.cores) printJournal(core)
  const agent = home.tokens.find((token) => token.role === 'agent')
  if (agent === undefined || !tokenFileExists(home.directory, agent.name)) return
  const body = JSON.stringify({
    id: uuidv7(),
    agent: agent.name,
    action: {
      type: 'order',
      account: 'main',
      instrument: 'AAPL',
      side: 'buy',
      quantity: 100,
      orderType: 'limit',
      limitPrice: 200,
    },
  })
  printLine('\nTry it (denied until a feeder has described the account and the instrument):')
  printLine(
    `curl -s http://${listening.host}:${listening.port}/v1/actions -H "authorization: Bearer $(cat ${join(home.directory, 'tokens', agent.name)})" -H 'content-type: application/json' -d '${body}'`,
  )
}

function printJournal({
  partition,
  durableSequence,
  journalDirectory,
  home,
}: Running['sidecar']['cores'][number]): void {
  const whose = partition === undefined ? '' : `${partition}: `
  printLine(
    `${whose}${partition === undefined ? 'Journal' : 'journal'} at record ${durableSequence} in ${journalDirectory}`,
  )
  if (home === undefined) return
  const [here, is] = partition === undefined ? ['Home here', 'Home is'] : ['home here', 'home is']
  printLine(
    home.isHere
      ? `${whose}${here}, epoch ${home.epoch}`
      : `${whose}${is} ${home.name || 'nobody yet'}; this sidecar follows`,
  )
}

function tokenFileExists(directory: string, name: string): boolean {
  try {
    return readFileSync(join(directory, 'tokens', name), 'utf8').length > 0
  } catch {
    return false
  }
}
