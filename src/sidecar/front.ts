/** What callers reach of a sidecar: the core of the one partition that there is, or those of several as if they were one. */
import type { Sidecar } from './sidecar.ts'

/** `state` and `durableState` are of the first partition, where owners are fixed. */
export interface Front extends Pick<
  Sidecar,
  | 'store'
  | 'models'
  | 'state'
  | 'durableState'
  | 'durableSequence'
  | 'unready'
  | 'home'
  | 'shown'
  | 'halts'
  | 'pending'
  | 'checkpointSequence'
  | 'findDecision'
  | 'findableDecisions'
  | 'listen'
  | 'decided'
  | 'openProposals'
  | 'proposalOf'
  | 'roundConcerns'
  | 'sagaOf'
  | 'submit'
  | 'activate'
  | 'tick'
  | 'join'
  | 'close'
> {
  /** By the numbers of their partitions. */
  readonly cores: readonly Sidecar[]
}
