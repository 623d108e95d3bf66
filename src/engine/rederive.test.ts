/** A recorded verdict is derived again from its record, and whatever was changed in it is found. */
import { describe, expect, test } from 'vitest'
import { ask, BUY, NOW, PROGRAM, programWith, ready, request, run } from '../../test/support/engine.ts'
import type { Program } from '../constitution/compile.ts'
import type { ActionRequest } from '../protocol/action.ts'
import type { Decision } from '../protocol/decision.ts'
import { decisionOf } from '../protocol/evidence.ts'
import { decide } from './decide.ts'
import { eventText } from './event-text.ts'
import { rederive } from './rederive.ts'

function decisionOn(of: ActionRequest, program: Program = PROGRAM): Decision {
  const { events } = run(ready(program), [ask(of)], NOW)
  const [event] = events
  if (event?.type !== 'decided') throw new Error('expected a decision')
  // As it is read back from the journal.
  return decisionOf(JSON.parse(eventText(event)) as typeof event)
}

const ESCALATED = programWith([
  {
    id: 'large',
    title: 'Large',
    applies: { actions: ['order', 'replace'] },
    escalate: 'order.value > 10000 USD',
    to: 'desk',
    unless: 'action.reducing',
  },
])
const BARE = programWith([
  {
    id: 'cap',
    title: 'Cap',
    applies: { actions: ['order', 'replace'] },
    forbid: 'order.value > 2% * account.equity',
    unless: 'action.reducing',
  },
])

test('a record of a stale reference comes out the same: its age is there, and no value', () => {
  const { events } = run(ready(), [ask(request())], NOW + 3000)
  const [event] = events
  if (event?.type !== 'decided') throw new Error('expected a decision')
  const decision = decisionOf(JSON.parse(eventText(event)) as typeof event)
  expect(decision.facts['market.reference']).toEqual({ value: null, source: 'median', ageMs: 3700 })
  expect(decision.facts['market.disagreement']).toMatchObject({ value: null })
  expect(rederive(decision, PROGRAM)).toBeUndefined()
})

describe('an honest record comes out the same', () => {
  test.each<[string, string, ActionRequest, Program]>([
    ['allowed', 'allow', request(), PROGRAM],
    ['denied', 'deny', request({ quantity: 5000 }), PROGRAM],
    ['narrowed', 'narrow', request({ quantity: 5000 }, { accept: ['narrow'] }), PROGRAM],
    ['narrowed from a broken lot', 'narrow', request({ quantity: 100.5 }, { accept: ['narrow'] }), PROGRAM],
    [
      'narrowed from a broken lot that no rule is about',
      'narrow',
      request({ quantity: 100.5 }, { accept: ['narrow'] }),
      BARE,
    ],
    ['refused beside the rules', 'deny', request({ limitPrice: 200.005 }), BARE],
    ['refused before the rules', 'deny', request({ instrument: 'MSFT' }), PROGRAM],
    ['rejected for want of a quorum', 'deny', request(), ESCALATED],
    [
      'unknown',
      'deny',
      request({ orderType: 'limit', limitPrice: 200 }, { action: { ...BUY, account: 'main' } }),
      PROGRAM,
    ],
  ])('%s', (_, verdict, of, program) => {
    const decision = decisionOn(of, program)
    if (verdict !== 'deny' || decision.verdict !== 'allow') expect(decision.verdict).toBe(verdict)
    expect(rederive(decision, program)).toBeUndefined()
  })

  test('pending, where somebody can vote', () => {
    const { ledger } = ready(ESCALATED)
    const decision = decisionOf(decide({ ledger, program: ESCALATED, now: NOW }, request(), 'open'))
    expect(decision.verdict).toBe('pending')
    expect(rederive(decision, ESCALATED)).toBeUndefined()
  })
})

describe('a planted change is found', () => {
  const allowed = decisionOn(request())
  const denied = decisionOn(request({ quantity: 5000 }))

  test.each([
    ['order.quantity', 101],
    ['order.limitPrice', 201],
    ['account.equity', 10_000_001],
    ['market.age', 701],
    ['market.volume5min', 400_001],
    ['instrument.adv', 49_999_999],
    ['trading.state', 'reducing'],
    ['agent.id', 'stranger'],
    ['market.reference', null],
    ['instrument.fx', null],
  ])('the fact %s', (name, value) => {
    const reading = allowed.facts[name]
    if (reading === undefined) throw new Error(`${name} was not read`)
    expect(
      rederive({ ...allowed, facts: { ...allowed.facts, [name]: { ...reading, value } } }, PROGRAM),
    ).toMatch(/differently|the action says/)
  })

  test('a fact that is left out', () => {
    const { 'market.reference': _, ...facts } = allowed.facts
    expect(rederive({ ...allowed, facts }, PROGRAM)).toMatch(/differently/)
  })

  test('each field of each finding', () => {
    for (const [index, finding] of denied.findings.entries()) {
      const changes = [
        { result: finding.result === 'clear' ? 'breach' : 'clear' } as const,
        { observed: 42.5 },
        { limit: 42.5 },
        { headroom: 42.5 },
        { unit: 'EUR' },
        { rule: 'another' },
      ]
      for (const change of changes) {
        const findings = denied.findings.with(index, { ...finding, ...change })
        expect(rederive({ ...denied, findings }, PROGRAM)).toMatch(/differently/)
      }
    }
  })

  test('a finding that is left out, or comes in another order', () => {
    expect(rederive({ ...denied, findings: denied.findings.slice(1) }, PROGRAM)).toMatch(/differently/)
    expect(rederive({ ...denied, findings: denied.findings.toReversed() }, PROGRAM)).toMatch(/differently/)
  })

  const verdicts = ['allow', 'narrow', 'deny', 'pending'] as const
  test.each<[string, Decision, Program]>([
    ['allowed', allowed, PROGRAM],
    ['denied', denied, PROGRAM],
    ['narrowed', decisionOn(request({ quantity: 5000 }, { accept: ['narrow'] })), PROGRAM],
    ['refused beside the rules', decisionOn(request({ limitPrice: 200.005 }), BARE), BARE],
    ['refused before them', decisionOn(request({ instrument: 'MSFT' })), PROGRAM],
    ['rejected for want of a quorum', decisionOn(request(), ESCALATED), ESCALATED],
  ])('any other verdict than %s', (_, decision, program) => {
    const others = verdicts.filter((verdict) => verdict !== decision.verdict)
    const found = others.map((verdict) => rederive({ ...decision, verdict }, program))
    expect(found).toEqual(others.map(() => expect.stringContaining('recorded as')))
  })

  test('the request, the constitution, the moment', () => {
    expect(rederive({ ...allowed, request: request({ quantity: 7 }) }, PROGRAM)).toMatch(/digest/)
    expect(rederive(allowed, undefined)).toMatch(/is not kept/)
    expect(rederive({ ...allowed, at: NOW + 86_400_000 * 4 }, PROGRAM)).toMatch(/differently/)
    expect(rederive(allowed, BARE)).toMatch(/differently/)
  })
})
