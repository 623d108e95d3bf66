/** `ephor train`: a model of the optimizer from bars, or from a simulated market where there are none. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { EphorError } from '../base/errors.ts'
import { readArtifact } from '../optimizer/artifact.ts'
import { BACKENDS, openLibrary, type Backend } from '../optimizer/train/library.ts'
import { HOURLY, openMarkets, type Markets } from '../optimizer/train/market.ts'
import { modelText } from '../optimizer/train/model.ts'
import { MIX } from '../optimizer/train/orders.ts'
import { HYPERPARAMETERS } from '../optimizer/train/ppo.ts'
import { train, type Progress, type Training } from '../optimizer/train/train.ts'
import { formatIssues } from '../sidecar/constitutions.ts'
import { load } from './check.ts'
import { printJson, printLine } from './output.ts'
import { drawLines } from './picture.ts'
import { DATA } from './places.ts'

interface Options {
  data?: string
  constitution: string
  out: string
  seed: number
  steps: number
  backend?: Backend
  resume?: boolean
  json?: boolean
}

export function trainCommand(): Command {
  return new Command('train')
    .description('Train a model of the optimizer, and write it with its learning curve')
    .option(
      '--data <directory>',
      'where btc_usd_hourly_train.csv.gz lies; without it, beside the checkout, else a simulated market',
    )
    .option('--constitution <directory>', 'the rules that it is trained under', 'constitution')
    .option('--out <directory>', 'where the model, its curve and checkpoints go', 'trained')
    .option('--seed <number>', 'the same seed and backend give the same model, bit for bit', wholeNumber, 1)
    .option('--steps <number>', 'how many steps of orders to try', wholeNumber, 600_000)
    .addOption(
      new Option('--backend <name>', 'of TensorFlow.js; else the fastest that is there').choices(BACKENDS),
    )
    .option('--resume', 'go on from the checkpoint in the output directory')
    .option('--json', 'print for machines')
    .action(async (options: Options) => {
      const { path, hash, gain, seconds, backend } = await trainFiles(options)
      if (options.json === true) printJson({ model: path, hash, gain, seconds, backend })
      else
        printLine(
          `${path}\n${percent(gain)} saved against the schedule alone in training, ${seconds.toFixed(0)} s on ${backend}`,
        )
    })
}

export function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1 || value > 1_000_000_000)
    throw new InvalidArgumentError('expected a whole number above zero')
  return value
}

interface Written {
  readonly path: string
  readonly hash: string
  readonly gain: number
  readonly seconds: number
  readonly backend: Backend
}

async function trainFiles(options: Options): Promise<Written> {
  const loaded = load(options.constitution)
  if (loaded.constitution === undefined)
    throw new EphorError(
      'CONSTITUTION_INVALID',
      `${options.constitution} does not load:\n${formatIssues(loaded)}`,
    )
  const library = await openLibrary(options.backend)
  const markets = marketsIn(options.data, options.seed)
  const training: Training = {
    terms: markets.training,
    mix: MIX,
    baseline: 'receding AC, expecting',
    hyperparameters: HYPERPARAMETERS,
    seed: options.seed,
    steps: options.steps,
  }
  mkdirSync(options.out, { recursive: true })
  const checkpoint = join(options.out, 'checkpoint.json')
  const from = options.resume === true ? readCheckpoint(checkpoint) : undefined
  const started = Date.now()
  const tell = teller(started)
  const trained = train(
    library.tf,
    training,
    (progress, text) => {
      tell(progress)
      if (progress.gain !== undefined) writeWhole(checkpoint, text())
    },
    from,
  )
  const { version, name, hash: constitution } = loaded.constitution
  const card = [
    `Moves the schedule of Almgren and Chriss, solved anew in each step with what is expected of volume and variance, by what it learned from ${markets.isReal ? 'bars' : 'a simulated market'}.`,
    `Trained for ${options.steps} steps from seed ${options.seed} under ${name} ${version}. Costs are of a model of impact: bars hold no answer to our own orders.`,
    'Not evaluated yet: see the report before it is used.',
  ].join(' ')
  const text = modelText(trained, { training, library, data: markets.data, constitution, card })
  const { artifact } = readArtifact(Buffer.from(text), constitution)
  const path = join(options.out, `${artifact.hash}.json`)
  writeWhole(path, text)
  writeWhole(
    join(options.out, 'curve.svg'),
    drawLines({
      title: 'Saved against the schedule alone, in training',
      across: 'steps tried',
      up: '% of the schedule’s cost',
      lines: [
        {
          name: `seed ${options.seed}, ${library.backend}`,
          points: trained.curve.map(({ steps, gain }) => [steps, 100 * gain] as const),
        },
      ],
    }),
  )
  rmSync(checkpoint, { force: true })
  const gain = trained.curve.at(-1)?.gain ?? 0
  return { path, hash: artifact.hash, gain, seconds: (Date.now() - started) / 1000, backend: library.backend }
}

/** What is asked for has to be there; only without being asked is a market simulated. */
export function marketsIn(data: string | undefined, seed: number): Markets {
  if (data !== undefined && !existsSync(join(data, HOURLY)))
    throw new EphorError(
      'BARS_INVALID',
      `${data} holds no ${HOURLY}; leave --data out to train on a simulated market`,
    )
  return openMarkets(data ?? DATA, seed)
}

function readCheckpoint(path: string): string {
  if (!existsSync(path))
    throw new EphorError('TRAINING_DIFFERS', `${path}: there is no checkpoint to go on from`)
  return readFileSync(path, 'utf8')
}

/** Whole or not at all, also where the process dies meanwhile. */
function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text)
  renameSync(`${path}.new`, path)
}

const percent = (part: number): string => `${(100 * part).toFixed(2)} %`
const BAR = 24

/** A line that tells how far it is and how long it will take; on a terminal always the same line, else one for each tenth. */
function teller(started: number): (progress: Progress) => void {
  let first: number | undefined
  let gain: number | undefined
  return (progress) => {
    const { round, rounds } = progress
    first ??= round - 1
    gain = progress.gain ?? gain
    const isTerminal = process.stderr.isTTY
    if (
      !isTerminal &&
      round !== rounds &&
      Math.floor((10 * round) / rounds) === Math.floor((10 * (round - 1)) / rounds)
    )
      return
    const left = ((Date.now() - started) / (round - first)) * (rounds - round)
    const full = Math.round((BAR * round) / rounds)
    const line = `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${Math.round((100 * round) / rounds)} %, ${Math.ceil(left / 1000)} s left${gain === undefined ? '' : `, saves ${percent(gain)}`}`
    process.stderr.write(isTerminal ? `\r${line}\u001b[K${round === rounds ? '\n' : ''}` : `${line}\n`)
  }
}
