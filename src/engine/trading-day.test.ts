/** Windows by the trading day, through the core: over a weekend, over a restart, and where a constitution comes into force in between. */
import { expect, test } from 'vitest'
import { ask, BUY, idAt, programOfFacts, ready, request, run } from '../../test/support/engine.ts'
import { readState, stateLines } from './state-lines.ts'
import type { State } from './state.ts'
import { measure } from '../ledger/measure.ts'
import { subjectOf } from '../ledger/subject.ts'

const COUNTED = {
  'agent.sent1d': { type: 'count', count: 'messages', by: ['agent.id'], window: 'day', calendar: 'hours' },
}
const RULE = {
  id: 'much',
  title: 'x',
  applies: { actions: ['order', 'replace'] },
  forbid: 'agent.sent1d >= 100',
  unless: 'action.reducing',
}
const program = programOfFacts(COUNTED, [RULE])
/** Its tables are the shipped ones: stocks open at 04:00 in New York, which is 09:00 UTC. */
const FRIDAY = Date.parse('2026-12-04T20:00:00Z')
const MONDAY = Date.parse('2026-12-07T09:00:00Z')

let serial = 0
const sending = (state: State, at: number): State =>
  run(state, [ask(request({}, { id: idAt(at, `${(serial += 1)}`) }))], at).state
const counted = ({ ledger }: State, at: number, of = program): unknown =>
  measure(ledger, subjectOf(ledger, 'alpha', BUY), of.constitution, at)('agent.sent1d')?.value

test('Friday’s count goes on until Monday’s opening, and a restart changes nothing', () => {
  const friday = sending(sending(ready(program), FRIDAY), FRIDAY + 5_000)
  const sunday = sending(friday, MONDAY - 20 * 3_600_000)
  const again = readState(stateLines(sunday), () => program)
  for (const state of [sunday, again])
    expect([MONDAY - 1, MONDAY].map((at) => counted(state, at))).toEqual([3, 0])
  expect(counted(sending(again, MONDAY), MONDAY + 1)).toBe(1)
})

test('what a constitution finds when it comes into force is whole, or not known before the next opening', () => {
  const other = programOfFacts(COUNTED, [{ ...RULE, title: 'y', forbid: 'agent.sent1d >= 99' }])
  const unknowing = ready(programOfFacts({}, [{ ...RULE, forbid: 'order.quantity > 1000 * instrument.lot' }]))
  const put = (state: State, at: number): State =>
    run(state, [{ kind: 'activate', program: other, by: 'author' }], at).state
  const few = put(sending(unknowing, FRIDAY), MONDAY - 2)
  expect(counted(few, MONDAY - 1, other)).toBe(1)
  // So many that the first are forgotten by Sunday: how many there were on Friday nobody can say.
  const many = Array.from({ length: 70 }).reduce<State>((state) => sending(state, FRIDAY), unknowing)
  const late = put(sending(many, MONDAY - 20 * 3_600_000), MONDAY - 2)
  expect([counted(late, MONDAY - 1, other), counted(late, MONDAY, other)]).toEqual([undefined, 0])
})
