/** Orders in slices over HTTP: the policy in force, slices until an order is done, over a restart, and the journal that verifies without a model. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { verifyHome } from '../../src/cli/verify-home.ts'
import { expectProblem } from '../support/http.ts'
import { account, order, portfolio, price, quietMarket } from '../support/market.ts'
import { aModel } from '../support/models.ts'
import { sealArtifact } from '../../src/optimizer/artifact.ts'
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
    const path = `/v1/decisions/${answer.decision}/explanation`
    expect((await rig.get(path)).body).toMatchObject({
      asked: 40,
      sent: 40,
      mode: 'shadow',
      tuned: { applied: false },
    })
    const plain = await rig.judge(order())
    expectProblem(
      await rig.get(`/v1/decisions/${plain.decision}/explanation`),
      'NOT_FOUND',
      'no optimizer looked',
    )
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
    for (const part of ['optimizer.yaml:1:', 'is no hash', 'did you mean `steps`?'])
      expect(refused.body.detail).toContain(part)
    expect((await rig.get('/v1/policies/optimizer')).text).toBe(before)
    expect((await rig.post('/v1/policies/optimizer', 'feed', {})).status).toBe(403)
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

test('a model that says nothing is not asked any more; the alarm is heard, and an author says why it may go on', async () => {
  const root = mkdtempSync(join(tmpdir(), 'ephor-optimizer-'))
  try {
    const policies = join(root, 'policies')
    mkdirSync(policies)
    mkdirSync(join(root, 'models', 'artifacts'), { recursive: true })
    // It was trained under other rules.
    const text = sealArtifact(aModel())
    const { hash } = JSON.parse(text) as { hash: string }
    writeFileSync(join(root, 'models', 'artifacts', `${hash}.json`), text)
    writeFileSync(join(policies, 'emergency.yaml'), readFileSync(join(POLICIES, 'emergency.yaml')))
    writeFileSync(
      join(policies, 'optimizer.yaml'),
      optimizerText({ model: hash, schedule: 'expecting', steps: 2 }),
    )
    rig = await new Rig({ policies }).start()
    await rig.observe(...quietMarket(OPEN))
    const small = () => sliced({ quantity: 2, execution: { horizonMs: HORIZON, urgency: 0 } })
    expect(await rig.judge(small(), accept)).toMatchObject({ verdict: 'narrow', action: { quantity: 1 } })
    for (let asked = 1; asked < 100; asked += 1) await rig.judge(small(), accept)
    const { stops } = (await rig.get('/v1/policies/optimizer')).body as { stops: object[] }
    expect(stops).toMatchObject([{ optimizer: 'all', cause: 'fallbacks' }])
    expect((await rig.get('/metrics', null)).text).toMatch(/^ephor_tuning_stops 1$/m)
    // The schedule goes on.
    expect(await rig.judge(small(), accept)).toMatchObject({ verdict: 'narrow' })
    expectProblem(await rig.post('/v1/policies/optimizer', 'author', {}), 'OPTIMIZER_STOPPED', 'fallbacks')
    const reason = 'trained anew'
    expect((await rig.post('/v1/policies/optimizer', 'author', { reason })).body).toMatchObject({
      activated: true,
    })
    expect((await rig.get('/v1/policies/optimizer')).body).toMatchObject({ stops: [] })
    // A registry that has none, and one that cannot be read: the policy in force stays.
    const champion = optimizerText({ model: 'champion', schedule: 'expecting' })
    writeFileSync(join(policies, 'optimizer.yaml'), champion)
    const missing = await rig.post('/v1/policies/optimizer', 'author', {})
    expectProblem(missing, 'POLICY_INVALID', 'MODEL_MISSING: nothing is champion')
    writeFileSync(join(root, 'models', 'aliases.ndjson'), 'no entry\n')
    const unread = await rig.post('/v1/policies/optimizer', 'author', {})
    expectProblem(unread, 'POLICY_INVALID', 'MODEL_LOG_')
    expect((await rig.get('/v1/policies/optimizer')).body).toMatchObject({ optimizers: [{ model: hash }] })
    await rig.stop()
    expect(await verifyHome(rig.home, { chainOnly: false })).toBe(true)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
})
