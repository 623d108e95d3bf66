/** What is put to the vote, and one agent's vote on it. */
import { z } from 'zod'
import { Action } from './action.ts'
import { Hash, Millis, Name, SchemaVersion } from './common.ts'
import { GrantTerms } from './grant.ts'
import { Routing } from './routing.ts'

/** Policies by which questions are put to the vote. */
export const VotingPolicy = z.enum(['consensus', 'routing'])
export type VotingPolicy = z.infer<typeof VotingPolicy>

/** Policies that take more than an author where others can be asked. */
export const AgreedPolicy = z.enum([...VotingPolicy.options, 'optimizer'])
export type AgreedPolicy = z.infer<typeof AgreedPolicy>

/** Why somebody asks. */
const Reason = z.string().min(1).max(1024)

/** What a proposal would do. */
export const Subject = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('action'), action: Action }),
  z.strictObject({
    kind: z.literal('resume'),
    halt: Name,
    reason: z.string().max(1024).describe('The operator’s, who asks'),
    rebase: z.literal(true).optional().describe('Asks to lower the high-water mark, too'),
  }),
  z.strictObject({
    kind: z.literal('activation'),
    constitution: Hash.describe('This text and no other'),
    name: z.string().max(1024),
    version: z.string().max(1024),
    casesFailed: z
      .int()
      .positive()
      .optional()
      .describe('Cases beside it that do not hold, which the author accepts; left out where all hold'),
    reason: Reason.optional().describe('The author’s'),
  }),
  z.strictObject({
    kind: z.literal('policies'),
    which: AgreedPolicy,
    hash: Hash.describe('These policies and no others'),
    reason: Reason.optional().describe('The author’s'),
  }),
  z.strictObject({
    kind: z.literal('grant'),
    grant: Name.describe('The exception that waits for it'),
    terms: GrantTerms.describe('All that it comes to'),
    reason: Reason.describe('The operator’s, who proposes it'),
  }),
])
export type Subject = z.infer<typeof Subject>

/** A change of that by which is judged, voted or tuned. */
export type Change = Extract<Subject, { kind: 'activation' | 'policies' }>

export function isChange(subject: Subject): subject is Change {
  return subject.kind === 'activation' || subject.kind === 'policies'
}

/** What a subject that no action waits for is about: one question on each is open at a time. */
export function matterOf(subject: Subject): string {
  switch (subject.kind) {
    case 'action':
      return 'action'
    case 'resume':
      return `resume ${subject.halt}`
    case 'activation':
      return 'activation'
    case 'policies':
      return `policies ${subject.which}`
    case 'grant':
      return `grant ${subject.grant}`
  }
}

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
    routing: Routing.optional().describe('Where not all were asked'),
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
export const Stopping = z.strictObject({
  schema: SchemaVersion.optional(),
  how: z
    .enum(['withdrawn', 'cancelled'])
    .optional()
    .describe('Only this; where left out, one’s own is withdrawn and another’s cancelled'),
})

/** The body of `DELETE /v1/agents/{id}/delegations/{field}`. */
export const Revoking = z.strictObject({ schema: SchemaVersion.optional() })

/** The body of `PUT /v1/agents/{id}/delegations/{field}`: who casts its votes on the field. */
export const Delegating = z.strictObject({ schema: SchemaVersion.optional(), to: Name })
