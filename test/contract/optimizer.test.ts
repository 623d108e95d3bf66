/** Orders in slices over HTTP: the policy in force, slices until an order is done, over a restart, and the journal that verifies without a model. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { verifyHome } from '../../src/cli/verify-home.ts'
import { expectProblem } from '../support/http.ts'
import { account, order, portfolio, price, quietMarket } from '../support/market.ts'
import { optimizerText } from '../support/optimizer.ts'
import { policyDirectory } from '../support/policy.ts'
import { OPEN, POLICIES, Rig } from '../support/sidecar.ts'

let rig: Rig
afterEach(() => rig.end())

const directoryWith = (...optimizers: readonly object[]): string => {
  const directory = policyDirectory(readFileSync(join(POLICIES, 'emergency.yaml'), 'utf8'))
  writeFileSync(join(directory, 'optimizer.yaml'), optimizerText(...optimizers))
  return directory
}
const open = async (...optimizers: readonly object[]): Promise<string> => {
  const policies = directoryWith(...optimizers)
  rig = await new Rig({ policies }).start()
  await rig.observe(...quietMarket(OPEN))
  return policies
}
const stillQuiet = (): Promise<unknown> =>
  rig.observe(price(rig.now, 'nyse'), price(rig.now, 'bats'), account(rig.now), portfolio(rig.now))

const HORIZON = 2_000
const sliced = (more: object = {}) =>
  order({ quantity: 40, execution: { horizonMs: HORIZON, urgency: 0.2 }, ...more })
const accept = { accept: ['narrow'] }

describe('the policy', () => {
  test('that is shipped watches, and an order passes as asked', async () => {
    rig = await new Rig().start()
    await rig.observe(...quietMarket(OPEN))
    const { body } = await rig.get('/v1/policies/optimizer')
    expect(body).toMatchObject({
      optimizers: [{ id: 'everything', mode: 'shadow', schedule: 'expecting' }],
      stops: [],
    })
    const answer = await rig.judge(sliced(), accept)
    expect(answer).toMatchObject({ verdict: 'allow', action: { quantity: 40 } })
    expect(answer).not.toHaveProperty('slice')
    const { decision } = (await rig.get(`/v1/decisions/${answer.decision}`)).body as { decision: object }
    expect(decision).toMatchObject({ tuning: { outcome: 'tuned', applied: false } })
  })

  test('that is none is not found, and one that is broken is refused with each mistake', async () => {
    const policies = await open({})
    const before = (await rig.get('/v1/policies/optimizer')).text
    writeFileSync(
      join(policies, 'optimizer.yaml'),
      optimizerText({ mode: 'onn', model: '../../etc/passwd' }, { id: 'b', step: 3 }),
    )
    const refused = await rig.post('/v1/policies/optimizer', 'author', {})
    expectProblem(refused, 'POLICY_INVALID', 'did you mean `on`?')
    for (const part of ['optimizer.yaml:1:', 'is no name of a model', 'did you mean `steps`?'])
      expect(refused.body.detail).toContain(part)
    expect((await rig.get('/v1/policies/optimizer')).text).toBe(before)
    expect((await rig.post('/v1/policies/optimizer', 'operator-1', {})).status).toBe(403)
    rmSync(join(policies, 'optimizer.yaml'))
    expectProblem(
      await rig.post('/v1/policies/optimizer', 'author', {}),
      'POLICY_INVALID',
      'has no optimizer.yaml',
    )
  })
})

test('an order is sent in slices, over a restart, and its journal verifies', async () => {
  await open({ steps: 4, schedule: 'receding' })
  let ask: object = sliced()
  const sizes: number[] = []
  for (let turn = 0; turn < 6; turn += 1) {
    const answer = await rig.judge(ask, accept)
    expect(['allow', 'narrow']).toContain(answer.verdict)
    const { quantity } = answer.action as { quantity: number }
    sizes.push(quantity)
    expect(
      (await rig.post(`/v1/permits/${answer.decision.replace('d-', 'p-')}/redeem`, 'alpha', {})).status,
    ).toBe(200)
    const { slice } = answer
    if (slice === undefined || slice.nextReview === null) break
    expect(slice).toMatchObject({ deadline: OPEN + HORIZON, parent: { quantity: 40 } })
    if (turn === 1) {
      await rig.stop()
      await rig.start()
    }
    rig.now = slice.nextReview
    await stillQuiet()
    ask = sliced({ quantity: slice.remaining, parent: slice.parent })
  }
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(40)
  expect(sizes).toHaveLength(4)
  await rig.stop()
  expect(await verifyHome(rig.home, { chainOnly: false })).toBe(true)
})
