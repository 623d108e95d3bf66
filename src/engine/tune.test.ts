import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  answered,
  ask,
  BUY,
  idAt,
  LIQUID,
  NOW,
  PROGRAM,
  programWith,
  ready,
  request,
  run,
} from '../../test/support/engine.ts'
import { castBy, NAMES, ONLY_ORDERS, quorate } from '../../test/support/quorum.ts'
import { barsUntil, HOUR, sliced, steer, WELL_KNOWN } from '../../test/support/optimizer.ts'
import type { ActionRequest, Order } from '../protocol/action.ts'
import { decisionOf } from '../protocol/evidence.ts'
import type { Event } from '../protocol/event.ts'
import { HORIZON_MOST, type Tuned, type Tuning } from '../protocol/optimizer.ts'
import { eventText } from './event-text.ts'
import { judgeWhole } from './judgement.ts'
import { isStopped, NO_MODELS, type Guards } from './optimizer.ts'
import { permitId } from './permits.ts'
import { rederive } from './rederive.ts'
import { sliceOf } from './slice.ts'
import { stopTuning } from './steer.ts'
import { fold } from './step.ts'
import { tune } from './tune.ts'
import { regionOf } from '../optimizer/region.ts'
import type { State } from './state.ts'

const tuning = (entry: object = {}, program = PROGRAM): State =>
  run(ready(program, WELL_KNOWN), [steer([entry])], NOW).state

const decide = (state: State, of: ActionRequest, now = NOW) => {
  const decision = answered(state, ask(of), now)
  if (decision === undefined) throw new Error('expected a decision')
  return decision
}
const tunedOn = (state: State, of: ActionRequest, now = NOW): Tuned => {
  const { tuning: found } = decide(state, of, now)
  if (found?.outcome !== 'tuned') throw new Error(`expected a slice, not ${JSON.stringify(found)}`)
  return found
}
const whyOn = (state: State, of: ActionRequest, now = NOW) => {
  const { tuning: found, action, verdict } = decide(state, of, now)
  expect(verdict).toBe('allow')
  expect(action).toEqual(of.action)
  return found?.outcome === 'untuned' ? found.why : 'tuned'
}

/** The market as it was, at `at`. */
const stillKnown = (at: number) =>
  ({
    kind: 'observations',
    feeder: 'feed',
    observations: [
      ...LIQUID.flatMap((one) =>
        one.kind === 'price' || one.kind === 'account' || one.kind === 'portfolio' ? [{ ...one, at }] : [],
      ),
      ...barsUntil(at - (at % 300_000), 1),
    ],
  }) as const

/** Sends each slice when its time has come; gives their sizes, and all events. */
function sendAll(first: State, whole: Partial<Order>): { sizes: number[]; state: State; events: Event[] } {
  const sizes: number[] = []
  const events: Event[] = []
  let state = first
  let now = NOW
  let next: Partial<Order> = whole
  for (let turn = 0; turn < 60; turn += 1) {
    const of = sliced(next, { id: idAt(now, `S${turn}`) }, now)
    const asked = run(state, [stillKnown(now), ask(of)], now)
    const effect = asked.effects.at(-1)
    const decision = effect?.kind === 'answer' ? effect.decision : undefined
    if (decision?.action.type !== 'order') throw new Error(`no slice: ${JSON.stringify(effect)}`)
    expect(['allow', 'narrow'], JSON.stringify(decision.reasons)).toContain(decision.verdict)
    const sent = run(
      asked.state,
      [{ kind: 'redeem', permit: permitId(decision.decision), agent: 'alpha' }],
      now,
    )
    state = sent.state
    events.push(...asked.events, ...sent.events)
    sizes.push(decision.action.quantity)
    const slice = sliceOf(decision)
    if (slice === undefined || slice.nextReview === null) break
    expect(slice.nextReview).toBeGreaterThan(now)
    now = slice.nextReview
    next = { ...whole, quantity: slice.remaining, parent: slice.parent }
  }
  return { sizes, state, events }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

describe('an order with a horizon is sent in slices', () => {
  test('that add up to it, each told when to ask for the next', () => {
    const { sizes } = sendAll(tuning(), { quantity: 480 })
    expect(sizes).toEqual(Array.from({ length: 12 }, () => 40))
  })

  test('larger ones first where it is urgent, whatever the schedule', () => {
    for (const schedule of ['almgren-chriss', 'receding', 'expecting']) {
      const { sizes } = sendAll(tuning({ schedule }), {
        quantity: 480,
        execution: { horizonMs: HOUR, urgency: 0.3 },
      })
      expect(sum(sizes), schedule).toBe(480)
      expect(sizes[0], schedule).toBeGreaterThan(sizes.at(-1) ?? 0)
      expect(sizes.length, schedule).toBeGreaterThan(4)
    }
  })

  test('whose first names the parent of the others; a parent that the agent named is that parent', () => {
    const own = sliceOf(decide(tuning(), sliced()))
    expect(own).toEqual({
      parent: { id: decide(tuning(), sliced()).decision, quantity: 480 },
      remaining: 440,
      nextReview: NOW + HOUR / 12,
      deadline: NOW + HOUR,
    })
    const named = sliceOf(decide(tuning(), sliced({ parent: { id: 'p', quantity: 480 } })))
    expect(named?.parent).toEqual({ id: 'p', quantity: 480 })
    const { sizes } = sendAll(tuning(), { parent: { id: 'p', quantity: 480 } })
    expect(sum(sizes)).toBe(480)
  })

  test('and no more than it: the parent counts what went before', () => {
    const { state } = run(tuning(), [ask(sliced())], NOW)
    const parent = { id: decide(tuning(), sliced()).decision, quantity: 480 }
    const more = request({ quantity: 441, parent }, { id: idAt(NOW, 'M') })
    expect(decide(state, more).reasons.map(({ code }) => code)).toEqual(['PARENT_OVERRUN'])
    expect(decide(state, request({ quantity: 440, parent }, { id: idAt(NOW, 'M') })).verdict).toBe('allow')
  })

  test('who asks again within a step gets the slice of the next, and no twin of the last', () => {
    const { state } = run(tuning(), [ask(sliced())], NOW)
    const parent = { id: decide(tuning(), sliced()).decision, quantity: 480 }
    const again = sliced({ quantity: 440, parent }, { id: idAt(NOW, 'M') })
    expect(tunedOn(state, again)).toMatchObject({ step: 1, left: 440, lots: 39 })
    expect(sliceOf(decide(state, again))?.nextReview).toBe(NOW + (2 * HOUR) / 12)
    const twice = run(state, [ask(again)], NOW).state
    expect(tunedOn(twice, sliced({ quantity: 401, parent }, { id: idAt(NOW, 'N') }))).toMatchObject({
      step: 2,
      left: 401,
    })
  })

  test('of a lot at least, and fewer than the steps where there are fewer lots', () => {
    expect(sendAll(tuning(), { quantity: 3 }).sizes).toEqual([1, 1, 1])
    expect(decide(tuning(), sliced({ quantity: 1 })).verdict).toBe('allow')
  })

  test('what cannot wait goes now: caps that leave just enough', () => {
    // 49 shares are worth 9,800 USD. Twelve steps hold 588: of 570 at least 31 go now, and 600 cannot be done.
    const capped = programWith([
      {
        id: 'cap',
        title: 'Cap',
        applies: { actions: ['order', 'replace'] },
        forbid: 'order.value > 9800 USD',
        unless: 'action.reducing',
      },
    ])
    const state = tuning({}, capped)
    expect(tunedOn(state, sliced({ quantity: 570 }))).toMatchObject({
      region: { lo: 31, hi: 49, loBy: { kind: 'deadline' }, hiBy: { kind: 'rules', rules: ['cap'] } },
      untuned: 49,
      lots: 47,
    })
    expect(decide(state, sliced({ quantity: 570 })).headroom).toEqual({ quantity: 49, largest: true })
    expect(decide(state, sliced({ quantity: 600 })).tuning).toMatchObject({
      why: 'deadline-unreachable',
      rules: ['cap'],
    })
  })

  test('also where agents approved it, and each slice draws on what they approved', () => {
    const from = run(quorate(ONLY_ORDERS), [steer()], NOW).state
    const execution = { horizonMs: 12_000, urgency: 0.2 }
    const asked = run(from, [ask(sliced({ execution }))], NOW)
    const [effect] = asked.effects
    const decision = effect?.kind === 'answer' ? effect.decision : undefined
    expect(decision?.verdict).toBe('pending')
    expect(decision?.tuning).toBeUndefined()
    const [round = ''] = decision?.proposals ?? []
    let state = asked.state
    let decided: Event | undefined
    for (const name of NAMES) {
      const voted = run(state, [castBy(state, round, name, 'yes')], NOW)
      state = voted.state
      decided ??= voted.events.find(({ type }) => type === 'decided')
    }
    if (decided?.type !== 'decided') throw new Error('expected a decision')
    expect(decided.decision.verdict).toBe('narrow')
    expect(decided.decision.approvals).toHaveLength(1)
    const left = 480 - (decided.decision.action as Order).quantity
    expect(left).toBeGreaterThan(240)
    expect(state.quorum.approvals.get(round)?.left).toBe(left)
    expect(rederive(recorded(decided), state.program)).toBeUndefined()
    const parent = { id: decided.decision.decision, quantity: 480 }
    const next = (change: Partial<Order>, tail: string) =>
      sliced({ quantity: left, execution, ...change }, { id: idAt(NOW, tail), approval: round })
    // Twelve seconds are what was approved: nothing before its time, and no plan that begins anew. What passes then passes by the rules alone.
    const undrawn = [
      answered(state, ask(next({ parent }, 'E')), NOW + 999),
      answered(state, ask(next({}, 'O')), NOW + 1_000),
      answered(state, ask(next({ parent: { id: 'p-2', quantity: 480 } }, 'P')), NOW + 1_000),
    ]
    for (const found of undrawn) {
      expect(found).toMatchObject({ verdict: 'narrow', action: { quantity: 50 } })
      expect(found?.approvals).toBeUndefined()
    }
    const due = run(state, [ask(next({ parent }, 'N'))], NOW + 1_000)
    const [slice] = due.effects
    if (slice?.kind !== 'answer') throw new Error('expected a decision')
    expect(slice.decision).toMatchObject({ verdict: 'narrow', approvals: [{ proposal: round }] })
    const { quantity } = slice.decision.action as Order
    expect(due.state.quorum.approvals.get(round)?.left).toBe(left - quantity)
  })
})

const recorded = (event: Event) => {
  if (event.type !== 'decided') throw new Error('expected a decision')
  return decisionOf(JSON.parse(eventText(event)) as typeof event)
}

describe('what is recorded', () => {
  test('folds to the same state, and is derived again', () => {
    for (const schedule of ['twap', 'almgren-chriss', 'receding', 'expecting']) {
      const begun = run(ready(PROGRAM, WELL_KNOWN), [steer([{ schedule }])], NOW)
      const { events, state } = sendAll(begun.state, { execution: { horizonMs: HOUR, urgency: 0.2 } })
      for (const event of events)
        if (event.type === 'decided') expect(rederive(recorded(event), PROGRAM), schedule).toBeUndefined()
      // As they are read back; when each happened plays no part in what is open.
      const read = events.map((event) => JSON.parse(eventText(event)) as Event)
      const folded = fold(begun.state, read, NOW)
      expect(folded.ledger.parents.toJS()).toEqual(state.ledger.parents.toJS())
      expect(folded.ledger.exposures.toJS()).toEqual(state.ledger.exposures.toJS())
    }
  })

  test('is found where it was changed', () => {
    const { events } = run(tuning({ schedule: 'expecting' }), [ask(sliced())], NOW)
    const [event] = events
    const honest = recorded(event as Event)
    expect(rederive(honest, PROGRAM)).toBeUndefined()
    const found = honest.tuning as Tuned
    const changed = (change: object): unknown =>
      rederive({ ...honest, tuning: { ...found, ...change } }, PROGRAM)
    expect(changed({ lots: found.lots + 1 })).toMatch(/come out/)
    expect(changed({ schedule: { ...found.schedule, lots: 7 } })).toMatch(/recorded with 7/)
    expect(changed({ region: { ...found.region, hi: 500 } })).toMatch(/were chosen from/)
    expect(changed({ region: { ...found.region, lo: 0 } })).toMatch(/were chosen from/)
    expect(changed({ applied: false })).toMatch(/not applied/)
    expect(changed({ mode: 'shadow' })).toMatch(/applied/)
    expect(changed({ step: 99 })).toMatch(/step 99/)
    expect(changed({ lot: 2 })).toMatch(/the verdict is about/)
    expect(rederive({ ...honest, tuning: undefined }, PROGRAM)).toBeUndefined()
  })
})

describe('off', () => {
  const asked = [ask(sliced()), ask(request({}, { id: idAt(NOW, 'B') }))]
  const bytes = (state: State) => run(state, asked, NOW).events.map(eventText)

  test('or about others, or not asked for, it changes no byte', () => {
    const without = ready(PROGRAM, WELL_KNOWN)
    expect(bytes(tuning({ mode: 'off' }))).toEqual(bytes(without))
    expect(bytes(tuning({ only: { accounts: ['other'] } }))).toEqual(bytes(without))
    expect(bytes(tuning({ except: { assetClasses: ['equity'] } }))).toEqual(bytes(without))
    expect(bytes(tuning())).not.toEqual(bytes(without))
    const { execution: _, ...plain } = sliced().action as Order
    for (const of of [sliced({}, { accept: [] }), request({ ...plain }, { accept: ['narrow'] })])
      expect(run(tuning(), [ask(of)], NOW).events.map(eventText)).toEqual(
        run(without, [ask(of)], NOW).events.map(eventText),
      )
  })

  test('in shadow the order passes as asked, and what would have been is there', () => {
    const { verdict, action, tuning: found } = decide(tuning({ mode: 'shadow' }), sliced())
    expect([verdict, action]).toEqual(['allow', sliced().action])
    expect(found).toMatchObject({ outcome: 'tuned', applied: false, lots: 40 })
    expect(sliceOf(decide(tuning({ mode: 'shadow' }), sliced()))).toBeUndefined()
    const [event] = run(tuning({ mode: 'shadow' }), [ask(sliced())], NOW).events
    expect(rederive(recorded(event as Event), PROGRAM)).toBeUndefined()
  })
})

describe('a canary', () => {
  const canary = (share: number, notional = 1_000_000) =>
    tuning({ mode: 'canary', canary: { share, notional } })

  test('takes its share of the orders by the hash of their first decision', () => {
    const state = canary(0.3)
    const outcomes = Array.from({ length: 480 }, (_, at) =>
      decide(state, sliced({}, { id: idAt(NOW, `${at}`) })),
    )
    const isIn = outcomes.map(({ tuning: found }) => found?.outcome === 'tuned')
    expect(isIn.filter(Boolean).length / 480).toBeCloseTo(0.3, 1)
    for (const { tuning: found, verdict } of outcomes)
      expect(verdict).toBe(found?.outcome === 'tuned' ? 'narrow' : 'allow')
    // Not by chance.
    expect(outcomes).toEqual(
      Array.from({ length: 480 }, (_, at) => decide(state, sliced({}, { id: idAt(NOW, `${at}`) }))),
    )
  })

  test('goes on with what it began, and leaves alone what it did not', () => {
    const state = canary(0.3)
    const parents = Array.from({ length: 30 }, (_, at) => ({ id: `p${at}`, quantity: 480 }))
    let begun = 0
    for (const [at, parent] of parents.entries()) {
      const first = sliced({ parent, quantity: 200 }, { id: idAt(NOW, `A${at}`) })
      const isIn = decide(state, first).tuning?.outcome === 'tuned'
      const next = run(state, [ask(first)], NOW).state
      const second = sliced({ parent, quantity: 150 }, { id: idAt(NOW, `B${at}`) })
      expect(decide(next, second).tuning?.outcome === 'tuned').toBe(isIn)
      if (isIn) begun += 1
    }
    expect(begun).toBeGreaterThan(0)
    expect(begun).toBeLessThan(30)
  })

  test('touches no order above its cap', () => {
    expect(whyOn(canary(0.999, 95_999), sliced())).toBe('outside-canary')
    expect(tunedOn(canary(0.999, 96_000), sliced()).lots).toBe(40)
  })

  test('nor an exit above it, nor one that the rules made smaller, nor the child of a larger one', () => {
    const under = (notional: number, world = WELL_KNOWN): State =>
      run(ready(PROGRAM, world), [steer([{ mode: 'canary', canary: { share: 0.999, notional } }])], NOW).state
    const isTuned = (state: State, of: ActionRequest): boolean =>
      decide(state, of).tuning?.outcome === 'tuned'
    const held = [{ instrument: 'AAPL', quantity: 1_000 }]
    const long = WELL_KNOWN.map((one) => (one.kind === 'portfolio' ? { ...one, positions: held } : one))
    const exit = sliced({ side: 'sell' })
    const narrowed = sliced({ quantity: 1_200 })
    const child = sliced({ quantity: 48, parent: { id: 'p1', quantity: 480 } })
    expect(decide(under(1e9, long), exit)).toMatchObject({ reducing: true, verdict: 'narrow' })
    expect(decide(under(1), narrowed)).toMatchObject({ verdict: 'narrow' })
    expect([under(95_999, long), under(96_000, long)].map((state) => isTuned(state, exit))).toEqual([
      false,
      true,
    ])
    expect([under(239_999), under(240_000)].map((state) => isTuned(state, narrowed))).toEqual([false, true])
    expect([under(95_999), under(96_000)].map((state) => isTuned(state, child))).toEqual([false, true])
  })
})

describe('what was chosen is judged whole', () => {
  const faulty = (guards: Partial<Guards>, state = tuning()) => {
    const { ledger, program = PROGRAM, optimizer } = state
    const court = { ledger, program, now: NOW }
    const of = sliced()
    const judged = judgeWhole(court, 'alpha', of.action)
    const base = { judged, decision: 'd-1', headroom: null, worth: () => null }
    const desk = { optimizer, modelOf: NO_MODELS, guards: { region: regionOf, judge: judgeWhole, ...guards } }
    return tune(court, desk, of, base)
  }

  test('and where it fails the order stays as the rules let it pass', () => {
    const refusing: Guards['judge'] = (court, agent, action) => ({
      ...judgeWhole(court, agent, action),
      verdict: 'deny',
    })
    const chosen = faulty({ judge: refusing })
    expect(chosen).toMatchObject({
      tuning: { outcome: 'untuned', why: 'rejected', refused: 40 },
      judged: undefined,
    })
  })

  test('and tuning stops, latched, until an author says why it may go on', () => {
    const rejected: Tuning = {
      outcome: 'untuned',
      policy: 'p',
      optimizer: 'all',
      mode: 'on',
      why: 'rejected',
      rules: [],
      refused: 41,
    }
    const [stopped, events] = stopTuning(tuning(), { ...decide(tuning(), sliced()), tuning: rejected }, NOW)
    expect(events).toEqual([
      expect.objectContaining({
        type: 'tuningStopped',
        optimizer: null,
        cause: 'rejected',
        detail: expect.stringMatching('41 lots'),
      }),
    ])
    expect(isStopped(stopped.optimizer)).toBe(true)
    expect(whyOn(stopped, sliced())).toBe('stopped')
    // Once is enough, and by itself nothing goes on.
    expect(stopTuning(stopped, { ...decide(tuning(), sliced()), tuning: rejected }, NOW)[1]).toEqual([])
    expect(run(stopped, [steer()], NOW).effects).toMatchObject([
      { kind: 'refuse', code: 'OPTIMIZER_STOPPED' },
    ])
    expect(run(stopped, [steer([{ steps: 5 }])], NOW).effects).toMatchObject([{ code: 'OPTIMIZER_STOPPED' }])
    const again = run(stopped, [steer([{}], undefined, 'the rule was misread; fixed in 0.1.1')], NOW)
    expect(again.events).toMatchObject([{ type: 'steered', reason: expect.stringMatching('misread') }])
    expect(tunedOn(again.state, sliced()).lots).toBe(40)
  })

  test('facts that merely moved stop nothing', () => {
    const { state } = run(tuning(), [ask(sliced())], NOW)
    const parent = { id: decide(tuning(), sliced()).decision, quantity: 480 }
    // A minute later the prices are too old: the slice is denied, by the rules alone.
    const later = sliced({ quantity: 440, parent }, { id: idAt(NOW + 60_000, 'L') })
    const { events, state: after } = run(state, [ask(later)], NOW + 60_000)
    expect(events.map(({ type }) => type)).toEqual(['lapsed', 'decided'])
    expect(isStopped(after.optimizer)).toBe(false)
  })
})

describe('an order that cannot be tuned passes as asked, and the record says why', () => {
  const year = 365 * 86_480_000
  test.each<[string, string, ActionRequest]>([
    ['a horizon of a year', 'horizon-out-of-range', sliced({ execution: { horizonMs: year, urgency: 0 } })],
    [
      'a horizon of a millisecond',
      'horizon-out-of-range',
      sliced({ execution: { horizonMs: 1, urgency: 0 } }),
    ],
    [
      'just beyond a day',
      'horizon-out-of-range',
      sliced({ execution: { horizonMs: HORIZON_MOST + 1, urgency: 0 } }),
    ],
    ['a parent of less', 'parent-differs', sliced({ parent: { id: 'p', quantity: 100 } })],
  ])('%s', (_, why, of) => {
    const free = programWith([
      {
        id: 'any',
        title: 'Any',
        forbid: 'order.quantity > 1000000 * instrument.lot',
        unless: 'action.reducing',
        applies: { actions: ['order', 'replace'] },
      },
    ])
    expect(whyOn(tuning({}, free), of)).toBe(why)
  })

  test('whatever the horizon and urgency, never more than asked and never none', () => {
    const state = tuning()
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 53 - 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 500 }),
        (horizonMs, urgency, quantity) => {
          const { verdict, action } = decide(state, sliced({ quantity, execution: { horizonMs, urgency } }))
          if (action.type !== 'order') throw new Error('no order')
          expect(['allow', 'narrow']).toContain(verdict)
          expect(
            Number.isInteger(action.quantity) && action.quantity >= 1 && action.quantity <= quantity,
          ).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('rules that are not monotone', () => {
    const floored = programWith([
      {
        id: 'floor',
        title: 'Floor',
        applies: { actions: ['order', 'replace'] },
        forbid: 'order.quantity < 50 * instrument.lot',
        unless: 'action.reducing',
      },
    ])
    expect(whyOn(tuning({}, floored), sliced())).toBe('rules-not-monotone')
    expect(decide(tuning({}, floored), sliced()).tuning).toMatchObject({ rules: ['floor'] })
  })

  test('a region of one lot', () => {
    const single = programWith([
      {
        id: 'one',
        title: 'One',
        applies: { actions: ['order', 'replace'] },
        forbid: 'order.quantity > 1 * instrument.lot',
        unless: 'action.reducing',
      },
    ])
    const few = sliced({ quantity: 5 })
    expect(decide(tuning({}, single), few)).toMatchObject({ verdict: 'narrow', action: { quantity: 1 } })
    expect(tunedOn(tuning({}, single), few)).toMatchObject({ region: { lo: 1, hi: 1 }, lots: 1 })
  })

  test('another horizon than the first slice had, and one that is over', () => {
    const { state } = run(tuning(), [ask(sliced())], NOW)
    const parent = { id: decide(tuning(), sliced()).decision, quantity: 480 }
    const more = { id: idAt(NOW, 'M') }
    const other = sliced({ quantity: 440, parent, execution: { horizonMs: 2 * HOUR, urgency: 0 } }, more)
    expect(whyOn(state, other)).toBe('execution-differs')
    const after = run(state, [stillKnown(NOW + HOUR)], NOW + HOUR).state
    const late = sliced({ quantity: 440, parent }, { id: idAt(NOW + HOUR, 'M') })
    // What was never sent is free again.
    expect(whyOn(after, late, NOW + HOUR)).toBe('horizon-over')
  })

  test('one that passes by a grant alone', () => {
    // Grants are tested where they are made; here it is enough that none is spread.
    const state = tuning()
    const { ledger, program = PROGRAM, optimizer } = state
    const court = { ledger, program, now: NOW }
    const judged = {
      ...judgeWhole(court, 'alpha', BUY),
      grants: [{ grant: 'g-1', rule: 'x', observed: 1, limit: 1, upTo: 1 }],
    }
    const base = { judged: judged as never, decision: 'd', headroom: null, worth: () => null }
    const desk = { optimizer, modelOf: NO_MODELS }
    expect(tune(court, desk, sliced(), base)?.tuning).toMatchObject({ why: 'rests-on-grant' })
  })
})
