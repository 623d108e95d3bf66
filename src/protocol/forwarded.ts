/** An input on its way from the sidecar that was asked to the home: what the core takes, but for what a home makes itself. */
import { z } from 'zod'
import { AccountRegistration } from './account.ts'
import { ActionRequest, HaltRequest } from './action.ts'
import { AgentRegistration } from './agent.ts'
import { Hash, Name } from './common.ts'
import { EmergencyPolicy } from './emergency.ts'
import { Execution } from './execution.ts'
import { GrantRequest } from './grant.ts'
import { SignoffRequest } from './signoff.ts'
import { Observation } from './observation.ts'
import { OptimizerPolicy } from './optimizer.ts'
import { ExpertField, Policy } from './policy.ts'
import { Vote } from './proposal.ts'
import { RATING } from './rated.ts'
import { RoutingPolicy } from './routing.ts'

const Feeder = Name.nullable()
const Text = z.string().max(4096)
/** Who asks for a change, and why; `isSecond` where it can only be the second word on it, `isEnacting` where it was approved. */
const PERSON = {
  by: Name,
  reason: Text.optional(),
  isSecond: z.literal(true).optional(),
  isEnacting: z.literal(true).optional(),
}

/** Names of operators, agents and feeders were checked by their tokens where they called. */
export const ForwardedInput = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('action'), request: ActionRequest }),
  z.strictObject({
    kind: z.literal('observations'),
    observations: z.array(Observation).max(1000),
    feeder: Feeder,
  }),
  z.strictObject({ kind: z.literal('executions'), executions: z.array(Execution).max(1000), feeder: Feeder }),
  z.strictObject({ kind: z.literal('redeem'), permit: Text, agent: Name }),
  z.strictObject({ kind: z.literal('adopt'), account: Name, operator: Name, reason: Text }),
  z.strictObject({ kind: z.literal('register'), registration: AgentRegistration, by: Name }),
  z.strictObject({ kind: z.literal('own'), registration: AccountRegistration, by: Name }),
  z.strictObject({ kind: z.literal('vote'), vote: Vote }),
  z.strictObject({
    kind: z.literal('stop'),
    proposal: Text,
    how: z.enum(['withdrawn', 'cancelled']),
    by: Name,
    isOperator: z.boolean(),
  }),
  z.strictObject({ kind: z.literal('delegate'), from: Name, to: Name.nullable(), field: ExpertField }),
  z.strictObject({ kind: z.literal('quorate'), policies: z.array(Policy).max(1000), ...PERSON }),
  z.strictObject({ kind: z.literal('route'), content: RoutingPolicy, ...PERSON }),
  z.strictObject({ kind: z.literal('retire'), agent: Name, by: Name, reason: Text }),
  z.strictObject({ kind: z.literal('rate'), ...RATING }),
  z.strictObject({ kind: z.literal('beat'), agent: Name }),
  z.strictObject({ kind: z.literal('halt'), request: HaltRequest, by: Name }),
  z.strictObject({
    kind: z.literal('resume'),
    halt: Text,
    operator: Name,
    reason: Text,
    rebase: z.literal(true).optional(),
  }),
  z.strictObject({ kind: z.literal('police'), hash: Hash, content: EmergencyPolicy, by: Name }),
  z.strictObject({
    kind: z.literal('steer'),
    hash: Hash,
    content: OptimizerPolicy,
    stops: z.array(Name).max(1000).optional(),
    ...PERSON,
  }),
  z.strictObject({ kind: z.literal('signoff'), request: SignoffRequest, by: Name }),
  z.strictObject({ kind: z.literal('unsign'), signoff: Text, operator: Name, reason: Text }),
  z.strictObject({ kind: z.literal('grant'), request: GrantRequest, by: Name }),
  z.strictObject({ kind: z.enum(['approve', 'revoke']), grant: Text, operator: Name, reason: Text }),
  z.strictObject({
    kind: z.literal('activate'),
    constitution: Hash.describe('Its text is found by this'),
    casesFailed: z.int().positive().optional(),
    ...PERSON,
  }),
])
export type ForwardedInput = z.infer<typeof ForwardedInput>
