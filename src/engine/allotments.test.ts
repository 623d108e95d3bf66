/** Reductions that are set aside beforehand: who may have them, where they are used, and by whose word they come free. */
import { describe, expect, test } from 'vitest'
import {
  allotting,
  askAside,
  decisionOf,
  HERE,
  LIFE,
  redeemAside,
  tellOf,
  THERE,
} from '../../test/support/allotments.ts'
import {
  answered,
  ask,
  BUY,
  HALT,
  idAt,
  NOW,
  programWith,
  QUIET,
  ready,
  refused,
  request,
  run,
} from '../../test/support/engine.ts'
import { beatOf, LARGE, NAMES, ONLY_ORDERS, registrationOf } from '../../test/support/quorum.ts'
import { AllotmentAudit } from './allotment-audit.ts'
import { permitId } from './permits.ts'
import type { Event } from '../protocol/event.ts'
import type { Order } from '../protocol/action.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

const D = decisionOf()
const sell = (quantity: number, tail: string, change: Partial<Order> = {}): Input =>
  ask(request({ side: 'sell', quantity, limitPrice: 200.5, ...change }, { id: idAt(NOW, tail) }))
const on = run(ready(), [allotting()], NOW)
/** 1,000 held, and 400 of them set aside to be sold through `HERE`. */
const aside = run(on.state, [askAside(400)], NOW)
const selling = ({ ledger }: State): number => ledger.exposures.get('main')?.get(BUY.instrument)?.sell ?? 0
const kinds = (events: readonly Event[]): string[] => events.map(({ type }) => type)
const LATER = NOW + 24 * 3_600_000
const beat: Input = { kind: 'tick', listeningSince: LATER }
const giveBack = (through = HERE, by = 'alpha'): Input => ({
  kind: 'return',
  permit: permitId(D),
  by,
  through,
})
const writeOff = (to = 'here'): Input => ({
  kind: 'return',
  permit: permitId(D),
  by: 'operator-1',
  gone: { to, reason: 'the host burnt' },
  through: THERE,
})

describe('what is set aside', () => {
  test('is judged and reserved like an order, for one sidecar, for as long as the policy says', () => {
    const decision = answered(on.state, askAside(400))
    expect(decision).toMatchObject({ verdict: 'allow', reducing: true, allotted: HERE, expires: NOW + LIFE })
    expect(selling(aside.state)).toBe(400)
    // What is left reduces; one lot more does not.
    expect(answered(aside.state, sell(600, '2'))?.reducing).toBe(true)
    expect(answered(aside.state, sell(601, '2'))?.reducing).toBe(false)
  })

  test('is not set aside where the policy does not say so, or does not any more', () => {
    expect(refused(ready(), askAside(400))).toBe('ALLOTMENT_OFF')
    const off = run(aside.state, [allotting(null)], NOW).state
    expect(refused(off, askAside(100, { tail: '2' }))).toBe('ALLOTMENT_OFF')
    expect(refused(off, redeemAside())).toBe('ALLOTMENT_OFF')
  })

  test.each<[string, Input]>([
    ['by a sidecar that is by itself', { ...askAside(400), through: undefined } as unknown as Input],
    ['as a child', askAside(400, { order: { parent: { id: 'p', quantity: 400 } } })],
    ['as one of a basket', askAside(400, { order: { basket: { id: 'b', value: 1_000_000 } } })],
    ['to be sent in slices', askAside(400, { order: { execution: { horizonMs: 60_000, urgency: 1 } } })],
    ['with an approval', askAside(400, { more: { approval: 'q-1' } })],
    ['to be narrowed', askAside(400, { more: { accept: ['narrow'] } })],
    [
      'unless it is an order',
      askAside(400, { more: { action: { type: 'cancel', account: 'main', instrument: 'AAPL', order: D } } }),
    ],
  ])('is not set aside %s', (_, input) => {
    expect(refused(on.state, input)).toBe('ALLOTMENT_UNFIT')
  })

  test('certainly reduces, or is denied', () => {
    const buy = answered(on.state, askAside(10, { order: { side: 'buy' } }))
    expect(buy?.reasons.map(({ code }) => code)).toContain('ALLOTMENT_UNCERTAIN')
    expect([buy?.verdict, buy?.expires, buy?.allotted]).toEqual(['deny', null, undefined])
    // One lot more than is held is short; and of a position that nobody reported nothing is certain.
    expect(answered(on.state, askAside(1_001))?.verdict).toBe('deny')
    const bare = ready(
      undefined,
      QUIET.filter(({ kind }) => kind !== 'portfolio'),
    )
    expect(answered(run(bare, [allotting()], NOW).state, askAside(1))?.verdict).toBe('deny')
  })

  test('passes every rule, or is denied', () => {
    const halted = run(on.state, [HALT], NOW).state
    expect(answered(halted, askAside(400))?.reasons.map(({ code }) => code)).toContain('HALTED')
  })

  test('is not put to the vote, and rests on no grant', () => {
    const large = {
      id: 'large',
      title: 'Large',
      applies: LARGE.applies,
      to: LARGE.to,
      escalate: "order.side == 'sell'",
    }
    const voting: Input[] = [
      { kind: 'quorate', policies: ONLY_ORDERS, by: 'author' },
      ...NAMES.map((name) => registrationOf(name)),
      ...NAMES.map(beatOf),
      allotting(),
    ]
    const escalated = run(ready(programWith([large])), voting, NOW).state
    expect(answered(escalated, sell(400, '2'))?.verdict).not.toBe('allow')
    expect(answered(escalated, askAside(400))?.reasons.map(({ code }) => code)).toContain(
      'QUORUM_UNAVAILABLE',
    )
    const program = programWith([
      {
        id: 'cap',
        title: 'Cap',
        applies: { actions: ['order', 'replace'] },
        forbid: 'order.quantity > 100 * instrument.lot',
        grantable: true,
      },
      {
        id: 'asks',
        title: 'Asks whether it reduces',
        applies: { actions: ['order', 'replace'] },
        forbid: "not action.reducing and order.side == 'sell'",
      },
    ])
    const before = run(ready(program), [allotting()], NOW).state
    const terms = { rule: 'cap', scope: { agent: 'alpha' }, upTo: 200, until: NOW + 1000, uses: 2 }
    const granted = run(
      before,
      [
        { kind: 'grant', request: { ...terms, reason: 'test' }, by: 'one' },
        { kind: 'approve', grant: `g-${before.sequence + 1}`, operator: 'two', reason: 'test' },
      ],
      NOW,
    ).state
    expect(answered(granted, sell(150, '2'))).toMatchObject({ verdict: 'allow', reducing: true })
    const denied = answered(granted, askAside(150))
    expect([denied?.verdict, denied?.reasons.map(({ code }) => code)]).toEqual([
      'deny',
      ['CAP', 'ALLOTMENT_UNCERTAIN'],
    ])
  })

  test('is bounded for each agent, in what is open', () => {
    const few = run(ready(), [allotting({ life: LIFE, perAgent: 2 })], NOW).state
    const two = run(few, [askAside(10), askAside(20, { tail: '2' })], NOW).state
    expect(refused(two, askAside(30, { tail: '3' }))).toBe('AGENT_LIMIT_REACHED')
    expect(answered(two, askAside(30, { tail: '3', more: { agent: 'beta' } }))).toBeDefined()
    const one = run(two, [giveBack()], NOW).state
    expect(answered(one, askAside(30, { tail: '3' }))?.verdict).toBe('allow')
  })

  test('has one verdict for one id, and none beside the same order that is not set aside', () => {
    const { effects } = run(aside.state, [askAside(400, { through: THERE })], NOW)
    expect(effects).toMatchObject([{ kind: 'recall' }])
    expect(refused(aside.state, sell(400, '1', { limitPrice: 200 }))).toBe('ID_CONFLICT')
  })

  test('is not replaced, before it was sent or after', () => {
    const replace: Input = ask({
      ...request({}, { id: idAt(NOW, '9') }),
      action: { type: 'replace', account: 'main', instrument: 'AAPL', order: D, quantity: 100 },
    })
    expect(refused(aside.state, replace)).toBe('ALLOTMENT_UNFIT')
    const sent = run(aside.state, [redeemAside()], NOW).state
    expect(refused(sent, replace)).toBe('ALLOTMENT_UNFIT')
  })
})

describe('it is redeemed', () => {
  test('at its own sidecar, by its agent, once', () => {
    for (const through of [undefined, THERE, { ...HERE, book: 'book-3' }])
      expect(refused(aside.state, { ...redeemAside(), through } as Input)).toBe('ALLOTMENT_ELSEWHERE')
    expect(refused(aside.state, redeemAside(HERE, '1', 'beta'))).toBe('PERMIT_UNKNOWN')
    const { state, events } = run(aside.state, [redeemAside()], NOW + LIFE - 1)
    expect(events).toMatchObject([{ type: 'redeemed', decision: D, allotted: HERE }])
    expect(refused(state, redeemAside(), NOW + LIFE - 1)).toBe('PERMIT_SPENT')
    expect([selling(state), state.permits.setAside.size]).toEqual([400, 0])
  })

  test('not once it is over, under a halt, for who was retired, nor under another constitution', () => {
    expect(refused(aside.state, redeemAside(), NOW + LIFE)).toBe('PERMIT_SPENT')
    expect(refused(run(aside.state, [HALT], NOW).state, redeemAside())).toBe('HALTED_SINCE')
    const known = run(
      on.state,
      [
        { kind: 'register', registration: { agent: 'alpha', role: 'trader', strategies: [] }, by: 'op' },
        askAside(400),
      ],
      NOW,
    )
    const retired = run(known.state, [{ kind: 'retire', agent: 'alpha', by: 'op', reason: 'x' }], NOW).state
    expect(refused(retired, redeemAside())).toBe('AGENT_UNKNOWN')
    const other = run(
      aside.state,
      [{ kind: 'activate', program: programWith([], {}, ['off-lot']), by: 'author' }],
      NOW,
    ).state
    expect(refused(other, redeemAside())).toBe('CONSTITUTION_CHANGED')
  })
})

describe('it comes free', () => {
  test('by no clock of the home', () => {
    const { state, events } = run(aside.state, [beat, beat], LATER)
    expect(kinds(events)).not.toContain('lapsed')
    expect([selling(state), state.permits.setAside.size]).toEqual([400, 1])
  })

  test('by the word of its own sidecar, once', () => {
    const foreign = run(
      aside.state,
      [tellOf({ unused: [D] }, THERE), tellOf({ unused: [D] }, { ...HERE, book: 'x' })],
      NOW,
    )
    expect([kinds(foreign.events), selling(foreign.state)]).toEqual([[], 400])
    const { state, events } = run(aside.state, [tellOf({ unused: [D] }), tellOf({ unused: [D] })], NOW)
    expect(events).toEqual([expect.objectContaining({ type: 'returned', how: 'unused', decision: D })])
    expect(selling(state)).toBe(0)
    expect(refused(state, redeemAside())).toBe('PERMIT_SPENT')
  })

  test('by its agent through that sidecar', () => {
    expect(refused(aside.state, giveBack(THERE))).toBe('ALLOTMENT_ELSEWHERE')
    expect(refused(aside.state, giveBack(HERE, 'beta'))).toBe('ALLOTMENT_UNKNOWN')
    const { state, events } = run(aside.state, [giveBack()], NOW)
    expect(events).toMatchObject([{ type: 'returned', how: 'givenBack', by: 'alpha', allotted: HERE }])
    expect(selling(state)).toBe(0)
    expect(refused(state, giveBack())).toBe('ALLOTMENT_UNKNOWN')
  })

  test('by an operator who names the sidecar that is gone', () => {
    expect(refused(aside.state, writeOff('there'))).toBe('ALLOTMENT_ELSEWHERE')
    const { state, events } = run(aside.state, [writeOff()], NOW)
    expect(events).toMatchObject([
      { type: 'returned', how: 'writtenOff', by: 'operator-1', reason: 'the host burnt' },
    ])
    expect(selling(state)).toBe(0)
  })
})

describe('what was redeemed while cut off', () => {
  test('counts as sent once it is told, also while halted, and told twice it is the same', () => {
    const halted = run(aside.state, [HALT], NOW).state
    const { state, events, effects } = run(
      halted,
      [tellOf({ redeemed: [D] }), tellOf({ redeemed: [D] })],
      NOW,
    )
    expect(events).toMatchObject([{ type: 'redeemed', decision: D, allotted: HERE, cutOff: NOW }])
    expect(effects).toMatchObject([
      { body: { recorded: 1, unknown: 0 } },
      { body: { recorded: 0, unknown: 0 } },
    ])
    expect([selling(state), state.permits.open.size]).toEqual([400, 0])
    expect(refused(state, redeemAside())).toBe('PERMIT_SPENT')
  })

  test('is the same that the home recorded for the same agent meanwhile', () => {
    const { events } = run(aside.state, [redeemAside(), tellOf({ redeemed: [D] })], NOW)
    expect(kinds(events)).toEqual(['redeemed'])
  })

  test('counts again where its sidecar was taken for gone', () => {
    const { state } = run(aside.state, [writeOff(), tellOf({ redeemed: [D] })], NOW)
    expect(selling(state)).toBe(400)
    expect(answered(state, sell(601, '2'))?.reducing).toBe(false)
  })

  test('is said to be unknown where no home has it', () => {
    const { effects } = run(on.state, [tellOf({ redeemed: [D] })], NOW)
    expect(effects).toMatchObject([{ body: { recorded: 0, unknown: 1 } }])
  })

  test('that the venue told of before is not counted twice, nor is it free', () => {
    const filled: Input = {
      kind: 'executions',
      feeder: null,
      executions: [{ execution: 'x-1', order: D, event: 'filled', filled: 100, at: NOW }],
    }
    const { state, events } = run(
      aside.state,
      [filled, tellOf({ redeemed: [D] }), tellOf({ unused: [D] })],
      NOW,
    )
    expect(kinds(events)).toEqual(['executed'])
    expect(selling(state)).toBe(300)
  })
})

describe('the audit', () => {
  const policed = { at: NOW, event: on.events[0] as Event }
  const problems = (...events: readonly Event[]): string[] => {
    const audit = new AllotmentAudit()
    return [policed.event, ...events].flatMap((event) => audit.take({ at: NOW, event }) ?? [])
  }
  const [decided] = aside.events as [Extract<Event, { type: 'decided' }>]
  const changed = (change: object): Event => ({ ...decided, decision: { ...decided.decision, ...change } })
  const redeemed: Event = { schema: 1, type: 'redeemed', decision: D, allotted: HERE }
  const returned: Event = { schema: 1, type: 'returned', decision: D, how: 'unused', allotted: HERE }

  test('finds nothing in what the core records', () => {
    const stories: readonly (readonly Input[])[] = [
      [redeemAside()],
      [tellOf({ redeemed: [D] }), tellOf({ redeemed: [D], unused: [D] })],
      [tellOf({ unused: [D] })],
      [giveBack()],
      [writeOff(), tellOf({ redeemed: [D] })],
      [askAside(100, { tail: '2' }), redeemAside(HERE, '2'), sell(100, '3')],
    ]
    for (const story of stories) expect(problems(decided, ...run(aside.state, story, NOW).events)).toEqual([])
  })

  test.each<[string, readonly Event[], string]>([
    ['a redemption at another sidecar', [decided, { ...redeemed, allotted: THERE }], 'at `there`'],
    ['a redemption at no sidecar', [decided, { schema: 1, type: 'redeemed', decision: D }], 'at `any`'],
    ['a second redemption', [decided, redeemed, redeemed], 'sent already'],
    ['a redemption after it came free', [decided, returned, redeemed], 'free already'],
    ['a redemption while cut off after its end', [decided, { ...redeemed, cutOff: NOW + LIFE }], 'was over'],
    ['a lapse by the clock', [decided, { schema: 1, type: 'lapsed', decision: D }], 'by the clock'],
    ['a return by another sidecar', [decided, { ...returned, allotted: THERE }], 'by the word of `there`'],
    ['a return of what was sent', [decided, redeemed, returned], 'was sent already'],
    ['a return by another agent', [decided, { ...returned, how: 'givenBack', by: 'beta' }], '`beta`'],
    ['a write-off without a reason', [decided, { ...returned, how: 'writtenOff', by: 'op' }], 'reason'],
    ['a return of nothing', [returned], 'was not'],
    ['one that adds', [changed({ reducing: false })], 'certainly reduce'],
    ['one that lives for longer', [changed({ expires: NOW + LIFE + 1000 })], 'does not live'],
    ['one that nobody asked for', [changed({ request: request() })], 'nobody asked'],
    ['one that is for everybody', [changed({ allotted: undefined })], 'for everybody'],
    ['one that was denied', [changed({ verdict: 'deny' })], 'not allowed'],
  ])('finds %s', (_, events, found) => {
    expect(problems(...events).join('; ')).toContain(found)
  })

  test('finds one without a policy, and one too many', () => {
    expect(new AllotmentAudit().take({ at: NOW, event: decided })).toContain('lets nothing be')
    const audit = new AllotmentAudit()
    const few = run(ready(), [allotting({ life: LIFE, perAgent: 1 })], NOW).events[0] as Event
    expect(audit.take({ at: NOW, event: few })).toBeUndefined()
    expect(audit.take({ at: NOW, event: decided })).toBeUndefined()
    expect(audit.take({ at: NOW, event: changed({ decision: 'd-2' }) })).toContain('were already')
  })
})
