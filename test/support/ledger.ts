/** A ledger of one account and one instrument in lots of a tenth, for tests of what is kept and measured. */
import { observe } from '../../src/ledger/fold.ts'
import { EMPTY_LEDGER, type Ledger } from '../../src/ledger/ledger.ts'
import type { WorldObservation } from '../../src/protocol/observation.ts'

export const tenths = (at: number) =>
  ({
    kind: 'instrument',
    instrument: 'AAPL',
    assetClass: 'equity',
    currency: 'USD',
    lot: 0.1,
    tick: 0.01,
    multiplier: 1,
    status: 'open',
    at,
  }) as const

/** All that the account holds: so much of the instrument, or nothing. */
export const holding = (at: number, quantity?: number) =>
  ({
    kind: 'portfolio',
    account: 'main',
    positions: quantity === undefined ? [] : [{ instrument: 'AAPL', quantity }],
    at,
  }) as const

/** All of `observations`, each arriving when it says. */
export function folded(...observations: readonly WorldObservation[]): Ledger {
  return observations.reduce((ledger, one) => {
    const at = one.kind === 'facts' ? 0 : one.kind === 'bar' ? one.to : one.at
    return observe(ledger, one, at)
  }, EMPTY_LEDGER)
}
