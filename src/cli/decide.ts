/** `ephor decide`: judge one action against a state file, without a server and without a record. */
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { EphorError } from '../base/errors.ts'
import { parseStrictJsonBytes } from '../base/strict-json.ts'
import { compile } from '../constitution/compile.ts'
import { decide } from '../engine/decide.ts'
import { answerOf } from '../engine/memory.ts'
import { buildWorld, withAgent } from '../engine/world.ts'
import { ActionRequest } from '../protocol/action.ts'
import { describeIssues } from '../protocol/issues.ts'
import type { ActionAnswer } from '../protocol/decision.ts'
import { formatIssues } from '../sidecar/constitutions.ts'
import { load } from './check.ts'
import { describeUse, printJson, printLine } from './output.ts'
import { parseTime } from './times.ts'

interface Options {
  constitution: string
  state: string
  now?: number
  json?: boolean
}

export function decideCommand(): Command {
  return new Command('decide')
    .description('Judge one action, given a file of observations; exits 0 when it is allowed or narrowed')
    .argument('<action>', 'the body of POST /v1/actions, as a file')
    .requiredOption('--constitution <directory>', 'the constitution', 'constitution')
    .requiredOption('--state <file>', 'an array of observations')
    .option(
      '--now <time>',
      'the time, in milliseconds since 1970 or as in 2026-12-01T15:00:00Z; the clock where left out',
      parseTime,
    )
    .option('--json', 'print the answer as HTTP gives it (the default where the output is no terminal)')
    .action((path: string, options: Options) => {
      const answer = decideFiles(path, options)
      process.exitCode = answer.verdict === 'allow' || answer.verdict === 'narrow' ? 0 : 1
      if (options.json === true || !process.stdout.isTTY) printJson(answer)
      else printAnswer(answer)
    })
}

function decideFiles(path: string, options: Options): ActionAnswer {
  const loaded = load(options.constitution)
  if (loaded.constitution === undefined) {
    throw new EphorError(
      'CONSTITUTION_INVALID',
      `${options.constitution} does not load:\n${formatIssues(loaded)}`,
    )
  }
  const request = ActionRequest.safeParse(readJson(path))
  if (!request.success) throw new EphorError('BODY_INVALID', `${path}: ${describeIssues(request.error)}`)
  const observations = readJson(options.state)
  if (!Array.isArray(observations))
    throw new EphorError('BODY_INVALID', `${options.state}: expected an array of observations`)
  const now = options.now ?? Date.now()
  const { agent, action } = request.data
  const ledger = withAgent(buildWorld(observations, loaded.constitution, now), agent, action, now)
  const court = { ledger, program: compile(loaded.constitution), now }
  return answerOf(decide(court, request.data, 'open').decision, 0, null)
}

function readJson(path: string): unknown {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    throw new EphorError(
      'BODY_MALFORMED',
      `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
  const parsed = parseStrictJsonBytes(bytes)
  if (parsed.ok) return parsed.value
  throw new EphorError('BODY_MALFORMED', `${path}: ${parsed.path || '/'} ${parsed.message}`)
}

function printAnswer({ verdict, reasons, grants = [], headroom, action }: ActionAnswer): void {
  printLine(`${verdict}${verdict === 'narrow' && 'quantity' in action ? ` to ${action.quantity}` : ''}`)
  for (const { code, title, result, observed, limit, unit, missing } of reasons) {
    const figures =
      observed === null || limit === null
        ? ''
        : ` (${observed} against ${limit}${unit === null ? '' : ` ${unit}`})`
    const why = result === 'unknown' ? ` unknown: ${(missing ?? []).map(({ fact }) => fact).join(', ')}` : ''
    printLine(`  ${code}: ${title}${figures}${why}`)
  }
  for (const use of grants) printLine(`  ${describeUse(use)}`)
  if (headroom?.quantity != null)
    printLine(`  ${headroom.quantity} would pass${headroom.largest ? ', and no more' : ''}`)
}
