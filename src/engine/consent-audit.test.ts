/** The second look at what quorums and pairs of people let happen: an honest journal passes, and each fault that is planted in one is found. */
import { describe, expect, test } from 'vitest'
import { ask, idAt, NOW, programWith, ready, request, run } from '../../test/support/engine.ts'
import { steer } from '../../test/support/optimizer.ts'
import {
  beatOf,
  castBy,
  LARGE,
  NAMES,
  POLICIES,
  registrationOf,
  type VoterName,
} from '../../test/support/quorum.ts'
import type { Event } from '../protocol/event.ts'
import { ApprovalAudit } from './approval-audit.ts'
import { EMPTY_STATE, type State } from './state.ts'
import type { Input } from './step.ts'

const CAP = {
  id: 'cap',
  title: 'Cap',
  applies: { actions: ['order', 'replace'] },
  forbid: 'order.value > 15000 USD',
  unless: 'action.reducing',
  grantable: true,
}
const FIRST = programWith([LARGE, CAP], {}, ['off-lot', 'halted'])
const SECOND = programWith([CAP], {}, ['off-lot', 'halted'])

interface Told {
  readonly state: State
  readonly events: readonly Event[]
}

/** Goes on with inputs, each made of the state as it stands. */
function then({ state, events }: Told, ...inputs: readonly (Input | ((state: State) => Input))[]): Told {
  return inputs.reduce<Told>(
    (told, input) => {
      const next = run(told.state, [typeof input === 'function' ? input(told.state) : input], NOW)
      return { state: next.state, events: [...told.events, ...next.events] }
    },
    { state, events },
  )
}

/** All vote yes on the round that opened last. */
function approved(told: Told): Told {
  const [round = ''] = told.state.quorum.rounds.open.keys()
  return NAMES.reduce<Told>(
    (before, name) =>
      before.state.quorum.rounds.open.has(round)
        ? then(before, (state) => castBy(state, round, name, 'yes'))
        : before,
    told,
  )
}

const beginning = (names: readonly VoterName[]): Told =>
  then(
    { state: EMPTY_STATE, events: [] },
    { kind: 'activate', program: FIRST, by: 'author' },
    { kind: 'quorate', policies: POLICIES, by: 'author' },
    ...names.map((name) => registrationOf(name)),
    ...names.map(beatOf),
  )
const stop: Input = {
  kind: 'halt',
  by: 'operator-1',
  request: { scope: { kind: 'everything' }, state: 'halted', reason: 'a drill' },
}
const resume = ({ ledger }: State): Input => ({
  kind: 'resume',
  halt: [...ledger.halts.keys()][0] ?? '',
  operator: 'operator-1',
  reason: 'over',
})
const terms = { rule: 'cap', scope: { account: 'main' }, upTo: 25_000, until: NOW + 3_600_000, uses: 1 }
const grant: Input = { kind: 'grant', request: { ...terms, reason: 'the close' }, by: 'operator-1' }
const activate: Input = { kind: 'activate', program: SECOND, by: 'author', reason: 'needed' }

/** By a quorum: a halt is lifted, an exception approved, other policies and another constitution put in force. */
const voted = ((): readonly Event[] => {
  const lifted = approved(then(beginning(NAMES), stop, resume))
  const granted = approved(then(lifted, grant))
  const policies: Input = { kind: 'quorate', policies: POLICIES.slice().toReversed(), by: 'author' }
  const policed = then(approved(then(granted, policies)), policies)
  const steered = then(approved(then(policed, steer())), steer(), steer([{ mode: 'shadow' }]))
  return then(approved(then(steered, activate)), activate).events
})()
/** By two people, since one agent is no quorum. */
const ofTwo = then(beginning(['chief']), activate, {
  kind: 'activate',
  program: SECOND,
  by: 'operator-1',
  reason: 'read it',
  isSecond: true,
}).events

function audit(events: readonly Event[], at = NOW): string {
  const it = new ApprovalAudit()
  return events.flatMap((event) => it.take({ at, event }) ?? []).join('\n')
}

type Of<T extends Event['type']> = Extract<Event, { type: T }>
function changed<T extends Event['type']>(
  events: readonly Event[],
  type: T,
  change: (event: Of<T>) => readonly Event[],
): Event[] {
  const place = events.findLastIndex((event) => event.type === type)
  if (place < 0) throw new Error(`no ${type}`)
  return events.flatMap((event, index) => (index === place ? change(event as Of<T>) : [event]))
}

test('honest journals pass', () => {
  const types = new Set(voted.map(({ type }) => type))
  for (const type of ['resumed', 'grantApproved', 'quorate', 'activated'] as const)
    expect(types.has(type)).toBe(true)
  expect(voted.flatMap((event) => ('certificate' in event ? [event.type] : []))).toEqual([
    'certified',
    'resumed',
    'certified',
    'grantApproved',
    'certified',
    'quorate',
    'certified',
    'steered',
    'certified',
    'activated',
  ])
  expect([audit(voted), audit(ofTwo)]).toEqual(['', ''])
  expect(ofTwo.at(-1)).toMatchObject({ type: 'activated', first: { by: 'author' } })
})

/** Lifted by two operators, since one agent is no quorum. */
const liftedByTwo = ((): readonly Event[] => {
  const first = then(beginning(['chief']), stop, resume)
  return then(first, (state) => ({
    ...(resume(state) as Input & { kind: 'resume' }),
    operator: 'operator-2',
  })).events
})()
const raisedAgain = voted.find((event): event is Of<'halted'> => event.type === 'halted') as Of<'halted'>
/** Raised, asked, certified, lifted, raised again: and asked about and lifted once more, each time in this order. */
const twice = ((): readonly Event[] => {
  const once = approved(then(beginning(NAMES), stop, resume))
  return approved(then(once, stop, resume)).events
})()
/** The events of `twice` in another order: each name takes the next event of that kind. */
const inOrder = (...types: readonly (Event['type'] | Event)[]): Event[] => {
  const about = new Set<Event['type']>(['halted', 'asked', 'certified', 'resumed'])
  const rest = twice.filter(({ type }) => !about.has(type))
  const queues = new Map<string, Event[]>()
  for (const event of twice) queues.set(event.type, [...(queues.get(event.type) ?? []), event])
  const next = (one: Event['type'] | Event): Event =>
    typeof one === 'string' ? (queues.get(one)?.shift() as Event) : one
  return [...rest, ...types.map(next)]
}

test('halts are raised, asked about and lifted in this order, as often as one likes', () => {
  expect([audit(twice), audit(liftedByTwo)]).toEqual(['', ''])
  expect(twice.map(({ type }) => type).filter((type) => type === 'resumed')).toHaveLength(2)
  expect(inOrder('halted', 'asked', 'certified', 'resumed').length).toBeGreaterThan(10)
  const right = ['halted', 'asked', 'certified', 'resumed'] as const
  expect(audit(inOrder(...right, ...right))).toBe('')
})

const RAISING = {
  ...CAP,
  id: 'raising',
  grantable: undefined,
  forbid: 'order.quantity > 100 * instrument.lot',
  raise: { state: 'halted', scope: 'agent' },
}
/** An order over which a rule halts its agent, another over which it is halted already, and one of somebody else. */
const raised = then(
  { state: ready(programWith([RAISING], {}, ['off-lot', 'halted'])), events: [] },
  ask(request({ quantity: 101 }, { id: idAt(NOW, '1') })),
  ask(request({ quantity: 102 }, { id: idAt(NOW, '2') })),
  ask(request({ quantity: 1 }, { id: idAt(NOW, '3'), agent: 'beta' })),
).events

test('what a rule raises over an action comes into force with it, once', () => {
  expect(raised.slice(-4).map(({ type }) => type)).toEqual(['decided', 'halted', 'decided', 'decided'])
  expect(raised.flatMap((event) => (event.type === 'decided' ? [event.decision.raised.length] : []))).toEqual(
    [1, 1, 0],
  )
  expect(audit(raised)).toBe('')
  // After a torn write, by the home that comes after.
  const promoted: Event = { schema: 1, type: 'promoted', epoch: 1, by: 'next' }
  expect(audit(changed(raised, 'halted', (it) => [promoted, it]))).toBe('')
})

const none = '0'.repeat(64)
const without = <T extends object>(event: T, key: string): T =>
  Object.fromEntries(Object.entries(event).filter(([name]) => name !== key)) as T
/** The certificate of another question. */
const other =
  voted.flatMap((event) => (event.type === 'certified' ? [event.certificate.certificate] : []))[0] ?? ''
const lastRound = voted
  .flatMap((event) => (event.type === 'asked' ? [event.rounds[0]?.proposal.proposal ?? ''] : []))
  .at(-1)
const cancelled: Event = {
  schema: 1,
  type: 'stopped',
  proposal: lastRound ?? '',
  how: 'cancelled',
  by: 'guard',
  isOperator: false,
}

/** The one that moves orders, as it was and as a fault makes it. */
const steeredOtherwise = (change: (event: Of<'steered'>) => Event): Event[] =>
  voted.map((event) => (event.type === 'steered' && 'certificate' in event ? change(event) : event))

describe('a fault is found', () => {
  test.each<[string, readonly Event[], RegExp]>([
    [
      'an optimizer that moves orders by its author’s word',
      steeredOtherwise((it) => without(it, 'certificate')),
      /came into force, and by `author` alone/,
    ],
    [
      'another optimizer than was approved',
      steeredOtherwise((it) => ({ ...it, hash: none })),
      /the certificate is of something else/,
    ],
    [
      'one that looked and moves orders now, by its author’s word',
      changed(voted, 'steered', (it) => [{ ...it, content: steer().content }]),
      /came into force, and by `author` alone/,
    ],
    [
      'a halt that a rule raised and that nothing put in force',
      changed(raised, 'halted', () => []),
      /`raising` raised `halted` over `d-.*`, and it did not come into force/,
    ],
    [
      'a halt of another that is not the one that a rule raised',
      changed(raised, 'halted', (it) => [{ ...it, scope: { kind: 'agent', name: 'beta' } }]),
      /and it did not come into force/,
    ],
    [
      'a halt lifted by no certificate',
      changed(voted, 'resumed', (it) => [{ ...it, certificate: none }]),
      /lifted by a quorum, and no such certificate/,
    ],
    [
      'another halt',
      changed(voted, 'resumed', (it) => [{ ...it, halt: 'h-other' }]),
      /the certificate is of something else/,
    ],
    [
      'a mark lowered that nobody was asked about',
      changed(voted, 'resumed', (it) => [{ ...it, rebase: true }]),
      /something else/,
    ],
    [
      'in another’s name',
      changed(voted, 'resumed', (it) => [{ ...it, operator: 'operator-2' }]),
      /`operator-1` asked for it/,
    ],
    ['a halt lifted twice', changed(voted, 'resumed', (it) => [it, it]), /had its effect before/],
    [
      'a halt raised again after agents were asked, and lifted by what they said',
      changed(voted, 'resumed', (it) => [raisedAgain, it]),
      /it was raised again since `q-.*` was asked/,
    ],
    [
      'a halt raised again between the question and its certificate',
      inOrder('halted', 'asked', raisedAgain, 'certified', 'resumed'),
      /it was raised again since/,
    ],
    [
      'a halt that was lifted, raised again, and lifted by the word of before',
      [
        ...inOrder('halted', 'asked', 'certified', 'resumed', raisedAgain),
        ...twice.filter(({ type }) => type === 'resumed').slice(0, 1),
      ],
      /had its effect before/,
    ],
    [
      'a halt lifted before it was raised',
      inOrder('asked', 'certified', 'resumed', 'halted'),
      /asks about `h-.*`, which is not in force/,
    ],
    [
      'a halt lifted that is not in force',
      changed(liftedByTwo, 'resumed', (it) => [it, { ...it, operator: 'operator-3' }]),
      /was lifted, and it was not in force/,
    ],
    [
      'a halt lifted by one operator who asked twice',
      changed(liftedByTwo, 'resumed', (it) => [{ ...it, operator: 'operator-1' }]),
      /`operator-1` asked twice to lift/,
    ],
    [
      'a halt raised again as another',
      changed(voted, 'resumed', (it) => [{ ...raisedAgain, state: 'reducing' }, it]),
      /raised again, and as something else/,
    ],
    [
      'an exception by another certificate',
      changed(voted, 'grantApproved', (it) => [{ ...it, certificate: other }]),
      /was approved, and the certificate is of something else/,
    ],
    [
      'an exception by one person',
      changed(voted, 'grantApproved', (it) => [{ ...without(it, 'certificate'), by: 'operator-2' }]),
      /by `operator-2`, and `q-.*` decides it/,
    ],
    [
      'an exception of other terms',
      changed(voted, 'grantProposed', (it) => [{ ...it, terms: { ...it.terms, upTo: 30_000 } }]),
      /something else/,
    ],
    ['an exception that was not proposed', changed(voted, 'grantProposed', () => []), /it was not proposed/],
    [
      'policies without a word',
      changed(voted, 'quorate', (it) => [without(it, 'certificate')]),
      /policies came into force, and by `author` alone/,
    ],
    [
      'other policies than were approved',
      changed(voted, 'quorate', (it) => [{ ...it, hash: none }]),
      /something else/,
    ],
    [
      'a constitution without a word',
      changed(voted, 'activated', (it) => [without(it, 'certificate')]),
      /came into force, and by `author` alone/,
    ],
    [
      'another constitution than was approved',
      changed(voted, 'activated', (it) => [{ ...it, constitution: none }]),
      /something else/,
    ],
    [
      'with failing cases that nobody was told of',
      changed(voted, 'activated', (it) => [{ ...it, casesFailed: 1 }]),
      /something else/,
    ],
    [
      'a constitution after the approval was taken back',
      changed(voted, 'activated', (it) => [cancelled, it]),
      /the approval was taken back/,
    ],
    [
      'a constitution after another one',
      changed(voted, 'activated', (it) => [{ ...it, constitution: none, certificate: other }, it]),
      /another constitution came into force since/,
    ],
    [
      'one person twice',
      changed(ofTwo, 'activated', (it) => [{ ...it, by: 'author' }]),
      /`author` is one person/,
    ],
    [
      'a first person who did not ask',
      changed(ofTwo, 'requested', () => []),
      /`author` did not ask for just this/,
    ],
    [
      'a first person who asked for another text',
      changed(ofTwo, 'requested', (it) => [
        { ...it, subject: { ...it.subject, constitution: none } as typeof it.subject },
      ]),
      /did not ask for just this/,
    ],
    [
      'an agent as second person',
      changed(ofTwo, 'activated', (it) => [{ ...it, by: 'chief' }]),
      /`chief` is an agent’s name/,
    ],
    [
      'the author alone',
      changed(ofTwo, 'activated', (it) => [without(it, 'first')]),
      /by `operator-1` alone/,
    ],
  ])('%s', (_, events, problem) => {
    expect(audit(events)).toMatch(problem)
  })

  test('what comes after its time', () => {
    const late = changed(ofTwo, 'requested', (it) => [{ ...it, until: NOW }])
    expect(audit(late)).toMatch(/asked for it too long ago/)
  })
})
