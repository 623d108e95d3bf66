/** Times repeated calls: samples in microseconds, and what is told of them. */

/** A sample is a mean over enough calls to last about this long, so that reading the clock does not count. */
const SAMPLE_US = 10
const CALLS_MAX = 64

/**
 * A measurement that is taken in slices, so that rivals can take turns. `call(index)` may answer a promise where `isAsync`.
 */
export class Stopwatch {
  samples = []
  calls = 1
  #index = 0

  constructor(call, isAsync) {
    this.call = call
    this.isAsync = isAsync
  }

  /** Runs for `budgetMs` without keeping samples, and finds how many calls make a sample. */
  async warmUp(budgetMs) {
    await this.run(budgetMs)
    const callUs = percentile(this.samples, 0.5)
    this.calls = Math.min(CALLS_MAX, Math.max(1, Math.round(SAMPLE_US / callUs)))
    this.samples = []
  }

  /** Takes samples for `budgetMs`, at least one. */
  async run(budgetMs) {
    const end = performance.now() + budgetMs
    do {
      const start = performance.now()
      if (this.isAsync) for (let at = 0; at < this.calls; at += 1) await this.call(this.#index++)
      else for (let at = 0; at < this.calls; at += 1) this.call(this.#index++)
      this.samples.push(((performance.now() - start) * 1000) / this.calls)
    } while (performance.now() < end)
  }

  /** Microseconds. */
  result() {
    return {
      p50: percentile(this.samples, 0.5),
      p99: percentile(this.samples, 0.99),
      mean: this.samples.reduce((sum, sample) => sum + sample, 0) / this.samples.length,
      evaluations: this.samples.length * this.calls,
    }
  }
}

/** Lets all stopwatches warm up, then run in turns. */
export async function takeTurns(stopwatches, { warmUpMs, rounds, sliceMs }) {
  for (const stopwatch of stopwatches) await stopwatch.warmUp(warmUpMs)
  for (let round = 0; round < rounds; round += 1)
    for (const stopwatch of stopwatches) await stopwatch.run(sliceMs)
}

export function percentile(samples, share) {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
