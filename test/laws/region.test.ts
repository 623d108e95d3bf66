/** What the optimizer may choose from passes the whole constitution, by both evaluators, and no lot more does. */
import fc from 'fast-check'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fromSteps, wholeSteps } from '../../src/base/exact.ts'
import { compile, gather, type Program } from '../../src/constitution/compile.ts'
import type { Constitution, Read } from '../../src/constitution/model.ts'
import { judgeWhole, withQuantity, type Court } from '../../src/engine/judgement.ts'
import { measure } from '../../src/ledger/measure.ts'
import { subjectOf } from '../../src/ledger/subject.ts'
import { lotsOf } from '../../src/optimizer/action-map.ts'
import { regionOf, settle, type Asked, type NoRegion, type Region } from '../../src/optimizer/region.ts'
import type { Order } from '../../src/protocol/action.ts'
import { loadConstitution } from '../../src/sidecar/constitutions.ts'
import { reference } from './evaluators.ts'
import { hold, isBroken, LawBroken, WORLDS, type Law } from './law.ts'
import { AGENT, market, marketOf, NOW, PROGRAMS as DRAFTS, type Market } from './narrow-world.ts'
import { verdictOf } from './naive.ts'

const shipped = loadConstitution(join(import.meta.dirname, '../../constitution')).constitution as Constitution
/** What is shipped, drafts that are monotone too, and one that is not. */
const PROGRAMS = [compile(shipped), DRAFTS[2], DRAFTS[3], DRAFTS[5]] as readonly [
  Program,
  Program,
  Program,
  Program,
]
const FLOORED = PROGRAMS[3]

interface Given {
  readonly program: number
  readonly markets: readonly Market[]
  /** What later steps can take, as a part of the order. */
  readonly ahead: number
  /** Where in the region a lot is tried. */
  readonly u: number
  /** What is approved, as a part of the order; above one nothing is. */
  readonly approved: number
}
const part = (most: number): fc.Arbitrary<number> => fc.nat(most).map((percent) => percent / 100)
const given: fc.Arbitrary<Given> = fc.record({
  program: fc.nat(PROGRAMS.length - 1),
  markets: fc.array(market, { minLength: WORLDS, maxLength: WORLDS }),
  ahead: part(200),
  u: part(100),
  approved: part(200),
})

/** Cases that the second evaluator, a thousand times slower, is asked about too. */
const SECOND_MAX = 1000
const seconds = PROGRAMS.map(({ constitution }) => reference(constitution))

type Regions = (asked: Asked) => Region | NoRegion

function readerOf({ ledger, program, now }: Court, order: Order, lot: number): (lots: number) => Read {
  return (lots) => {
    const smaller = withQuantity(order, fromSteps(lots, lot))
    return measure(ledger, subjectOf(ledger, AGENT, smaller), program.constitution, now)
  }
}

function regions(regionsOf: Regions): Law<Given> {
  let asked = 0
  return async ({ program: index, markets, ahead, u, approved }, tally) => {
    const program = PROGRAMS[index] as Program
    for (const one of markets) {
      tally.cases += 1
      const { ledger, order } = marketOf(one, program)
      const lots = wholeSteps(order.quantity, one.lot)
      if (lots === undefined) continue
      const later = Math.floor(ahead * lots)
      const court: Court = { ledger, program, now: NOW }
      const readAt = readerOf(court, order, one.lot)
      const facts = gather(program, 'order', readAt(lots), NOW)
      const envelope =
        approved > 1 ? {} : { approved: { lots: Math.floor(approved * lots), rules: ESCALATING } }
      const question: Asked = { program, action: 'order', facts, readAt, remaining: lots, later, ...envelope }
      const region = regionsOf(question)
      const context = `${JSON.stringify(order)} in ${JSON.stringify(one)} by program ${index}: ${JSON.stringify(region)}`
      const passes = (size: number): boolean => {
        const { verdict } = judgeWhole(court, AGENT, withQuantity(order, fromSteps(size, one.lot)))
        return verdict === 'allow' || (verdict === 'pending' && approved <= 1)
      }
      const count = (what: string): void => void tally.seen.set(what, (tally.seen.get(what) ?? 0) + 1)
      if ('untuned' in region) {
        count(region.untuned)
        if (region.untuned === 'nothing-passes' && approved > 1 && passes(1))
          throw new LawBroken(`one lot passes: ${context}`)
        continue
      }
      const { lo, hi, hiBy } = region
      count(`bound by ${hiBy.kind}`)
      if (lo > hi || hi > lots || lo < 0 || lo < lots - later) throw new LawBroken(`no region: ${context}`)
      const tried = lotsOf(u, region)
      if (tried === undefined) throw new LawBroken(`no lots at ${u}: ${context}`)
      const chosen = settle(question, region, tried)
      for (const size of [hi, Math.max(lo, 1), chosen ?? hi])
        if (size > 0 && !passes(size)) throw new LawBroken(`${size} lots do not pass: ${context}`)
      if (hiBy.kind === 'rules' && (passes(hi + 1) || hiBy.rules.length === 0))
        throw new LawBroken(`a lot more passes, or no rule says why not: ${context}`)
      if (chosen === undefined || chosen === 0 || asked >= SECOND_MAX) continue
      asked += 1
      count('asked of the second evaluator')
      const results = await seconds[index]?.('order', readAt(chosen), NOW)
      const verdict = results === undefined ? 'deny' : verdictOf(program.constitution, results)
      if (verdict !== 'allow' && !(verdict === 'pending' && approved <= 1))
        throw new LawBroken(`the second evaluator says ${verdict} to ${chosen} lots: ${context}`)
    }
  }
}

/** What is approved satisfies every rule that escalates. */
const ESCALATING = new Set(
  PROGRAMS.flatMap(({ constitution }) => constitution.rules)
    .filter(({ effect }) => effect === 'escalate')
    .map(({ id }) => id),
)

test('every region passes whole, and no lot more does', async () => {
  const { seen } = await hold('regions', given, regions(regionOf))
  for (const what of [
    'bound by rules',
    'bound by order',
    'bound by approval',
    'rules-not-monotone',
    'deadline-unreachable',
  ])
    expect(seen.get(what), what).toBeGreaterThan(20)
  expect(seen.get('asked of the second evaluator')).toBe(SECOND_MAX)
})

test('under the constitution that is shipped there are regions', () => {
  expect([PROGRAMS[0].actions.order.monotone, PROGRAMS[0].actions.replace.monotone]).toEqual([true, true])
})

const changed =
  (change: (region: Region) => Region): Regions =>
  (asked) => {
    const region = regionOf(asked)
    return 'untuned' in region ? region : change(region)
  }

describe('a planted fault is found', () => {
  test.each<[string, Regions]>([
    ['a lot too many', changed((region) => ({ ...region, hi: region.hi + 1 }))],
    [
      'a lot too few',
      changed((region) => (region.hi > region.lo ? { ...region, hi: region.hi - 1 } : region)),
    ],
    ['the deadline is forgotten', changed((region) => ({ ...region, lo: 0 }))],
    [
      'the rule that binds is not named',
      changed((region) => ({ ...region, hiBy: { kind: 'rules', rules: [] } })),
    ],
    [
      'what is not monotone is searched all the same',
      (asked) => {
        const { program, action } = asked
        const actions = { ...program.actions, [action]: { ...program.actions[action], monotone: true } }
        return regionOf({ ...asked, program: { ...program, actions } })
      },
    ],
  ])('%s', async (name, planted) => {
    expect(await isBroken(name, given, regions(planted))).toBe(true)
  })
})

describe('what is no region', () => {
  const program = PROGRAMS[1]
  const readAt = (): Read => () => undefined
  const facts = gather(program, 'order', readAt(), NOW)
  const asked: Asked = { program, action: 'order', facts, readAt, remaining: 5, later: 0 }

  test.each<[string, Partial<Asked>]>([
    ['of nothing', { remaining: 0 }],
    ['below zero', { remaining: -1 }],
    ['of half a lot', { remaining: 0.5 }],
    ['of no number', { remaining: Number.NaN }],
    ['of more than can be counted', { remaining: 2 ** 53 }],
    ['before a deadline that is none', { later: Number.NaN }],
    ['with an approval below zero', { approved: { lots: -1, rules: new Set() } }],
  ])('%s', (_, change) => {
    expect(regionOf({ ...asked, ...change })).toEqual({ untuned: 'quantity-invalid', rules: [] })
  })

  test('with facts missing that must be there', () => {
    expect(regionOf(asked)).toMatchObject({ untuned: 'facts-missing' })
  })

  test('under rules that are not monotone, which are named', () => {
    const [one] = fc.sample(market, { seed: 1, numRuns: 1 }) as [Market]
    const { ledger, order } = marketOf(one, FLOORED)
    const known = readerOf({ ledger, program: FLOORED, now: NOW }, order, one.lot)
    const whole = gather(FLOORED, 'order', known(5), NOW)
    expect(regionOf({ ...asked, program: FLOORED, facts: whole, readAt: known })).toEqual({
      untuned: 'rules-not-monotone',
      rules: ['floor'],
    })
  })
})
