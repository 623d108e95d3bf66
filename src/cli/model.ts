/** `ephor model`: what a model is worth, and whether its file is what it says. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Command, Option } from 'commander'
import { EphorError } from '../base/errors.ts'
import { ARTIFACT_MAX, GOLDEN_COUNT } from '../optimizer/artifact.ts'
import { SCHEDULES, type Schedule } from '../optimizer/plan.ts'
import { barTo, readTuner } from '../optimizer/registry/registry.ts'
import { readPlain } from '../sidecar/model-files.ts'
import { evaluate, type Extent } from '../optimizer/train/evaluate.ts'
import { BACKENDS, openLibrary, type Backend } from '../optimizer/train/library.ts'
import { load } from './check.ts'
import { reportOf } from './evaluation-report.ts'
import { evaluateArtifact } from './model-evaluate.ts'
import { checkRegionsCommand } from './model-regions.ts'
import { registryCommands, verifyRegistry } from './model-registry.ts'
import { printJson, printLine } from './output.ts'
import { marketsIn, wholeNumber } from './train.ts'

export function modelCommand(): Command {
  const model = new Command('model')
    .description('Models of the optimizer: who is champion, what each is worth, and who answers for it')
    .addCommand(verifyModel())
    .addCommand(evaluateModel())
    .addCommand(checkRegionsCommand())
  for (const command of registryCommands()) model.addCommand(command)
  return model
}

function verifyModel(): Command {
  return new Command('verify')
    .description('Hold the registry, or one file, against its hashes, its golden vectors and the gates')
    .argument('[file]', 'a model or a schedule; without it, the registry')
    .option('--models <directory>', 'the registry', 'models')
    .option('--constitution <directory>', 'refuse a model that was trained under other rules')
    .option('--json', 'print for machines')
    .action(
      (path: string | undefined, options: { models: string; constitution?: string; json?: boolean }) => {
        if (path === undefined) {
          const found = verifyRegistry(options.models, options.constitution)
          if (options.json === true) printJson({ ok: true, found })
          else printLine(found.join('\n'))
          return
        }
        verifyFile(path, options)
      },
    )
}

function verifyFile(path: string, options: { constitution?: string; json?: boolean }): void {
  const rules = options.constitution === undefined ? undefined : load(options.constitution).constitution?.hash
  if (options.constitution !== undefined && rules === undefined)
    throw new EphorError('CONSTITUTION_INVALID', `${options.constitution} does not load`)
  const bytes = readPlain(path, ARTIFACT_MAX, 'MODEL_INVALID')
  if (bytes === undefined) throw new EphorError('MODEL_INVALID', `${path}: there is no such file`)
  const tuner = readTuner(bytes, rules)
  const { hash, kind, plan } = tuner
  if (options.json === true) printJson({ ok: true, ...tuner.artifact })
  else if (tuner.kind === 'model')
    printLine(`${hash}: ${GOLDEN_COUNT} golden vectors agree\n${tuner.artifact.card}`)
  else printLine(`${hash}: ${kind}, ${plan.schedule}; sends what it sent when it was judged`)
}

interface EvaluateOptions {
  schedule?: Schedule
  model?: string
  constitution: string
  checked: string
  again?: string
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
    .addOption(
      new Option('--schedule <name>', 'evaluate this schedule alone, and train nothing').choices(SCHEDULES),
    )
    .option('--model <file>', 'evaluate this model alone; only for its gates and controls others are trained')
    .option('--constitution <directory>', 'by which each step of one of these is judged', 'constitution')
    .option('--checked <file>', 'what `model check-regions` found', 'checked-regions.json')
    .option('--again <evaluation>', 'of one of these: keep all but the random states from an earlier one')
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
      if (options.schedule !== undefined || options.model !== undefined) {
        await evaluateOne(options, extent, started)
        return
      }
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

async function evaluateOne(options: EvaluateOptions, extent: Extent, started: number): Promise<void> {
  const { schedule, model, checked, again, out, backend } = options
  const { constitution } = load(options.constitution)
  if (constitution === undefined)
    throw new EphorError('CONSTITUTION_INVALID', `${options.constitution} does not load`)
  const { tuner, evaluation } = await evaluateArtifact(
    marketsIn(options.data, 1),
    {
      constitution,
      checked,
      out,
      extent,
      ...(again === undefined ? {} : { again }),
      ...(schedule === undefined ? {} : { schedule }),
      ...(model === undefined ? {} : { model }),
      ...(backend === undefined ? {} : { backend }),
    },
    (what) => process.stderr.write(`${((Date.now() - started) / 1000).toFixed(0).padStart(5)} s  ${what}\n`),
  )
  const bar = barTo('champion', tuner, evaluation)
  if (options.json === true) printJson(evaluation)
  else
    printLine(
      `${join(out, 'artifact.json')} ${tuner.hash}, evaluation ${evaluation.hash}: ${bar ?? 'all gates passed'}`,
    )
  process.exitCode = bar === undefined ? 0 : 1
}
