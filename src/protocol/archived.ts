/** What a record of an archive holds. */
import { z } from 'zod'
import { SchemaVersion } from './common.ts'

export const ArchivedRecord = z.strictObject({
  schema: SchemaVersion,
  type: z.literal('archived'),
  partition: z.string().regex(/^p\d{2,}$/),
  line: z.string().describe('The record of the partition, byte for byte as its journals have it'),
})
export type ArchivedRecord = z.infer<typeof ArchivedRecord>
