/** Why an order is denied: what is missing, stale, contradicted, off its grid, too large, or forbidden now. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  AAPL,
  account,
  bar,
  cancel,
  instrument,
  order,
  portfolio,
  price,
  quietMarket,
  sellAtMarket,
} from '../support/market.ts'
import type { Decision } from '../../src/protocol/decision.ts'
import { expectProblem } from '../support/http.ts'
import { codesOf, OPEN, Rig } from '../support/sidecar.ts'

let rig: Rig

beforeEach(async () => {
  rig = await new Rig().start()
})
afterEach(() => rig.end())

/** The quiet market, with the observations of the kinds that `more` holds left out and `more` in their place. */
async function market(...more: readonly object[]): Promise<void> {
  const kinds = new Set(more.map((observation) => (observation as { kind: string }).kind))
  const rest = quietMarket(OPEN).filter((observation) => !kinds.has((observation as { kind: string }).kind))
  await rig.observe(...rest, ...more)
}
const marketWithout = (kind: string): Promise<void> =>
  rig.observe(...quietMarket(OPEN).filter((observation) => (observation as { kind: string }).kind !== kind))

test('nothing is known: instrument and account are named', async () => {
  expect(codesOf(await rig.judge(order()))).toEqual(['ACCOUNT_UNKNOWN', 'INSTRUMENT_UNKNOWN'])
})

/** Rules that read the reference price, and are unknown without it. */
const PRICED = [
  'CREDIT?',
  'GROSS_LEVERAGE?',
  'NET_LEVERAGE?',
  'ORDER_VALUE_CAP?',
  'ORDER_VALUE_REVIEW?',
  'POSITION_CAP?',
  'PRICE_BAND?',
]
/** Rules on worth, which a far too large order breaches each. */
const WORTH = [
  'CREDIT',
  'GROSS_LEVERAGE',
  'NET_LEVERAGE',
  'ORDER_VALUE_CAP',
  'ORDER_VALUE_REVIEW',
  'POSITION_CAP',
]

describe('what is missing denies', () => {
  test.each([
    ['instrument', ['INSTRUMENT_UNKNOWN']],
    ['price', ['FAST_MARKET?', ...PRICED, 'REFERENCE_UNTRUSTED', 'REFERENCE_UNTRUSTED?']],
    ['bar', ['FAST_MARKET?', 'PARTICIPATION?']],
    [
      'account',
      [
        'CREDIT?',
        'DAILY_LOSS?',
        'DRAWDOWN?',
        'GROSS_LEVERAGE?',
        'NET_LEVERAGE?',
        'ORDER_VALUE_CAP?',
        'ORDER_VALUE_REVIEW?',
        'POSITION_CAP?',
      ],
    ],
  ])('%s', async (kind, possible) => {
    await marketWithout(kind)
    const answer = await rig.judge(order(), { accept: ['narrow'] })
    expect(answer.verdict).toBe('deny')
    expect(codesOf(answer).length).toBeGreaterThan(0)
    for (const code of codesOf(answer)) expect(possible).toContain(code)
    for (const { result, missing } of answer.reasons)
      if (result === 'unknown') expect(missing).not.toEqual([])
  })

  test('positions unknown are not flat: nothing counts as getting out', async () => {
    await marketWithout('portfolio')
    rig.now = OPEN + 10_000
    const unknown = await rig.judge(sellAtMarket(100))
    expect(unknown.verdict).toBe('deny')
    await rig.observe(portfolio(rig.now, 0))
    expect((await rig.judge(sellAtMarket(100))).verdict).toBe('deny')
    await rig.observe(portfolio(rig.now, 100))
    // The broker's word against ours: nothing is certain until an operator says whose holds.
    expect((await rig.judge(sellAtMarket(100))).verdict).toBe('deny')
    await rig.adopt()
    expect((await rig.judge(sellAtMarket(100))).verdict).toBe('allow')
    // What was allowed may still fill, so a second hundred would go through zero.
    expect((await rig.judge(sellAtMarket(100))).verdict).toBe('deny')
  })
})

describe('prices', () => {
  test.each<[string, object[], string[]]>([
    ['one source is no reference', [price(OPEN, 'nyse')], ['REFERENCE_UNTRUSTED', ...PRICED]],
    [
      'sources that disagree',
      [price(OPEN, 'nyse', 200), price(OPEN, 'bats', 202.1)],
      ['REFERENCE_UNTRUSTED'],
    ],
    [
      'one that lags by more than two seconds',
      [price(OPEN, 'nyse'), price(OPEN - 2001, 'bats')],
      ['REFERENCE_UNTRUSTED', ...PRICED],
    ],
  ])('%s', async (_, prices, codes) => {
    await market(...prices)
    const answer = await rig.judge(order())
    expect(answer.verdict).toBe('deny')
    expect(codesOf(answer)).toEqual(codes.toSorted())
  })

  test('the same source twice is one source', async () => {
    await market(price(OPEN - 1, 'nyse'), price(OPEN, 'nyse'))
    expect(codesOf(await rig.judge(order()))).toContain('REFERENCE_UNTRUSTED')
  })

  test('two seconds old is fresh, a millisecond more is stale, and cancels leave', async () => {
    await market()
    rig.now = OPEN + 2000
    expect((await rig.judge(order())).verdict).toBe('allow')
    rig.now = OPEN + 2001
    const stale = await rig.judge(order())
    expect(codesOf(stale)).toContain('REFERENCE_UNTRUSTED')
    expect((await rig.judge(cancel())).verdict).toBe('allow')
  })

  test.each<[string, object[], number | null]>([
    ['both sources', [price(OPEN - 1000, 'nyse'), price(OPEN - 2001, 'bats')], 2001],
    ['one of two', [price(OPEN, 'nyse'), price(OPEN - 5000, 'bats')], 5000],
    [
      'the second of three',
      [price(OPEN, 'nyse'), price(OPEN - 3000, 'bats'), price(OPEN - 9000, 'iex')],
      3000,
    ],
    ['no second source', [price(OPEN, 'nyse')], null],
  ])('a stale reference tells the age of what it lacks: %s', async (_, prices, ageMs) => {
    await market(...prices)
    const answer = await rig.judge(order())
    expect(codesOf(answer)).toContain('PRICE_BAND?')
    const missing = answer.reasons.flatMap((reason) => reason.missing ?? [])
    expect(missing.filter(({ fact }) => fact === 'market.reference')).toContainEqual({
      fact: 'market.reference',
      ageMs,
      maxAgeMs: 2000,
    })
    // The record has the age too, and no value that could have been judged by.
    const { body } = await rig.get(`/v1/decisions/${answer.decision}`)
    expect((body.decision as Decision).facts['market.reference']).toEqual({
      value: null,
      source: ageMs === null ? 'missing' : 'median',
      ageMs,
    })
  })

  test('a price reported late is as old as it says, not as its arrival', async () => {
    await market(price(OPEN - 60_000, 'nyse'), price(OPEN - 60_000, 'bats'))
    expect(codesOf(await rig.judge(order()))).toContain('REFERENCE_UNTRUSTED')
  })

  test('equity a minute old is unknown', async () => {
    await market(account(OPEN - 60_001))
    const answer = await rig.judge(order())
    expect(codesOf(answer)).toContain('ORDER_VALUE_CAP?')
    const missing = answer.reasons.flatMap((reason) => reason.missing ?? [])
    expect(missing).toContainEqual({ fact: 'account.equity', ageMs: 60_001, maxAgeMs: 60_000 })
  })
})

describe('quantities', () => {
  test.each<[string, object, string[]]>([
    ['half a share', order({ quantity: 100.5 }), ['OFF_LOT']],
    ['half a tick', order({ limitPrice: 200.005 }), ['OFF_TICK']],
    ['a tick in floating point', order({ limitPrice: 200.01 }), []],
    ['far from the market', order({ limitPrice: 206.01 }), ['PRICE_BAND']],
    ['on the edge of the band', order({ limitPrice: 206 }), []],
    ['a name that belongs to no account', order({ account: 'other' }), ['ACCOUNT_UNKNOWN']],
    [
      '58 million',
      order({ quantity: 58_000_000 }),
      [...WORTH, 'ORDER_SHARE_OF_ISSUE', 'ORDER_SIZE', 'PARTICIPATION', 'POSITION_SIZE'],
    ],
    [
      'all that can be counted',
      order({ quantity: Number.MAX_SAFE_INTEGER }),
      [...WORTH, 'ORDER_SHARE_OF_ISSUE', 'ORDER_SIZE', 'PARTICIPATION', 'POSITION_SIZE'],
    ],
    [
      '100,000 at the market',
      { ...sellAtMarket(100_000), side: 'buy' },
      [...WORTH, 'LARGE_WITHOUT_LIMIT', 'PARTICIPATION'],
    ],
  ])('%s', async (_, action, codes) => {
    await market()
    const answer = await rig.judge(action)
    expect(codesOf(answer)).toEqual(codes.toSorted())
    expect(answer.verdict).toBe(codes.length === 0 ? 'allow' : 'deny')
  })

  test('what is no whole number of countable lots is out of range', async () => {
    await market(instrument(OPEN, { lot: 1e-8 }))
    expect(codesOf(await rig.judge(order({ quantity: 100_000_000 })))).toContain('OUT_OF_RANGE')
    expect((await rig.judge(order({ quantity: 0.000_000_01 }))).verdict).toBe('allow')
  })

  test('an off-lot order is narrowed to whole lots only', async () => {
    await market()
    const answer = await rig.judge(order({ quantity: 100.5 }), { accept: ['narrow'] })
    expect(answer).toMatchObject({ verdict: 'narrow', action: { quantity: 100 } })
  })
})

describe('who and when', () => {
  test('a clock that goes back makes no old price new: a second is waited out, more is refused until it has caught up', async () => {
    await market()
    rig.now = OPEN + 10_000
    expect((await rig.judge(order())).verdict).toBe('deny')
    rig.now = OPEN + 9000
    expect(await rig.judge(order())).toMatchObject({ verdict: 'deny', at: OPEN + 10_000 })
    rig.now = OPEN + 1000
    const refused = await rig.post('/v1/actions', 'alpha', rig.request(order()))
    expectProblem(refused, 'CLOCK_BACKWARDS', String(OPEN + 10_000))
    expectProblem(await rig.post('/v1/observations', 'feed', price(OPEN, 'nyse')), 'CLOCK_BACKWARDS', /./)
    const halt = { scope: { kind: 'everything' }, state: 'halted', reason: 'the clock is wrong' }
    expect((await rig.post('/v1/halts', 'operator-1', halt)).status).toBe(200)
    rig.now = OPEN + 10_000
    expect(codesOf(await rig.judge(order()))).toContain('HALTED')
  })

  test('an agent trades only what it is listed for', async () => {
    await rig.observe(
      ...quietMarket(OPEN),
      instrument(OPEN, { instrument: 'BTC', assetClass: 'crypto', sharesOutstanding: undefined }),
      price(OPEN, 'nyse', 200, 'BTC'),
      price(OPEN, 'bats', 200, 'BTC'),
      bar(OPEN, 'BTC'),
    )
    const action = order({ instrument: 'BTC', quantity: 1 })
    expect(codesOf(await rig.judge(action))).toEqual(['NOT_PERMITTED'])
    expect((await rig.judge(action, {}, 'hedger')).verdict).toBe('allow')
  })

  test.each([
    ['at night', '2026-12-02T05:00:00Z', 'open', { observed: 'closed', limit: 'closed' }],
    ['on Saturday', '2026-12-05T17:00:00Z', 'open', { observed: 'closed', limit: 'closed' }],
    [
      'while the instrument is halted',
      '2026-12-01T17:00:00Z',
      'halted',
      { observed: 'halted', limit: 'open' },
    ],
  ])('the market is closed %s, and the answer says why', async (_, time, status, why) => {
    rig.now = Date.parse(time)
    await rig.observe(...quietMarket(rig.now), instrument(rig.now, { status }))
    const { reasons } = await rig.judge(order())
    expect(reasons.find(({ code }) => code === 'MARKET_CLOSED')).toMatchObject(why)
    expect((await rig.judge(order({ side: 'sell' }))).verdict).toBe('allow')
  })

  test('money leaves for nobody: unlisted, unapproved', async () => {
    await market()
    const transfer = { type: 'transfer', account: 'main', asset: 'USD', amount: 1000, destination: '0x9f3c' }
    expect(codesOf(await rig.judge(transfer))).toEqual(
      expect.arrayContaining(['DESTINATION_UNLISTED', 'TRANSFER_APPROVERS']),
    )
    expect(codesOf(await rig.judge({ ...transfer, destination: 'bank-nyc-1' }))).toEqual([
      'TRANSFER_APPROVERS',
    ])
  })

  test('rules change for nobody', async () => {
    const change = { type: 'change', subject: 'limit', target: 'order-value-cap', from: 2, to: 100 }
    expect(codesOf(await rig.judge(change))).toEqual(
      expect.arrayContaining(['CHANGE_UNSIGNED', 'OVERRIDE_UNBOUNDED']),
    )
  })

  test('a position in another name is not this one', async () => {
    await rig.observe(...quietMarket(OPEN), account(OPEN, 10_000_000, 'other'), portfolio(OPEN, 0, 'other'))
    rig.now = OPEN + 10_000
    expect((await rig.judge({ ...sellAtMarket(100), account: 'other' })).verdict).toBe('deny')
    expect((await rig.judge({ ...sellAtMarket(100), instrument: AAPL })).verdict).toBe('allow')
  })
})
