/** Facts as they are read from the ledger: reducing orders, trading states, money in one currency. */
import { anOrder } from '../../test/support/orders.ts'
import { describe, expect, test } from 'vitest'
import { NOW, PROGRAM, programOfFacts, QUIET } from '../../test/support/engine.ts'
import { folded, holding, tenths } from '../../test/support/ledger.ts'
import type { Action } from '../protocol/action.ts'
import type { Observation } from '../protocol/observation.ts'
import { halt, register } from './fold.ts'
import { EMPTY_LEDGER, type Halt, type Ledger } from './ledger.ts'
import { measure, unsupportedLive } from './measure.ts'
import { reserve } from './orders.ts'
import { isReducing, subjectOf } from './subject.ts'

const instrument = tenths(NOW)
const order = (side: 'buy' | 'sell', quantity: number): Action => ({
  type: 'order',
  account: 'main',
  instrument: 'AAPL',
  side,
  quantity,
  orderType: 'market',
})
const open = (ledger: Ledger, side: 'buy' | 'sell', lots: number, id = 'd-1'): Ledger =>
  reserve(ledger, anOrder({ id, side, lots }), undefined)

describe('whether an order certainly reduces', () => {
  const reduces = (ledger: Ledger, action: Action): boolean | undefined =>
    isReducing(ledger, subjectOf(ledger, 'a', action), NOW, undefined)
  const long = folded(instrument, holding(NOW, 1))
  const short = folded(instrument, holding(NOW, -1))

  test.each<[string, Ledger, Action, boolean | undefined]>([
    ['selling some of it', long, order('sell', 0.3), true],
    ['selling all of it', long, order('sell', 1), true],
    ['selling through zero, by one lot', long, order('sell', 1.1), false],
    ['buying more', long, order('buy', 0.1), false],
    ['buying back a short', short, order('buy', 1), true],
    ['buying it back through zero', short, order('buy', 1.1), false],
    ['selling more short', short, order('sell', 0.1), false],
    ['with nothing held', folded(instrument, holding(NOW, 0)), order('sell', 0.1), false],
    ['not in the portfolio', folded(instrument, holding(NOW)), order('sell', 0.1), false],
    ['a position nobody has reported', folded(instrument), order('sell', 0.1), undefined],
    ['an instrument nobody has described', folded(holding(NOW, 1)), order('sell', 0.1), undefined],
    ['a broken lot', long, order('sell', 0.15), undefined],
    ['what is open counts', open(long, 'sell', 7), order('sell', 0.3), true],
    ['and one lot beside it crosses zero', open(long, 'sell', 7), order('sell', 0.4), false],
    ['what is open on the other side does not help', open(long, 'buy', 7), order('sell', 1.1), false],
    [
      'a replacement leaves out what it replaces',
      open(long, 'sell', 7),
      { type: 'replace', account: 'main', instrument: 'AAPL', order: 'd-1', quantity: 1 },
      true,
    ],
    [
      'and nothing else',
      open(open(long, 'sell', 3), 'sell', 4, 'd-2'),
      { type: 'replace', account: 'main', instrument: 'AAPL', order: 'd-2', quantity: 0.8 },
      false,
    ],
    [
      'a replacement of an order of another account',
      open(long, 'sell', 7),
      { type: 'replace', account: 'side', instrument: 'AAPL', order: 'd-1', quantity: 0.1 },
      undefined,
    ],
    ['a cancel', EMPTY_LEDGER, { type: 'cancel', account: 'main', instrument: 'AAPL', order: 'd-1' }, true],
    [
      'a transfer',
      long,
      { type: 'transfer', account: 'main', asset: 'USD', amount: 1, destination: 'x' },
      false,
    ],
    ['a change', long, { type: 'change', subject: 'limit', target: 'x', from: 1, to: 2 }, false],
  ])('%s', (_, ledger, action, expected) => {
    expect(reduces(ledger, action)).toBe(expected)
  })

  test('0.1 and 0.2 of 0.3 are all of it', () => {
    expect(reduces(open(folded(instrument, holding(NOW, 0.3)), 'sell', 1), order('sell', 0.2))).toBe(true)
  })
})

describe('the trading state', () => {
  const everything: Halt = {
    id: 'h',
    scope: { kind: 'everything' },
    state: 'reducing',
    by: 'x',
    reason: 'y',
    at: NOW,
    resumes: [],
  }
  const stateOf = (...halts: readonly Halt[]): unknown => {
    const start = register(
      folded(...QUIET),
      { agent: 'a', role: 'trader', strategies: ['twap', 'vwap'] },
      NOW,
    )
    const ledger = halts.reduce((before, one) => halt(before, one), start)
    return measure(
      ledger,
      subjectOf(ledger, 'a', order('buy', 1)),
      PROGRAM.constitution,
      NOW,
    )('trading.state')?.value
  }
  const on = (
    id: string,
    kind: 'account' | 'agent' | 'strategy' | 'instrument',
    name: string,
    state: Halt['state'],
  ): Halt => ({ ...everything, id, scope: { kind, name }, state })

  test.each<[string, readonly Halt[], string]>([
    ['none', [], 'active'],
    ['everything', [everything], 'reducing'],
    ['the strictest, raised first', [on('1', 'account', 'main', 'halted'), everything], 'halted'],
    ['the strictest, raised last', [everything, on('1', 'agent', 'a', 'halted')], 'halted'],
    [
      'what covers others does not count',
      [
        on('1', 'account', 'side', 'halted'),
        on('2', 'agent', 'b', 'halted'),
        on('3', 'instrument', 'MSFT', 'halted'),
      ],
      'active',
    ],
    ['the strategy is the agent’s first', [on('1', 'strategy', 'twap', 'halted')], 'halted'],
    ['and no other of its own', [on('1', 'strategy', 'vwap', 'halted')], 'active'],
    ['an instrument', [on('1', 'instrument', 'AAPL', 'reducing')], 'reducing'],
  ])('%s', (_, halts, expected) => {
    expect(stateOf(...halts)).toBe(expected)
  })
})

describe('money and rates', () => {
  const read = (name: string, more: readonly Observation[], action: Action = order('buy', 1)): unknown => {
    const ledger = folded(...QUIET, ...more)
    return measure(ledger, subjectOf(ledger, 'a', action), PROGRAM.constitution, NOW)(name)?.value
  }
  const sterling: Observation = { ...instrument, instrument: 'VOD.L', currency: 'GBP' }
  const inSterling: Action = { ...order('buy', 1), instrument: 'VOD.L' } as Action
  const rate: Observation = { kind: 'fx', base: 'GBP', quote: 'USD', rate: 1.25, at: NOW }

  test('the same currency is worth one', () => expect(read('instrument.fx', [])).toBe(1))
  test('another is worth its rate', () =>
    expect(read('instrument.fx', [sterling, rate], inSterling)).toBe(1.25))
  test('unknown without one, and a rate the other way round is none', () => {
    expect(read('instrument.fx', [sterling], inSterling)).toBeUndefined()
    expect(
      read('instrument.fx', [sterling, { ...rate, base: 'USD', quote: 'GBP' }], inSterling),
    ).toBeUndefined()
  })
  test('an account in another currency has no worth in this one', () => {
    const other: Observation = {
      kind: 'account',
      account: 'euros',
      currency: 'EUR',
      equity: 5,
      cash: 5,
      at: NOW,
    }
    expect(
      read('account.equity', [other], { ...order('buy', 1), account: 'euros' } as Action),
    ).toBeUndefined()
    expect(read('account.equity', [])).toBe(10_000_000)
  })
})

describe('what is too old to count', () => {
  const at = (later: number, action: Action = order('buy', 1)) => {
    const ledger = folded(...QUIET)
    return measure(ledger, subjectOf(ledger, 'a', action), PROGRAM.constitution, NOW + later)
  }

  test('a reference whose second source is stale has an age and no value', () => {
    expect(at(0)('market.reference')).toEqual({ value: 200, at: NOW - 700, source: 'median' })
    // The second is 700 ms old, and two seconds is the most.
    expect(at(1300)('market.reference')?.value).toBe(200)
    expect(at(1301)('market.reference')).toEqual({ value: Number.NaN, at: NOW - 700, source: 'median' })
    expect(at(1301)('market.disagreement')).toEqual({ value: Number.NaN, at: NOW - 700, source: 'prices' })
  })

  test('so has the price of what is transferred', () => {
    const transfer: Action = {
      type: 'transfer',
      account: 'main',
      asset: 'AAPL',
      amount: 1,
      destination: 'x',
    }
    expect(at(0, transfer)('transfer.price')?.value).toBe(200)
    expect(at(86_400_000, transfer)('transfer.price')).toEqual({
      value: Number.NaN,
      at: NOW - 700,
      source: 'median',
    })
  })
})

test('in one of several partitions, what is counted over the actions of several owners is not measured', () => {
  const counted = (by: readonly string[]) => {
    const fact = { type: 'count', count: 'orders', by, window: '1min' }
    const rule = {
      id: 'pace',
      title: 'Pace',
      applies: { actions: ['order', 'replace'] },
      forbid: 'pace.orders1min >= 2',
      unless: 'action.reducing',
    }
    const { constitution } = programOfFacts({ 'pace.orders1min': fact }, [rule])
    return [false, true].map((isOneOfSeveral) =>
      unsupportedLive(constitution, isOneOfSeveral).map(({ facts }) => facts),
    )
  }
  expect(counted(['instrument.id'])).toEqual([[], [['pace.orders1min']]])
  expect(counted(['agent.id', 'instrument.id'])).toEqual([[], []])
  expect(unsupportedLive(PROGRAM.constitution, true)).toEqual([])
})
