/** Verdicts, the reasons they give, and the record that is kept of them. */
import { z } from 'zod'
import { Action, ActionRequest, HaltScope } from './action.ts'
import { Hash, Millis, Name, SchemaVersion } from './common.ts'
import { GrantUse } from './grant.ts'
import { Slice, Tuning } from './optimizer.ts'
import { PartitionName } from './partition.ts'

export const Verdict = z.enum(['allow', 'narrow', 'deny', 'pending'])
export type Verdict = z.infer<typeof Verdict>

export const Value = z.union([z.number(), z.string(), z.boolean()])

export const MissingFact = z.strictObject({
  fact: z.string(),
  ageMs: z.int().nullable().describe('How old the last reading is; null when there is none'),
  maxAgeMs: z.int().nullable().describe('How old it may be; null when any age will do'),
})
export type MissingFact = z.infer<typeof MissingFact>

/** Why a verdict is not a plain allow: one rule's breach or unknown, or a refusal by the engine itself. */
export const Reason = z.strictObject({
  rule: z.string().nullable().describe('The rule’s id; null for a refusal by the engine'),
  code: z.string().describe('CATEGORY_CONDITION, from the rule’s id'),
  title: z.string(),
  effect: z.enum(['forbid', 'escalate', 'warn']),
  result: z.enum(['breach', 'unknown']),
  observed: Value.nullable(),
  limit: Value.nullable(),
  headroom: z.number().nullable().describe('limit − observed: below zero by as much as the limit is passed'),
  unit: z.string().nullable().describe('Of observed, limit and headroom; durations are in ms'),
  cites: z.array(z.string()),
  missing: z
    .array(MissingFact)
    .optional()
    .describe('For an unknown: the facts that were not there, and their age'),
})
export type Reason = z.infer<typeof Reason>

/** What one rule found. */
export const Finding = z.strictObject({
  rule: z.string(),
  result: z.enum(['clear', 'breach', 'unknown']),
  observed: Value.nullable(),
  limit: Value.nullable(),
  headroom: z.number().nullable(),
  unit: z.string().nullable(),
})
export type Finding = z.infer<typeof Finding>

export const Headroom = z.strictObject({
  quantity: z.number().nullable().describe('A quantity that would pass now; null when none was found'),
  largest: z.boolean().describe('Whether one lot more is known not to pass'),
})
export type Headroom = z.infer<typeof Headroom>

const Grants = z
  .array(GrantUse)
  .min(1)
  .optional()
  .describe(
    'Breaches that did not deny, each with the grant that covers it; used unless the verdict is pending; left out where there are none',
  )
/** What of an approval an action drew on. */
export const ApprovalUse = z.strictObject({
  proposal: Name,
  certificate: Hash.describe('The proof that it was approved'),
  rules: z.array(Name).describe('The escalations that it satisfied'),
})
export type ApprovalUse = z.infer<typeof ApprovalUse>

const Approvals = z
  .array(ApprovalUse)
  .min(1)
  .optional()
  .describe('Approvals without which it would not have passed; left out where there are none')
const Proposals = z
  .array(Name)
  .min(1)
  .optional()
  .describe('What was put to the vote; left out where nothing was')

/** The answer to `POST /v1/actions`. */
export const ActionAnswer = z.strictObject({
  schema: SchemaVersion,
  decision: Name,
  id: z.string(),
  verdict: Verdict,
  reasons: z.array(Reason),
  grants: Grants,
  proposals: Proposals,
  approvals: Approvals,
  headroom: Headroom.nullable().describe('For an order that rules denied or narrowed; null otherwise'),
  action: Action.describe('What may be done: as proposed, or narrowed'),
  slice: Slice.optional().describe('Where the order was narrowed to what is best sent now: how it goes on'),
  permit: z.string().nullable(),
  constitution: Hash,
  sequence: z
    .int()
    .nonnegative()
    .describe('Of the decision’s record in the journal; 0 where nothing was recorded'),
  partition: PartitionName.optional(),
  at: Millis,
})
export type ActionAnswer = z.infer<typeof ActionAnswer>

/** A fact as it was read: value, source, and age where it has one. */
export const FactReading = z.strictObject({
  value: Value.nullable(),
  source: z.string(),
  ageMs: z.int().nullable(),
})
export type FactReading = z.infer<typeof FactReading>

/** A verdict with what it is about. */
export const DecisionCore = z.strictObject({
  schema: SchemaVersion,
  decision: Name,
  request: ActionRequest,
  digest: Hash.describe('Of agent and action, canonical'),
  at: Millis.describe('The one clock reading of this decision'),
  verdict: Verdict,
  action: Action,
  reasons: z.array(Reason),
  grants: Grants,
  proposals: Proposals,
  approvals: Approvals,
  headroom: Headroom.nullable(),
  reducing: z.boolean().describe('Whether the action certainly reduced what was held or owed'),
  worth: z
    .number()
    .nullable()
    .describe('At worst, in the constitution’s currency: reserved while it is open; null when not known'),
  exitWorth: z
    .number()
    .nullable()
    .optional()
    .describe(
      'Of an order that reduces: what it costs where it opens a position after all, since what it reduced is gone; null when not known',
    ),
  basketWorth: z
    .number()
    .nullable()
    .optional()
    .describe('Of an order of a basket: what it counts towards that, exits too; null when not known'),
  expires: Millis.nullable().describe(
    'Until when what was allowed may be redeemed; null when it was not allowed',
  ),
  raised: z.array(
    z.strictObject({ rule: z.string(), state: z.enum(['reducing', 'halted']), scope: HaltScope }),
  ),
  tuning: Tuning.optional().describe('Of an order with a horizon, where the optimizer looked at it'),
  constitution: Hash,
  engine: z.string().describe('Version of Ephor'),
})
export type DecisionCore = z.infer<typeof DecisionCore>

/** The record of a verdict: everything that is needed to derive it again. */
export const Decision = DecisionCore.extend({
  findings: z.array(Finding),
  facts: z.record(z.string(), FactReading).describe('Those that were read, by name'),
  proposed: z
    .strictObject({ findings: z.array(Finding), facts: z.record(z.string(), FactReading) })
    .nullable()
    .describe('For a narrowed action: what the action as proposed came to'),
})
export type Decision = z.infer<typeof Decision>
