/** Measures the optimizer: inference in plain code and by TensorFlow.js, the receding schedule by number of steps, and training by backend. */
import { FEATURES, recedingLots } from '../../dist/index.js'
import { inferenceOf } from '../../dist/optimizer/network.js'
import { openLibrary } from '../../dist/optimizer/train/library.js'
import { openMarkets } from '../../dist/optimizer/train/market.js'
import { MIX } from '../../dist/optimizer/train/orders.js'
import { answersOf, begin, HYPERPARAMETERS, layersOf } from '../../dist/optimizer/train/ppo.js'
import { train } from '../../dist/optimizer/train/train.js'
import { seeded } from '../../dist/base/random.js'
import { Stopwatch, takeTurns } from '../measure.mjs'
import { openTuning } from './decisions.mjs'

const STEPS = [12, 60, 390]
const BACKENDS = ['wasm', 'cpu']

export async function compareOptimizer({ quick, log }) {
  const memory = begin(seeded(1), HYPERPARAMETERS)
  // The first weights answer zero; the time is that of any weights.
  const scales = FEATURES.map(() => ({ mean: 0, deviation: 1, support: [-9, 9] }))
  const infer = inferenceOf(layersOf(memory, 'actor'), scales)
  const features = Float64Array.from(FEATURES, (_, at) => Math.sin(at))
  const watches = { plain: new Stopwatch(() => infer(features), false) }
  for (const steps of STEPS) {
    const problem = problemOf(steps)
    watches[`receding ${steps}`] = new Stopwatch(() => recedingLots(problem), false)
  }
  const scaled = Float32Array.from(features)
  const turns = quick
    ? { warmUpMs: 100, rounds: 4, sliceMs: 60 }
    : { warmUpMs: 1000, rounds: 10, sliceMs: 400 }
  // Apart from the others: all ways in turns, on one state.
  const tuning = Object.entries(openTuning(infer)).map(([name, call]) => [name, new Stopwatch(call, false)])
  log('optimizer: decisions with it off and on')
  await takeTurns(
    tuning.map(([, watch]) => watch),
    turns,
  )
  const decisions = Object.fromEntries(tuning.map(([name, watch]) => [name, watch.result()]))
  const training = {}
  const chosen = await openLibrary()
  log(`optimizer: plain code, schedules; the training library would choose ${chosen.backend}`)
  await takeTurns(Object.values(watches), turns)
  for (const backend of BACKENDS) {
    log(`optimizer: ${backend}`)
    const { tf } = await openLibrary(backend)
    const watch = new Stopwatch(() => answersOf(tf, memory, scaled), false)
    await takeTurns([watch, watches.plain], turns)
    watches[backend] = watch
    training[backend] = trainingSeconds(tf, quick ? 12_288 : 61_440)
  }
  const results = Object.fromEntries(Object.entries(watches).map(([name, watch]) => [name, watch.result()]))
  return { steps: STEPS, backends: BACKENDS, chosen: chosen.backend, results, decisions, training }
}

/** An order with volumes like those of a day and caps of which some bind. */
function problemOf(steps) {
  const chance = seeded(steps)
  const some = (low, high) => Array.from({ length: steps }, () => low + (high - low) * chance())
  const lots = 100_000
  return {
    lots,
    impact: some(0.5, 2),
    risk: some(0, 0.2),
    caps: some((1.2 * lots) / steps, (4 * lots) / steps).map(Math.floor),
  }
}

/** Of 100,000 steps of orders, by a shorter run on a simulated market. */
function trainingSeconds(tf, steps) {
  const { training } = openMarkets(undefined, 1)
  const start = performance.now()
  train(tf, {
    terms: training,
    mix: MIX,
    baseline: 'receding AC, expecting',
    hyperparameters: HYPERPARAMETERS,
    seed: 1,
    steps,
  })
  return ((performance.now() - start) / 1000 / steps) * 100_000
}
