/** Orders: what each report from the venue makes of them, and that the sums are always what the orders make them. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anOrder } from '../../test/support/orders.ts'
import type { Execution } from '../protocol/execution.ts'
import { acceptExecution } from './accept-execution.ts'
import { weightOf } from './exposure.ts'
import { observe } from './fold.ts'
import { EMPTY_LEDGER, keyOf, type Ledger, type OrderState } from './ledger.ts'
import { execute, findOrder, isLive, lapse, reserve, reserveReplacement } from './orders.ts'
import { adoptPortfolio } from './positions.ts'
import { positionOf } from './subject.ts'
import { NO_VENUE_IDS, rememberReport, reportedOn } from './venue-ids.ts'

const NOW = 1_795_000_000_000
const INSTRUMENTS = ['AAPL', 'MSFT']
const worldWith = (quantity: number): Ledger =>
  [
    ...INSTRUMENTS.map((instrument) => ({
      kind: 'instrument' as const,
      instrument,
      assetClass: 'equity' as const,
      currency: 'USD',
      lot: 0.1,
      tick: 0.01,
      multiplier: 1,
      status: 'open' as const,
      at: NOW,
    })),
    {
      kind: 'portfolio' as const,
      account: 'main',
      positions: [{ instrument: 'AAPL', quantity }],
      at: NOW,
    },
  ].reduce((ledger, observation) => observe(ledger, observation, NOW), EMPTY_LEDGER)

let serial = 0
type Told = Pick<Execution, 'event'> & Partial<Omit<Extract<Execution, { filled: number }>, 'event'>>
const report = (of: Told): Execution => ({
  execution: `e-${(serial += 1)}`,
  order: 'd-1',
  at: NOW + 1,
  filled: 0,
  ...of,
})

/** The ledger after `execution`, or why it was not counted. */
function told(ledger: Ledger, execution: Execution): { ledger: Ledger; outcome: string } {
  const accepted = acceptExecution(ledger, execution, NOW + 1_000)
  if (accepted.kind === 'repeated') return { ledger, outcome: 'repeated' }
  if (accepted.kind === 'refused') return { ledger, outcome: accepted.code }
  return {
    ledger: execute(ledger, execution, accepted.lots, NOW + 1_000),
    outcome: accepted.anomaly ?? 'counted',
  }
}
const after = (ledger: Ledger, ...executions: readonly Execution[]): Ledger =>
  executions.reduce((next, execution) => told(next, execution).ledger, ledger)
const open = (ledger: Ledger, side: 'buy' | 'sell' = 'buy'): number =>
  ledger.exposures.get('main')?.get('AAPL')?.[side] ?? 0
const held = (ledger: Ledger): number | undefined => positionOf(ledger, 'main', 'AAPL')?.quantity

const START = reserve(worldWith(5), anOrder({ worth: 1_000n }), undefined)

describe('an order', () => {
  test('is reserved at once, whole', () => {
    expect(open(START)).toBe(10)
    expect(START.committed.get('main')).toEqual({ micro: 1_000n, unknown: 0 })
    expect(START.live).toBe(1)
  })

  test('that fills moves from what is open into the position, never counted twice or not at all', () => {
    const partly = after(START, report({ event: 'accepted' }), report({ event: 'filled', filled: 0.3 }))
    expect([open(partly), held(partly)]).toEqual([7, 5.3])
    expect(partly.committed.get('main')?.micro).toBe(700n)
    const wholly = after(partly, report({ event: 'filled', filled: 1 }))
    expect([open(wholly), held(wholly), wholly.live]).toEqual([0, 6, 0])
    expect(wholly.committed.has('main')).toBe(false)
  })

  test.each(['cancelled', 'rejected', 'expired'] as const)('that is %s frees what is left', (event) => {
    const ledger = after(START, report({ event }))
    expect([open(ledger), held(ledger), ledger.live]).toEqual([0, 5, 0])
  })

  test('that is accepted with everything filled is over', () => {
    const ledger = after(START, report({ event: 'accepted', filled: 1 }))
    expect([open(ledger), held(ledger), ledger.live]).toEqual([0, 6, 0])
  })

  test('that is cancelled with a last fill counts the fill', () => {
    const ledger = after(START, report({ event: 'cancelled', filled: 0.4 }))
    expect([open(ledger), held(ledger)]).toEqual([0, 5.4])
  })

  test('that lapsed is free, and counts again when the venue speaks of it', () => {
    const lapsed = lapse(START, 'd-1')
    expect([open(lapsed), lapsed.live]).toEqual([0, 0])
    const { ledger, outcome } = told(lapsed, report({ event: 'filled', filled: 0.2 }))
    expect(outcome).toBe('AFTER_END')
    expect([open(ledger), held(ledger), ledger.live]).toEqual([8, 5.2, 1])
  })
})

describe('a report that should not have come', () => {
  const partly = after(START, report({ event: 'filled', filled: 0.5, execution: 'first' }))

  test.each<[string, Told, string, number]>([
    ['about no order', { event: 'filled', filled: 1, order: 'd-9' }, 'EXECUTION_ORDER_UNKNOWN', 5.5],
    ['again, word for word', { event: 'filled', filled: 0.5, execution: 'first' }, 'repeated', 5.5],
    [
      'again, with other words',
      { event: 'filled', filled: 0.6, execution: 'first' },
      'EXECUTION_CONFLICT',
      5.5,
    ],
    ['with less filled than before', { event: 'filled', filled: 0.4 }, 'EXECUTION_BACKWARDS', 5.5],
    ['with a broken lot', { event: 'filled', filled: 0.55 }, 'EXECUTION_OFF_LOT', 5.5],
    ['from the future', { event: 'accepted', at: NOW + 5_000 }, 'OBSERVATION_IN_FUTURE', 5.5],
    ['rejecting what has filled', { event: 'rejected' }, 'EXECUTION_CONFLICT', 5.5],
    ['replacing without a replacement', { event: 'replaced' }, 'EXECUTION_CONFLICT', 5.5],
    ['with more filled than was allowed', { event: 'filled', filled: 1.5 }, 'FILLED_OVER', 6.5],
  ])('%s', (_, of, outcome, position) => {
    const { ledger, outcome: found } = told(partly, report(of))
    expect(found).toBe(outcome)
    expect(held(ledger)).toBe(position)
  })

  test('with the id of a report on another order of the account, by whatever name, is counted on neither', () => {
    const both = [anOrder({ id: 'd-2', side: 'sell' }), anOrder({ id: 'd-3', account: 'other' })].reduce(
      (ledger, order) => reserve(ledger, order, undefined),
      partly,
    )
    const again = (order: string) =>
      told(both, report({ event: 'filled', filled: 0.5, execution: 'first', order }))
    expect(again('d-2')).toEqual({ ledger: both, outcome: 'EXECUTION_CONFLICT' })
    const known = acceptExecution(
      both,
      report({ event: 'filled', filled: 0.5, execution: 'first', order: 'd-2' }),
      NOW + 1_000,
    )
    expect(known).toMatchObject({
      detail: expect.stringMatching(/first in main was reported on d-1 .* on d-2/),
    })
    // What another account's venue calls its own is no concern of this one.
    expect(again('d-3').outcome).toBe('counted')
    // It can fail: what is not remembered is counted.
    expect(
      told(
        { ...both, venueIds: NO_VENUE_IDS },
        report({ event: 'filled', filled: 0.5, execution: 'first', order: 'd-2' }),
      ).outcome,
    ).toBe('counted')
  })

  test('the ids of the newest reports are remembered, and no more', () => {
    const ids = ['a', 'b', 'a', 'c'].reduce(
      (kept, execution) => rememberReport(kept, 'd-1', 'main', execution, 2),
      NO_VENUE_IDS,
    )
    expect(['a', 'b', 'c'].map((id) => reportedOn(ids, 'main', id))).toEqual([undefined, 'd-1', 'd-1'])
    expect(ids.kept.size).toBe(2)
  })

  test('a fill after the end is counted, since the money has moved', () => {
    const ended = after(partly, report({ event: 'cancelled' }))
    const { ledger, outcome } = told(ended, report({ event: 'filled', filled: 0.7 }))
    expect([outcome, held(ledger), open(ledger)]).toEqual(['AFTER_END', 5.7, 0])
  })
})

describe('a fill and a portfolio', () => {
  const portfolio = (quantity: number, at: number) => ({
    kind: 'portfolio' as const,
    account: 'main',
    positions: [{ instrument: 'AAPL', quantity }],
    at,
  })

  test('a fill from before an adopted portfolio that is reported late is in it already', () => {
    const known = observe(START, portfolio(5.4, NOW + 5), NOW + 5)
    const adopted = adoptPortfolio(known, 'main', NOW + 6)
    const late = after(adopted, report({ event: 'filled', filled: 0.4, at: NOW + 3 }))
    expect([held(late), open(late)]).toEqual([5.4, 6])
    expect(late.portfolios.get('main')?.broker?.differences.size).toBe(0)
    expect(held(after(late, report({ event: 'filled', filled: 0.6, at: NOW + 5 })))).toBe(5.6)
  })

  test('a fill of the very moment of the first portfolio is not in it, whichever is told first', () => {
    const bare = { ...START, portfolios: EMPTY_LEDGER.portfolios }
    const fill = report({ event: 'filled', filled: 0.2, at: NOW + 5 })
    const first = portfolio(5, NOW + 5)
    expect(held(observe(after(bare, fill), first, NOW + 5))).toBe(5.2)
    expect(held(after(observe(bare, first, NOW + 5), fill))).toBe(5.2)
  })
})

describe('an order of a basket', () => {
  const BASKET = { value: 5_000n, currency: 'USD' }
  const one = reserve(worldWith(5), anOrder({ basket: 'b', worth: 0n, value: 1_000n }), { basket: BASKET })
  const counted = (ledger: Ledger) => ledger.baskets.get('b')?.committed

  test('counts what it is worth, an exit that reserves nothing too, and goes on to count what filled', () => {
    expect(counted(one)).toEqual({ micro: 1_000n, unknown: 0 })
    const partly = after(one, report({ event: 'filled', filled: 0.3 }))
    expect(counted(partly)).toEqual({ micro: 1_000n, unknown: 0 })
    expect(counted(after(partly, report({ event: 'cancelled' })))?.micro).toBe(300n)
    expect(counted(lapse(one, 'd-1'))?.micro).toBe(0n)
    // What fills beyond the order counts as well.
    expect(counted(after(one, report({ event: 'filled', filled: 1.5 })))?.micro).toBe(1_500n)
  })

  test('counts as the worse of old and new while it is replaced; what filled counts for ever as what it may have been', () => {
    const version = (lots: number, value: bigint | undefined) =>
      reserveReplacement(one, 'd-1', {
        id: 'd-2',
        lots,
        limitPrice: undefined,
        worth: 0n,
        exitWorth: 0n,
        value,
      })
    expect(counted(version(10, 2_000n))?.micro).toBe(2_000n)
    const cheaper = version(10, 500n)
    expect(counted(cheaper)?.micro).toBe(1_000n)
    const confirmed = (filled: number) => report({ event: 'replaced', order: 'd-2', filled })
    expect(counted(after(cheaper, confirmed(0)))?.micro).toBe(500n)
    expect(counted(after(cheaper, confirmed(0.3)))?.micro).toBe(300n + 350n)
    expect(counted(after(version(4, 100n), confirmed(0.4)))?.micro).toBe(400n)
    // A fill may have been at the price of a replacement of which nothing is heard yet, also where the order ends before that is.
    const filled = (event: 'filled' | 'cancelled') => report({ event, filled: 1 })
    expect(counted(after(version(10, 2_000n), filled('filled')))?.micro).toBe(2_000n)
    expect(counted(after(version(10, 2_000n), filled('cancelled')))?.micro).toBe(2_000n)
    const late = after(
      version(10, 2_000n),
      report({ event: 'cancelled' }),
      report({ event: 'filled', filled: 0.5 }),
    )
    expect(counted(late)?.micro).toBe(1_000n)
    expect(late.spent.get('main')?.first()?.micro).toBe(0n)
    expect(counted(version(10, undefined))).toEqual({ micro: 0n, unknown: 1 })
  })
})

describe('a replacement', () => {
  const version = (id: string, lots: number) => ({
    id,
    lots,
    limitPrice: undefined,
    worth: 100n * BigInt(lots),
    exitWorth: 0n,
    value: undefined,
  })
  const larger = reserveReplacement(START, 'd-1', version('d-2', 15))

  test('counts as the worse of old and new until the venue confirms', () => {
    expect(open(larger)).toBe(15)
    expect(open(reserveReplacement(START, 'd-1', version('d-2', 4)))).toBe(10)
    expect(larger.committed.get('main')?.micro).toBe(1_500n)
  })

  test('takes the place of the order when it is confirmed, fills and all', () => {
    const filled = after(
      larger,
      report({ event: 'filled', filled: 0.3 }),
      report({ event: 'replaced', order: 'd-2' }),
    )
    expect([open(filled), held(filled)]).toEqual([12, 5.3])
    expect(findOrder(filled, 'd-2')).toBe(findOrder(filled, 'd-1'))
    expect(after(filled, report({ event: 'cancelled', order: 'd-2' })).live).toBe(0)
  })

  test('that is confirmed says that the order was taken: by its first name it cannot be rejected any more', () => {
    const confirmed = after(larger, report({ event: 'replaced', order: 'd-2' }))
    for (const ledger of [confirmed, after(confirmed, report({ event: 'filled', filled: 0.3 }))])
      for (const order of ['d-1', ...(ledger === confirmed ? [] : ['d-2'])])
        expect(told(ledger, report({ event: 'rejected', order })).outcome).toBe('EXECUTION_CONFLICT')
  })

  test('that is rejected leaves the order as it was', () => {
    const ledger = after(larger, report({ event: 'rejected', order: 'd-2' }))
    expect([open(ledger), ledger.live]).toEqual([10, 1])
  })

  test('that is refused, or lapses, once everything else has filled leaves nothing open', () => {
    const filled = after(larger, report({ event: 'filled', filled: 1 }))
    expect([open(filled), filled.live]).toEqual([5, 1])
    const refused = after(filled, report({ event: 'rejected', order: 'd-2' }))
    for (const ledger of [refused, lapse(filled, 'd-2')])
      expect([open(ledger), held(ledger), ledger.live, ledger.resting.size]).toEqual([0, 6, 0, 0])
  })

  test('that was refused, or overtaken, and is refused once more says nothing of the order', () => {
    const again = after(
      larger,
      report({ event: 'rejected', order: 'd-2' }),
      report({ event: 'rejected', order: 'd-2' }),
    )
    expect([open(again), again.live]).toEqual([10, 1])
    const chained = after(
      reserveReplacement(larger, 'd-2', version('d-3', 12)),
      report({ event: 'replaced', order: 'd-3' }),
      report({ event: 'rejected', order: 'd-2' }),
    )
    expect([open(chained), chained.live]).toEqual([12, 1])
  })

  test('whose confirmation comes after later fills is in force all the same', () => {
    const ledger = after(
      reserveReplacement(START, 'd-1', version('d-2', 4)),
      report({ event: 'filled', filled: 0.4 }),
      report({ event: 'replaced', order: 'd-2', filled: 0.3 }),
    )
    expect([open(ledger), held(ledger), ledger.live]).toEqual([0, 5.4, 0])
  })

  test('whose end comes before its confirmation ends the order then, and only then', () => {
    const cancelled = after(larger, report({ event: 'cancelled', order: 'd-2', at: NOW + 3 }))
    expect([open(cancelled), cancelled.live]).toEqual([10, 1])
    const confirm = (at: number) => report({ event: 'replaced', order: 'd-2', at })
    expect(told(cancelled, confirm(NOW + 4)).outcome).toBe('EXECUTION_CONFLICT')
    const ended = after(cancelled, confirm(NOW + 2))
    expect([open(ended), ended.live]).toEqual([0, 0])
  })

  test('that costs more may be what filled: the fill costs as much as it can have', () => {
    const dearer = reserveReplacement(START, 'd-1', { ...version('d-2', 10), worth: 2_000n })
    const filled = after(dearer, report({ event: 'filled', filled: 0.5 }))
    expect(filled.spent.get('main')?.first()?.micro).toBe(1_000n)
    expect(filled.committed.get('main')?.micro).toBe(1_000n)
  })

  test('that is confirmed below what has filled ends it', () => {
    const smaller = reserveReplacement(START, 'd-1', version('d-2', 4))
    const ledger = after(
      smaller,
      report({ event: 'filled', filled: 0.6 }),
      report({ event: 'replaced', order: 'd-2' }),
    )
    expect([open(ledger), held(ledger), ledger.live]).toEqual([0, 5.6, 0])
  })
})

describe('whatever happens, in any order', () => {
  type Step =
    | {
        readonly kind: 'order'
        readonly side: 'buy' | 'sell'
        readonly instrument: number
        readonly lots: number
        readonly price: number | undefined
        readonly parent: boolean
        readonly worth: number | undefined
      }
    | { readonly kind: 'replace' | 'lapse'; readonly of: number; readonly lots: number }
    | {
        readonly kind: 'report'
        readonly of: number
        readonly event: Execution['event']
        readonly tenths: number
      }

  const steps = fc.array(
    fc.oneof(
      fc.record({
        kind: fc.constant('order' as const),
        side: fc.constantFrom('buy' as const, 'sell' as const),
        instrument: fc.integer({ min: 0, max: 1 }),
        lots: fc.integer({ min: 1, max: 12 }),
        price: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
        parent: fc.boolean(),
        worth: fc.option(fc.integer({ min: 0, max: 1_000 }), { nil: undefined }),
      }),
      fc.record({
        kind: fc.constantFrom('replace' as const, 'lapse' as const),
        of: fc.nat({ max: 9 }),
        lots: fc.integer({ min: 1, max: 12 }),
      }),
      fc.record({
        kind: fc.constant('report' as const),
        of: fc.nat({ max: 14 }),
        event: fc.constantFrom(
          ...(['accepted', 'filled', 'filled', 'replaced', 'cancelled', 'rejected', 'expired'] as const),
        ),
        tenths: fc.integer({ min: 0, max: 14 }),
      }),
    ),
    { maxLength: 40 },
  )

  function play(all: readonly Step[]): Ledger {
    let ledger = worldWith(0)
    let ids = 0
    for (const step of all) {
      const known = Array.from({ length: ids }, (_, at) => `d-${at + 1}`)
      if (step.kind === 'order') {
        const instrument = INSTRUMENTS[step.instrument] ?? 'AAPL'
        ledger = reserve(
          ledger,
          anOrder({
            id: `d-${(ids += 1)}`,
            side: step.side,
            instrument,
            lots: step.lots,
            limitPrice: step.price,
            parent: step.parent ? keyOf('main', `${instrument} ${step.side}`) : undefined,
            basket: step.parent ? 'basket' : undefined,
            worth: step.worth === undefined ? undefined : BigInt(step.worth),
            // Every third is an exit.
            ...(ids % 3 === 0
              ? { worth: 0n, exitWorth: step.worth === undefined ? undefined : BigInt(step.worth) }
              : {}),
            value: step.worth === undefined ? undefined : BigInt(step.worth),
          }),
          { parentLots: 20, basket: { value: 500n, currency: 'USD' } },
        )
        continue
      }
      const id = known[step.of % Math.max(known.length, 1)]
      if (id === undefined) continue
      const order = findOrder(ledger, id)
      if (step.kind === 'report') {
        const { event, tenths } = step
        ledger = told(ledger, report({ order: id, event, filled: tenths / 10 })).ledger
      } else if (step.kind === 'lapse')
        ledger = order?.state === 'reserved' ? lapse(ledger, order.id) : ledger
      else if (order !== undefined && isLive(order)) {
        const version = {
          id: `d-${(ids += 1)}`,
          lots: step.lots,
          limitPrice: 2,
          ...(step.lots % 2 === 0
            ? { worth: 0n, exitWorth: step.lots % 4 === 0 ? 7n : undefined }
            : { worth: 7n, exitWorth: 0n }),
          value: 7n,
        }
        ledger = reserveReplacement(ledger, id, version)
      }
    }
    return ledger
  }

  /** The sums, found again from the orders one by one. */
  function sums(ledger: Ledger) {
    const orders = [...ledger.orders.values()]
    const byKey = (key: (order: OrderState) => string, value: (order: OrderState) => number) => {
      const found: Record<string, number> = {}
      for (const order of orders) found[key(order)] = (found[key(order)] ?? 0) + value(order)
      return Object.fromEntries(Object.entries(found).filter(([, sum]) => sum !== 0))
    }
    const side = ({ instrument, side: of }: OrderState): string => `${instrument} ${of}`
    return {
      open: byKey(side, (order) => weightOf(order).lots),
      micro: orders.reduce((total, order) => total + (weightOf(order).worth ?? 0n), 0n),
      unknown: orders.filter((order) => weightOf(order).worth === undefined).length,
      exits: byKey(side, (order) => weightOf(order).exitLots),
      exitWorth: orders.reduce((total, order) => total + (weightOf(order).exitWorth ?? 0n), 0n),
      exitUnknown: orders.filter((order) => weightOf(order).exitWorth === undefined).length,
      live: orders.filter(isLive).length,
      parents: byKey(
        (order) => order.parent ?? '',
        (order) => (order.parent === undefined ? 0 : weightOf(order).parentLots),
      ),
      basket: orders.reduce((total, order) => total + (weightOf(order).basketWorth ?? 0n), 0n),
      uncertain: orders.filter((order) => weightOf(order).basketWorth === undefined).length,
      resting: byKey(side, (order) => weightOf(order).prices.length),
      best: Object.fromEntries(
        INSTRUMENTS.flatMap((instrument) =>
          (['buy', 'sell'] as const).map((of) => {
            const prices = orders
              .filter((order) => order.instrument === instrument && order.side === of)
              .flatMap((order) => weightOf(order).prices)
            const best = of === 'buy' ? Math.max(...prices) : Math.min(...prices)
            return [`${instrument} ${of}`, prices.length === 0 ? undefined : best]
          }),
        ),
      ),
      filled: byKey(
        ({ instrument }) => instrument,
        (order) => (order.side === 'buy' ? order.filled : -order.filled),
      ),
    }
  }

  function kept(ledger: Ledger): ReturnType<typeof sums> {
    const sides = INSTRUMENTS.flatMap((instrument) =>
      (['buy', 'sell'] as const).map((of) => [instrument, of, `${instrument} ${of}`] as const),
    )
    const nonZero = (entries: (readonly [string, number])[]) =>
      Object.fromEntries(entries.filter(([, value]) => value !== 0))
    const count = (instrument: string, of: 'buy' | 'sell'): number =>
      [...(ledger.resting.get(instrument)?.[of].counts.values() ?? [])].reduce(
        (total, each) => total + each,
        0,
      )
    const exits = [...(ledger.exits.get('main')?.values() ?? [])]
    return {
      open: nonZero(
        sides.map(([instrument, of, key]) => [key, ledger.exposures.get('main')?.get(instrument)?.[of] ?? 0]),
      ),
      micro: ledger.committed.get('main')?.micro ?? 0n,
      unknown: ledger.committed.get('main')?.unknown ?? 0,
      exits: nonZero(exits.map(({ instrument, side, lots }) => [`${instrument} ${side}`, lots])),
      exitWorth: exits.reduce((total, { worth }) => total + worth.micro, 0n),
      exitUnknown: exits.reduce((total, { worth }) => total + worth.unknown, 0),
      live: ledger.live,
      parents: nonZero([...ledger.parents].map(([key, { committed }]) => [key, committed] as const)),
      basket: ledger.baskets.get('basket')?.committed.micro ?? 0n,
      uncertain: ledger.baskets.get('basket')?.committed.unknown ?? 0,
      resting: nonZero(sides.map(([instrument, of, key]) => [key, count(instrument, of)])),
      best: Object.fromEntries(
        sides.map(([instrument, of, key]) => [key, ledger.resting.get(instrument)?.[of].best]),
      ),
      filled: nonZero(
        INSTRUMENTS.map((instrument) => [
          instrument,
          Math.round((positionOf(ledger, 'main', instrument)?.quantity ?? 0) * 10),
        ]),
      ),
    }
  }

  test('the sums are what the orders make them', () => {
    const states = new Set<string>()
    fc.assert(
      fc.property(steps, (all) => {
        const ledger = play(all)
        for (const { state, pending } of ledger.orders.values())
          states.add(pending.length > 0 ? 'replacing' : state)
        expect(kept(ledger)).toEqual(sums(ledger))
      }),
      { numRuns: 3_000 },
    )
    // The runs reached what they are about.
    expect([...states].toSorted()).toEqual(['ended', 'lapsed', 'replacing', 'reserved', 'working'])
  })
})
