/** What the venue reports over HTTP: what is open becomes position or is freed, and what should not have come is named. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../src/base/errors.ts'
import { expectProblem } from '../support/http.ts'
import { cancel, order, portfolio, quietMarket } from '../support/market.ts'
import { codesOf, OPEN, Rig } from '../support/sidecar.ts'

let rig: Rig

beforeEach(async () => {
  rig = new Rig()
  await rig.start()
  await rig.observe(...quietMarket(OPEN))
})
afterEach(() => rig.end())

const sell = (quantity: number): object => ({
  ...order({ orderType: 'market' }),
  limitPrice: undefined,
  side: 'sell',
  quantity,
})
let serial = 0
const report = (decision: unknown, event: string, more: object = {}): object => ({
  execution: `e-${(serial += 1)}`,
  order: decision,
  event,
  at: rig.now,
  ...more,
})
const exits = async (quantity: number): Promise<boolean> => {
  // Without prices only an exit is allowed.
  rig.now += 10_000
  return (await rig.judge(sell(quantity))).verdict === 'allow'
}

test('an exit that filled can be followed by another, and a round trip ends where it began', async () => {
  const bought = await rig.judge(order({ quantity: 200 }))
  expect(
    await rig.execute(
      report(bought.decision, 'accepted'),
      report(bought.decision, 'filled', { filled: 200 }),
    ),
  ).toMatchObject({
    accepted: 2,
    repeated: 0,
    anomalies: [],
  })
  expect(await exits(1201)).toBe(false)
  rig.now += 1
  const sold = await rig.judge(sell(1200))
  expect(sold.verdict).toBe('allow')
  await rig.execute(report(sold.decision, 'accepted'))
  expect(await exits(1)).toBe(false)
  await rig.execute(
    report(sold.decision, 'filled', { filled: 700 }),
    report(sold.decision, 'cancelled', { filled: 700 }),
  )
  expect(await exits(501)).toBe(false)
  expect(await exits(500)).toBe(true)
})

test('a cancel that overtakes the last fill frees what was not filled, and the fill counts once', async () => {
  const { decision } = await rig.judge(order({ quantity: 100 }))
  const ledger = () => rig.running.sidecar.state.ledger
  const counted = () => [
    ledger().exposures.get('main')?.get('AAPL')?.buy ?? 0,
    ledger().portfolios.get('main')?.positions.get('AAPL')?.quantity,
  ]
  await rig.execute(report(decision, 'cancelled', { filled: 60 }))
  expect(counted()).toEqual([0, 1060])
  await rig.execute(report(decision, 'filled', { filled: 60 }))
  expect(counted()).toEqual([0, 1060])
})

test('what is reserved, filled and freed is the same after a restart', async () => {
  const first = await rig.judge(sell(600))
  const filled = report(first.decision, 'filled', { filled: 250 })
  await rig.execute(filled)
  await rig.stop()
  await rig.start()
  expect(await rig.execute(filled)).toMatchObject({ accepted: 0, repeated: 1 })
  expect(await exits(401)).toBe(false)
  expect(await exits(400)).toBe(true)
})

describe('what should not have come', () => {
  const refused = async (code: ErrorCode, detail: string, ...executions: object[]): Promise<void> => {
    expectProblem(await rig.post('/v1/executions', 'feed', executions), code, detail)
  }

  test('is refused by name, and leaves nothing changed but a record', async () => {
    const { decision } = await rig.judge(order())
    await rig.execute(report(decision, 'filled', { filled: 40, execution: 'first' }))
    const again = report(decision, 'filled', { filled: 40, execution: 'first' })
    expect(await rig.execute(again)).toMatchObject({ accepted: 0, repeated: 1 })
    await refused('EXECUTION_CONFLICT', 'other content', { ...again, filled: 50 })
    await refused('EXECUTION_BACKWARDS', '30 lots', report(decision, 'filled', { filled: 30 }))
    await refused(
      'EXECUTION_OFF_LOT',
      'no whole number of lots',
      report(decision, 'filled', { filled: 40.5 }),
    )
    await refused('EXECUTION_ORDER_UNKNOWN', 'd-none', report('d-none', 'filled', { filled: 1 }))
    await refused('OBSERVATION_IN_FUTURE', 'and it is', report(decision, 'accepted', { at: rig.now + 1 }))
    for (const event of ['filled', 'cancelled', 'expired'])
      await refused('BODY_INVALID', '/0/filled', report(decision, event))
    expect(rig.running.sidecar.state.ledger.exposures.get('main')?.get('AAPL')?.buy).toBe(60)
    expect((await rig.get('/metrics', null)).text).toContain(
      'ephor_anomalies_total{anomaly="EXECUTION_BACKWARDS"} 1',
    )
  })

  test('is counted where money moved, and said to be an anomaly', async () => {
    const { decision } = await rig.judge(order())
    expect(
      await rig.execute(
        report(decision, 'filled', { filled: 150 }),
        report(decision, 'filled', { filled: 160 }),
      ),
    ).toMatchObject({
      accepted: 2,
      anomalies: [
        { index: 0, anomaly: 'FILLED_OVER' },
        { index: 1, anomaly: 'FILLED_OVER' },
      ],
    })
    expect(rig.running.sidecar.state.ledger.portfolios.get('main')?.positions.get('AAPL')?.quantity).toBe(
      1160,
    )
  })

  test('in a list, what is good is taken and what is not is named by its place', async () => {
    const { decision } = await rig.judge(order())
    const answer = await rig.post('/v1/executions', 'feed', [
      report('d-none', 'accepted'),
      report(decision, 'accepted'),
    ])
    expectProblem(answer, 'EXECUTION_ORDER_UNKNOWN', 'd-none')
    expect(answer.body).toMatchObject({ accepted: 1, refused: [{ index: 0 }] })
  })
})

test('an agent cancels its own orders and not another desk’s, and says so for ever after', async () => {
  const { decision } = await rig.judge(order())
  expect(codesOf(await rig.judge(cancel(decision), {}, 'hedger'))).toEqual(['CANCEL_FOREIGN'])
  expect((await rig.judge(cancel(decision))).verdict).toBe('allow')
  expect((await rig.judge(cancel('d-none'), {}, 'hedger')).verdict).toBe('allow')
})

test('a child of another side or instrument than its parent is refused', async () => {
  const parent = { id: 'p-1', quantity: 1000 }
  expect((await rig.judge(order({ parent }))).verdict).toBe('allow')
  expect(codesOf(await rig.judge(order({ parent, side: 'sell' })))).toEqual(['PARENT_CONFLICT'])
  // What the first child declared stands; another quantity is refused, and halts nobody.
  expect(codesOf(await rig.judge(order({ limitPrice: 199, parent: { id: 'p-1', quantity: 2000 } })))).toEqual(
    ['PARENT_CONFLICT'],
  )
  expect(codesOf(await rig.judge(order({ parent: { id: 'p-2', quantity: 1.5 } })))).toEqual([
    'PARENT_CONFLICT',
  ])
})

test('an order of a basket that was declared otherwise is refused', async () => {
  const basket = { id: 'b-1', value: 100_000 }
  const first = await rig.judge(order({ basket }))
  expect(first.verdict).toBe('allow')
  const other = await rig.judge(order({ limitPrice: 199, basket: { id: 'b-1', value: 200_000 } }))
  expect(codesOf(other)).toEqual(['BASKET_CONFLICT'])
  const one = await rig.get(`/v1/decisions/${first.decision}`, 'auditor')
  expect(one.body).toMatchObject({ decision: { basketWorth: 20_000 } })
})

test('whose word holds where positions differ is an operator’s to say', async () => {
  expectProblem(
    await rig.post('/v1/portfolios/other/adopt', 'operator-1', { reason: 'checked' }),
    'PORTFOLIO_UNKNOWN',
    'other',
  )
  rig.now += 10
  await rig.observe(portfolio(rig.now, 400))
  expect(await exits(401)).toBe(false)
  await rig.adopt()
  expect(await exits(400)).toBe(true)
})
