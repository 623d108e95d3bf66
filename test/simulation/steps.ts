/** What may happen next, drawn at random; each step means something in whatever world it comes to. */
import fc from 'fast-check'

export type Step =
  | {
      readonly kind: 'order'
      readonly agent: number
      readonly account: number
      readonly instrument: number
      readonly side: 'buy' | 'sell'
      readonly lots: number
      /** In ticks from the reference; a market order where there is none. */
      readonly price: number | undefined
      readonly parent: number | undefined
      readonly basket: number | undefined
      readonly strategy: string | undefined
      readonly narrow: boolean
      readonly broken: boolean
    }
  | {
      readonly kind: 'replace'
      readonly of: number
      readonly lots: number
      readonly price: number | undefined
    }
  | { readonly kind: 'cancel' | 'redeem' | 'retry' | 'deliver'; readonly of: number; readonly odd: boolean }
  | ({ readonly kind: 'transfer'; readonly of: number; readonly again: boolean } & Moved)
  | ({
      readonly kind: 'signoff'
      readonly of: number
      readonly again: boolean
      readonly by: readonly number[]
      readonly until: number
    } & Moved)
  | { readonly kind: 'unsign'; readonly of: number; readonly by: number }
  | { readonly kind: 'activate'; readonly next: boolean }
  /** To the turn of a calendar that comes after so many others, or the end of a sign-off, give or take a millisecond. */
  | { readonly kind: 'turn'; readonly after: number; readonly by: number; readonly signoff: boolean }
  | { readonly kind: 'take'; readonly of: number }
  | { readonly kind: 'fill'; readonly of: number; readonly lots: number; readonly over: boolean }
  | { readonly kind: 'end'; readonly of: number; readonly event: 'cancelled' | 'expired' }
  | { readonly kind: 'noise'; readonly of: number; readonly what: Noise }
  | { readonly kind: 'portfolio'; readonly account: number; readonly lie: number }
  | { readonly kind: 'adopt'; readonly account: number }
  | { readonly kind: 'account'; readonly account: number; readonly credit: number }
  | { readonly kind: 'halt'; readonly scope: number; readonly state: 'reducing' | 'halted' }
  | { readonly kind: 'resume'; readonly of: number; readonly operator: number }
  | { readonly kind: 'register'; readonly swapped: boolean; readonly operator: boolean }
  | { readonly kind: 'clock'; readonly by: number }
  | { readonly kind: 'restart' }
  | { readonly kind: 'crash' }

/** A transfer, where none that was asked for or signed off before is meant. */
interface Moved {
  readonly agent: number
  readonly account: number
  readonly asset: number
  readonly lots: number
}

export type Noise =
  'unknown' | 'off lot' | 'other words' | 'less' | 'confirms nothing' | 'refused again' | 'other order'

const of = fc.nat(99)
const odd = fc.integer({ min: 0, max: 9 }).map((drawn) => drawn === 0)
const account = fc.nat(1)
const lots = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 8 }) },
  fc.integer({ min: 1, max: 25 }),
)
const price = fc.option(fc.integer({ min: -3, max: 5 }), { nil: undefined, freq: 4 })

const order: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('order' as const),
  agent: fc.nat(2),
  account,
  instrument: fc.nat(2),
  side: fc.constantFrom('buy' as const, 'sell' as const),
  lots,
  price,
  parent: fc.option(fc.nat(2), { nil: undefined, freq: 2 }),
  basket: fc.option(fc.nat(1), { nil: undefined, freq: 2 }),
  strategy: fc.constantFrom(undefined, undefined, 'fast', 'slow', 'none'),
  narrow: fc.boolean(),
  broken: fc.integer({ min: 0, max: 19 }).map((drawn) => drawn === 0),
})

/** Mostly what was asked for or signed off before. */
const again = fc.integer({ min: 0, max: 4 }).map((drawn) => drawn > 0)
const moved = {
  agent: fc.nat(2),
  account,
  asset: fc.nat(3),
  lots: fc.integer({ min: 1, max: 17 }),
}

const named = (kind: 'cancel' | 'redeem' | 'retry' | 'deliver'): fc.Arbitrary<Step> =>
  fc.record({ kind: fc.constant(kind), of, odd })

const clock: fc.Arbitrary<Step> = fc
  .oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 1_500 }) },
    { weight: 2, arbitrary: fc.integer({ min: 4_000, max: 6_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 3_600_000, max: 10_800_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: -7_200_000, max: -1 }) },
  )
  .map((by) => ({ kind: 'clock' as const, by }))

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: order },
  { weight: 9, arbitrary: fc.record({ kind: fc.constant('replace' as const), of, lots, price }) },
  { weight: 4, arbitrary: named('cancel') },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('transfer' as const), of, again, ...moved }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('signoff' as const),
      of,
      again,
      by: fc.subarray([0, 1, 2, 3], { minLength: 1 }),
      // Past, and to the millisecond as long as it may be, and longer.
      until: fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(3_600_000, 86_400_000) },
        fc.constantFrom(0, 3_000, 86_400_001),
      ),
      ...moved,
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('unsign' as const), of, by: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('activate' as const), next: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('turn' as const),
      after: fc.nat(3),
      by: fc.integer({ min: -1, max: 1 }),
      signoff: odd,
    }),
  },
  { weight: 24, arbitrary: named('redeem') },
  { weight: 3, arbitrary: named('retry') },
  { weight: 24, arbitrary: fc.record({ kind: fc.constant('take' as const), of }) },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('fill' as const),
      of,
      lots: fc.integer({ min: 1, max: 6 }),
      over: odd,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      of,
      event: fc.constantFrom('cancelled' as const, 'expired' as const),
    }),
  },
  { weight: 26, arbitrary: named('deliver') },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('noise' as const),
      of,
      what: fc.constantFrom<Noise>(
        'unknown',
        'off lot',
        'other words',
        'less',
        'confirms nothing',
        'refused again',
        'other order',
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('portfolio' as const),
      account,
      lie: fc.constantFrom(0, 0, 0, 1, -2),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('adopt' as const), account }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('account' as const),
      account,
      credit: fc.constantFrom(1_500, 3_000, 5_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('halt' as const),
      scope: fc.nat(7),
      state: fc.constantFrom('reducing' as const, 'halted' as const),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('resume' as const), of, operator: fc.nat(1) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('register' as const),
      swapped: fc.boolean(),
      operator: fc.boolean(),
    }),
  },
  { weight: 14, arbitrary: clock },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'restart' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'crash' }) },
)

export interface Story {
  readonly strict: boolean
  readonly byRoot: boolean
  /** Lots at the beginning, by instrument, in both accounts. */
  readonly opening: readonly number[]
  /** Whether nobody has said at first what the second account holds. */
  readonly late: boolean
  readonly steps: readonly Step[]
}

export const story = (stepsMax: number): fc.Arbitrary<Story> =>
  fc.record({
    strict: fc.boolean(),
    byRoot: fc.boolean(),
    opening: fc.array(fc.integer({ min: -12, max: 12 }), { minLength: 3, maxLength: 3 }),
    late: fc.boolean(),
    steps: fc.array(step, { maxLength: stepsMax, size: 'max' }),
  })
