/** A roster is kept only while it would come out the same: each thing that it rests on makes a new one. */
import { expect, test } from 'vitest'
import { NOW, run } from '../../test/support/engine.ts'
import { beatOf, quorate, registrationOf } from '../../test/support/quorum.ts'
import { proposalWith } from '../../test/support/consensus.ts'
import { generateKeyPair } from '../base/ed25519.ts'
import { freezeRoster, type FrozenRoster } from '../consensus/roster.ts'
import type { Refusal } from '../consensus/refusal.ts'
import type { Policy } from '../protocol/policy.ts'
import type { Proposal } from '../protocol/proposal.ts'
import { barredFrom, rosterOf } from './rosters.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'
import { agentsOf } from './voters.ts'

const state = quorate()
const policy = state.quorum.policies?.byName.get('large-orders') as Policy
const proposal = proposalWith()

/** Frozen anew, whatever is kept. */
function anew(of: State, on: Proposal, now: number): FrozenRoster | Refusal {
  return freezeRoster({
    policy,
    agents: agentsOf(of.ledger, now),
    delegations: of.quorum.delegations,
    proposer: on.agent,
    barred: barredFrom(of.ledger, on.subject),
    routed: on.routing?.fields ?? null,
    seed: Number.parseInt(on.digest.slice(0, 8), 16),
  })
}

test('the same agents and records are the same roster, kept', () => {
  const first = rosterOf(state, proposal, policy, NOW)
  const beaten = run(state, [beatOf('chief')], NOW + 1).state
  const other = proposalWith({ proposal: 'q-2', digest: 'e'.repeat(64) })
  expect(rosterOf(beaten, other, policy, NOW + 1)).toBe(first)
  expect(first).toEqual(anew(beaten, other, NOW + 1))
})

const after = (...inputs: Input[]): State => run(state, inputs, NOW).state
const capital: Input = {
  kind: 'register',
  registration: {
    ...(registrationOf('keeper') as Input & { kind: 'register' }).registration,
    capital: { amount: 1_000_000, currency: 'USD' },
  },
  by: 'operator-1',
}
test.each<[string, State, Proposal, number]>([
  ['another proposer', state, proposalWith({ agent: 'quick' }), NOW],
  ['an agent that is silent', state, proposal, NOW + 60_000],
  [
    'an agent that was retired',
    after({ kind: 'retire', agent: 'keeper', by: 'o', reason: 'x' }),
    proposal,
    NOW,
  ],
  ['another key', after(registrationOf('chief', generateKeyPair())), proposal, NOW],
  ['a record', after(capital), proposal, NOW],
  [
    'a delegation',
    after({ kind: 'delegate', from: 'reader', to: 'quick', field: 'execution' }),
    proposal,
    NOW,
  ],
  [
    'a routing',
    state,
    proposalWith({
      routing: { policy: 'a'.repeat(64), routes: ['r'], fields: ['risk', 'execution', 'market'], facts: {} },
    }),
    NOW,
  ],
  [
    'one whom it is about',
    state,
    proposalWith({
      subject: {
        kind: 'grant',
        grant: 'g-1',
        terms: { rule: 'cap', scope: { agent: 'reader' }, upTo: 1, until: NOW, uses: 1 },
        reason: 'x',
      },
    }),
    NOW,
  ],
])('%s makes another', (_, of, on, now) => {
  const first = rosterOf(state, proposal, policy, NOW)
  const made = rosterOf(of, on, policy, now)
  expect(made).not.toBe(first)
  expect(made).not.toEqual(first)
  expect(made).toEqual(anew(of, on, now))
  expect(rosterOf(state, proposal, policy, NOW)).toEqual(first)
})
