/** The proof of what a quorum decided: everything needed to count the votes again. */
import { z } from 'zod'
import { Hash, Millis, Name, SchemaVersion } from './common.ts'
import { Policy, VOTERS_MAX } from './policy.ts'
import { Proposal, Vote } from './proposal.ts'
import { Roster } from './roster.ts'

/** What was approved: this and no more, until then, under this constitution. */
export const Envelope = z.strictObject({ digest: Hash, constitution: Hash, until: Millis })
export type Envelope = z.infer<typeof Envelope>

export const CastVote = z.strictObject({ vote: Vote, at: Millis.describe('When it arrived') })
export type CastVote = z.infer<typeof CastVote>

/** Two votes of one agent in one round that say different things. */
export const Equivocation = z.strictObject({
  first: Vote,
  second: Vote,
  at: Millis.describe('When the second arrived'),
})
export type Equivocation = z.infer<typeof Equivocation>

export const Outcome = z.enum(['approved', 'rejected', 'withdrawn', 'cancelled'])
export type Outcome = z.infer<typeof Outcome>

/** Why a proposal was rejected: the first of these that holds. */
export const RejectionReason = z.enum(['veto', 'quorum', 'support', 'voters', 'consent'])
export type RejectionReason = z.infer<typeof RejectionReason>

/** Weights in millionths of all. */
export const Tally = z.strictObject({
  yes: z.int().nonnegative(),
  no: z.int().nonnegative(),
  abstain: z.int().nonnegative(),
  yesVoters: z.int().nonnegative().describe('Of those whose vote weighs anything'),
  vetoed: z.boolean(),
  consents: z.int().nonnegative().describe('Votes with a veto that say yes'),
})
export type Tally = z.infer<typeof Tally>

export const Certificate = z
  .strictObject({
    schema: SchemaVersion,
    certificate: Hash.describe('Of all the rest, canonical'),
    proposal: Proposal,
    policy: Policy,
    policyHash: Hash,
    roster: Roster,
    rosterHash: Hash,
    opened: Millis,
    deadline: Millis,
    extensions: z.int().nonnegative(),
    closed: Millis,
    votes: z.array(CastVote).max(VOTERS_MAX).describe('In the order of the voters’ names'),
    equivocations: z
      .array(Equivocation)
      .max(VOTERS_MAX)
      .describe('Before the close: these voters count as against'),
    tally: Tally,
    outcome: Outcome,
    reason: RejectionReason.nullable(),
    by: Name.nullable().describe('Who withdrew or cancelled it'),
    envelope: Envelope.nullable(),
  })
  .readonly()
export type Certificate = z.infer<typeof Certificate>
