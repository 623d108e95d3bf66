/** The second look at votes: an honest journal passes, and each fault that is planted in one is found. */
import { describe, expect, test } from 'vitest'
import { ask, NOW, request, run } from '../../test/support/engine.ts'
import { castBy, quorating, type VoterName } from '../../test/support/quorum.ts'
import { generateKeyPair, publicKeyToPem } from '../base/ed25519.ts'
import { digestOf } from '../base/hash.ts'
import type { Certificate } from '../protocol/certificate.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { Event } from '../protocol/event.ts'
import { ApprovalAudit } from './approval-audit.ts'

/** A vote from its beginning to its end; the last who votes settles it. */
function journalOf(choice: 'yes' | 'no'): Event[] {
  const begun = quorating()
  const asked = run(begun.state, [ask(request())], NOW)
  const events = [...begun.events, ...asked.events]
  const [proposed] = asked.events
  if (proposed?.type !== 'proposed') throw new Error('nothing was proposed')
  const round = proposed.rounds[0]?.proposal.proposal ?? ''
  const order: VoterName[] = choice === 'yes' ? ['chief', 'quick', 'reader', 'guard'] : ['guard']
  let { state } = asked
  for (const agent of order) {
    const next = run(state, [castBy(state, round, agent, choice)], NOW)
    state = next.state
    events.push(...next.events)
  }
  return events
}

const APPROVED = journalOf('yes')
const REJECTED = journalOf('no')

function audit(events: readonly Event[]): string[] {
  const it = new ApprovalAudit()
  return events.flatMap((event) => it.take({ at: NOW, event }) ?? [])
}

type Of<T extends Event['type']> = Extract<Event, { type: T }>
/** The journal with each event of one type changed. */
function changed<T extends Event['type']>(
  type: T,
  change: (event: Of<T>) => readonly Event[],
  events: readonly Event[] = APPROVED,
): Event[] {
  return events.flatMap((event) => (event.type === type ? change(event as Of<T>) : [event]))
}

const decided = (change: (decision: DecisionCore) => Partial<DecisionCore>): Event[] =>
  changed('decided', (event) => [{ ...event, decision: { ...event.decision, ...change(event.decision) } }])
/** With the hash made anew, as a forger would. */
const certified = (change: Partial<Certificate>): Event[] =>
  changed('certified', (event) => {
    const { certificate: _, ...body } = { ...event.certificate, ...change }
    return [{ ...event, certificate: { ...body, certificate: digestOf(body) } }]
  })
const used = (change: object) => (decision: DecisionCore) => ({
  approvals: decision.approvals?.map((use) => ({ ...use, ...change })),
})
const quantity = ({ action }: DecisionCore, of: number): Partial<DecisionCore> => ({
  action: { ...action, quantity: of } as DecisionCore['action'],
})

test('honest journals pass, and the approval is drawn on', () => {
  expect(APPROVED.map(({ type }) => type).slice(-2)).toEqual(['certified', 'decided'])
  expect(APPROVED.at(-1)).toMatchObject({ decision: { verdict: 'allow', approvals: [{ rules: ['large'] }] } })
  expect([audit(APPROVED), audit(REJECTED)]).toEqual([[], []])
  const it = new ApprovalAudit()
  for (const event of APPROVED) it.take({ at: NOW, event })
  expect(it.certificates).toBe(1)
})

test('what is approved may be drawn on in parts', () => {
  const parts = changed('decided', (event) => [
    { ...event, decision: { ...event.decision, ...quantity(event.decision, 60) } },
    { ...event, decision: { ...event.decision, ...quantity(event.decision, 40) } },
  ])
  expect(audit(parts)).toEqual([])
})

describe('a fault is found', () => {
  const other = publicKeyToPem(generateKeyPair().publicKey)
  test.each<[string, Event[], RegExp]>([
    [
      'another outcome than that of the votes',
      certified({ outcome: 'rejected', reason: 'support', envelope: null }),
      /does not stand: the outcome is not that of the votes/,
    ],
    ['votes left out', certified({ votes: [] }), /does not stand: .*the tally is not that of the votes/],
    [
      'another proposal than was put to the vote',
      changed('proposed', (event) => [
        {
          ...event,
          rounds: event.rounds.map((round) => ({
            ...round,
            proposal: { ...round.proposal, agent: 'hedger' },
          })),
        },
      ]),
      /does not stand: it is not of what was put to the vote/,
    ],
    ['nothing was put to the vote', changed('proposed', () => []), /which was not put to the vote/],
    ['put to the vote twice', changed('proposed', (event) => [event, event]), /was put to the vote twice/],
    ['a second certificate', changed('certified', (event) => [event, event]), /a second certificate of/],
    ['no policy in force', changed('quorate', () => []), /under a policy that was not in force/],
    [
      'a key that is not the one registered',
      changed('registered', (event) => [
        { ...event, registration: { ...event.registration, publicKey: other } },
      ]),
      /the key of `chief` is not the one registered/,
    ],
    [
      'a certificate that comes after',
      [...APPROVED.slice(0, -2), ...APPROVED.slice(-2).toReversed()],
      /no certificate of it that stands was recorded before/,
    ],
    ['no certificate at all', changed('certified', () => []), /no certificate of it that stands/],
    ['another certificate', decided(used({ certificate: '0'.repeat(64) })), /its certificate is another/],
    ['another proposal', decided(used({ proposal: 'q-none.x' })), /`q-none.x` was drawn on, and no certif/],
    ['other rules', decided(used({ rules: ['large', 'halted'] })), /it is about large/],
    ['after its end', decided(() => ({ at: NOW + 300_000 })), /it was over, or not yet/],
    ['before it was approved', decided(() => ({ at: NOW - 1 })), /it was over, or not yet/],
    ['another constitution', decided(() => ({ constitution: 'f'.repeat(64) })), /another constitution/],
    [
      'another agent',
      decided(({ request: asked }) => ({ request: { ...asked, agent: 'hedger' } })),
      /it was approved for `alpha`/,
    ],
    ['more than was approved', decided((it) => quantity(it, 101)), /of which 100 was left/],
    [
      'more than was approved, in parts',
      changed('decided', (event) => [
        { ...event, decision: { ...event.decision, ...quantity(event.decision, 60) } },
        { ...event, decision: { ...event.decision, ...quantity(event.decision, 41) } },
      ]),
      /of which 40 was left/,
    ],
    [
      'another action',
      decided(({ action }) => ({ action: { ...action, side: 'sell' } as DecisionCore['action'] })),
      /not within what was approved/,
    ],
    [
      'what was cancelled after it was approved',
      changed('decided', (event) => [
        {
          schema: 1,
          type: 'stopped',
          proposal: event.decision.approvals?.[0]?.proposal ?? '',
          how: 'cancelled',
          by: 'chief',
          isOperator: false,
        },
        event,
      ]),
      /it was cancelled/,
    ],
  ])('%s', (_, events, problem) => {
    expect(audit(events).join('\n')).toMatch(problem)
  })

  test('what was rejected', () => {
    const forged = changed(
      'decided',
      (event) => {
        const certificate = REJECTED.flatMap((one) => (one.type === 'certified' ? [one.certificate] : []))[0]
        if (certificate === undefined) throw new Error('no certificate')
        const use = {
          proposal: certificate.proposal.proposal,
          certificate: certificate.certificate,
          rules: ['large'],
        }
        return [{ ...event, decision: { ...event.decision, verdict: 'allow', approvals: [use] } }]
      },
      REJECTED,
    )
    expect(audit(forged).join('\n')).toMatch(/was drawn on, and it was rejected/)
  })
})
