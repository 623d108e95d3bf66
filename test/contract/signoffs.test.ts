/** Sign-offs over HTTP: two operators, one exact transfer, one use. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SignoffAnswer } from '../../src/protocol/signoff.ts'
import { expectProblem, type Answer } from '../support/http.ts'
import { quietMarket } from '../support/market.ts'
import { codesOf, OPEN, Rig } from '../support/sidecar.ts'

let rig: Rig

beforeEach(async () => {
  rig = await new Rig().start()
  await rig.observe(...quietMarket(OPEN))
})
afterEach(() => rig.end())

const transfer = { type: 'transfer', account: 'main', asset: 'USD', amount: 1000, destination: 'bank-nyc-1' }
const sign = (as: string, more: object = {}): Promise<Answer> =>
  rig.post('/v1/signoffs', as, {
    agent: 'alpha',
    action: transfer,
    until: OPEN + 3_600_000,
    reason: 'payroll',
    ...more,
  })

test('one exact transfer leaves once two operators signed it off, and no second', async () => {
  expect(codesOf(await rig.judge(transfer))).toEqual(['TRANSFER_APPROVERS'])
  const first = SignoffAnswer.parse((await sign('operator-1')).body)
  expect(first).toMatchObject({ state: 'live', operator: 'operator-1', decision: null })
  expect(codesOf(await rig.judge(transfer))).toEqual(['TRANSFER_APPROVERS'])
  await sign('operator-2')
  expect(codesOf(await rig.judge({ ...transfer, amount: 1001 }))).toEqual(['TRANSFER_APPROVERS'])
  const sent = await rig.judge(transfer)
  expect(sent.verdict).toBe('allow')
  expect(codesOf(await rig.judge(transfer))).toEqual(['TRANSFER_APPROVERS'])
  const { signoffs } = (await rig.get('/v1/signoffs', 'auditor')).body as { signoffs: unknown[] }
  expect(signoffs.map((one) => SignoffAnswer.parse(one))).toMatchObject([
    { state: 'used', operator: 'operator-1', decision: sent.decision },
    { state: 'used', operator: 'operator-2', decision: sent.decision },
  ])
})

test('what cannot be signed off, or taken back, is refused by name', async () => {
  expectProblem(await sign('operator-1', { until: OPEN + 25 * 3_600_000 }), 'SIGNOFF_UNTIL', '24 hours')
  expectProblem(await sign('operator-1', { agent: 'operator-1' }), 'SIGNOFF_BY_AGENT', 'operator-1')
  const takeBack = (id: string): Promise<Answer> =>
    rig.call('DELETE', `/v1/signoffs/${id}`, 'operator-2', { body: { reason: 'wrong month' } })
  expectProblem(await takeBack('s-0'), 'SIGNOFF_UNKNOWN', 's-0')
  const { signoff } = SignoffAnswer.parse((await sign('operator-1')).body)
  expect((await takeBack(signoff)).body).toMatchObject({ signoff, state: 'revoked' })
  expectProblem(await takeBack(signoff), 'SIGNOFF_ENDED', signoff)
})
