/** An order that needs a grant and a quorum needs both when it is judged at last: neither stands for the other. */
import { expect, test } from 'vitest'
import { ask, idAt, NOW, programWith, request, run } from '../../test/support/engine.ts'
import { castBy, LARGE, NAMES, quorate } from '../../test/support/quorum.ts'
import type { Decision } from '../protocol/decision.ts'
import type { Event } from '../protocol/event.ts'
import { decisionOf } from '../protocol/evidence.ts'
import { eventText } from './event-text.ts'
import { decisionId } from './memory.ts'
import { rederive } from './rederive.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

const CAP = {
  id: 'cap',
  title: 'Cap',
  applies: { actions: ['order', 'replace'] },
  forbid: 'order.value > 15000 USD',
  unless: 'action.reducing',
  grantable: true,
}
const BOTH = programWith([LARGE, CAP], {}, ['off-lot', 'halted'])
const DECISION = decisionId('alpha', idAt(NOW))
const PROPOSAL = `q-${DECISION.slice(2)}.large-orders`

/** Five agents can vote, both rules are in force, and a grant of the one is live. */
function granted(): { state: State; grant: string } {
  const { state } = run(quorate(), [{ kind: 'activate', program: BOTH, by: 'author' }], NOW)
  const grant = `g-${state.sequence + 1}`
  const terms = { rule: 'cap', scope: { agent: 'alpha' }, upTo: 25_000, until: NOW + 60_000, uses: 1 }
  const inputs: Input[] = [
    { kind: 'grant', request: { ...terms, reason: 'test' }, by: 'operator-1' },
    { kind: 'approve', grant, operator: 'operator-2', reason: 'test' },
  ]
  return { state: run(state, inputs, NOW).state, grant }
}

/** The verdict once all have voted yes, as it is read back. */
function approvedAfter(from: State): { state: State; decision: Decision } {
  let state = from
  const events: Event[] = []
  for (const agent of NAMES) {
    if (!state.quorum.rounds.open.has(PROPOSAL)) break
    const next = run(state, [castBy(state, PROPOSAL, agent, 'yes')], NOW)
    state = next.state
    events.push(...next.events)
  }
  const decided = events.find((event) => event.type === 'decided')
  if (decided?.type !== 'decided') throw new Error('expected a verdict')
  const decision = decisionOf(JSON.parse(eventText(decided)) as typeof decided)
  expect(rederive(decision, BOTH)).toBeUndefined()
  return { state, decision }
}

test('while it waits for the vote it has used nothing; with both it is allowed, and the use counts', () => {
  const { state, grant } = granted()
  const waiting = run(state, [ask(request())], NOW)
  expect(waiting.effects).toMatchObject([
    { decision: { verdict: 'pending', grants: [{ grant, rule: 'cap', observed: 20_000, limit: 15_000 }] } },
  ])
  const [proposed] = waiting.events
  if (proposed?.type !== 'proposed') throw new Error('expected a proposal')
  expect(proposed.decision.reasons.map(({ code }) => code)).toEqual(['LARGE'])
  expect(waiting.state.ledger.grants.get(grant)?.used).toBe(0)
  const { state: after, decision } = approvedAfter(waiting.state)
  expect(decision).toMatchObject({
    verdict: 'allow',
    reasons: [],
    grants: [{ grant }],
    approvals: [{ proposal: PROPOSAL, rules: ['large'] }],
  })
  expect(after.ledger.grants.get(grant)?.used).toBe(1)
})

test('approved by the quorum, and the grant revoked meanwhile: denied', () => {
  const { state, grant } = granted()
  const inputs: Input[] = [ask(request()), { kind: 'revoke', grant, operator: 'operator-1', reason: 'over' }]
  const { state: after, decision } = approvedAfter(run(state, inputs, NOW).state)
  expect(decision.verdict).toBe('deny')
  expect(decision.reasons.map(({ code }) => code)).toContain('CAP')
  expect(decision).not.toHaveProperty('grants')
  expect(decision).not.toHaveProperty('approvals')
  expect(after.ledger.grants.get(grant)?.used).toBe(0)
})

test('with the grant and without a quorum: not allowed', () => {
  const { state } = granted()
  const { decision } = run(state, [ask(request())], NOW).events.flatMap((event) =>
    event.type === 'proposed' ? [event] : [],
  )[0] ?? { decision: undefined }
  expect(decision?.verdict).toBe('pending')
  const expired = run(state, [ask(request()), { kind: 'beat', agent: 'chief' }], NOW)
  const late = run(expired.state, [{ kind: 'beat', agent: 'chief' }], NOW + 10_000)
  expect(late.events.flatMap((event) => (event.type === 'decided' ? [event.decision] : []))).toMatchObject([
    { verdict: 'deny', decision: DECISION },
  ])
})
