/** Agents as operators register them: what they may do, where they stand, and whose they are. */
import { z } from 'zod'
import { isEd25519PublicKey } from '../base/ed25519.ts'
import { Currency, Millis, Name, Positive, Reason, SchemaVersion } from './common.ts'
import { AgentRole, ExpertField } from './policy.ts'

/** Milliseconds between two heartbeats, unless the registration says otherwise. */
export const HEARTBEAT_MS = 2_000

/** An agent that acts for the sidecar, as the operator registers it. Registered again, it is all that it was registered with last. */
export const AgentRegistration = z
  .strictObject({
    schema: SchemaVersion.optional(),
    agent: Name,
    role: AgentRole.default('trader').describe('A trader acts and has no vote, unless a policy gives it one'),
    field: ExpertField.optional().describe('Of a specialist, and of nobody else'),
    parent: Name.optional().describe('The agent it answers to'),
    owner: Name.optional().describe(
      'The desk or firm whose agent it is: it acts on accounts of this owner, and votes under its cap; where nobody is named, its votes are bounded by itself',
    ),
    strategies: z
      .array(Name)
      .max(64)
      .default([])
      .describe('The strategies it may name; the first is the one it runs when it names none'),
    publicKey: z
      .string()
      .max(1024)
      .refine(isEd25519PublicKey, 'expected an Ed25519 public key as SPKI PEM')
      .optional()
      .describe('Ed25519, SPKI PEM: checks its votes. Another key takes the place of the one before'),
    capital: z
      .strictObject({ amount: Positive, currency: Currency })
      .optional()
      .describe('What its profits are measured against; without it, it has no track record'),
    heartbeatMs: z
      .int()
      .min(100)
      .max(60_000)
      .optional()
      .describe(
        `Milliseconds between two of its heartbeats, ${HEARTBEAT_MS} where nothing is said; it counts as up until three are missing`,
      ),
  })
  .refine(({ role, field }) => (role === 'specialist') === (field !== undefined), {
    path: ['field'],
    message: 'expected of a specialist, and of nobody else',
  })
  .refine(({ agent, parent }) => agent !== parent, {
    path: ['parent'],
    message: 'expected another agent',
  })
export type AgentRegistration = z.infer<typeof AgentRegistration>

/** The body of `POST /v1/agents/{id}/heartbeat`. */
export const Heartbeat = z.strictObject({ schema: SchemaVersion.optional(), at: Millis.optional() })

/** The body of `DELETE /v1/agents/{id}`. */
export const Retirement = z.strictObject({
  schema: SchemaVersion.optional(),
  reason: Reason,
})
