/** The emergency policy: the monitors that stop trading by themselves. Like every policy it tunes how, and loosens no rule. */
import { z } from 'zod'
import { SCOPE_KINDS } from './action.ts'
import { Hash, Name, Reason, SchemaVersion, WAITING } from './common.ts'
import { ASSET_CLASSES } from './observation.ts'

/** What a monitor can watch, in what its limit is written, what it can be about, and whether it looks back over a window. */
export const WATCHES = {
  'daily-loss': { unit: 'ratio', about: 'account', window: false, scopes: ['account', 'everything'] },
  drawdown: { unit: 'ratio', about: 'account', window: false, scopes: ['account', 'everything'] },
  'drop-copy-difference': {
    unit: 'ratio',
    about: 'account',
    window: false,
    scopes: ['account', 'everything'],
  },
  'price-move': { unit: 'ratio', about: 'instrument', window: true, scopes: ['instrument', 'everything'] },
  'reference-disagreement': {
    unit: 'ratio',
    about: 'instrument',
    window: false,
    scopes: ['instrument', 'everything'],
  },
  'heartbeat-loss': { unit: 'duration', about: 'agent', window: false, scopes: ['agent', 'everything'] },
  'repeated-breaches': {
    unit: 'count',
    about: 'actor',
    window: true,
    scopes: ['agent', 'strategy', 'account', 'everything'],
  },
} as const
export type Watch = keyof typeof WATCHES
export const WATCH_NAMES = Object.keys(WATCHES) as Watch[]

/** Which of what is watched a monitor is about; a key that is left out selects all. */
export const SELECTORS = ['accounts', 'instruments', 'assetClasses', 'agents', 'strategies'] as const
export type Selector = (typeof SELECTORS)[number]

/** Names in one list, and monitors in one policy. */
export const NAMES_MAX = 256
export const MONITORS_MAX = 64

const Names = z.array(Name).min(1).max(NAMES_MAX).optional()
const Selection = z.strictObject({
  accounts: Names,
  instruments: Names,
  assetClasses: z.array(z.enum(ASSET_CLASSES)).min(1).optional(),
  agents: Names,
  strategies: Names,
})
export type Selection = z.infer<typeof Selection>

export const MonitorId = z
  .string()
  .max(64)
  .regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/, 'expected an id such as day-loss')

/** One monitor, its figures in the units of the journal: a share of one, milliseconds, or a count. */
export const Monitor = z.strictObject({
  id: MonitorId,
  title: z.string(),
  why: z.string(),
  watches: z.enum(WATCH_NAMES),
  limit: z.number().nonnegative(),
  window: z.int().positive().optional().describe('Milliseconds'),
  only: Selection.optional(),
  except: Selection.optional(),
  state: z.enum(['reducing', 'halted']),
  scope: z.enum(SCOPE_KINDS),
})
export type Monitor = z.infer<typeof Monitor>

/** The emergency policy as it is recorded and hashed: its canonical JSON has the hash. */
export const EmergencyPolicy = z.strictObject({
  schema: SchemaVersion,
  monitors: z.array(Monitor).min(1).max(MONITORS_MAX).describe('Sorted by id'),
})
export type EmergencyPolicy = z.infer<typeof EmergencyPolicy>

/** What a monitor saw when it stopped trading. */
export const Sighting = z.strictObject({
  policy: Hash.describe('Of the emergency policy that the monitor stands in'),
  watches: z.enum(WATCH_NAMES),
  about: z.string().describe('The account, instrument, agent or strategy that was watched'),
  observed: z.number().nullable().describe('In the unit of the limit; null where no share can be told'),
  limit: z.number(),
})
export type Sighting = z.infer<typeof Sighting>

/** The body of `POST /v1/policies/emergency`, which reads the configured directory. */
export const PolicyRequest = z.strictObject({
  schema: SchemaVersion.optional(),
  hash: Hash.optional().describe('Refuse unless what is read has this hash'),
})
export type PolicyRequest = z.infer<typeof PolicyRequest>

/** The body of `POST /v1/policies/consensus` and `/v1/policies/routing`. */
export const VotingPolicyRequest = PolicyRequest.extend({
  reason: Reason.optional().describe('Why; needed where a second person must agree'),
})
export type VotingPolicyRequest = z.infer<typeof VotingPolicyRequest>

export const PolicyAnswer = z.object({
  schema: SchemaVersion,
  policy: Hash,
  monitors: z.array(Monitor),
})
export type PolicyAnswer = z.infer<typeof PolicyAnswer>

export const PolicyActivation = z.object({
  schema: SchemaVersion,
  policy: Hash,
  activated: z.boolean(),
  ...WAITING,
})
export type PolicyActivation = z.infer<typeof PolicyActivation>
