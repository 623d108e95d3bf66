/** What rules raise over a verdict comes into force with it, asked for at once, put to the vote, or come from one. */
import { describe, expect, test } from 'vitest'
import {
  answered,
  ask,
  codesOf,
  dump,
  idAt,
  NOW,
  programOfFacts,
  programWith,
  ready,
  request,
  run,
} from '../../test/support/engine.ts'
import { policyOf } from '../../test/support/policy.ts'
import { castBy, LARGE, NAMES, POLICIES, quorate, type VoterName } from '../../test/support/quorum.ts'
import type { Program } from '../constitution/compile.ts'
import type { Event } from '../protocol/event.ts'
import { decisionId } from './memory.ts'
import type { State } from './state.ts'
import { fold, type Input } from './step.ts'

const under = (program: Program, ...more: Input[]): State =>
  run(quorate(POLICIES, NAMES, program), more, NOW).state
const child = (tail: string, quantity: number): Input =>
  ask(
    request(
      { quantity, limitPrice: 200 - Number(tail), parent: { id: 'p1', quantity: 100 } },
      { id: idAt(NOW, tail) },
    ),
  )
/** All say yes, and what comes of it. */
function voted(from: State, tail: string) {
  const proposal = `q-${decisionId('alpha', idAt(NOW, tail)).slice(2)}.large-orders`
  let state = from
  const types: string[] = []
  for (const agent of ['chief', 'quick', 'reader', 'guard'] as const satisfies VoterName[]) {
    const next = run(state, [castBy(state, proposal, agent, 'yes')], NOW)
    state = next.state
    types.push(...next.events.map(({ type }) => type))
  }
  return { state, types }
}
const halts = ({ ledger }: State) =>
  [...ledger.halts.values()].map(({ by, state, scope }) => ({ by, state, scope }))
const OVERRUN = { by: 'parent-overrun', state: 'halted', scope: { kind: 'strategy', name: 'agent:alpha' } }

describe('a parent that is overrun', () => {
  test('halts its strategy where its child was judged at once', () => {
    const state = under(programWith([], {}, ['off-lot', 'halted', 'parent-overrun']))
    const { state: over } = run(state, [child('2', 40), child('1', 100)], NOW)
    expect(halts(over)).toEqual([OVERRUN])
  })

  test('halts it where that came out at the end of a vote', () => {
    const state = under(programWith([LARGE], {}, ['off-lot', 'halted', 'parent-overrun']))
    // The large one waits, and the small one is allowed.
    const waiting = run(state, [child('1', 100), child('2', 40)], NOW).state
    const { state: over, types } = voted(waiting, '1')
    expect(types.slice(-3)).toEqual(['certified', 'decided', 'halted'])
    expect(halts(over)).toEqual([OVERRUN])
    expect(answered(over, child('3', 10))?.reasons.map(({ code }) => code)).toContain('HALTED')
  })
})

test('what is raised over an order that is put to the vote is in force while it waits', () => {
  const raising = { ...LARGE, raise: { state: 'halted', scope: 'agent' } }
  const state = under(programWith([raising], {}, ['off-lot', 'halted']))
  const waiting = run(state, [child('1', 100)], NOW)
  expect(waiting.events.map(({ type }) => type)).toEqual(['proposed', 'halted'])
  expect(halts(waiting.state)).toEqual([
    { by: 'large', state: 'halted', scope: { kind: 'agent', name: 'alpha' } },
  ])
})

test('a denial at the end of a vote is one that a monitor counts', () => {
  const insists = {
    id: 'insists',
    watches: 'repeated-breaches',
    limit: 1,
    window: '1min',
    state: 'halted',
    scope: 'agent',
  }
  const monitored = under(
    programWith([LARGE], {}, ['off-lot', 'halted', 'parent-overrun']),
    policyOf(insists),
  )
  const { state } = voted(run(monitored, [child('1', 100), child('2', 40)], NOW).state, '1')
  expect(halts(state).map(({ by }) => by)).toEqual(['parent-overrun', 'insists'])
})

test('a rule over a transfer raises over its asset', () => {
  const rule = {
    id: 'barred-place',
    title: 'Large',
    applies: { actions: ['transfer'] },
    forbid: "transfer.destination == 'x'",
    raise: { state: 'halted', scope: 'instrument' },
  }
  const state = ready(programOfFacts({}, [rule], ['halted']))
  const of = (asset: string): State =>
    run(
      state,
      [
        ask({
          ...request(),
          action: { type: 'transfer', account: 'main', asset, amount: 10, destination: 'x' },
        }),
      ],
      NOW,
    ).state
  expect(halts(of('AAPL'))).toEqual([
    { by: 'barred-place', state: 'halted', scope: { kind: 'instrument', name: 'AAPL' } },
  ])
  // Of what nobody described there is nothing to stop.
  expect(halts(of('NOTHING'))).toEqual([])
})

describe('where a torn write kept the verdict and not what follows', () => {
  const raising = { ...LARGE, raise: { state: 'halted', scope: 'agent' } }
  const RULED = { ...raising, escalate: undefined, to: undefined, forbid: LARGE.escalate }

  test.each([
    ['of a denial', RULED],
    ['of an order that is put to the vote', raising],
  ])('it comes into force before anything else is handled: %s', (_, rule) => {
    const program = programWith([rule], {}, ['off-lot', 'halted'])
    const state = under(program)
    const { events } = run(state, [child('1', 100)], NOW)
    expect(events.map(({ type }) => type).slice(1)).toEqual(['halted'])
    const torn = fold(state, events.slice(0, 1), NOW)
    expect(halts(torn)).toEqual([])
    const next = run(torn, [child('2', 1)], NOW)
    expect(next.events.map(({ type }) => type)).toEqual(['halted', 'decided'])
    expect(next.events[0]).toEqual(events[1])
    expect(codesOf(torn, child('2', 1), NOW)).toEqual(['HALTED'])
    // A new home says first that it is one.
    const promoted = run(
      torn,
      [
        { kind: 'promote', epoch: 1, by: 'one' },
        { kind: 'tick', listeningSince: NOW },
      ],
      NOW,
    )
    expect(promoted.events.map(({ type }) => type)).toEqual(['promoted', 'halted'])
    expect(run(promoted.state, [{ kind: 'tick', listeningSince: NOW }], NOW).events).toEqual([])
  })
})

test.each([1, 2])(
  'a vote that ended a round, of whose group a torn write kept %d records, is followed by the rest',
  (kept) => {
    const program = programWith([LARGE], {}, ['off-lot', 'halted', 'parent-overrun'])
    const waiting = run(under(program), [child('1', 100), child('2', 40)], NOW).state
    const proposal = `q-${decisionId('alpha', idAt(NOW, '1')).slice(2)}.large-orders`
    let state = waiting
    let last: readonly Event[] = []
    for (const agent of ['chief', 'quick', 'reader', 'guard'] as const satisfies VoterName[]) {
      const next = run(state, [castBy(state, proposal, agent, 'yes')], NOW)
      last = next.events
      if (last.some(({ type }) => type === 'decided')) break
      state = next.state
    }
    expect(last.map(({ type }) => type)).toEqual(['voted', 'certified', 'decided', 'halted'])
    const torn = fold(state, last.slice(0, kept), NOW)
    const next = run(torn, [{ kind: 'tick', listeningSince: NOW }], NOW)
    expect(next.events).toEqual(last.slice(kept))
    expect(dump(next.state)).toBe(dump(fold(state, last, NOW)))
    expect(run(next.state, [{ kind: 'tick', listeningSince: NOW }], NOW).events).toEqual([])
  },
)

test('a breach after somebody asked to lift its halt is owed, too: nobody lifts what he was not asked about', () => {
  const raising = { ...LARGE, raise: { state: 'halted', scope: 'account' } }
  const RULED = { ...raising, escalate: undefined, to: undefined, forbid: LARGE.escalate }
  const halted = run(ready(programWith([RULED], {}, ['off-lot'])), [child('1', 100)], NOW).state
  const [halt = ''] = halted.ledger.halts.keys()
  const resume = (operator: string): Input => ({ kind: 'resume', halt, operator, reason: 'seen' })
  const asked = run(halted, [resume('operator-1')], NOW).state
  const { events } = run(asked, [child('2', 100)], NOW)
  expect(events.map(({ type }) => type)).toEqual(['decided', 'halted'])
  const torn = run(fold(asked, events.slice(0, 1), NOW), [resume('operator-2')], NOW).state
  expect(torn.ledger.halts.size).toBe(1)
  expect(run(torn, [resume('operator-1')], NOW).state.ledger.halts.size).toBe(0)
})
