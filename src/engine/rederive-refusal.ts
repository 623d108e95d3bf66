/** Holds refusals by the engine against the record of a decision: which are derived again from it, which it only does not contradict. */
import { canonicalJson } from '../base/canonical-json.ts'
import { REFUSALS, type RefusalCode } from '../base/errors.ts'
import { isMultiple, wholeSteps } from '../base/exact.ts'
import { gather, missingRequired, type Program } from '../constitution/compile.ts'
import type { Read } from '../constitution/model.ts'
import type { Action } from '../protocol/action.ts'
import type { Decision, Reason } from '../protocol/decision.ts'
import { refusal } from './judgement.ts'

/** `derived`: the record shows that it had to be refused. `believed`: nothing in the record speaks against it. */
export type Ground = 'derived' | 'believed'

/** Refusals that come before any rule is asked. */
const BEFORE: readonly RefusalCode[] = [
  'ACCOUNT_UNKNOWN',
  'INSTRUMENT_UNKNOWN',
  'ORDER_UNKNOWN',
  'LIMIT_PRICE_UNEXPECTED',
  'LIMIT_PRICE_UNKNOWN',
  'CANCEL_FOREIGN',
  'AGENT_RETIRED',
  'OWNER_DIFFERS',
  'STRATEGY_UNREGISTERED',
  'PARENT_CONFLICT',
  'BASKET_CONFLICT',
  'FACT_UNAVAILABLE',
]

/** Whether the engine refused before it asked any rule. */
export function isRefusedBefore({ reasons }: Decision): boolean {
  return reasons.some(({ rule, code }) => rule === null && BEFORE.some((before) => before === code))
}

/** The grounds of each refusal by the engine, by code; or what in the record speaks against one. */
export function refusalGrounds(
  decision: Decision,
  program: Program,
  read: Read,
): ReadonlyMap<RefusalCode, Ground> | string {
  const grounds = new Map<RefusalCode, Ground>()
  for (const reason of decision.reasons) {
    if (reason.rule !== null || isByVote(reason.code)) continue
    const { code } = reason
    if (!isRefusal(code)) return `\`${code}\` is no refusal of the engine`
    if (!hasItsForm(reason, code)) return `the reason ${code} is not as the engine words it`
    const ground = groundOf(code, reason, decision, program, read)
    if (ground !== 'derived' && ground !== 'believed') return `refused with ${code}, and ${ground.problem}`
    grounds.set(code, ground)
  }
  return grounds
}

/**
 * The refusals that an action must get for being off the grid of its instrument, as far as the lot and tick were read for a rule. Whether all that was open
 * beside it could still be counted is not asked: what was open is recorded as a double.
 */
export function offGrid(action: Action, facts: Decision['facts']): RefusalCode[] {
  if (action.type !== 'order' && action.type !== 'replace') return []
  const codes: RefusalCode[] = []
  const lot = facts['instrument.lot']?.value
  if (typeof lot === 'number' && wholeSteps(action.quantity, lot) === undefined)
    codes.push(isMultiple(action.quantity, lot) === true ? 'OUT_OF_RANGE' : 'OFF_LOT')
  // A replacement that names no price keeps the one of the order before.
  const price = action.limitPrice ?? facts['order.limitPrice']?.value
  const tick = facts['instrument.tick']?.value
  if (typeof price === 'number' && typeof tick === 'number' && isMultiple(price, tick) !== true)
    codes.push('OFF_TICK')
  return codes
}

/** What a quorum did, or could not do: its certificates say so, and not the facts. */
const BY_VOTE: readonly RefusalCode[] = ['QUORUM_UNAVAILABLE', 'QUORUM_REJECTED', 'APPROVAL_LAPSED']

export function isByVote(code: string): boolean {
  return BY_VOTE.some((each) => each === code)
}

function isRefusal(code: string): code is RefusalCode {
  return Object.hasOwn(REFUSALS, code)
}

function hasItsForm(reason: Reason, code: RefusalCode): boolean {
  const names = reason.missing?.map(({ fact }) => fact)
  return canonicalJson(refusal(code, reason.observed, names)) === canonicalJson(reason)
}

interface Against {
  readonly problem: string
}

/** What every instrument that is described has, every order that is known, every strategy that may be named. */
const TELLING = {
  instrument: ['class', 'status', 'lot', 'tick', 'multiplier'].map((name) => `instrument.${name}`),
  order: ['side', 'orderType', 'quantity'].map((name) => `order.${name}`),
  strategy: ['strategy.id'],
  account: ['equity', 'dayOpenEquity', 'highWater', 'credit'].map((name) => `account.${name}`),
} as const

function groundOf(
  code: RefusalCode,
  { observed, missing }: Reason,
  decision: Decision,
  program: Program,
  read: Read,
): Ground | Against {
  const { action } = decision.request
  const facts = decision.proposed?.facts ?? decision.facts
  // A cancel is refused for nothing but what is always there, or because it is of another's order.
  if (action.type === 'cancel' && code !== 'FACT_UNAVAILABLE' && code !== 'CANCEL_FOREIGN')
    return { problem: 'it is a cancel' }
  const field: Readonly<Record<string, unknown>> = action
  const names = (key: string): Against | undefined =>
    field[key] === observed ? undefined : { problem: `the action’s \`${key}\` is ${String(field[key])}` }
  /** Whether nothing was read of what is said to be unknown. A fact too old to be used was read, and names its source. */
  const unread = (telling: readonly string[]): Ground | Against => {
    const recorded = telling.filter((name) => facts[name] !== undefined)
    const there = recorded.find((name) => facts[name]?.source !== 'missing')
    if (there !== undefined) return { problem: `\`${there}\` was read` }
    return recorded.length > 0 ? 'derived' : 'believed'
  }
  switch (code) {
    case 'INSTRUMENT_UNKNOWN':
      return names('instrument') ?? unread(TELLING.instrument)
    case 'ACCOUNT_UNKNOWN': {
      const ground = names('account') ?? unread([...TELLING.account, 'position.quantity'])
      // An account kept in another currency than the constitution's reads the same as none.
      return ground === 'derived' ? 'believed' : ground
    }
    case 'ORDER_UNKNOWN':
      if (action.type !== 'replace') return { problem: 'nothing is replaced' }
      return names('order') ?? unread(TELLING.order)
    case 'CANCEL_FOREIGN':
      return action.type === 'cancel' ? (names('order') ?? 'believed') : { problem: 'nothing is cancelled' }
    case 'AGENT_RETIRED':
      return decision.request.agent === observed
        ? 'believed'
        : { problem: `the agent is ${decision.request.agent}` }
    case 'OWNER_DIFFERS':
      return names('account' in action ? 'account' : 'target') ?? 'believed'
    case 'STRATEGY_UNREGISTERED':
      if (action.type !== 'order' && action.type !== 'replace') return { problem: 'it is no order' }
      if (observed === null) return { problem: 'no strategy is named' }
      // That of a replacement is the one of the order before.
      return (action.type === 'order' ? names('strategy') : undefined) ?? unread(TELLING.strategy)
    case 'LIMIT_PRICE_UNEXPECTED': {
      if (action.type !== 'replace') return { problem: 'nothing is replaced' }
      const type = facts['order.orderType']
      if (type !== undefined && type.value !== 'market')
        return { problem: `\`order.orderType\` is ${String(type.value)}` }
      return names('limitPrice') ?? (type === undefined ? 'believed' : 'derived')
    }
    case 'LIMIT_PRICE_UNKNOWN': {
      if (action.type !== 'replace') return { problem: 'nothing is replaced' }
      if (action.limitPrice !== undefined) return { problem: `the price is ${action.limitPrice}` }
      const type = facts['order.orderType']
      if (type !== undefined && type.value !== 'limit')
        return { problem: `\`order.orderType\` is ${String(type.value)}` }
      return names('order') ?? 'believed'
    }
    case 'FACT_UNAVAILABLE': {
      const derived = missingRequired(program, action.type, gather(program, action.type, read, decision.at))
      const same = derived.join() === (missing ?? []).map(({ fact }) => fact).join()
      return same ? 'derived' : { problem: `the facts that are missing are ${derived.join(', ') || 'none'}` }
    }
    case 'OFF_LOT':
    case 'OUT_OF_RANGE': {
      const lot = facts['instrument.lot']?.value
      if (typeof observed !== 'number' || typeof lot !== 'number') return names('quantity') ?? 'believed'
      const whole = isMultiple(observed, lot) === true
      const wrong = code === 'OFF_LOT' ? !whole : whole && wholeSteps(observed, lot) === undefined
      if (wrong) return names('quantity') ?? 'derived'
      if (code === 'OFF_LOT' || !whole) return names('quantity') ?? { problem: `the lot is ${lot}` }
      // With what was open beside it, a whole number of lots can be out of range too.
      const open = facts['position.open']?.value
      if (typeof open !== 'number') return names('quantity') ?? 'believed'
      const sum = (wholeSteps(open, lot) ?? Number.NaN) + (wholeSteps(observed, lot) ?? Number.NaN)
      return names('quantity') ?? (Number.isSafeInteger(sum) ? { problem: `the lot is ${lot}` } : 'derived')
    }
    case 'OFF_TICK': {
      // A replacement that names no price keeps the one of the order before.
      const other =
        'limitPrice' in action && action.limitPrice !== undefined ? names('limitPrice') : undefined
      const tick = facts['instrument.tick']?.value
      if (typeof observed !== 'number' || typeof tick !== 'number') return other ?? 'believed'
      return other ?? (isMultiple(observed, tick) === true ? { problem: `the tick is ${tick}` } : 'derived')
    }
    case 'PARENT_CONFLICT': {
      if (action.type === 'replace') return 'believed'
      if (action.type !== 'order' || action.parent === undefined) return { problem: 'no parent is named' }
      return action.parent.id === observed ? 'believed' : { problem: `the parent is ${action.parent.id}` }
    }
    case 'BASKET_CONFLICT': {
      if (action.type !== 'order' || action.basket === undefined) return { problem: 'no basket is named' }
      return action.basket.id === observed ? 'believed' : { problem: `the basket is ${action.basket.id}` }
    }
    case 'QUORUM_UNAVAILABLE':
    case 'QUORUM_REJECTED':
    case 'APPROVAL_LAPSED':
      return 'believed'
  }
}
