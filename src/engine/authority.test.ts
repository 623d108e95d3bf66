/** What an allowed action rests on holds it back once it was taken back: at the last look before a verdict leaves, and when its permit is redeemed. */
import { describe, expect, test } from 'vitest'
import {
  ask,
  idAt,
  NOW,
  programWith,
  PROGRAM,
  QUIET,
  ready,
  request,
  run,
} from '../../test/support/engine.ts'
import { castBy, quorate } from '../../test/support/quorum.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { Event } from '../protocol/event.ts'
import type { Observation } from '../protocol/observation.ts'
import { heldBack } from './redeeming.ts'
import { decisionId } from './memory.ts'
import { permitId } from './permits.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

const decisionOf = (events: readonly Event[]): DecisionCore => {
  const decided = events.find((event) => event.type === 'decided')
  if (decided === undefined) throw new Error('nothing was decided')
  return decided.decision
}
const redeemOf = ({ decision }: Pick<DecisionCore, 'decision'>): Input => ({
  kind: 'redeem',
  permit: permitId(decision),
  agent: 'alpha',
})
/** Why it is not told, and not redeemed; `undefined` where it is. */
function heldOf(state: State, decision: DecisionCore, now = NOW): unknown[] {
  const [effect] = run(state, [redeemOf(decision)], now).effects
  return [heldBack(state, decision, now)?.code, effect?.kind === 'refuse' ? effect.code : undefined]
}

describe('an approval', () => {
  const PROPOSAL = `q-${decisionId('alpha', idAt(NOW)).slice(2)}.large-orders`
  const approved = (): { state: State; decision: DecisionCore } => {
    let state = run(quorate(), [ask(request())], NOW).state
    const events: Event[] = []
    for (const name of ['chief', 'quick', 'reader', 'guard'] as const) {
      const next = run(state, [castBy(state, PROPOSAL, name, 'yes')], NOW)
      events.push(...next.events)
      state = next.state
    }
    return { state, decision: decisionOf(events) }
  }

  test.each([
    ['cancelled', 'guard'],
    ['withdrawn', 'alpha'],
  ] as const)('that was %s after the verdict', (how, by) => {
    const { state, decision } = approved()
    expect([decision.verdict, heldOf(state, decision)]).toEqual(['allow', [undefined, undefined]])
    const stop: Input = { kind: 'stop', proposal: PROPOSAL, how, by, isOperator: false }
    const stopped = run(state, [stop], NOW + 1)
    expect(stopped.effects).toMatchObject([{ kind: 'done', body: { state: how } }])
    expect(heldOf(stopped.state, decision, NOW + 2)).toEqual(['APPROVAL_ENDED', 'APPROVAL_ENDED'])
  })

  test('that is over, or that is not kept any more so that nobody could have ended it', () => {
    const { state, decision } = approved()
    const round = state.quorum.rounds.closed.get(PROPOSAL)
    if (round?.state !== 'approved') throw new Error('it was approved')
    const withRounds = (closed: State['quorum']['rounds']['closed']): State => ({
      ...state,
      quorum: { ...state.quorum, rounds: { ...state.quorum.rounds, closed } },
    })
    const { closed } = state.quorum.rounds
    const over = closed.set(PROPOSAL, { ...round, envelope: { ...round.envelope, until: NOW + 5 } })
    expect(heldOf(withRounds(over), decision, NOW + 4)).toEqual([undefined, undefined])
    expect(heldOf(withRounds(over), decision, NOW + 5)).toEqual(['APPROVAL_ENDED', 'APPROVAL_ENDED'])
    expect(heldOf(withRounds(closed.delete(PROPOSAL)), decision)).toEqual([
      'APPROVAL_ENDED',
      'APPROVAL_ENDED',
    ])
  })
})

describe('a sign-off', () => {
  const TRANSFER = {
    type: 'transfer' as const,
    account: 'main',
    asset: 'USD',
    amount: 250_000,
    destination: 'bank-nyc-1',
  }
  const freshAt = (at: number): Input => ({
    kind: 'observations',
    observations: QUIET.flatMap((one): Observation[] => (one.kind === 'account' ? [{ ...one, at }] : [])),
    feeder: null,
  })
  const sign = (by: string, until: number, amount = TRANSFER.amount): Input => ({
    kind: 'signoff',
    by,
    request: { agent: 'alpha', action: { ...TRANSFER, amount }, until, reason: 'r' },
  })
  /** A transfer that two people signed off, while `more` others are kept. */
  function allowed(more = 0): { state: State; decision: DecisionCore; at: number } {
    let state = run(
      ready(),
      [freshAt(NOW), ...['operator-1', 'operator-2'].map((by) => sign(by, NOW + 3_600_000))],
      NOW,
    ).state
    let at = NOW
    for (let left = more; left > 0; left -= 190) {
      const lot = Array.from({ length: Math.min(left, 190) }, (_, place) =>
        sign('operator-1', at + 10, 1 + place),
      )
      state = run(state, lot, at).state
      at += 20
    }
    const asked = ask(request({}, { id: idAt(at, '77'), action: TRANSFER }))
    const { state: after, events } = run(state, [freshAt(at), asked], at)
    return { state: after, decision: decisionOf(events), at }
  }
  const usedBy = ({ ledger }: State, { decision }: DecisionCore): string =>
    ledger.signoffs.find((each) => each.usedBy === decision)?.id ?? ''

  test('that was taken back, also once it is not kept any more', () => {
    const { state, decision, at } = allowed(500)
    expect([decision.verdict, heldOf(state, decision, at)]).toEqual(['allow', [undefined, undefined]])
    const unsign: Input = {
      kind: 'unsign',
      signoff: usedBy(state, decision),
      operator: 'operator-3',
      reason: 'x',
    }
    const back = run(state, [unsign], at)
    expect(back.effects).toMatchObject([{ kind: 'done' }])
    expect(heldOf(back.state, decision, at)).toEqual(['SIGNOFF_ENDED', 'SIGNOFF_ENDED'])
    const another = run(back.state, [sign('operator-1', at + 100_000, 7)], at).state
    expect(another.ledger.signoffs.has(usedBy(state, decision))).toBe(false)
    expect(heldOf(another, decision, at)).toEqual(['SIGNOFF_ENDED', 'SIGNOFF_ENDED'])
    // Redeemed before it was taken back, it is not told again either.
    const { state: redeemed } = run(state, [redeemOf(decision)], at)
    expect(heldOf(redeemed, decision, at)).toEqual([undefined, 'PERMIT_SPENT'])
    expect(heldOf(run(redeemed, [unsign], at).state, decision, at)).toEqual(['SIGNOFF_ENDED', 'PERMIT_SPENT'])
  })

  test('that ended with its constitution, though that is in force again', () => {
    const { state, decision, at } = allowed()
    const activate = (program: typeof PROGRAM): Input => ({ kind: 'activate', program, by: 'author' })
    const other = programWith([], { version: '9.9.9' }, ['off-lot'])
    const again = run(state, [activate(other), activate(PROGRAM)], at).state
    expect(heldOf(again, decision, at)).toEqual(['SIGNOFF_ENDED', 'SIGNOFF_ENDED'])
  })
})

test('an agent that was taken out of service sends nothing of what it was allowed but cancels', () => {
  const known = run(
    ready(),
    [{ kind: 'register', registration: { agent: 'alpha', role: 'trader', strategies: [] }, by: 'operator' }],
    NOW,
  ).state
  const order = run(known, [ask(request())], NOW)
  const cancel = {
    type: 'cancel',
    account: 'main',
    instrument: 'AAPL',
    order: decisionOf(order.events).decision,
  } as const
  const both = run(order.state, [ask(request({}, { id: idAt(NOW, '9'), action: cancel }))], NOW)
  const retire: Input = { kind: 'retire', agent: 'alpha', by: 'operator', reason: 'compromised' }
  const retired = run(both.state, [retire], NOW).state
  expect(heldOf(retired, decisionOf(order.events))).toEqual(['AGENT_UNKNOWN', 'AGENT_UNKNOWN'])
  expect(heldOf(retired, decisionOf(both.events))).toEqual([undefined, undefined])
})
