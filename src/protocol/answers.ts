/** What calls answer, besides verdicts. */
import { z } from 'zod'
import { Saga } from './saga.ts'
import { HaltScope } from './action.ts'
import { Certificate, Tally } from './certificate.ts'
import { Hash, Millis, Name, SchemaVersion, WAITING } from './common.ts'
import { Decision } from './decision.ts'
import { Anomaly } from './execution.ts'
import { ExpertField, Policy } from './policy.ts'
import { Choice, Proposal } from './proposal.ts'
import { PartitionName } from './partition.ts'
import { Roster } from './roster.ts'
import { Sighting } from './emergency.ts'

export const Accepted = z.object({ schema: SchemaVersion, accepted: z.int() })
export type Accepted = z.infer<typeof Accepted>

/** The answer to `POST /v1/executions`. */
export const ExecutionsAnswer = z.object({
  schema: SchemaVersion,
  accepted: z.int(),
  repeated: z.int().describe('Reported before, word for word'),
  anomalies: z
    .array(z.object({ index: z.int(), anomaly: Anomaly }))
    .describe('Counted, though they should not have come'),
})
export type ExecutionsAnswer = z.infer<typeof ExecutionsAnswer>

export const AdoptionAnswer = z.object({ schema: SchemaVersion, account: Name, positions: z.int() })
export type AdoptionAnswer = z.infer<typeof AdoptionAnswer>

export const AgentAnswer = z.object({ schema: SchemaVersion, agent: Name })
export type AgentAnswer = z.infer<typeof AgentAnswer>

const Owned = z.object({ account: Name, owner: Name })

export const AccountAnswer = Owned.extend({ schema: SchemaVersion })
export type AccountAnswer = z.infer<typeof AccountAnswer>

export const AccountsAnswer = z.object({ schema: SchemaVersion, accounts: z.array(Owned) })
export type AccountsAnswer = z.infer<typeof AccountsAnswer>

/** The answer to `POST /v1/permits/{id}/redeem`. */
export const RedeemAnswer = z.object({
  schema: SchemaVersion,
  permit: Name,
  decision: Name,
  at: Millis.describe('The clock reading at which it was redeemed'),
})
export type RedeemAnswer = z.infer<typeof RedeemAnswer>

export const HaltAnswer = z.object({ schema: SchemaVersion, halt: z.string(), state: z.string() })
export type HaltAnswer = z.infer<typeof HaltAnswer>

export const ResumeAnswer = z.object({
  schema: SchemaVersion,
  halt: z.string(),
  lifted: z.boolean(),
  rebased: z.boolean().describe('Whether the high-water mark was lowered'),
  operators: z.int().describe('Who have asked, where operators lift it'),
  proposal: Name.optional().describe('Where agents can vote: what they vote on'),
})
export type ResumeAnswer = z.infer<typeof ResumeAnswer>

const Halt = z.object({
  halt: z.string(),
  scope: HaltScope,
  state: z.enum(['reducing', 'halted']),
  by: z.string(),
  reason: z.string(),
  at: Millis,
  monitor: Sighting.optional().describe('What it saw, where a monitor raised it'),
  partitions: z.array(PartitionName).optional().describe('Where there are several: which of them have it'),
  resumes: z.array(z.object({ operator: z.string(), reason: z.string(), at: Millis, rebase: z.boolean() })),
})

export const StateAnswer = z.object({
  schema: SchemaVersion,
  sequence: z.int().describe('The last record; of the first partition where there are several'),
  partitions: z
    .array(z.object({ partition: PartitionName, sequence: z.int() }))
    .optional()
    .describe('Where there are several: how far each is known here'),
  constitution: Hash.nullable(),
  emergency: Hash.nullable().describe('The emergency policy in force'),
  halts: z.array(Halt),
  agents: z.int(),
  instruments: z.int(),
  accounts: z.int(),
})
export type StateAnswer = z.infer<typeof StateAnswer>

export const ConsensusAnswer = z.object({
  schema: SchemaVersion,
  policy: Hash.describe('Of all of them, canonical'),
  policies: z.array(Policy),
})
export type ConsensusAnswer = z.infer<typeof ConsensusAnswer>

export const ProposalView = z.object({
  proposal: Proposal,
  state: z.enum(['open', 'approved', 'rejected', 'withdrawn', 'cancelled']),
  opened: Millis,
  deadline: Millis,
  rosterHash: Hash.describe('What a vote names'),
  roster: Roster,
  votes: z.array(
    z.object({
      agent: Name,
      choice: Choice,
      equivocated: z.boolean().describe('It counts as against'),
      at: Millis,
    }),
  ),
  tally: Tally,
  certificate: Certificate.nullable().describe('Once it is decided'),
})
export type ProposalView = z.infer<typeof ProposalView>

export const ProposalAnswer = ProposalView.extend({ schema: SchemaVersion })
export type ProposalAnswer = z.infer<typeof ProposalAnswer>

export const ProposalsAnswer = z.object({ schema: SchemaVersion, proposals: z.array(ProposalView) })
export type ProposalsAnswer = z.infer<typeof ProposalsAnswer>

export const VoteAnswer = z.object({
  schema: SchemaVersion,
  proposal: Name,
  state: z.string(),
  repeated: z.boolean().describe('The same vote was there already'),
})
export type VoteAnswer = z.infer<typeof VoteAnswer>

export const StopAnswer = z.object({ schema: SchemaVersion, proposal: Name, state: z.string() })
export type StopAnswer = z.infer<typeof StopAnswer>

export const DelegationAnswer = z.object({ schema: SchemaVersion, agent: Name, field: ExpertField })
export type DelegationAnswer = z.infer<typeof DelegationAnswer>

export const ConstitutionAnswer = z.object({
  schema: SchemaVersion,
  constitution: Hash,
  name: z.string(),
  version: z.string(),
  effectiveFrom: z.string(),
  currency: z.string(),
  rules: z.array(
    z.object({
      rule: z.string(),
      code: z.string(),
      title: z.string(),
      effect: z.string(),
      mode: z.string(),
      grantable: z.boolean().describe('Whether operators can grant exceptions to it'),
      actions: z.array(z.string()),
      cites: z.array(z.string()),
    }),
  ),
})
export type ConstitutionAnswer = z.infer<typeof ConstitutionAnswer>

export const ActivationAnswer = z.object({
  schema: SchemaVersion,
  constitution: Hash,
  activated: z.boolean(),
  casesFailed: z.int(),
  ...WAITING,
})
export type ActivationAnswer = z.infer<typeof ActivationAnswer>

const Recorded = z.object({
  sequence: z.int(),
  decision: Decision,
  partition: PartitionName.optional(),
})

export const DecisionAnswer = Recorded.extend({
  schema: SchemaVersion,
  saga: Saga.describe('How far it has come, as of now'),
})
export type DecisionAnswer = z.infer<typeof DecisionAnswer>

export const DecisionsAnswer = z.object({
  schema: SchemaVersion,
  decisions: z.array(Recorded),
  next: z
    .union([z.int(), z.string()])
    .nullable()
    .describe('`cursor` of the next page; text where there are several partitions'),
})
export type DecisionsAnswer = z.infer<typeof DecisionsAnswer>
