/** Loads TensorFlow.js with the fastest backend that is there and counts right. */
import { EphorError } from '../../base/errors.ts'

export type TensorFlow = typeof import('@tensorflow/tfjs-core')
export const BACKENDS = ['tensorflow', 'wasm', 'cpu'] as const
export type Backend = (typeof BACKENDS)[number]

export interface Library {
  readonly tf: TensorFlow
  readonly backend: Backend
  readonly versions: Readonly<Record<string, string>>
}

/** Found at run time: its install downloads a binary and may fail, so that nothing may depend on it. */
const NATIVE = '@tensorflow/tfjs-node'
const MISSING =
  'TensorFlow.js is not installed; `npm install @tensorflow/tfjs-core @tensorflow/tfjs-layers @tensorflow/tfjs-backend-wasm @tensorflow/tfjs-backend-cpu`'

/**
 * TensorFlow.js on the native library, where `@tensorflow/tfjs-node` is installed and loads; else on WebAssembly; else in JavaScript; or on the one that is
 * `wanted`. Each has to pass a small calculation with a gradient. Throws `TRAINING_UNAVAILABLE` where none does.
 */
export async function openLibrary(wanted?: Backend): Promise<Library> {
  const failures: string[] = []
  for (const backend of wanted === undefined ? BACKENDS : [wanted]) {
    try {
      const tf = await load(backend)
      await tf.setBackend(backend)
      await tf.ready()
      if (tf.getBackend() === backend && isRight(tf))
        return { tf, backend, versions: { node: process.versions.node, tfjs: tf.version_core } }
      failures.push(`${backend}: it does not count right`)
    } catch (error) {
      failures.push(
        `${backend}: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}`,
      )
    }
  }
  throw new EphorError('TRAINING_UNAVAILABLE', `${failures.join('; ')}. ${MISSING}`)
}

async function load(backend: Backend): Promise<TensorFlow> {
  if (backend === 'tensorflow') return (await import(NATIVE)) as TensorFlow
  const tf = await import('@tensorflow/tfjs-core')
  // Without this it advertises the native library on each start.
  tf.enableProdMode()
  // Brings the gradients along, which the core leaves out.
  await import('@tensorflow/tfjs-layers')
  if (backend === 'wasm') {
    const wasm = await import('@tensorflow/tfjs-backend-wasm')
    // Sums are in the same order each time on one thread only.
    wasm.setThreadsCount(1)
  } else await import('@tensorflow/tfjs-backend-cpu')
  return tf
}

/** Sums of tanh(x·w) for x = [[1, 2], [3, 4]] and w = [0.1, 0.2], and their gradient: tanh 0.5 + tanh 1.1; by w₁, sech² 0.5 + 3 sech² 1.1. */
function isRight(tf: TensorFlow): boolean {
  const [value, first, second] = tf.tidy(() => {
    const x = tf.tensor2d([1, 2, 3, 4], [2, 2])
    const w = tf.tensor2d([0.1, 0.2], [2, 1])
    const found = tf.valueAndGrads((of) => tf.sum(tf.tanh(tf.matMul(x, of as typeof w))))([w])
    return [...found.value.dataSync(), ...(found.grads[0]?.dataSync() ?? [])]
  })
  const near = (found: number | undefined, expected: number): boolean =>
    Math.abs((found ?? Number.NaN) - expected) < 1e-5
  const sech2 = (of: number): number => 1 / Math.cosh(of) ** 2
  return (
    near(value, Math.tanh(0.5) + Math.tanh(1.1)) &&
    near(first, sech2(0.5) + 3 * sech2(1.1)) &&
    near(second, 2 * sech2(0.5) + 4 * sech2(1.1))
  )
}
