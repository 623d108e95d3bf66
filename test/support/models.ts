/** A model as training would write it, of weights that nobody trained, for what reads models. */
import type { Json } from '../../src/base/canonical-json.ts'
import { digestOf } from '../../src/base/hash.ts'
import { seeded } from '../../src/base/random.ts'
import {
  GOLDEN_COUNT,
  HIDDEN,
  packNumbers,
  sealArtifact,
  WIDTHS,
  type Unsealed,
} from '../../src/optimizer/artifact.ts'
import { FEATURES } from '../../src/optimizer/features.ts'
import { inferenceOf } from '../../src/optimizer/network.ts'
import type { Plan } from '../../src/optimizer/plan.ts'

export const CONSTITUTION = 'c'.repeat(64)

export const PLAN: Plan = {
  schedule: 'receding AC, expecting',
  barMs: 3_600_000,
  halfLifeBars: 24,
  stepsMax: 168,
  volume: { persistence: 0.5, noise: 0.68 },
  variance: { persistence: 0.36, noise: 0.98 },
  profile: Array.from({ length: 24 }, () => 0),
}

/** All of a model but its hash; the same each time. */
export function aModel(): Unsealed {
  const chance = seeded(7)
  const shapes = WIDTHS.slice(1).map((outputs, at) => ({ inputs: WIDTHS[at] as number, outputs }))
  const drawn = (count: number): Float64Array =>
    Float64Array.from({ length: count }, () => Math.fround(chance() - 0.5))
  const layers = shapes.map(({ inputs, outputs }) => ({
    inputs,
    outputs,
    weights: drawn(inputs * outputs),
    bias: drawn(outputs),
  }))
  const features = FEATURES.map(({ name, unit }) => ({
    name,
    unit,
    mean: 0,
    deviation: 1,
    support: [-2, 2] as [number, number],
  }))
  const infer = inferenceOf(layers, features)
  const inputs = drawn(GOLDEN_COUNT * FEATURES.length)
  const outputs = Array.from(
    { length: GOLDEN_COUNT },
    (_, at) => infer(inputs.subarray(at * FEATURES.length, (at + 1) * FEATURES.length)) ?? Number.NaN,
  )
  return {
    schema: 1,
    kind: 'ephor-optimizer',
    parent: null,
    architecture: { inputs: FEATURES.length, hidden: [...HIDDEN], outputs: 1, activation: 'tanh' },
    weights: packNumbers(layers.flatMap(({ weights, bias }) => [...weights, ...bias])),
    features,
    actionMap: 1,
    plan: PLAN,
    constitution: CONSTITUTION,
    region: { participation: 0.09 },
    data: [
      {
        name: 'made',
        sha256: 'd'.repeat(64),
        bars: 10,
        from: '2020-01-01T00:00:00Z',
        to: '2020-01-02T00:00:00Z',
      },
    ],
    training: {
      seed: 1,
      steps: 0,
      hyperparameters: { rate: 0.001 },
      backend: 'cpu',
      versions: { node: '20' },
    },
    golden: { inputs: packNumbers(inputs), outputs: packNumbers(outputs) },
    evaluation: null,
    card: 'Made for a test.',
  }
}

export const bytesOf = (content: Unsealed): Uint8Array => Buffer.from(sealArtifact(content))

/** The bytes of a model with its hash made to fit whatever the content is. */
export function sealedAnyhow(content: Record<string, unknown>): Uint8Array {
  return Buffer.from(JSON.stringify({ ...content, hash: digestOf(content as Json) }))
}
