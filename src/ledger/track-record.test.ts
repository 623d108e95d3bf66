/** Track records, worked out by hand: profit by day as executions and prices tell it, and time up as heartbeats do. */
import { Map } from 'immutable'
import { describe, expect, test } from 'vitest'
import type { WorldObservation } from '../protocol/observation.ts'
import { anOrder } from '../../test/support/orders.ts'
import { beat, observe, register, retire } from './fold.ts'
import { EMPTY_LEDGER, type Ledger } from './ledger.ts'
import type { TrackRecord } from './track-days.ts'
import { reserve } from './orders.ts'
import { countTrade, NO_TRACK_RECORD, onDayOf } from './track-record.ts'

const DAY = 86_400_000
/** Midnight of 1 December 2026, UTC. */
const START = Date.parse('2026-12-01T00:00:00Z')
const HOUR = 3_600_000

const instrument = (name: string, currency: string, multiplier = 1): WorldObservation => ({
  kind: 'instrument',
  instrument: name,
  assetClass: 'equity',
  currency,
  lot: 1,
  tick: 0.01,
  multiplier,
  status: 'open',
  at: START,
})

/** A ledger that each step is folded into at its time, on the day it is of. */
class World {
  ledger: Ledger = EMPTY_LEDGER
  #orders = 0

  constructor(hasCapital = true) {
    const capital = hasCapital ? { amount: 100_000, currency: 'USD' } : undefined
    this.at(START, (ledger) =>
      register(ledger, { agent: 'ada', role: 'specialist', field: 'risk', strategies: [], capital }, START),
    )
    for (const one of [instrument('ONE', 'USD'), instrument('FUT', 'USD', 50), instrument('EUR1', 'EUR')])
      this.at(START, (ledger) => observe(ledger, one, START))
  }

  at(time: number, step: (ledger: Ledger) => Ledger): this {
    this.ledger = step(onDayOf(this.ledger, time))
    return this
  }

  price(time: number, name: string, price: number): this {
    for (const source of ['a', 'b']) {
      const seen = { kind: 'price', instrument: name, source, price, at: time } as const
      this.at(time, (ledger) => observe(ledger, seen, time))
    }
    return this
  }

  trade(time: number, name: string, side: 'buy' | 'sell', lots: number, price?: number, agent = 'ada'): this {
    const id = `d-${(this.#orders += 1)}`
    const order = anOrder({ id, agent, instrument: name, side, lots, strategy: 'x', at: time })
    return this.at(time, (ledger) => {
      const reserved = reserve(ledger, order, undefined)
      const execution = { order: id, ...(price === undefined ? {} : { price }) }
      return { ...reserved, trackRecords: countTrade(reserved, execution, lots, time) }
    })
  }

  /** Profit by closed day, once the day before `time` is closed. */
  profits(time: number): (number | undefined)[] {
    const { days } = this.at(time, (ledger) => ledger).ledger.trackRecords.get('ada') ?? { days: [] }
    return [...days].map(({ profit }) => profit)
  }
}

describe('the profit of a day', () => {
  test('is what the holdings gained, and what trades paid and brought', () => {
    // Day 1: buys 100 at 10.00, the day ends at 11.00:   −1000 + 100 × 11          = +100.
    // Day 2: sells 40 at 12.00, the day ends at 9.00:    −1000 + 480 + 60 × 9 − 100 = −80.
    // Day 3: nothing, the day ends at 9.50:              60 × 0.50                  = +30.
    const world = new World()
      .price(START + HOUR, 'ONE', 10)
      .trade(START + HOUR, 'ONE', 'buy', 100, 10)
      .price(START + 20 * HOUR, 'ONE', 11)
      .trade(START + DAY + HOUR, 'ONE', 'sell', 40, 12)
      .price(START + DAY + 2 * HOUR, 'ONE', 9)
      .price(START + 2 * DAY + HOUR, 'ONE', 9.5)
    expect(world.profits(START + 3 * DAY)).toEqual([100, -80, 30])
  })

  test('counts a multiplier, and another currency at its rate', () => {
    // 2 futures at 100.00 × 50, up 1.00: +100 USD. 10 shares at 20.00 EUR, up 1.00: 10 EUR × 1.2 = 12 USD.
    const world = new World()
      .at(START, (ledger) =>
        observe(ledger, { kind: 'fx', base: 'EUR', quote: 'USD', rate: 1.2, at: START }, START),
      )
      .price(START, 'FUT', 100)
      .price(START, 'EUR1', 20)
      .trade(START + 1, 'FUT', 'buy', 2, 100)
      .trade(START + 1, 'EUR1', 'buy', 10, 20)
      .price(START + HOUR, 'FUT', 101)
      .price(START + HOUR, 'EUR1', 21)
    const [profit] = world.profits(START + DAY)
    expect(profit).toBeCloseTo(112, 9)
  })

  test('is the same to the last bit in whatever order the holdings came to be', () => {
    const world = new World()
    const names = ['ONE', 'TWO', 'THREE']
    for (const name of names) world.at(START, (ledger) => observe(ledger, instrument(name, 'USD'), START))
    for (const [place, name] of names.entries())
      world.price(START, name, (place + 1) / 10).trade(START + 1, name, 'buy', 7, (place + 1) / 10)
    const closing = (turn: (held: TrackRecord['held']) => TrackRecord['held']): number | undefined => {
      const { ledger } = world
      const trackRecords = ledger.trackRecords.map((record) => ({ ...record, held: turn(record.held) }))
      const { days } =
        onDayOf({ ...ledger, trackRecords }, START + DAY).trackRecords.get('ada') ?? NO_TRACK_RECORD
      return days.first()?.profit
    }
    const profit = closing((held) => held)
    expect(profit).toBeDefined()
    for (const order of [names, names.toReversed(), ['TWO', 'ONE', 'THREE'], ['THREE', 'ONE', 'TWO']])
      expect(closing((held) => Map(order.map((name) => [name, held.get(name) ?? 0])))).toBe(profit)
  })

  test('takes a trade without a price to have been at the reference', () => {
    const world = new World()
      .price(START, 'ONE', 10)
      .trade(START + 1, 'ONE', 'sell', 5)
      .price(START + 2, 'ONE', 12)
    expect(world.profits(START + DAY)).toEqual([-10])
  })

  test('is not known where a price is missing, and known again from the day after the one that has it', () => {
    const world = new World()
      .trade(START, 'ONE', 'buy', 5)
      .price(START + DAY, 'ONE', 10)
      .price(START + 2 * DAY, 'ONE', 11)
    expect(world.profits(START + 3 * DAY)).toEqual([undefined, undefined, 5])
  })

  test('is not known without capital, and nothing is kept of an agent that neither votes nor has any', () => {
    const world = new World(false).price(START, 'ONE', 10).trade(START, 'ONE', 'buy', 5, 10)
    expect(world.profits(START + DAY)).toEqual([undefined])
    const trader = world.at(START + DAY, (ledger) =>
      register(ledger, { agent: 'tom', role: 'trader', strategies: [] }, START + DAY),
    )
    trader.at(START + 2 * DAY, (ledger) => ledger)
    expect([...trader.ledger.trackRecords.keys()]).toEqual(['ada'])
  })

  test('is none on days on which nothing was heard, and only so many days are kept', () => {
    const world = new World().price(START, 'ONE', 10).trade(START, 'ONE', 'buy', 5, 9)
    expect(world.profits(START + 3 * DAY)).toEqual([5, 0, 0])
    expect(world.profits(START + 1000 * DAY)).toHaveLength(366)
  })
})

describe('a record', () => {
  const capitalOf =
    (amount: number, currency: string, time: number) =>
    (ledger: Ledger): Ledger =>
      register(
        ledger,
        { agent: 'ada', role: 'specialist', field: 'risk', strategies: [], capital: { amount, currency } },
        time,
      )
  const days = (world: World, time: number) => {
    world.profits(time)
    return [...(world.ledger.trackRecords.get('ada')?.days ?? [])]
  }

  test('says on which days anything was traded or held', () => {
    const world = new World()
      .price(START, 'ONE', 10)
      .trade(START + DAY, 'ONE', 'buy', 5, 10)
      .trade(START + 3 * DAY, 'ONE', 'sell', 5, 10)
    expect(days(world, START + 5 * DAY).map(({ traded }) => traded)).toEqual([false, true, true, true, false])
  })

  test('goes by the sources of the day, and not by what fell silent before', () => {
    const world = new World().price(START, 'ONE', 10).trade(START, 'ONE', 'buy', 5, 10)
    for (const [day, source] of [
      [2, 'c'],
      [2, 'd'],
    ] as const)
      world.at(START + day * DAY, (ledger) =>
        observe(
          ledger,
          { kind: 'price', instrument: 'ONE', source, price: 20, at: START + day * DAY },
          START + day * DAY,
        ),
      )
    // On days without news the last two that spoke say what it is worth.
    expect(world.profits(START + 6 * DAY)).toEqual([0, 0, 50, 0, 0, 0])
  })

  test('knows the price of a weekend that one source ended before the other', () => {
    const world = new World().price(START, 'ONE', 100).trade(START, 'ONE', 'buy', 10, 100)
    const first = {
      kind: 'price',
      instrument: 'ONE',
      source: 'a',
      price: 100,
      at: START + 4 * DAY - HOUR,
    } as const
    world.at(first.at, (ledger) => observe(ledger, first, first.at)).price(START + 4 * DAY, 'ONE', 101)
    expect(world.profits(START + 5 * DAY)).toEqual([0, 0, 0, 0, 10])
  })

  test('knows no price where one of two sources fell silent long ago', () => {
    const world = new World().price(START, 'ONE', 100).trade(START, 'ONE', 'buy', 10, 100)
    const alone = { kind: 'price', instrument: 'ONE', source: 'a', price: 10, at: START + 6 * DAY } as const
    world.at(alone.at, (ledger) => observe(ledger, alone, alone.at))
    expect(world.profits(START + 7 * DAY)).toEqual([0, 0, 0, 0, 0, 0, undefined])
  })

  test('holds nothing of what was bought and sold in broken lots', () => {
    const world = new World().at(START, (ledger) =>
      observe(ledger, { ...instrument('BTC', 'USD'), lot: 0.1 } as WorldObservation, START),
    )
    world.price(START, 'BTC', 10)
    for (const [side, lots] of [
      ['buy', 1],
      ['buy', 2],
      ['sell', 3],
    ] as const)
      world.trade(START, 'BTC', side, lots, 10)
    expect(days(world, START + 2 * DAY).map(({ traded }) => traded)).toEqual([true, false])
  })

  test('goes on with what is held while there is no capital, and begins anew with it', () => {
    const without = (ledger: Ledger): Ledger =>
      register(ledger, { agent: 'tom', role: 'trader', strategies: [] }, START + DAY)
    const withCapital =
      (time: number) =>
      (ledger: Ledger): Ledger =>
        register(
          ledger,
          { agent: 'tom', role: 'trader', strategies: [], capital: { amount: 1_000, currency: 'USD' } },
          time,
        )
    const world = new World()
      .at(START, withCapital(START))
      .price(START, 'ONE', 10)
      .trade(START, 'ONE', 'buy', 10, 10, 'tom')
      .at(START + DAY, without)
      .trade(START + DAY, 'ONE', 'sell', 10, 5, 'tom')
      .at(START + 2 * DAY, withCapital(START + 2 * DAY))
      .price(START + 3 * DAY, 'ONE', 20)
    world.profits(START + 4 * DAY)
    const { held, days: kept } = world.ledger.trackRecords.get('tom') ?? NO_TRACK_RECORD
    expect(held.size).toBe(0)
    expect([...kept].map(({ capital, profit }) => [capital, profit])).toEqual([
      [1_000, 0],
      [undefined, undefined],
      [undefined, undefined],
      [1_000, 0],
    ])
  })

  test('gains and loses nothing by its capital being in another currency from now on', () => {
    const world = new World()
      .at(START, (ledger) =>
        observe(ledger, { kind: 'fx', base: 'USD', quote: 'EUR', rate: 0.5, at: START }, START),
      )
      .price(START, 'ONE', 10)
      .trade(START, 'ONE', 'buy', 100, 9)
      .at(START + DAY, capitalOf(50_000, 'EUR', START + DAY))
      .price(START + DAY, 'ONE', 12)
    // 100 × 1 USD; then 100 × 2 USD, which are 100 EUR, from the 50 EUR that 100 USD are.
    expect(world.profits(START + 2 * DAY)).toEqual([100, 100])
  })

  test('begins at the end of the day on which capital came, or with it where nothing was traded before', () => {
    const given = (world: World): World =>
      world.at(START + DAY, capitalOf(1_000, 'USD', START + DAY)).price(START + 2 * DAY, 'ONE', 12)
    const before = new World(false).price(START, 'ONE', 10).trade(START, 'ONE', 'buy', 5, 10)
    expect(days(given(before), START + 3 * DAY).map(({ capital, profit }) => [capital, profit])).toEqual([
      [undefined, undefined],
      [undefined, undefined],
      [1_000, 10],
    ])
    const after = new World(false).price(START, 'ONE', 10)
    expect(days(given(after), START + 3 * DAY).map(({ capital, profit }) => [capital, profit])).toEqual([
      [undefined, undefined],
      [1_000, 0],
      [1_000, 0],
    ])
  })
})

describe('the time that an agent is up', () => {
  const beating = (from: number, count: number, every: number): World => {
    const world = new World()
    for (let beatAt = from; beatAt < from + count * every; beatAt += every)
      world.at(beatAt, (ledger) => beat(ledger, 'ada', beatAt))
    return world.at(START + DAY, (ledger) => ledger)
  }
  const upMs = (world: World): number | undefined => world.ledger.trackRecords.get('ada')?.days.first()?.upMs

  test('runs from heartbeat to heartbeat, as long as no three are missing', () => {
    expect(upMs(beating(START, 11, 2_000))).toBe(20_000)
    expect(upMs(beating(START, 11, 6_000))).toBe(60_000)
    expect(upMs(beating(START, 11, 6_001))).toBe(0)
  })

  test('ends with the day', () => {
    const world = beating(START + DAY - 3_000, 2, 2_000)
    expect(upMs(world)).toBe(2_000)
    world.at(START + DAY + 1_000, (ledger) => beat(ledger, 'ada', START + DAY + 1_000))
    expect(world.ledger.trackRecords.get('ada')?.upMs).toBe(1_000)
  })

  test('is held against the time that it was registered', () => {
    const world = new World()
    world.at(START + 6 * HOUR, (ledger) => retire(ledger, 'ada', START + 6 * HOUR))
    world.at(START + 3 * DAY, (ledger) => ledger)
    const days = [...(world.ledger.trackRecords.get('ada')?.days ?? [])]
    expect(days.map(({ registeredMs }) => registeredMs)).toEqual([6 * HOUR])
  })
})
