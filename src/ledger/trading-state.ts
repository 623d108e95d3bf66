/** Which halts hold an action, and in what state they leave it. */
import type { Halt, Ledger } from './ledger.ts'
import { strategyOf, type Subject } from './subject.ts'

/** The strictest state in force over everything that covers the action. */
export function tradingState(ledger: Ledger, subject: Subject): string {
  let state = 'active'
  for (const halt of ledger.halts.values()) {
    if (!covers(ledger, subject, halt)) continue
    if (halt.state === 'halted') return 'halted'
    state = 'reducing'
  }
  return state
}

/** Whether a halt's scope covers what the action is about. `strategy` is what it counts towards, where that is known already. */
export function covers(
  ledger: Ledger,
  subject: Subject,
  { scope }: Pick<Halt, 'scope'>,
  strategy = strategyOf(ledger, subject),
): boolean {
  switch (scope.kind) {
    case 'everything':
      return true
    case 'account':
      return subject.account === scope.name
    case 'agent':
      return subject.agent === scope.name
    case 'strategy':
      return strategy === scope.name
    case 'instrument':
      return instrumentOf(subject) === scope.name
  }
}

/** What the action trades in; a transfer of an asset takes it out of the account as a sale does. */
export function instrumentOf({ action }: Subject): string | undefined {
  if (action.type === 'transfer') return action.asset
  return 'instrument' in action ? action.instrument : undefined
}
