/** JSON Schema of every message, derived from the schemas that judge them. */
import { z } from 'zod'
import { ActionRequest, HaltRequest, ResumeRequest } from './action.ts'
import { AgentRegistration, Heartbeat } from './agent.ts'
import { ActionAnswer, Decision, Finding, Reason } from './decision.ts'
import { Certificate } from './certificate.ts'
import { Event } from './event.ts'
import { Execution } from './execution.ts'
import { Observation } from './observation.ts'
import { Policy } from './policy.ts'
import { Proposal, Vote } from './proposal.ts'
import { Delegation, Roster } from './roster.ts'

/** JSON Schema (draft 2020-12) of one schema: `input` as a caller writes it, `output` as Ephor does. */
export function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io })
  return rest
}

const SENT = {
  ActionRequest,
  AgentRegistration,
  Delegation,
  Execution,
  HaltRequest,
  Heartbeat,
  Observation,
  ResumeRequest,
  Vote,
}
const ANSWERED = { ActionAnswer, Certificate, Decision, Event, Finding, Policy, Proposal, Reason, Roster }

/** The JSON Schemas by name, for editors and for clients in other languages. */
export function jsonSchemas(): Record<string, Record<string, unknown>> {
  const described = (schemas: Readonly<Record<string, z.ZodType>>, io: 'input' | 'output') =>
    Object.entries(schemas).map(
      ([name, schema]) => [name, { $id: `urn:ephor:schema:${name}`, ...jsonSchemaOf(schema, io) }] as const,
    )
  return Object.fromEntries([...described(SENT, 'input'), ...described(ANSWERED, 'output')])
}
