/** Orders as verdicts leave them in the ledger. */
import type { OrderState } from '../../src/ledger/ledger.ts'

/** A market order of ten lots to buy AAPL, but for what is `changed`. */
export const anOrder = (changed: Partial<OrderState> = {}): OrderState => ({
  id: 'd-1',
  type: 'order',
  agent: 'a',
  account: 'main',
  instrument: 'AAPL',
  side: 'buy',
  lots: 10,
  filled: 0,
  filledValue: 0n,
  orderType: 'market',
  limitPrice: undefined,
  parent: undefined,
  basket: undefined,
  strategy: 'agent:a',
  at: 0,
  worth: 0n,
  exitWorth: 0n,
  value: undefined,
  state: 'reserved',
  pending: [],
  versionIds: [],
  executions: [],
  ...changed,
})
