/** How far an action has come, read from the state: the fold of the log has it all, so a restart and another home go on where it stood. */
import { findOrder } from '../ledger/orders.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import { SAGA_STEPS, type Saga } from '../protocol/saga.ts'
import type { State } from './state.ts'

type StepState = Saga['steps'][number]['state']
type Step = (typeof SAGA_STEPS)[number]

const UNDO = {
  approve: 'nothing is reserved: where the vote rejects it or its time is over, it is denied',
  redeem: 'where it is not redeemed by then, its permit lapses and what is reserved is free',
  execute:
    'what is reserved stays until the venue says that it was rejected, cancelled or expired, or filled whole',
} as const

/** `decision` as it was recorded last. */
export function sagaOf({ quorum, permits, ledger }: State, decision: DecisionCore): Saga {
  const { decision: id, verdict, proposals, approvals } = decision
  const isVoted = proposals !== undefined || approvals !== undefined
  const approve: StepState = isVoted ? 'done' : 'leftOut'
  if (verdict === 'pending') {
    const deadlines = (proposals ?? []).flatMap(
      (proposal) => quorum.rounds.open.get(proposal)?.deadline ?? [],
    )
    const until = deadlines.length > 0 ? Math.max(...deadlines) : null
    return at({ reserve: 'ahead', approve: 'now' }, until, UNDO.approve)
  }
  if (verdict === 'deny')
    return over('denied', {
      reserve: 'leftOut',
      approve,
      permit: 'leftOut',
      redeem: 'leftOut',
      execute: 'leftOut',
      settle: 'leftOut',
    })
  const allowed = { reserve: 'done', approve, permit: 'done' } as const
  const permit = permits.open.get(id)
  if (permit !== undefined) return at({ ...allowed, redeem: 'now' }, permit.expires, UNDO.redeem)
  const { type } = decision.action
  const order = type === 'order' || type === 'replace' ? findOrder(ledger, id) : undefined
  switch (order?.state) {
    case 'reserved':
    case 'working':
      return at({ ...allowed, redeem: 'done', execute: 'now' }, null, UNDO.execute)
    case 'lapsed':
      return over('lapsed', {
        ...allowed,
        reserve: 'undone',
        permit: 'undone',
        redeem: 'leftOut',
        execute: 'leftOut',
        settle: 'leftOut',
      })
    case 'ended':
      return over('settled', { ...allowed, redeem: 'done', execute: 'done', settle: 'done' })
    default:
      // No order, or none that is kept: whether its permit was redeemed or lapsed, the journal tells.
      return over('forgotten', { ...allowed, redeem: 'unknown', execute: 'unknown', settle: 'unknown' })
  }
}

function at(states: Partial<Record<Step, StepState>>, until: number | null, undo: string): Saga {
  return { outcome: 'underWay', steps: stepsOf(states), until, undo }
}

function over(outcome: Saga['outcome'], states: Record<Step, StepState>): Saga {
  return { outcome, steps: stepsOf(states), until: null, undo: null }
}

function stepsOf(states: Partial<Record<Step, StepState>>): Saga['steps'] {
  return SAGA_STEPS.map((step) => ({ step, state: states[step] ?? 'ahead' }))
}
