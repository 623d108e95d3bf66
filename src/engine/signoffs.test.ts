/** Two people sign off one exact transfer, and it is sent once; nothing else moves, and no rule is lifted. */
import { describe, expect, test } from 'vitest'
import {
  ask,
  dump,
  idAt,
  LIQUID,
  NOW,
  PROGRAM,
  programWith,
  QUIET,
  ready,
  request,
  run,
} from '../../test/support/engine.ts'
import type { Action } from '../protocol/action.ts'
import type { Event } from '../protocol/event.ts'
import type { Observation } from '../protocol/observation.ts'
import { apply, type State } from './state.ts'
import { SignoffAudit } from './signoff-audit.ts'
import { readState, stateLines } from './state-lines.ts'
import { permitId } from './permits.ts'
import type { Input } from './step.ts'

const HOUR = 3_600_000
type Transfer = Extract<Action, { type: 'transfer' }>
const TRANSFER: Transfer = {
  type: 'transfer',
  account: 'main',
  asset: 'USD',
  amount: 250_000,
  destination: 'bank-nyc-1',
}
const signing = (by: string, change: Partial<Transfer> = {}, more: object = {}): Input => ({
  kind: 'signoff',
  by,
  request: {
    agent: 'alpha',
    action: { ...TRANSFER, ...change },
    until: NOW + HOUR,
    reason: 'payroll',
    ...more,
  },
})
const register = (agent: string): Input => ({
  kind: 'register',
  registration: { agent, role: 'trader', strategies: [] },
  by: 'operator-1',
})
let serial = 0
function sending(state: State, change: Partial<Transfer> = {}, now = NOW, agent = 'alpha') {
  const id = idAt(now, `${(serial += 1)}`)
  const input = ask(request({}, { id, agent, action: { ...TRANSFER, ...change } }))
  const { state: next, effects, events } = run(state, [input], now)
  const [effect] = effects
  if (effect?.kind !== 'answer') throw new Error(JSON.stringify(effect))
  const { decision, verdict, reasons } = effect.decision
  return { state: next, events, decision, verdict, codes: reasons.map(({ code }) => code) }
}
const freshAt = (at: number): Input => ({
  kind: 'observations',
  observations: QUIET.flatMap((one): Observation[] => (one.kind === 'account' ? [{ ...one, at }] : [])),
  feeder: null,
})
const begun = run(ready(), [freshAt(NOW)], NOW).state
const one = run(begun, [signing('operator-1')], NOW)
const two = run(one.state, [signing('operator-2')], NOW)

describe('a transfer', () => {
  test('is denied unless two different people signed it off', () => {
    expect(sending(begun).codes).toEqual(['TRANSFER_APPROVERS'])
    expect(sending(one.state).codes).toEqual(['TRANSFER_APPROVERS'])
    const same = run(one.state, [signing('operator-1')], NOW).state
    expect(sending(same).codes).toEqual(['TRANSFER_APPROVERS'])
    expect(sending(two.state)).toMatchObject({ verdict: 'allow', codes: [] })
  })

  test('is sent once by what was signed off once', () => {
    const sent = sending(two.state)
    expect(sending(sent.state).codes).toContain('TRANSFER_APPROVERS')
    expect([...sent.state.ledger.signoffs.values()].map(({ usedBy }) => usedBy)).toEqual([
      sent.decision,
      sent.decision,
    ])
  })

  test('of what is held is no order that can be replaced by a larger one', () => {
    const liquid = run(ready(PROGRAM, LIQUID), [], NOW).state
    const shares = { asset: 'AAPL', amount: 10 }
    const signed = run(liquid, [signing('operator-1', shares), signing('operator-2', shares)], NOW).state
    const away = sending(signed, shares)
    expect(away.verdict).toBe('allow')
    const action = {
      type: 'replace',
      account: 'main',
      instrument: 'AAPL',
      order: away.decision,
      quantity: 1_000,
    } as const
    const input = ask(request({}, { id: idAt(NOW, `${(serial += 1)}`), action }))
    const [effect] = run(away.state, [input], NOW).effects
    expect(effect?.kind === 'answer' && effect.decision.reasons.map(({ code }) => code)).toEqual([
      'ORDER_UNKNOWN',
    ])
  })

  test.each<[string, Partial<Transfer>]>([
    ['amount', { amount: 249_999 }],
    ['asset', { asset: 'EUR' }],
    ['destination', { destination: 'wallet-cold-2' }],
    ['account', { account: 'other' }],
  ])('of another %s is another', (_, change) => {
    expect(sending(two.state, change).verdict).toBe('deny')
    expect(sending(two.state, { ...change }).state.ledger.signoffs).toBe(two.state.ledger.signoffs)
  })

  test('of another agent is another', () => {
    const theirs = run(two.state, [register('hedger'), { kind: 'beat', agent: 'hedger' }], NOW).state
    expect(sending(theirs, {}, NOW, 'hedger').codes).toEqual(['TRANSFER_APPROVERS'])
  })

  test('is under every other rule all the same', () => {
    const away = { destination: '0xabc' }
    const signed = run(begun, [signing('operator-1', away), signing('operator-2', away)], NOW).state
    expect(sending(signed, away).codes).toContain('DESTINATION_UNLISTED')
    const much = { amount: 250_001 }
    const large = run(begun, [signing('operator-1', much), signing('operator-2', much)], NOW).state
    expect(sending(large, much).codes).toEqual(['TRANSFER_CAP'])
  })

  test('is not signed off for ever, nor under another constitution, nor by who is an agent by then', () => {
    const later = run(two.state, [freshAt(NOW + HOUR)], NOW + HOUR).state
    expect(sending(later, {}, NOW + HOUR).codes).toEqual(['TRANSFER_APPROVERS'])
    const other = programWith(
      [],
      { version: '9.9.9' },
      PROGRAM.constitution.rules.map(({ id }) => id),
    )
    const changed = run(two.state, [{ kind: 'activate', program: other, by: 'author' }], NOW).state
    expect(sending(changed).codes).toEqual(['TRANSFER_APPROVERS'])
    // Nor does it come back with the old one.
    const back = run(changed, [{ kind: 'activate', program: PROGRAM, by: 'author' }], NOW).state
    expect(sending(back).codes).toEqual(['TRANSFER_APPROVERS'])
    expect(sending(run(two.state, [register('operator-2')], NOW).state).codes).toEqual(['TRANSFER_APPROVERS'])
  })
})

const fresh2 = (input: Input, at: number) => run(two.state, [input], at).effects[0]

describe('a sign-off', () => {
  test.each<[string, Input, string]>([
    ['by who is to send it', signing('alpha'), 'SIGNOFF_BY_AGENT'],
    ['that is over already', signing('operator-1', {}, { until: NOW }), 'SIGNOFF_UNTIL'],
    ['for more than a day', signing('operator-1', {}, { until: NOW + 24 * HOUR + 1 }), 'SIGNOFF_UNTIL'],
    [
      'that is not known, taken back',
      { kind: 'unsign', signoff: 's-0', operator: 'operator-1', reason: 'x' },
      'SIGNOFF_UNKNOWN',
    ],
  ])('%s, is refused', (_, input, code) => {
    expect(fresh2(input, NOW)).toMatchObject({ kind: 'refuse', code })
  })

  test('by a registered agent is refused', () => {
    const state = run(begun, [register('beta')], NOW).state
    expect(run(state, [signing('beta')], NOW).effects[0]).toMatchObject({ code: 'SIGNOFF_BY_AGENT' })
  })

  test('that is taken back counts no more, and holds back what it let through', () => {
    const id = [...two.state.ledger.signoffs.keys()][0] ?? ''
    const back: Input = { kind: 'unsign', signoff: id, operator: 'operator-3', reason: 'wrong month' }
    expect(sending(run(two.state, [back], NOW).state).codes).toEqual(['TRANSFER_APPROVERS'])
    const sent = sending(two.state)
    const held = run(
      sent.state,
      [back, { kind: 'redeem', permit: permitId(sent.decision), agent: 'alpha' }],
      NOW,
    )
    expect(held.effects[1]).toMatchObject({ kind: 'refuse', code: 'SIGNOFF_ENDED' })
    expect(run(held.state, [back], NOW).effects[0]).toMatchObject({ kind: 'refuse', code: 'SIGNOFF_ENDED' })
  })
})

test('the journal says the same again, and the audit finds what it does not say', () => {
  const sent = sending(two.state)
  const events = [...one.events, ...two.events, ...sent.events].map(
    (event) => JSON.parse(JSON.stringify(event)) as Event,
  )
  const folded = events.reduce((state, event) => apply(state, { at: NOW, event }, () => PROGRAM), begun)
  expect(dump(folded)).toBe(dump(sent.state))
  expect(dump(readState(stateLines(sent.state), () => PROGRAM))).toBe(dump(sent.state))
  const audited = (told: readonly Event[]): (string | undefined)[] => {
    const audit = new SignoffAudit()
    return told.map((event) => audit.take({ at: NOW, event })).filter((problem) => problem !== undefined)
  }
  expect(audited(events)).toEqual([])
  expect(audited(events.slice(1))).toEqual(['2 signed it off by its record, and 1 by the journal'])
})
