/** What can happen in a scenario of the demo, and the observations that scenarios share. */
import type { ActionRequest, HaltScope } from '../protocol/action.ts'
import type { Observation } from '../protocol/observation.ts'

export type Action = ActionRequest['action']
export type Agent = 'alpha' | 'hedger'
type Observe = (now: number) => readonly Observation[]

/** One thing that happens, at `after` milliseconds into the scenario. */
export type Step =
  | { readonly kind: 'observe'; readonly after: number; readonly observations: Observe }
  | ({
      readonly kind: 'act'
      readonly after: number
      readonly says: string
      readonly action: Action
    } & Acting)
  | ({
      /** A run of orders, a second at a time, each second after what is observed in it. */
      readonly kind: 'run'
      readonly after: number
      readonly says: string
      readonly seconds: number
      readonly perSecond: number
      readonly order: (index: number) => Action
      /** What is seen of a run that began at `from`. */
      readonly observations: (from: number) => Observe
    } & Pick<Acting, 'agent'>)
  /** An operator stops what `scope` covers. */
  | { readonly kind: 'halt'; readonly after: number; readonly says: string; readonly scope: HaltScope }
  /** The agent redeems the permit that it kept. */
  | ({ readonly kind: 'redeem'; readonly after: number; readonly says: string } & Pick<Acting, 'agent'>)
  /** The agent takes back its orders that rest at the venue. */
  | ({ readonly kind: 'cancel'; readonly after: number; readonly says: string } & Pick<Acting, 'agent'>)

export interface Acting {
  /** `alpha` where it is left out. */
  readonly agent?: Agent
  readonly narrow?: boolean
  /** The reason that is listed first. */
  readonly about?: string
  /** Send the request before once more, with the same id. */
  readonly again?: boolean
  /** Redeem what is allowed and send it to the venue; `keep` only keeps the permit. Left out, the agent thinks better of it. */
  readonly next?: 'send' | 'keep'
}

export interface Scenario {
  readonly title: string
  readonly figures: string
  /** Worth of one unit at a price of 1, for what is traded. */
  readonly multiplier: number
  readonly steps: readonly Step[]
}

/** Where the prices of the scenarios come from: what the demo's feeder is bound to. */
export const SCENARIO_SOURCES = ['nyse', 'bats', 'cme', 'desk', 'opra', 'pool', 'vendor'] as const
type Source = (typeof SCENARIO_SOURCES)[number]

export const MINUTE = 60_000

type Instrument = Extract<Observation, { kind: 'instrument' }>

export function instrument(
  name: string,
  fields: Pick<Instrument, 'assetClass' | 'tick' | 'multiplier'> & {
    adv?: number
    sharesOutstanding?: number
  },
): (now: number) => Instrument {
  return (at) => ({
    kind: 'instrument',
    instrument: name,
    currency: 'USD',
    lot: 1,
    status: 'open',
    ...fields,
    at,
  })
}

export function prices(
  name: string,
  sources: readonly [Source, Source],
  price: number,
  other = price,
): (now: number) => Observation[] {
  return (at) => [
    { kind: 'price', instrument: name, source: sources[0], price, at },
    { kind: 'price', instrument: name, source: sources[1], price: other, at },
  ]
}

/** Five one-minute bars that end now, around one price. */
export function quietBars(name: string, price: number, volume: number): (now: number) => Observation[] {
  return (now) =>
    Array.from({ length: 5 }, (_, index) => ({
      kind: 'bar' as const,
      instrument: name,
      from: now - (5 - index) * MINUTE,
      to: now - (4 - index) * MINUTE,
      open: price,
      high: price,
      low: price,
      close: price,
      volume,
    }))
}

export const account =
  (name: string, equity: number): ((now: number) => Observation) =>
  (at) => ({ kind: 'account', account: name, currency: 'USD', equity, cash: equity, at })

export const portfolio =
  (
    name: string,
    positions: readonly { instrument: string; quantity: number }[],
  ): ((now: number) => Observation) =>
  (at) => ({ kind: 'portfolio', account: name, positions: [...positions], at })

export const observe = (
  after: number,
  ...parts: readonly ((now: number) => Observation | readonly Observation[])[]
): Step => ({ kind: 'observe', after, observations: watched(...parts) })

export const act = (after: number, says: string, action: Action, options: Acting = {}): Step => ({
  kind: 'act',
  after,
  says,
  action,
  ...options,
})

/** Both sources, and the account, at every second of a run. */
export const watched =
  (...parts: readonly ((now: number) => Observation | readonly Observation[])[]): Observe =>
  (now) =>
    parts.flatMap((part) => part(now))
