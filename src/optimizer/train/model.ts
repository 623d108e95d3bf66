/** Makes the file of a model out of a training. */
import { seeded } from '../../base/random.ts'
import { ACTION_MAP_VERSION } from '../action-map.ts'
import { GOLDEN_COUNT, HIDDEN, packNumbers, sealArtifact, type Artifact } from '../artifact.ts'
import { FEATURES } from '../features.ts'
import { YARDSTICK, type Plan } from '../plan.ts'
import type { Terms } from './execution.ts'
import type { Library } from './library.ts'
import type { Baseline } from './policies.ts'
import { actorWeights, answersOf } from './ppo.ts'
import type { Trained, Training } from './train.ts'
import { HALF_LIFE } from './track.ts'

/** What a model is made of beside its weights. */
export interface Provenance {
  readonly training: Training
  readonly library: Library
  readonly data: Artifact['data']
  /** Hash of the rules in force. */
  readonly constitution: string
  readonly card: string
}

/** The text of the model’s file, with the library’s own answers to 256 drawn situations. */
export function modelText(
  { memory, scales, curve }: Trained,
  { training, library, data, constitution, card }: Provenance,
): string {
  const { inputs, scaled } = goldenInputs(scales, training.seed)
  const { terms, mix, hyperparameters, baseline, seed, steps } = training
  return sealArtifact({
    schema: 1,
    kind: 'ephor-optimizer',
    parent: null,
    architecture: { inputs: FEATURES.length, hidden: [...HIDDEN], outputs: 1, activation: 'tanh' },
    weights: packNumbers(actorWeights(memory)),
    features: FEATURES.map(({ name, unit }, at) => {
      const { mean, deviation, support, spread } = scales[at] as Trained['scales'][number]
      const seen = spread && { spread: { edges: [...spread.edges], counts: [...spread.counts] } }
      return { name, unit, mean, deviation, support: [support[0], support[1]], ...seen }
    }),
    actionMap: ACTION_MAP_VERSION,
    plan: planOf(terms, baseline),
    constitution,
    region: { participation: terms.participation },
    data: [...data],
    training: {
      seed,
      steps,
      hyperparameters: {
        ...hyperparameters,
        baseline,
        horizonSteps: mix.steps,
        urgencyMax: mix.urgency[1],
        shareMax: mix.share[1],
      },
      backend: library.backend,
      versions: { ...library.versions },
    },
    golden: { inputs: packNumbers(inputs), outputs: packNumbers(answersOf(library.tf, memory, scaled)) },
    evaluation: { trainingGain: curve.at(-1)?.gain ?? 0 },
    card,
  })
}

/** A schedule with the figures that were read off the bars of a training. */
export function planOf({ track, reversion }: Terms, schedule: Baseline): Plan {
  return {
    // What is only clipped is no schedule.
    schedule: schedule === 'clip' ? YARDSTICK : schedule,
    barMs: track.stepMs,
    halfLifeBars: HALF_LIFE,
    stepsMax: HORIZON_MAX,
    volume: { ...reversion.volume },
    variance: { ...reversion.variance },
    // A market without hours has none.
    profile: Array.from({ length: 24 }, (_, hour) => track.profile[hour] ?? 0),
  }
}

/** Bars of the longest horizon that is planned: a week of hours. Beyond it nothing was ever compared. */
const HORIZON_MAX = 168

/** Situations within what was seen, most of them near its middle, as the model takes them and as its first layer does. */
function goldenInputs(
  scales: Trained['scales'],
  seed: number,
): { inputs: Float32Array; scaled: Float32Array } {
  const chance = seeded(seed)
  const inputs = new Float32Array(GOLDEN_COUNT * scales.length)
  const scaled = new Float32Array(inputs.length)
  for (let at = 0; at < inputs.length; at += 1) {
    const { mean, deviation, support } = scales[at % scales.length] as Trained['scales'][number]
    const [low, high] = [
      Math.max(support[0], mean - 4 * deviation),
      Math.min(support[1], mean + 4 * deviation),
    ]
    // A little inside, so that rounding to single precision stays inside.
    const value = Math.fround(low + (high - low) * (0.001 + 0.998 * chance()))
    inputs[at] = value
    scaled[at] = Math.min(Math.max((value - mean) / deviation, -5), 5)
  }
  return { inputs, scaled }
}
