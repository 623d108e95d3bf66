/** How far an action has come is seen at its decision, from the question to the venue's last word, and after a restart. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DecisionAnswer } from '../../src/protocol/answers.ts'
import { order, quietMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

const rig = new Rig()
beforeAll(async () => {
  await rig.start()
  await rig.observe(...quietMarket(OPEN))
})
afterAll(() => rig.end())

const told = async (id: string): Promise<string> => {
  const { saga } = DecisionAnswer.parse((await rig.get(`/v1/decisions/${id}`)).body)
  return `${saga.outcome}: ${saga.steps.map(({ step, state }) => `${step} ${state}`).join(', ')}`
}

test('an order that is filled', async () => {
  const { decision } = await rig.judge(order())
  expect(await told(decision)).toBe(
    'underWay: reserve done, approve leftOut, permit done, redeem now, execute ahead, settle ahead',
  )
  const redeemed = await rig.post(`/v1/permits/${decision.replace('d-', 'p-')}/redeem`, 'alpha', {})
  expect(redeemed.status).toBe(200)
  const executing =
    'underWay: reserve done, approve leftOut, permit done, redeem done, execute now, settle ahead'
  expect(await told(decision)).toBe(executing)
  // What is folded again from the journal stands where it stood.
  await rig.stop()
  await rig.start()
  expect(await told(decision)).toBe(executing)
  await rig.execute({ execution: 'x-1', order: decision, event: 'filled', filled: 100, at: OPEN })
  expect(await told(decision)).toBe(
    'settled: reserve done, approve leftOut, permit done, redeem done, execute done, settle done',
  )
})

test('one that is not redeemed lapses, and one that is denied goes nowhere', async () => {
  await rig.observe(...quietMarket(rig.now))
  const { decision } = await rig.judge(order())
  await rig.pass(10)
  expect(await told(decision)).toBe(
    'lapsed: reserve undone, approve leftOut, permit undone, redeem leftOut, execute leftOut, settle leftOut',
  )
  await rig.observe(...quietMarket(rig.now))
  const denied = await rig.judge(order({ quantity: 1_000_000 }))
  expect(denied.verdict).toBe('deny')
  expect(await told(denied.decision)).toMatch(/^denied: reserve leftOut/)
})
