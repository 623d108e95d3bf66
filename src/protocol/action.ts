/** What an agent may want to do, and the request that asks whether it may. */
import { z } from 'zod'
import { Name, Positive, Reason, SchemaVersion, Signed, TimeOrderedId } from './common.ts'

export const Order = z
  .strictObject({
    type: z.literal('order'),
    account: Name,
    instrument: Name,
    side: z.enum(['buy', 'sell']),
    quantity: Positive.describe('Instrument units; a whole number of lots'),
    orderType: z.enum(['limit', 'market']),
    limitPrice: Positive.optional().describe(
      'In the instrument’s currency; with orderType limit, and only then',
    ),
    timeInForce: z.enum(['day', 'gtc', 'ioc', 'fok']).optional(),
    strategy: Name.optional(),
    parent: z
      .strictObject({ id: Name, quantity: Positive })
      .optional()
      .describe('The order of which this is a slice'),
    basket: z
      .strictObject({ id: Name, value: Positive })
      .optional()
      .describe(
        'The basket that it is part of, and what all orders of that may be worth, in the constitution’s currency',
      ),
    execution: z
      .strictObject({ horizonMs: z.int().positive(), urgency: z.number().min(0).max(1) })
      .optional(),
  })
  .refine((order) => (order.orderType === 'limit') === (order.limitPrice !== undefined), {
    path: ['limitPrice'],
    message: 'expected with orderType `limit`, and only with it',
  })

export const Replace = z.strictObject({
  type: z.literal('replace'),
  account: Name,
  instrument: Name,
  order: Name.describe('The decision that allowed the order to be replaced'),
  quantity: Positive,
  limitPrice: Positive.optional(),
})

export const Cancel = z.strictObject({
  type: z.literal('cancel'),
  account: Name,
  instrument: Name,
  order: Name,
})

export const Transfer = z.strictObject({
  type: z.literal('transfer'),
  account: Name,
  asset: Name,
  amount: Positive,
  destination: Name,
})

const Setting = z.union([z.string().max(1024), Signed, z.boolean(), z.null()])

export const Change = z.strictObject({
  type: z.literal('change'),
  subject: z.enum(['strategy', 'limit', 'privilege']),
  target: Name,
  from: Setting,
  to: Setting,
  version: Name.optional(),
})

export const Action = z.discriminatedUnion('type', [Order, Replace, Cancel, Transfer, Change])
export type Action = z.infer<typeof Action>
export type Order = z.infer<typeof Order>

export const ACTION_TYPES = ['order', 'replace', 'cancel', 'transfer', 'change'] as const
export type ActionType = (typeof ACTION_TYPES)[number]

/** The body of `POST /v1/actions`. */
export const ActionRequest = z.strictObject({
  schema: SchemaVersion.optional(),
  id: TimeOrderedId.describe('Chosen by the agent; asking again with the same id gives the same answer'),
  agent: Name,
  action: Action,
  accept: z
    .array(z.enum(['narrow']))
    .max(1)
    .optional()
    .describe('`narrow`: a smaller order that passes is welcome'),
  approval: Name.optional().describe('The approved proposal that this action draws on'),
  reason: z.string().max(1024).optional().describe('The agent’s own words, for the record'),
})
export type ActionRequest = z.infer<typeof ActionRequest>

/** The time that a UUIDv7 or ULID carries, in milliseconds since 1970. */
export function timeOfId(id: string): number {
  if (id.length === 36) return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
  let time = 0
  for (const character of id.slice(0, 10).toUpperCase()) time = time * 32 + CROCKFORD.indexOf(character)
  return time
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** What a trading state can be about. */
export const SCOPE_KINDS = ['everything', 'account', 'agent', 'strategy', 'instrument'] as const

/** Which actions a trading state covers. */
export const HaltScope = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('everything') }),
  z.strictObject({ kind: z.enum(['account', 'agent', 'strategy', 'instrument']), name: Name }),
])
export type HaltScope = z.infer<typeof HaltScope>

export const HaltRequest = z.strictObject({
  schema: SchemaVersion.optional(),
  scope: HaltScope,
  state: z.enum(['reducing', 'halted']),
  reason: Reason,
})
export type HaltRequest = z.infer<typeof HaltRequest>
export const ResumeRequest = z.strictObject({
  schema: SchemaVersion.optional(),
  reason: Reason,
  rebase: z
    .literal(true)
    .optional()
    .describe('Lower the high-water mark of the account to its equity; done where both operators ask for it'),
})

/** The body of `POST /v1/constitution`, which reads the configured directory. */
export const ActivationRequest = z
  .strictObject({
    schema: SchemaVersion.optional(),
    hash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional()
      .describe('Refuse unless what is read has this hash'),
    acceptFailingCases: z
      .literal(true)
      .optional()
      .describe('Put it in force although cases beside it do not hold; recorded with the reason'),
    reason: Reason.optional().describe(
      'Why; needed where failing cases are accepted, and where a second person must agree',
    ),
  })
  .refine(({ acceptFailingCases, reason }) => acceptFailingCases !== true || reason !== undefined, {
    path: ['reason'],
    message: 'expected with acceptFailingCases',
  })
