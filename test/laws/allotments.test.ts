/** Whatever is cut off, killed, told wrong times or asked twice: what is set aside is sent once at most, nobody else sends the same lots, and no position is turned over. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LIFE } from '../support/allotments.ts'
import { HELD, World, type Way } from './allotments-world.ts'

const at = fc.nat({ max: 1 })
const which = fc.nat({ max: 3 })
const way = fc.constantFrom<Way>('whole', 'whole', 'whole', 'lost', 'unanswered', 'late')
const MINUTES = 60_000
const Step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('ask'), at, lots: fc.integer({ min: 1, max: 500 }) }) },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('redeem'),
      at,
      which,
      way,
      times: fc.constantFrom(1, 1, 2),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('order'), lots: fc.integer({ min: 1, max: 500 }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('cut'), at, ms: fc.constantFrom(0, 400, 400) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('heal'), at }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('alone'), at, lots: fc.integer({ min: 1, max: 300 }) }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('tick'), at, way }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('skew'),
      who: fc.nat({ max: 2 }),
      ms: fc.constantFrom(-10 * MINUTES, -700, 0, 700, 10 * MINUTES),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('pass'),
      ms: fc.constantFrom(30, 400, 400, 5_000, 5 * MINUTES, 236 * MINUTES, 300 * MINUTES),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('halt'), at, state: fc.constantFrom('halted', 'reducing') }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('adopt'), lots: fc.integer({ min: 0, max: 800 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fill') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('venueEnds'), which }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('venueTells'),
      which,
      event: fc.constantFrom('accepted', 'cancelled'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('venueWasLate'), which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('writeOff'), at, which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('failOver'), in: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rename'), at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('die'), at }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lift') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('return'), at, which, way }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill'), at }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('start'), at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail'), at, in: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('late') }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('again'), at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('over'), at, way }) },
) as fc.Arbitrary<Step>

type Step = { readonly do: string } & Partial<{
  at: number
  lots: number
  which: number
  way: Way
  times: number
  who: number
  ms: number
  in: number
  state: 'halted' | 'reducing'
  event: 'accepted' | 'cancelled'
}>

async function play(world: World, step: Step): Promise<void> {
  const sidecar = world.sidecars[step.at ?? 0]
  if (sidecar === undefined) throw new Error('there are two')
  const decision = world.asked.at(-1 - (step.which ?? 0))
  sidecar.way = step.way ?? 'whole'
  switch (step.do) {
    case 'ask':
      return world.ask(sidecar, step.lots ?? 1)
    case 'redeem':
      if (decision === undefined) return
      return world.redeem(sidecar, decision, step.times)
    case 'order':
      return world.order(step.lots ?? 1)
    case 'cut':
      sidecar.isCut = true
      return world.pass(step.ms ?? 0)
    // Asked, and used once the line was cut for long enough.
    case 'alone': {
      if (sidecar.isCut) world.heal(sidecar)
      await world.ask(sidecar, step.lots ?? 1)
      sidecar.isCut = true
      world.pass(400)
      const last = world.asked.at(-1)
      return last === undefined ? undefined : world.redeem(sidecar, last)
    }
    case 'heal':
      return world.heal(sidecar)
    case 'tick':
      return world.tick(sidecar)
    case 'skew':
      if (step.who === 2) world.homeSkew = step.ms ?? 0
      else (world.sidecars[step.who ?? 0] ?? sidecar).skew = step.ms ?? 0
      return
    case 'pass':
      return world.pass(step.ms ?? 0)
    case 'halt':
      return world.halt(sidecar, step.state ?? 'halted')
    case 'adopt':
      return world.adopt(step.lots ?? 0)
    case 'fill': {
      const first = [...world.sent].find(([, { over }]) => over === undefined)?.[0]
      return first === undefined ? undefined : world.fill(first)
    }
    case 'venueEnds':
      return decision === undefined ? undefined : world.venueEnds(decision)
    case 'venueTells': {
      const sent = [...world.sent.keys()].at(-1 - (step.which ?? 0))
      return sent === undefined ? undefined : world.venueTells(sent, step.event ?? 'accepted')
    }
    case 'venueWasLate':
      return decision === undefined ? undefined : world.venueWasLate(decision)
    case 'writeOff':
      world.kill(sidecar)
      return decision === undefined ? undefined : world.writeOff(sidecar, decision)
    case 'failOver':
      return world.failOver(step.in ?? 1)
    case 'rename':
      return world.rename(sidecar)
    case 'die':
      sidecar.dies = true
      return
    case 'lift':
      return world.lift()
    case 'return':
      return decision === undefined ? undefined : world.giveBack(sidecar, decision)
    case 'kill':
      return world.kill(sidecar)
    case 'start':
      return world.start(sidecar)
    // What was sent last, or asked.
    case 'again': {
      const last = [...world.sent.keys()].at(-1) ?? decision
      return last === undefined ? undefined : world.redeem(sidecar, last)
    }
    // It is over while somebody tells of it, and then a clock goes back.
    case 'over':
      world.pass(LIFE)
      await world.tick(sidecar)
      sidecar.skew = -10 * MINUTES
      return world.pass(400)
    case 'fail':
      sidecar.failsIn = step.in ?? 1
      return
    default:
      return world.takeLate()
  }
}

/** How many were sent, here while cut off and else, so that stories which say nothing are noticed. */
const seen = { cutOff: 0, whole: 0, accepted: 0, writtenOff: 0, erred: 0 }

function check(world: World): void {
  const sent = [...world.sent.values()]
  const lots = sent.reduce((sum, each) => sum + (each.over === 'unfilled' ? 0 : each.lots), 0)
  expect(world.problems).toEqual([])
  expect(sent.filter(({ times }) => times > 1)).toEqual([])
  // An operator who was wrong gave away lots that were sent.
  if (world.erred.size === 0) expect(lots).toBeLessThanOrEqual(HELD)
  // What was sent counts at the home, also where it has not heard of that; and so nobody else may reduce by it.
  expect(world.selling).toBeGreaterThanOrEqual(world.unfilled('known'))
}

test('no lots are sent twice, and what was sent is reserved until it is told', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(Step, { minLength: 10, maxLength: 45 }), async (story) => {
      const world = new World()
      try {
        for (const step of story) {
          await play(world, step)
          for (const sidecar of world.sidecars) sidecar.way = 'whole'
          check(world)
        }
        // In the end all are there and tell: what was used is on record, and what was not is free.
        for (const sidecar of world.sidecars) {
          world.kill(sidecar)
          sidecar.isCut = false
          sidecar.way = 'whole'
          sidecar.skew = 0
          world.start(sidecar)
        }
        world.homeSkew = 0
        world.takeLate()
        world.pass(600 * MINUTES)
        for (const sidecar of world.sidecars) {
          world.heal(sidecar)
          await world.tick(sidecar)
          // What was set aside for it while it was called otherwise.
          world.rename(sidecar)
          await world.tick(sidecar)
        }
        check(world)
        expect(world.selling).toBeGreaterThanOrEqual(world.unfilled('all'))
        expect(world.home.permits.setAside.size).toBe(0)
        seen.writtenOff += world.writtenOff
        seen.erred += world.erred.size
        for (const { isHere, isAccepted } of world.sent.values()) {
          if (isHere) seen.cutOff += 1
          else seen.whole += 1
          if (isHere && isAccepted === true) seen.accepted += 1
        }
      } finally {
        world.end()
      }
    }),
    { numRuns: process.env.EPHOR_LONG === undefined ? 1_500 : 30_000, seed: 28 },
  )
  expect(seen.cutOff).toBeGreaterThan(500)
  expect(seen.whole).toBeGreaterThan(500)
  expect(seen.accepted).toBeGreaterThan(15)
  expect(seen.writtenOff).toBeGreaterThan(30)
  expect(seen.erred).toBeGreaterThan(10)
})

test('what a home was told, lost with the end of the log and wrote off is told again', async () => {
  const world = new World()
  try {
    const [here] = world.sidecars
    if (here === undefined) throw new Error('there are sidecars')
    await world.ask(here, 400)
    const [decision = ''] = world.asked
    await world.redeem(here, decision)
    await world.tick(here)
    world.kill(here)
    world.failOver(2)
    expect(world.home.permits.open.has(decision)).toBe(true)
    world.writeOff(here, decision)
    expect([world.writtenOff, world.selling]).toEqual([1, 0])
    world.start(here)
    await world.tick(here)
    expect(world.selling).toBe(400)
  } finally {
    world.end()
  }
})
