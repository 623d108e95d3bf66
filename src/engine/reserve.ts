/** What a verdict reserves in the ledger. */
import { stepsWithin, wholeSteps } from '../base/exact.ts'
import type { Constitution } from '../constitution/model.ts'
import { declaredBasket } from '../ledger/baskets.ts'
import { dealersAfter } from '../ledger/dealers.ts'
import { draftOf } from '../ledger/draft.ts'
import { parentKey, type Ledger, type OrderState, type ParentState } from '../ledger/ledger.ts'
import { reserve, reserveReplacement } from '../ledger/orders.ts'
import { useSignoffs } from '../ledger/signoffs.ts'
import { strategyOf, subjectOf, type ProposedOrder } from '../ledger/subject.ts'
import { reserveCash, transferCost } from '../ledger/transfers.ts'
import type { Windows } from '../ledger/windows.ts'
import type { Action } from '../protocol/action.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { Tuned } from '../protocol/optimizer.ts'
import { slipOf } from './watching.ts'
import { microOf } from './worth.ts'

/** The ledger after a verdict, with its `windows`: what was allowed is reserved at once. */
export function decided(
  ledger: Ledger,
  decision: DecisionCore,
  windows: Windows,
  constitution?: Constitution,
): Ledger {
  const counted = draftOf(ledger)
  counted.acted += 1
  counted.windows = windows
  counted.dealers = dealersAfter(ledger.dealers, decision)
  const { verdict, action, request } = decision
  if (verdict !== 'allow' && verdict !== 'narrow') return counted
  switch (action.type) {
    case 'order':
      return reserveOrder(counted, decision, constitution)
    case 'replace': {
      const { order, instrument } = subjectOf(ledger, request.agent, action)
      const lots = order && instrument && wholeSteps(order.quantity, instrument.lot)
      if (order === undefined || lots === undefined) return counted
      const { limitPrice } = order
      return reserveReplacement(counted, action.order, {
        id: decision.decision,
        lots,
        limitPrice,
        worth: microOf(decision.worth),
        exitWorth: exitWorthOf(decision),
        value: basketWorthOf(ledger, order, decision, constitution),
      })
    }
    case 'transfer': {
      const { agent } = request
      const { decision: id, at } = decision
      counted.signoffs = useSignoffs(ledger.signoffs, { agent, action, decision: id, at }, (name) =>
        ledger.agents.has(name),
      )
      const subject = subjectOf(ledger, request.agent, action)
      const cost = constitution && transferCost(ledger, subject, constitution, decision.at)
      const sent = transferred(ledger, decision, action, cost)
      return sent === undefined
        ? reserveCash(counted, decision.decision, action.account, cost)
        : reserve(counted, sent)
    }
    default:
      return counted
  }
}

function reserveOrder(ledger: Ledger, decision: DecisionCore, constitution?: Constitution): Ledger {
  const { decision: id, request, action, worth, at, tuning } = decision
  const subject = subjectOf(ledger, request.agent, action)
  const { order, instrument } = subject
  const lots = order && instrument && wholeSteps(order.quantity, instrument.lot)
  if (order === undefined || instrument === undefined || lots === undefined) return ledger
  const { account, side, orderType, limitPrice, basket } = order
  const tuned = tuning?.outcome === 'tuned' ? tuning : undefined
  const parent = order.parent ?? (tuned?.applied === true ? ownParent(request, id) : undefined)
  return reserve(
    ledger,
    {
      id,
      type: 'order',
      agent: request.agent,
      account,
      instrument: order.instrument,
      side,
      lots,
      orderType,
      limitPrice,
      parent: parent?.key,
      basket: basket?.key,
      strategy: strategyOf(ledger, subject),
      worth: microOf(worth),
      exitWorth: exitWorthOf(decision),
      value: basketWorthOf(ledger, order, decision, constitution),
      at,
      filled: 0,
      filledValue: 0n,
      state: 'reserved',
      pending: NONE,
      versionIds: NONE,
      executions: NONE,
    },
    {
      parentLots: parent?.quantity === undefined ? undefined : wholeSteps(parent.quantity, instrument.lot),
      schedule: tuned && scheduleOf(tuned),
      basket: constitution && declaredBasket(subject, constitution),
    },
  )
}

/** An order that names no parent and is sent in slices is its own: later slices name its first decision. */
function ownParent({ agent, action }: DecisionCore['request'], id: string): ProposedOrder['parent'] {
  return action.type === 'order'
    ? { key: parentKey(action.account, agent, id), quantity: action.quantity }
    : undefined
}

/** The plan by which the order is sent, and the next of its steps. */
function scheduleOf(tuned: Tuned): ParentState['schedule'] {
  const { plan, step, applied } = tuned
  return { plan, next: step + 1, applied, slip: slipOf(tuned) }
}

// Written out in each order, because V8 takes a thousand times as long for members that follow a spread and are not in it.
const NONE: readonly never[] = []

/** What leaves the account can't be sold any more, so it counts like an exit that is open. */
function transferred(
  ledger: Ledger,
  { decision: id, request, at }: DecisionCore,
  action: Action & { type: 'transfer' },
  cost: bigint | undefined,
): OrderState | undefined {
  const { account, asset, amount } = action
  const instrument = ledger.instruments.get(asset)
  if (instrument === undefined) return undefined
  const { lot } = instrument
  return {
    id,
    type: 'transfer',
    agent: request.agent,
    account,
    instrument: asset,
    side: 'sell',
    lots: wholeSteps(amount, lot) ?? (stepsWithin(amount, lot) ?? Math.floor(amount / lot)) + 1,
    orderType: 'market',
    limitPrice: undefined,
    parent: undefined,
    basket: undefined,
    strategy: strategyOf(ledger, subjectOf(ledger, request.agent, action)),
    worth: 0n,
    exitWorth: cost,
    value: undefined,
    at,
    filled: 0,
    filledValue: 0n,
    state: 'reserved',
    pending: NONE,
    versionIds: NONE,
    executions: NONE,
  }
}

/** What an order counts towards its basket; in another currency than the basket was declared in, nobody can say. */
function basketWorthOf(
  { baskets }: Ledger,
  { basket }: ProposedOrder,
  { basketWorth }: DecisionCore,
  constitution: Constitution | undefined,
): bigint | undefined {
  const known = basket && baskets.get(basket.key)
  return known !== undefined && known.currency !== constitution?.currency
    ? undefined
    : microOf(basketWorth ?? null)
}

/** Of a verdict from before it was recorded, nobody can say. */
function exitWorthOf({ reducing, exitWorth }: DecisionCore): bigint | undefined {
  return reducing ? microOf(exitWorth ?? null) : 0n
}
