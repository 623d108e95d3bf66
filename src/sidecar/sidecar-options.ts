/** With what a sidecar is opened. */
import type { KeyObject } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import type { KeyPair } from '../base/ed25519.ts'
import type { PermitSigner } from '../permit/sign.ts'
import type { JournalIo } from '../journal/journal.ts'
import type { CheckpointOptions } from './checkpoints.ts'

export interface SidecarOptions {
  readonly journalDirectory: string
  readonly constitutionsDirectory: string
  readonly keys: KeyPair
  readonly keyId: string
  /** Public keys that signed the journal's heads before, by id. */
  readonly retiredKeys?: ReadonlyMap<string, KeyObject>
  readonly clock: Clock
  /** Signs permits; without it verdicts carry none. */
  readonly permits?: PermitSigner
  readonly segmentBytesMax?: number
  /** `false` only to measure what durability costs. */
  readonly fsync?: boolean
  /** How the journal reaches the disk; else the file system of the machine. */
  readonly io?: JournalIo
  /** Inputs being recorded at once; more are refused as overload. */
  readonly queueMax?: number
  /** When checkpoints are written; what is left out is as in `CHECKPOINT_DEFAULTS`. */
  readonly checkpoints?: Partial<CheckpointOptions>
}
