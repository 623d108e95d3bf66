/** What the narrowing search returns passes the whole constitution, and is the largest where it says so. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromSteps, stepsWithin, wholeSteps } from '../../src/base/exact.ts'
import { add, rational, toNumber } from '../../src/base/rational.ts'
import { varying, type Program } from '../../src/constitution/compile.ts'
import { verdictOf } from '../../src/constitution/judge.ts'
import { narrow } from '../../src/constitution/narrow.ts'
import { decide, type Quorum } from '../../src/engine/decide.ts'
import { judgeWhole, withQuantity, type Court } from '../../src/engine/judgement.ts'
import { measure } from '../../src/ledger/measure.ts'
import { subjectOf } from '../../src/ledger/subject.ts'
import type { ActionRequest, Order } from '../../src/protocol/action.ts'
import type { Headroom } from '../../src/protocol/decision.ts'
import { hold, isBroken, LawBroken, WORLDS, type Law } from './law.ts'
import { AGENT, market, marketOf, NOW, PROGRAMS, type Market } from './narrow-world.ts'

/** Says what smaller quantity would pass; `null` where the order itself passes. */
type Search = (court: Court, order: Order, quorum: Quorum) => Headroom | null

const requestOf = (order: Order): ActionRequest => ({
  id: '01KBB5X5G0000000000000000A',
  agent: AGENT,
  action: order,
  accept: ['narrow'],
})

const asDecided: Search = (court, order, quorum) => {
  const { verdict, action, headroom } = decide(court, requestOf(order), quorum).decision
  // What is found is what is decided, unless the engine refuses what the rules would let pass.
  if (headroom !== null && headroom.quantity !== null) {
    expect(verdict).toBe('narrow')
    expect(action).toEqual({ ...order, quantity: headroom.quantity })
  } else expect(action).toEqual(order)
  return headroom
}

interface Given {
  readonly program: number
  readonly quorum: Quorum
  readonly markets: readonly Market[]
}
const given: fc.Arbitrary<Given> = fc.record({
  program: fc.nat(PROGRAMS.length - 1),
  quorum: fc.constantFrom<Quorum>('none', 'open'),
  markets: fc.array(market, { minLength: WORLDS, maxLength: WORLDS }),
})

function narrowing(search: Search): Law<Given> {
  return ({ program: index, quorum, markets }, tally) => {
    const program = PROGRAMS[index] as Program
    for (const one of markets) {
      tally.cases += 1
      const { ledger, order } = marketOf(one, program)
      const court: Court = { ledger, program, now: NOW }
      const found = search(court, order, quorum)
      if (found === null || found.quantity === null) continue
      const { quantity, largest } = found
      const passes = (size: number): boolean =>
        judgeWhole(court, AGENT, withQuantity(order, size)).verdict === 'allow'
      const context = `${JSON.stringify(order)} in ${JSON.stringify(one)} by program ${index}, quorum ${JSON.stringify(quorum)}: ${JSON.stringify(found)}`
      const count = (what: string): void => void tally.seen.set(what, (tally.seen.get(what) ?? 0) + 1)
      count('narrowed')
      if (!passes(quantity)) throw new LawBroken(`what was found does not pass: ${context}`)
      if (wholeSteps(quantity, one.lot) === undefined)
        throw new LawBroken(`no whole number of lots: ${context}`)
      if (!(quantity < order.quantity)) throw new LawBroken(`not smaller than asked: ${context}`)
      if (!largest) continue
      count('largest')
      for (const more of larger(quantity, order.quantity, one.lot))
        if (passes(more)) throw new LawBroken(`${more} passes too: ${context}`)
    }
  }
}

/** Whole lots above `found` and at most `asked`: the next, some between, the last. One lot more may be above what was asked. */
function larger(found: number, asked: number, lot: number): number[] {
  const low = wholeSteps(found, lot) ?? 0
  const high = stepsWithin(asked, lot) ?? 0
  const between = [0.25, 0.5, 0.75].map((part) => low + Math.floor((high - low) * part))
  const round = [10, 50].map((step) => Math.floor(high / step) * step)
  const inside = [...between, ...round, high - 1, high].filter((lots) => lots > low && lots <= high)
  return [low + 1, ...inside].map((lots) => fromSteps(lots, lot))
}

test('what is found passes, is whole, is smaller, and is the largest where it says so', async () => {
  const { seen } = await hold('narrowing', given, narrowing(asDecided))
  expect(seen.get('narrowed')).toBeGreaterThan(2000)
  expect(seen.get('largest')).toBeGreaterThan(500)
})

/** A search of the test's own, to plant faults in. */
function searching(fault: {
  readonly stale?: string
  readonly monotone?: true
  readonly start?: (lots: number) => number
}): Search {
  return (court, order) => {
    const { ledger, program, now } = court
    const judged = judgeWhole(court, AGENT, order)
    const lot = judged.subject.instrument?.lot ?? 1
    const asked = wholeSteps(order.quantity, lot)
    if (judged.verdict === 'allow' || judged.verdict === 'pending' || asked === undefined) return null
    const passes = (lots: number): boolean => {
      const quantity = toNumber({ ...rational(lot), numerator: rational(lot).numerator * BigInt(lots) })
      const read = measure(
        ledger,
        subjectOf(ledger, AGENT, withQuantity(order, quantity)),
        program.constitution,
        now,
      )
      const before = measure(ledger, judged.subject, program.constitution, now)
      const facts = varying(
        program,
        'order',
        judged.facts,
      )((name) => (name === fault.stale ? before : read)(name))
      return verdictOf(program, 'order', facts) === 'allow'
    }
    const monotone = fault.monotone ?? program.actions.order.monotone
    const found = narrow(fault.start?.(asked) ?? asked, monotone, passes)
    return found === undefined
      ? null
      : {
          quantity: toNumber({ ...rational(lot), numerator: rational(lot).numerator * BigInt(found.lots) }),
          largest: found.largest,
        }
  }
}

/** The true search, with its answer changed. */
function answering(change: (found: number, lot: number) => number): Search {
  return (court, order, quorum) => {
    const found = decide(court, requestOf(order), quorum).decision.headroom
    const lot = court.ledger.instruments.get(order.instrument)?.lot ?? 1
    return found === null || found.quantity === null
      ? found
      : { ...found, quantity: change(found.quantity, lot) }
  }
}

test('the search that faults are planted in holds without them', async () => {
  await hold('narrowing by the test’s own search', given, narrowing(searching({})))
})

describe('a planted fault is found', () => {
  test.each<[string, Search]>([
    ['one lot too many', answering((found, lot) => toNumber(add(rational(found), rational(lot))))],
    ['one lot too few', answering((found, lot) => (found > lot ? found - lot : found))],
    ['half a lot beside', answering((found, lot) => found - lot / 2)],
    ['what was asked for', (_, order) => ({ quantity: order.quantity, largest: false })],
    ['the quantity is not measured again', searching({ stale: 'order.quantity' })],
    ['whether it reduces is not measured again', searching({ stale: 'action.reducing' })],
    ['all rules are taken for monotone', searching({ monotone: true })],
    ['the search begins one lot below what was refused', searching({ start: (lots) => lots - 1 })],
    [
      'lots are counted in floating point',
      searching({ start: (lots) => Math.floor(fromDoubles(lots, 0.1)) }),
    ],
  ])('%s', async (name, search) => {
    expect(await isBroken(name, given, narrowing(search))).toBe(true)
  })
})

/** What `quantity / lot` makes of whole lots. */
function fromDoubles(lots: number, lot: number): number {
  return Number((lots * lot).toPrecision(15)) / lot
}
