/** Runs the benchmarks, prints them, and writes RESULTS.md. `--quick`: under a minute; `--only engines|decisions|restart|halts|redis|consensus|optimizer`. */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { compareConsensus } from './consensus/compare.mjs'
import { budgetsOfConsensus, reportConsensus } from './consensus/report.mjs'
import { compareDecisions } from './decisions/compare.mjs'
import { budgetsOfDecisions, reportDecisions } from './decisions/report.mjs'
import { compareEngines } from './engines/compare.mjs'
import { budgetsOfEngines, reportEngines } from './engines/report.mjs'
import { compareHalts } from './halts/compare.mjs'
import { budgetsOfHalts, reportHalts } from './halts/report.mjs'
import { BUDGETED_SIGNATURE, load, machine, signatureMicros } from './machine.mjs'
import { compareOptimizer } from './optimizer/compare.mjs'
import { budgetsOfOptimizer, reportOptimizer } from './optimizer/report.mjs'
import { compareRedis } from './redis/compare.mjs'
import { budgetsOfRedis, reportRedis } from './redis/report.mjs'
import { compareRestarts } from './restart/compare.mjs'
import { budgetsOfRestarts, reportRestarts } from './restart/report.mjs'
import { digits, met, table } from './table.mjs'

const PARTS = ['engines', 'decisions', 'restart', 'halts', 'redis', 'consensus', 'optimizer']

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
})
const { quick, only } = values
if (only !== undefined && !PARTS.includes(only)) throw new Error(`--only takes ${PARTS.join(', ')}`)
const isWanted = (part) => only === undefined || only === part

const loadBefore = load()
const signature = signatureMicros()
/** How many times as long a computation takes here as where the budgets were set. */
const slowness = signature / BUDGETED_SIGNATURE
const log = (text) => process.stderr.write(`${text}\n`)
const sections = []
const budgets = []

// Engines come last: they leave a heap behind that a sidecar would not have.
if (isWanted('decisions')) {
  const measured = await compareDecisions({ quick, log })
  sections.push(reportDecisions(measured))
  budgets.push(...budgetsOfDecisions(measured))
}
if (isWanted('restart')) {
  const measured = await compareRestarts({ quick, log })
  sections.push(reportRestarts(measured))
  budgets.push(...budgetsOfRestarts(measured))
}
if (isWanted('halts')) {
  const measured = await compareHalts({ quick, log })
  sections.push(reportHalts(measured))
  budgets.push(...budgetsOfHalts(measured))
}
if (isWanted('redis')) {
  const measured = await compareRedis({ quick, log })
  sections.push(reportRedis(measured))
  budgets.push(...budgetsOfRedis(measured))
}
if (isWanted('consensus')) {
  const measured = await compareConsensus({ quick, log })
  sections.push(reportConsensus(measured))
  budgets.push(...budgetsOfConsensus(measured))
}
if (isWanted('optimizer')) {
  const measured = await compareOptimizer({ quick, log })
  sections.push(reportOptimizer(measured))
  budgets.push(...budgetsOfOptimizer(measured))
}
if (isWanted('engines')) {
  const measured = await compareEngines({ quick, log })
  sections.unshift(reportEngines(measured))
  budgets.unshift(...budgetsOfEngines(measured))
}

const report = [
  '# Results of the benchmarks',
  '',
  `Written by \`npm run bench\`${quick ? ' in its quick form, too short for figures to be quoted' : ''} on ${new Date().toISOString().slice(0, 10)}, on ${machine()}. The load was ${loadBefore} before the run and ${load()} at its end (the run itself is 1 to 2). All rivals ran in turns in one run; figures of a shared machine wander, the ratios beside them less. Times below 10 µs are means over up to 64 calls, so that reading the clock does not count.`,
  '',
  '## Budgets',
  '',
  `Budgets in seconds were set on a machine where an Ed25519 signature takes ${BUDGETED_SIGNATURE} µs; here it takes ${digits(signature)} µs. What misses its budget as it is written, and keeps it when processor time counts by that ratio, is marked so.`,
  '',
  table(
    ['Budget', 'measured', ''],
    budgets.map(({ budget, measured, isMet }) => [budget, measured, met(isMet, slowness)]),
  ),
  '',
  sections.join('\n\n'),
  '',
].join('\n')

process.stdout.write(report)
writeFileSync(new URL('RESULTS.md', import.meta.url), report)
// The native engine keeps threads that would hold the process.
process.exit(0)
