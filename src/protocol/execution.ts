/** What the venue did with an order. */
import { z } from 'zod'
import { Millis, Name, NonNegative, Positive, Reason, SchemaVersion } from './common.ts'

const told = {
  schema: SchemaVersion.optional(),
  execution: Name.describe('The venue’s id of this event'),
  order: Name.describe('The decision that allowed the order, or the replacement that is reported on'),
  price: Positive.optional(),
  at: Millis,
}
const Filled = NonNegative.describe(
  'Cumulative, in instrument units; of the whole order, replacements included',
)
/** What they free or make cheaper are lots that had not filled. */
const COUNTING = ['filled', 'replaced', 'cancelled', 'expired'] as const
const OTHERS = ['accepted', 'rejected'] as const

/**
 * What is reported: CumQty of FIX, which every report of it holds, is required where something rests on it. An end frees what was not filled, and a replacement
 * puts another price on it; either can come before the report of the last fill.
 */
export const Execution = z.discriminatedUnion('event', [
  z.strictObject({ ...told, event: z.enum(COUNTING), filled: Filled }),
  z.strictObject({ ...told, event: z.enum(OTHERS), filled: Filled.optional() }),
])
export type Execution = z.infer<typeof Execution>

/** As it is recorded: journals hold ends and replacements that were reported without `filled`, when that was taken. */
export const RecordedExecution = z.strictObject({
  ...told,
  event: z.enum([...COUNTING, ...OTHERS]),
  filled: Filled.optional(),
})
export type RecordedExecution = z.infer<typeof RecordedExecution>

/** The body of `POST /v1/executions`: one, or up to 1,000 in order. */
export const Executions = z.union([Execution, z.array(Execution).min(1).max(1000)])

/** What should not have come from the venue, and was counted because money moved. */
export const Anomaly = z.enum(['FILLED_OVER', 'AFTER_END'])
export type Anomaly = z.infer<typeof Anomaly>

/** The body of `POST /v1/portfolios/{account}/adopt`. */
export const Adoption = z.strictObject({
  schema: SchemaVersion.optional(),
  reason: Reason,
})
