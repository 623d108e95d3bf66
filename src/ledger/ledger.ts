/** The live state of an owner: everything the facts are read from. A value; each event makes a new one that shares the rest. */
import { List, Map } from 'immutable'
import type { Reading } from '../constitution/model.ts'
import type { AgentRegistration, HaltScope } from '../protocol/action.ts'
import type { Observation } from '../protocol/observation.ts'
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
  readonly at: number
  /** The calendar day (since 1970, UTC) of the last report, and the equity with which it opened. */
  readonly day: number
  readonly dayOpenEquity: number
  /** Highest equity ever reported. */
  readonly highWater: number
}

export interface PositionState {
  readonly quantity: number
  readonly at: number
}

export interface PortfolioState {
  /** Whether what is not listed is known not to be held; `undefined` until a portfolio says so. */
  readonly completeAt: number | undefined
  readonly positions: Map<string, PositionState>
}

export interface AgentState {
  readonly role: AgentRegistration['role']
  readonly strategies: readonly string[]
  readonly publicKey: string | undefined
  readonly heartbeatAt: number | undefined
}

export interface Halt {
  readonly id: string
  readonly scope: HaltScope
  readonly state: 'reducing' | 'halted'
  /** Who or what raised it: an operator's name, or a rule's id. */
  readonly by: string
  readonly reason: string
  readonly at: number
  /** Operators who want to resume, each with a reason; two different ones lift it. */
  readonly resumes: readonly { readonly operator: string; readonly reason: string; readonly at: number }[]
}

/** An order that was allowed. */
export interface OrderState {
  /** Who may replace it. */
  readonly agent: string
  readonly account: string
  readonly instrument: string
  readonly side: 'buy' | 'sell'
  readonly lots: number
  readonly orderType: 'limit' | 'market'
  readonly limitPrice: number | undefined
  readonly parent: string | undefined
  readonly strategy: string | undefined
}

export interface Ledger {
  readonly instruments: Map<string, InstrumentState>
  /** By instrument, then source. */
  readonly prices: Map<string, Map<string, PriceState>>
  readonly ticks: Map<string, List<Tick>>
  readonly bars: Map<string, List<Bar>>
  /** By `BASE/QUOTE`. */
  readonly rates: Map<string, PriceState>
  readonly accounts: Map<string, AccountState>
  readonly portfolios: Map<string, PortfolioState>
  /** By account and instrument. */
  readonly locates: Map<string, PositionState>
  /** Quantity allowed and possibly still open, in lots, by account, instrument and side. */
  readonly open: Map<string, number>
  /** Allowed orders by the id of their decision, and those ids from the oldest. */
  readonly orders: Map<string, OrderState>
  readonly orderIds: List<string>
  readonly agents: Map<string, AgentState>
  readonly halts: Map<string, Halt>
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
  bars: Map(),
  rates: Map(),
  accounts: Map(),
  portfolios: Map(),
  locates: Map(),
  open: Map(),
  orders: Map(),
  orderIds: List(),
  agents: Map(),
  halts: Map(),
  stated: Map(),
  acted: 0,
  windows: NO_WINDOWS,
}

/** Joins parts of a key; names hold no control characters. */
export function keyOf(...parts: readonly string[]): string {
  return parts.join('\u0000')
}
