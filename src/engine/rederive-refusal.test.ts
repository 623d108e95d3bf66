/** Refusals by the engine are derived again where the record shows them, and what was changed in one is found. */
import { describe, expect, test } from 'vitest'
import {
  ask,
  idAt,
  NOW,
  PROGRAM,
  programWith,
  QUIET,
  ready,
  request,
  run,
} from '../../test/support/engine.ts'
import type { RefusalCode } from '../base/errors.ts'
import type { Program } from '../constitution/compile.ts'
import type { Action } from '../protocol/action.ts'
import type { Decision } from '../protocol/decision.ts'
import { decisionOf } from '../protocol/evidence.ts'
import { eventText } from './event-text.ts'
import { refusal } from './judgement.ts'
import { refusalGrounds, type Ground } from './rederive-refusal.ts'
import { readerOf, rederive } from './rederive.ts'

const limits = { title: 'x', applies: { actions: ['order', 'replace'] } }
/** Rules that read the grid of an instrument and do not judge by it. */
const GRID = programWith([
  { ...limits, id: 'few', forbid: 'order.quantity < 0.1 * instrument.lot' },
  {
    ...limits,
    id: 'cheap',
    forbid: "order.orderType == 'limit' and order.limitPrice < 0.1 * instrument.tick",
  },
])
const BARE = programWith([{ ...limits, id: 'no-market', forbid: "order.orderType == 'market'" }])

/** The last decision on `actions` in the quiet market, asked one after another, as it is read back from the journal. */
const decisionOn = (program: Program, ...actions: readonly ((before: string) => Action)[]): Decision =>
  decisionIn(QUIET, program, ...actions)

function decisionIn(
  observations: typeof QUIET,
  program: Program,
  ...actions: readonly ((before: string) => Action)[]
): Decision {
  let state = ready(program, observations)
  let last: Decision | undefined
  for (const [index, action] of actions.entries()) {
    const of = { ...request({}, { id: idAt(NOW, String(index)) }), action: action(last?.decision ?? '') }
    const ran = run(state, [ask(of)], NOW)
    const [event] = ran.events
    if (event?.type !== 'decided') throw new Error('expected a decision')
    state = ran.state
    last = decisionOf(JSON.parse(eventText(event)) as typeof event)
  }
  if (last === undefined) throw new Error('nothing was asked')
  return last
}
const asking =
  (change: object): (() => Action) =>
  () => ({ ...request().action, ...change })
const replacing =
  (change: object) =>
  (order: string): Action => ({
    type: 'replace',
    account: 'main',
    instrument: 'AAPL',
    order,
    quantity: 50,
    ...change,
  })
const AT_MARKET = asking({ orderType: 'market', limitPrice: undefined })
const grounds = (decision: Decision, program: Program): unknown => {
  const found = refusalGrounds(decision, program, readerOf(decision))
  return typeof found === 'string' ? found : Object.fromEntries(found)
}

const FINE = QUIET.map((one) => (one.kind === 'instrument' ? { ...one, lot: 1e-8 } : one))

const HONEST: readonly [string, Decision, Program, Partial<Record<RefusalCode, Ground>>][] = [
  [
    'an instrument',
    decisionOn(PROGRAM, asking({ instrument: 'MSFT' })),
    PROGRAM,
    { INSTRUMENT_UNKNOWN: 'derived' },
  ],
  [
    'an instrument of which nothing would have been read',
    decisionOn(BARE, asking({ instrument: 'MSFT' })),
    BARE,
    { INSTRUMENT_UNKNOWN: 'believed' },
  ],
  ['an account', decisionOn(PROGRAM, asking({ account: 'other' })), PROGRAM, { ACCOUNT_UNKNOWN: 'believed' }],
  [
    'an order to be replaced',
    decisionOn(PROGRAM, replacing({ order: 'd-0' })),
    PROGRAM,
    { ORDER_UNKNOWN: 'derived' },
  ],
  [
    'a price on what replaces a market order',
    decisionOn(PROGRAM, AT_MARKET, replacing({ limitPrice: 200 })),
    PROGRAM,
    { LIMIT_PRICE_UNEXPECTED: 'derived' },
  ],
  [
    'a strategy',
    decisionOn(PROGRAM, asking({ strategy: 'twap' })),
    PROGRAM,
    { STRATEGY_UNREGISTERED: 'derived' },
  ],
  [
    'a strategy that no rule reads',
    decisionOn(BARE, asking({ strategy: 'twap' })),
    BARE,
    { STRATEGY_UNREGISTERED: 'believed' },
  ],
  ['half a lot', decisionOn(GRID, asking({ quantity: 100.5 })), GRID, { OFF_LOT: 'derived' }],
  ['half a tick', decisionOn(GRID, asking({ limitPrice: 200.005 })), GRID, { OFF_TICK: 'derived' }],
  ['too many lots', decisionIn(FINE, GRID, asking({ quantity: 1e8 })), GRID, { OUT_OF_RANGE: 'derived' }],
  [
    'half a lot, where no rule reads the lot',
    decisionOn(BARE, asking({ quantity: 100.5 })),
    BARE,
    { OFF_LOT: 'believed' },
  ],
]

describe('an honest refusal', () => {
  test.each(HONEST)('for %s', (_, decision, program, expected) => {
    expect(decision.verdict).toBe('deny')
    expect(grounds(decision, program)).toEqual(expected)
    expect(rederive(decision, program)).toBeUndefined()
  })
})

const gone = { value: null, source: 'missing', ageMs: null }
const allowed = decisionOn(PROGRAM, asking({}))
/** As an engine records it that has lost the lot of an instrument. */
const lost: Decision = {
  ...allowed,
  verdict: 'deny',
  worth: 0,
  expires: null,
  findings: [],
  reasons: [refusal('FACT_UNAVAILABLE', null, ['instrument.lot'])],
  facts: { ...allowed.facts, 'instrument.lot': gone },
}

describe('what must always be known', () => {
  test('is found missing again', () => {
    expect(grounds(lost, PROGRAM)).toEqual({ FACT_UNAVAILABLE: 'derived' })
    expect(rederive(lost, PROGRAM)).toBeUndefined()
  })

  test('and was not, or was something else', () => {
    expect(rederive({ ...lost, facts: allowed.facts }, PROGRAM)).toMatch(/missing are none/)
    const reasons = [refusal('FACT_UNAVAILABLE', null, ['instrument.tick'])]
    expect(rederive({ ...lost, reasons }, PROGRAM)).toMatch(/missing are instrument\.lot/)
  })

  test('and was missing without a refusal', () => {
    expect(rederive({ ...allowed, facts: lost.facts }, PROGRAM)).toMatch(/instrument\.lot was missing/)
  })
})

describe('a planted change is found', () => {
  test.each(HONEST)(
    'in another verdict, and in what was observed, of a refusal for %s',
    (_, decision, program) => {
      expect(rederive({ ...decision, verdict: 'allow' }, program)).toMatch(/recorded as allow/)
      const reasons = decision.reasons.map((reason) =>
        reason.rule === null ? { ...reason, observed: 'another' } : reason,
      )
      expect(rederive({ ...decision, reasons }, program)).toMatch(/refused with/)
    },
  )

  test.each<[RefusalCode, string | number, RegExp]>([
    ['INSTRUMENT_UNKNOWN', 'AAPL', /`instrument\.class` was read/],
    ['ACCOUNT_UNKNOWN', 'main', /`account\.equity` was read/],
    ['ORDER_UNKNOWN', 'd-0', /nothing is replaced/],
    ['LIMIT_PRICE_UNEXPECTED', 200, /nothing is replaced/],
    ['LIMIT_PRICE_UNKNOWN', 'd-0', /nothing is replaced/],
    ['OWNER_DIFFERS', 'other', /`account` is main/],
    ['STRATEGY_UNREGISTERED', 'twap', /`strategy` is undefined/],
    ['OFF_LOT', 100, /the lot is 1/],
    ['OUT_OF_RANGE', 100, /the lot is 1/],
    ['OFF_TICK', 200, /the tick is 0\.01/],
  ])('an allowed order recorded as refused with %s', (code, observed, problem) => {
    const denied: Decision = { ...allowed, verdict: 'deny', findings: [], reasons: [refusal(code, observed)] }
    expect(rederive(denied, PROGRAM)).toMatch(problem)
  })

  test('an allowed order recorded as out of range, where no rule reads what was open beside it', () => {
    const sized = programWith([], {}, ['off-lot'])
    const reasons = [refusal('OUT_OF_RANGE', 100)]
    const denied: Decision = { ...decisionOn(sized, asking({})), verdict: 'deny', findings: [], reasons }
    // The rules were asked.
    expect(rederive(denied, sized)).toMatch(/findings come out differently/)
  })

  test('a cancel recorded as refused', () => {
    const cancelled = decisionOn(PROGRAM, (): Action => ({
      type: 'cancel',
      account: 'other',
      instrument: 'AAPL',
      order: 'd-0',
    }))
    expect(cancelled.verdict).toBe('allow')
    const reasons = [refusal('ACCOUNT_UNKNOWN', 'other')]
    expect(rederive({ ...cancelled, verdict: 'deny', findings: [], reasons }, PROGRAM)).toMatch(
      /it is a cancel/,
    )
  })

  test('a price on what replaces a limit order', () => {
    const replaced = decisionOn(PROGRAM, asking({}), replacing({ limitPrice: 200 }))
    const reasons = [refusal('LIMIT_PRICE_UNEXPECTED', 200)]
    const denied: Decision = { ...replaced, verdict: 'deny', findings: [], reasons }
    expect(rederive(denied, PROGRAM)).toMatch(/`order\.orderType` is limit/)
  })

  test('no price on what replaces: one is named, another order, or a market order', () => {
    const recorded = (...actions: Parameters<typeof decisionOn>[1][]): Decision => {
      const replaced = decisionOn(PROGRAM, ...actions)
      const observed = 'order' in replaced.request.action ? replaced.request.action.order : null
      return {
        ...replaced,
        verdict: 'deny',
        findings: [],
        reasons: [refusal('LIMIT_PRICE_UNKNOWN', observed)],
      }
    }
    const priced = recorded(asking({}), replacing({ limitPrice: 200 }))
    expect(rederive(priced, PROGRAM)).toMatch(/the price is 200/)
    expect(rederive(recorded(AT_MARKET, replacing({})), PROGRAM)).toMatch(/`order\.orderType` is market/)
    const right = recorded(asking({}), replacing({}))
    const other = { ...right, reasons: [refusal('LIMIT_PRICE_UNKNOWN', 'd-else')] }
    expect(rederive(other, PROGRAM)).toMatch(/the action’s `order` is/)
  })

  test('a code that no engine gives, other words, rules that were asked all the same', () => {
    const decision = decisionOn(PROGRAM, asking({ instrument: 'MSFT' }))
    const [reason] = decision.reasons
    if (reason === undefined) throw new Error('expected a reason')
    const withReasons = (...reasons: Decision['reasons']) => rederive({ ...decision, reasons }, PROGRAM)
    expect(withReasons({ ...reason, code: 'OTHER' })).toMatch(/`OTHER` is no refusal/)
    expect(withReasons({ ...reason, title: 'Because' })).toMatch(/is not as the engine words it/)
    expect(withReasons(reason, { ...reason, rule: 'off-lot' })).toMatch(/rules were asked/)
    expect(rederive({ ...decision, findings: allowed.findings }, PROGRAM)).toMatch(/rules were asked/)
  })

  test('a fact that the action says otherwise', () => {
    const decision = decisionOn(PROGRAM, asking({ instrument: 'MSFT' }))
    const facts = { ...decision.facts, 'order.quantity': { value: 7, source: 'action', ageMs: null } }
    expect(rederive({ ...decision, facts }, PROGRAM)).toMatch(/the action says 100/)
  })
})
