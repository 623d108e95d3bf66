/** Values that agents share: with versions, for one who writes at a time, and with leases for work that only one may do. */
import { z } from 'zod'
import { Name, SchemaVersion } from './common.ts'

/** Characters of a value, as JSON. */
export const VALUE_MAX = 65_536
const TTL_MS_MAX = 30 * 86_400_000
const LEASE_MS_MAX = 3_600_000

export const SharedKey = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}$/, 'expected 1–128 letters, digits or ._:@+-')
const Version = z.int().nonnegative().describe('0: there is no value')
const Token = z.int().positive().describe('Of a lease; those of a key only grow')

/** The body of `PUT /v1/shared/{key}`. */
export const SharedPut = z.strictObject({
  schema: SchemaVersion.optional(),
  value: z
    .json()
    .refine((value) => JSON.stringify(value).length <= VALUE_MAX, `expected at most ${VALUE_MAX} characters`),
  version: Version.optional().describe('Write only over this version; over any where left out'),
  ttlMs: z
    .int()
    .min(1)
    .max(TTL_MS_MAX)
    .optional()
    .describe('Milliseconds that it lives; it stays where left out'),
  lease: Token.optional().describe('Write only while the lease of the key is held under this token'),
})
export type SharedPut = z.infer<typeof SharedPut>

export const SharedWritten = z.strictObject({ schema: SchemaVersion, key: SharedKey, version: Version })
export const SharedAnswer = z.strictObject({
  schema: SchemaVersion,
  key: SharedKey,
  version: Version,
  value: z.json().describe('null where there is none'),
  leftMs: z.int().nonnegative().nullable().describe('Milliseconds that it lives; null where it stays'),
})

/** The body of `POST /v1/shared/{key}/lease`. */
export const LeaseTake = z.strictObject({
  schema: SchemaVersion.optional(),
  ttlMs: z.int().min(10).max(LEASE_MS_MAX).describe('Milliseconds until it ends unless it is taken again'),
})
export const LeaseAnswer = z.strictObject({
  schema: SchemaVersion,
  key: SharedKey,
  holder: Name,
  token: Token,
  leftMs: z.int().nonnegative(),
})

/** The body of `DELETE /v1/shared/{key}/lease`. */
export const LeaseGive = z.strictObject({ schema: SchemaVersion.optional(), token: Token })
export const LeaseGiven = z.strictObject({
  schema: SchemaVersion,
  key: SharedKey,
  released: z.boolean().describe('Whether it was held under this token'),
})
