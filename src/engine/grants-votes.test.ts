/** An order that needs a grant and a quorum needs both when it is judged at last: neither stands for the other. */
import { describe, expect, test } from 'vitest'
import { ask, idAt, NOW, programWith, refused, request, run } from '../../test/support/engine.ts'
import {
  castBy,
  LARGE,
  NAMES,
  ONLY_ORDERS,
  POLICIES,
  quorate,
  type VoterName,
} from '../../test/support/quorum.ts'
import { verifyCertificate } from '../consensus/verify-certificate.ts'
import { stateOf } from '../ledger/grants.ts'
import type { Choice } from '../protocol/proposal.ts'
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
  const { state } = run(quorate(ONLY_ORDERS), [{ kind: 'activate', program: BOTH, by: 'author' }], NOW)
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

describe('an exception that agents can be asked about', () => {
  const law = run(quorate(ONLY_ORDERS), [{ kind: 'activate', program: BOTH, by: 'author' }], NOW).state
  const able = run(law, [{ kind: 'quorate', policies: POLICIES, by: 'author' }], NOW).state
  const terms = { rule: 'cap', scope: { account: 'main' }, upTo: 25_000, until: NOW + 3_600_000, uses: 1 }
  const propose = (more: object = {}, by = 'operator-1'): Input => ({
    kind: 'grant',
    request: { ...terms, reason: 'the close', ...more },
    by,
  })
  const grant = `g-${able.sequence + 1}`
  const round = `q-${able.sequence + 2}.grants`
  const proposed = run(able, [propose()], NOW)
  const approve: Input = { kind: 'approve', grant, operator: 'operator-2', reason: 'test' }
  const vote = (from: State, choice: Choice, names: readonly VoterName[] = NAMES) => {
    let state = from
    const events: Event[] = []
    for (const agent of names) {
      if (!state.quorum.rounds.open.has(round)) break
      const next = run(state, [castBy(state, round, agent, choice)], NOW)
      state = next.state
      events.push(...next.events)
    }
    return { state, events }
  }
  const standing = ({ ledger }: State, now = NOW): string | undefined => {
    const found = ledger.grants.get(grant)
    return found && stateOf(found, now)
  }

  test('is put to the vote with all that it comes to, and no operator approves it', () => {
    expect(proposed.events.map(({ type }) => type)).toEqual(['grantProposed', 'asked'])
    expect(proposed.effects).toMatchObject([{ body: { grant, proposal: round } }])
    const subject = { kind: 'grant', grant, terms, reason: 'the close' }
    expect(proposed.state.quorum.rounds.open.get(round)?.opening.proposal.subject).toEqual(subject)
    expect(refused(proposed.state, approve)).toBe('GRANT_FOR_QUORUM')
    expect(standing(proposed.state)).toBe('proposed')
  })

  test('holds once they approve, with their certificate', () => {
    const { state, events } = vote(proposed.state, 'yes')
    expect(events.slice(-2)).toMatchObject([
      { type: 'certified' },
      { type: 'grantApproved', grant, by: round },
    ])
    expect(events.at(-1)).toHaveProperty('certificate')
    expect(standing(state)).toBe('live')
    const { effects } = run(state, [ask(request())], NOW)
    expect(effects).toMatchObject([{ decision: { verdict: 'pending', grants: [{ grant }] } }])
  })

  test('is over where they refuse or say nothing, and stays so', () => {
    const refusedBy = vote(proposed.state, 'no').state
    expect(standing(refusedBy)).toBe('revoked')
    expect(refused(refusedBy, approve)).toBe('GRANT_ENDED')
    const late = run(proposed.state, [{ kind: 'tick', listeningSince: NOW }], NOW + 600_000)
    expect(late.events).toMatchObject([
      { type: 'certified' },
      { type: 'grantRevoked', by: round, reason: 'quorum' },
    ])
  })

  test.each<[string, Input, string]>([
    ['revoked meanwhile', { kind: 'revoke', grant, operator: 'operator-2', reason: 'no' }, 'revoked'],
    ['over meanwhile', { kind: 'tick', listeningSince: NOW }, 'expired'],
  ])('is not approved where it was %s', (_, input, state) => {
    const short = run(able, [propose({ until: NOW + 1 })], NOW).state
    const now = state === 'expired' ? NOW + 1 : NOW
    let after = run(short, [input], now).state
    for (const agent of NAMES)
      if (after.quorum.rounds.open.has(round))
        after = run(after, [castBy(after, round, agent, 'yes')], now).state
    expect(after.quorum.rounds.closed.get(round)?.state).toBe('approved')
    expect([standing(after, now), after.ledger.grants.get(grant)?.approved]).toEqual([state, undefined])
  })

  test('ends when a guardian takes the approval back', () => {
    const cancel: Input = { kind: 'stop', proposal: round, how: 'cancelled', by: 'guard', isOperator: false }
    const { state, events } = run(vote(proposed.state, 'yes').state, [cancel], NOW)
    expect(events).toMatchObject([{ type: 'stopped' }, { type: 'grantRevoked', by: 'guard' }])
    expect(standing(state)).toBe('revoked')
  })

  test('is not voted on by the agent that it is for, and a certificate in which that agent votes does not stand', () => {
    const own = run(able, [propose({ scope: { agent: 'quick' } })], NOW).state
    const frozen = own.quorum.rounds.open.get(round)?.opening.frozen
    expect(frozen?.roster.voters.map(({ agent }) => agent)).toEqual(
      NAMES.filter((name) => name !== 'quick').toSorted(),
    )
    const { events } = vote(proposed.state, 'yes')
    const [certificate] = events.flatMap((event) => (event.type === 'certified' ? [event.certificate] : []))
    if (certificate?.proposal.subject.kind !== 'grant') throw new Error('expected a certificate')
    const { subject } = certificate.proposal
    const forged = { ...subject, terms: { ...subject.terms, scope: { agent: 'quick' } } }
    const found = verifyCertificate({
      ...certificate,
      proposal: { ...certificate.proposal, subject: forged },
    })
    expect(found.isValid ? [] : found.problems).toContain('`quick` votes on an exception for itself')
  })

  test('is for two operators where nobody can be asked', () => {
    const alone = run(able, [{ kind: 'quorate', policies: POLICIES, by: 'author' }], NOW + 6_001).state
    const { state, events } = run(alone, [propose()], NOW + 6_001)
    expect(events.map(({ type }) => type)).toEqual(['grantProposed'])
    expect(run(state, [approve], NOW + 6_001).events).toMatchObject([
      { type: 'grantApproved', by: 'operator-2' },
    ])
  })
})
