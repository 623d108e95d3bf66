/** What is kept of an account's worth is what comes out when everything is added up again. */
import fc from 'fast-check'
import { Map } from 'immutable'
import { expect, test } from 'vitest'
import { anOrder } from '../../test/support/orders.ts'
import { compare } from '../base/rational.ts'
import type { Observation } from '../protocol/observation.ts'
import { handOn, worthOf, type Valuing, type Worth } from './book.ts'
import { observe } from './fold.ts'
import { EMPTY_LEDGER, type Ledger } from './ledger.ts'
import { reserve } from './orders.ts'
import { countFill } from './positions.ts'

const NAMES = ['A', 'B', 'C', 'D', 'E']
const START = 1_000_000
const instrument = (name: string, currency: string): Observation => ({
  kind: 'instrument',
  instrument: name,
  assetClass: 'equity',
  currency,
  lot: 0.1,
  tick: 0.01,
  multiplier: 1,
  status: 'open',
  at: START,
})
const BEGIN = [
  ...NAMES.map((name, index) => instrument(name, index === 4 ? 'EUR' : 'USD')),
  {
    kind: 'portfolio',
    account: 'main',
    at: START,
    positions: NAMES.map((name, index) => ({ instrument: name, quantity: (index - 2) * 10.1 })),
  } as const,
  { kind: 'fx', base: 'EUR', quote: 'USD', rate: 1.1, at: START } as const,
].reduce((ledger, one) => observe(ledger, one, START), EMPTY_LEDGER)

/** A copy that nothing is known of. */
const forgotten = (ledger: Ledger): Ledger => ({ ...ledger })
const isSame = (a: Worth | undefined, b: Worth | undefined): boolean =>
  a === undefined || b === undefined
    ? a === b
    : a.unknown === b.unknown &&
      (['gross', 'buy', 'sell'] as const).every((side) => compare(a[side], b[side]) === 0)

/** Handing on, or a way to get it wrong. */
type HandOn = typeof handOn

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('price' as const),
      instrument: fc.constantFrom(...NAMES),
      source: fc.constantFrom('x', 'y', 'z'),
      price: fc.integer({ min: 1, max: 40_000 }).map((cents) => cents / 100),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('open' as const),
      instrument: fc.constantFrom(...NAMES),
      side: fc.constantFrom('buy' as const, 'sell' as const),
      lots: fc.integer({ min: 0, max: 50 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fx' as const), rate: fc.constantFrom(1.1, 1.07) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('ask' as const), but: fc.constantFrom(...NAMES, 'none') }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function play(steps: readonly (Step & { after: number })[], hand: HandOn): boolean {
  let ledger = BEGIN
  let now = START
  for (const { after, ...one } of steps) {
    now += after
    const valuing: Valuing = { currency: 'USD', now, markAge: 5_000, rateAge: 20_000 }
    if (one.kind === 'ask') {
      if (
        !isSame(
          worthOf(ledger, 'main', one.but, valuing),
          worthOf(forgotten(ledger), 'main', one.but, valuing),
        )
      )
        return false
      continue
    }
    const before = ledger
    if (one.kind === 'price') {
      ledger = observe(ledger, { ...one, at: now }, now)
      hand(before, ledger, one.instrument)
    } else if (one.kind === 'fx') {
      ledger = observe(ledger, { kind: 'fx', base: 'EUR', quote: 'USD', rate: one.rate, at: now }, now)
      hand(before, ledger, undefined)
    } else {
      const { instrument: name, side, lots } = one
      const open = ledger.exposures.get('main') ?? Map<string, { buy: number; sell: number }>()
      const exposure = { ...(open.get(name) ?? { buy: 0, sell: 0 }), [side]: lots }
      ledger = { ...ledger, exposures: ledger.exposures.set('main', open.set(name, exposure)) }
      hand(before, ledger, name)
    }
  }
  return true
}

const timed = fc.tuple(step, fc.constantFrom(0, 0, 0, 1, 100, 2_000, 6_000))
const plays = fc
  .array(timed, { minLength: 5, maxLength: 60 })
  .map((steps) => steps.map(([one, after]) => ({ ...one, after })))

test('whatever changes, in whatever order and at whatever times', () => {
  fc.assert(
    fc.property(plays, (steps) => play(steps, handOn)),
    { numRuns: 500 },
  )
})

test('a hand-on that names another instrument is caught', () => {
  const wrong: HandOn = (before, after, name) => handOn(before, after, name && 'A')
  const { failed } = fc.check(
    fc.property(plays, (steps) => play(steps, wrong)),
    { numRuns: 1_000 },
  )
  expect(failed).toBe(true)
})

test('more changes than are kept are valued anew', () => {
  let ledger = BEGIN
  for (let change = 0; change < 5_000; change++) {
    const now = START + change
    const valuing: Valuing = { currency: 'USD', now, markAge: 5_000, rateAge: undefined }
    if (change % 1_000 === 7) {
      const known = worthOf(ledger, 'main', 'none', valuing)
      expect(isSame(known, worthOf(forgotten(ledger), 'main', 'none', valuing))).toBe(true)
    }
    const before = ledger
    const name = NAMES[change % 5] ?? 'A'
    ledger = observe(
      ledger,
      {
        kind: 'price',
        instrument: name,
        source: change % 2 === 0 ? 'x' : 'y',
        price: 1 + (change % 13),
        at: now,
      },
      now,
    )
    handOn(before, ledger, name)
  }
})

test('nobody can say it before the first portfolio, whatever has filled; positions of a case are all that it has', () => {
  const valuing: Valuing = { currency: 'USD', now: START, markAge: undefined, rateAge: undefined }
  const said = (ledger: Ledger) => worthOf(ledger, 'main', 'none', valuing)
  const described = { ...BEGIN, portfolios: BEGIN.portfolios.clear() }
  expect(said(described)).toBeUndefined()
  const order = anOrder({ instrument: 'A', lots: 10 })
  const filled = countFill(reserve(described, order), order, 10, START)
  expect(filled.portfolios.get('main')?.fills.size).toBe(1)
  expect(said(filled)).toBeUndefined()
  // With a portfolio it is counted: nobody said what `A` costs.
  expect(said({ ...filled, portfolios: BEGIN.portfolios })?.unknown).toBeGreaterThan(0)
  const stated = observe(
    described,
    { kind: 'position', account: 'main', instrument: 'A', quantity: 0, at: START },
    START,
  )
  expect(said(stated)?.unknown).toBe(0)
})
