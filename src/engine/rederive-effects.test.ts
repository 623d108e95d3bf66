/** What a verdict sets off is derived again from its record, and whatever was changed in it is found. */
import { describe, expect, test } from 'vitest'
import {
  ask,
  idAt,
  NOW,
  PROGRAM,
  programOfFacts,
  programWith,
  ready,
  request,
  run,
  WARNING,
} from '../../test/support/engine.ts'
import type { Program } from '../constitution/compile.ts'
import type { ActionRequest, HaltScope } from '../protocol/action.ts'
import type { Decision } from '../protocol/decision.ts'
import { decisionOf } from '../protocol/evidence.ts'
import { permitEnd } from '../protocol/permit.ts'
import { eventText } from './event-text.ts'
import { rederive } from './rederive.ts'

const limits = { title: 'x', applies: { actions: ['order', 'replace'] } }
const CAP = { ...limits, id: 'cap', forbid: 'order.quantity > 1000 * instrument.lot' }
/** Rules that read the grid of an instrument and do not judge by it. */
const GRID = programWith([
  CAP,
  { ...limits, id: 'few', forbid: 'order.quantity < 0.1 * instrument.lot' },
  {
    ...limits,
    id: 'cheap',
    forbid: "order.orderType == 'limit' and order.limitPrice < 0.1 * instrument.tick",
  },
])

/** The last decision on what is asked one after another in the quiet market, as it is read back from the journal. */
function decisionOn(
  program: Program,
  ...asked: readonly ((before: string) => Partial<ActionRequest>)[]
): Decision {
  let state = ready(program)
  let last: Decision | undefined
  for (const [place, of] of asked.entries()) {
    const one = { ...request({}, { id: idAt(NOW, String(place)) }), ...of(last?.decision ?? '') }
    const ran = run(state, [ask(one)], NOW)
    const decided = ran.events.find((event) => event.type === 'decided')
    if (decided === undefined) throw new Error('expected a decision')
    state = ran.state
    last = decisionOf(JSON.parse(eventText(decided)) as typeof decided)
  }
  if (last === undefined) throw new Error('nothing was asked')
  return last
}
const order =
  (change: object, more: Partial<ActionRequest> = {}): (() => Partial<ActionRequest>) =>
  () => ({ action: { ...request().action, ...change }, ...more })
const replacing =
  (change: object) =>
  (before: string): Partial<ActionRequest> => ({
    action: { type: 'replace', account: 'main', instrument: 'AAPL', order: before, quantity: 50, ...change },
  })

describe('an order off its grid is not let through', () => {
  test.each<[string, Decision, string]>([
    ['half a lot', decisionOn(GRID, order({ quantity: 100.5 })), 'OFF_LOT'],
    ['half a tick', decisionOn(GRID, order({ limitPrice: 200.005 })), 'OFF_TICK'],
    [
      'half a lot in the place of an order',
      decisionOn(GRID, order({}), replacing({ quantity: 0.5 })),
      'OFF_LOT',
    ],
    [
      'half a tick in the place of an order',
      decisionOn(GRID, order({}), replacing({ limitPrice: 199.995 })),
      'OFF_TICK',
    ],
  ])('%s', (_, honest, code) => {
    expect(honest.reasons.map((reason) => reason.code)).toEqual([code])
    expect(rederive(honest, GRID)).toBeUndefined()
    const planted: Decision = { ...honest, verdict: 'allow', reasons: [], expires: permitEnd(honest.at) }
    expect(rederive(planted, GRID)).toBe(`it had to be refused with ${code}`)
    // Refused for something else it is not refused for this.
    const asked = decisionOn(GRID, order({ quantity: 2000.5, limitPrice: 200.005 }))
    const unsaid = asked.reasons.filter((reason) => reason.code !== code)
    expect(unsaid.length).toBeLessThan(asked.reasons.length)
    expect(rederive(asked, GRID)).toBeUndefined()
    expect(rederive({ ...asked, reasons: unsaid }, GRID)).toBe(`it had to be refused with ${code}`)
  })

  test('made smaller', () => {
    const honest = decisionOn(GRID, order({ quantity: 5000 }, { accept: ['narrow'] }))
    expect(honest.verdict).toBe('narrow')
    expect(rederive(honest, GRID)).toBeUndefined()
    const { action, findings, facts, worth } = decisionOn(GRID, order({ quantity: 100.5 }))
    expect(rederive({ ...honest, action, findings, facts, worth }, GRID)).toBe(
      'what it was narrowed to had to be refused with OFF_LOT',
    )
  })

  test('where a rule of that name only warns', () => {
    const own = programWith([CAP, WARNING])
    const honest = decisionOn(own, order({ quantity: 1.5 }))
    expect(honest.verdict).toBe('deny')
    expect(rederive(honest, own)).toBeUndefined()
    const reasons = honest.reasons.filter(({ rule }) => rule !== null)
    const planted: Decision = { ...honest, verdict: 'allow', reasons, expires: permitEnd(honest.at) }
    expect(rederive(planted, own)).toBe('it had to be refused with OFF_LOT')
  })

  test('where a rule says so in the engine’s place it need not', () => {
    const own = programWith([CAP], {}, ['off-lot', 'off-tick'])
    const honest = decisionOn(own, order({ quantity: 100.5 }))
    expect(honest.reasons).toMatchObject([{ rule: 'off-lot', code: 'OFF_LOT' }])
    expect(rederive(honest, own)).toBeUndefined()
  })
})

/** The shipped rules, of which some ask what an order is worth and whether it reduces. */
const buying = decisionOn(PROGRAM, order({}))
const selling = decisionOn(PROGRAM, order({ side: 'sell' }))
const basket = { id: 'b', value: 100_000 }
const part = decisionOn(PROGRAM, order({ basket }))
const replaced = decisionOn(PROGRAM, order({ basket }), replacing({}))
const denied = decisionOn(PROGRAM, order({ quantity: 5000 }))
const narrowed = decisionOn(PROGRAM, order({ quantity: 5000 }, { accept: ['narrow'] }))
const before = decisionOn(PROGRAM, order({ instrument: 'MSFT' }))
const WORTH = programWith([
  { ...limits, id: 'much', forbid: 'order.value > 1000000 USD', unless: 'action.reducing' },
])
const offTick = decisionOn(WORTH, order({ limitPrice: 200.005 }))

describe('what a verdict reserves, and until when it holds', () => {
  test('is as recorded', () => {
    expect(buying).toMatchObject({ verdict: 'allow', reducing: false })
    expect(buying.worth).toBeGreaterThan(0)
    expect(selling).toMatchObject({ verdict: 'allow', reducing: true, worth: 0, exitWorth: 20_000 })
    expect(part).toMatchObject({ verdict: 'allow', basketWorth: part.worth })
    expect(replaced.basketWorth).toBeGreaterThan(0)
    expect(narrowed.verdict).toBe('narrow')
    for (const honest of [buying, selling, part, replaced, denied, narrowed, before])
      expect(rederive(honest, PROGRAM)).toBeUndefined()
  })

  test.each<[string, Decision, Partial<Decision>, string]>([
    ['nothing reserved', buying, { worth: 0 }, '`worth` is recorded as 0'],
    ['less reserved', narrowed, { worth: 1 }, '`worth` is recorded as 1'],
    ['nobody knows what', buying, { worth: null }, '`worth` is recorded as null'],
    ['something reserved by a denial', denied, { worth: 7 }, '`worth` is recorded as 7'],
    ['something reserved by a refusal before the rules', before, { worth: 7 }, '`worth` is recorded as 7'],
    ['an exit that is none', buying, { reducing: true, worth: 0 }, '`reducing` is recorded as true'],
    ['an exit that is not told', selling, { reducing: false }, '`reducing` is recorded as false'],
    ['an exit that costs nothing', selling, { exitWorth: 0 }, '`exitWorth` is recorded as 0'],
    ['an exit of what is none', buying, { exitWorth: 0 }, '`exitWorth` is recorded of what is no exit'],
    ['a part that counts for nothing', part, { basketWorth: 0 }, '`basketWorth` is recorded as 0'],
    ['a part that is not counted', part, { basketWorth: undefined }, '`basketWorth` is left out'],
    ['a part in place of one that counts for nothing', replaced, { basketWorth: 0 }, 'recorded as 0'],
    ['a part of no basket', buying, { basketWorth: 0 }, '`basketWorth` is recorded of what is in no basket'],
    ['a longer life', buying, { expires: permitEnd(NOW) + 1000 }, '`expires` is recorded as'],
    ['an endless life', narrowed, { expires: null }, '`expires` is recorded as null'],
    ['a life of what was denied', denied, { expires: permitEnd(NOW) }, 'and comes out as null'],
    ['a life of what was refused before', before, { expires: permitEnd(NOW) }, 'and comes out as null'],
    ['another id', buying, { decision: denied.decision.replace(/.$/, 'x') }, 'its id is not the one'],
  ])('%s is found', (_, honest, change, problem) => {
    expect(rederive({ ...honest, ...change }, PROGRAM)).toContain(problem)
  })

  test('of what the engine refused beside rules that let it pass, the worth is what it would have been', () => {
    expect(offTick).toMatchObject({ verdict: 'deny', worth: 20_000.5 })
    expect(rederive(offTick, WORTH)).toBeUndefined()
    for (const worth of [0, 7])
      expect(rederive({ ...offTick, worth }, WORTH)).toContain(`\`worth\` is recorded as ${worth}`)
  })

  test('an exit of before its cost was recorded is believed', () => {
    expect(rederive({ ...selling, exitWorth: undefined }, PROGRAM)).toBeUndefined()
  })
})

describe('what a breach raises', () => {
  const KINDS = ['everything', 'account', 'agent', 'strategy', 'instrument'] as const
  const lawOf = (scope: HaltScope['kind'], more: readonly object[] = []): Program =>
    programOfFacts({}, [{ ...CAP, raise: { state: 'halted', scope } }, ...more])
  const NAMES = { account: 'main', agent: 'alpha', strategy: 'agent:alpha', instrument: 'AAPL' }
  const scopeOf = (kind: HaltScope['kind']): HaltScope =>
    kind === 'everything' ? { kind } : { kind, name: NAMES[kind] }

  test.each(KINDS)('over %s is as recorded, and found when it is left out or weaker', (kind) => {
    const law = lawOf(kind, [
      { ...limits, id: 'named', forbid: "strategy.id == 'none'", unless: 'action.reducing' },
    ])
    for (const accept of [[], ['narrow']] as const) {
      const honest = decisionOn(law, order({ quantity: 5000 }, { accept: [...accept] }))
      const raised = { rule: 'cap', state: 'halted', scope: scopeOf(kind) } as const
      expect(honest.raised).toEqual([raised])
      expect(rederive(honest, law)).toBeUndefined()
      const other: HaltScope = kind === 'agent' ? { kind: 'everything' } : { kind: 'agent', name: 'bravo' }
      for (const planted of [
        [],
        [{ ...raised, state: 'reducing' } as const],
        [{ ...raised, rule: 'other' }],
        [{ ...raised, scope: other }],
        [raised, raised],
        ...(kind === 'everything' ? [] : [[{ ...raised, scope: { kind, name: 'other' } }]]),
      ])
        expect(rederive({ ...honest, raised: planted }, law)).toContain('comes out')
    }
  })

  test('is nothing where nothing is breached, or no rule was asked', () => {
    const law = lawOf('account')
    const raised = [{ rule: 'cap', state: 'halted', scope: { kind: 'account', name: 'main' } } as const]
    expect(rederive({ ...decisionOn(law, order({})), raised }, law)).toContain('[] comes out')
    const early = decisionOn(law, order({ instrument: 'MSFT' }))
    expect(rederive({ ...early, raised }, law)).toBe(
      'refused before any rule, and a trading state was raised',
    )
  })

  test('over a strategy that no rule asked for is believed, and not that there is none', () => {
    const law = lawOf('strategy')
    const honest = decisionOn(law, order({ quantity: 5000 }))
    expect(rederive(honest, law)).toBeUndefined()
    const [raised] = honest.raised
    expect(raised?.scope).toEqual({ kind: 'strategy', name: 'agent:alpha' })
    const other = { rule: 'cap', state: 'halted', scope: { kind: 'strategy', name: 'other' } } as const
    expect(rederive({ ...honest, raised: [other] }, law)).toBeUndefined()
    expect(rederive({ ...honest, raised: [] }, law)).toContain('comes out')
  })

  test('by a rule that only looks is nothing', () => {
    const law = programWith([{ ...CAP, mode: 'shadow', raise: { state: 'halted', scope: 'agent' } }])
    const honest = decisionOn(law, order({ quantity: 5000 }))
    expect(honest).toMatchObject({ verdict: 'allow', raised: [] })
    expect(rederive(honest, law)).toBeUndefined()
  })

  test('over an instrument by a transfer of it is believed where it may not have been described', () => {
    const law = programWith([
      {
        id: 'moved',
        title: 'x',
        applies: { actions: ['transfer'] },
        forbid: 'transfer.amount * transfer.price > 1 USD',
        raise: { state: 'halted', scope: 'instrument' },
      },
    ])
    const moving = (asset: string) => () => ({
      action: { type: 'transfer', account: 'main', asset, amount: 5, destination: 'vault' } as const,
    })
    const shares = decisionOn(law, moving('AAPL'))
    const cash = decisionOn(law, moving('USD'))
    expect(shares.raised).toMatchObject([{ scope: { name: 'AAPL' } }])
    expect(cash.raised).toEqual([])
    expect(rederive(shares, law)).toBeUndefined()
    expect(rederive(cash, law)).toBeUndefined()
    const of = (name: string): Decision['raised'] => [
      { rule: 'moved', state: 'halted', scope: { kind: 'instrument', name } },
    ]
    expect(rederive({ ...shares, raised: of('MSFT') }, law)).toContain('comes out')
  })
})
