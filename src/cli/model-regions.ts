/** `ephor model check-regions`: has json-rules-engine judge what could be chosen in very many drawn states; may be stopped and gone on with. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { Command } from 'commander'
import { EphorError } from '../base/errors.ts'
import { boundOf } from '../optimizer/registry/evaluation.ts'
import { load } from './check.ts'
import { checkRegions, noneChecked, readChecked, type CheckedRegions } from './checked-actions.ts'
import { printJson, printLine } from './output.ts'
import { wholeNumber } from './train.ts'

interface Options {
  constitution: string
  count: number
  seed: number
  out: string
  json?: boolean
}

export function checkRegionsCommand(): Command {
  return new Command('check-regions')
    .description('Draw states, choose within each region, and have json-rules-engine judge what was chosen')
    .option('--constitution <directory>', 'the rules, in full', 'constitution')
    .option('--count <number>', 'actions that are judged, in all', wholeNumber, 1_000_000)
    .option('--seed <number>', 'the same seed draws the same states', wholeNumber, 1)
    .option(
      '--out <file>',
      'what was found; where it is there already, the run goes on from it',
      'checked-regions.json',
    )
    .option('--json', 'print for machines')
    .action(async (options: Options) => {
      const found = await run(options)
      if (options.json === true) printJson(found)
      else printLine(summaryOf(found))
      process.exitCode = found.violations === 0 ? 0 : 1
    })
}

async function run({ constitution: directory, count, seed, out }: Options): Promise<CheckedRegions> {
  const { constitution } = load(directory)
  if (constitution === undefined) throw new EphorError('CONSTITUTION_INVALID', `${directory} does not load`)
  const so = existsSync(out)
    ? readChecked(readFileSync(out, 'utf8'), constitution.hash, seed)
    : noneChecked(constitution.hash, seed)
  mkdirSync(dirname(out), { recursive: true })
  const started = Date.now()
  let saved = Date.now()
  const save = (what: CheckedRegions): void => {
    // Whole or not at all, also where the process dies meanwhile.
    writeFileSync(`${out}.new`, `${JSON.stringify(what, null, 2)}\n`)
    renameSync(`${out}.new`, out)
  }
  const found = await checkRegions(constitution, so, count, (sum) => {
    if (Date.now() - saved < SAVE_EVERY_MS) return
    saved = Date.now()
    save(sum)
    const left = ((saved - started) / (sum.checked - so.checked)) * (count - sum.checked)
    process.stderr.write(
      `${sum.checked} of ${count} judged, ${sum.violations} violations, ${Math.ceil(left / 60_000)} min left\n`,
    )
  })
  save(found)
  return found
}

const SAVE_EVERY_MS = 10_000

function summaryOf({ checked, violations, drawn, waiting, untuned, first }: CheckedRegions): string {
  const none = Object.entries(untuned).map(([why, times]) => `${times} ${why}`)
  return [
    `${drawn} orders in states drawn; ${waiting} wait; no region: ${none.join(', ') || 'none'}`,
    `${checked} actions judged by json-rules-engine against the full constitution: ${violations} violations${violations === 0 ? `, with 95 % confidence below ${boundOf(checked).toExponential(1)} an action` : ''}`,
    ...(first === null ? [] : [`the first: ${first}`]),
  ].join('\n')
}
