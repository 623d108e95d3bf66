/** What feeders report: believed only when it can be true, recorded before it is acknowledged. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { expectProblem } from '../support/http.ts'
import {
  AAPL,
  account,
  bar,
  instrument,
  order,
  portfolio,
  price,
  quietMarket,
  sellAtMarket,
} from '../support/market.ts'
import { codesOf, OPEN, Rig } from '../support/sidecar.ts'

let rig: Rig

beforeEach(async () => {
  rig = await new Rig().start()
  await rig.observe(...quietMarket(OPEN))
})
afterEach(() => rig.end())

const report = (body: unknown): ReturnType<Rig['post']> => rig.post('/v1/observations', 'feed', body)

test.each<[string, (at: number) => object]>([
  ['price', (at) => price(at, 'nyse')],
  ['instrument', (at) => instrument(at)],
  ['account', (at) => account(at)],
  ['portfolio', (at) => portfolio(at)],
  ['bar', (at) => bar(at)],
  ['fx', (at) => ({ kind: 'fx', base: 'GBP', quote: 'USD', rate: 1.25, at })],
  ['locate', (at) => ({ kind: 'locate', account: 'main', instrument: AAPL, quantity: 10, at })],
])('a %s from the future is refused, by a millisecond too', async (kind, of) => {
  expect((await report(of(OPEN))).body).toEqual({ schema: 1, accepted: 1 })
  const answer = await report(of(OPEN + 1))
  expectProblem(answer, 'OBSERVATION_IN_FUTURE', `says ${OPEN + 1} and it is ${OPEN}`)
  expect(answer.body).toMatchObject({ accepted: 0, refused: [{ index: 0, code: 'OBSERVATION_IN_FUTURE' }] })
  rig.now = OPEN + 1000
  expect((await report(of(OPEN + 1000))).status).toBe(200)
  // Bars may come late; anything else that goes backwards is a feed that repeats itself.
  const late = await report(of(OPEN + 999))
  if (kind === 'bar') expect(late.status).toBe(200)
  else expectProblem(late, 'OBSERVATION_STALE', `says ${OPEN + 999} and one of ${OPEN + 1000}`)
})

test('each source has its own clock', async () => {
  rig.now = OPEN + 1000
  await rig.observe(price(OPEN + 1000, 'nyse'))
  expect((await report(price(OPEN + 500, 'bats'))).status).toBe(200)
})

test('what cannot become another is refused', async () => {
  for (const [field, value] of [
    ['assetClass', 'future'],
    ['currency', 'EUR'],
    ['multiplier', 100],
    ['lot', 100],
  ] as const)
    expectProblem(
      await report(instrument(OPEN, { [field]: value })),
      'OBSERVATION_CONTRADICTS',
      `${field} of AAPL`,
    )
  expectProblem(
    await report({ ...account(OPEN), currency: 'EUR' }),
    'OBSERVATION_CONTRADICTS',
    'the currency of main was USD',
  )
  expectProblem(await report(portfolio(OPEN, 0.5)), 'OBSERVATION_CONTRADICTS', 'no whole number of lots')
})

test('a rate or an equity that jumps a hundredfold is refused, and a status is taken all the same', async () => {
  const fx = (rate: number) => ({ kind: 'fx', base: 'GBP', quote: 'USD', rate, at: OPEN })
  await rig.observe(fx(1.3))
  expectProblem(await report(fx(0.013)), 'OBSERVATION_CONTRADICTS', 'the rate GBP/USD was 1.3')
  expectProblem(
    await report({ ...account(OPEN), equity: 1_000_000_001 }),
    'OBSERVATION_CONTRADICTS',
    'the equity of main',
  )
  expect((await report(instrument(OPEN, { status: 'halted' }))).status).toBe(200)
})

test('open orders are counted in lots, so a lot that shrinks must not make them small', async () => {
  const other = { instrument: 'LOTS' }
  await rig.observe(instrument(OPEN, { ...other, lot: 100 }), {
    ...portfolio(OPEN),
    positions: [{ instrument: 'LOTS', quantity: 1000 }],
  })
  await rig.adopt()
  const getOut = { ...sellAtMarket(900), ...other }
  expect((await rig.judge(getOut)).verdict).toBe('allow')
  await report(instrument(OPEN, { ...other, lot: 1 }))
  // 900 of the 1,000 may be sold already: another 900 would go through zero, and nothing else makes it legal.
  expect((await rig.judge(getOut)).verdict).toBe('deny')
})

test('in a list, what is good is taken and what is not is named by its place', async () => {
  const answer = await report([
    price(OPEN, 'nyse', 201),
    price(OPEN + 5, 'bats', 201),
    price(OPEN, 'iex', 201),
    price(OPEN - 5, 'nyse', 1),
  ])
  expectProblem(answer, 'OBSERVATION_IN_FUTURE', 'from bats')
  expect(answer.body).toMatchObject({
    accepted: 2,
    refused: [
      { index: 1, code: 'OBSERVATION_IN_FUTURE' },
      { index: 3, code: 'OBSERVATION_STALE' },
    ],
  })
})

test('a later portfolio that leaves something out says it is not held', async () => {
  rig.now = OPEN + 10_000
  await rig.observe(portfolio(rig.now, 0))
  expect((await rig.judge(sellAtMarket(100))).verdict).toBe('deny')
})

test('a fast market is seen over the window, and forgotten behind it', async () => {
  for (let second = 1; second <= 60; second += 1) {
    rig.now = OPEN + second * 1000
    const falling = 200 - second * 0.2
    await rig.observe(price(rig.now, 'nyse', falling), price(rig.now, 'bats', falling))
  }
  await rig.observe(account(rig.now))
  expect(codesOf(await rig.judge(order({ limitPrice: 188 })))).toContain('FAST_MARKET')
})

test('many observations at once are all recorded, in order', async () => {
  const before = rig.running.sidecar.durableSequence
  const lists = Array.from({ length: 20 }, () => Array.from({ length: 50 }, () => price(OPEN, 'nyse')))
  const answers = await Promise.all(lists.map((list) => report(list)))
  for (const answer of answers) expect(answer.body).toEqual({ schema: 1, accepted: 50 })
  expect(rig.running.sidecar.durableSequence).toBe(before + 1000)
})
