/** What the measurement of the optimizer says, as Markdown. */
import { digits, table, times, us } from '../table.mjs'

const INFERENCE_MAX = 10

export function reportOptimizer({ steps, backends, chosen, results, decisions, training }) {
  const { plain } = results
  return [
    '## The optimizer',
    '',
    'One answer of the network 11→32→32→1, in plain doubles as a sidecar would ask it, and by TensorFlow.js, in turns; a step of the receding schedule in whole lots under caps, by the steps that are left; 100,000 steps of training on a simulated market.',
    '',
    table(
      ['Inference', 'p50', 'p99', 'against plain code'],
      ['plain', ...backends].map((name) => [
        name === 'plain' ? 'plain code' : `TensorFlow.js, ${name}`,
        us(results[name].p50),
        us(results[name].p99),
        times(results[name].p50 / plain.p50),
      ]),
    ),
    '',
    table(
      ['Receding schedule, steps left', 'p50', 'p99'],
      steps.map((count) => [
        count,
        us(results[`receding ${count}`].p50),
        us(results[`receding ${count}`].p99),
      ]),
    ),
    '',
    '`handle` of an order with a horizon, 10,000 orders open, its slice judged whole; all ways in turns on one state.',
    '',
    table(
      ['Decision, the optimizer', 'p50', 'p99', 'p50 more than off'],
      Object.entries(decisions).map(([name, { p50, p99 }]) => [
        name,
        us(p50),
        us(p99),
        name === 'off' ? '' : us(p50 - decisions.off.p50),
      ]),
    ),
    '',
    table(
      ['Training, 100,000 steps', 'seconds'],
      backends.map((name) => [`${name}${name === chosen ? ', chosen here' : ''}`, digits(training[name])]),
    ),
  ].join('\n')
}

/** Held against the budgets of the design. */
/** Microseconds. */
const TUNING_MAX = 15

export function budgetsOfOptimizer({ results, decisions }) {
  const { p99 } = results.plain
  const more = decisions['expecting, moved by a model'].p50 - decisions.off.p50
  return [
    {
      budget: `inference p99 ≤ ${INFERENCE_MAX} µs`,
      measured: us(p99),
      isMet: (slowness) => p99 <= INFERENCE_MAX * slowness,
    },
    {
      budget: `a decision with the optimizer on, a model moving it: ≤ ${TUNING_MAX} µs more than off, p50`,
      measured: us(more),
      isMet: (slowness) => more <= TUNING_MAX * slowness,
    },
  ]
}
