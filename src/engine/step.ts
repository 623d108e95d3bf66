/** What goes into the core and what comes out of it. */
import type { ErrorCode } from '../base/errors.ts'
import type { Program } from '../constitution/compile.ts'
import type { Partition } from '../protocol/partition.ts'
import type { AccountRegistration } from '../protocol/account.ts'
import type { ActionRequest, HaltRequest } from '../protocol/action.ts'
import type { AgentRegistration } from '../protocol/agent.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { Event } from '../protocol/event.ts'
import type { Anomaly, Execution } from '../protocol/execution.ts'
import type { GrantRequest } from '../protocol/grant.ts'
import type { Observation } from '../protocol/observation.ts'
import type { EmergencyPolicy, Sighting } from '../protocol/emergency.ts'
import type { OptimizerPolicy } from '../protocol/optimizer.ts'
import type { ExpertField, Policy } from '../protocol/policy.ts'
import type { Vote } from '../protocol/proposal.ts'
import type { RatedDay } from '../protocol/rated.ts'
import type { RoutingPolicy } from '../protocol/routing.ts'
import type { SignoffRequest } from '../protocol/signoff.ts'
import { apply, type State } from './state.ts'

/** What can happen to an owner. Operators and feeders are named by their tokens. */
export type Input =
  | { readonly kind: 'action'; readonly request: ActionRequest }
  | {
      readonly kind: 'observations'
      readonly observations: readonly Observation[]
      readonly feeder: string | null
    }
  | { readonly kind: 'executions'; readonly executions: readonly Execution[]; readonly feeder: string | null }
  /** The last look before what a permit allows is sent. */
  | { readonly kind: 'redeem'; readonly permit: string; readonly agent: string }
  /** An operator takes the broker's word on an account's positions for ours. */
  | { readonly kind: 'adopt'; readonly account: string; readonly operator: string; readonly reason: string }
  | { readonly kind: 'register'; readonly registration: AgentRegistration; readonly by: string }
  /** An operator says whose an account is. */
  | { readonly kind: 'own'; readonly registration: AccountRegistration; readonly by: string }
  /** One agent's vote, by its own token. */
  | { readonly kind: 'vote'; readonly vote: Vote }
  /** A proposal is taken back by who proposed it, or cancelled by a guardian or an operator. */
  | {
      readonly kind: 'stop'
      readonly proposal: string
      readonly how: 'withdrawn' | 'cancelled'
      readonly by: string
      readonly isOperator: boolean
    }
  /** An agent's votes on a field are cast by another; by itself again where `to` is null. */
  | {
      readonly kind: 'delegate'
      readonly from: string
      readonly to: string | null
      readonly field: ExpertField
    }
  /** Policies by which questions are put to the vote. */
  | ({ readonly kind: 'quorate'; readonly policies: readonly Policy[] } & Person)
  /** The policy by which actions are routed to specialists. */
  | ({ readonly kind: 'route'; readonly content: RoutingPolicy } & Person)
  | { readonly kind: 'retire'; readonly agent: string; readonly by: string; readonly reason: string }
  | { readonly kind: 'beat'; readonly agent: string }
  /** The home of a partition tells how its agents did on days that are over. */
  | { readonly kind: 'rate'; readonly partition: number; readonly days: readonly RatedDay[] }
  /** The first of several partitions has recorded this, which another follows; with the constitution that it puts in force. */
  | ({ readonly kind: 'follow'; readonly program?: Program } & Omit<
      Extract<Event, { type: 'followed' }>,
      'schema' | 'type'
    >)
  /** `id` where every partition takes it, so that it is one halt in all of them. */
  | {
      readonly kind: 'halt'
      readonly request: HaltRequest
      readonly by: string
      readonly id?: string
      /** What it saw, where a monitor of another partition raised it. */
      readonly monitor?: Sighting
    }
  | {
      readonly kind: 'resume'
      readonly halt: string
      readonly operator: string
      readonly reason: string
      /** Whether the high-water mark of the account that the halt is about is to be lowered to its equity. */
      readonly rebase?: true
    }
  /** An author puts an emergency policy in force. */
  | { readonly kind: 'police'; readonly hash: string; readonly content: EmergencyPolicy; readonly by: string }
  /** An author puts an optimizer policy in force; with a reason also after tuning stopped by itself. */
  | ({
      readonly kind: 'steer'
      readonly hash: string
      readonly content: OptimizerPolicy
      /** Where there are several partitions: the decisions over which tuning stopped in one of them, and may go on. */
      readonly stops?: readonly string[]
    } & Person)
  /** Time passed. What agents did not say before `listeningSince` nobody could hear. */
  | { readonly kind: 'tick'; readonly listeningSince: number }
  | { readonly kind: 'signoff'; readonly request: SignoffRequest; readonly by: string }
  | { readonly kind: 'unsign'; readonly signoff: string; readonly operator: string; readonly reason: string }
  | { readonly kind: 'grant'; readonly request: GrantRequest; readonly by: string }
  | {
      readonly kind: 'approve' | 'revoke'
      readonly grant: string
      readonly operator: string
      readonly reason: string
    }
  /** This sidecar is home from now on, under a lease of this epoch, of this partition: the only one where none is named. */
  | {
      readonly kind: 'promote'
      readonly epoch: number
      readonly by: string
      readonly partition?: Partition
    }
  | ({ readonly kind: 'activate'; readonly program: Program; readonly by: string } & Activating)

/** What is said beside a constitution that is to come into force. */
export interface Activating extends Omit<Person, 'by'> {
  /** How many cases beside it do not hold, where that is accepted. */
  readonly casesFailed?: number
}

/** Who asks for a change, by the name of a token, and why. */
export interface Person {
  readonly by: string
  readonly reason?: string
  /** Whether this can only be the second word on what an author asked for: an operator's. */
  readonly isSecond?: true
  /** Whether only what was approved is to take effect, and nobody is asked anew. */
  readonly isEnacting?: true
}

/** What an input was answered; performed only once the events are durable. */
export type Effect =
  | { readonly kind: 'answer'; readonly decision: DecisionCore; readonly sequence: number }
  /** Decided before: the record at `sequence` has the answer. */
  | { readonly kind: 'recall'; readonly sequence: number }
  | { readonly kind: 'observed'; readonly accepted: number; readonly refused: readonly RefusedObservation[] }
  | {
      readonly kind: 'executed'
      readonly accepted: number
      readonly repeated: number
      readonly anomalies: readonly { readonly index: number; readonly anomaly: Anomaly }[]
      readonly refused: readonly RefusedObservation[]
    }
  | { readonly kind: 'done'; readonly body: Readonly<Record<string, string | number | boolean>> }
  | { readonly kind: 'refuse'; readonly code: ErrorCode; readonly detail: string }

export interface RefusedObservation {
  /** Its place in what was sent. */
  readonly index: number
  readonly code: ErrorCode
  readonly detail: string
}

export type Step = readonly [State, readonly Event[], readonly Effect[]]

/** One event, and what its caller is told. */
export function recorded(
  state: State,
  event: Event,
  now: number,
  body: Readonly<Record<string, string | number | boolean>>,
): Step {
  return [fold(state, [event], now), [event], [{ kind: 'done', body }]]
}

/** Why what was allowed must not be sent any more. */
export interface Held {
  readonly code: ErrorCode
  readonly detail: string
}

/** Nothing happened, and why. */
export function refused(state: State, code: ErrorCode, detail: string): Step {
  return [state, [], [{ kind: 'refuse', code, detail }]]
}

/** The state after `events`, all of one reading of the clock. */
export function fold(state: State, events: readonly Event[], now: number): State {
  return events.reduce((next, event) => apply(next, { at: now, event }, () => state.program), state)
}
