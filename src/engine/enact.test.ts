/** Changes of what is judged and voted by: who must agree, what was agreed on, and how nobody gets around it. */
import { describe, expect, test } from 'vitest'
import { dump, NOW, programWith, refused, replay, run } from '../../test/support/engine.ts'
import { steer } from '../../test/support/optimizer.ts'
import {
  beatOf,
  castBy,
  LARGE,
  NAMES,
  ONLY_ORDERS,
  POLICIES,
  quorate,
  registrationOf,
  type VoterName,
} from '../../test/support/quorum.ts'
import { digestOf } from '../base/hash.ts'
import { verifyCertificate } from '../consensus/verify-certificate.ts'
import type { Event } from '../protocol/event.ts'
import type { Choice } from '../protocol/proposal.ts'
import { apply, EMPTY_STATE, type State } from './state.ts'
import { readState, stateLines } from './state-lines.ts'
import type { Input, Person } from './step.ts'

const FIRST = programWith([LARGE], {}, ['off-lot', 'halted'])
const LOOSER = programWith([{ ...LARGE, escalate: 'order.value > 10001 USD' }], {}, ['off-lot', 'halted'])
const OTHER = programWith([], {}, ['off-lot'])
const programOf = (hash: string) =>
  [FIRST, LOOSER, OTHER].find(({ constitution }) => constitution.hash === hash)

const activate = (person: Partial<Person> = {}, program = LOOSER, accepted?: number): Input => ({
  kind: 'activate',
  program,
  by: 'author',
  ...person,
  ...(accepted === undefined ? {} : { casesFailed: accepted }),
})
const police = (person: Partial<Person> = {}, policies = ONLY_ORDERS): Input => ({
  kind: 'quorate',
  policies,
  by: 'author',
  ...person,
})

/** The one round that is open. */
function roundIn({ quorum }: State): string {
  const [round = ''] = quorum.rounds.open.keys()
  return round
}

function voted(
  from: State,
  choice: Choice,
  names: readonly VoterName[] = NAMES,
  round = roundIn(from),
): { state: State; events: Event[] } {
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

const hashIn = ({ program }: State): string | undefined => program?.constitution.hash
const types = (events: readonly Event[]): string[] => events.map(({ type }) => type)

describe('another constitution', () => {
  const asked = run(quorate(), [activate({ reason: 'room for the close' })], NOW)
  const waiting = asked.state

  test('is put to the vote of those whom the policy names, bound by its hash', () => {
    expect(types(asked.events)).toEqual(['asked'])
    const { constitution } = LOOSER
    expect(asked.effects).toMatchObject([
      {
        body: {
          constitution: constitution.hash,
          activated: false,
          waitsFor: 'quorum',
          proposal: roundIn(waiting),
        },
      },
    ])
    const { proposal, policy, frozen } = waiting.quorum.rounds.open.get(roundIn(waiting))?.opening ?? {}
    expect(policy?.name).toBe('constitution-activation')
    expect(frozen?.roster.voters.length).toBe(NAMES.length)
    expect(proposal?.digest).toBe(digestOf(proposal?.subject ?? null))
    expect(proposal?.subject).toEqual({
      kind: 'activation',
      constitution: constitution.hash,
      name: constitution.name,
      version: constitution.version,
      reason: 'room for the close',
    })
    expect(hashIn(waiting)).toBe(FIRST.constitution.hash)
  })

  test('comes into force once they approve, by the next call for just that text, and cites their certificate', () => {
    const approved = voted(waiting, 'yes')
    const certificate = approved.events.flatMap((event) =>
      event.type === 'certified' ? [event.certificate] : [],
    )[0]
    expect(verifyCertificate(certificate)).toMatchObject({ isValid: true })
    expect(hashIn(approved.state)).toBe(FIRST.constitution.hash)
    const { state, events } = run(approved.state, [activate({ by: 'another-author' })], NOW)
    expect(events).toMatchObject([{ type: 'activated', certificate: certificate?.certificate }])
    expect(hashIn(state)).toBe(LOOSER.constitution.hash)
    expect(state.quorum.resolutions.size).toBe(0)
    const taking = { kind: 'stop', proposal: roundIn(waiting), by: 'guard', isOperator: false } as const
    expect(refused(state, { ...taking, how: 'cancelled' })).toBe('ROUND_CLOSED')
    // A third text was never approved: the quorum is asked anew.
    expect(types(run(approved.state, [activate({}, OTHER)], NOW).events)).toEqual(['asked'])
  })

  test('is put in force once, however many sidecars try what was approved, and nobody is asked anew', () => {
    const approved = voted(waiting, 'yes').state
    const enacting = { by: 'author', reason: 'room for the close', isEnacting: true } as const
    const once = run(approved, [activate(enacting)], NOW)
    expect(types(once.events)).toEqual(['activated'])
    const back = run(once.state, [activate(enacting), activate(enacting, FIRST)], NOW)
    expect(back.events).toEqual([])
    expect(back.effects).toMatchObject([{ body: { activated: false } }, { body: { activated: false } }])
    expect(run(quorate(), [activate(enacting)], NOW).events).toEqual([])
  })

  test.each<[string, (state: State) => State]>([
    ['they refuse', (state) => voted(state, 'no').state],
    [
      'they say nothing in time',
      (state) => run(state, [{ kind: 'tick', listeningSince: NOW }], NOW + 86_400_000).state,
    ],
    [
      'it is withdrawn',
      (state) =>
        run(
          state,
          [{ kind: 'stop', proposal: roundIn(state), how: 'withdrawn', by: 'author', isOperator: false }],
          NOW,
        ).state,
    ],
    [
      'a guardian cancels what was approved',
      (state) => {
        const id = roundIn(state)
        const stop: Input = { kind: 'stop', proposal: id, how: 'cancelled', by: 'guard', isOperator: false }
        return run(voted(state, 'yes').state, [stop], NOW).state
      },
    ],
  ])('stays out of force where %s', (_, end) => {
    const ended = end(waiting)
    expect(ended.quorum.resolutions.size).toBe(0)
    const awake = run(ended, NAMES.map(beatOf), ended.lastAt).state
    const again = run(awake, [activate()], awake.lastAt)
    expect(types(again.events)).toEqual(['asked'])
    expect(hashIn(again.state)).toBe(FIRST.constitution.hash)
  })

  test('stays out of force once the approval is over', () => {
    const { state } = voted(waiting, 'yes')
    const late = NOW + 86_400_000
    const awake = run(state, NAMES.map(beatOf), late).state
    expect(types(run(awake, [activate()], late).events)).toEqual(['asked'])
  })

  test('is asked about once at a time, and not by who bears an agent’s name', () => {
    expect(refused(waiting, activate({}, OTHER))).toBe('ROUND_EXISTS')
    // `guard` has a veto, and who proposes does not vote.
    expect(refused(quorate(), activate({ by: 'guard' }))).toBe('PROPOSER_IS_AGENT')
  })

  test('with cases that fail is another question than with cases that hold', () => {
    const state = voted(run(quorate(), [activate({ reason: 'x' }, LOOSER, 2)], NOW).state, 'yes').state
    expect(types(run(state, [activate({ reason: 'x' }, LOOSER, 3)], NOW).events)).toEqual(['asked'])
    expect(types(run(state, [activate({ reason: 'x' })], NOW).events)).toEqual(['asked'])
    const { events } = run(state, [activate({ reason: 'x' }, LOOSER, 2)], NOW)
    expect(events).toMatchObject([
      { type: 'activated', casesFailed: 2, acceptFailingCases: true, reason: 'x' },
    ])
  })

  test('is the author’s alone before the first one, without the policy, and without any agent that could vote', () => {
    expect(hashIn(run(EMPTY_STATE, [activate()], NOW).state)).toBe(LOOSER.constitution.hash)
    for (const state of [quorate(ONLY_ORDERS), quorate(POLICIES, [])])
      expect(types(run(state, [activate()], NOW).events)).toEqual(['activated'])
    expect(refused(quorate(ONLY_ORDERS), activate({ by: 'operator-1', isSecond: true, reason: 'x' }))).toBe(
      'SECOND_PERSON_NEEDED',
    )
  })
})

describe('where agents are registered and too few can vote now', () => {
  const few = quorate(POLICIES, ['chief', 'guard'])
  const silent = NOW + 6_001
  const second = (more: Partial<Person> = {}): Input =>
    activate({ by: 'operator-1', isSecond: true, reason: 'read it too', ...more })

  test('two people put a constitution in force, each with a reason', () => {
    const first = run(few, [activate({ reason: 'needed' })], NOW)
    expect(first.events).toMatchObject([{ type: 'requested', by: 'author', reason: 'needed' }])
    expect(first.effects).toMatchObject([{ body: { activated: false, waitsFor: 'person' } }])
    expect(hashIn(first.state)).toBe(FIRST.constitution.hash)
    const { state, events } = run(first.state, [second()], NOW)
    expect(events).toMatchObject([
      {
        type: 'activated',
        by: 'operator-1',
        reason: 'read it too',
        first: { by: 'author', reason: 'needed' },
      },
    ])
    expect(hashIn(state)).toBe(LOOSER.constitution.hash)
    expect(state.quorum.requests.size).toBe(0)
  })

  test.each<[string, Input[], Input]>([
    ['without a reason', [], activate()],
    ['by the same person twice', [activate({ reason: 'needed' })], activate({ reason: 'again' })],
    ['by an operator alone', [], second()],
    ['by an operator for another text', [activate({ reason: 'needed' }, OTHER)], second()],
    ['by an operator who is an agent', [activate({ reason: 'needed' })], second({ by: 'guard' })],
    [
      'by an operator without a reason',
      [activate({ reason: 'needed' })],
      activate({ by: 'op', isSecond: true }),
    ],
  ])('not %s', (_, before, input) => {
    expect(refused(run(few, before, NOW).state, input)).toMatch(/^SECOND_PERSON_NEEDED|^PROPOSER_IS_AGENT/)
  })

  test('nor once agents are asked: what they said no to, or what was withdrawn, no second person’s word makes up for', () => {
    const beats = NAMES.map(beatOf)
    const requested = run(few, [activate({ reason: 'needed' })], NOW).state
    expect(requested.quorum.requests.size).toBe(1)
    const whole = run(requested, [...NAMES.map((name) => registrationOf(name)), ...beats], NOW).state
    const asked = run(whole, [activate({ reason: 'needed' })], NOW)
    expect(asked.events).toMatchObject([{ type: 'asked' }])
    expect(asked.state.quorum.requests.size).toBe(0)
    const [proposal = ''] = asked.state.quorum.rounds.open.keys()
    const stop: Input = { kind: 'stop', proposal, how: 'withdrawn', by: 'author', isOperator: false }
    const withdrawn = run(asked.state, [stop], NOW).state
    const later = NOW + 7_000
    const guardless = run(withdrawn, beats.slice(0, 1), later).state
    expect(refused(guardless, second(), later)).toBe('SECOND_PERSON_NEEDED')
  })

  test('the first word counts for a day, and not after another constitution', () => {
    const first = run(few, [activate({ reason: 'needed' })], NOW).state
    expect(refused(first, second(), NOW + 86_400_000)).toBe('SECOND_PERSON_NEEDED')
    const other = [
      activate({ reason: 'x' }, OTHER),
      activate({ by: 'operator-2', isSecond: true, reason: 'y' }, OTHER),
    ]
    expect(refused(run(first, other, NOW).state, second())).toBe('SECOND_PERSON_NEEDED')
  })

  test('agents that are silent are not gone: an author does not wait for the night to decide alone', () => {
    const { events } = run(quorate(), [activate({ reason: 'needed' })], silent)
    expect(types(events)).toEqual(['requested'])
    // Once they are heard again they are asked, also about what one person asked for.
    const heard = run(
      run(quorate(), [activate({ reason: 'needed' })], silent).state,
      NAMES.map(beatOf),
      silent,
    )
    expect(refused(heard.state, second(), silent)).toBe('SECOND_PERSON_NEEDED')
    expect(types(run(heard.state, [activate({ reason: 'needed' })], silent).events)).toEqual(['asked'])
  })
})

describe('other policies for votes', () => {
  test('are put to the vote of the policies in force, so that no author shrinks an electorate', () => {
    const asked = run(quorate(), [police()], NOW)
    expect(asked.effects).toMatchObject([{ body: { activated: false, waitsFor: 'quorum' } }])
    expect(asked.state.quorum.policies?.byName.size).toBe(POLICIES.length)
    const approved = voted(asked.state, 'yes').state
    const { state, events } = run(approved, [police()], NOW)
    expect(events).toMatchObject([{ type: 'quorate', hash: digestOf(ONLY_ORDERS) }])
    expect(events[0]).toHaveProperty('certificate')
    expect(state.quorum.policies?.byName.size).toBe(1)
    expect(state.quorum.resolutions.size).toBe(0)
    const other = voted(asked.state, 'yes').state
    expect(types(run(other, [police({}, [])], NOW).events)).toEqual(['asked'])
  })

  test('take two people where nobody can vote', () => {
    const few = quorate(POLICIES, ['chief'])
    const second = police({ by: 'operator-1', isSecond: true, reason: 'y' })
    const { state, events } = run(few, [police({ reason: 'x' }), second], NOW)
    expect(events).toMatchObject([
      { type: 'requested', subject: { kind: 'policies', which: 'consensus' } },
      { type: 'quorate', by: 'operator-1', first: { by: 'author', reason: 'x' } },
    ])
    expect(state.quorum.requests.size).toBe(0)
  })

  test('and a constitution may be asked about at one time; the one that comes first ends what the other was approved under', () => {
    const both = run(quorate(), [police(), activate()], NOW).state
    const rounds = [...both.quorum.rounds.open.keys()].toSorted()
    const approved = rounds.reduce((state, round) => voted(state, 'yes', NAMES, round).state, both)
    expect(approved.quorum.resolutions.size).toBe(2)
    const { state } = run(approved, [activate()], NOW)
    expect(state.quorum.resolutions.size).toBe(0)
    expect(types(run(state, [police()], NOW).events)).toEqual(['asked'])
  })
})

describe('an optimizer policy', () => {
  const inForce = ({ optimizer }: State): string | undefined => optimizer.policy?.hash
  const on = (person: Partial<Person> = {}, mode = 'on'): Input & { kind: 'steer' } => ({
    ...steer([{ mode, ...(mode === 'canary' ? { canary: { share: 0.1, notional: 1000 } } : {}) }]),
    ...person,
  })

  test.each(['on', 'canary'])(
    'that moves orders (%s) is put to the vote, and cites its certificate',
    (mode) => {
      const asked = run(quorate(), [on({ reason: 'it won' }, mode)], NOW)
      const { hash } = on({}, mode)
      expect(asked.effects).toMatchObject([{ body: { policy: hash, activated: false, waitsFor: 'quorum' } }])
      expect(asked.events).toMatchObject([
        {
          rounds: [
            { proposal: { subject: { kind: 'policies', which: 'optimizer', hash, reason: 'it won' } } },
          ],
        },
      ])
      expect(inForce(asked.state)).toBeUndefined()
      const refusedBy = voted(asked.state, 'no').state
      expect(types(run(refusedBy, [on({}, mode)], NOW).events)).toEqual(['asked'])
      const approved = voted(asked.state, 'yes').state
      const { state, events } = run(approved, [on({}, mode)], NOW)
      expect(events).toMatchObject([{ type: 'steered', hash }])
      expect(events[0]).toHaveProperty('certificate')
      expect(inForce(state)).toBe(hash)
      expect(state.quorum.resolutions.size).toBe(0)
      // What was approved was one policy, once.
      expect(types(run(approved, [{ ...on({}, mode), ...steer([{ steps: 7 }]) }], NOW).events)).toEqual([
        'asked',
      ])
    },
  )

  test.each(['off', 'shadow'])('that moves none (%s) is its author’s alone, also after another', (mode) => {
    const moving = run(quorate(), [on()], NOW).state
    const state = run(voted(moving, 'yes').state, [on(), on({}, mode)], NOW).state
    expect(inForce(state)).toBe(on({}, mode).hash)
    expect(
      refused(state, { ...on({ by: 'operator-1', isSecond: true }, mode), ...steer([{ mode, steps: 7 }]) }),
    ).toBe('SECOND_PERSON_NEEDED')
    // And back again is a question as before.
    expect(types(run(state, [on()], NOW).events)).toEqual(['asked'])
  })

  test('takes two people where nobody can vote, each with a reason', () => {
    const few = quorate(POLICIES, ['chief'])
    expect(refused(few, on())).toBe('SECOND_PERSON_NEEDED')
    const second = on({ by: 'operator-1', isSecond: true, reason: 'y' })
    const { state, events } = run(few, [on({ reason: 'x' }), second], NOW)
    expect(events).toMatchObject([
      { type: 'requested', subject: { kind: 'policies', which: 'optimizer' } },
      { type: 'steered', by: 'operator-1', first: { by: 'author', reason: 'x' } },
    ])
    expect([inForce(state), state.quorum.requests.size]).toEqual([on().hash, 0])
  })

  test('is its author’s alone where nobody could ever vote', () => {
    const alone = run(EMPTY_STATE, [{ kind: 'activate', program: FIRST, by: 'author' }, on()], NOW)
    expect(inForce(alone.state)).toBe(on().hash)
  })
})

describe('what was asked or approved under one constitution', () => {
  const stop: Input = {
    kind: 'halt',
    by: 'operator-1',
    request: { scope: { kind: 'everything' }, state: 'halted', reason: 'a drill' },
  }
  /** A halt that agents are asked about; then the constitution changes, and changes back. */
  function there(andBack: boolean): State {
    const halted = run(quorate(ONLY_RESUMING), [stop], NOW).state
    const [halt = ''] = halted.ledger.halts.keys()
    const resume: Input = { kind: 'resume', halt, operator: 'operator-1', reason: 'over' }
    const inputs = [resume, activate({}, OTHER), ...(andBack ? [activate({}, FIRST)] : [])]
    return run(halted, inputs, NOW).state
  }
  const ONLY_RESUMING = POLICIES.filter(({ name }) => name === 'resume-after-halt')

  test.each([false, true])('lapses when another comes into force, for good (and back: %s)', (andBack) => {
    const { state, events } = voted(there(andBack), 'yes')
    expect(types(events).at(-1)).toBe('certified')
    expect(state.ledger.halts.size).toBe(1)
    expect(state.quorum.lapsed.size).toBe(0)
    // And may be asked anew at once, while the old round is still open.
    const [halt = ''] = state.ledger.halts.keys()
    const anew: Input = { kind: 'resume', halt, operator: 'operator-1', reason: 'over' }
    expect(types(run(there(andBack), [anew], NOW).events)).toEqual(['asked'])
  })

  test('without the change it does lift the halt', () => {
    const halted = run(quorate(ONLY_RESUMING), [stop], NOW).state
    const [halt = ''] = halted.ledger.halts.keys()
    const { state } = run(halted, [{ kind: 'resume', halt, operator: 'operator-1', reason: 'over' }], NOW)
    expect(voted(state, 'yes').state.ledger.halts.size).toBe(0)
  })
})

test('a replay, and one from a checkpoint at any record, come to the same', () => {
  const start: Input[] = [
    activate({}, FIRST),
    police({}, POLICIES),
    ...NAMES.map((name) => registrationOf(name)),
    ...NAMES.map(beatOf),
    activate({ reason: 'x' }),
    police({}, []),
  ]
  const begun = run(EMPTY_STATE, start, NOW)
  const round = [...begun.state.quorum.rounds.open.keys()].find((id) => id.startsWith('q-13.'))
  const approved = voted(begun.state, 'yes', NAMES, round)
  const ended = run(approved.state, [activate({ reason: 'x' }), activate({}, OTHER)], NOW)
  const events = [...begun.events, ...approved.events, ...ended.events]
  expect(types(events)).toContain('activated')
  expect(hashIn(ended.state)).toBe(LOOSER.constitution.hash)
  expect(ended.state.quorum.lapsed.size).toBe(1)
  expect(dump(replay(events, NOW, [FIRST, LOOSER, OTHER]))).toBe(dump(ended.state))
  for (let place = 0; place <= events.length; place += 1) {
    const before = replay(events.slice(0, place), NOW, [FIRST, LOOSER, OTHER])
    const again = readState(stateLines(before), programOf)
    const after = events
      .slice(place)
      .reduce((state, event) => apply(state, { at: NOW, event }, programOf), again)
    expect([...stateLines(after)]).toEqual([...stateLines(ended.state)])
  }
})

test('an approval that is over stays over where the clock has gone back', () => {
  const approved = voted(run(quorate(), [police({ reason: 'x' })], NOW).state, 'yes').state
  expect(types(run(approved, [police()], NOW).events)).toEqual(['quorate'])
  const later = run(approved, [beatOf('chief')], NOW + 24 * 3_600_000).state
  expect(types(run(later, [police({ reason: 'x' })], NOW).events)).toEqual(['requested'])
})
