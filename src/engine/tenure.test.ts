/** Inputs of other sidecars are taken once, with what their sender is told on record, and epochs only rise. */
import { expect, test } from 'vitest'
import { Event } from '../protocol/event.ts'
import { ask, NOW, ready, request } from '../../test/support/engine.ts'
import { handle } from './handle.ts'
import { apply, type State } from './state.ts'
import { handleDelivered } from './tenure.ts'

const beat = { kind: 'beat', agent: 'alpha' } as const

test('a verdict is told by its record, which comes first', () => {
  const before = ready()
  const [state, events, [effect]] = handleDelivered(
    before,
    { lane: 'inbox', entry: '5-0', input: ask(request()) },
    NOW,
  )
  expect(events.map(({ type }) => type)).toEqual(['decided', 'taken'])
  expect(events.at(-1)).toMatchObject({
    lane: 'inbox',
    entry: '5-0',
    effect: { kind: 'answer', sequence: before.sequence + 1 },
  })
  expect(effect?.kind).toBe('answer')
  expect(state.tenure.taken).toEqual({ inbox: '5-0', critical: '0-0', halts: '0-0' })
})

test('an entry that is delivered again changes nothing; the lanes are apart', () => {
  const [once] = handleDelivered(ready(), { lane: 'inbox', entry: '5-1', input: beat }, NOW)
  for (const entry of ['5-1', '5-0', '4-9'])
    expect(handleDelivered(once, { lane: 'inbox', entry, input: beat }, NOW)).toEqual([once, [], []])
  const [, other] = handleDelivered(once, { lane: 'halts', entry: '4-9', input: beat }, NOW)
  expect(other).toHaveLength(1)
})

test('the same action in two entries has one verdict, told twice', () => {
  const input = ask(request())
  const [once] = handleDelivered(ready(), { lane: 'inbox', entry: '5-0', input }, NOW)
  const [, events] = handleDelivered(once, { lane: 'inbox', entry: '6-0', input }, NOW)
  expect(events).toMatchObject([{ type: 'taken', effect: { kind: 'recall', sequence: once.sequence - 1 } }])
})

test('a refusal is on record, for its sender waits for it', () => {
  const [state, events] = handleDelivered(ready(), { lane: 'inbox', entry: '5-0', input: undefined }, NOW)
  expect(events).toMatchObject([{ type: 'taken', effect: { kind: 'refuse', code: 'BODY_INVALID' } }])
  const [, others] = handleDelivered(state, { lane: 'inbox', entry: '6-0', input: beat }, NOW)
  expect(others).toMatchObject([{ effect: { kind: 'refuse', code: 'AGENT_UNKNOWN' } }])
})

test('what is recorded reads back as it was, and folds to the same state', () => {
  const before = ready()
  const [state, events] = handleDelivered(before, { lane: 'inbox', entry: '5-0', input: ask(request()) }, NOW)
  const [promoted, more] = handle(state, { kind: 'promote', epoch: 3, by: 'ada' }, NOW)
  const read = [...events, ...more].map((event) => Event.parse(JSON.parse(JSON.stringify(event))))
  const folded = read.reduce<State>(
    (next, event) => apply(next, { at: NOW, event }, () => before.program),
    before,
  )
  expect(folded.tenure).toEqual(promoted.tenure)
  expect(folded.sequence).toBe(promoted.sequence)
  expect(promoted.tenure).toMatchObject({ epoch: 3, home: 'ada', since: promoted.sequence })
})

test('a promotion is the first that a home records: what is over by then goes with its next input', () => {
  const [state] = handle(ready(), ask(request()), NOW)
  const later = NOW + 3_600_000
  const [promoted, events] = handle(state, { kind: 'promote', epoch: 3, by: 'ada' }, later)
  expect(events.map(({ type }) => type)).toEqual(['promoted'])
  expect(promoted.tenure.since).toBe(state.sequence + 1)
  const [, next] = handle(promoted, { kind: 'tick', listeningSince: 0 }, later)
  expect(next.map(({ type }) => type)).toContain('lapsed')
})

test('an epoch that was used is a defect', () => {
  const [state] = handle(ready(), { kind: 'promote', epoch: 3, by: 'ada' }, NOW)
  expect(() => handle(state, { kind: 'promote', epoch: 3, by: 'bea' }, NOW)).toThrow('invariant')
})
