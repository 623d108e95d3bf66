/** How often checkpoints are written. By itself, since commands that only read the configuration need none of the core. */

/** What came of a checkpoint. */
export type CheckpointReport =
  | { readonly kind: 'written'; readonly sequence: number; readonly bytes: number; readonly millis: number }
  | { readonly kind: 'failed'; readonly sequence: number; readonly reason: string }

export interface CheckpointOptions {
  /** Records from one checkpoint to the next; `null` writes none. */
  readonly everyRecords: number | null
  /** One that would be larger is given up. */
  readonly bytesMax: number
  /** Told of each. */
  readonly report?: (report: CheckpointReport) => void
}

/** A tail of 200,000 records is folded within seconds; the largest state that the bounds allow is smaller than the maximum. */
export const CHECKPOINT_DEFAULTS: CheckpointOptions = { everyRecords: 200_000, bytesMax: 2 * 1024 ** 3 }
