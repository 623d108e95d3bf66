/** Counts denials by rules, for monitors that act when they repeat. */
import { neededFacts, type Program } from '../constitution/compile.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { subjectOf } from '../ledger/subject.ts'
import { fieldsOf } from '../ledger/window-fields.ts'
import { count, keepWindows, NO_WINDOWS, type WindowOrigin, type Windows } from '../ledger/windows.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { EmergencyPolicy, Monitor } from '../protocol/emergency.ts'

/** The emergency policy in force, and what its monitors count. */
export interface Emergency {
  /** None before the first is put in force. */
  readonly policy: { readonly hash: string; readonly content: EmergencyPolicy } | undefined
  /** Denials by rules, by the id of the monitor. */
  readonly breaches: Windows
}

export const NO_EMERGENCY: Emergency = { policy: undefined, breaches: NO_WINDOWS }

/** Whom a monitor counts apart: by what it stops, and by agent where it stops everything. */
const COUNTED_BY = {
  agent: 'agent.id',
  strategy: 'strategy.id',
  account: 'account.id',
  instrument: 'instrument.id',
  everything: 'agent.id',
} as const

/** The window in which a monitor counts. */
export function windowOf({ scope, window = 0 }: Monitor): WindowOrigin {
  return {
    kind: 'window',
    function: 'count',
    of: 'messages',
    by: [COUNTED_BY[scope]],
    window,
    zone: undefined,
    calendar: undefined,
    denied: true,
  }
}

/** The policy put in force at `at`: counts that go on as they are stay, the others are made from what is remembered. */
export function policed({ breaches }: Emergency, policy: Emergency['policy'], at: number): Emergency {
  const counting = policy?.content.monitors.filter(({ watches }) => watches === 'repeated-breaches') ?? []
  const wanted = new Map(counting.map((monitor) => [monitor.id, windowOf(monitor)]))
  return { policy, breaches: keepWindows(breaches, wanted, '', at) }
}

/** What is counted after `decision`; `ledger` is the one it was judged on. */
export function countBreach(
  emergency: Emergency,
  ledger: Ledger,
  program: Program | undefined,
  decision: DecisionCore,
  at: number,
): Emergency {
  if (program === undefined || !isBreach(program, decision)) return emergency
  const { request } = decision
  const fields = fieldsOf(ledger, subjectOf(ledger, request.agent, request.action))
  const happening = {
    at,
    type: request.action.type,
    part: 'whole',
    denied: true,
    fields,
    asked: undefined,
    amount: undefined,
    currency: undefined,
  } as const
  return { ...emergency, breaches: count(emergency.breaches, happening) }
}

/**
 * Whether a rule denied for what the action was. What a trading state denies is not counted, or a halt would breed halts; nor what is not known, which
 * may be nobody's fault.
 */
export function isBreach(program: Program, { verdict, reasons }: DecisionCore): boolean {
  if (verdict !== 'deny') return false
  const stopping = ofTradingState(program)
  return reasons.some(
    ({ rule, effect, result }) =>
      rule !== null && effect === 'forbid' && result === 'breach' && !stopping.has(rule),
  )
}

const stoppingRules = new WeakMap<Program, ReadonlySet<string>>()

/** The rules that read the trading state. */
function ofTradingState(program: Program): ReadonlySet<string> {
  const known = stoppingRules.get(program)
  if (known !== undefined) return known
  const { constitution } = program
  const found = new Set(
    constitution.rules
      .filter((rule) => neededFacts([rule], constitution).includes('trading.state'))
      .map(({ id }) => id),
  )
  stoppingRules.set(program, found)
  return found
}
