/** What a round is: open, or closed for good with its outcome; what happens to it, and what follows from that. */
import type { Map } from 'immutable'
import type { CastVote, Envelope, Equivocation, RejectionReason, Tally } from '../protocol/certificate.ts'
import type { Policy } from '../protocol/policy.ts'
import type { Choice, Proposal, Vote } from '../protocol/proposal.ts'
import type { Refusal } from './refusal.ts'
import type { FrozenRoster } from './roster.ts'
import type { Rule, Waiting } from './tally.ts'

/** What does not change once a round is open. */
export interface Opening {
  readonly proposal: Proposal
  readonly policy: Policy
  readonly frozen: FrozenRoster
  readonly rule: Rule
  /** Milliseconds since 1970. */
  readonly opened: number
}

export interface Counted {
  readonly opening: Opening
  readonly deadline: number
  readonly extensions: number
  /** By voter: the first of each, which is final. */
  readonly votes: Map<string, CastVote>
  /** By voter, before the close: they count as against. */
  readonly equivocations: Map<string, Equivocation>
  readonly tally: Tally
}

export interface OpenRound extends Counted {
  readonly state: 'open'
  readonly waiting: Waiting
}

interface Closed extends Counted {
  readonly closed: number
  /** By voter, after the close: evidence that changes nothing. */
  readonly late: Map<string, Equivocation>
}

export interface ApprovedRound extends Closed {
  readonly state: 'approved'
  readonly envelope: Envelope
  /** Who took the approval back before its end; `null` while it stands. */
  readonly ended: { readonly how: 'withdrawn' | 'cancelled'; readonly by: string; readonly at: number } | null
}

export interface RejectedRound extends Closed {
  readonly state: 'rejected'
  readonly reason: RejectionReason
}

export interface StoppedRound extends Closed {
  readonly state: 'withdrawn' | 'cancelled'
  readonly by: string
}

export type ClosedRound = ApprovedRound | RejectedRound | StoppedRound
export type Round = OpenRound | ClosedRound

/** `at` is when it happened by the one clock, in milliseconds since 1970; it never runs backwards from event to event. */
export type RoundEvent =
  | {
      readonly type: 'vote'
      readonly vote: Vote
      /** What was found of the voter: `verifyVote`, and whether the agent is still registered. */
      readonly standing: 'authentic' | 'forged' | 'retired'
      readonly at: number
    }
  /** Time has passed. */
  | { readonly type: 'tick'; readonly at: number }
  | { readonly type: 'withdraw'; readonly by: string; readonly at: number }
  | { readonly type: 'cancel'; readonly by: string; readonly isOperator: boolean; readonly at: number }

export type RoundEffect =
  | Refusal
  | { readonly type: 'counted'; readonly agent: string; readonly choice: Choice }
  /** The same vote again: nothing changed. */
  | { readonly type: 'repeated'; readonly agent: string }
  | { readonly type: 'equivocated'; readonly evidence: Equivocation; readonly counts: boolean }
  | { readonly type: 'extended'; readonly deadline: number }
  | { readonly type: 'closed'; readonly outcome: ClosedRound['state'] }
  /** An approval was taken back: what it allowed is over. */
  | { readonly type: 'ended'; readonly how: 'withdrawn' | 'cancelled' }
