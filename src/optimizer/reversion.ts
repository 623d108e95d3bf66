/** How liquidity and risk return to what is usual, step by step. */

/** Logarithms of volume and variance, less what is usual: x' = φx + s·noise. */
export interface Reversion {
  readonly volume: { readonly persistence: number; readonly noise: number }
  readonly variance: { readonly persistence: number; readonly noise: number }
}

/**
 * By least squares on the hourly bars of BTC/USD of 2018-05-15 to 2020-03-23 that training takes (docs/optimizer-report.md). No other market was measured;
 * a simulated one that was calibrated to other figures gives 0.46, 0.70, 0.33 and 1.00.
 */
export const REVERSION: Reversion = {
  volume: { persistence: 0.472, noise: 0.701 },
  variance: { persistence: 0.352, noise: 1.004 },
}

/** What e to the state of a process is expected to be, `steps` after the state was `state`: it is then normal with mean φⁿx and variance s²(1−φ²ⁿ)/(1−φ²). */
export function expectation(
  { persistence, noise }: Reversion['volume'],
  state: number,
  steps: number,
): number {
  const kept = persistence ** steps
  const spread = (noise * noise * (1 - kept * kept)) / (1 - persistence * persistence)
  return Math.exp(kept * state + spread / 2)
}
