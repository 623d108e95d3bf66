/** Every way in which the file of a model can be wrong is refused by name; none gives a model. */
import { describe, expect, test } from 'vitest'
import { EphorError } from '../../src/base/errors.ts'
import { ARTIFACT_MAX, packNumbers, readArtifact } from '../../src/optimizer/artifact.ts'
import { FEATURES } from '../../src/optimizer/features.ts'
import { aModel, bytesOf, CONSTITUTION, sealedAnyhow } from '../support/models.ts'

function refusal(bytes: Uint8Array, constitution?: string): string {
  try {
    readArtifact(bytes, constitution)
  } catch (error) {
    if (error instanceof EphorError) return error.message
    throw error
  }
  return 'read'
}

test('a whole model is read, and answers', () => {
  const { artifact, infer } = readArtifact(bytesOf(aModel()), CONSTITUTION)
  expect(artifact.hash).toMatch(/^[0-9a-f]{64}$/)
  expect(infer(new Float64Array(FEATURES.length))).toBeTypeOf('number')
  expect(infer(new Float64Array(FEATURES.length).fill(3))).toBeUndefined()
})

test('any flipped bit is seen', () => {
  const whole = bytesOf(aModel())
  for (let at = 0; at < whole.length; at += 397) {
    const flipped = Uint8Array.from(whole)
    flipped[at] = (flipped[at] as number) ^ 1
    expect(refusal(flipped), `byte ${at}`).toMatch(/^MODEL_(?:ALTERED|INVALID)/)
  }
})

test('a flipped bit of the weights is seen although the hash of the file was made anew', () => {
  const model = aModel()
  const bytes = Buffer.from(model.weights.base64, 'base64')
  bytes[100] = (bytes[100] as number) ^ 1
  const weights = { ...model.weights, base64: bytes.toString('base64') }
  expect(refusal(sealedAnyhow({ ...model, weights }))).toContain('MODEL_ALTERED: /weights/sha256')
})

describe('a model with', () => {
  const model = aModel()
  const { architecture, features, golden } = model
  const count = Buffer.from(model.weights.base64, 'base64').length / 4
  const numbers = (change: (numbers: number[]) => number[]): typeof model.weights => {
    const bytes = Buffer.from(model.weights.base64, 'base64')
    return packNumbers(change(Array.from({ length: count }, (_, at) => bytes.readFloatLE(at * 4))))
  }
  const [first, second, ...others] = features
  test.each<[string, Record<string, unknown>, string]>([
    [
      'another architecture',
      { architecture: { ...architecture, hidden: [64, 64] } },
      'MODEL_UNSUPPORTED: /architecture is 11→64→64→1; expected 11→32→32→1',
    ],
    [
      'three hidden layers',
      { architecture: { ...architecture, hidden: [32, 32, 32] } },
      'MODEL_UNSUPPORTED: /architecture',
    ],
    ['two outputs', { architecture: { ...architecture, outputs: 2 } }, 'MODEL_UNSUPPORTED: /architecture'],
    [
      'another activation',
      { architecture: { ...architecture, activation: 'relu' } },
      'MODEL_INVALID: /architecture/activation',
    ],
    [
      'a feature missing',
      { features: features.slice(0, -1) },
      'MODEL_UNSUPPORTED: /features/10 is `missing`; expected `deviation`',
    ],
    [
      'features in another order',
      { features: [second, first, ...others] },
      'MODEL_UNSUPPORTED: /features/0 is `inventoryLeft`; expected `timeLeft`',
    ],
    [
      'a feature in another unit',
      { features: [{ ...first, unit: 'seconds' }, second, ...others] },
      'MODEL_UNSUPPORTED: /features/0',
    ],
    [
      'a feature more',
      { features: [...features, { ...first, name: 'price' }] },
      'MODEL_UNSUPPORTED: /features has 12; expected 11',
    ],
    [
      'an inverted support',
      { features: [{ ...first, support: [1, -1] }, second, ...others] },
      'MODEL_INVALID: /features/0/support: expected [lowest, highest]',
    ],
    [
      'no deviation',
      { features: [{ ...first, deviation: 0 }, second, ...others] },
      'MODEL_INVALID: /features/0/deviation',
    ],
    [
      'weights that are no numbers',
      { weights: numbers((all) => all.with(0, Number.NaN)) },
      'MODEL_WEIGHTS_INVALID: /weights 0 is NaN',
    ],
    [
      'an infinite weight',
      { weights: numbers((all) => [...all.slice(0, -1), Number.POSITIVE_INFINITY]) },
      `MODEL_WEIGHTS_INVALID: /weights ${count - 1} is Infinity`,
    ],
    [
      'a weight too few',
      { weights: numbers((all) => all.slice(1)) },
      `MODEL_WEIGHTS_INVALID: /weights has ${count - 1} numbers; expected ${count}`,
    ],
    ['a weight too many', { weights: numbers((all) => [...all, 0]) }, 'MODEL_WEIGHTS_INVALID: /weights'],
    ['no weights', { weights: numbers(() => []) }, 'MODEL_WEIGHTS_INVALID: /weights has 0'],
    [
      'other weights, all hashes made anew',
      { weights: numbers((all) => all.map((weight) => weight * 1.01)) },
      'MODEL_GOLDEN_DIFFERS: /golden 0',
    ],
    [
      'one weight a little different',
      { weights: numbers((all) => all.with(count - 2, (all.at(-2) ?? 0) + 0.01)) },
      'MODEL_GOLDEN_DIFFERS',
    ],
    [
      'golden vectors that are not there',
      { golden: { ...golden, outputs: packNumbers([]) } },
      'MODEL_WEIGHTS_INVALID: /golden/outputs has 0 numbers; expected 256',
    ],
    [
      'golden vectors that are no numbers',
      { golden: { ...golden, outputs: packNumbers(Array.from({ length: 256 }, () => Number.NaN)) } },
      'MODEL_WEIGHTS_INVALID: /golden/outputs 0 is NaN',
    ],
    [
      'golden vectors outside its support',
      { features: features.map((one) => ({ ...one, support: [5, 6] })) },
      'MODEL_GOLDEN_DIFFERS: /golden 0: outside the support',
    ],
    [
      'a path for a name',
      { data: [{ ...model.data[0], name: '../../etc/passwd' }] },
      'MODEL_INVALID: /data/0/name',
    ],
    ['another action map', { actionMap: 2 }, 'MODEL_UNSUPPORTED: /actionMap is 2; expected 1'],
    ['another schema', { schema: 2 }, 'MODEL_INVALID: /schema'],
    ['a key that is none', { prototype_: 1 }, 'MODEL_INVALID: /: unknown key `prototype_`'],
    [
      'weights that are no base64',
      { weights: { ...model.weights, base64: '*' } },
      'MODEL_INVALID: /weights/base64',
    ],
    [
      'very much base64',
      { weights: { ...model.weights, base64: 'A'.repeat(400_000) } },
      'MODEL_INVALID: /weights/base64',
    ],
  ])('%s is refused', (_, change, why) => {
    expect(refusal(sealedAnyhow({ ...model, ...change }))).toContain(why)
  })

  test('the hash of other rules is refused', () => {
    expect(refusal(bytesOf(model), 'e'.repeat(64))).toContain(
      'MODEL_CONSTITUTION_DIFFERS: /constitution is cccc',
    )
  })
})

test.each<[string, Uint8Array, string]>([
  ['nothing', Buffer.alloc(0), 'MODEL_INVALID: / is not JSON'],
  ['no JSON', Buffer.from('ephor'), 'MODEL_INVALID: / is not JSON'],
  ['half of one', bytesOf(aModel()).subarray(0, 9000), 'MODEL_INVALID: / is not JSON'],
  ['no UTF-8', Buffer.from([0xff, 0xfe]), 'MODEL_INVALID: / is not UTF-8'],
  ['a list', Buffer.from('[]'), 'MODEL_INVALID: /:'],
  ['a prototype', Buffer.from('{"__proto__":{"hash":1}}'), 'MODEL_INVALID'],
  [
    'a huge file',
    Buffer.alloc(ARTIFACT_MAX + 1, 32),
    `MODEL_INVALID: ${ARTIFACT_MAX + 1} bytes; a model has at most`,
  ],
])('%s is no model', (_, bytes, why) => {
  expect(refusal(bytes)).toContain(why)
})
