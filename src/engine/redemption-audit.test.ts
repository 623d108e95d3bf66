/** The audit of redemptions finds what was sent in spite of what was known, and what nobody had allowed. */
import { describe, expect, test } from 'vitest'
import { ask, idAt, NOW, PROGRAM, QUIET, request, run } from '../../test/support/engine.ts'
import type { Event } from '../protocol/event.ts'
import { permitId } from './permits.ts'
import { RedemptionAudit } from './redemption-audit.ts'
import { EMPTY_STATE } from './state.ts'
import { decisionId } from './memory.ts'
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
const registered: Event = {
  schema: 1,
  type: 'registered',
  registration: { agent: 'alpha', role: 'trader', strategies: [] },
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
