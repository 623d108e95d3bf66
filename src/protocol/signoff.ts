/** Sign-offs: operators, each by himself, say that an agent may send one exact transfer, once. */
import { z } from 'zod'
import { Transfer } from './action.ts'
import { Hash, Millis, Name, Reason, SchemaVersion } from './common.ts'

/** The body of `POST /v1/signoffs`. */
export const SignoffRequest = z.strictObject({
  schema: SchemaVersion.optional(),
  agent: Name.describe('Who may send it'),
  action: Transfer.describe('The transfer, word for word as the agent will ask for it'),
  until: Millis.describe('When it ends, used or not: within 24 hours'),
  reason: Reason,
})
export type SignoffRequest = z.infer<typeof SignoffRequest>

/** The body of `DELETE /v1/signoffs/{id}`. */
export const SignoffWord = z.strictObject({ schema: SchemaVersion.optional(), reason: Reason })

const SIGNOFF_STATES = ['live', 'used', 'expired', 'revoked', 'superseded'] as const

/** A sign-off as calls answer it. */
export const SignoffAnswer = z.object({
  schema: SchemaVersion,
  signoff: z.string(),
  state: z.enum(SIGNOFF_STATES).describe('`superseded`: another constitution came into force'),
  agent: Name,
  action: Transfer,
  until: Millis,
  operator: Name,
  reason: z.string(),
  at: Millis,
  decision: Name.nullable().describe('The verdict that used it'),
  constitution: Hash.describe('Under which it holds'),
})
export type SignoffAnswer = z.infer<typeof SignoffAnswer>

export const SignoffsAnswer = z.object({ schema: SchemaVersion, signoffs: z.array(SignoffAnswer) })
