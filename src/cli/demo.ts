/** `ephor demo`: a sidecar on a temporary journal, an ordinary day and three incidents over HTTP, and the journal verified at the end. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { pino } from 'pino'
import { v7 as uuidv7 } from 'uuid'
import { systemClock } from '../base/clock.ts'
import { EphorError } from '../base/errors.ts'
import { start } from '../main.ts'
import { openHome } from '../sidecar/home.ts'
import type { Reason } from '../protocol/decision.ts'
import { callerAt, type Call, type Called } from './caller.ts'
import { readTrades, replay, sourcesOf, type Trade } from './demo-replay.ts'
import { SCENARIO_SOURCES, SCENARIOS, type Scenario } from './demo-scenarios.ts'
import { printLine, printTable } from './output.ts'
import { verifyHome } from './verify-home.ts'

/** A Tuesday with New York open: sessions must be, whenever the demo runs. */
const NOON = Date.parse('2026-12-01T17:00:00Z')
const REPLAY_MIDNIGHT = Date.parse('2026-12-02T05:00:00Z')
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Where a checkout may have market data beside it. */
const DATA = join(ROOT, '..', 'shared', 'data')

export function demoCommand(): Command {
  return new Command('demo')
    .description('Watch ordinary orders and known incidents being judged')
    .option('--data <directory>', 'where spy_trades_20131008.zip lies, to replay a real day')
    .option('--keep', 'keep the journal, and say where it is')
    .action(async (options: { data?: string; keep?: boolean }) => {
      const directory = mkdtempSync(join(tmpdir(), 'ephor-demo-'))
      try {
        process.exitCode = (await demo(directory, options.data ?? DATA)) ? 0 : 1
      } finally {
        if (options.keep === true)
          printLine(`kept: node ${join('dist', 'cli', 'main.js')} log query --home ${directory}`)
        else rmSync(directory, { recursive: true })
      }
    })
}

interface Stage {
  readonly call: Call
  readonly tokens: { readonly feeder: string; readonly agent: string }
  readonly setNow: (now: number) => void
}

async function demo(directory: string, data: string): Promise<boolean> {
  let now = NOON
  const trades = readTrades(join(data, 'spy_trades_20131008.zip'))
  const constitutionDirectory = join(ROOT, 'constitution')
  // One feeder plays them all here; a desk gives each source a feeder of its own.
  openHome(directory, constitutionDirectory, [...SCENARIO_SOURCES, ...sourcesOf(trades ?? [])])
  const running = await start({
    home: directory,
    constitution: constitutionDirectory,
    port: 0,
    clock: { ...systemClock, now: () => now },
    logger: pino({ level: 'warn' }, pino.destination({ dest: 2, sync: true })),
  })
  const constitution = running.sidecar.state.program?.constitution
  printLine(
    `Sidecar on 127.0.0.1:${running.listening.port}, constitution ${constitution?.name} ${constitution?.version} with ${constitution?.rules.length} rules, journal in a temporary directory.`,
  )
  const token = (name: string): string => readFileSync(join(directory, 'tokens', name), 'utf8').trim()
  const stage: Stage = {
    call: callerAt(`http://127.0.0.1:${running.listening.port}`),
    tokens: { feeder: token('feed'), agent: token('alpha') },
    setNow: (time) => {
      now = time
    },
  }
  try {
    // Ten minutes apart, so that no window of one reaches into the next.
    for (const [index, scenario] of SCENARIOS.entries()) await play(scenario, NOON + index * 600_000, stage)
    await playReplay(trades, stage)
  } finally {
    await running.stop()
  }
  printLine('\nThe journal, verified:')
  return verifyHome(directory, { chainOnly: false })
}

async function play(scenario: Scenario, from: number, { call, tokens, setNow }: Stage): Promise<void> {
  printLine(`\n${scenario.title}: ${scenario.figures}`)
  const rows: string[][] = []
  let request: unknown
  for (const step of scenario.steps) {
    const now = from + step.after
    setNow(now)
    if (step.kind === 'observe') {
      const { status, body } = await call('/v1/observations', tokens.feeder, step.observations(now))
      if (status !== 200)
        throw new EphorError('INTERNAL', `an observation of the demo was refused: ${JSON.stringify(body)}`)
      continue
    }
    if (step.again !== true)
      request = {
        id: uuidv7({ msecs: now }),
        agent: 'alpha',
        action: step.action,
        ...(step.narrow === true ? { accept: ['narrow'] } : {}),
      }
    rows.push([step.says, ...describe(await call('/v1/actions', tokens.agent, request))])
  }
  printTable(['action', 'verdict', 'why', 'ms'], rows, [34, 12, 58, 7])
}

function describe({ status, body, millis }: Called): string[] {
  const time = millis.toFixed(1)
  if (status !== 200) return [`${status}`, String(body.code), time]
  const reasons = (body.reasons as Reason[]).slice(0, 6).map(explain)
  const more = (body.reasons as Reason[]).length - reasons.length
  const headroom = body.headroom as { quantity: number | null; largest: boolean } | null
  const action = body.action as { quantity?: number }
  const verdict = body.verdict === 'narrow' ? `narrow to ${action.quantity}` : String(body.verdict)
  const room =
    body.verdict === 'deny' && headroom?.quantity != null
      ? [`${headroom.quantity.toLocaleString('en-US')} would pass`]
      : []
  return [verdict, [...reasons, ...(more > 0 ? [`and ${more} more`] : []), ...room].join('\n'), time]
}

function explain({ code, result, observed, limit, unit, missing }: Reason): string {
  if (result === 'unknown') return `${code} unknown: ${(missing ?? []).map(({ fact }) => fact).join(', ')}`
  if (typeof observed !== 'number' || typeof limit !== 'number') return code
  const format = (value: number): string =>
    unit === 'ratio'
      ? `${(value * 100).toLocaleString('en-US', { maximumSignificantDigits: 4 })} %`
      : value.toLocaleString('en-US', { maximumSignificantDigits: 12 })
  return `${code} ${format(observed)} against ${format(limit)}${unit === null || unit === 'ratio' ? '' : ` ${unit}`}`
}

async function playReplay(
  trades: readonly Trade[] | undefined,
  { call, tokens, setNow }: Stage,
): Promise<void> {
  if (trades === undefined) {
    printLine(
      '\nThe replay of SPY on 2013-10-08 is left out: spy_trades_20131008.zip is not here (see --data).',
    )
    return
  }
  printLine(
    '\nSPY, 2013-10-08, two minutes after 10:05: every trade a price, one in five an order, some a hundred times too large or 5 % off; what is allowed fills up to 100 shares, or is cancelled',
  )
  const {
    trades: seen,
    orders,
    seconds,
    verdicts,
    reasons,
    refused,
  } = await replay(trades, REPLAY_MIDNIGHT, setNow, call, tokens)
  const list = (counts: ReadonlyMap<string, number>): string =>
    [...counts]
      .toSorted((a, b) => b[1] - a[1])
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')
  printLine(
    `${seen} prices and ${orders} orders in ${seconds.toFixed(1)} s: ${Math.round((seen + orders) / seconds)} a second, each on disk before it was answered`,
  )
  printLine(`verdicts: ${list(verdicts)}`)
  printLine(`refused because of: ${list(reasons)}`)
  if (refused.size > 0) printLine(`prices not believed: ${list(refused)}`)
}
