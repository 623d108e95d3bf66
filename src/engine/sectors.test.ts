/** Exposure by sector, through the core: what counts towards it, on both sides of a limit, with open orders, and what nobody said the sector of. */
import { expect, test } from 'vitest'
import {
  answered,
  ask,
  BUY,
  idAt,
  LIQUID,
  NOW,
  programOfFacts,
  ready,
  request,
  run,
} from '../../test/support/engine.ts'
import type { Observation } from '../protocol/observation.ts'
import { readState, stateLines } from './state-lines.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

/** At most 40 % of 10,000,000 in one sector. */
const PROGRAM = programOfFacts(
  {
    'instrument.sector': { type: 'text', source: 'market' },
    'sector.otherGross': { type: 'money', source: 'ledger', maxAge: '5min' },
  },
  [
    {
      id: 'sector-cap',
      title: 'x',
      applies: { actions: ['order', 'replace'] },
      forbid: 'sector.otherGross + position.worstValue > 40% * account.equity',
      unless: 'action.reducing',
    },
  ],
)

const SECTORS = { AAPL: 'tech', MSFT: 'tech', XOM: 'energy', NEW: undefined }

/** Each at 200; `held` of each, without a word on the sector of `NEW`. */
function holding(held: Readonly<Record<string, number>>, sectors: object = SECTORS): State {
  const market = Object.entries(sectors).flatMap(([instrument, sector]) =>
    LIQUID.filter(({ kind }) => kind !== 'account' && kind !== 'portfolio').map((one): Observation => {
      const of = { ...one, instrument } as Observation
      return of.kind === 'instrument' && sector !== undefined ? { ...of, sector: sector as string } : of
    }),
  )
  const positions = Object.entries(held).map(([instrument, quantity]) => ({ instrument, quantity }))
  return ready(PROGRAM, [
    ...market,
    ...LIQUID.filter(({ kind }) => kind === 'account'),
    { kind: 'portfolio', account: 'main', positions, at: NOW - 500 },
  ])
}

let serial = 0
const asking = (instrument: string, quantity: number) =>
  ask(request({ ...BUY, instrument, quantity }, { id: idAt(NOW, `${(serial += 1)}`) }))
const verdict = (state: State, instrument: string, quantity: number) =>
  answered(state, asking(instrument, quantity))?.verdict

test('a sector holds what its limit says, and no share more; others do not count', () => {
  // 3,000,000 of tech, short, and 3,800,000 of energy.
  const state = holding({ MSFT: -15_000, XOM: 19_000 })
  expect(verdict(state, 'AAPL', 5_000)).toBe('allow')
  expect(verdict(state, 'AAPL', 5_001)).toBe('deny')
  expect(verdict(state, 'XOM', 1_000)).toBe('allow')
  expect(verdict(state, 'XOM', 1_001)).toBe('deny')
})

test('what nobody said the sector of counts in each, and is held to all', () => {
  const state = holding({ NEW: 15_000, XOM: 1_000 })
  expect(verdict(state, 'AAPL', 5_000)).toBe('allow')
  expect(verdict(state, 'AAPL', 5_001)).toBe('deny')
  // 3,000,000 of its own, and 200,000 of energy.
  expect(verdict(state, 'NEW', 4_000)).toBe('allow')
  expect(verdict(state, 'NEW', 4_001)).toBe('deny')
})

test('what is open counts, and a restart forgets none of it', () => {
  const { state } = run(holding({ MSFT: 10_000, XOM: 10_000 }), [asking('MSFT', 5_000)], NOW)
  const again = readState(stateLines(state), () => PROGRAM)
  for (const one of [state, again]) {
    expect(verdict(one, 'AAPL', 5_000)).toBe('allow')
    expect(verdict(one, 'AAPL', 5_001)).toBe('deny')
  }
})

test('another sector holds from its report on, and one that is left out is none', () => {
  const before = holding({ MSFT: 15_000 })
  expect(verdict(before, 'AAPL', 5_001)).toBe('deny')
  const described = LIQUID.find(({ kind }) => kind === 'instrument')
  const moved = (sector: object): State =>
    run(
      before,
      [
        {
          kind: 'observations',
          observations: [{ ...described, instrument: 'MSFT', at: NOW, ...sector } as Observation],
          feeder: 'feed',
        },
      ],
      NOW,
    ).state
  expect(verdict(moved({ sector: 'retail' }), 'AAPL', 5_001)).toBe('allow')
  expect(verdict(moved({}), 'AAPL', 5_001)).toBe('deny')
})

test('a position whose price nobody knows makes its own sector unknown, and all of them while nobody described it', () => {
  const before = holding({ XOM: 100, DARK: 10 })
  expect(['AAPL', 'XOM'].map((name) => verdict(before, name, 100))).toEqual(['deny', 'deny'])
  const described = LIQUID.find(({ kind }) => kind === 'instrument')
  const told = { ...described, instrument: 'DARK', sector: 'tech', at: NOW } as Observation
  const { state } = run(before, [{ kind: 'observations', observations: [told], feeder: 'feed' }], NOW)
  expect(['AAPL', 'XOM'].map((name) => verdict(state, name, 100))).toEqual(['deny', 'allow'])
})

test('what filled before anybody said what the account holds is not nothing: it is unknown until a portfolio', () => {
  const told = (observation: Observation): Input => ({
    kind: 'observations',
    observations: [observation],
    feeder: 'feed',
  })
  const GROSS = programOfFacts(
    {
      'account.otherGross': { type: 'money', source: 'ledger', maxAge: '5min' },
      'sector.otherGross': { type: 'money', source: 'ledger', maxAge: '5min' },
    },
    ['account.otherGross', 'account.otherNet', 'sector.otherGross'].map((fact) => ({
      id: fact.toLowerCase().replace('.', '-'),
      title: 'x',
      // Whoever buys the first of them is let through.
      applies: { actions: ['order', 'replace'], 'order.orderType': ['limit'] },
      forbid: `${fact} > 40% * account.equity`,
      unless: 'action.reducing',
    })),
  )
  const described = LIQUID.filter(({ kind }) => kind !== 'portfolio')
  const market = [
    ...described,
    ...described.flatMap((one) => ('instrument' in one ? [{ ...one, instrument: 'MSFT' }] : [])),
  ]
  const { limitPrice: _, ...unlimited } = BUY
  const first = { ...unlimited, instrument: 'MSFT', quantity: 25_000, orderType: 'market' } as const
  const bought = run(ready(GROSS, market), [ask({ ...request(), action: first })], NOW)
  const [order = ''] = bought.state.ledger.orders.keys()
  const execution = { execution: 'x', order, event: 'filled', filled: 25_000, price: 200, at: NOW } as const
  const { state } = run(bought.state, [{ kind: 'executions', executions: [execution], feeder: 'venue' }], NOW)
  const reasons = (of: State) =>
    answered(of, asking('AAPL', 1), of.lastAt)?.reasons.map(({ code, result }) => `${code} ${result}`)
  const all = ['ACCOUNT_OTHERGROSS', 'ACCOUNT_OTHERNET', 'SECTOR_OTHERGROSS']
  // 5,000,000 of MSFT are half of the equity.
  expect(reasons(state)).toEqual(all.map((code) => `${code} unknown`))
  const began = run(state, [told({ kind: 'portfolio', account: 'main', positions: [], at: NOW })], NOW)
  expect(reasons(began.state)).toEqual(all.map((code) => `${code} breach`))
})
