/** With what a sidecar is opened. */
import type { Cluster } from '../cluster/cluster.ts'
import type { PermitSigner } from '../permit/sign.ts'
import type { MemberReport } from './member-options.ts'
import type { ConstitutionStore } from './constitutions.ts'
import type { ModelStore } from './models.ts'
import type { Peers } from './sealed-inbox.ts'
import type { RecorderOptions } from './recorder.ts'

export interface SidecarOptions extends RecorderOptions {
  readonly constitutionsDirectory: string
  /** Where models that came into force are kept by their hash; without it none is asked after a restart. */
  readonly modelsDirectory?: string | undefined
  /** Else its own, of these directories. */
  readonly store?: ConstitutionStore
  readonly models?: ModelStore
  /** Signs permits; without it verdicts carry none. */
  readonly permits?: PermitSigner
  /** Inputs being recorded at once; more are refused as overload. */
  readonly queueMax?: number
  /** With others under one law; without it the sidecar is by itself, and home to everybody. */
  readonly membership?: Membership | undefined
}

/** How a sidecar is one of several. */
export interface Membership {
  readonly cluster: Cluster
  /** Keys by which sidecars know each other; without them nothing is sealed. */
  readonly peers?: Peers | undefined
  /** A former home whose journal is lost, by an operator's word. */
  readonly acceptAbsence?: string | undefined
  readonly report?: (report: MemberReport) => void
}
