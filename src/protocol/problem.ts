/** How an error is told: a problem document (RFC 9457) with a code from the one table. */
import { z } from 'zod'
import { ERRORS, type ErrorCode } from '../base/errors.ts'
import { SchemaVersion } from './common.ts'

export const ProblemDocument = z.object({
  schema: SchemaVersion,
  type: z.string(),
  title: z.string().describe('What went wrong; the same for each occurrence'),
  status: z.int(),
  code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
  detail: z.string().describe('What happened this time'),
})
export type ProblemDocument = z.infer<typeof ProblemDocument>
