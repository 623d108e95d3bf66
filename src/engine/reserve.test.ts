/** What a verdict reserves, in lots. */
import { describe, expect, test } from 'vitest'
import {
  answered,
  ask,
  decidedOn,
  idAt,
  NOW,
  programWith,
  QUIET,
  ready,
  request,
  run,
  stillLiquid,
} from '../../test/support/engine.ts'
import { folded, tenths } from '../../test/support/ledger.ts'
import { NO_WINDOWS } from '../ledger/windows.ts'
import type { Observation } from '../protocol/observation.ts'
import { permitId } from './permits.ts'
import { decided } from './reserve.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

test.each([
  [0.07, 0.01, 7],
  [2.1, 0.3, 7],
  [1.1, 0.1, 11],
  [1.15, 0.1, 12],
])('a transfer of %s in lots of %s holds %s of them', (amount, lot, lots) => {
  const action = { type: 'transfer', account: 'main', asset: 'AAPL', amount, destination: 'vault' } as const
  const decision = { ...decidedOn(request()), action, verdict: 'allow' } as const
  const { exposures } = decided(folded({ ...tenths(1), lot }), decision, NO_WINDOWS)
  expect(exposures.get('main')?.get('AAPL')).toEqual({ buy: 0, sell: lots })
})

describe('cash that may be sent away', () => {
  const report = (at: number): Observation => ({
    kind: 'account',
    account: 'main',
    currency: 'USD',
    equity: 10_000_000,
    cash: 250_000,
    at,
  })
  const from = ready(programWith([], {}, ['transfer-cap', 'credit']), [
    ...QUIET.filter(({ kind }) => kind !== 'account'),
    report(NOW - 500),
  ])
  const away = {
    type: 'transfer',
    account: 'main',
    asset: 'USD',
    amount: 250_000,
    destination: 'bank-nyc-1',
  } as const
  const sending = ask(request({}, { id: idAt(NOW, '1'), action: away }))
  const decision = answered(from, sending)?.decision ?? ''
  const { state: allowed } = run(from, [sending], NOW)
  const redeem: Input = { kind: 'redeem', permit: permitId(decision), agent: 'alpha' }
  const { state: sent } = run(allowed, [redeem], NOW)
  const codes = (state: State, now = NOW) => {
    const priced = run(state, [stillPriced(now)], now).state
    const order = request({ quantity: 1_200 }, { id: idAt(now, '2') })
    return answered(priced, ask(order), now)?.reasons.map(({ code }) => code)
  }
  const stillPriced = (at: number): Input => {
    const { observations, ...rest } = stillLiquid(at) as Input & { kind: 'observations' }
    return { ...rest, observations: observations.filter(({ kind }) => kind !== 'account') }
  }
  const told = (state: State, at: number): State =>
    run(state, [{ kind: 'observations', observations: [report(at)], feeder: 'feed' }], at).state

  test('is not spent again, before it is sent or after', () => {
    expect(codes(from)).toEqual([])
    expect(codes(allowed)).toEqual(['CREDIT'])
    expect(codes(sent)).toEqual(['CREDIT'])
  })

  test('is free once its permit is over', () => {
    expect(codes(told(allowed, NOW + 4_000), NOW + 4_000)).toEqual(['CREDIT'])
    expect(codes(told(allowed, NOW + 6_000), NOW + 6_000)).toEqual([])
  })

  test('that was sent counts until the account is reported, as of a later moment', () => {
    expect(codes(told(sent, NOW))).toEqual(['CREDIT'])
    expect(codes(told(sent, NOW + 1), NOW + 1)).toEqual([])
    expect(sent.ledger.transfers.size).toBe(0)
  })
})
