/** How far an action has come, from its question to the venue's last word, and what undoes it where it stops. */
import { z } from 'zod'
import { Millis } from './common.ts'

export const SAGA_STEPS = ['reserve', 'approve', 'permit', 'redeem', 'execute', 'settle'] as const

export const Saga = z.strictObject({
  outcome: z
    .enum(['underWay', 'denied', 'lapsed', 'settled', 'forgotten'])
    .describe(
      '`lapsed`: not redeemed in time, and what was reserved is free; `forgotten`: over, and only the journal has how',
    ),
  steps: z.array(
    z.strictObject({
      step: z.enum(SAGA_STEPS),
      state: z.enum(['done', 'now', 'ahead', 'undone', 'leftOut', 'unknown']),
    }),
  ),
  until: Millis.nullable().describe('When the step that is under way ends by itself; null where it does not'),
  undo: z
    .string()
    .nullable()
    .describe('What happens to what is reserved where the step under way does not end well'),
})
export type Saga = z.infer<typeof Saga>
