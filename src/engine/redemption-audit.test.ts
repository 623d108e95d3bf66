/** The audit of redemptions finds what was sent in spite of what was known, what nobody had allowed, what was decided twice, and what lapsed too soon. */
import { describe, expect, test } from 'vitest'
import { ask, idAt, NOW, PROGRAM, programWith, QUIET, request, run } from '../../test/support/engine.ts'
import { beatOf, LARGE, NAMES, POLICIES, registrationOf } from '../../test/support/quorum.ts'
import type { Program } from '../constitution/compile.ts'
import type { Event } from '../protocol/event.ts'
import { permitEnd } from '../protocol/permit.ts'
import { permitId } from './permits.ts'
import { RedemptionAudit } from './redemption-audit.ts'
import { EMPTY_STATE } from './state.ts'
import { decisionId, MEMORY_MS, SKEW_MS_MAX } from './memory.ts'
import type { Input } from './step.ts'

const FIRST = decisionId('alpha', idAt(NOW, '1'))
const redeem = (decision: string): Input => ({ kind: 'redeem', permit: permitId(decision), agent: 'alpha' })
const { events } = run(
  EMPTY_STATE,
  [
    { kind: 'activate', program: PROGRAM, by: 'author' },
    { kind: 'observations', observations: QUIET, feeder: 'feed' },
    ask(request({}, { id: idAt(NOW, '1') })),
    redeem(FIRST),
  ],
  NOW,
)
const redeemed: Event = { schema: 1, type: 'redeemed', decision: FIRST }
const halted: Event = {
  schema: 1,
  type: 'halted',
  halt: 'h-1',
  scope: { kind: 'account', name: 'main' },
  state: 'reducing',
  by: 'operator-1',
  reason: 'a drill',
}
const retired: Event = { schema: 1, type: 'retired', agent: 'alpha', by: 'operator-1', reason: 'x' }
const REGISTRATION = { agent: 'alpha', role: 'trader' as const, strategies: [] }
const registered: Event = {
  schema: 1,
  type: 'registered',
  registration: REGISTRATION,
  by: 'operator-1',
}

function problems(of: readonly Event[], at = NOW, programOf = () => PROGRAM as typeof PROGRAM | undefined) {
  const audit = new RedemptionAudit(programOf)
  return of.flatMap((event, place) => audit.take(event, place === of.length - 1 ? at : NOW) ?? [])
}
const before = (...more: Event[]): Event[] => [...events.slice(0, -1), ...more, redeemed]

test('an honest journal has nothing wrong', () => {
  expect(events.at(-1)).toEqual(redeemed)
  expect(problems(events)).toEqual([])
})

describe('found is a redemption', () => {
  test.each<[string, Event[], number, RegExp]>([
    ['for a second time', [...events, redeemed], NOW, /was redeemed, and no permit for it was open/],
    ['of what was never allowed', [...events.slice(0, -2), redeemed], NOW, /no permit for it was open/],
    ['after a halt', before(halted), NOW, /must not be sent: HALTED_SINCE, .* h-1 is in force/],
    ['of who was taken out of service', before(registered, retired), NOW, /must not be sent: AGENT_UNKNOWN/],
    ['after its end', events, NOW + 5_000, /must not be sent: PERMIT_SPENT, .* was not in time/],
  ])('%s', (_, of, at, problem) => {
    expect(problems(of, at)).toEqual([expect.stringMatching(problem)])
  })
})

test('what another version of Ephor had allowed is held against nothing that it did not ask', () => {
  const by = before(halted).map((event): Event =>
    event.type === 'decided' ? { ...event, decision: { ...event.decision, engine: '0.0.1' } } : event,
  )
  expect(problems(by)).toEqual([])
})

test('where the text of a constitution is missing, that is said once', () => {
  expect(problems(before(halted), NOW, () => undefined)).toEqual([
    expect.stringMatching(/^what follows cannot be folded/),
  ])
})

/** A record with the reading of the clock. */
type Timed = readonly [number, Event]

/** The records of inputs, each at its reading of the clock. */
function recordsOf(inputs: readonly (readonly [number, Input])[]): Timed[] {
  let state = EMPTY_STATE
  return inputs.flatMap(([at, input]) => {
    const ran = run(state, [input], at)
    state = ran.state
    return ran.events.map((event) => [at, event] as const)
  })
}
function problemsOf(records: readonly Timed[], program: Program = PROGRAM): string[] {
  const audit = new RedemptionAudit(() => program)
  return records.flatMap(([at, event]) => audit.take(event, at) ?? [])
}

const began = (program: Program): (readonly [number, Input])[] => [
  [NOW, { kind: 'activate', program, by: 'author' }],
  [NOW, { kind: 'observations', observations: QUIET, feeder: 'feed' }],
]
const asked = (id = idAt(NOW, '1'), change = {}): Input => ask(request(change, { id }))
const END = permitEnd(NOW)
const tick: Input = { kind: 'tick', listeningSince: 0 }

test('a verdict by a law that was not in force then is found', () => {
  const records = recordsOf([...began(PROGRAM), [NOW, asked()]])
  const other = records.map(([at, event]): Timed => [
    at,
    event.type === 'decided'
      ? { ...event, decision: { ...event.decision, constitution: '0'.repeat(64) } }
      : event,
  ])
  expect(problemsOf(records)).toEqual([])
  expect(problemsOf(other)).toEqual([`it was judged by ${'0'.repeat(64)}, which was not in force`])
})

describe('an id is decided once', () => {
  const sent = recordsOf([...began(PROGRAM), [NOW, asked()], [NOW, redeem(FIRST)]])
  const decided = sent.find(([, event]) => event.type === 'decided')?.[1] as Event & { type: 'decided' }
  const again = (at: number): Timed => [at, { ...decided, decision: { ...decided.decision, at } }]

  test('and a second verdict on it is found, with what is sent for it', () => {
    expect(problemsOf(sent)).toEqual([])
    expect(problemsOf([...sent, again(NOW), [NOW, redeemed]])).toEqual(['its id was decided before'])
  })

  test('also on another action, and put to the vote', () => {
    const other = {
      ...decided.decision,
      request: request({ quantity: 7 }, { id: idAt(NOW, '1') }),
      digest: 'x',
    }
    expect(problemsOf([...sent, [NOW, { ...decided, decision: other }]])).toEqual([
      expect.stringContaining('ID_CONFLICT'),
    ])
    const { decision, evidence } = decided
    const proposed: Event = { schema: 1, type: 'proposed', decision, evidence, rounds: [] }
    expect(problemsOf([...sent, [NOW, proposed]])).toEqual(['its id was decided before'])
  })

  test('also when it was forgotten, since its id is too old by then', () => {
    const later = NOW + MEMORY_MS + SKEW_MS_MAX + 2
    const forgotten = recordsOf([
      ...began(PROGRAM),
      [NOW, asked()],
      [NOW, redeem(FIRST)],
      [later - 1, asked(idAt(later, '2'))],
    ])
    expect(problemsOf(forgotten)).toEqual([])
    expect(problemsOf([...forgotten, again(later)])).toEqual([expect.stringContaining('ID_TOO_OLD')])
  })

  test('and not before it could be made', () => {
    const early = idAt(NOW + SKEW_MS_MAX + 1, '1')
    const decision = { ...decided.decision, decision: 'd-early', request: request({}, { id: early }) }
    expect(problemsOf([...sent, [NOW, { ...decided, decision }]])).toEqual([
      expect.stringContaining('ID_IN_FUTURE'),
    ])
  })

  test('as of the time of its record, or of the last where the clock had gone back', () => {
    const { decision } = decided
    const off = sent.map(([at, event]): Timed => [
      at,
      event === decided ? { ...decided, decision: { ...decision, at: NOW + 1 } } : event,
    ])
    expect(problemsOf(off)).toEqual([`it is recorded as of ${NOW + 1}, and ${NOW} comes out`])
    // Only what needs no clock is decided then.
    const cancel: Input = ask({
      ...request({}, { id: idAt(NOW, '2') }),
      action: { type: 'cancel', account: 'main', instrument: 'AAPL', order: FIRST },
    })
    const back = recordsOf([...began(PROGRAM), [NOW, asked()], [NOW - 5000, cancel]])
    expect(back.at(-1)).toMatchObject([NOW - 5000, { type: 'decided', decision: { at: NOW } }])
    expect(problemsOf(back)).toEqual([])
  })
})

describe('what waits for a vote is decided once', () => {
  const program = programWith([LARGE], {}, ['off-lot', 'halted'])
  const records = recordsOf([
    ...began(program),
    [NOW, { kind: 'quorate', policies: POLICIES, by: 'author' }],
    ...NAMES.map((name) => [NOW, registrationOf(name)] as const),
    ...NAMES.map((name) => [NOW, beatOf(name)] as const),
    [NOW, asked()],
    [NOW + 3_600_000, tick],
  ])
  const last = records.at(-1)
  const ended = last?.[1]

  test('at the end of its rounds', () => {
    expect(records.map(([, { type }]) => type)).toContain('proposed')
    expect(ended).toMatchObject({ type: 'decided', decision: { decision: FIRST, verdict: 'deny' } })
    expect(problemsOf(records, program)).toEqual([])
  })

  test('and found when it is decided for a second time, or is about another action', () => {
    if (ended?.type !== 'decided' || last === undefined) throw new Error('expected a decision')
    expect(problemsOf([...records, last], program)).toEqual(['its id was decided before'])
    const other: Event = { ...ended, decision: { ...ended.decision, digest: 'another' } }
    expect(problemsOf([...records.slice(0, -1), [last[0], other]], program)).toEqual([
      'another action was put to the vote under its id',
    ])
  })
})

describe('a permit lapses when it is over', () => {
  const lapsed: Event = { schema: 1, type: 'lapsed', decision: FIRST }
  const allowed = recordsOf([...began(PROGRAM), [NOW, asked()]])

  test('and not before', () => {
    const honest = recordsOf([...began(PROGRAM), [NOW, asked()], [END, tick]])
    expect(honest.at(-1)).toEqual([END, lapsed])
    expect(problemsOf(honest)).toEqual([])
    expect(problemsOf([...allowed, [END - 1, lapsed]])).toEqual([expect.stringMatching(/was not over until/)])
    // What was over by a later reading is not by an earlier one.
    const beat = recordsOf([[END, { kind: 'register', by: 'operator-1', registration: REGISTRATION }]])
    expect(problemsOf([...allowed, ...beat, [END - 1, lapsed]])).toEqual([
      expect.stringMatching(/was not over until/),
    ])
  })

  test('and not after it was sent, which would free what is at the venue', () => {
    expect(problemsOf([...allowed, [NOW, redeemed], [END, lapsed]])).toEqual([
      `${FIRST} lapsed, and no permit for it was open`,
    ])
    expect(problemsOf([...allowed, [END, lapsed], [END, lapsed]])).toHaveLength(1)
  })

  test('in one breath with what was to replace it', () => {
    const replace: Input = ask({
      ...request({}, { id: idAt(NOW, '2') }),
      action: { type: 'replace', account: 'main', instrument: 'AAPL', order: FIRST, quantity: 50 },
    })
    const both = recordsOf([...began(PROGRAM), [NOW, asked()], [NOW, replace], [END, tick]])
    expect(both.slice(-2).map(([, { type }]) => type)).toEqual(['lapsed', 'lapsed'])
    expect(problemsOf(both)).toEqual([])
    const second = both.at(-1) as Timed
    expect(problemsOf([...both, second])).toHaveLength(1)
    expect(
      problemsOf([...both.slice(0, -1), [END, { schema: 1, type: 'beat', agent: 'x' }], second]),
    ).toHaveLength(1)
  })
})
