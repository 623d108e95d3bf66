/** What the venue did with an order. */
import { z } from 'zod'
import { Millis, Name, NonNegative, Positive, SchemaVersion } from './common.ts'

export const Execution = z
  .strictObject({
    schema: SchemaVersion.optional(),
    execution: Name.describe('The venue’s id of this event'),
    order: Name.describe('The decision that allowed the order, or the replacement that is reported on'),
    event: z.enum(['accepted', 'filled', 'replaced', 'cancelled', 'rejected', 'expired']),
    filled: NonNegative.optional().describe(
      'Cumulative, in instrument units; of the whole order, replacements included',
    ),
    price: Positive.optional(),
    at: Millis,
  })
  .refine((it) => it.event !== 'filled' || it.filled !== undefined, {
    path: ['filled'],
    message: 'expected with event `filled`',
  })
export type Execution = z.infer<typeof Execution>

/** The body of `POST /v1/executions`: one, or up to 1,000 in order. */
export const Executions = z.union([Execution, z.array(Execution).min(1).max(1000)])

/** What should not have come from the venue, and was counted because money moved. */
export const Anomaly = z.enum(['FILLED_OVER', 'AFTER_END'])
export type Anomaly = z.infer<typeof Anomaly>

/** The body of `POST /v1/portfolios/{account}/adopt`. */
export const Adoption = z.strictObject({
  schema: SchemaVersion.optional(),
  reason: z.string().min(1).max(1024),
})
