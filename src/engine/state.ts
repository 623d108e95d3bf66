/** The state of an owner and its fold: `apply` is the only way it changes, live and in replay. */
import { wholeSteps } from '../base/exact.ts'
import { EphorError } from '../base/errors.ts'
import type { Program } from '../constitution/compile.ts'
import { acted, beat, halt, observe, register, resume } from '../ledger/fold.ts'
import { EMPTY_LEDGER, type Ledger, type OrderState } from '../ledger/ledger.ts'
import { countDecision, keepWindowsOf } from '../ledger/own-actions.ts'
import { subjectOf } from '../ledger/subject.ts'
import type { Action } from '../protocol/action.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { TimedEvent } from '../protocol/event.ts'
import { remember, NO_MEMORY, type Memory } from './memory.ts'

export interface State {
  /** Events folded so far: the sequence of the last record. */
  readonly sequence: number
  /** When the last event happened: time never goes back before it. */
  readonly lastAt: number
  readonly ledger: Ledger
  readonly memory: Memory
  /** The constitution in force; none before the first activation. */
  readonly program: Program | undefined
}

export const EMPTY_STATE: State = {
  sequence: 0,
  lastAt: 0,
  ledger: EMPTY_LEDGER,
  memory: NO_MEMORY,
  program: undefined,
}

/** Finds a compiled constitution by its hash. */
export type ProgramOf = (hash: string) => Program | undefined

/** The state after one event. */
export function apply(state: State, { at, event }: TimedEvent, programOf: ProgramOf): State {
  const next = { ...state, sequence: state.sequence + 1, lastAt: Math.max(state.lastAt, at) }
  switch (event.type) {
    case 'decided':
      return {
        ...next,
        ledger: {
          ...acted(
            state.ledger,
            event.decision.decision,
            orderOf(state.ledger, event.decision),
            replacedBy(event.decision),
          ),
          windows: countDecision(state.ledger, event.decision, state.program?.constitution, next.lastAt),
        },
        memory: remember(state.memory, event.decision, next.sequence),
      }
    case 'observed':
      return { ...next, ledger: observe(state.ledger, event.observation, at) }
    case 'registered':
      return { ...next, ledger: register(state.ledger, event.registration) }
    case 'beat':
      return { ...next, ledger: beat(state.ledger, event.agent, at) }
    case 'halted': {
      const { halt: id, scope, state: trading, by, reason } = event
      return {
        ...next,
        ledger: halt(state.ledger, { id, scope, state: trading, by, reason, at, resumes: [] }),
      }
    }
    case 'resumed':
      return { ...next, ledger: resume(state.ledger, event.halt, event.operator, event.reason, at) }
    case 'activated': {
      const program = programOf(event.constitution) ?? missingProgram(event.constitution)
      const windows = keepWindowsOf(state.ledger.windows, program.constitution, next.lastAt)
      return { ...next, program, ledger: { ...state.ledger, windows } }
    }
  }
}

function missingProgram(hash: string): never {
  throw new EphorError(
    'CONSTITUTION_INVALID',
    `the journal was judged by ${hash}, whose text is not kept any more`,
  )
}

/** What an allowed action may take out of or add to a position: an order, or a transfer of what is held. */
function orderOf(ledger: Ledger, { verdict, action, request }: DecisionCore): OrderState | undefined {
  if (verdict !== 'allow' && verdict !== 'narrow') return undefined
  if (action.type === 'transfer') return transferred(ledger, request.agent, action)
  const { order, instrument } = subjectOf(ledger, request.agent, action)
  const lots = order && instrument && wholeSteps(order.quantity, instrument.lot)
  if (order === undefined || lots === undefined) return undefined
  const { account, side, orderType, limitPrice, parent, strategy } = order
  const { agent } = request
  return {
    agent,
    account,
    instrument: order.instrument,
    side,
    lots,
    orderType,
    limitPrice,
    parent: parent?.id,
    strategy,
  }
}

/** What leaves the account can't be sold any more, so it counts like a sale that is open. */
function transferred(
  ledger: Ledger,
  agent: string,
  { account, asset, amount }: Action & { type: 'transfer' },
): OrderState | undefined {
  const instrument = ledger.instruments.get(asset)
  if (instrument === undefined) return undefined
  const lots = Math.ceil(amount / instrument.lot)
  return {
    agent,
    account,
    instrument: asset,
    side: 'sell',
    lots,
    orderType: 'market',
    limitPrice: undefined,
    parent: undefined,
    strategy: undefined,
  }
}

function replacedBy({ action }: DecisionCore): string | undefined {
  return action.type === 'replace' ? action.order : undefined
}
