/** What the demo plays: an ordinary day, and incidents with the figures that were published about them. */
import type { ActionRequest } from '../protocol/action.ts'
import type { Observation } from '../protocol/observation.ts'

type Action = ActionRequest['action']

/** One thing that happens, at `after` milliseconds into the scenario. */
export type Step =
  | {
      readonly kind: 'observe'
      readonly after: number
      readonly observations: (now: number) => readonly Observation[]
    }
  | {
      readonly kind: 'act'
      readonly after: number
      readonly says: string
      readonly action: Action
      readonly narrow?: boolean
      /** Send the request before once more, with the same id. */
      readonly again?: boolean
    }

export interface Scenario {
  readonly title: string
  readonly figures: string
  readonly steps: readonly Step[]
}

/** Where the prices of the scenarios come from: what the demo's feeder is bound to. */
export const SCENARIO_SOURCES = ['nyse', 'bats', 'cme', 'desk', 'pool', 'vendor'] as const
type Source = (typeof SCENARIO_SOURCES)[number]

const MINUTE = 60_000

type Instrument = Extract<Observation, { kind: 'instrument' }>

function instrument(
  name: string,
  fields: Pick<Instrument, 'assetClass' | 'tick' | 'multiplier'> & {
    adv?: number
    sharesOutstanding?: number
  },
): (now: number) => Instrument {
  return (at) => ({
    kind: 'instrument',
    instrument: name,
    currency: 'USD',
    lot: 1,
    status: 'open',
    ...fields,
    at,
  })
}

function prices(
  name: string,
  sources: readonly [Source, Source],
  price: number,
  other = price,
): (now: number) => Observation[] {
  return (at) => [
    { kind: 'price', instrument: name, source: sources[0], price, at },
    { kind: 'price', instrument: name, source: sources[1], price: other, at },
  ]
}

/** Five one-minute bars that end now, around one price. */
function quietBars(name: string, price: number, volume: number): (now: number) => Observation[] {
  return (now) =>
    Array.from({ length: 5 }, (_, index) => ({
      kind: 'bar' as const,
      instrument: name,
      from: now - (5 - index) * MINUTE,
      to: now - (4 - index) * MINUTE,
      open: price,
      high: price,
      low: price,
      close: price,
      volume,
    }))
}

const account =
  (name: string, equity: number): ((now: number) => Observation) =>
  (at) => ({ kind: 'account', account: name, currency: 'USD', equity, cash: equity, at })

const portfolio =
  (
    name: string,
    positions: readonly { instrument: string; quantity: number }[],
  ): ((now: number) => Observation) =>
  (at) => ({ kind: 'portfolio', account: name, positions: [...positions], at })

const locate =
  (name: string, of: string, quantity: number): ((now: number) => Observation) =>
  (at) => ({ kind: 'locate', account: name, instrument: of, quantity, at })

const observe = (
  after: number,
  ...parts: readonly ((now: number) => Observation | readonly Observation[])[]
): Step => ({
  kind: 'observe',
  after,
  observations: (now) => parts.flatMap((part) => part(now)),
})

const act = (
  after: number,
  says: string,
  action: Action,
  options: { narrow?: boolean; again?: boolean } = {},
): Step => ({ kind: 'act', after, says, action, ...options })

const apple: Action = {
  type: 'order',
  account: 'main',
  instrument: 'AAPL',
  side: 'buy',
  quantity: 100,
  orderType: 'limit',
  limitPrice: 200,
}

const ordinary: Scenario = {
  title: 'An ordinary day',
  figures: 'an account of 10,000,000 dollars that holds 1,000 AAPL at about 200',
  steps: [
    observe(
      0,
      instrument('AAPL', {
        assetClass: 'equity',
        tick: 0.01,
        multiplier: 1,
        adv: 50_000_000,
        sharesOutstanding: 15_000_000_000,
      }),
      prices('AAPL', ['nyse', 'bats'], 200, 200.02),
      quietBars('AAPL', 200, 80_000),
      account('main', 10_000_000),
      portfolio('main', [{ instrument: 'AAPL', quantity: 1000 }]),
    ),
    act(0, 'buy 100 at 200.00', apple),
    act(0, 'the same request again', apple, { again: true }),
    act(0, 'buy 1,000: above 2 % of equity', { ...apple, quantity: 1000 }),
    act(0, 'the same, and narrowing is welcome', { ...apple, quantity: 1000 }, { narrow: true }),
    act(0, 'buy 100 at 206.02: outside the band', { ...apple, limitPrice: 206.02 }),
    act(0, 'buy 100 at 200.005: between ticks', { ...apple, limitPrice: 200.005 }),
    act(0, 'sell the 1,000 at 200.00, where our own bid is', { ...apple, side: 'sell', quantity: 1000 }),
    act(0, 'sell them at 200.01: getting out', {
      ...apple,
      side: 'sell',
      quantity: 1000,
      limitPrice: 200.01,
    }),
    act(3000, 'buy 100, prices 3 s old', apple),
    act(3000, 'cancel, prices 3 s old', {
      type: 'cancel',
      account: 'main',
      instrument: 'AAPL',
      order: 'd-1',
    }),
  ],
}

const basket: Action = {
  type: 'order',
  account: 'index',
  instrument: 'BASKET349',
  side: 'sell',
  quantity: 7576,
  orderType: 'limit',
  limitPrice: 7655.17,
}

const citi: Scenario = {
  title: 'Citi, 2022-05-02',
  figures:
    '58 million typed as a quantity instead of an amount: 444 billion dollars in 349 stocks, of which 1.4 billion were sold',
  steps: [
    observe(
      0,
      instrument('BASKET349', {
        assetClass: 'equity',
        tick: 0.01,
        multiplier: 1,
        adv: 5_000_000,
        sharesOutstanding: 1_000_000_000,
      }),
      prices('BASKET349', ['desk', 'vendor'], 7655.17),
      quietBars('BASKET349', 7655.17, 40_000),
      account('index', 3_000_000_000),
      portfolio('index', []),
      locate('index', 'BASKET349', 100_000),
    ),
    act(0, 'sell 58 million dollars worth: what was meant', basket),
    act(0, 'sell 58,000,000 baskets: what was typed', { ...basket, quantity: 58_000_000 }),
    act(0, 'the same, and narrowing is welcome', { ...basket, quantity: 58_000_000 }, { narrow: true }),
  ],
}

const mini: Action = {
  type: 'order',
  account: 'fund',
  instrument: 'ESM0',
  side: 'sell',
  quantity: 2000,
  orderType: 'limit',
  limitPrice: 1100,
}

/** The index fell ever faster, from 1117.1 to 1059.0 in six minutes; futures trade in quarters. */
function indexAt(minutes: number): number {
  return Math.round((1117.1 - 58.1 * (minutes / 6) ** 2) * 4) / 4
}

const fallingPrices: Step[] = Array.from({ length: 360 }, (_, second) =>
  observe((second + 1) * 1000, prices('ESM0', ['cme', 'vendor'], indexAt((second + 1) / 60))),
)

const fallingBars = (now: number): Observation[] =>
  Array.from({ length: 6 }, (_, minute) => ({
    kind: 'bar' as const,
    instrument: 'ESM0',
    from: now - (6 - minute) * MINUTE,
    to: now - (5 - minute) * MINUTE,
    open: indexAt(minute),
    high: indexAt(minute),
    low: indexAt(minute + 1),
    close: indexAt(minute + 1),
    volume: 28_000,
  }))

const flashCrash: Scenario = {
  title: 'Flash crash, 2010-05-06',
  figures:
    '75,000 E-minis worth 4.1 billion dollars sold regardless of price; the index went from 1117.1 to 1059.0 in six minutes',
  steps: [
    observe(
      0,
      instrument('ESM0', { assetClass: 'future', tick: 0.25, multiplier: 50, adv: 2_500_000 }),
      prices('ESM0', ['cme', 'vendor'], indexAt(0)),
      quietBars('ESM0', 1117, 28_000),
      account('fund', 10_000_000_000),
      account('holder', 10_000_000_000),
      portfolio('fund', []),
      portfolio('holder', [{ instrument: 'ESM0', quantity: 2000 }]),
    ),
    act(0, 'sell 75,000 at the market', {
      type: 'order',
      account: 'fund',
      instrument: 'ESM0',
      side: 'sell',
      quantity: 75_000,
      orderType: 'market',
    }),
    act(0, 'sell 2,000, limit 1,100', mini),
    ...fallingPrices,
    observe(360_000, fallingBars, account('fund', 10_000_000_000), account('holder', 10_000_000_000)),
    act(360_000, 'six minutes later: sell 2,000 more', { ...mini, limitPrice: 1059 }),
    act(360_000, 'who holds 2,000 sells them: getting out', { ...mini, account: 'holder', limitPrice: 1059 }),
    observe(361_000, (now) => [{ kind: 'price', instrument: 'ESM0', source: 'cme', price: 1040, at: now }]),
    act(361_000, 'sources 1.8 % apart: sell 10', { ...mini, quantity: 10, limitPrice: 1059 }),
  ],
}

const wallet: Scenario = {
  title: 'An agent with a wallet, 2026-05-04',
  figures: 'an encoded prompt re-enabled an agent’s tools, and it moved 3 billion tokens',
  steps: [
    observe(
      0,
      instrument('TOKEN', { assetClass: 'crypto', tick: 0.000_01, multiplier: 1 }),
      prices('TOKEN', ['pool', 'vendor'], 0.000_06),
      account('main', 10_000_000),
    ),
    act(0, 're-enable the wallet', {
      type: 'change',
      subject: 'privilege',
      target: 'wallet',
      from: 'disabled',
      to: 'enabled',
    }),
    act(0, 'move 3 billion tokens', {
      type: 'transfer',
      account: 'main',
      asset: 'TOKEN',
      amount: 3_000_000_000,
      destination: '0x9f3c',
    }),
  ],
}

export const SCENARIOS: readonly Scenario[] = [ordinary, citi, flashCrash, wallet]
