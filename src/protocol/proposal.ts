/** What is put to the vote, and one agent's vote on it. */
import { z } from 'zod'
import { Action, HaltScope } from './action.ts'
import { Hash, Millis, Name, SchemaVersion } from './common.ts'

/** What a proposal would do. */
export const Subject = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('action'), action: Action }),
  z.strictObject({
    kind: z.literal('resume'),
    halt: Name,
    reason: z.string().max(1024).describe('The operator’s, who asks'),
    rebase: z.literal(true).optional().describe('Asks to lower the high-water mark, too'),
  }),
  z.strictObject({ kind: z.literal('activation'), constitution: Hash }),
  z.strictObject({ kind: z.literal('grant'), rule: Name, scope: HaltScope, until: Millis }),
])
export type Subject = z.infer<typeof Subject>

export const Proposal = z
  .strictObject({
    schema: SchemaVersion,
    proposal: Name.describe('Its id, and that of its round'),
    agent: Name.describe('Who proposes it'),
    subject: Subject,
    digest: Hash.describe('Of the subject, canonical'),
    policy: Name,
    rules: z.array(Name).max(1000).describe('Those that escalated it'),
    constitution: Hash,
    at: Millis,
  })
  .readonly()
export type Proposal = z.infer<typeof Proposal>

export const Choice = z.enum(['yes', 'no', 'abstain'])
export type Choice = z.infer<typeof Choice>

/** A vote without its signature: exactly what is signed. */
export const Ballot = z.strictObject({
  schema: SchemaVersion,
  round: Name.describe('The proposal’s id'),
  agent: Name,
  choice: Choice,
  digest: Hash.describe('The proposal’s'),
  constitution: Hash,
  roster: Hash.describe('Of the weights, frozen when the round opened'),
})
export type Ballot = z.infer<typeof Ballot>

/** 64 bytes in base64url, in the one way of writing them: the last letter has four bits that say nothing. */
export const Signature = z.string().regex(/^[A-Za-z0-9_-]{85}[AQgw]$/, 'expected 64 bytes in base64url')

/** The body of a vote. */
export const Vote = Ballot.extend({
  signature: Signature.describe('Ed25519, by the voter, of the canonical JSON of the rest under its type'),
})
export type Vote = z.infer<typeof Vote>

/** The body of `DELETE /v1/proposals/{id}`. */
export const Stopping = z.strictObject({ schema: SchemaVersion.optional() })

/** The body of `PUT /v1/agents/{id}/delegations/{field}`: who casts its votes on the field. */
export const Delegating = z.strictObject({ schema: SchemaVersion.optional(), to: Name })
