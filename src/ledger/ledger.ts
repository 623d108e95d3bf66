/** The live state of an owner: everything the facts are read from. A value; each event makes a new one that shares the rest. */
import { List, Map } from 'immutable'
import { IdMap } from '../base/id-map.ts'
import { Queue } from '../base/queue.ts'
import type { Reading } from '../constitution/model.ts'
import type { HaltScope } from '../protocol/action.ts'
import type { AgentRegistration } from '../protocol/agent.ts'
import type { RecordedExecution } from '../protocol/execution.ts'
import type { Observation } from '../protocol/observation.ts'
import { NO_DEALERS, type Dealers } from './dealers.ts'
import { NO_GRANTS, type Grants } from './grants.ts'
import { WHOLE, type Partition } from '../protocol/partition.ts'
import { NO_SIGNOFFS, type Signoffs } from './signoffs.ts'
import type { Sighting } from '../protocol/emergency.ts'
import { NO_VENUE_IDS, type VenueIds } from './venue-ids.ts'
import type { LiquidityState, ScheduleState } from './slices.ts'
import type { TrackRecord } from './track-days.ts'
import { NO_WINDOWS, type Windows } from './windows.ts'

export type InstrumentState = Extract<Observation, { kind: 'instrument' }>

/** `at` is the earlier of the source's own time and arrival, in milliseconds since 1970. */
export interface PriceState {
  readonly price: number
  readonly at: number
}

/** The reference price within one second. */
export interface Tick {
  /** The second's beginning. */
  readonly at: number
  readonly high: number
  readonly low: number
  readonly first: number
}

export interface Bar {
  readonly from: number
  readonly to: number
  readonly open: number
  readonly high: number
  readonly low: number
  readonly volume: number
}

export interface AccountState {
  readonly currency: string
  readonly equity: number
  /** Free credit; the cash where the feeder reports none. */
  readonly credit: number
  /** When that was so; earlier than the report where the report's own was not believed. */
  readonly creditAt: number
  readonly at: number
  /** The equity with which the day of the last report opened. */
  readonly dayOpenEquity: number
  /** Highest equity ever reported. */
  readonly highWater: number
}

export interface PositionState {
  readonly quantity: number
  readonly at: number
}

/** A fill of one of our orders, in instrument units, signed. */
export interface Fill {
  readonly at: number
  readonly instrument: string
  readonly quantity: number
}

export interface PortfolioState {
  /** When what is not listed was last known not to be held; `undefined` until a portfolio says so. */
  readonly completeAt: number | undefined
  /** When the portfolio was of that positions begin with. */
  readonly beganAt: number | undefined
  readonly positions: Map<string, PositionState>
  /** The latest fills, from the oldest. */
  readonly fills: List<Fill>
  readonly lastFillAt: number | undefined
  /** The broker's last word, and where it differs from ours: his quantity less ours, and since when we know. */
  readonly broker:
    | {
        readonly at: number
        readonly differences: Map<string, number>
        readonly since: Map<string, number>
      }
    | undefined
}

/** An agent as it was registered last. */
export interface AgentState {
  readonly role: AgentRegistration['role']
  readonly field: AgentRegistration['field']
  readonly parent: string | undefined
  /** The desk or firm whose agent it is; `undefined` where none was named. */
  readonly owner: string | undefined
  readonly strategies: readonly string[]
  readonly publicKey: string | undefined
  readonly capital: AgentRegistration['capital']
  /** Milliseconds between two heartbeats. */
  readonly heartbeatMs: number
  readonly heartbeatAt: number | undefined
  /** When it was registered first. */
  readonly since: number
  /** When it was registered first, or again after it was retired. */
  readonly servesSince: number
  /** When it was retired; `undefined` while it serves. */
  readonly retiredAt: number | undefined
}

export interface Resume {
  readonly operator: string
  readonly reason: string
  readonly at: number
  /** Whether the high-water mark is to be lowered too. */
  readonly rebase: boolean
}

export interface Halt {
  readonly id: string
  readonly scope: HaltScope
  readonly state: 'reducing' | 'halted'
  /** Who or what raised it: an operator's name, or the id of a rule or monitor. */
  readonly by: string
  readonly reason: string
  readonly at: number
  /** What was seen, where a monitor raised it. */
  readonly monitor?: Sighting
  /** Operators who want to resume, each with a reason; two different ones lift it. */
  readonly resumes: readonly Resume[]
  /** Equity of the account that it is about, as it was reported last when the first of them, or of agents, was asked; `undefined` before, and where it is about none. */
  readonly equityAsked?: number
}

/** What a replacement makes of an order, until the venue confirms or rejects it. */
export interface OrderVersion {
  /** Of the decision that allowed it. */
  readonly id: string
  /** In all, filled ones included. */
  readonly lots: number
  readonly limitPrice: number | undefined
  /** Of all lots, in micro-units of the constitution's currency; `undefined` where nobody could say. */
  readonly worth: bigint | undefined
  /** Of an exit, which reserves nothing as long as what it makes smaller is held: of all lots, in the same; 0 of what is none, `undefined` where nobody could say. */
  readonly exitWorth: bigint | undefined
  /** Of an order of a basket: of all lots, in the same, exits too; `undefined` where nobody could say, and of no basket. */
  readonly value: bigint | undefined
}

/** An order that was allowed. */
export interface OrderState extends OrderVersion {
  /** A transfer of what an account holds is counted like an exit, and is none that can be replaced. */
  readonly type: 'order' | 'transfer'
  /** Who may replace it. */
  readonly agent: string
  readonly account: string
  readonly instrument: string
  readonly side: 'buy' | 'sell'
  readonly orderType: 'limit' | 'market'
  /** Key of the parent. */
  readonly parent: string | undefined
  /** Key of the basket. */
  readonly basket: string | undefined
  readonly strategy: string
  /** When it was allowed. */
  readonly at: number
  /** Lots filled so far. */
  readonly filled: number
  /** What they count for in its basket, each at the dearest that it may have filled as; `undefined` where nobody could say, 0 of no basket. */
  readonly filledValue: bigint | undefined
  /**
   * `reserved`: allowed, and nothing heard of it. `working`: the venue has spoken. `lapsed`: never sent, as far as we know. `ended`: nothing
   * more can fill.
   */
  readonly state: 'reserved' | 'working' | 'lapsed' | 'ended'
  /** Replacements that the venue has not confirmed, from the oldest. */
  readonly pending: readonly OrderVersion[]
  /** Of all replacements there were. */
  readonly versionIds: readonly string[]
  /** The venue's latest reports. */
  readonly executions: readonly RecordedExecution[]
}

/** What the children of a parent order may come to, and come to by now. In lots. */
export interface ParentState {
  readonly account: string
  readonly instrument: string
  readonly side: 'buy' | 'sell'
  /** That its children count towards. */
  readonly strategy: string
  /** As the first child declared it. */
  readonly quantity: number
  /** Filled and open. */
  readonly committed: number
  /** How the optimizer cuts it in time, and the next of its steps; `undefined` where it does not. */
  readonly schedule: ScheduleState | undefined
}

/** What the orders of a basket may come to, and come to by now. */
export interface BasketState {
  /** That its orders count towards. */
  readonly strategy: string
  /** Of the amounts. */
  readonly currency: string
  /** As the first order declared it, in micro-units. */
  readonly value: bigint
  /** Filled and open. */
  readonly committed: Committed
}

/** Lots that may still fill, by side. */
export interface Exposure {
  readonly buy: number
  readonly sell: number
}

/** What is open of one instrument and side in exits, and what it is worth where it opens a position. */
export interface Exits extends Pick<OrderState, 'instrument' | 'side' | 'lots'> {
  readonly worth: Committed
}

/** Worth of what is open, in micro-units of the currency of the constitution in force, and how many orders there are of which nobody could say: also those from under another currency. */
export interface Committed {
  readonly micro: bigint
  readonly unknown: number
}

/** What a fill cost, until the account's next report. */
export interface Spent {
  readonly at: number
  readonly micro: bigint | undefined
}

/** Cash that may be sent away, in micro-units of the constitution's currency; `undefined` where nobody can say. */
export interface Transfer {
  readonly account: string
  readonly micro: bigint | undefined
}

/** Prices at which own orders may rest on one side, NaN for those without a limit, and the one furthest into the market. */
export interface Levels {
  readonly best: number | undefined
  readonly counts: Map<number, number>
}

/** What an account's positions gained since its last report, in all and by the moments of it, in 10^-18 of its currency. */
export interface Moved {
  readonly units: bigint
  readonly moves: List<{ readonly at: number; readonly units: bigint }>
}

export interface Ledger {
  readonly instruments: Map<string, InstrumentState>
  /** By instrument, then source. */
  readonly prices: Map<string, Map<string, PriceState>>
  readonly ticks: Map<string, List<Tick>>
  /** The last reference price, by instrument. */
  readonly marks: Map<string, PriceState>
  /** By account: since its last report. */
  readonly moved: Map<string, Moved>
  /** By instrument: the accounts that hold it, or held it. */
  readonly holders: Map<string, Map<string, true>>
  readonly bars: Map<string, List<Bar>>
  /** By instrument. */
  readonly liquidity: Map<string, LiquidityState>
  /** By `BASE/QUOTE`. */
  readonly rates: Map<string, PriceState>
  readonly accounts: Map<string, AccountState>
  readonly portfolios: Map<string, PortfolioState>
  /** By account and instrument. */
  readonly locates: Map<string, PositionState>
  /** What may still fill, by account and instrument. */
  readonly exposures: Map<string, Map<string, Exposure>>
  /** By account. */
  readonly committed: Map<string, Committed>
  /** By account, then by instrument and side. */
  readonly exits: Map<string, Map<string, Exits>>
  /** By account: since its last report, from the oldest. */
  readonly spent: Map<string, List<Spent>>
  /** By the id of their decision: those whose permits are out. */
  readonly transfers: Map<string, Transfer>
  /** Own orders of all accounts, by instrument. */
  readonly resting: Map<string, { readonly buy: Levels; readonly sell: Levels }>
  readonly parents: Map<string, ParentState>
  readonly baskets: Map<string, BasketState>
  /** Allowed orders by the id of their decision. */
  readonly orders: IdMap<OrderState>
  /** The order that a replacement's decision is about. */
  readonly versions: IdMap<string>
  /** What the venue called its reports. */
  readonly venueIds: VenueIds
  /** Orders that ended, from the oldest, and how many have not. */
  readonly ended: Queue<string>
  readonly live: number
  readonly agents: Map<string, AgentState>
  /** By account: whose it is, as an operator registered it. */
  readonly owners: Map<string, string>
  /** Which part of all owners this is of. */
  readonly partition: Partition
  /** By strategy: whose agents may run it, for good. Kept where there are several partitions. */
  readonly runBy: Map<string, string>
  readonly dealers: Dealers
  readonly halts: Map<string, Halt>
  readonly grants: Grants
  readonly signoffs: Signoffs
  /** By agent: of those that vote, or trade with capital of their own. */
  readonly trackRecords: Map<string, TrackRecord>
  /** The day (since 1970, UTC) whose close comes next; `undefined` before anything happened. */
  readonly day: number | undefined
  /** Facts stated outright, for cases and state files. */
  readonly stated: Map<string, Reading>
  /** Actions judged so far: what follows from executions is known to be nothing only before the first. */
  readonly acted: number
  /** What agents did lately, counted as the constitution in force asks. */
  readonly windows: Windows
}

export const EMPTY_LEDGER: Ledger = {
  instruments: Map(),
  prices: Map(),
  ticks: Map(),
  marks: Map(),
  moved: Map(),
  holders: Map(),
  bars: Map(),
  liquidity: Map(),
  rates: Map(),
  accounts: Map(),
  portfolios: Map(),
  locates: Map(),
  exposures: Map(),
  committed: Map(),
  exits: Map(),
  spent: Map(),
  transfers: Map(),
  resting: Map(),
  parents: Map(),
  baskets: Map(),
  orders: IdMap.empty(),
  versions: IdMap.empty(),
  venueIds: NO_VENUE_IDS,
  ended: Queue.empty(),
  live: 0,
  agents: Map(),
  owners: Map(),
  partition: WHOLE,
  runBy: Map(),
  dealers: NO_DEALERS,
  halts: Map(),
  grants: NO_GRANTS,
  signoffs: NO_SIGNOFFS,
  trackRecords: Map(),
  day: undefined,
  stated: Map(),
  acted: 0,
  windows: NO_WINDOWS,
}

/** The key of a parent, or of a basket: what one agent calls its own says nothing of another's. */
export function parentKey(account: string, agent: string, id: string): string {
  return keyOf(account, agent, id)
}

/** The name of the parent, or of the basket, in its key. */
export function parentName(key: string): string {
  return key.split('\u0000')[2] ?? ''
}

/** Joins parts of a key; names hold no control characters. */
export function keyOf(...parts: readonly string[]): string {
  return parts.join('\u0000')
}
