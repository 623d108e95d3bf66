/** What tuning rests on in the ledger: what bars say of an instrument, and how an order is sent in slices. */
import type { Plan } from '../protocol/optimizer.ts'

/** What bars say of an instrument's liquidity and risk, and what was usual before each. */
export interface LiquidityState {
  /** Of the last bar. */
  readonly from: number
  readonly to: number
  /** Bars that were counted, and how many up to the last follow each other without a gap and are of one length. */
  readonly count: number
  readonly run: number
  readonly volume: number
  readonly previousVolume: number
  readonly variance: number
  /** Usual before the last bar. */
  readonly usualVolume: number
  readonly usualVariance: number
  /** Logarithms of what is usual from now on. */
  readonly level: number
  readonly risk: number
}

/** How an order is sent in slices. */
export interface ScheduleState {
  readonly plan: Plan
  readonly next: number
  readonly applied: boolean
  /** The last slice as a model chose it, until the bars of its step tell what it cost. */
  readonly slip: Slip | undefined
}

/** What a model chose, beside what its schedule would have sent. */
export interface Slip {
  readonly left: number
  readonly sent: number
  readonly scheduled: number
  readonly stepsLeft: number
  readonly ratio: number
}
