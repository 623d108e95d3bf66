/** Approvals are bounded in number, and by a refusal: nothing is pushed out, nothing passes, and no person decides instead. */
import { Map } from 'immutable'
import { describe, expect, test } from 'vitest'
import { ask, idAt, NOW, request, run } from '../../test/support/engine.ts'
import { castBy, NAMES, quorate } from '../../test/support/quorum.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { Change } from '../protocol/proposal.ts'
import type { Approval } from './approval.ts'
import { ask as askAgents } from './asking.ts'
import type { Quorum } from './quorum.ts'
import type { State } from './state.ts'

const approval = (agent: string, until: number): Approval => ({
  certificate: 'c'.repeat(64),
  agent,
  action: request().action,
  rules: ['large'],
  constitution: 'd'.repeat(64),
  until,
  left: 100,
  parent: undefined,
})
const many = (count: number, agentOf: (index: number) => string, until = NOW + 1): Quorum['approvals'] =>
  Map(
    Array.from({ length: count }, (_, index) => [`q-${index}.large-orders`, approval(agentOf(index), until)]),
  )
const START = quorate()
const withQuorum = (changed: Partial<Quorum>): State => ({
  ...START,
  quorum: { ...START.quorum, ...changed },
})

function verdictOf(state: State): DecisionCore {
  const { effects } = run(state, [ask(request())], NOW)
  const [effect] = effects
  if (effect?.kind !== 'answer') throw new Error('expected an answer')
  return effect.decision
}

describe('with as many approvals as there may be, an order that needs one', () => {
  test.each<[string, Quorum['approvals']]>([
    ['of its agent', many(100, () => 'alpha')],
    ['of all', many(20_000, (index) => `agent-${index % 250}`)],
  ])('is denied by name: %s', (_, approvals) => {
    const { verdict, reasons } = verdictOf(withQuorum({ approvals }))
    expect([verdict, reasons.at(-1)]).toMatchObject([
      'deny',
      { code: 'QUORUM_UNAVAILABLE', observed: 'APPROVALS_FULL' },
    ])
  })

  test.each<[string, Quorum['approvals']]>([
    ['one less of its agent', many(99, () => 'alpha')],
    ['of others', many(100, () => 'beta')],
    ['over, though still kept', many(20_000, () => 'alpha', NOW)],
  ])('is asked about where they are %s', (_, approvals) => {
    expect(verdictOf(withQuorum({ approvals })).verdict).toBe('pending')
  })

  test('counts what open rounds may come to, so that no approval is lost', () => {
    const asked = run(START, [ask(request())], NOW).state
    const approvals = many(19_999, (index) => `agent-${index % 250}`)
    const almost = { ...asked, quorum: { ...asked.quorum, approvals } }
    const other = run(almost, [ask(request({}, { id: idAt(NOW, '2') }))], NOW)
    expect(other.effects).toMatchObject([{ decision: { verdict: 'deny' } }])
    const [[round] = ['']] = asked.quorum.rounds.open
    let after: State = almost
    for (const name of NAMES)
      if (after.quorum.rounds.open.has(round))
        after = run(after, [castBy(after, round, name, 'yes')], NOW).state
    expect(after.quorum.rounds.closed.get(round)?.state).toBe('approved')
  })
})

test('changes that are approved and not in force are bounded too, and no two people decide instead', () => {
  const subject: Change = {
    kind: 'activation',
    constitution: 'e'.repeat(64),
    name: 'house',
    version: '9.0.0',
  }
  const resolutions: Quorum['resolutions'] = Map(
    Array.from({ length: 100 }, (_, index) => [
      `q-${index}.x`,
      {
        certificate: 'c'.repeat(64),
        subject: { ...subject, version: `${index}` },
        by: 'author',
        until: NOW + 1,
      },
    ]),
  )
  const question = { subject, policy: 'constitution-activation', by: 'author' }
  expect(askAgents(withQuorum({ resolutions }), question, NOW)).toMatchObject({
    type: 'refused',
    code: 'APPROVALS_FULL',
  })
  expect(askAgents(withQuorum({ resolutions }), question, NOW + 1)).toMatchObject({ type: 'asked' })
})
