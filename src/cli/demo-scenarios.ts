/** What the demo plays: an ordinary day, and incidents with the figures that were published about them. */
import type { Observation } from '../protocol/observation.ts'
import {
  account,
  act,
  instrument,
  MINUTE,
  observe,
  portfolio,
  prices,
  quietBars,
  watched,
  type Action,
  type Scenario,
} from './demo-steps.ts'

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
  multiplier: 1,
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
    act(0, 'buy 100 at 200.00', apple, { next: 'send' }),
    act(0, 'the same request again', apple, { again: true }),
    act(0, 'buy 1,000: above 2 % of equity', { ...apple, quantity: 1000 }),
    act(
      0,
      'the same, and narrowing is welcome',
      { ...apple, quantity: 1000 },
      { narrow: true, next: 'send' },
    ),
    act(0, 'buy 100 at 206.02: outside the band', { ...apple, limitPrice: 206.02 }),
    act(0, 'buy 100 at 200.005: between ticks', { ...apple, limitPrice: 200.005 }),
    act(0, 'buy 200 at 199.90: it rests', { ...apple, quantity: 200, limitPrice: 199.9 }, { next: 'send' }),
    act(0, 'sell 1,000 at 199.90, where our own bid is', {
      ...apple,
      side: 'sell',
      quantity: 1000,
      limitPrice: 199.9,
    }),
    act(0, 'sell 1,000 at 200: getting out', { ...apple, side: 'sell', quantity: 1000 }, { next: 'send' }),
    act(3000, 'buy 100, prices 3 s old', apple),
    { kind: 'cancel', after: 3000, says: 'cancel the bid, prices 3 s old' },
  ],
}

const mini = (quantity: number, limitPrice?: number, from = 'fund'): Action => ({
  type: 'order',
  account: from,
  instrument: 'ESM0',
  side: 'sell',
  quantity,
  orderType: limitPrice === undefined ? 'market' : 'limit',
  ...(limitPrice === undefined ? {} : { limitPrice }),
  strategy: 'unwind',
})
const heldMini = (quantity: number, limitPrice: number): Action => mini(quantity, limitPrice, 'holder')

/** The index fell ever faster, from 1117.1 to 1059.0 in six minutes; futures trade in quarters. */
function indexAt(minutes: number): number {
  return Math.round((1117.1 - 58.1 * (minutes / 6) ** 2) * 4) / 4
}

/** More every minute. */
const volumeAt = (minute: number): number => 28_000 + minute * 3_000

/** What is seen of the fall that began at `from`: prices each second, a bar each minute, accounts each half minute. */
const falling =
  (from: number) =>
  (now: number): readonly Observation[] => {
    const second = (now - from) / 1000
    const minute = second / 60 - 1
    const [open, close] = [indexAt(minute), indexAt(minute + 1)]
    const bar: Observation = {
      kind: 'bar',
      instrument: 'ESM0',
      from: now - MINUTE,
      to: now,
      open,
      high: open,
      low: close,
      close,
      volume: volumeAt(minute),
    }
    return [
      ...prices('ESM0', ['cme', 'vendor'], indexAt(second / 60))(now),
      ...(second % 60 === 0 ? [bar] : []),
      ...(second % 30 === 0
        ? [account('fund', 10_000_000_000)(now), account('holder', 10_000_000_000)(now)]
        : []),
    ]
  }

const flashCrash: Scenario = {
  title: 'Flash crash, 2010-05-06',
  figures:
    '75,000 E-minis worth 4.1 billion dollars sold at 9 % of the volume regardless of price; the index went from 1117.1 to 1059.0 in six minutes',
  multiplier: 50,
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
    act(0, 'sell 75,000 at the market', mini(75_000)),
    {
      kind: 'run',
      after: 1000,
      says: 'the program, a slice every ten seconds for six minutes',
      seconds: 360,
      perSecond: 0.1,
      order: (index) => mini(Math.floor((0.09 * volumeAt(Math.max(0, Math.floor(index / 6) - 1))) / 6)),
      observations: falling,
    },
    observe(361_000, prices('ESM0', ['cme', 'vendor'], 1059, 1040)),
    act(361_000, 'sources 1.8 % apart: sell 10', mini(10, 1059), { about: 'REFERENCE_UNTRUSTED' }),
    act(361_000, 'who holds 2,000 sells 1,000: getting out', heldMini(1000, 1050), { next: 'send' }),
    act(361_000, 'and 500 more, limit 1,090: it rests', heldMini(500, 1090), { next: 'send' }),
    act(361_000, 'and 100 more, not sent at once', heldMini(100, 1050), { next: 'keep' }),
    {
      kind: 'halt',
      after: 362_000,
      says: 'an operator halts ESM0',
      scope: { kind: 'instrument', name: 'ESM0' },
    },
    { kind: 'redeem', after: 362_000, says: 'send the 100 now' },
    { kind: 'cancel', after: 362_000, says: 'cancel the 500' },
  ],
}

const STOCKS = Array.from({ length: 80 }, (_, index) => `KCG${index + 1}`)
const CHILD_PRICE = 16.75

const child = (index: number, parent?: string): Action => ({
  type: 'order',
  account: 'knight',
  instrument: STOCKS[parent === undefined ? index % STOCKS.length : 0] ?? '',
  side: 'buy',
  quantity: 100,
  orderType: 'limit',
  limitPrice: CHILD_PRICE,
  strategy: 'router',
  ...(parent === undefined ? {} : { parent: { id: parent, quantity: 500 } }),
})

const stockPrices = STOCKS.map((name) => prices(name, ['nyse', 'bats'], CHILD_PRICE))
const seenByKnight = (): ((now: number) => readonly Observation[]) =>
  watched(...stockPrices, account('knight', 365_000_000))

const knight: Scenario = {
  title: 'Knight Capital, 2012-08-01',
  figures:
    '212 parents became over 4 million children and 397 million shares in 45 minutes; 1,480 orders a second, of which the demo sends a tenth',
  multiplier: 1,
  steps: [
    observe(
      0,
      ...STOCKS.map((name) =>
        instrument(name, {
          assetClass: 'equity',
          tick: 0.01,
          multiplier: 1,
          adv: 20_000_000,
          sharesOutstanding: 500_000_000,
        }),
      ),
      ...STOCKS.map((name) => quietBars(name, CHILD_PRICE, 600_000)),
      account('knight', 365_000_000),
      portfolio('knight', []),
    ),
    {
      kind: 'run',
      after: 1000,
      says: 'children of 100 for a parent of 500',
      seconds: 8,
      perSecond: 1,
      order: (index) => child(index, 'customer-1'),
      observations: seenByKnight,
    },
    {
      kind: 'run',
      after: 20_000,
      says: 'children that name no parent',
      seconds: 6,
      perSecond: 148,
      order: (index) => child(index),
      observations: seenByKnight,
    },
    observe(540_000, seenByKnight(), quietBars(STOCKS[0] ?? '', CHILD_PRICE, 600_000)),
    act(540_000, 'nine minutes later, one more', child(0)),
  ],
}

const DEAR = Array.from({ length: 40 }, (_, index) => ({ name: `OPT${index + 1}`, price: 2 + index / 4 }))
const CHEAP = Array.from({ length: 40 }, (_, index) => ({ name: `LOW${index + 1}`, price: 1 }))

const atOneDollar = (name = ''): Action => ({
  type: 'order',
  account: 'axes',
  instrument: name,
  side: 'sell',
  quantity: 94,
  orderType: 'limit',
  limitPrice: 1,
  strategy: 'axes',
})

const seenByGoldman = (): ((now: number) => readonly Observation[]) =>
  watched(
    ...[...DEAR, ...CHEAP].map(({ name, price }) => prices(name, ['opra', 'vendor'], price)),
    account('axes', 1_000_000_000),
  )

const goldman: Scenario = {
  title: 'Goldman Sachs, 2013-08-20',
  figures:
    'about 16,000 orders to sell 1.5 million option contracts at one dollar each; breakers were lifted by hand',
  multiplier: 100,
  steps: [
    observe(
      0,
      ...[...DEAR, ...CHEAP].map(({ name }) =>
        instrument(name, { assetClass: 'option', tick: 0.01, multiplier: 100, adv: 50_000 }),
      ),
      ...[...DEAR, ...CHEAP].map(({ name, price }) => quietBars(name, price, 2_000)),
      account('axes', 1_000_000_000),
      portfolio('axes', []),
    ),
    {
      kind: 'run',
      after: 1000,
      says: 'sell at 1.00 what is worth 2 to 12',
      agent: 'hedger',
      seconds: 10,
      perSecond: 16,
      order: (index) => atOneDollar(DEAR[index % DEAR.length]?.name),
      observations: seenByGoldman,
    },
    act(
      12_000,
      'lift the price band, for all and for good',
      { type: 'change', subject: 'limit', target: 'price-band', from: 'on', to: 'off' },
      { agent: 'hedger' },
    ),
    {
      kind: 'run',
      after: 20_000,
      says: 'sell at 1.00 what is worth 1',
      agent: 'hedger',
      seconds: 6,
      perSecond: 16,
      order: (index) => atOneDollar(CHEAP[index % CHEAP.length]?.name),
      observations: seenByGoldman,
    },
  ],
}

const basket = (quantity: number): Action => ({
  type: 'order',
  account: 'index',
  instrument: 'BASKET349',
  side: 'sell',
  quantity,
  orderType: 'limit',
  limitPrice: 7655.17,
  strategy: 'baskets',
})

const citi: Scenario = {
  title: 'Citi, 2022-05-02',
  figures:
    '58 million typed as a quantity instead of an amount: 444 billion dollars in 349 stocks, of which 1.4 billion were sold',
  multiplier: 1,
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
      account('index', 6_000_000_000),
      portfolio('index', []),
      (at) => ({ kind: 'locate', account: 'index', instrument: 'BASKET349', quantity: 1_000_000, at }),
    ),
    act(0, 'sell 58,000,000 baskets: what was typed', basket(58_000_000), { about: 'ORDER_VALUE_CAP' }),
    act(0, 'lift the cap: nobody approved', {
      type: 'change',
      subject: 'limit',
      target: 'order-value-cap',
      from: '2 %',
      to: 'off',
    }),
    act(0, 'what was typed, narrowing welcome', basket(58_000_000), {
      narrow: true,
      about: 'ORDER_VALUE_CAP',
    }),
    act(0, 'sell 58 million dollars worth: what was meant', basket(7576), { next: 'send' }),
  ],
}

const wallet: Scenario = {
  title: 'An agent with a wallet, 2026-05-04',
  figures: 'an encoded prompt re-enabled an agent’s tools, and it moved 3 billion tokens',
  multiplier: 1,
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

export const SCENARIOS: readonly Scenario[] = [ordinary, flashCrash, knight, goldman, citi, wallet]
