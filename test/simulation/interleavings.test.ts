/** Small cases in every order in which their parts can come, with a restart at every point of each. */
import { describe, expect, test } from 'vitest'
import type { Action } from '../../src/protocol/action.ts'
import { REAL } from './core.ts'
import type { Habits } from './venue.ts'
import { World } from './world.ts'

/** Something that may come at any point; it does nothing where it cannot be. */
type Part = (world: World) => void

/** Every order of `parts`. */
function* orders<T>(parts: readonly T[]): Generator<readonly T[]> {
  if (parts.length === 0) yield []
  for (const [place, first] of parts.entries())
    for (const rest of orders(parts.toSpliced(place, 1))) yield [first, ...rest]
}

interface Race {
  readonly opening: number
  /** What comes first. */
  readonly begin?: Part
  readonly parts: readonly Part[]
  /** What must be true at the end, besides all that holds after every input. */
  readonly end?: (world: World) => void
}

const LONG = process.env.EPHOR_LONG === '1'
const HABITS = [
  { strict: true, byRoot: false },
  { strict: false, byRoot: true },
] as const

/** Runs a race in every order, each with a restart at another point. The long form restarts each at every point, and at all, at each venue. */
function holdInEveryOrder(name: string, { opening, begin, parts, end }: Race): void {
  let runs = 0
  let inputs = 0
  const run = (order: readonly Part[], habits: Habits, restarts: (place: number) => boolean): void => {
    const world = new World(REAL, habits).begin([opening, 0, 0])
    begin?.(world)
    for (const [place, part] of order.entries()) {
      if (restarts(place)) world.restart()
      part(world)
    }
    end?.(world)
    world.drain(() => 0)
    runs += 1
    inputs += world.inputs
  }
  let place = 0
  for (const order of orders(parts)) {
    place += 1
    if (!LONG) run(order, HABITS[place % 2] ?? HABITS[0], (at) => at === place % (order.length + 1))
    else
      for (const habits of HABITS) {
        run(order, habits, () => true)
        for (let only = 0; only <= order.length; only += 1) run(order, habits, (at) => at === only)
      }
  }
  process.stdout.write(`interleavings: ${name}: ${runs} runs, ${inputs} inputs\n`)
}

const order = (side: 'buy' | 'sell', quantity: number): Action => ({
  type: 'order',
  account: 'first',
  instrument: 'ONE',
  side,
  quantity,
  orderType: 'limit',
  limitPrice: 100,
})

const asks =
  (agent: string, action: Action): Part =>
  (world) => {
    world.ask(agent, action)
  }

/** The newest of what the agent was allowed; the `kind` narrows it down. */
const latest = (world: World, agent: string, kind = 'order') =>
  world.permitted.findLast((one) => one.agent === agent && one.kind === kind)

const redeems =
  (agent: string, kind?: string): Part =>
  (world) => {
    const one = latest(world, agent, kind)
    if (one !== undefined) world.redeem(one)
  }

/** The one that was allowed after so many others. */
const redeemsAt =
  (place: number): Part =>
  (world) => {
    const one = world.permitted[place]
    if (one !== undefined) world.redeem(one)
  }

const replaces =
  (agent: string, quantity: number, limitPrice: number): Part =>
  (world) => {
    const of = world.permitted.findLast((one) => one.agent === agent && one.kind !== 'cancel')
    const { account, instrument } = { account: 'first', instrument: 'ONE' }
    if (of !== undefined)
      world.ask(agent, { type: 'replace', account, instrument, order: of.decision, quantity, limitPrice })
  }

const cancels =
  (agent: string): Part =>
  (world) => {
    const one = latest(world, agent)
    if (one === undefined) return
    world.ask(agent, { type: 'cancel', account: 'first', instrument: 'ONE', order: one.decision })
    redeems(agent, 'cancel')(world)
  }

/** All that is on its way to the venue arrives. */
const arrives: Part = (world) => {
  while (world.venue.wire.length > 0) world.venue.take(0, world.time)
}
const fills =
  (lots: bigint): Part =>
  (world) => {
    for (const one of world.venue.living) {
      const left = one.current.lots - one.filled
      world.venue.fill(one, left < lots ? left : lots, world.time)
    }
    world.truth.hold()
  }
/** Everything the venue has said is heard, the last word first. */
const hears: Part = (world) => {
  while (world.venue.words.length > 0) world.deliver(world.venue.words.length - 1)
}
const lapses: Part = (world) => {
  world.clock(5_000)
  world.submit({ kind: 'beat', agent: 'ada' })
}
const halts: Part = (world) => {
  const request = { scope: { kind: 'everything' }, state: 'halted', reason: 'test' } as const
  world.submit({ kind: 'halt', by: 'operator', request })
}

describe('in every order, with a restart at every point', () => {
  test('two agents race for the last lot of a limit', () => {
    let both = 0
    holdInEveryOrder('the last lot', {
      opening: 19,
      parts: [
        asks('ada', order('buy', 1)),
        asks('bob', order('buy', 1)),
        redeems('ada'),
        redeems('bob'),
        lapses,
        (world) => {
          arrives(world)
          fills(1n)(world)
          hears(world)
        },
      ],
      end: (world) => {
        const allowed = world.permitted.length
        // Both only where the first was never sent, and its permit was over.
        if (allowed === 2) both += 1
        expect(allowed).toBeGreaterThan(0)
        expect(world.venue.position('first', 'ONE')).toBeLessThanOrEqual(20n)
      },
    })
    expect(both).toBeGreaterThan(0)
  })

  test('two agents race to sell what is held', () => {
    holdInEveryOrder('what is held', {
      opening: 3,
      parts: [
        halts,
        asks('ada', order('sell', 3)),
        asks('bob', order('sell', 3)),
        redeems('ada'),
        redeems('bob'),
        (world) => {
          arrives(world)
          fills(3n)(world)
          hears(world)
        },
      ],
      end: (world) => expect(world.venue.position('first', 'ONE')).toBeGreaterThanOrEqual(-3n),
    })
  })

  test('an order is redeemed, filled, cancelled, lapses and is heard of', () => {
    holdInEveryOrder('one order', {
      opening: 10,
      begin: asks('ada', order('buy', 4)),
      parts: [redeems('ada'), arrives, fills(2n), cancels('ada'), lapses, hears],
    })
  })

  test('a replacement races a fill and a cancel', () => {
    for (const [quantity, price] of [
      [8, 104],
      [2, 96],
    ] as const)
      holdInEveryOrder(`a replacement by ${quantity}`, {
        opening: 10,
        begin: (world) => {
          asks('ada', order('buy', 5))(world)
          redeems('ada')(world)
          arrives(world)
        },
        parts: [
          replaces('ada', quantity, price),
          redeems('ada', 'replace'),
          arrives,
          fills(3n),
          cancels('ada'),
          hears,
        ],
      })
  })

  test('a chain of replacements races fills and its own permits', () => {
    holdInEveryOrder('a chain', {
      opening: 10,
      begin: (world) => {
        asks('ada', order('buy', 5))(world)
        redeems('ada')(world)
        arrives(world)
        replaces('ada', 9, 102)(world)
        replaces('ada', 3, 98)(world)
      },
      parts: [redeemsAt(1), redeemsAt(2), arrives, fills(4n), lapses, hears],
    })
  })
})
