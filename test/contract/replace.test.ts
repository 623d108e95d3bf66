/** Replacing over HTTP, and a clock that is set back. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { order, quietMarket } from '../support/market.ts'
import { codesOf, OPEN, Rig } from '../support/sidecar.ts'

const rig = new Rig()

beforeAll(async () => {
  await rig.start()
  await rig.observe(...quietMarket(OPEN))
})
afterAll(() => rig.end())

test('what it was replaced by is judged whole; what replaces nothing is denied', async () => {
  const first = await rig.judge(order())
  const replace = {
    type: 'replace',
    account: 'main',
    instrument: 'AAPL',
    order: first.decision,
    quantity: 200,
  }
  const second = await rig.judge(replace)
  expect(second.verdict).toBe('allow')
  expect(codesOf(await rig.judge(replace))).toEqual(['ORDER_UNKNOWN'])
  expect(codesOf(await rig.judge({ ...replace, order: second.decision }))).toEqual(['LIMIT_PRICE_UNKNOWN'])
  const again = { ...replace, order: second.decision, limitPrice: 200 }
  expect(codesOf(await rig.judge({ ...again, quantity: 5000 }))).toContain('ORDER_VALUE_CAP')
  expect(codesOf(await rig.judge({ ...again, limitPrice: 300 }))).toContain('PRICE_BAND')
  expect(codesOf(await rig.judge({ ...replace, order: 'd-nothing' }))).toEqual(['ORDER_UNKNOWN'])
})

test('a market order is not replaced by one with a price that nobody judged', async () => {
  const first = await rig.judge({ ...order({ orderType: 'market' }), limitPrice: undefined })
  expect(first.verdict).toBe('allow')
  const replace = {
    type: 'replace',
    account: 'main',
    instrument: 'AAPL',
    order: first.decision,
    quantity: 50,
  }
  expect(codesOf(await rig.judge({ ...replace, limitPrice: 123_456.789 }))).toEqual([
    'LIMIT_PRICE_UNEXPECTED',
  ])
  expect((await rig.judge(replace)).verdict).toBe('allow')
})

test('an hour back by the clock, nothing is decided and nothing believed, and a halt still acts', async () => {
  await rig.judge(order())
  rig.now = OPEN - 3_600_000
  const asked = await rig.post('/v1/actions', 'alpha', rig.request(order()))
  expect(asked.body).toMatchObject({ status: 503, code: 'CLOCK_BACKWARDS' })
  const halted = await rig.post('/v1/halts', 'operator-1', {
    scope: { kind: 'agent', name: 'nobody' },
    state: 'halted',
    reason: 'test',
  })
  expect(halted.status).toBe(200)
  rig.now = OPEN
  expect((await rig.judge(order())).verdict).toBe('allow')
})
