/** What is kept of what happened: equity over days, positions, orders, halts; and what cannot have happened. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { folded, holding, tenths } from '../../test/support/ledger.ts'
import type { Observation } from '../protocol/observation.ts'
import { refuse } from './accept.ts'
import { halt, observe, register, beat, resume, retire } from './fold.ts'
import { EMPTY_LEDGER } from './ledger.ts'
import { adoptPortfolio } from './positions.ts'
import { positionOf } from './subject.ts'

const DAY = 86_400_000
const MONDAY = Date.parse('2026-11-30T00:00:00Z')
const NOW = MONDAY + DAY / 2

const equity = (amount: number, at: number): Observation => ({
  kind: 'account',
  account: 'main',
  currency: 'USD',
  equity: amount,
  cash: 5,
  at,
})
const aapl = tenths(NOW)
const price = (source: string, at: number, amount = 200): Observation => ({
  kind: 'price',
  instrument: 'AAPL',
  source,
  price: amount,
  at,
})

describe('equity', () => {
  test.each<[string, readonly (readonly [hour: number, amount: number])[], number]>([
    [
      'the first report opens the first day',
      [
        [9, 100],
        [10, 90],
      ],
      100,
    ],
    [
      'the day opens with the last equity before it',
      [
        [20, 100],
        [23.9, 95],
        [24, 80],
      ],
      95,
    ],
    [
      'a loss overnight counts',
      [
        [23, 100],
        [33, 60],
        [34, 50],
      ],
      100,
    ],
    [
      'exactly at midnight is the new day',
      [
        [24, 70],
        [25, 60],
      ],
      70,
    ],
    [
      'days without a report are passed over',
      [
        [1, 100],
        [2, 90],
        [24 * 5, 40],
      ],
      90,
    ],
    [
      'the second day has its own',
      [
        [1, 100],
        [25, 90],
        [26, 80],
        [49, 70],
      ],
      80,
    ],
  ])('%s', (_, reports, expected) => {
    const ledger = folded(...reports.map(([hour, amount]) => equity(amount, MONDAY + hour * 3_600_000)))
    expect(ledger.accounts.get('main')?.dayOpenEquity).toBe(expected)
  })

  test('the high-water mark is the highest ever, and never falls', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1 }), (amounts) => {
        let ledger = EMPTY_LEDGER
        let highest = Number.NEGATIVE_INFINITY
        for (const [index, amount] of amounts.entries()) {
          ledger = observe(ledger, equity(amount, MONDAY + index * 7_000_000), NOW * 2)
          highest = Math.max(highest, amount)
          expect(ledger.accounts.get('main')?.highWater).toBe(highest)
        }
      }),
    )
  })

  test('credit is the cash where none is reported', () => {
    expect(folded(equity(1, NOW)).accounts.get('main')?.credit).toBe(5)
  })

  test('what arrives later than it says has its own time, what says later has the time of arrival', () => {
    expect(observe(EMPTY_LEDGER, equity(1, NOW), NOW + 9).accounts.get('main')?.at).toBe(NOW)
    expect(observe(EMPTY_LEDGER, equity(1, NOW + 9), NOW).accounts.get('main')?.at).toBe(NOW)
  })
})

describe('positions', () => {
  test('unknown before the first portfolio; absent in it means none', () => {
    expect(positionOf(EMPTY_LEDGER, 'main', 'AAPL')).toBeUndefined()
    const ledger = folded(holding(NOW, 5))
    expect(positionOf(ledger, 'main', 'AAPL')).toEqual({ quantity: 5, at: NOW })
    expect(positionOf(ledger, 'main', 'MSFT')).toEqual({ quantity: 0, at: NOW })
    expect(positionOf(ledger, 'other', 'AAPL')).toBeUndefined()
  })

  test('a later portfolio is the broker’s word: it confirms, or differs until an operator adopts it', () => {
    const ledger = folded(holding(NOW, 5), holding(NOW + 1, 5), holding(NOW + 2))
    expect(positionOf(ledger, 'main', 'AAPL')).toEqual({ quantity: 5, at: NOW + 1 })
    expect(ledger.portfolios.get('main')?.broker?.differences.toObject()).toEqual({ AAPL: -5 })
    const adopted = adoptPortfolio(ledger, 'main', NOW + 3)
    expect(positionOf(adopted, 'main', 'AAPL')).toEqual({ quantity: 0, at: NOW + 3 })
    expect(adopted.portfolios.get('main')?.broker?.differences.size).toBe(0)
  })

  test('a single position says nothing of other instruments', () => {
    const ledger = observe(
      EMPTY_LEDGER,
      { kind: 'position', account: 'main', instrument: 'AAPL', quantity: 5, at: NOW },
      NOW,
    )
    expect(positionOf(ledger, 'main', 'MSFT')).toBeUndefined()
  })
})

test('agents keep their heartbeat when they register again, and strangers have none', () => {
  const registration = { agent: 'a', role: 'trader', strategies: [] } as const
  const ledger = register(
    beat(register(EMPTY_LEDGER, { ...registration, strategies: [] }, NOW - 1), 'a', NOW),
    { ...registration, strategies: ['x'] },
    NOW + 1,
  )
  expect(ledger.agents.get('a')).toMatchObject({ heartbeatAt: NOW, strategies: ['x'], since: NOW - 1 })
  expect(beat(EMPTY_LEDGER, 'a', NOW)).toBe(EMPTY_LEDGER)
})

test('a retired agent has no heartbeat until it is registered again', () => {
  const registration = { agent: 'a', role: 'trader' as const, strategies: [] }
  const retired = retire(beat(register(EMPTY_LEDGER, registration, NOW), 'a', NOW), 'a', NOW + 1)
  expect(beat(retired, 'a', NOW + 2).agents.get('a')).toMatchObject({
    heartbeatAt: undefined,
    retiredAt: NOW + 1,
  })
  const again = register(retired, registration, NOW + 3)
  expect(beat(again, 'a', NOW + 4).agents.get('a')).toMatchObject({ heartbeatAt: NOW + 4, since: NOW })
})

test('a halt is lifted by the second operator, not by the first one twice', () => {
  const raised = halt(EMPTY_LEDGER, {
    id: 'h',
    scope: { kind: 'everything' },
    state: 'halted',
    by: 'x',
    reason: 'y',
    at: NOW,
    resumes: [],
  })
  const once = resume(raised, 'h', { operator: 'a', reason: 'ok', at: NOW, rebase: false })
  expect(once.halts.get('h')?.resumes).toHaveLength(1)
  expect(resume(once, 'h', { operator: 'a', reason: 'ok', at: NOW, rebase: false })).toBe(once)
  expect(resume(once, 'h', { operator: 'b', reason: 'ok', at: NOW, rebase: false }).halts.size).toBe(0)
  expect(resume(once, 'none', { operator: 'b', reason: 'ok', at: NOW, rebase: false })).toBe(once)
})

describe('what is not believed', () => {
  const bar = {
    kind: 'bar',
    instrument: 'AAPL',
    from: NOW - 1000,
    to: NOW,
    open: 1,
    high: 1,
    low: 1,
    close: 1,
    volume: 1,
  } as const
  const locate = { kind: 'locate', account: 'main', instrument: 'AAPL', quantity: 5, at: NOW } as const
  const rate = { kind: 'fx', base: 'GBP', quote: 'USD', rate: 1.25, at: NOW } as const
  const all: Exclude<Observation, { kind: 'bar' }>[] = [
    aapl,
    { kind: 'price', instrument: 'AAPL', source: 'nyse', price: 200, at: NOW },
    rate,
    { kind: 'account', account: 'main', currency: 'USD', equity: 1, cash: 5, at: NOW },
    holding(NOW),
    locate,
  ]

  test.each(all.map((one) => [one.kind, one] as const))(
    'a future %s, and one older than what is recorded',
    (_, one) => {
      expect(refuse(EMPTY_LEDGER, one, NOW - 1)?.code).toBe('OBSERVATION_IN_FUTURE')
      expect(refuse(EMPTY_LEDGER, one, NOW)).toBeUndefined()
      const ledger = observe(EMPTY_LEDGER, one, NOW)
      expect(refuse(ledger, { ...one, at: NOW - 1 }, NOW)?.code).toBe('OBSERVATION_STALE')
      expect(refuse(ledger, one, NOW)).toBeUndefined()
    },
  )

  test('a bar that ends in the future; an older one may come late', () => {
    expect(refuse(EMPTY_LEDGER, bar, NOW - 1)?.code).toBe('OBSERVATION_IN_FUTURE')
    expect(
      refuse(observe(EMPTY_LEDGER, bar, NOW), { ...bar, from: NOW - 9000, to: NOW - 5000 }, NOW),
    ).toBeUndefined()
  })

  test('another source, instrument, account or pair has a time of its own', () => {
    const ledger = folded(price('nyse', NOW), rate)
    expect(refuse(ledger, price('bats', NOW - 9), NOW)).toBeUndefined()
    expect(refuse(ledger, { ...rate, base: 'EUR', at: NOW - 9 }, NOW)).toBeUndefined()
  })

  test.each([
    ['class', { ...aapl, assetClass: 'bond' }],
    ['currency', { ...aapl, currency: 'EUR' }],
    ['multiplier', { ...aapl, multiplier: 50 }],
  ] as const)('an instrument that changes its %s', (_, changed) => {
    expect(refuse(folded(aapl), changed, NOW)?.code).toBe('OBSERVATION_CONTRADICTS')
  })

  test('an instrument may change its tick and status, and not the lot in which positions are counted', () => {
    expect(refuse(folded(aapl), { ...aapl, tick: 1, status: 'halted' }, NOW)).toBeUndefined()
    expect(refuse(folded(aapl), { ...aapl, lot: 1 }, NOW)?.code).toBe('OBSERVATION_CONTRADICTS')
  })

  test('an account that changes its currency', () => {
    expect(
      refuse(
        folded(equity(1, NOW)),
        { kind: 'account', account: 'main', currency: 'EUR', equity: 1, cash: 1, at: NOW },
        NOW,
      )?.code,
    ).toBe('OBSERVATION_CONTRADICTS')
  })

  test('a position that is no whole number of lots', () => {
    expect(refuse(folded(aapl), holding(NOW, 0.3), NOW)).toBeUndefined()
    expect(refuse(folded(aapl), holding(NOW, 0.35), NOW)?.detail).toContain('no whole number of lots of 0.1')
  })
})

describe('a jump of more than ten times', () => {
  const fx = (value: number, at = NOW) =>
    ({ kind: 'fx', base: 'GBP', quote: 'USD', rate: value, at }) as const
  const report = (of: number, free: number, at = NOW): Observation => ({
    kind: 'account',
    account: 'main',
    currency: 'USD',
    equity: of,
    cash: 0,
    credit: free,
    at,
  })
  const HOUR = 3_600_000
  const codeOf = (
    before: Observation,
    after: Observation,
    now = after.kind === 'bar' ? after.to : after.at,
  ) => refuse(folded(before), after, now)?.code

  test.each([
    [13, undefined],
    [13.01, 'OBSERVATION_CONTRADICTS'],
    [0.13, undefined],
    [0.1299, 'OBSERVATION_CONTRADICTS'],
    [0.013, 'OBSERVATION_CONTRADICTS'],
  ])('a rate of 1.3 that becomes %s', (value, code) => {
    expect(codeOf(fx(1.3), fx(value))).toBe(code)
  })

  test('a rate is believed again once the last is an hour old', () => {
    expect(codeOf(fx(1.3), fx(0.013, NOW + HOUR - 1))).toBe('OBSERVATION_CONTRADICTS')
    expect(codeOf(fx(1.3), fx(0.013, NOW + HOUR))).toBeUndefined()
  })

  test('equity above ten times the highest, until the last report is an hour old', () => {
    expect(codeOf(report(100, 10), report(1000, 10))).toBeUndefined()
    expect(codeOf(report(100, 10), report(1000.01, 10))).toBe('OBSERVATION_CONTRADICTS')
    expect(codeOf(report(100, 10, NOW - HOUR), report(100_000, 10))).toBeUndefined()
  })

  test('equity is held against the highest, not against the last', () => {
    const ledger = folded(report(100, 10), report(5, 10))
    expect(refuse(ledger, report(100, 10), NOW)).toBeUndefined()
    expect(refuse(ledger, report(1001, 10), NOW)?.detail).toContain('the equity of main was 5')
  })

  test('credit is held against the highest equity, and against itself where it is more', () => {
    expect(codeOf(report(100, 10), report(100, 1000))).toBeUndefined()
    expect(codeOf(report(100, 10), report(100, 1001))).toBe('OBSERVATION_CONTRADICTS')
    expect(codeOf(report(100, 3000), report(100, 30_000))).toBeUndefined()
  })

  test('the cash counts where no credit is reported, and only there', () => {
    const cash = (free: number): Observation => ({ ...equity(100, NOW), cash: free }) as Observation
    expect(codeOf(cash(10), cash(1001))).toBe('OBSERVATION_CONTRADICTS')
    expect(codeOf(report(100, 10), { ...report(100, 10), cash: 1001 } as Observation)).toBeUndefined()
  })

  test('a fall is never refused, and credit that jumped with it does not count', () => {
    for (const fallen of [99, 1, 0, -50]) {
      const after = report(fallen, 100_000)
      expect(codeOf(report(100, 10), after)).toBeUndefined()
      expect(folded(report(100, 10), after).accounts.get('main')).toMatchObject({
        equity: fallen,
        credit: 10,
      })
    }
    expect(codeOf(report(-5, 0), report(-10, 0))).toBeUndefined()
  })
})

describe('a description that leaps', () => {
  const DAY = 86_400_000
  const described = (more: object = {}, at = NOW): Observation & { kind: 'instrument' } => ({
    ...tenths(at),
    adv: 1_000,
    sharesOutstanding: 50_000,
    ...more,
  })
  const codeOf = (before: Observation, after: Observation, now: number) =>
    refuse(folded(before), after, now)?.code

  test.each<[string, object, string | undefined]>([
    ['ten times the volume', { adv: 10_000 }, undefined],
    ['more', { adv: 10_000.1 }, 'OBSERVATION_CONTRADICTS'],
    ['a hundredfold', { adv: 100_000 }, 'OBSERVATION_CONTRADICTS'],
    ['a hundredth, by which orders only get smaller', { adv: 10 }, undefined],
    ['a hundredfold issue', { sharesOutstanding: 5_000_000 }, 'OBSERVATION_CONTRADICTS'],
    ['a tick a hundred times as coarse', { tick: 1 }, 'OBSERVATION_CONTRADICTS'],
    ['or as fine', { tick: 0.0001 }, 'OBSERVATION_CONTRADICTS'],
    ['a tick five times as coarse', { tick: 0.05 }, undefined],
  ])('to %s', (_, more, code) => {
    expect(codeOf(described(), described(more, NOW + DAY), NOW + DAY)).toBe(code)
  })

  test('is believed after a week, and once it was left out in between', () => {
    const later = described({ adv: 100_000 }, NOW + 7 * DAY)
    expect(codeOf(described(), { ...later, at: NOW + 7 * DAY - 1 }, NOW + 7 * DAY - 1)).toBeDefined()
    expect(codeOf(described(), later, NOW + 7 * DAY)).toBeUndefined()
    const silent = described({ adv: undefined }, NOW + 1)
    const next = described({ adv: 100_000 }, NOW + 2)
    expect(refuse(folded(described(), silent), next, NOW + 2)).toBeUndefined()
  })

  test('never hides that the instrument stopped trading, and does not count then', () => {
    const stopped = described({ status: 'halted', adv: 100_000, tick: 5 }, NOW + 1)
    expect(codeOf(described(), stopped, NOW + 1)).toBeUndefined()
    expect(folded(described(), stopped).instruments.get('AAPL')).toMatchObject({
      status: 'halted',
      adv: 1_000,
      tick: 0.01,
    })
  })

  test('no bar holds more than ten average days, and no more is lent than there is', () => {
    const bar = (volume: number): Observation => ({
      kind: 'bar',
      instrument: 'AAPL',
      from: NOW - 60_000,
      to: NOW,
      open: 1,
      high: 1,
      low: 1,
      close: 1,
      volume,
    })
    expect(codeOf(described(), bar(10_000), NOW)).toBeUndefined()
    expect(codeOf(described(), bar(10_001), NOW)).toBe('OBSERVATION_CONTRADICTS')
    const locate = (quantity: number): Observation => ({
      kind: 'locate',
      account: 'main',
      instrument: 'AAPL',
      quantity,
      at: NOW,
    })
    expect(codeOf(described(), locate(50_000), NOW)).toBeUndefined()
    expect(codeOf(described(), locate(50_001), NOW)).toBe('OBSERVATION_CONTRADICTS')
    // Where the figures are not known nothing is held against them.
    expect(codeOf(tenths(NOW), bar(10_001), NOW)).toBeUndefined()
    expect(codeOf(tenths(NOW), locate(50_001), NOW)).toBeUndefined()
  })
})
