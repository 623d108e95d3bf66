/** Draws the orders that are trained on and compared by. */
import type { Order } from './execution.ts'

/** What orders are like. */
export interface Mix {
  readonly steps: number
  readonly urgency: readonly [number, number]
  /** Of the most that the caps allow over the horizon. */
  readonly share: readonly [number, number]
  readonly lots: readonly [number, number]
}

export const MIX: Mix = { steps: 12, urgency: [0, 0.4], share: [0.05, 0.5], lots: [200, 50_000] }

/** Orders so small that no cap binds, even if all goes at once. */
export const FREE_MIX: Mix = { ...MIX, share: [0.02, 0.08] }

/** An order that begins in one of `starts`; size and lots evenly on a logarithmic scale. */
export function drawOrder(starts: readonly number[], mix: Mix, chance: () => number): Order {
  const start = starts[Math.floor(chance() * starts.length)]
  if (start === undefined) throw new Error('invariant: orders need bars to begin in')
  const logarithmic = ([low, high]: readonly [number, number]): number => low * (high / low) ** chance()
  const [calm, hasty] = mix.urgency
  return {
    start,
    steps: mix.steps,
    lots: Math.round(logarithmic(mix.lots)),
    share: logarithmic(mix.share),
    urgency: calm + (hasty - calm) * chance(),
  }
}
