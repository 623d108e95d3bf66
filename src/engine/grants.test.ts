/** Grants over the real core: what random operators and agents do to them, replayed, and what forged records would say. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  answered,
  ask,
  BUY,
  dump,
  idAt,
  NOW,
  PROGRAM,
  programWith,
  QUIET,
  ready,
  refused,
  request,
  run,
} from '../../test/support/engine.ts'
import { GRANTS_KEPT_MAX, GRANTS_MAX, stateOf } from '../ledger/grants.ts'
import type { Decision } from '../protocol/decision.ts'
import type { Event, TimedEvent } from '../protocol/event.ts'
import { decisionOf } from '../protocol/evidence.ts'
import type { GrantRequest, GrantScope } from '../protocol/grant.ts'
import { eventText } from './event-text.ts'
import { GrantAudit } from './grant-audit.ts'
import { handle } from './handle.ts'
import { rederive } from './rederive.ts'
import { readState, stateLines } from './state-lines.ts'
import { apply, EMPTY_STATE, type State } from './state.ts'
import type { Input } from './step.ts'

const HOUR = 3_600_000
const WORTH = {
  id: 'worth',
  title: 'Worth',
  applies: { actions: ['order', 'replace'] },
  forbid: 'order.value > 10000 USD',
  unless: 'action.reducing',
}
/** Rules that can be granted, and one that cannot. */
const LAW = programWith(
  [
    { ...WORTH, grantable: { upTo: '40000 USD', within: '1h', uses: 3 } },
    {
      id: 'quantity',
      title: 'Quantity',
      applies: { actions: ['order', 'replace'] },
      forbid: 'order.quantity > instrument.lot * 150',
    },
  ],
  {},
  [],
)

const asking = (more: Partial<GrantRequest> = {}): GrantRequest => ({
  rule: 'worth',
  scope: { agent: 'alpha' },
  upTo: 30_000,
  until: NOW + HOUR,
  uses: 2,
  reason: 'test',
  ...more,
})
const grant = (more: Partial<GrantRequest> = {}, by = 'one'): Input => ({
  kind: 'grant',
  request: asking(more),
  by,
})
const approve = (id: string, operator = 'two'): Input => ({
  kind: 'approve',
  grant: id,
  operator,
  reason: 'ok',
})
const revoke = (id: string, operator = 'one'): Input => ({
  kind: 'revoke',
  grant: id,
  operator,
  reason: 'enough',
})
const first = (state: State): string => `g-${state.sequence + 1}`

/** The state with one live grant. */
function live(more: Partial<GrantRequest> = {}, program = LAW): State {
  const before = ready(program)
  return run(before, [grant(more), approve(first(before))], NOW).state
}
const verdictOf = (state: State, change: Parameters<typeof request>[0] = {}, now = NOW) =>
  answered(state, ask(request(change)), now)?.verdict

describe('a scope', () => {
  const strategies = run(
    live({ scope: { strategy: 'twap' } }),
    [
      {
        kind: 'register',
        by: 'one',
        registration: { agent: 'alpha', role: 'trader', strategies: ['momentum', 'twap'] },
      },
    ],
    NOW,
  ).state
  test('of a strategy is that of the order, as it is registered', () => {
    expect(verdictOf(strategies)).toBe('deny')
    expect(verdictOf(strategies, { strategy: 'twap' })).toBe('allow')
    expect(verdictOf(strategies, { strategy: 'momentum' })).toBe('deny')
  })

  test.each<[GrantScope, string]>([
    [{ agent: 'alpha' }, 'allow'],
    [{ account: 'main' }, 'allow'],
    [{ instrument: 'AAPL' }, 'allow'],
    [{ strategy: 'agent:alpha' }, 'allow'],
    [{ agent: 'alpha', account: 'main', instrument: 'AAPL', strategy: 'agent:alpha' }, 'allow'],
    [{ agent: 'hedger' }, 'deny'],
    [{ account: 'other' }, 'deny'],
    [{ instrument: 'MSFT' }, 'deny'],
    [{ strategy: 'twap' }, 'deny'],
    [{ agent: 'alpha', account: 'main', instrument: 'MSFT' }, 'deny'],
  ])('%o: %s', (scope, verdict) => {
    expect(verdictOf(live({ scope }))).toBe(verdict)
  })
})

test('its bound is met and not passed, and so is the rule’s own', () => {
  expect(verdictOf(live({ upTo: 20_000 }))).toBe('allow')
  expect(verdictOf(live({ upTo: 19_999.99 }))).toBe('deny')
  expect(verdictOf(live({ upTo: 40_000 }), { quantity: 150 })).toBe('allow')
  // Another rule is breached, and nobody can be exempted from it.
  expect(verdictOf(live({ upTo: 40_000 }), { quantity: 151 })).toBe('deny')
})

describe('terms', () => {
  const state = ready(LAW)
  test.each<[string, Partial<GrantRequest>, string]>([
    ['beyond what the rule sets to all grants', { upTo: 40_000.01 }, 'GRANT_TOO_WIDE'],
    ['a millisecond too long', { until: NOW + HOUR + 1 }, 'GRANT_TOO_WIDE'],
    ['once too often', { uses: 4 }, 'GRANT_TOO_WIDE'],
    ['for everybody', { scope: {} }, 'GRANT_TOO_WIDE'],
    ['over', { until: NOW }, 'GRANT_EXPIRED'],
    ['of a rule that says nothing', { rule: 'quantity' }, 'RULE_NOT_GRANTABLE'],
    ['of no rule', { rule: 'nothing' }, 'RULE_NOT_GRANTABLE'],
  ])('%s', (_, more, code) => {
    expect(refused(state, grant(more))).toBe(code)
  })

  test('just as wide as the rule allows', () => {
    const [, events] = handle(state, grant({ upTo: 40_000, until: NOW + HOUR, uses: 3 }), NOW)
    expect(events).toMatchObject([{ type: 'grantProposed', by: 'one' }])
  })

  test('of a rule in shadow, which denies nothing', () => {
    const shadow = programWith([{ ...WORTH, grantable: true, mode: 'shadow' }])
    expect(refused(ready(shadow), grant())).toBe('RULE_NOT_GRANTABLE')
  })

  test('a bare `grantable: true` is bounded: twice the limit, four hours, ten uses', () => {
    const bare = programWith([{ ...WORTH, grantable: true }])
    for (const more of [{ upTo: 20_001 }, { until: NOW + 4 * HOUR + 1 }, { uses: 11 }])
      expect(refused(ready(bare), grant(more))).toBe('GRANT_TOO_WIDE')
    expect(verdictOf(live({ upTo: 20_000, until: NOW + 4 * HOUR, uses: 10 }, bare))).toBe('allow')
  })
})

test('nobody is let through on their own word, also when they became an agent later', () => {
  const state = live({ scope: { account: 'main' } })
  const agent = (name: string) => answered(state, ask(request({}, { agent: name })))?.verdict
  expect([agent('alpha'), agent('one'), agent('two')]).toEqual(['allow', 'deny', 'deny'])
})

test('the clock set back brings no grant to life, and keeps nobody from revoking one', () => {
  const state = live()
  const later = run(state, [{ kind: 'beat', agent: 'alpha' }, grant()], NOW + 10).state
  expect(refused(later, grant(), NOW)).toBe('CLOCK_BACKWARDS')
  expect(refused(later, approve('g-1'), NOW)).toBe('CLOCK_BACKWARDS')
  const [id] = [...later.ledger.grants.keys()]
  expect(handle(later, revoke(id ?? ''), NOW - HOUR)[1]).toMatchObject([{ type: 'grantRevoked' }])
})

test('what is kept is bounded; the oldest that is over goes first, and none that is open', () => {
  let state = ready(LAW)
  const open = first(state)
  state = run(state, [grant()], NOW).state
  for (let index = 0; index < GRANTS_KEPT_MAX + 50; index++) {
    const id = first(state)
    state = run(state, [grant(), revoke(id)], NOW).state
  }
  expect(state.ledger.grants.size).toBe(GRANTS_KEPT_MAX)
  expect(state.ledger.grants.has(open)).toBe(true)
  for (let index = 1; index < GRANTS_MAX; index++) state = run(state, [grant()], NOW).state
  expect(refused(state, grant())).toBe('LIMIT_REACHED')
  expect(state.ledger.grants.size).toBe(GRANTS_KEPT_MAX)
})

/** What operators, agents and time do. */
type Move =
  | {
      readonly do: 'propose'
      readonly uses: number
      readonly lasts: number
      readonly upTo: number
      readonly by: string
    }
  | { readonly do: 'approve' | 'revoke'; readonly which: number; readonly by: string }
  | { readonly do: 'order'; readonly quantity: number; readonly agent: string }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'activate'; readonly other: boolean }
const operator = fc.constantFrom('one', 'two', 'three')
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('propose' as const),
      uses: fc.integer({ min: 1, max: 3 }),
      lasts: fc.constantFrom(5, 50, 500, HOUR),
      upTo: fc.constantFrom(15_000, 22_000, 40_000),
      by: operator,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('approve' as const), which: fc.nat(2), by: operator }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('revoke' as const), which: fc.nat(9), by: operator }) },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('order' as const),
      quantity: fc.constantFrom(40, 60, 75, 100, 110, 160),
      agent: fc.constantFrom('alpha', 'alpha', 'alpha', 'hedger', 'one'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 10, 100) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('activate' as const), other: fc.boolean() }) },
)
const OTHER = programWith([{ ...WORTH, grantable: { upTo: '40000 USD', within: '1h', uses: 3 } }], {
  name: 'other',
})

function inputOf(one: Move, state: State, now: number, step: number): Input | undefined {
  const ids = [...state.ledger.grants.keys()]
  switch (one.do) {
    case 'propose': {
      const { uses, lasts, upTo, by } = one
      return grant({ uses, upTo, until: now + lasts }, by)
    }
    case 'approve':
    case 'revoke': {
      const id = ids.at(-1 - one.which)
      return id === undefined ? undefined : { kind: one.do, grant: id, operator: one.by, reason: 'test' }
    }
    case 'order': {
      const { agent, quantity } = one
      const action = { ...BUY, quantity }
      return ask({
        id: idAt(
          now,
          step
            .toString(32)
            .toUpperCase()
            .replaceAll(/[ILOU]/g, 'Z'),
        ),
        agent,
        action,
        accept: step % 2 === 0 ? [] : ['narrow'],
      })
    }
    case 'activate':
      return { kind: 'activate', program: one.other ? OTHER : LAW, by: 'author' }
    case 'wait':
      return undefined
  }
}

const programOf = (hash: string) =>
  [LAW, OTHER, PROGRAM].find(({ constitution }) => constitution.hash === hash)

test('whatever operators and agents do: uses are never exceeded, every use is covered, and a replay comes to the same', () => {
  let used = 0
  let narrowed = 0
  fc.assert(
    fc.property(fc.array(move, { minLength: 10, maxLength: 60 }), (moves) => {
      let state = EMPTY_STATE
      let now = NOW
      const journal: TimedEvent[] = []
      const audit = new GrantAudit()
      const take = (input: Input): void => {
        const [next, events] = handle(state, input, now)
        state = next
        for (const event of events) {
          const recorded = JSON.parse(eventText(event)) as Event
          journal.push({ at: now, event: recorded })
          expect(audit.take({ at: now, event: recorded })).toBeUndefined()
          if (event.type !== 'decided') continue
          const program = programOf(event.decision.constitution)
          const decision = decisionOf(recorded as typeof event)
          expect(rederive(decision, program)).toBeUndefined()
          const worth = decision.findings.find(({ rule }) => rule === 'worth')
          const passed = decision.verdict === 'allow' || decision.verdict === 'narrow'
          // The law in one line: a breach passes exactly where a grant was used.
          expect(passed && worth?.result === 'breach').toBe(decision.grants !== undefined)
          used += decision.grants?.length ?? 0
          if (decision.verdict === 'narrow') narrowed += decision.grants?.length ?? 0
        }
        for (const each of state.ledger.grants.values())
          expect(each.used).toBeLessThanOrEqual(each.terms.uses)
      }
      take({ kind: 'activate', program: LAW, by: 'author' })
      take({ kind: 'observations', observations: QUIET, feeder: 'feed' })
      for (const [step, one] of moves.entries()) {
        if (one.do === 'wait') now += one.ms
        const input = inputOf(one, state, now, step)
        if (input !== undefined) take(input)
      }
      const replayed = journal.reduce((before, timed) => apply(before, timed, programOf), EMPTY_STATE)
      expect(dump(replayed)).toBe(dump(state))
      expect(dump(readState(stateLines(state), programOf))).toBe(dump(state))
    }),
    { numRuns: 200 },
  )
  expect(used).toBeGreaterThan(30)
  expect(narrowed).toBeGreaterThan(3)
})

describe('a forged record is found', () => {
  const before = live()
  const { events } = run(before, [ask(request())], NOW)
  const [event] = events
  if (event?.type !== 'decided') throw new Error('expected a decision')
  const honest = decisionOf(JSON.parse(eventText(event)) as typeof event)
  const [use] = honest.grants ?? []
  if (use === undefined) throw new Error('expected a use')
  const { grants: _, ...bare } = honest

  test('and an honest one is not', () => {
    expect(rederive(honest, LAW)).toBeUndefined()
    expect(honest).toMatchObject({ verdict: 'allow', reasons: [], grants: [{ grant: 'g-8' }] })
  })

  test.each<[string, Decision, RegExp]>([
    ['no grant named', bare, /recorded as allow and derived as deny/],
    ['a bound below what was observed', { ...honest, grants: [{ ...use, upTo: 19_000 }] }, /grants/],
    ['another rule', { ...honest, grants: [{ ...use, rule: 'quantity' }] }, /grants/],
    ['other figures', { ...honest, grants: [{ ...use, observed: 10_001 }] }, /grants/],
    ['one grant too many', { ...honest, grants: [use, { ...use, grant: 'g-9' }] }, /grants/],
    ['denied all the same', { ...honest, verdict: 'deny' }, /denied, and a grant was used/],
  ])('%s', (_name, forged, problem) => {
    expect(rederive(forged, LAW)).toMatch(problem)
  })

  test.each<[string, readonly Input[], RegExp]>([
    ['never proposed', [], /no such grant/],
    ['never approved', [grant()], /was proposed/],
    ['revoked', [grant(), approve('g-8'), revoke('g-8')], /was revoked/],
    ['used up', [grant({ uses: 1 }), approve('g-8'), ask(request({}, { id: idAt(NOW, '9') }))], /was used/],
    ['over', [grant({ until: NOW + 1 }), approve('g-8')], /was expired/],
    ['for another agent', [grant({ scope: { agent: 'hedger' } }), approve('g-8')], /out of its scope/],
    [
      'for another instrument',
      [grant({ scope: { instrument: 'MSFT' } }), approve('g-8')],
      /out of its scope/,
    ],
    ['narrower', [grant({ upTo: 25_000 }), approve('g-8')], /for worth up to 25000/],
    [
      'of another constitution',
      [grant(), approve('g-8'), { kind: 'activate', program: OTHER, by: 'a' }],
      /was superseded/,
    ],
  ])('a use of a grant that is %s', (_name, inputs, problem) => {
    const audit = new GrantAudit()
    const start = ready(LAW)
    expect(first(start)).toBe('g-8')
    const activated: Event = {
      schema: 1,
      type: 'activated',
      constitution: LAW.constitution.hash,
      name: 'law',
      version: '1.0.0',
      by: 'author',
      engine: '0',
    }
    audit.take({ at: NOW, event: activated })
    for (const each of run(start, inputs, NOW).events)
      expect(audit.take({ at: NOW, event: each })).toBeUndefined()
    const late = { ...event, decision: { ...event.decision, at: NOW + 1 } }
    expect(audit.take({ at: NOW + 1, event: late })).toMatch(problem)
  })

  test('an approval by who proposed it', () => {
    const audit = new GrantAudit()
    for (const each of run(ready(LAW), [grant()], NOW).events) audit.take({ at: NOW, event: each })
    expect(
      audit.take({
        at: NOW,
        event: { schema: 1, type: 'grantApproved', grant: 'g-8', by: 'one', reason: 'mine' },
      }),
    ).toMatch(/`one` approved `g-8`, and proposed it/)
  })
})

test('a grant that ended shows how, and when it stands in several ways the last word counts', () => {
  const state = live({ uses: 1 })
  const used = run(state, [ask(request())], NOW).state
  const of = (from: State, now: number) => [...from.ledger.grants.values()].map((each) => stateOf(each, now))
  expect(of(state, NOW)).toEqual(['live'])
  expect(of(state, NOW + HOUR)).toEqual(['expired'])
  expect(of(used, NOW)).toEqual(['used'])
  expect(of(run(used, [revoke('g-8')], NOW).state, NOW)).toEqual(['revoked'])
  expect(of(run(state, [{ kind: 'activate', program: OTHER, by: 'a' }], NOW).state, NOW)).toEqual([
    'superseded',
  ])
})

test('a grant on a rule by the name of what the engine refuses lets no broken lot through', () => {
  const law = programWith(
    [{ ...WORTH, id: 'off-lot', grantable: { upTo: '40000 USD', within: '1h', uses: 3 } }],
    {},
    [],
  )
  const state = live({ rule: 'off-lot' }, law)
  expect(verdictOf(state, { quantity: 100 })).toBe('allow')
  const broken = answered(state, ask(request({ quantity: 100.5 })), NOW)
  expect(broken?.verdict).toBe('deny')
  expect(broken?.reasons.map(({ code }) => code)).toContain('OFF_LOT')
})
