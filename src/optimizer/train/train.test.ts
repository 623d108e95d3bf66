import { beforeAll, describe, expect, test } from 'vitest'
import { seeded } from '../../base/random.ts'
import { GOLDEN_TOLERANCE, readArtifact } from '../artifact.ts'
import { inferenceOf } from '../network.ts'
import { openLibrary, type Library, type TensorFlow } from './library.ts'
import { constantMarket, openMarkets } from './market.ts'
import { modelText } from './model.ts'
import { drawOrder, FREE_MIX } from './orders.ts'
import { BASELINES, execute, tuned } from './policies.ts'
import { answersOf, begin, HYPERPARAMETERS, layersOf, learn, type Batch } from './ppo.ts'
import { startsIn } from './track.ts'
import { train, type Training } from './train.ts'

const SMALL = { ...HYPERPARAMETERS, orders: 32, minibatch: 128, epochs: 2, rate: 3e-3 }
const training: Training = {
  terms: constantMarket(),
  mix: FREE_MIX,
  baseline: 'TWAP',
  hyperparameters: SMALL,
  seed: 1,
  steps: 6 * 32 * FREE_MIX.steps,
}
let library: Library
beforeAll(async () => {
  library = await openLibrary()
})

test('the library says which backend counts, and each that is there counts the same', async () => {
  expect(['tensorflow', 'wasm', 'cpu']).toContain(library.backend)
  const { weights } = train((await openLibrary('cpu')).tf, training).memory
  const other = train((await openLibrary('wasm')).tf, training).memory
  for (const [at, weight] of other.weights.entries()) expect(weight).toBeCloseTo(weights[at] as number, 2)
})

describe('a training', () => {
  test('begins with the schedule itself', () => {
    const memory = begin(seeded(1), SMALL)
    const scales = Array.from({ length: 11 }, () => ({ mean: 0, deviation: 1, support: [-10, 10] as const }))
    const infer = inferenceOf(layersOf(memory, 'actor'), scales)
    for (const value of [-3, 0, 2]) expect(infer(new Float64Array(11).fill(value))).toBe(0)
  })

  test('is the same for the same seed, bit for bit, and another for another', () => {
    const once = train(library.tf, training)
    expect(train(library.tf, training).memory.weights).toEqual(once.memory.weights)
    expect(train(library.tf, { ...training, seed: 2 }).memory.weights).not.toEqual(once.memory.weights)
  })

  test('goes on from a checkpoint as if it had never stopped', () => {
    const texts: string[] = []
    const whole = train(library.tf, training, (_, checkpoint) => texts.push(checkpoint()))
    const resumed = train(library.tf, training, () => undefined, texts[2])
    expect(resumed.memory).toEqual(whole.memory)
    expect(resumed.curve).toEqual(whole.curve)
  })

  test('of fewer steps than a round has tries just those', () => {
    const steps = 5 * FREE_MIX.steps
    expect(train(library.tf, { ...training, steps }).curve).toMatchObject([{ steps }])
  })

  test.each([
    ['of another seed', { seed: 2 }, (text: string) => text, 'the checkpoint is of training'],
    [
      'of other settings',
      { hyperparameters: { ...SMALL, rate: 1e-4 } },
      (text: string) => text,
      'the checkpoint is of training',
    ],
    ['of no JSON', {}, (text: string) => text.slice(5), 'the checkpoint is no JSON'],
    [
      'cut short',
      {},
      (text: string) => text.replace(/"weights":"[^"]{40}/, '"weights":"'),
      'weights; expected',
    ],
    ['with a key more', {}, (text: string) => text.replace('{', '{"more":1,'), 'unknown key `more`'],
  ])('refuses a checkpoint %s', (_, change, spoil, why) => {
    let text = ''
    train(
      library.tf,
      { ...training, steps: 32 * FREE_MIX.steps },
      (_progress, checkpoint) => (text = checkpoint()),
    )
    const same = { ...training, steps: 32 * FREE_MIX.steps, ...change }
    expect(() => train(library.tf, same, () => undefined, spoil(text))).toThrow(/^TRAINING_DIFFERS: /)
    expect(() => train(library.tf, same, () => undefined, spoil(text))).toThrow(why)
  })

  test('learns: on a market that never changes it goes most of the way from TWAP to the optimum', () => {
    const far = {
      ...HYPERPARAMETERS,
      orders: 128,
      minibatch: 512,
      epochs: 4,
      rate: 4e-3,
      lambda: 0.95,
      gradientMax: 5,
      deviation: 0.7,
    }
    const { infer } = train(library.tf, { ...training, hyperparameters: far, steps: 60_000 })
    const terms = training.terms
    const chance = seeded(11)
    const orders = Array.from({ length: 200 }, () =>
      drawOrder(startsIn(terms.track, FREE_MIX.steps), FREE_MIX, chance),
    )
    const total = (policy: (typeof BASELINES)['TWAP']): number =>
      orders.reduce((sum, order) => sum + execute(terms, order, policy).cost, 0)
    const [plain, best] = [total(BASELINES.TWAP), total(BASELINES.AC)]
    expect((plain - total(tuned('TWAP', infer))) / (plain - best)).toBeGreaterThan(0.7)
  })
})

describe('a round of learning', () => {
  const batch: Batch = {
    count: 64,
    features: Float32Array.from({ length: 64 * 11 }, (_, at) => Math.sin(at)),
    shifts: Float32Array.from({ length: 64 }, (_, at) => Math.cos(at)),
    logProbabilities: new Float32Array(64).fill(-1),
    advantages: Float32Array.from({ length: 64 }, (_, at) => Math.cos(at)),
    returns: new Float32Array(64).fill(0.5),
  }

  test('moves the mean towards what paid, and leaves no tensor behind', () => {
    const memory = begin(seeded(1), SMALL)
    const before = library.tf.memory().numTensors
    const scaled = batch.features.slice(0, 11 * 64)
    const agreement = (): number =>
      answersOf(library.tf, memory, scaled).reduce(
        (sum, answer, at) => sum + answer * (batch.shifts[at] as number),
        0,
      )
    expect(agreement()).toBe(0)
    for (let round = 0; round < 20; round += 1) learn(library.tf, memory, batch, SMALL, 0, seeded(round))
    expect(agreement()).toBeGreaterThan(0)
    expect(library.tf.memory().numTensors).toBe(before)
  })

  test('a tensor that is left over, and a weight that is no number, are caught', () => {
    const leaking = {
      ...library.tf,
      exp: (...of: Parameters<typeof library.tf.exp>) => library.tf.keep(library.tf.exp(...of)),
    }
    expect(() => learn(leaking as TensorFlow, begin(seeded(1), SMALL), batch, SMALL, 0, seeded(1))).toThrow(
      'tensors are left over',
    )
    const returns = batch.returns.with(3, Number.NaN)
    expect(() =>
      learn(library.tf, begin(seeded(1), SMALL), { ...batch, returns }, SMALL, 0, seeded(1)),
    ).toThrow('no number any more')
  })
})

test('the model’s file answers in plain code as the library did', () => {
  const markets = openMarkets(undefined, 3)
  const real: Training = { ...training, terms: markets.training, baseline: 'receding AC, expecting' }
  const trained = train(library.tf, real)
  const constitution = 'a'.repeat(64)
  const text = modelText(trained, {
    training: real,
    library,
    data: markets.data,
    constitution,
    card: 'made for a test',
  })
  const { artifact, infer } = readArtifact(Buffer.from(text), constitution)
  expect(artifact.training.backend).toBe(library.backend)
  const features = Float64Array.from(trained.scales, ({ mean }) => mean)
  const [answer] = answersOf(library.tf, trained.memory, new Float32Array(11))
  expect(Math.abs((infer(features) ?? Number.NaN) - (answer as number))).toBeLessThan(GOLDEN_TOLERANCE)
})
