/** What a verdict reserves, in lots. */
import { expect, test } from 'vitest'
import { decidedOn, request } from '../../test/support/engine.ts'
import { folded, tenths } from '../../test/support/ledger.ts'
import { NO_WINDOWS } from '../ledger/windows.ts'
import { decided } from './reserve.ts'

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
