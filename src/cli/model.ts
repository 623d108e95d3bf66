/** `ephor model`: what a model is worth, and whether its file is what it says. */
import { lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Command, Option } from 'commander'
import { EphorError } from '../base/errors.ts'
import { ARTIFACT_MAX, GOLDEN_COUNT, readArtifact, type Model } from '../optimizer/artifact.ts'
import { evaluate, type Extent } from '../optimizer/train/evaluate.ts'
import { BACKENDS, openLibrary, type Backend } from '../optimizer/train/library.ts'
import { load } from './check.ts'
import { reportOf } from './evaluation-report.ts'
import { printJson, printLine } from './output.ts'
import { marketsIn, wholeNumber } from './train.ts'

export function modelCommand(): Command {
  return new Command('model')
    .description('Models of the optimizer: verify a file, evaluate what training makes')
    .addCommand(verifyModel())
    .addCommand(evaluateModel())
}

function verifyModel(): Command {
  return new Command('verify')
    .description('Read a model, check its hashes, and hold it against its golden vectors')
    .argument('<file>', 'the model')
    .option('--constitution <directory>', 'refuse one that was trained under other rules')
    .option('--json', 'print for machines')
    .action((path: string, options: { constitution?: string; json?: boolean }) => {
      const rules =
        options.constitution === undefined ? undefined : load(options.constitution).constitution?.hash
      if (options.constitution !== undefined && rules === undefined)
        throw new EphorError('CONSTITUTION_INVALID', `${options.constitution} does not load`)
      const { artifact } = openModel(path, rules)
      const { hash, training, data, card } = artifact
      if (options.json === true) {
        printJson({ ok: true, hash, constitution: artifact.constitution, training, data })
        return
      }
      printLine(`${hash}: ${GOLDEN_COUNT} golden vectors agree`)
      printLine(card)
    })
}

/** Opens the file of a model: a plain file of bounded size, not a link, a device or a directory. */
function openModel(path: string, constitution: string | undefined): Model {
  const state = lstatSync(path, { throwIfNoEntry: false })
  if (state === undefined) throw new EphorError('MODEL_INVALID', `${path}: there is no such file`)
  if (!state.isFile()) throw new EphorError('MODEL_INVALID', `${path} is no plain file`)
  if (state.size > ARTIFACT_MAX)
    throw new EphorError('MODEL_INVALID', `${path}: ${state.size} bytes; a model has at most ${ARTIFACT_MAX}`)
  return readArtifact(readFileSync(path), constitution)
}

interface EvaluateOptions {
  data?: string
  out: string
  seeds: number
  steps: number
  controlSeeds: number
  controlSteps: number
  orders: number
  backend?: Backend
  json?: boolean
}

function evaluateModel(): Command {
  return new Command('evaluate')
    .description('Train with many seeds, compare with every schedule on later bars, and write the report')
    .option(
      '--data <directory>',
      'where the bars lie; without it, beside the checkout, else a simulated market',
    )
    .option('--out <directory>', 'where the report and its pictures go', 'docs')
    .option('--seeds <number>', 'models that are trained', wholeNumber, 10)
    .option('--steps <number>', 'of each training', wholeNumber, 250_000)
    .option('--control-seeds <number>', 'models of each control', wholeNumber, 2)
    .option(
      '--control-steps <number>',
      'of each training of a control, and of the known optimum',
      wholeNumber,
      150_000,
    )
    .option('--orders <number>', 'that are compared in each market', wholeNumber, 2000)
    .addOption(
      new Option('--backend <name>', 'of TensorFlow.js; else the fastest that is there').choices(BACKENDS),
    )
    .option('--json', 'print what was found for machines')
    .action(async (options: EvaluateOptions) => {
      const extent: Extent = {
        seeds: options.seeds,
        steps: options.steps,
        controlSeeds: options.controlSeeds,
        controlSteps: options.controlSteps,
        orders: options.orders,
      }
      const started = Date.now()
      const library = await openLibrary(options.backend)
      const markets = marketsIn(options.data, 1)
      const seconds = (): number => (Date.now() - started) / 1000
      const evaluation = evaluate(library.tf, markets, extent, (what) => {
        process.stderr.write(`${seconds().toFixed(0).padStart(5)} s  ${what}\n`)
      })
      for (const [name, text] of reportOf(evaluation, markets, library, seconds())) {
        const path = join(options.out, name)
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, text)
      }
      if (options.json === true) printJson(evaluation)
      else printLine(`${join(options.out, 'optimizer-report.md')}: ${JSON.stringify(evaluation.passes)}`)
      process.exitCode = evaluation.passes.controls ? 0 : 1
    })
}
