/** A list of observations is believed as far as a sidecar would believe it, so that `ephor decide` allows nothing that would be denied there. */
import { describe, expect, test } from 'vitest'
import { BUY, NOW, PROGRAM, QUIET } from '../../test/support/engine.ts'
import { EphorError } from '../base/errors.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { WorldObservation } from '../protocol/observation.ts'
import { judgeWhole } from './judgement.ts'
import { buildWorld, withAgent } from './world.ts'

const world = (...more: readonly WorldObservation[]): Ledger =>
  buildWorld([...QUIET, ...more], PROGRAM.constitution, NOW)
/** The code with which one of them is refused, and what is said of it. */
function refusal(...more: readonly WorldObservation[]): string {
  try {
    world(...more)
  } catch (error) {
    if (error instanceof EphorError) return `${error.code} ${error.detail}`
    throw error
  }
  return 'none'
}
const NEXT = `observation ${QUIET.length + 1}:`
const price = (of: number, ago: number) =>
  ({ kind: 'price', instrument: 'AAPL', source: 'nyse', price: of, at: NOW - ago }) as const
const account = (equity: number, ago: number) =>
  ({ kind: 'account', account: 'main', currency: 'USD', equity, cash: equity, at: NOW - ago }) as const
const position = (quantity: number, ago: number) =>
  ({ kind: 'position', account: 'main', instrument: 'AAPL', quantity, at: NOW - ago }) as const
const portfolio = (ago: number): WorldObservation => ({
  kind: 'portfolio',
  account: 'main',
  positions: [],
  at: NOW - ago,
})

describe('an older price behind a newer one', () => {
  test('does not have the last word', () => {
    expect(refusal(price(207, 100), price(200, 1_900))).toBe(
      `OBSERVATION_STALE ${NEXT} the price of AAPL from nyse says ${NOW - 1_900} and one of ${NOW - 100} has been recorded`,
    )
  })

  test('is believed before it: the newer one is', () => {
    const ledger = world(price(200, 200), price(207, 100))
    expect(ledger.prices.get('AAPL')?.get('nyse')).toEqual({ price: 207, at: NOW - 100 })
    const told = withAgent(ledger, 'alpha', BUY, NOW)
    expect(judgeWhole({ ledger: told, program: PROGRAM, now: NOW }, 'alpha', BUY).verdict).toBe('deny')
  })
})

test.each<[string, string, readonly WorldObservation[]]>([
  ['an older account', 'OBSERVATION_STALE', [account(10_000_000, 100), account(10_000_000, 101)]],
  ['an older position', 'OBSERVATION_STALE', [position(1_000, 100), position(2_000, 101)]],
  ['a position older than the whole portfolio', 'OBSERVATION_STALE', [portfolio(100), position(1_000, 101)]],
  ['a portfolio older than a position', 'OBSERVATION_STALE', [position(1_000, 100), portfolio(101)]],
  ['a position of tomorrow', 'OBSERVATION_IN_FUTURE', [position(1_000, 100), position(1_000, -1)]],
  ['a price of tomorrow', 'OBSERVATION_IN_FUTURE', [price(200, 100), price(200, -1)]],
  [
    'an account in another currency',
    'OBSERVATION_CONTRADICTS',
    [account(10_000_000, 100), { ...account(10_000_000, 99), currency: 'EUR' }],
  ],
  ['an equity that jumps', 'OBSERVATION_CONTRADICTS', [account(10_000_000, 100), account(100_000_001, 99)]],
])('%s is refused, and named', (_, code, observations) => {
  expect(refusal(...observations)).toContain(`${code} ${NEXT}`)
})

test('a jump is one by when the reports came, however long ago', () => {
  const ago = 3 * 3_600_000
  const { kind, ...rest } = account(1_000, ago)
  const early = QUIET.filter((one) => one.kind !== 'account')
  const said = (between: number) => () =>
    buildWorld([...early, { kind, ...rest }, account(100_000, ago - between)], PROGRAM.constitution, NOW)
  expect(said(60_000)).toThrow('tenfold')
  expect(said(3_600_000)).not.toThrow()
})
