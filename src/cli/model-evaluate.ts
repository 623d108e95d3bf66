/** Evaluates one artifact: what it is worth on later bars, every step judged by json-rules-engine, and a live run that is simulated. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { EphorError } from '../base/errors.ts'
import { parseStrictJson } from '../base/strict-json.ts'
import type { Constitution } from '../constitution/model.ts'
import { ARTIFACT_MAX } from '../optimizer/artifact.ts'
import type { Schedule } from '../optimizer/plan.ts'
import { cardOf } from '../optimizer/registry/card.ts'
import {
  EVALUATION_MAX,
  readEvaluation,
  sealEvaluation,
  SEEDS_MIN,
  type Evaluation,
} from '../optimizer/registry/evaluation.ts'
import { readTuner, type Tuner } from '../optimizer/registry/registry.ts'
import { sealSchedule } from '../optimizer/registry/schedule-artifact.ts'
import { compareOne, controlsOf, knownOf, learnedKnown, type Extent } from '../optimizer/train/evaluate.ts'
import { openLibrary, type Backend } from '../optimizer/train/library.ts'
import { simulateLive, type LiveRun } from '../optimizer/train/live.ts'
import type { Markets } from '../optimizer/train/market.ts'
import { planOf } from '../optimizer/train/model.ts'
import { BASELINES, tuned, type Policy } from '../optimizer/train/policies.ts'
import { readPlain } from '../sidecar/model-files.ts'
import { readChecked, type CheckedRegions } from './checked-actions.ts'
import { checkSteps, recording, type Step } from './checked-steps.ts'
import { livePage, livePicture } from './live-report.ts'

/** What is evaluated, and against what. */
export interface ArtifactOptions {
  readonly schedule?: Schedule
  readonly model?: string
  readonly constitution: Constitution
  readonly checked: string
  /** An earlier evaluation of the same artifact under the same rules, of which all but the random regions is kept. */
  readonly again?: string
  readonly out: string
  readonly extent: Extent
  readonly backend?: Backend
}

export interface EvaluatedArtifact {
  readonly tuner: Tuner
  readonly evaluation: Evaluation
  readonly live: LiveRun
}

/** Writes the artifact, its evaluation, its card and the page on the live run into `out`. */
export async function evaluateArtifact(
  markets: Markets,
  options: ArtifactOptions,
  told: (what: string) => void,
): Promise<EvaluatedArtifact> {
  const { constitution, extent, out } = options
  const { text, tuner } = artifactOf(markets, options)
  const { schedule } = tuner.plan
  const policy: Policy = tuner.kind === 'model' ? tuned(schedule, tuner.infer) : BASELINES[schedule]
  const found =
    options.again === undefined
      ? await findParts(markets, tuner, policy, options, told)
      : earlierParts(options.again, tuner, constitution)
  const regions = regionsIn(options.checked, constitution.hash)
  const sealed = sealEvaluation({
    schema: 1,
    kind: 'ephor-evaluation',
    artifact: tuner.hash,
    constitution: constitution.hash,
    data: [...markets.data],
    ...found,
    regions: { checked: regions?.checked ?? 0, violations: regions?.violations ?? 0 },
    versions: { node: process.versions.node },
  })
  const evaluation = readEvaluation(Buffer.from(sealed))
  told('a live run')
  const [first] = Object.values(markets.tests) as [Markets['training']]
  const live = simulateLive(first, policy, BASELINES['receding AC'], 5 * extent.orders, 1)
  const files = new Map([
    ['artifact.json', text],
    ['evaluation.json', sealed],
    ['card.md', cardOf(tuner, evaluation)],
    ['optimizer-checks.md', livePage(tuner, evaluation, regions, live)],
    ['pictures/optimizer-live.svg', livePicture(live)],
  ])
  for (const [name, content] of files) {
    mkdirSync(dirname(join(out, name)), { recursive: true })
    writeFileSync(join(out, name), content)
  }
  return { tuner, evaluation, live }
}

type Parts = Pick<Evaluation, 'known' | 'comparisons' | 'controls' | 'steps'>

async function findParts(
  markets: Markets,
  tuner: Tuner,
  policy: Policy,
  options: ArtifactOptions,
  told: (what: string) => void,
): Promise<Parts> {
  const { constitution, extent } = options
  const steps: Step[] = []
  const comparisons = Object.entries(markets.tests).map(([market, terms]) => {
    told(`comparing: ${market}`)
    const writing = recording(terms, policy, steps)
    return { market, ...compareOne(terms, policy, tuner.plan.schedule, extent.orders, writing) }
  })
  const learned = tuner.kind === 'model' ? await learnedParts(markets, options, told) : undefined
  told(`${steps.length} steps to be judged`)
  return {
    known: learned?.known ?? knownOf(policy, SEEDS_MIN),
    comparisons,
    controls: learned?.controls ?? null,
    steps: await checkSteps(constitution, steps, (done) => told(`${done} steps judged`)),
  }
}

function earlierParts(path: string, tuner: Tuner, constitution: Constitution): Parts {
  const bytes = readPlain(path, EVALUATION_MAX, 'MODEL_EVALUATION_INVALID')
  if (bytes === undefined) throw new EphorError('MODEL_EVALUATION_INVALID', `${path}: there is no such file`)
  const earlier = readEvaluation(bytes)
  if (earlier.artifact !== tuner.hash || earlier.constitution !== constitution.hash)
    throw new EphorError(
      'MODEL_EVALUATION_INVALID',
      `${path} is of ${earlier.artifact} under ${earlier.constitution}`,
    )
  const { known, comparisons, controls, steps } = earlier
  return { known, comparisons, controls, steps }
}

function artifactOf(markets: Markets, { schedule, model }: ArtifactOptions): { text: string; tuner: Tuner } {
  if (schedule !== undefined) {
    const text = sealSchedule(planOf(markets.training, schedule), [...markets.data])
    return { text, tuner: readTuner(Buffer.from(text)) }
  }
  const bytes = readPlain(model ?? '', ARTIFACT_MAX, 'MODEL_INVALID')
  if (bytes === undefined) throw new EphorError('MODEL_INVALID', `${model ?? ''}: there is no such file`)
  return { text: Buffer.from(bytes).toString('utf8'), tuner: readTuner(bytes) }
}

async function learnedParts(
  markets: Markets,
  { extent, backend }: ArtifactOptions,
  told: (what: string) => void,
): Promise<Pick<Evaluation, 'known' | 'controls'>> {
  const { tf } = await openLibrary(backend)
  return {
    known: learnedKnown(tf, extent.seeds, extent.controlSteps, told),
    controls: controlsOf(tf, markets, extent, told),
  }
}

/** What `ephor model check-regions` found under the same rules; nothing where there is no file. */
function regionsIn(path: string, constitution: string): CheckedRegions | undefined {
  if (!existsSync(path)) return undefined
  const text = readFileSync(path, 'utf8')
  const json = parseStrictJson(text)
  const seed =
    json.ok && typeof json.value === 'object' && json.value !== null && 'seed' in json.value
      ? Number(json.value['seed'])
      : Number.NaN
  return readChecked(text, constitution, seed)
}
