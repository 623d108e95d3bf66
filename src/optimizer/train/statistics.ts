/** What costs of the same orders under different policies say, with how sure one may be. */
import { seeded } from '../../base/random.ts'

/** A figure with its 95 % interval. */
export interface Estimate {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** Sums of costs by block of time (a day), one entry a block; the same blocks for all policies. */
export interface Blocks {
  readonly policy: readonly Float64Array[]
  readonly reference: Float64Array
}

/** Draws of the bootstrap. */
const DRAWS = 2000

/** Sums `costs` by their blocks, numbered from 0. */
export function blockSums(costs: Float64Array, blocks: Int32Array, count: number): Float64Array {
  const sums = new Float64Array(count)
  for (const [at, cost] of costs.entries())
    sums[blocks[at] as number] = (sums[blocks[at] as number] as number) + cost
  return sums
}

/** The mean of the middle half; of fewer than four, of all. */
export function interquartileMean(values: readonly number[]): number {
  const cut = Math.floor(values.length / 4)
  const middle = values.toSorted((a, b) => a - b).slice(cut, values.length - cut)
  return middle.reduce((sum, value) => sum + value, 0) / middle.length
}

/**
 * What part of the reference’s cost the policies save: the interquartile mean over runs (seeds), with the interval of a bootstrap that draws runs, and blocks
 * of time, with replacement: R. Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice", arXiv:2108.13264. Orders of a day share its
 * bars, so whole days are drawn.
 */
export function saving({ policy, reference }: Blocks, seed: number): Estimate {
  const chance = seeded(seed)
  const runs = policy.length
  const blocks = reference.length
  const drawn = new Int32Array(blocks)
  const savingOf = (run: number, picks: Int32Array | undefined): number => {
    const costs = policy[run] as Float64Array
    let [own, other] = [0, 0]
    for (let at = 0; at < blocks; at += 1) {
      const block = picks === undefined ? at : (picks[at] as number)
      own += costs[block] as number
      other += reference[block] as number
    }
    return 1 - own / other
  }
  const each = (pick: (run: number) => number, picks?: Int32Array): number =>
    interquartileMean(Array.from({ length: runs }, (_, run) => savingOf(pick(run), picks)))
  const draws = Array.from({ length: DRAWS }, () => {
    for (let at = 0; at < blocks; at += 1) drawn[at] = Math.floor(chance() * blocks)
    return each(() => Math.floor(chance() * runs), drawn)
  }).toSorted((a, b) => a - b)
  const quantile = (part: number): number => draws[Math.floor(part * (DRAWS - 1))] as number
  return { value: each((run) => run), low: quantile(0.025), high: quantile(0.975) }
}
