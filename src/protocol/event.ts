/** What the journal records: each event changes the state of an owner, and the state is their fold. */
import { z } from 'zod'
import { HaltScope, Transfer } from './action.ts'
import { AgentRegistration } from './agent.ts'
import { Certificate } from './certificate.ts'
import { Hash, Millis, Name, SchemaVersion } from './common.ts'
import { DecisionCore } from './decision.ts'
import { Evidence } from './evidence.ts'
import { Anomaly, RecordedExecution } from './execution.ts'
import { GrantTerms } from './grant.ts'
import { Observation } from './observation.ts'
import { EmergencyPolicy, Sighting } from './emergency.ts'
import { OptimizerPolicy, TuningStop } from './optimizer.ts'
import { Partition } from './partition.ts'
import { ExpertField, Policy } from './policy.ts'
import { Proposal, Subject, Vote } from './proposal.ts'
import { RATING } from './rated.ts'
import { Roster } from './roster.ts'
import { RoutingPolicy } from './routing.ts'
import { EntryId, Lane, TakenEffect } from './taken.ts'

/** A round as it opens: everything by which it will be counted. */
const OpenedRound = z.strictObject({ proposal: Proposal, policy: Policy, roster: Roster, deadline: Millis })
export type OpenedRound = z.infer<typeof OpenedRound>

/** What let a change take effect, where it was not for its author alone: the word of a quorum, or of a second person. */
const BACKING = {
  certificate: Hash.optional().describe('Of the quorum that approved it'),
  first: z
    .strictObject({ by: Name, reason: z.string() })
    .optional()
    .describe('Who asked for it before `by` did, where nobody could vote'),
}

const Registered = z.strictObject({
  schema: SchemaVersion,
  type: z.literal('registered'),
  registration: AgentRegistration,
  by: Name,
})
const Owned = z.strictObject({
  schema: SchemaVersion,
  type: z.literal('owned'),
  account: Name,
  owner: Name.describe('Whose account it is from here on'),
  by: Name,
})
const Retired = z.strictObject({
  schema: SchemaVersion,
  type: z.literal('retired'),
  agent: Name,
  by: Name,
  reason: z.string(),
})

const Asked = z.strictObject({
  schema: SchemaVersion,
  type: z.literal('asked'),
  by: Name.describe('The operator or author who asks what no action waits for'),
  rounds: z.array(OpenedRound).min(1),
})
const Requested = z.strictObject({
  schema: SchemaVersion,
  type: z.literal('requested'),
  subject: Subject.describe('A change for which nobody can vote: a second person must ask for the same'),
  by: Name,
  reason: z.string(),
  until: Millis.describe('How long it counts'),
})
const Stopped = z.strictObject({
  schema: SchemaVersion,
  type: z.literal('stopped'),
  proposal: Name,
  how: z.enum(['withdrawn', 'cancelled']),
  by: Name,
  isOperator: z.boolean(),
})
const Certified = z.strictObject({
  schema: SchemaVersion,
  type: z.literal('certified'),
  certificate: Certificate,
})
const Quorate = z.strictObject({
  schema: SchemaVersion,
  type: z.literal('quorate'),
  hash: Hash.describe('SHA-256 of the canonical JSON of the policies'),
  policies: z.array(Policy).max(1000),
  by: Name,
  engine: z.string(),
  reason: z.string().optional(),
  ...BACKING,
})
const Routed = z.strictObject({
  schema: SchemaVersion,
  type: z.literal('routed'),
  hash: Hash.describe('SHA-256 of the canonical JSON of `content`'),
  content: RoutingPolicy.describe('By which actions are routed from now on'),
  by: Name,
  engine: z.string(),
  reason: z.string().optional(),
  ...BACKING,
})
const Resumed = z.strictObject({
  schema: SchemaVersion,
  type: z.literal('resumed'),
  halt: z.string(),
  operator: Name,
  reason: z.string(),
  rebase: z.literal(true).optional().describe('Asks to lower the high-water mark, too'),
  certificate: Hash.optional().describe('Of the quorum that lifted it; left out where operators ask'),
})
const Policed = z.strictObject({
  schema: SchemaVersion,
  type: z.literal('policed'),
  policy: z.literal('emergency'),
  hash: Hash.describe('SHA-256 of the canonical JSON of `content`'),
  content: EmergencyPolicy.describe('The policy whole: what the hash stands for'),
  by: Name,
  engine: z.string(),
})
const Steered = z.strictObject({
  schema: SchemaVersion,
  type: z.literal('steered'),
  hash: Hash.describe('SHA-256 of the canonical JSON of `content`'),
  content: OptimizerPolicy.describe('By which orders are tuned from now on'),
  by: Name,
  engine: z.string(),
  reason: z.string().optional().describe('Why; where tuning had stopped by itself, why it may go on'),
  stops: z
    .array(Name)
    .optional()
    .describe('Where there are several partitions: the decisions over which it had stopped in one of them'),
  ...BACKING,
})
const Activated = z.strictObject({
  schema: SchemaVersion,
  type: z.literal('activated'),
  constitution: Hash,
  name: z.string(),
  version: z.string(),
  by: Name,
  engine: z.string(),
  // Present where cases beside it did not hold and somebody put it in force all the same.
  casesFailed: z.int().positive().optional(),
  acceptFailingCases: z.literal(true).optional(),
  reason: z.string().optional(),
  ...BACKING,
})

const Rated = z.strictObject({ schema: SchemaVersion, type: z.literal('rated'), ...RATING })

/** What the first of several partitions records for all of them: who acts and how that went, whose accounts are, the law, and how it was agreed to. */
const ForAll = z.discriminatedUnion('type', [
  Registered,
  Owned,
  Retired,
  Requested,
  Asked,
  Stopped,
  Certified,
  Activated,
  Quorate,
  Routed,
  Policed,
  Steered,
  Resumed,
  Rated,
])
export type ForAll = z.infer<typeof ForAll>

export const Event = z.discriminatedUnion('type', [
  z.strictObject({
    schema: SchemaVersion,
    type: z.literal('decided'),
    decision: DecisionCore,
    evidence: Evidence,
  }),
  z.strictObject({
    schema: SchemaVersion,
    type: z.literal('proposed'),
    decision: DecisionCore.describe('Pending: what it comes to is decided when its rounds are over'),
    evidence: Evidence,
    rounds: z.array(OpenedRound).min(1),
  }),
  Asked,
  Requested,
  z.strictObject({ schema: SchemaVersion, type: z.literal('voted'), vote: Vote }),
  Stopped,
  Certified,
  z.strictObject({
    schema: SchemaVersion,
    type: z.literal('delegated'),
    from: Name,
    to: Name,
    field: ExpertField,
  }),
  z.strictObject({ schema: SchemaVersion, type: z.literal('revoked'), from: Name, field: ExpertField }),
  Quorate,
  Routed,
  z.strictObject({
    schema: SchemaVersion,
    type: z.literal('executed'),
    execution: RecordedExecution,
    lots: z.int().nonnegative().describe('Of the order filled by now'),
    anomaly: Anomaly.nullable().describe('Counted though it should not have come'),
    feeder: Name.nullable(),
  }),
  z.strictObject({
    schema: SchemaVersion,
    type: z.literal('anomalous'),
    execution: RecordedExecution,
    code: z.string().describe('Why it was not counted'),
    feeder: Name.nullable(),
  }),
  z.strictObject({
    schema: SchemaVersion,
    type: z.literal('redeemed'),
    decision: Name,
  }),
  z.strictObject({
    schema: SchemaVersion,
    type: z.literal('lapsed'),
    decision: Name.describe('Whose permit was over without having been redeemed'),
  }),
  z.strictObject({
    schema: SchemaVersion,
    type: z.literal('adopted'),
    account: Name,
    by: Name,
    reason: z.string(),
  }),
  z.strictObject({
    schema: SchemaVersion,
    type: z.literal('observed'),
    observation: Observation,
    feeder: Name.nullable(),
  }),
  Registered,
  Owned,
  Retired,
  Rated,
  z.strictObject({
    schema: SchemaVersion,
    type: z.literal('followed'),
    after: z
      .int()
      .nonnegative()
      .describe('The record of the first partition up to which it was followed before'),
    record: z.int().positive().describe('Up to which it is followed from here on'),
    hash: Hash.describe('Of that record'),
    event: ForAll.optional().describe(
      'What the record says for all; left out where it says nothing for them',
    ),
  }),
  z.strictObject({ schema: SchemaVersion, type: z.literal('beat'), agent: Name }),
  z.strictObject({
    schema: SchemaVersion,
    type: z.literal('halted'),
    halt: z.string(),
    scope: HaltScope,
    state: z.enum(['reducing', 'halted']),
    by: z.string().describe('An operator, or the rule or monitor that raised it'),
    reason: z.string(),
    monitor: Sighting.optional().describe('What it saw, where a monitor raised it'),
    replaces: z
      .string()
      .optional()
      .describe('Where there are several partitions: what it was called before it was raised again'),
  }),
  Resumed,
  Policed,
  Steered,
  z.strictObject({ schema: SchemaVersion, type: z.literal('tuningStopped'), ...TuningStop.shape }),
  z.strictObject({
    schema: SchemaVersion,
    type: z.literal('grantProposed'),
    grant: z.string(),
    terms: GrantTerms,
    by: Name,
    reason: z.string(),
    proposal: Name.optional().describe('What agents vote on; left out where another operator approves'),
  }),
  z.strictObject({
    schema: SchemaVersion,
    type: z.literal('grantApproved'),
    grant: z.string(),
    by: Name.describe('Another operator than proposed it, or the proposal by which a quorum did'),
    reason: z.string(),
    certificate: Hash.optional().describe('Of the quorum; left out where an operator approves'),
  }),
  z.strictObject({
    schema: SchemaVersion,
    type: z.literal('grantRevoked'),
    grant: z.string(),
    by: Name,
    reason: z.string(),
  }),
  z.strictObject({
    schema: SchemaVersion,
    type: z.literal('signedOff'),
    signoff: z.string(),
    agent: Name,
    action: Transfer,
    until: Millis,
    by: Name,
    reason: z.string(),
  }),
  z.strictObject({
    schema: SchemaVersion,
    type: z.literal('signoffRevoked'),
    signoff: z.string(),
    by: Name,
    reason: z.string(),
  }),
  Activated,
  z.strictObject({
    schema: SchemaVersion,
    type: z.literal('promoted'),
    epoch: z.int().positive().describe('Higher than that of any home before'),
    by: Name.describe('The sidecar that is home from here on'),
    partition: Partition.optional().describe(
      'In the first record of one of several partitions: which of them the journal is of',
    ),
  }),
  z.strictObject({
    schema: SchemaVersion,
    type: z.literal('taken'),
    lane: Lane,
    entry: EntryId,
    message: z
      .string()
      .max(300)
      .optional()
      .describe('Which message of which sidecar it was, wherever it lies: none acts twice'),
    effect: TakenEffect,
  }),
])
export type Event = z.infer<typeof Event>

/** An event with the clock reading it happened at. */
export interface TimedEvent {
  readonly at: z.infer<typeof Millis>
  readonly event: Event
}
