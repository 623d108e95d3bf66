/** How liquidity and risk return to what is usual, step by step, where nothing else was measured. */
import type { Plan } from './plan.ts'

/**
 * By least squares on the hourly bars of BTC/USD of 2018-05-15 to 2020-03-23 that training takes (docs/optimizer-report.md). No other market was measured;
 * a simulated one that was calibrated to other figures gives 0.46, 0.70, 0.33 and 1.00.
 */
export const REVERSION: Pick<Plan, 'volume' | 'variance'> = {
  volume: { persistence: 0.472, noise: 0.701 },
  variance: { persistence: 0.352, noise: 1.004 },
}
