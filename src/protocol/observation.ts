/** What feeders report about the world. */
import { z } from 'zod'
import { Currency, Millis, Name, NonNegative, Positive, Signed } from './common.ts'
import { GrantTerms } from './grant.ts'

export const ASSET_CLASSES = ['equity', 'crypto', 'future', 'option', 'fx', 'bond'] as const

const Instrument = z.strictObject({
  kind: z.literal('instrument'),
  instrument: Name,
  assetClass: z.enum(ASSET_CLASSES),
  currency: Currency,
  calendar: Name.optional(),
  sector: Name.optional().describe('By which exposure is added up; without one it counts in every sector'),
  lot: Positive.describe('Quantities are whole numbers of it'),
  tick: Positive.describe('Prices are whole numbers of it'),
  multiplier: Positive.describe('Worth of one unit at a price of 1, in the instrument’s currency'),
  adv: NonNegative.optional().describe('Average daily volume, in instrument units'),
  sharesOutstanding: Positive.optional(),
  status: z.enum(['open', 'closed', 'halted']),
  at: Millis,
})

const Price = z.strictObject({
  kind: z.literal('price'),
  instrument: Name,
  source: Name,
  price: Positive,
  at: Millis,
})

const Bar = z
  .strictObject({
    kind: z.literal('bar'),
    instrument: Name,
    from: Millis,
    to: Millis,
    open: Positive,
    high: Positive,
    low: Positive,
    close: Positive,
    volume: NonNegative,
  })
  .refine((bar) => bar.from < bar.to, { path: ['to'], message: 'expected after `from`' })
  .refine((bar) => bar.low <= Math.min(bar.open, bar.close) && bar.high >= Math.max(bar.open, bar.close), {
    path: ['high'],
    message: 'expected low ≤ open, close ≤ high',
  })

const Fx = z.strictObject({
  kind: z.literal('fx'),
  base: Currency,
  quote: Currency,
  rate: Positive,
  at: Millis,
})

const Account = z.strictObject({
  kind: z.literal('account'),
  account: Name,
  currency: Currency,
  equity: Signed,
  cash: Signed,
  credit: NonNegative.optional().describe('Free credit; the cash where it is left out'),
  at: Millis,
})

const Position = z.strictObject({ instrument: Name, quantity: Signed })

const Portfolio = z
  .strictObject({
    kind: z.literal('portfolio'),
    account: Name,
    positions: z.array(Position).max(10_000).describe('Complete: an instrument not listed is not held'),
    at: Millis,
  })
  .refine((it) => new Set(it.positions.map((position) => position.instrument)).size === it.positions.length, {
    path: ['positions'],
    message: 'expected each instrument once',
  })

const Locate = z.strictObject({
  kind: z.literal('locate'),
  account: Name,
  instrument: Name,
  quantity: NonNegative,
  at: Millis,
})

export const Observation = z.discriminatedUnion('kind', [
  Instrument,
  Price,
  Bar,
  Fx,
  Account,
  Portfolio,
  Locate,
])
export type Observation = z.infer<typeof Observation>

export const OBSERVATION_KINDS = [
  'instrument',
  'price',
  'bar',
  'fx',
  'account',
  'portfolio',
  'locate',
] as const satisfies readonly Observation['kind'][]

/** The body of `POST /v1/observations`: one, or up to 1,000 in order. */
export const Observations = z.union([Observation, z.array(Observation).min(1).max(1000)])

/** A position by itself, as cases write it: unlike a portfolio it says nothing of other instruments. */
const SinglePosition = z.strictObject({
  kind: z.literal('position'),
  account: Name,
  instrument: Name,
  quantity: Signed,
  at: Millis,
})

const FactValue = z.union([Signed, z.string().max(256), z.boolean()])

/** Measured facts that no observation carries, by name; durations in milliseconds. */
const Facts = z.strictObject({ kind: z.literal('facts'), facts: z.record(z.string(), FactValue) })

/** What was observed in a world of observations. */
const WorldObservation = z.union([Observation, SinglePosition, Facts])
export type WorldObservation = z.infer<typeof WorldObservation>

/** A grant that was approved and not used yet. */
const Granted = GrantTerms.extend({ kind: z.literal('grant') })

/** What a state file or the world of a case may hold. */
export const WorldEntry = z.union([...WorldObservation.options, Granted])
