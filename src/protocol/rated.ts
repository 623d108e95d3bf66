/** How agents did on days that are over: what another partition than their own weighs their votes by. */
import { z } from 'zod'
import { Name } from './common.ts'

/** Days that are told at once. */
export const RATED_MAX = 1_000

export const RatedDay = z.strictObject({
  agent: Name,
  day: z.int().nonnegative().describe('Since 1970, UTC'),
  profit: z
    .number()
    .nullable()
    .describe('Made and lost, in the currency of its capital; null where nobody can say'),
  capital: z.number().nullable().describe('What it was measured against; null where it had none'),
  traded: z
    .boolean()
    .optional()
    .describe('Whether it traded, or held anything when the day closed; left out: it did'),
  registeredMs: z.number().nonnegative().describe('Milliseconds that it was registered'),
  upMs: z.number().nonnegative().describe('And up'),
})
export type RatedDay = z.infer<typeof RatedDay>

/** Days of agents whose owners lie in one partition, as that one tells them. */
export const RATING = {
  partition: z.int().nonnegative().describe('Where they trade'),
  days: z.array(RatedDay).min(1).max(RATED_MAX),
}
