/** Grants: bounded, expiring, independently approved exceptions to a rule that declares itself grantable. */
import { z } from 'zod'
import { Hash, Millis, Name, Reason, SchemaVersion, Signed } from './common.ts'

/** What a grant is for: an action must match every name that is given. */
export const GrantScope = z.strictObject({
  agent: Name.optional(),
  account: Name.optional(),
  strategy: Name.optional(),
  instrument: Name.optional(),
})
export type GrantScope = z.infer<typeof GrantScope>

/** What one exception comes to. */
export const GrantTerms = z.strictObject({
  rule: z.string().max(128).describe('The id of the rule'),
  scope: GrantScope.describe('One name at least; what is granted must match all of them'),
  upTo: Signed.describe(
    'Stands in the place of the rule’s limit, in the unit of what the rule observes; durations in ms',
  ),
  until: Millis.describe('When it ends, approved or not'),
  uses: z.int().positive().describe('How many actions it lets through'),
})
export type GrantTerms = z.infer<typeof GrantTerms>

/** The body of `POST /v1/grants`. */
export const GrantRequest = GrantTerms.extend({ schema: SchemaVersion.optional(), reason: Reason })
export type GrantRequest = z.infer<typeof GrantRequest>

/** The body of `POST /v1/grants/{id}/approve` and of `DELETE /v1/grants/{id}`. */
export const GrantWord = z.strictObject({ schema: SchemaVersion.optional(), reason: Reason })

/** An operator’s word on a grant. */
const Word = z.strictObject({ operator: Name, reason: z.string(), at: Millis })

export const GRANT_STATES = ['proposed', 'live', 'used', 'expired', 'revoked', 'superseded'] as const

/** A grant as calls answer it. */
export const GrantAnswer = z.object({
  ...GrantTerms.shape,
  schema: SchemaVersion,
  grant: z.string(),
  state: z
    .enum(GRANT_STATES)
    .describe('`used`: as often as it may be; `superseded`: another constitution came into force'),
  used: z.int().nonnegative(),
  proposed: Word,
  approved: Word.nullable(),
  revoked: Word.nullable(),
  constitution: Hash.describe('That it is an exception to; under another it ends'),
  proposal: Name.optional().describe('What agents vote on; left out where another operator approves it'),
})
export type GrantAnswer = z.infer<typeof GrantAnswer>

export const GrantsAnswer = z.object({ schema: SchemaVersion, grants: z.array(GrantAnswer) })
export type GrantsAnswer = z.infer<typeof GrantsAnswer>

/** A grant that let an action through. */
export const GrantUse = z.strictObject({
  grant: z.string(),
  rule: z.string().describe('Whose breach did not deny'),
  observed: z.number(),
  limit: z.number().nullable().describe('The rule’s own'),
  upTo: z.number().describe('The grant’s'),
  unit: z.string().nullable(),
})
export type GrantUse = z.infer<typeof GrantUse>
