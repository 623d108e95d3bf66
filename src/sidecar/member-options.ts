/** What a member of a cluster works with: its way to the others, its journal with the fold, its clock and timers. */
import type { Clock, Timers } from '../base/clock.ts'
import type { Acquired, Cluster, InboxEntry } from '../cluster/cluster.ts'
import type { Input } from '../engine/step.ts'
import type { SetAside } from '../journal/set-aside.ts'
import type { ConstitutionStore } from './constitutions.ts'
import type { Lookout } from './lookout.ts'
import type { Recorder } from './recorder.ts'
import type { Vouch } from './sealed-log.ts'

/** What a member says of itself. */
export type MemberReport =
  | { readonly kind: 'promoted'; readonly epoch: number; readonly sequence: number; readonly millis: number }
  | { readonly kind: 'handedOver'; readonly epoch: number; readonly to: string }
  | { readonly kind: 'demoted'; readonly epoch: number; readonly reason: string }
  | ({ readonly kind: 'setAside' } & SetAside)
  | { readonly kind: 'stopped'; readonly reason: string }
  | Took

/** An input of another sidecar whose caller named a trace is on record. */
export interface Took extends Required<Pick<InboxEntry, 'traceparent' | 'lane' | 'entry'>> {
  readonly kind: 'took'
  /** The sidecar that put it there. */
  readonly from: string
  /** Of which kind it is, where it could be read. */
  readonly input?: Input['kind']
  /** A verdict, the code of a refusal, or what else its sender was told. */
  readonly outcome: string
  /** The decision that was made, by its id. */
  readonly decision?: string
}

/** What a member does with the journal and its fold. */
export type Book = Pick<
  Recorder,
  | 'state'
  | 'durable'
  | 'end'
  | 'failed'
  | 'record'
  | 'recordDelivered'
  | 'copy'
  | 'show'
  | 'hashAt'
  | 'linesFrom'
  | 'flushed'
>

/** The sidecar whose part this is. */
export interface Seat {
  readonly recorder: () => Book
  /** Opens the journal again, with nothing after `keepTo`, and tells what was set aside. */
  readonly reopen: (keepTo: number | undefined) => Promise<SetAside | null>
}

export interface MemberOptions {
  readonly cluster: Cluster
  /** Hears halts. */
  readonly lookout: Pick<Lookout, 'untaken' | 'tell' | 'spread'>
  readonly store: Pick<ConstitutionStore, 'programOf' | 'learn' | 'texts'>
  /** Which records of the log are believed; without it all that are in one chain. */
  readonly vouch?: Vouch | undefined
  /** The same of the log of the first partition. */
  readonly vouchFirst?: Vouch | undefined
  readonly clock: Clock
  /** Else the machine's. */
  readonly timers?: Timers
  /** A former home whose journal is lost, by an operator's word. */
  readonly acceptAbsence?: string | undefined
  readonly report?: ((report: MemberReport) => void) | undefined
}

/** A lease as it was had, by a call sent at `sent`, in milliseconds of the steady clock. */
export type Lead = Acquired & { readonly kind: 'acquired' } & { readonly sent: number }
