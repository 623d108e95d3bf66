/** What happens to the position, the account or the order while a reduction is set aside: it is sent only as what it was judged to be, and nothing but its sidecar's word frees it. */
import { describe, expect, test } from 'vitest'
import {
  allotting,
  askAside,
  decisionOf,
  HERE,
  redeemAside,
  tellOf,
  THERE,
} from '../../test/support/allotments.ts'
import {
  answered,
  ask,
  BUY,
  idAt,
  NOW,
  programOfFacts,
  ready,
  refused,
  request,
  run,
} from '../../test/support/engine.ts'
import { AllotmentAudit } from './allotment-audit.ts'
import { decisionId } from './memory.ts'
import { permitId } from './permits.ts'
import type { Event } from '../protocol/event.ts'
import type { Observation } from '../protocol/observation.ts'
import { EMPTY_LEDGER } from '../ledger/ledger.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

const D = decisionOf()
const LATER = NOW + 3_600_000
const on = run(ready(), [allotting()], NOW)
/** 1,000 AAPL are held; all of it set aside to be sold through `HERE`. */
const aside = run(on.state, [askAside(1000)], NOW)
const selling = ({ ledger }: State): number => ledger.exposures.get('main')?.get(BUY.instrument)?.sell ?? 0
const kinds = (events: readonly Event[]): string[] => events.map(({ type }) => type)
const observe = (...observations: readonly Observation[]): Input => ({
  kind: 'observations',
  feeder: null,
  observations,
})
const flat = observe({ kind: 'portfolio', account: 'main', positions: [], at: NOW + 1000 })
const reducing: Input = {
  kind: 'halt',
  by: 'operator-1',
  request: { scope: { kind: 'everything' }, state: 'reducing', reason: 'test' },
}
const adopt: Input = { kind: 'adopt', account: 'main', operator: 'operator-1', reason: 'closed by hand' }
const venue = (
  event: 'accepted' | 'cancelled' | 'rejected' | 'expired' | 'filled',
  more: object = {},
): Input => ({
  kind: 'executions',
  feeder: null,
  executions: [{ execution: `x-${event}`, order: D, event, at: NOW, ...more }],
})
const writeOff: Input = {
  kind: 'return',
  permit: permitId(D),
  by: 'operator-1',
  gone: { to: 'here', reason: 'the host burnt' },
  through: THERE,
}
const found = (...events: readonly Event[]): string[] => {
  const audit = new AllotmentAudit()
  return [...on.events, ...aside.events, ...events].flatMap((event) => audit.take({ at: NOW, event }) ?? [])
}

describe('it is redeemed only while it certainly reduces, beside all that is open by then', () => {
  test.each<[string, readonly Input[]]>([
    ['the position was closed by hand and adopted', [flat, adopt]],
    ['the same, and all is to be reduced', [flat, adopt, reducing]],
    ['the broker says that nothing is held', [flat]],
    ['the broker says that less is held, and all is to be reduced', [flat, reducing]],
  ])('not where %s', (_, inputs) => {
    const { state } = run(aside.state, inputs, LATER)
    expect(refused(state, redeemAside(), LATER)).toBe('ALLOTMENT_OVERTAKEN')
    // It stays reserved, and its agent can give it back.
    expect(selling(state)).toBe(1000)
  })

  test.each([false, true])(
    'not where another sold short by a locate and was filled; all to be reduced: %s',
    (halted) => {
      const locate = observe({ kind: 'locate', account: 'main', instrument: 'AAPL', quantity: 5000, at: NOW })
      const id = idAt(NOW, '5')
      const other = decisionId('alpha', id)
      const sale = ask(request({ side: 'sell', quantity: 400, limitPrice: 200.5 }, { id }))
      const fill: Input = {
        kind: 'executions',
        feeder: null,
        executions: [{ execution: 'x', order: other, event: 'filled', filled: 400, at: NOW }],
      }
      const { state } = run(
        aside.state,
        [
          locate,
          sale,
          { kind: 'redeem', permit: permitId(other), agent: 'alpha' },
          fill,
          ...(halted ? [reducing] : []),
        ],
        NOW,
      )
      expect(state.ledger.portfolios.get('main')?.positions.get('AAPL')?.quantity).toBe(600)
      expect(refused(state, redeemAside())).toBe('ALLOTMENT_OVERTAKEN')
    },
  )

  test('what it has reserved itself does not stand in its way, nor what others have that fits', () => {
    const two = run(on.state, [askAside(400), askAside(600, { tail: '2' }), reducing], NOW).state
    const { events } = run(two, [redeemAside(), redeemAside(HERE, '2')], NOW)
    expect(kinds(events)).toEqual(['redeemed', 'redeemed'])
  })

  test('not once the account is of another owner', () => {
    const registration = { agent: 'alpha', role: 'trader', strategies: [] as string[] } as const
    const { state } = run(
      on.state,
      [
        { kind: 'register', registration, by: 'operator-1' },
        askAside(1000),
        { kind: 'own', registration: { account: 'main', owner: 'fund-2' }, by: 'operator-1' },
      ],
      NOW,
    )
    const { effects } = run(state, [redeemAside()], LATER)
    expect(effects).toMatchObject([
      { code: 'ALLOTMENT_OVERTAKEN', detail: expect.stringContaining('OWNER_DIFFERS') as string },
    ])
  })

  test('nor where nobody can say what is held any more', () => {
    const rule = {
      id: 'only-exits',
      title: 'Only what reduces',
      applies: { actions: ['order', 'replace'] },
      forbid: "not action.reducing and order.side == 'sell'",
    }
    const fact = { type: 'quantity', source: 'ledger', maxAge: '1min' }
    const program = programOfFacts({ 'position.quantity': fact }, [rule])
    const { state } = run(ready(program), [allotting(), askAside(1000)], NOW)
    expect(refused(state, redeemAside(), NOW + 61_000)).toBe('ALLOTMENT_OVERTAKEN')
  })
})

describe('what ends it once ends it for good', () => {
  const again = (state: State): string | undefined => refused(state, redeemAside(), LATER)
  test('a policy that lets nothing be set aside', () => {
    const { state } = run(aside.state, [allotting(null), allotting({ life: 60_000, perAgent: 1 })], NOW)
    expect([again(state), selling(state)]).toEqual(['ALLOTMENT_OFF', 1000])
  })

  test('another constitution', () => {
    const rule = {
      id: 'never',
      title: 'Never',
      applies: { actions: ['order', 'replace'] },
      forbid: 'order.quantity < 0',
    }
    const [one, other] = [ready().program, programOfFacts({}, [rule])]
    if (one === undefined) throw new Error('there is one')
    const activate = (program: typeof one): Input => ({ kind: 'activate', program, by: 'author' })
    const same = run(aside.state, [activate(one)], NOW).state
    expect(run(same, [redeemAside()], NOW).effects).toMatchObject([{ kind: 'done' }])
    const { state } = run(aside.state, [activate(other), activate(one)], NOW)
    expect([again(state), selling(state)]).toEqual(['ALLOTMENT_OFF', 1000])
  })

  test('taking its agent out of service, which comes back', () => {
    const register: Input = {
      kind: 'register',
      registration: { agent: 'alpha', role: 'trader', strategies: [] },
      by: 'operator-1',
    }
    const known = run(on.state, [register, askAside(1000)], NOW).state
    expect(run(known, [redeemAside()], NOW).effects).toMatchObject([{ kind: 'done' }])
    const retire: Input = { kind: 'retire', agent: 'alpha', by: 'operator-1', reason: 'rogue' }
    const { state } = run(known, [retire, register], NOW)
    expect([state.ledger.agents.get('alpha')?.retiredAt, again(state)]).toEqual([undefined, 'ALLOTMENT_OFF'])
  })
})

describe('what the venue says of an order that nobody is known to have sent', () => {
  test.each(['rejected', 'expired', 'cancelled'] as const)('%s frees nothing', (event) => {
    const { state, events, effects } = run(aside.state, [venue(event)], NOW)
    expect(effects.at(-1)).toMatchObject({ accepted: 1, anomalies: [{ anomaly: 'NOT_SENT' }] })
    expect([selling(state), state.permits.setAside.size]).toEqual([1000, 1])
    expect(
      answered(state, ask(request({ side: 'sell', quantity: 1 }, { id: idAt(NOW, '7') })))?.reducing,
    ).toBe(false)
    expect(found(...events)).toEqual([])
    // The same report again is known.
    expect(run(state, [venue(event)], NOW).effects).toMatchObject([{ repeated: 1 }])
    // Its agent has to give it back: nobody sends what the venue says is over.
    expect(refused(state, redeemAside())).toBe('ALLOTMENT_OVERTAKEN')
    const back = run(state, [tellOf({ unused: [D] })], NOW).state
    expect(selling(back)).toBe(0)
  })

  test('is told again where its sidecar had sent it: no two clocks say which came first', () => {
    const ended = run(aside.state, [venue('cancelled')], NOW).state
    const sent = run(ended, [tellOf({ redeemed: [D], at: NOW - 1000 })], NOW)
    expect([kinds(sent.events), selling(sent.state)]).toEqual([['redeemed'], 1000])
    const took = run(sent.state, [venue('accepted', { execution: 'x-2', at: NOW + 1 })], NOW + 1).state
    expect(selling(took)).toBe(1000)
    const again = run(took, [venue('cancelled', { execution: 'x-3', at: NOW + 1 })], NOW + 1)
    expect([again.effects, selling(again.state)]).toMatchObject([[{ anomalies: [] }], 0])
  })

  test('cancelled without its word that it had it frees nothing; with that word it does, which may come later', () => {
    const sent = run(aside.state, [redeemAside()], NOW).state
    const cancelled = venue('cancelled', { execution: 'x-2', at: NOW + 60 })
    const accepted = venue('accepted', { execution: 'x-3', at: NOW + 50 })
    const unheard = run(sent, [cancelled], NOW + 100)
    expect(unheard.effects).toMatchObject([{ anomalies: [{ anomaly: 'NOT_SENT' }] }])
    expect(selling(unheard.state)).toBe(1000)
    for (const order of [
      [cancelled, accepted],
      [accepted, cancelled],
    ]) {
      const { state, events } = run(sent, order, NOW + 100)
      expect(selling(state)).toBe(0)
      expect(found(...run(aside.state, [redeemAside()], NOW).events, ...events)).toEqual([])
    }
    // A later word of an earlier moment makes no earlier end count.
    const early = venue('accepted', { execution: 'x-4', at: NOW + 10 })
    const stale = venue('cancelled', { execution: 'x-5', at: NOW + 40 })
    expect(selling(run(sent, [accepted, early, stale], NOW + 100).state)).toBe(1000)
  })

  test('rejected after it was redeemed it is over; accepted after that, it rests, once', () => {
    const sent = run(aside.state, [redeemAside()], NOW + 100).state
    const before = run(sent, [venue('rejected', { at: NOW + 100 })], NOW + 200)
    expect([before.effects, selling(before.state)]).toMatchObject([
      [{ anomalies: [{ anomaly: 'NOT_SENT' }] }],
      1000,
    ])
    const over = run(sent, [venue('rejected', { at: NOW + 101 })], NOW + 200)
    expect([over.effects, selling(over.state)]).toMatchObject([[{ anomalies: [] }], 0])
    const rests = run(over.state, [venue('accepted', { execution: 'x-2', at: NOW + 150 })], NOW + 200).state
    expect(selling(rests)).toBe(1000)
    const filled = [
      venue('filled', { execution: 'x-3', at: NOW + 160, filled: 100 }),
      venue('cancelled', { execution: 'x-4', at: NOW + 170 }),
      venue('filled', { execution: 'x-5', at: NOW + 180, filled: 100 }),
      venue('accepted', { execution: 'x-6', at: NOW + 190 }),
    ]
    expect(selling(run(rests, filled, NOW + 200).state)).toBe(0)
  })

  test('rejected and then filled it rests, in whatever order that is told; rejected after it was accepted, it is over', () => {
    const sent = run(aside.state, [redeemAside()], NOW + 10).state
    const rejected = venue('rejected', { execution: 'x-2', at: NOW + 20 })
    const accepted = venue('accepted', { execution: 'x-3', at: NOW + 50 })
    const filled = venue('filled', { execution: 'x-4', at: NOW + 60, filled: 100 })
    const stale = venue('cancelled', { execution: 'x-5', at: NOW + 5 })
    for (const order of [
      [rejected, filled, accepted],
      [rejected, accepted, filled],
      [stale, rejected, filled],
      [filled, accepted, rejected],
    ])
      expect(selling(run(sent, order, NOW + 200).state)).toBe(900)
    const whole = venue('filled', { execution: 'x-6', at: NOW + 70, filled: 1000 })
    expect(selling(run(sent, [rejected, whole], NOW + 200).state)).toBe(0)
    const later = venue('rejected', { execution: 'x-7', at: NOW + 51 })
    for (const order of [
      [accepted, later],
      [later, accepted],
    ])
      expect(selling(run(sent, order, NOW + 200).state)).toBe(0)
  })

  test('accepted, it was sent: its end frees it then, and no word of a sidecar does', () => {
    const { state, events } = run(aside.state, [venue('accepted')], NOW)
    expect([selling(state), state.permits.setAside.size]).toEqual([1000, 0])
    expect(refused(state, redeemAside())).toBe('PERMIT_SPENT')
    const unused = run(state, [tellOf({ unused: [D] })], NOW)
    expect([unused.events, selling(unused.state)]).toEqual([[], 1000])
    const told = run(state, [tellOf({ redeemed: [D] }), venue('cancelled')], NOW)
    expect([kinds(told.events), selling(told.state)]).toEqual([['executed'], 0])
    expect(found(...events, ...told.events)).toEqual([])
  })

  test.each(['rejected', 'expired', 'cancelled'] as const)(
    '%s after it was written off takes nothing from the word of its sidecar, which comes late',
    (event) => {
      const gone = run(aside.state, [writeOff, venue(event)], NOW)
      expect(gone.effects.at(-1)).toMatchObject({ accepted: 1, anomalies: [{ anomaly: 'AFTER_END' }] })
      const told = run(gone.state, [tellOf({ redeemed: [D] })], NOW)
      expect([kinds(told.events), selling(told.state)]).toEqual([['redeemed'], 1000])
      expect(told.effects).toMatchObject([{ body: { known: D, unknown: 0 } }])
      expect(found(...gone.events, ...told.events)).toEqual([])
    },
  )

  test.each([
    ['accepted', venue('accepted', { at: NOW + 50 }), [], NOW + 49],
    [
      'accepted after it was told',
      tellOf({ redeemed: [D] }),
      [venue('accepted', { at: NOW + 50 })],
      NOW + 49,
    ],
    [
      'redeemed while cut off and then accepted',
      tellOf({ redeemed: [D], at: NOW - 1000 }),
      [venue('accepted', { at: NOW + 150 })],
      NOW + 120,
    ],
    [
      'redeemed in contact and then accepted',
      redeemAside(),
      [venue('accepted', { at: NOW + 150 })],
      NOW + 120,
    ],
    ['filled in part', venue('filled', { at: NOW + 50, filled: 100 }), [], NOW + 49],
  ])('an end from before it was sent, that comes after it was %s, frees nothing', (_, first, more, at) => {
    const sent = run(run(aside.state, [first], NOW + 100).state, more, NOW + 200)
    const before = selling(sent.state)
    const late = run(sent.state, [venue('cancelled', { at })], NOW + 200)
    expect(late.effects).toMatchObject([{ accepted: 1, anomalies: [{ anomaly: 'NOT_SENT' }] }])
    expect(selling(late.state)).toBe(before)
    const over = run(late.state, [venue('cancelled', { execution: 'x-2', at: NOW + 151 })], NOW + 200)
    expect([over.effects, selling(over.state)]).toMatchObject([[{ anomalies: [] }], 0])
    expect(
      found(...run(aside.state, [first], NOW + 100).events, ...sent.events, ...late.events, ...over.events),
    ).toEqual([])
  })

  test('the venue’s own word says when it was sent, where it is earlier than that of the home', () => {
    const { state } = run(
      aside.state,
      [venue('accepted', { at: NOW + 20 }), tellOf({ redeemed: [D] })],
      NOW + 100,
    )
    expect(selling(run(state, [venue('cancelled', { at: NOW + 20 })], NOW + 100).state)).toBe(0)
  })

  test('accepted after it was written off, it counts again', () => {
    const { state, events } = run(aside.state, [writeOff, venue('accepted')], NOW)
    expect(selling(state)).toBe(1000)
    const told = run(state, [tellOf({ redeemed: [D] })], NOW)
    expect([told.events, told.effects]).toMatchObject([[], [{ body: { known: D } }]])
    expect(found(...events)).toEqual([])
  })

  test('with something filled it was sent', () => {
    const { state } = run(aside.state, [venue('filled', { filled: 100 })], NOW)
    expect([selling(state), state.permits.setAside.size]).toEqual([900, 0])
    expect(refused(state, redeemAside())).toBe('PERMIT_SPENT')
    const over = run(state, [venue('cancelled')], NOW).state
    expect(selling(over)).toBe(0)
    const told = run(over, [tellOf({ redeemed: [D] })], NOW)
    expect(told.effects).toMatchObject([{ body: { recorded: 0, unknown: 0, known: D } }])
  })
})

describe('the word of a sidecar', () => {
  test('holds for its own book, under a former name too, and says what is on record', () => {
    const renamed = { to: 'renamed', book: HERE.book }
    const asked: Input = {
      kind: 'tell',
      redeemed: [{ decision: D, at: NOW, to: 'here' }],
      unused: [],
      through: renamed,
    }
    const { events, effects } = run(aside.state, [asked], NOW)
    expect(events).toMatchObject([{ type: 'redeemed', decision: D, allotted: HERE }])
    expect(effects).toMatchObject([{ body: { known: D, unknown: 0 } }])
    expect(found(...events)).toEqual([])
    for (const through of [renamed, THERE]) {
      const other = run(aside.state, [tellOf({ redeemed: [D] }, through)], NOW)
      expect([other.events, other.effects]).toMatchObject([[], [{ body: { known: '', unknown: 1 } }]])
    }
    // What would free it is said by its name as well.
    expect(run(aside.state, [tellOf({ unused: [D] }, renamed)], NOW).effects).toMatchObject([
      { body: { known: '', unknown: 1 } },
    ])
  })

  test('does not bring back what was set aside for another, nor what was not set aside', () => {
    const foreign = run(aside.state, [writeOff, tellOf({ redeemed: [D] }, THERE)], NOW)
    expect([kinds(foreign.events), selling(foreign.state)]).toEqual([['returned'], 0])
    const sale = ask(request({ side: 'sell', quantity: 10, limitPrice: 200.5 }, { id: idAt(NOW, '5') }))
    const lapsed = run(
      run(on.state, [sale], NOW).state,
      [{ kind: 'tick', listeningSince: NOW }],
      NOW + 10_000,
    )
    const revived = run(lapsed.state, [tellOf({ redeemed: [decisionOf('5')] })], NOW + 10_000)
    expect([kinds(lapsed.events), revived.events]).toEqual([['lapsed'], []])
  })

  test('that it used what it had said was free counts, and the audit finds it', () => {
    const { state, events } = run(aside.state, [tellOf({ unused: [D] }), tellOf({ redeemed: [D] })], NOW)
    expect([kinds(events), selling(state)]).toEqual([['returned', 'redeemed'], 1000])
    expect(found(...events).join()).toContain('free already')
    const written = run(aside.state, [writeOff, tellOf({ redeemed: [D] })], NOW).events
    expect(found(...written)).toEqual([])
  })

  test('on an order that is forgotten is unknown', () => {
    const { state } = run(aside.state, [writeOff], NOW)
    const forgotten = { ...state, ledger: { ...state.ledger, orders: EMPTY_LEDGER.orders } }
    const { events, effects } = run(forgotten, [tellOf({ redeemed: [D] })], NOW)
    expect([events, effects]).toMatchObject([[], [{ body: { known: '', unknown: 1 } }]])
  })
})

describe('the audit', () => {
  test('finds an end that freed what nobody had sent, and a permit that lives for too long', () => {
    const execution = { execution: 'x', order: D, event: 'cancelled', at: NOW } as const
    const ended: Event = { schema: 1, type: 'executed', execution, lots: 0, anomaly: null, feeder: null }
    expect(found(ended).join()).toContain('without the word of its sidecar')
    const [decided] = run(on.state, [ask(request())], NOW).events as [Extract<Event, { type: 'decided' }>]
    expect(found(decided)).toEqual([])
    const long = { ...decided, decision: { ...decided.decision, expires: NOW + 60_000 } }
    expect(found(long).join()).toContain('longer')
  })
})
