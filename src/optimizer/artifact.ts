/** The file of a trained model: what it is, what it was made from, and the proof that it still answers as it did. */
import { z } from 'zod'
import { EphorError } from '../base/errors.ts'
import { digestOf, sha256 } from '../base/hash.ts'
import { canonicalJson, type Json } from '../base/canonical-json.ts'
import { parseStrictJsonBytes } from '../base/strict-json.ts'
import { Hash, Name } from '../protocol/common.ts'
import { describeIssues } from '../protocol/issues.ts'
import { ACTION_MAP_VERSION } from './action-map.ts'
import { FEATURES } from './features.ts'
import { inferenceOf, type Inference, type Layer } from './network.ts'
import { Plan } from './plan.ts'

/** Units of the hidden layers. Other networks are other programs, with other times: they are refused. */
export const HIDDEN = [32, 32] as const
/** How many answers of the training library a model carries, to be held against the plain code at each load. */
export const GOLDEN_COUNT = 256
/** The training library counts in single precision; two networks that differ by less than this are the same. */
export const GOLDEN_TOLERANCE = 1e-4
/** Bytes; a model takes about 40 thousand. */
export const ARTIFACT_MAX = 1_000_000

const Finite = z.number().min(-1e9).max(1e9)
const Count = z.int().nonnegative()
const Base64 = z.base64().max(200_000)
const Text = z.string().max(4096)
const Figures = z.record(Name, z.union([z.number(), z.boolean(), z.string().max(200)]))

const Scale = z
  .strictObject({
    name: Name,
    unit: z.string().max(100),
    mean: Finite,
    deviation: z.number().min(1e-9).max(1e9),
    support: z
      .tuple([Finite, Finite])
      .describe('What was seen in training; outside of it the order stays as it is'),
    spread: z
      .strictObject({ edges: z.array(Finite).max(9), counts: z.array(Count).max(10) })
      .optional()
      .describe('What was seen, counted between its deciles: what drift is told from'),
  })
  .refine(({ spread }) => spread === undefined || spread.counts.length === spread.edges.length + 1, {
    path: ['spread', 'counts'],
    message: 'expected one more than edges',
  })
  .refine(({ support }) => support[0] <= support[1], {
    path: ['support'],
    message: 'expected [lowest, highest]',
  })

/** Single-precision numbers, least significant byte first. */
const Numbers = z.strictObject({ sha256: Hash, base64: Base64 })

/** What binds a file to its name. */
export const SEAL = Hash.describe('SHA-256 of the canonical JSON of all the rest')

/** The bars that something was learned from or judged by. */
export const DataManifest = z
  .array(
    z.strictObject({ name: Name, sha256: Hash, bars: Count, from: z.iso.datetime(), to: z.iso.datetime() }),
  )
  .max(32)

const Artifact = z.strictObject({
  schema: z.literal(1),
  kind: z.literal('ephor-optimizer'),
  hash: SEAL,
  parent: Hash.nullable().describe('The model that training began with'),
  architecture: z.strictObject({
    inputs: Count,
    hidden: z.array(Count).max(8),
    outputs: Count,
    activation: z.literal('tanh'),
  }),
  weights: Numbers.describe('For each layer its weights, input by input, then its biases'),
  features: z.array(Scale).max(64),
  actionMap: Count,
  plan: Plan.describe('The schedule that it moves'),
  constitution: Hash.describe('The rules that it was trained under'),
  region: Figures.describe('The caps that it was trained with'),
  data: DataManifest,
  training: z.strictObject({
    seed: Count,
    steps: Count,
    hyperparameters: Figures,
    backend: z.enum(['tensorflow', 'wasm', 'cpu']),
    versions: z.record(z.string().max(100), z.string().max(100)),
  }),
  golden: z.strictObject({
    inputs: Numbers.describe('Features of each, as they are before scaling'),
    outputs: Numbers,
  }),
  evaluation: Figures.nullable(),
  card: Text,
})
export type Artifact = z.infer<typeof Artifact>

/** A model that may be asked. */
export interface Model {
  readonly artifact: Artifact
  readonly infer: Inference
}

/** Everything of a model but its hash. */
export type Unsealed = Omit<Artifact, 'hash'>

/** The text of a model’s file: canonical JSON with the hash of its content. */
export function sealArtifact(content: Unsealed): string {
  return canonicalJson({ ...content, hash: digestOf(content) })
}

/**
 * Reads a model and asks it its golden vectors. `constitution` is the hash of the rules in force, where there are any. Throws `MODEL_INVALID` on anything
 * but a model’s file of bounded size, `MODEL_ALTERED` where a hash differs, `MODEL_UNSUPPORTED` on another architecture, other features or another order of them, or another action map,
 * `MODEL_WEIGHTS_INVALID` on weights of another number or that are none, `MODEL_CONSTITUTION_DIFFERS` on one trained under other rules, and `MODEL_GOLDEN_DIFFERS` where it does not answer as it did.
 */
export function readArtifact(bytes: Uint8Array, constitution?: string): Model {
  if (bytes.length > ARTIFACT_MAX)
    throw new EphorError('MODEL_INVALID', `${bytes.length} bytes; a model has at most ${ARTIFACT_MAX}`)
  const json = parseStrictJsonBytes(bytes)
  if (!json.ok) throw new EphorError('MODEL_INVALID', `${json.path || '/'} ${json.message}`)
  return readModel(json.value, constitution)
}

/** The same for what is parsed already. */
export function readModel(value: Json, constitution?: string): Model {
  const parsed = Artifact.safeParse(value)
  if (!parsed.success) throw new EphorError('MODEL_INVALID', describeIssues(parsed.error))
  const artifact = parsed.data
  const { hash, ...content } = artifact
  const digest = digestOf(content)
  if (digest !== hash) throw new EphorError('MODEL_ALTERED', `/hash is ${hash}, the content has ${digest}`)
  checkSupported(artifact)
  if (constitution !== undefined && artifact.constitution !== constitution) {
    throw new EphorError(
      'MODEL_CONSTITUTION_DIFFERS',
      `/constitution is ${artifact.constitution}, in force is ${constitution}`,
    )
  }
  const infer = inferenceOf(layersOf(artifact), artifact.features)
  checkGolden(artifact, infer)
  return { artifact, infer }
}

function checkSupported({ architecture, features, actionMap }: Artifact): void {
  const expected = { inputs: FEATURES.length, hidden: HIDDEN, outputs: 1 }
  const { inputs, hidden, outputs } = architecture
  if (inputs !== expected.inputs || outputs !== 1 || hidden.join() !== HIDDEN.join()) {
    const said = [inputs, ...hidden, outputs].join('→')
    throw new EphorError(
      'MODEL_UNSUPPORTED',
      `/architecture is ${said}; expected ${[expected.inputs, ...HIDDEN, 1].join('→')}`,
    )
  }
  for (const [at, { name, unit }] of FEATURES.entries()) {
    const found = features[at]
    if (found?.name !== name || found.unit !== unit)
      throw new EphorError(
        'MODEL_UNSUPPORTED',
        `/features/${at} is \`${found?.name ?? 'missing'}\`; expected \`${name}\` in ${unit}`,
      )
  }
  if (features.length !== FEATURES.length)
    throw new EphorError('MODEL_UNSUPPORTED', `/features has ${features.length}; expected ${FEATURES.length}`)
  if (actionMap !== ACTION_MAP_VERSION)
    throw new EphorError('MODEL_UNSUPPORTED', `/actionMap is ${actionMap}; expected ${ACTION_MAP_VERSION}`)
}

/** The widths of all layers, inputs first. */
export const WIDTHS: readonly number[] = [FEATURES.length, ...HIDDEN, 1]

function layersOf({ weights }: Artifact): Layer[] {
  const shapes = WIDTHS.slice(1).map((outputs, at) => ({ inputs: WIDTHS[at] as number, outputs }))
  const count = shapes.reduce((sum, { inputs, outputs }) => sum + (inputs + 1) * outputs, 0)
  const numbers = numbersOf(weights, '/weights', count)
  let at = 0
  const take = (length: number): Float64Array => numbers.slice(at, (at += length))
  return shapes.map(({ inputs, outputs }) => ({
    inputs,
    outputs,
    weights: take(inputs * outputs),
    bias: take(outputs),
  }))
}

function checkGolden({ golden }: Artifact, infer: Inference): void {
  const width = FEATURES.length
  const inputs = numbersOf(golden.inputs, '/golden/inputs', GOLDEN_COUNT * width)
  const outputs = numbersOf(golden.outputs, '/golden/outputs', GOLDEN_COUNT)
  for (let at = 0; at < GOLDEN_COUNT; at += 1) {
    const found = infer(inputs.subarray(at * width, (at + 1) * width))
    const expected = outputs[at] as number
    if (
      found === undefined ||
      !(Math.abs(found - expected) <= GOLDEN_TOLERANCE * Math.max(1, Math.abs(expected)))
    )
      throw new EphorError(
        'MODEL_GOLDEN_DIFFERS',
        `/golden ${at}: ${found ?? 'outside the support'}; expected ${expected}`,
      )
  }
}

/** Single-precision numbers as their bytes, with their hash. */
export function packNumbers(numbers: ArrayLike<number>): z.infer<typeof Numbers> {
  const bytes = Buffer.alloc(numbers.length * 4)
  for (let at = 0; at < numbers.length; at += 1) bytes.writeFloatLE(numbers[at] as number, at * 4)
  return { sha256: sha256(bytes), base64: bytes.toString('base64') }
}

function numbersOf(packed: z.infer<typeof Numbers>, path: string, count: number): Float64Array {
  const bytes = Buffer.from(packed.base64, 'base64')
  const digest = sha256(bytes)
  if (digest !== packed.sha256)
    throw new EphorError('MODEL_ALTERED', `${path}/sha256 is ${packed.sha256}, the bytes have ${digest}`)
  if (bytes.length !== count * 4)
    throw new EphorError(
      'MODEL_WEIGHTS_INVALID',
      `${path} has ${bytes.length / 4} numbers; expected ${count}`,
    )
  const numbers = new Float64Array(count)
  for (let at = 0; at < count; at += 1) {
    const value = bytes.readFloatLE(at * 4)
    if (!Number.isFinite(value)) throw new EphorError('MODEL_WEIGHTS_INVALID', `${path} ${at} is ${value}`)
    numbers[at] = value
  }
  return numbers
}
