/** Counts what agents did into the windows: each judged action once, each fill once. */
import { fromSteps } from '../base/exact.ts'
import { rational } from '../base/rational.ts'
import type { Constitution } from '../constitution/model.ts'
import { longestDay } from '../constitution/trading-day.ts'
import type { ActionRequest } from '../protocol/action.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import { amountOf, type Fields, type Happening } from './happening.ts'
import type { Ledger } from './ledger.ts'
import { findOrder } from './orders.ts'
import { subjectOf } from './subject.ts'
import { transferWorth } from './transfers.ts'
import { fieldsCounted } from './window-fields.ts'
import { BOUNDS, count, keepWindows, uncount, type WindowOrigin, type Windows } from './windows.ts'

/**
 * The windows after `decision`. `ledger` is the one it was judged on: afterwards the order it replaced is gone. One that waits for a vote counts as a message
 * at once, so that waiting is no way around a throttle; `wasAsked` says of a final one that it did.
 */
export function countDecision(
  ledger: Ledger,
  { request, action, verdict }: Pick<DecisionCore, 'request' | 'action' | 'verdict'>,
  constitution: Constitution | undefined,
  at: number,
  wasAsked = false,
): Windows {
  const part = verdict === 'pending' ? 'asked' : wasAsked ? 'decided' : 'whole'
  return count(ledger.windows, happeningOf(ledger, { request, action, verdict }, constitution, { at, part }))
}

/** What a request is counted under that is put to the vote: the ledger may tell its strategy otherwise by the time it is decided. */
export function askedFields(ledger: Ledger, { agent, action }: ActionRequest): Fields {
  return fieldsCounted(ledger, subjectOf(ledger, agent, action))
}

/** The windows without the message that was counted under `fields` when it was put to the vote at `at`: what is judged is not counted against itself. */
export function withoutAsked(
  windows: Windows,
  { request: { action }, fields }: { readonly request: ActionRequest; readonly fields: Fields },
  at: number,
): Windows {
  return uncount(windows, {
    at,
    type: action.type,
    part: 'asked',
    denied: false,
    fields,
    asked: undefined,
    amount: undefined,
    currency: undefined,
  })
}

function happeningOf(
  ledger: Ledger,
  { request, action, verdict }: Pick<DecisionCore, 'request' | 'action' | 'verdict'>,
  constitution: Constitution | undefined,
  { at, part }: Pick<Happening, 'at' | 'part'>,
): Happening {
  const subject = subjectOf(ledger, request.agent, action)
  const asked = 'quantity' in request.action ? String(request.action.quantity) : undefined
  const fields = fieldsCounted(ledger, subject)
  return {
    at,
    type: action.type,
    part,
    // What waits was sent, whatever comes of it.
    denied: verdict === 'deny',
    fields,
    asked: asked === fields['order.quantity'] ? undefined : asked,
    amount: constitution && transferWorth(ledger, subject, constitution, at),
    currency: constitution?.currency,
  }
}

/** What was newly filled of an order. */
export interface Fill {
  /** When it was recorded: never before what was recorded last. */
  readonly at: number
  readonly agent: string
  readonly account: string
  readonly instrument: string
  readonly strategy: string
  readonly side: 'buy' | 'sell'
  /** In instrument units. */
  readonly quantity: number
}

/** The windows after a fill. */
export function countFill(
  windows: Windows,
  { at, agent, account, instrument, strategy, side, quantity }: Fill,
): Windows {
  return count(windows, {
    at,
    type: 'fill',
    part: 'whole',
    denied: false,
    fields: {
      'agent.id': agent,
      'account.id': account,
      'instrument.id': instrument,
      'strategy.id': strategy,
      'order.side': side,
    },
    asked: undefined,
    amount: amountOf(rational(quantity)),
    currency: undefined,
  })
}

/** The windows after the venue reported `lots` of an order filled in all. `ledger` is the one before the report. */
export function countExecution(ledger: Ledger, order: string, lots: number, at: number): Windows {
  const filled = findOrder(ledger, order)
  const lot = filled && ledger.instruments.get(filled.instrument)?.lot
  if (filled === undefined || lot === undefined || lots <= filled.filled) return ledger.windows
  const { agent, account, instrument, strategy, side } = filled
  const quantity = fromSteps(lots - filled.filled, lot)
  return countFill(ledger.windows, { at, agent, account, instrument, strategy, side, quantity })
}

/** The windows once `constitution` is in force. */
export function keepWindowsOf(windows: Windows, constitution: Constitution, at: number): Windows {
  const wanted = new Map<string, WindowOrigin>()
  for (const { name, origin } of constitution.facts.values())
    if (origin.kind === 'window') wanted.set(name, origin)
  const longestIn = (calendar: string): number => {
    const table = constitution.tables.get(calendar)
    return table === undefined ? 0 : longestDay(table)
  }
  return keepWindows(windows, wanted, constitution.currency, at, BOUNDS, longestIn)
}
