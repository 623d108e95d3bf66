/** The optimizer policy, and what is recorded of an order that is tuned: all that the choice was made from, so that it can be made again without the model. */
import { z } from 'zod'
import { Hash, Millis, Name, NonNegative, Positive, Reason, SchemaVersion } from './common.ts'
import { NAMES_MAX, PolicyRequest } from './emergency.ts'
import { ASSET_CLASSES } from './observation.ts'

/** What becomes of what the optimizer chose: nothing is computed; it is only recorded; it holds for a share of the orders; it holds. */
export const TUNING_MODES = ['off', 'shadow', 'canary', 'on'] as const

/** What says how much is sent in each step, where no model moves it. */
export const SCHEDULES = ['twap', 'almgren-chriss', 'receding', 'expecting'] as const
export type ScheduleName = (typeof SCHEDULES)[number]

/** Steps into which a horizon is cut. */
export const STEPS_LEAST = 2
export const STEPS_MOST = 48
export const OPTIMIZERS_MAX = 64
/** Milliseconds. What is to be done within a second is not worth cutting; after a day the market is another. */
export const HORIZON_LEAST = 1_000
export const HORIZON_MOST = 24 * 3_600_000

const Names = z.array(Name).min(1).max(NAMES_MAX).optional()
const Selection = z.strictObject({
  accounts: Names,
  assetClasses: z.array(z.enum(ASSET_CLASSES)).min(1).optional(),
})
export type TuningSelection = z.infer<typeof Selection>

const Spread = z.strictObject({
  edges: z.array(z.number()).max(32),
  counts: z.array(z.int().nonnegative()).max(33),
})

export const Tuner = z.strictObject({
  id: Name,
  title: z.string().min(1).max(256),
  why: z.string().min(1).max(1024),
  mode: z.enum(TUNING_MODES),
  canary: z
    .strictObject({
      share: z
        .number()
        .positive()
        .max(1)
        .describe('Of the orders, by the hash of the first decision on each'),
      notional: Positive.describe(
        'An order that is worth more is left alone; in the constitution’s currency',
      ),
    })
    .optional(),
  only: Selection.optional(),
  except: Selection.optional(),
  schedule: z.enum(SCHEDULES),
  steps: z.int().min(STEPS_LEAST).max(STEPS_MOST),
  model: Hash.optional().describe('Of the model that moves the schedule; left out where none does'),
  reference: z
    .array(Spread)
    .max(64)
    .optional()
    .describe('How the model’s features were spread in training; left out where its file does not say'),
})
export type Tuner = z.infer<typeof Tuner>

/** The optimizer policy as it is recorded and hashed. */
export const OptimizerPolicy = z.strictObject({
  schema: SchemaVersion,
  optimizers: z.array(Tuner).min(1).max(OPTIMIZERS_MAX).describe('By id; at most one is about an order'),
})
export type OptimizerPolicy = z.infer<typeof OptimizerPolicy>

/** Why an order with a horizon is left as the rules alone decide. */
export const UNTUNED = [
  'stopped',
  'quantity-invalid',
  'facts-missing',
  'rules-not-monotone',
  'nothing-passes',
  'deadline-unreachable',
  'horizon-out-of-range',
  'horizon-over',
  'execution-differs',
  'parents-full',
  'parent-differs',
  'rests-on-grant',
  'outside-canary',
  'schedule-impossible',
  'no-lot-passes',
  'rejected',
] as const
export type Untuned = (typeof UNTUNED)[number]

/** Why a model was not asked, or its answer not used. The schedule decides then. */
export const FALLBACKS = [
  'model-stopped',
  'model-missing',
  'constitution-differs',
  'bars-missing',
  'bars-stale',
  'outside-support',
] as const
export type Fallback = (typeof FALLBACKS)[number]

const Lots = z.int().nonnegative()
const Binding = z.union([
  z.strictObject({
    kind: z.literal('rules'),
    rules: z.array(z.string()).describe('One lot more breaks these'),
  }),
  z.strictObject({ kind: z.enum(['order', 'approval', 'deadline', 'nothing']) }),
])

/** What the bars said when the order was tuned; figures of the last bar that was over by then, and those usual before it. */
export const Liquidity = z.strictObject({
  barMs: z.int().positive(),
  volume: NonNegative,
  previousVolume: NonNegative,
  usualThen: z.number().nonnegative(),
  usualNow: z.number().nonnegative(),
  variance: z.number().nonnegative(),
  usualVarianceThen: z.number().nonnegative(),
  usualVarianceNow: z.number().nonnegative(),
})
export type Liquidity = z.infer<typeof Liquidity>

/** How an order is cut in time: fixed by its first slice. */
export const Plan = z.strictObject({
  parent: Name.describe('What later slices name as their parent'),
  lots: z.int().positive().describe('Of the whole order'),
  steps: z.int().min(1).max(STEPS_MOST),
  horizonMs: z.int().positive(),
  urgency: z.number().min(0).max(1),
  begun: Millis,
  usualVolume: z.number().positive().nullable().describe('When it began; null where no bars told'),
  usualVariance: z.number().positive().nullable(),
})
export type Plan = z.infer<typeof Plan>

const Advice = z.strictObject({
  model: Hash,
  shift: z
    .number()
    .nullable()
    .describe('What the model said: added to the logit of the schedule’s share of the region'),
  fallback: z.enum(FALLBACKS).nullable().describe('Why it said nothing'),
})

const TUNED_BY = {
  policy: Hash.describe('The optimizer policy in force'),
  optimizer: Name.describe('Which of its entries'),
  mode: z.enum(['shadow', 'canary', 'on']),
}

/** What the optimizer made of an order. */
export const Tuning = z.discriminatedUnion('outcome', [
  z.strictObject({
    outcome: z.literal('untuned'),
    ...TUNED_BY,
    why: z.enum(UNTUNED),
    rules: z.array(z.string()).describe('The rules that are the reason'),
    refused: Lots.optional().describe('Lots that were chosen and that the whole constitution refused'),
  }),
  z.strictObject({
    outcome: z.literal('tuned'),
    ...TUNED_BY,
    applied: z.boolean().describe('Whether the verdict is about these lots; not in shadow'),
    plan: Plan,
    step: z.int().nonnegative().describe('Which of the plan’s steps this slice is of, from 0'),
    lot: Positive,
    left: z.int().positive().describe('Lots of the order that were neither filled nor open'),
    untuned: z.int().positive().describe('Lots that the rules alone would have let pass'),
    region: z.strictObject({ lo: Lots, hi: Lots, loBy: Binding, hiBy: Binding }),
    schedule: z.strictObject({ name: z.enum(SCHEDULES), lots: Lots }),
    liquidity: Liquidity.nullable(),
    advice: Advice.nullable().describe('null where the policy names no model'),
    lots: z.int().positive().describe('What was chosen'),
  }),
])
export type Tuning = z.infer<typeof Tuning>
export type Tuned = Extract<Tuning, { outcome: 'tuned' }>

/** What an agent is told of the rest of its order. */
export const Slice = z.strictObject({
  parent: z
    .strictObject({ id: Name, quantity: Positive })
    .describe('What the next slice names as its parent'),
  remaining: NonNegative.describe(
    'What is left of the order after this slice; ask for it at the next review',
  ),
  nextReview: Millis.nullable().describe('When to ask for the next slice; null where nothing is left'),
  deadline: Millis,
})
export type Slice = z.infer<typeof Slice>

/** What ended tuning by itself, and how far: the model alone, so that its schedule goes on, or everything. */
const STOP_CAUSES = ['rejected', 'drift', 'fallbacks', 'cost'] as const

export const TuningStop = z.strictObject({
  optimizer: Name.nullable().describe(
    'Whose model is not asked any more; null where nothing is tuned any more',
  ),
  cause: z.enum(STOP_CAUSES),
  detail: z.string().max(1024),
  decision: Name.describe('The decision after which it stopped'),
})
export type TuningStop = z.infer<typeof TuningStop>

/** The body of `POST /v1/policies/optimizer`. */
export const OptimizerRequest = PolicyRequest.extend({
  reason: Reason.optional().describe(
    'Why; needed after tuning stopped by itself, and where a second person must agree',
  ),
})
export type OptimizerRequest = z.infer<typeof OptimizerRequest>

export const OptimizerAnswer = z.object({
  schema: SchemaVersion,
  policy: Hash,
  optimizers: z.array(Tuner),
  stops: z
    .array(TuningStop.extend({ at: Millis }))
    .describe('What ended by itself since it came into force; empty while all is well'),
})
export type OptimizerAnswer = z.infer<typeof OptimizerAnswer>

/** Why an order was sent as it was. */
export const Explanation = z.object({
  schema: SchemaVersion,
  decision: Name,
  verdict: z.string(),
  asked: Positive.describe('Quantity of the order as asked'),
  sent: Positive.nullable().describe('Quantity of the verdict; null where it was denied'),
  without: Positive.nullable().describe('Quantity without the optimizer: what the rules alone let pass'),
  constitution: Hash,
  policy: Hash,
  optimizer: Name,
  mode: z.enum(['shadow', 'canary', 'on']),
  untuned: z
    .strictObject({ why: z.enum(UNTUNED), rules: z.array(z.string()) })
    .nullable()
    .describe('Why it was left as it was; null where it was not'),
  tuned: z
    .strictObject({
      applied: z.boolean(),
      step: z.int().describe('Which step of the plan, from 1'),
      steps: z.int(),
      left: Positive.describe('Quantity of the order before this slice'),
      region: z.strictObject({ least: Positive, most: Positive, leastBy: Binding, mostBy: Binding }),
      baseline: z
        .strictObject({ schedule: z.enum(SCHEDULES), quantity: NonNegative })
        .describe('What the schedule alone would have sent'),
      chosen: Positive,
      change: z.number().describe('What the model changed, in instrument units; 0 where none did'),
      model: Hash.nullable(),
      fallback: z.enum(FALLBACKS).nullable(),
      shares: z
        .strictObject({
          background: Hash.describe(
            'Of the situations that it is compared with: those that the model carries',
          ),
          mean: z.number().describe('What the model changes on average over them, in instrument units'),
          groups: z
            .array(
              z.strictObject({
                group: z.string(),
                features: z.record(z.string(), z.number()),
                value: z.number(),
              }),
            )
            .describe(
              'What each group adds to the mean; they and the mean add up to the change before it was settled in lots',
            ),
        })
        .nullable()
        .describe('null where no model moved it, or the model is not at hand'),
    })
    .nullable(),
})
export type Explanation = z.infer<typeof Explanation>
