/** A quiet market and one account, as observations, and orders in it. */

export const AAPL = 'AAPL'

export const instrument = (at: number, more: object = {}): object => ({
  kind: 'instrument',
  instrument: AAPL,
  assetClass: 'equity',
  currency: 'USD',
  lot: 1,
  tick: 0.01,
  multiplier: 1,
  adv: 50_000_000,
  sharesOutstanding: 15_000_000_000,
  status: 'open',
  at,
  ...more,
})

export const price = (at: number, source: string, of = 200, name = AAPL): object => ({
  kind: 'price',
  instrument: name,
  source,
  price: of,
  at,
})

export const bar = (at: number, name = AAPL): object => ({
  kind: 'bar',
  instrument: name,
  from: at - 300_000,
  to: at,
  open: 200,
  high: 200.3,
  low: 199.5,
  close: 200,
  volume: 400_000,
})

/** Five one-minute bars that end now. */
export const bars = (at: number, name = AAPL): object[] =>
  [5, 4, 3, 2, 1].map((ago) => ({
    ...bar(at, name),
    from: at - ago * 60_000,
    to: at - (ago - 1) * 60_000,
    volume: 80_000,
  }))

export const account = (at: number, equity = 10_000_000, name = 'main'): object => ({
  kind: 'account',
  account: name,
  currency: 'USD',
  equity,
  cash: equity,
  at,
})

export const portfolio = (at: number, quantity = 1000, name = 'main'): object => ({
  kind: 'portfolio',
  account: name,
  positions: quantity === 0 ? [] : [{ instrument: AAPL, quantity }],
  at,
})

/** Everything that an order of AAPL is judged by, all of it fresh. */
export const quietMarket = (at: number): object[] => [
  instrument(at),
  price(at, 'nyse'),
  price(at, 'bats'),
  ...bars(at),
  account(at),
  portfolio(at),
]

/** Buys 100 AAPL at 200: allowed in a quiet market. */
export const order = (more: object = {}): Record<string, unknown> => ({
  type: 'order',
  account: 'main',
  instrument: AAPL,
  side: 'buy',
  quantity: 100,
  orderType: 'limit',
  limitPrice: 200,
  ...more,
})

/** Sells at the market, which is judged by no price. */
export const sellAtMarket = (quantity: number): Record<string, unknown> => {
  const { limitPrice: _, ...rest } = order({ side: 'sell', quantity, orderType: 'market' })
  return rest
}

export const cancel = (of = 'd-1'): object => ({
  type: 'cancel',
  account: 'main',
  instrument: AAPL,
  order: of,
})
