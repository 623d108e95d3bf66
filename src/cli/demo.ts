/** `ephor demo`: a sidecar on a temporary journal, an ordinary day and five incidents over HTTP, and the journal verified at the end. */
import { randomBytes } from 'node:crypto'
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { pino } from 'pino'
import { systemClock } from '../base/clock.ts'
import { sha256 } from '../base/hash.ts'
import { start } from '../main.ts'
import { StateAnswer } from '../protocol/answers.ts'
import { openHome } from '../sidecar/home.ts'
import { callerAt, type Get, getterAt } from './caller.ts'
import { play, type Stage } from './demo-play.ts'
import { ORDERS_FROM, readTrades, replay, sourcesOf, type Trade } from './demo-replay.ts'
import { SCENARIOS } from './demo-scenarios.ts'
import { playSlices, writeSlicing } from './demo-slices.ts'
import { SCENARIO_SOURCES, type Scenario } from './demo-steps.ts'
import { giveTokens, playVotes, RECORDS_MS, writePermitting } from './demo-vote.ts'
import { printLine, printTable } from './output.ts'
import { DATA, ROOT } from './places.ts'
import { verifyHome } from './verify-home.ts'

/** A Tuesday with New York open: sessions must be, whenever the demo runs. */
const NOON = Date.parse('2026-12-01T17:00:00Z')
const REPLAY_MIDNIGHT = Date.parse('2026-12-02T05:00:00Z')
// One feeder reports all sources here, of which a sidecar warns; a desk gives each source a feeder of its own.
const LOGGER = pino({ level: 'error' }, pino.destination({ dest: 2, sync: true }))
const HEDGER = `ephor_agent_${randomBytes(24).toString('base64url')}`

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

async function demo(directory: string, data: string): Promise<boolean> {
  let now = NOON
  const trades = readTrades(join(data, 'spy_trades_20131008.zip'))
  const constitutionDirectory = join(ROOT, 'constitution')
  openHome(directory, constitutionDirectory, [...SCENARIO_SOURCES, ...sourcesOf(trades ?? [])])
  // A second agent, beside the one that a first start gives a token.
  appendFileSync(
    join(directory, 'tokens.yaml'),
    `  - { name: hedger, role: agent, sha256: ${sha256(HEDGER)} }\n`,
  )
  const running = await start({
    home: directory,
    constitution: constitutionDirectory,
    port: 0,
    policies: join(ROOT, 'policies'),
    clock: { ...systemClock, now: () => now },
    // Its clock jumps from one incident to the next, and nobody beats meanwhile.
    every: () => () => undefined,
    logger: LOGGER,
  })
  const constitution = running.sidecar.state.program?.constitution
  printLine(
    `Sidecar on 127.0.0.1:${running.listening.port}, constitution ${constitution?.name} ${constitution?.version} with ${constitution?.rules.length} rules, journal in a temporary directory.`,
  )
  const token = (name: string): string => readFileSync(join(directory, 'tokens', name), 'utf8').trim()
  const base = `http://127.0.0.1:${running.listening.port}`
  const stage: Stage = {
    call: callerAt(base),
    tokens: {
      feeder: token('feed'),
      operator: token('operator-1'),
      alpha: token('alpha'),
      hedger: HEDGER,
    },
    setNow: (time) => {
      now = time
    },
  }
  try {
    await register(stage)
    // Ten minutes apart, so that no window of one reaches into the next.
    for (const [index, scenario] of SCENARIOS.entries())
      await playAndPrint(scenario, NOON + index * 600_000, stage)
    await playReplay(trades, stage, getterAt(base))
  } finally {
    await running.stop()
  }
  const stands = await votes(join(directory, 'votes'))
  await slices(join(directory, 'slices'))
  printLine('\nThe journals, verified:')
  let isWhole = stands
  for (const home of [directory, join(directory, 'votes'), join(directory, 'slices')])
    isWhole = (await verifyHome(home, { chainOnly: false })) && isWhole
  return isWhole
}

/** A second sidecar, whose constitution escalates; answers whether every certificate stands. */
async function votes(directory: string): Promise<boolean> {
  let now = NOON - RECORDS_MS
  const constitution = join(directory, 'constitution')
  writePermitting(join(ROOT, 'constitution'), constitution)
  openHome(directory, constitution, [...SCENARIO_SOURCES])
  const voters = giveTokens(directory, () => `ephor_agent_${randomBytes(24).toString('base64url')}`, sha256)
  const running = await start({
    home: directory,
    constitution,
    port: 0,
    policies: join(ROOT, 'policies'),
    clock: { ...systemClock, now: () => now },
    every: () => () => undefined,
    logger: LOGGER,
  })
  const base = `http://127.0.0.1:${running.listening.port}`
  const token = (name: string): string => readFileSync(join(directory, 'tokens', name), 'utf8').trim()
  const tokens = { ...voters, feeder: token('feed'), operator: token('operator-1'), alpha: token('alpha') }
  const setNow = (time: number): void => {
    now = time
  }
  try {
    return await playVotes(NOON, { call: callerAt(base), get: getterAt(base), tokens, setNow })
  } finally {
    await running.stop()
  }
}

/** A third one, whose policies let the optimizer send. */
async function slices(directory: string): Promise<void> {
  let now = NOON
  const constitution = join(ROOT, 'constitution')
  const policies = join(directory, 'policies')
  openHome(directory, constitution, [...SCENARIO_SOURCES])
  writeSlicing(join(ROOT, 'policies'), policies)
  const running = await start({
    home: directory,
    constitution,
    port: 0,
    policies,
    clock: { ...systemClock, now: () => now },
    every: () => () => undefined,
    logger: LOGGER,
  })
  const base = `http://127.0.0.1:${running.listening.port}`
  const token = (name: string): string => readFileSync(join(directory, 'tokens', name), 'utf8').trim()
  const setNow = (time: number): void => {
    now = time
  }
  try {
    const tokens = { feeder: token('feed'), alpha: token('alpha') }
    await playSlices(NOON, { call: callerAt(base), get: getterAt(base), tokens, setNow })
  } finally {
    await running.stop()
  }
}

/** Says which strategies each agent runs. */
async function register({ call, tokens }: Stage): Promise<void> {
  const agents = { alpha: ['desk', 'unwind', 'router', 'baskets'], hedger: ['axes'] }
  for (const [agent, strategies] of Object.entries(agents))
    await call('/v1/agents', tokens.operator, { agent, strategies })
}

async function playAndPrint(scenario: Scenario, from: number, stage: Stage): Promise<void> {
  printLine(`\n${scenario.title}: ${scenario.figures}`)
  printTable(['action', 'verdict', 'why', 'ms'], await play(scenario, from, stage), [34, 12, 58, 7])
}

async function playReplay(
  trades: readonly Trade[] | undefined,
  { call, tokens, setNow }: Stage,
  get: Get,
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
  } = await replay(trades, REPLAY_MIDNIGHT, setNow, call, { feeder: tokens.feeder, agent: tokens.alpha })
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
  const { body } = await get('/v1/state', tokens.operator)
  for (const { at, scope, state, reason } of StateAnswer.parse(body).halts) {
    const seconds = (at - REPLAY_MIDNIGHT - ORDERS_FROM) / 1000
    if (seconds >= 0)
      printLine(`${state} after ${Math.round(seconds)} s: ${Object.values(scope).join(' ')}, ${reason}`)
  }
  if (refused.size > 0) printLine(`prices not believed: ${list(refused)}`)
}
