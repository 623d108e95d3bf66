/** Who votes in a round and what each vote weighs, frozen when the round opens. */
import { z } from 'zod'
import { Hash, Name, SchemaVersion } from './common.ts'
import { AgentRole, ExpertField, VOTERS_MAX } from './policy.ts'

/** The weight of all votes of a round together: shares in millionths. */
export const TOTAL_WEIGHT = 1_000_000

/** One agent's votes on one field, cast by another. */
export const Delegation = z.strictObject({ from: Name, to: Name, field: ExpertField })
export type Delegation = z.infer<typeof Delegation>

/** How an agent did over the window of its record, as feeders reported it. */
export const Performance = z.strictObject({
  periods: z.int().nonnegative().describe('Periodic returns that were known'),
  sharpe: z.number().nullable().describe('Annualised; null where the returns did not vary'),
  drawdown: z.number().min(0).max(1).describe('Largest fall from a peak, as a share of the peak'),
  uptime: z.number().min(0).max(1),
})
export type Performance = z.infer<typeof Performance>

export const Voter = z.strictObject({
  agent: Name,
  role: AgentRole,
  field: ExpertField.nullable().describe('Of a specialist'),
  owner: Name,
  publicKey: z.string().max(1024).describe('Ed25519, SPKI PEM'),
  performance: Performance.nullable().describe('Null for those who do not trade'),
  basis: z
    .enum(['record', 'group', 'unusable'])
    .describe('What its weight rests on: its record, the policy’s word, or nothing, its record being broken'),
  weight: z.int().nonnegative().max(TOTAL_WEIGHT).describe('Its own, in millionths of all'),
  delegate: Name.nullable().describe('Who casts its vote'),
  carries: z
    .int()
    .nonnegative()
    .max(TOTAL_WEIGHT)
    .describe('What its vote counts: its own weight and that of those it votes for; 0 where it delegates'),
  veto: z.boolean().describe('Whether its no rejects; of its own or for one whose vote it casts'),
  power: z.number().min(0).max(1).describe('Shapley and Shubik’s index'),
})
export type Voter = z.infer<typeof Voter>

export const Power = z.discriminatedUnion('method', [
  z.strictObject({ method: z.literal('exact') }),
  z.strictObject({
    method: z.literal('sampled'),
    samples: z.int().positive(),
    seed: z.int().nonnegative(),
    error: z.number().positive().describe('No index is further off than this …'),
    confidence: z.number().describe('… at least with this probability'),
  }),
])
export type Power = z.infer<typeof Power>

export const RosterWarning = z.strictObject({
  code: z.enum(['DICTATOR', 'POWERLESS', 'RECORD_UNUSABLE', 'KEY_MISSING']),
  agent: Name,
})
export type RosterWarning = z.infer<typeof RosterWarning>

export const Roster = z
  .strictObject({
    schema: SchemaVersion,
    policy: Hash,
    total: z.int().positive().max(TOTAL_WEIGHT),
    voters: z.array(Voter).min(1).max(VOTERS_MAX).describe('In the order of their names'),
    routed: z
      .array(ExpertField)
      .max(4)
      .nullable()
      .describe('The fields whose specialists were asked; null for all'),
    barred: z
      .array(Name)
      .max(VOTERS_MAX)
      .describe('Who would vote, and may not, since it is about them or their owner'),
    guardians: z.array(Name).max(VOTERS_MAX).describe('Who may cancel it'),
    power: Power,
    warnings: z.array(RosterWarning).max(4 * VOTERS_MAX),
  })
  .readonly()
export type Roster = z.infer<typeof Roster>
