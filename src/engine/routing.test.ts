/** Routing through the core: who is asked about an action, by facts of the snapshot that escalated it; in doubt, all. */
import { describe, expect, test } from 'vitest'
import { ask, NOW, ready, request, run, programWith } from '../../test/support/engine.ts'
import {
  beatOf,
  castBy,
  LARGE,
  NAMES,
  ONLY_ORDERS,
  POLICIES,
  registrationOf,
  type VoterName,
} from '../../test/support/quorum.ts'
import { verifyCertificate } from '../consensus/verify-certificate.ts'
import type { Event } from '../protocol/event.ts'
import type { Policy } from '../protocol/policy.ts'
import type { Route } from '../protocol/routing.ts'
import { checkRouting } from '../constitution/routes.ts'
import { RoutingAudit } from './routing-audit.ts'
import { eventText } from './event-text.ts'
import { readState, stateLines } from './state-lines.ts'
import { apply, type State } from './state.ts'
import type { Input } from './step.ts'

const LAW = programWith([LARGE], {}, ['off-lot', 'halted'])
const route = (more: Partial<Route> = {}): Route => ({
  id: 'small',
  title: 'Small',
  policy: 'large-orders',
  when: 'order.value <= 50000 USD',
  ask: ['execution', 'market'],
  ...more,
})
const routed = (...routes: Route[]): Input => ({
  kind: 'route',
  content: { schema: 1, routes },
  by: 'author',
})

/** Five agents that can vote; `policies` and routes in force. */
function asking(
  routes: readonly Route[],
  policies: readonly Policy[] = ONLY_ORDERS,
  law = LAW,
): { state: State; events: Event[] } {
  const inputs: Input[] = [
    { kind: 'quorate', policies, by: 'author' },
    routed(...routes),
    ...NAMES.map((name) => registrationOf(name)),
    ...NAMES.map(beatOf),
    ask(request()),
  ]
  return run(ready(law), inputs, NOW)
}

/** Who votes on the order, and how it was routed. */
function askedIn({ events }: { events: Event[] }): {
  voters: string[]
  round: Extract<Event, { type: 'proposed' }>['rounds'][number]
} {
  const [round] = events.flatMap((event) => (event.type === 'proposed' ? event.rounds : []))
  if (round === undefined) throw new Error('nothing was proposed')
  return { voters: round.roster.voters.map(({ agent }) => agent), round }
}
const votersOf = (...given: Parameters<typeof asking>): string[] => askedIn(asking(...given)).voters
const ALL = NAMES.toSorted()

describe('a route that surely holds', () => {
  const told = asking([route()])

  test('asks the specialists it names, those with a veto, and who is none; and shares the weight among them', () => {
    const { voters, round } = askedIn(told)
    expect(voters).toEqual(['chief', 'guard', 'quick', 'reader'])
    expect(round.roster.routed).toEqual(['risk', 'execution', 'market'])
    const weights = round.roster.voters.reduce((sum, { carries }) => sum + carries, 0)
    expect(weights).toBe(round.roster.total)
    expect(round.proposal.routing).toMatchObject({
      routes: ['small'],
      fields: ['risk', 'execution', 'market'],
      facts: { 'order.quantity': 100 },
    })
  })

  test('is in the certificate, which does not stand without it', () => {
    const { round } = askedIn(told)
    let { state } = told
    const events: Event[] = []
    for (const name of ['chief', 'quick', 'reader', 'guard'] as VoterName[]) {
      const next = run(state, [castBy(state, round.proposal.proposal, name, 'yes')], NOW)
      state = next.state
      events.push(...next.events)
    }
    const [certificate] = events.flatMap((event) => (event.type === 'certified' ? [event.certificate] : []))
    expect(certificate?.proposal.routing?.routes).toEqual(['small'])
    expect(verifyCertificate(certificate)).toMatchObject({ isValid: true })
    expect(events.at(-1)).toMatchObject({ type: 'decided', decision: { verdict: 'allow' } })
    // One who was not asked has no vote.
    const keeper = castBy(told.state, round.proposal.proposal, 'keeper', 'yes')
    expect(run(told.state, [keeper], NOW).effects).toMatchObject([{ code: 'VOTER_UNKNOWN' }])
  })

  test('asks with the others that hold', () => {
    const other = route({ id: 'other', ask: ['portfolio'], when: "order.side == 'buy'" })
    expect(votersOf([route({ ask: ['execution'] }), other])).toEqual(['chief', 'guard', 'keeper', 'quick'])
  })

  test('replays the same, also from a checkpoint', () => {
    const again = readState(stateLines(told.state), () => LAW)
    expect([...stateLines(again)]).toEqual([...stateLines(told.state)])
    const replayed = told.events
      .map((event) => JSON.parse(eventText(event)) as Event)
      .reduce((state, event) => apply(state, { at: NOW, event }, () => LAW), ready(LAW))
    expect([...stateLines(replayed)]).toEqual([...stateLines(told.state)])
  })
})

describe('all are asked', () => {
  test.each<[string, Route[]]>([
    ['where no route holds', [route({ when: 'order.value > 50000 USD' })]],
    ['where the routes are about another policy', [route({ policy: 'grants' })]],
    ['where a route leaves out nobody', [route({ ask: ['risk', 'execution', 'market', 'portfolio'] })]],
    [
      'where a condition does not read under the constitution in force',
      [route({ when: 'order.valeu > 1 USD' })],
    ],
    ['where a condition is none at all', [route({ when: '1 +' })]],
  ])('%s', (_, routes) => {
    const told = asking(routes)
    expect(askedIn(told).voters).toEqual(ALL)
    expect(askedIn(told).round.proposal).not.toHaveProperty('routing')
    expect(askedIn(told).round.roster.routed).toBeNull()
  })

  // The order names no parent, so that its quantity is not known.
  const unknown = route({ id: 'unknown', when: 'parent.quantity > order.quantity', ask: ['portfolio'] })
  test('where one cannot be told, whatever the others say: it could have asked more', () => {
    const { content, issues } = checkRouting('routing.yaml', JSON.stringify({ routes: [unknown] }), {
      policies: ['large-orders'],
      constitution: LAW.constitution,
    })
    expect([content?.routes, issues]).toEqual([[unknown], []])
    expect(votersOf([unknown])).toEqual(ALL)
    expect(votersOf([route(), unknown])).toEqual(ALL)
    expect(votersOf([route({ when: 'not (parent.quantity > order.quantity)' })])).toEqual(ALL)
  })

  test('where those who are left are no quorum by the policy', () => {
    const [large] = ONLY_ORDERS
    const many = { ...(large as Policy), minimumVoters: 4 }
    expect(votersOf([route({ ask: ['execution'] })], [many])).toEqual(ALL)
    expect(votersOf([route()], [many])).toEqual(['chief', 'guard', 'quick', 'reader'])
  })

  test('who have a veto by their role', () => {
    const [large] = ONLY_ORDERS
    const every = { ...(large as Policy), vetoes: ['specialist'] as const }
    expect(votersOf([route()], [{ ...every, vetoes: [...every.vetoes] }])).toEqual(ALL)
  })
})

test('questions that no action waits for are not routed, and another routing is one of them', () => {
  const inputs: Input[] = [
    { kind: 'quorate', policies: POLICIES, by: 'author' },
    ...NAMES.map((name) => registrationOf(name)),
    ...NAMES.map(beatOf),
    routed(route({ policy: 'constitution-activation', when: 'order.value >= 0 USD' })),
  ]
  const { state, events } = run(ready(LAW), inputs, NOW)
  const asked = events.at(-1)
  if (asked?.type !== 'asked') throw new Error('expected a question')
  expect(asked.rounds[0]?.roster.voters.length).toBe(NAMES.length)
  expect(asked.rounds[0]?.proposal.subject).toMatchObject({ kind: 'policies', which: 'routing' })
  expect(state.quorum.routing).toBeUndefined()
})

describe('the second look', () => {
  const { events } = asking([route()])
  function audit(of: readonly Event[]): string {
    const it = new RoutingAudit(() => LAW)
    return of.flatMap((event) => it.take(JSON.parse(eventText(event)) as Event) ?? []).join('\n')
  }
  type Proposed = Extract<Event, { type: 'proposed' }>
  type Routing = NonNullable<Proposed['rounds'][number]['proposal']['routing']>
  const changed = (change: (routing: Routing) => Partial<Routing>): Event[] =>
    events.map((event) =>
      event.type !== 'proposed'
        ? event
        : {
            ...event,
            rounds: event.rounds.map((round) => {
              const { routing } = round.proposal
              if (routing === undefined) throw new Error('expected a routing')
              return {
                ...round,
                proposal: { ...round.proposal, routing: { ...routing, ...change(routing) } },
              }
            }),
          },
    )

  test('finds an honest journal right', () => {
    expect(audit(events)).toBe('')
  })

  test.each<[string, Event[], RegExp]>([
    [
      'others than the routes name',
      changed(() => ({ fields: ['risk', 'execution'] })),
      /it comes out differently/,
    ],
    ['a route that is not there', changed(() => ({ routes: ['none'] })), /it comes out differently/],
    ['another policy', changed(() => ({ policy: '0'.repeat(64) })), /it comes out differently/],
    [
      'a price that the rules did not read',
      changed(({ facts }) => ({ facts: { ...facts, 'market.reference': 1 } })),
      /recorded as 1, and the rules read 200/,
    ],
    [
      'an unknown',
      changed(({ facts }) => ({ facts: { ...facts, 'instrument.multiplier': null } })),
      /recorded as null|all should have been asked/,
    ],
    ['no routes in force', events.filter(({ type }) => type !== 'routed'), /all should have been asked/],
    [
      'another hash',
      events.map((event) => (event.type === 'routed' ? { ...event, hash: '0'.repeat(64) } : event)),
      /the hash is not that of the routes/,
    ],
  ])('%s', (_, of, problem) => {
    expect(audit(of)).toMatch(problem)
  })
})
