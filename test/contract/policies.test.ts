/** The emergency policy over HTTP: what is in force, putting another in force, and what its monitors stop, over restarts and until people resume. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { expectProblem } from '../support/http.ts'
import { account, order, portfolio, price, quietMarket } from '../support/market.ts'
import { emergencyText, policyDirectory } from '../support/policy.ts'
import { codesOf, OPEN, POLICIES, Rig } from '../support/sidecar.ts'

interface Halt {
  readonly halt: string
  readonly by: string
  readonly state: string
  readonly scope: object
  readonly reason: string
  readonly monitor?: object
}

let rig: Rig
afterEach(() => rig.end())

const open = async (...monitors: readonly object[]): Promise<string> => {
  const policies = policyDirectory(emergencyText(...monitors))
  rig = await new Rig({ policies }).start()
  await rig.observe(...quietMarket(OPEN))
  return policies
}
const halts = async (): Promise<Halt[]> => (await rig.get('/v1/state')).body.halts as Halt[]
const lift = (halt: string, as: string, more: object = {}): ReturnType<Rig['call']> =>
  rig.call('DELETE', `/v1/halts/${halt}`, as, { body: { reason: 'looked at', ...more } })
const gauge = async (state: string): Promise<string | undefined> =>
  new RegExp(`ephor_halts\\{state="${state}"\\} (\\d+)`).exec((await rig.get('/metrics', null)).text)?.[1]

const LOSS = { id: 'day-loss', watches: 'daily-loss', limit: '2%', state: 'reducing', scope: 'account' }
const JUMP = {
  id: 'jump',
  watches: 'price-move',
  limit: '5%',
  window: '5min',
  state: 'halted',
  scope: 'instrument',
}

describe('the policy', () => {
  test('that stands in the directory is in force from a first start on, and a restart keeps it', async () => {
    const policies = await open(LOSS)
    const before = (await rig.get('/v1/policies/emergency')).body
    expect(before).toMatchObject({ monitors: [{ id: 'day-loss', limit: 0.02 }] })
    expect((await rig.get('/v1/state')).body.emergency).toBe(before.policy)
    await rig.stop()
    rmSync(policies, { recursive: true })
    await rig.start()
    expect((await rig.get('/v1/policies/emergency')).body).toEqual(before)
  })

  test('that is edited holds from the author’s call on', async () => {
    const policies = await open(LOSS)
    const before = (await rig.get('/v1/policies/emergency')).body.policy
    writeFileSync(join(policies, 'emergency.yaml'), emergencyText({ ...LOSS, limit: '1%' }))
    await rig.observe(account(OPEN, 9_850_000))
    expect(await halts()).toEqual([])
    const wrong = await rig.post('/v1/policies/emergency', 'author', { hash: before })
    expectProblem(wrong, 'POLICY_INVALID', 'the directory has')
    const { body } = await rig.post('/v1/policies/emergency', 'author', {})
    expect(body).toMatchObject({ activated: true })
    expect((await rig.post('/v1/policies/emergency', 'author', { hash: body.policy })).body).toMatchObject({
      policy: body.policy,
      activated: false,
    })
    await rig.observe(account(OPEN, 9_850_000))
    expect(await halts()).toMatchObject([{ by: 'day-loss', monitor: { policy: body.policy, limit: 0.01 } }])
  })

  test('that is broken is refused with each mistake, and the one in force stays', async () => {
    const policies = await open(LOSS)
    const before = (await rig.get('/v1/policies/emergency')).text
    writeFileSync(join(policies, 'emergency.yaml'), emergencyText({ ...LOSS, limt: '1%', limit: '1' }))
    const refused = await rig.post('/v1/policies/emergency', 'author', {})
    expectProblem(refused, 'POLICY_INVALID', 'did you mean `limit`?')
    expect(refused.body.detail).toContain('emergency.yaml:1:')
    writeFileSync(join(policies, 'emergancy.yaml'), '')
    expectProblem(
      await rig.post('/v1/policies/emergency', 'author', {}),
      'POLICY_INVALID',
      'this file would not be read; did you mean `emergency.yaml`?',
    )
    expect((await rig.get('/v1/policies/emergency')).text).toBe(before)
  })

  test('that is missing keeps a first start from beginning', async () => {
    rig = new Rig()
    await expect(rig.start({ policies: join(rig.home, 'nowhere') })).rejects.toMatchObject({
      code: 'POLICY_INVALID',
      detail: expect.stringContaining('copy the `policies` that come with Ephor') as string,
    })
    const empty = policyDirectory('')
    rmSync(join(empty, 'emergency.yaml'))
    await expect(rig.start({ policies: empty })).rejects.toMatchObject({
      code: 'POLICY_INVALID',
      detail: expect.stringContaining('emergency.yaml:1:1: error: this file is missing') as string,
    })
    await rig.start({ policies: POLICIES })
  })

  test('under --dev is followed as it is edited, and a broken one is ignored', async () => {
    const policies = policyDirectory(emergencyText(LOSS))
    rig = await new Rig({ policies, dev: true }).start()
    const before = (await rig.get('/v1/policies/emergency')).body.policy
    writeFileSync(join(policies, 'emergency.yaml'), emergencyText({ ...LOSS, limit: '4%' }))
    await expect
      .poll(async () => (await rig.get('/v1/policies/emergency')).body.policy, { timeout: 10_000 })
      .not.toBe(before)
  })

  test('is in the journal whole: what its hash stands for needs no file', async () => {
    await open(LOSS)
    const first = readdirSync(rig.journal).find((name) => name.endsWith('.ndjson')) ?? ''
    const text = readFileSync(join(rig.journal, first), 'utf8')
    const [line = ''] = text.split('\n')
    expect(JSON.parse(line)).toMatchObject({
      event: {
        type: 'policed',
        policy: 'emergency',
        by: 'ephor',
        content: { monitors: [{ id: 'day-loss' }] },
      },
    })
  })
})

describe('what monitors stop', () => {
  test('a price that falls halts its instrument on the tick, and says what was seen', async () => {
    await open(JUMP)
    expect((await rig.judge(order())).verdict).toBe('allow')
    await rig.observe(price(OPEN, 'nyse', 190), price(OPEN, 'bats', 190))
    expect(await halts()).toEqual([])
    await rig.observe(price(OPEN, 'nyse', 189), price(OPEN, 'bats', 189))
    expect(await halts()).toMatchObject([
      {
        by: 'jump',
        state: 'halted',
        scope: { kind: 'instrument', name: 'AAPL' },
        monitor: { watches: 'price-move', about: 'AAPL', limit: 0.05 },
      },
    ])
    expect([await gauge('halted'), await gauge('reducing')]).toEqual(['1', '0'])
    expect(codesOf(await rig.judge(order({ quantity: 1 })))).toContain('HALTED')
  })

  test('an open loss reduces the account before its equity is reported, and stays over a restart', async () => {
    await open(LOSS)
    await rig.observe(account(OPEN, 1_000_000, 'small'), portfolio(OPEN, 1000, 'small'))
    await rig.observe(price(OPEN, 'nyse', 179), price(OPEN, 'bats', 179))
    const before = await rig.get('/v1/state')
    expect(await halts()).toMatchObject([
      { reason: 'day-loss: account `small` lost 2.1 % today, limit 2 %', scope: { name: 'small' } },
    ])
    await rig.stop()
    await rig.start()
    expect((await rig.get('/v1/state')).text).toBe(before.text)
  })

  test('an open loss that a restart comes between is one all the same', async () => {
    await open(LOSS)
    await rig.observe(account(OPEN, 1_000_000, 'small'), portfolio(OPEN, 1000, 'small'))
    await rig.observe(price(OPEN, 'nyse', 185), price(OPEN, 'bats', 185))
    await rig.stop()
    await rig.start()
    expect(await halts()).toEqual([])
    await rig.observe(price(OPEN, 'nyse', 179), price(OPEN, 'bats', 179))
    expect(await halts()).toHaveLength(1)
  })

  test('an agent that falls silent, though nobody reports anything', async () => {
    await open({ id: 'lost', watches: 'heartbeat-loss', limit: '10s', state: 'halted', scope: 'agent' })
    await rig.post('/v1/agents', 'operator-1', { agent: 'alpha', role: 'trader', strategies: [] })
    await rig.pass(10)
    expect(await halts()).toEqual([])
    const { sequence } = (await rig.get('/v1/state')).body
    await rig.pass(1)
    expect(await halts()).toMatchObject([
      { by: 'lost', reason: 'lost: agent `alpha` has not been heard for 11 s, limit 10 s' },
    ])
    expect((await rig.get('/v1/state')).body.sequence).toBe(Number(sequence) + 1)
    await rig.pass(5)
    expect((await rig.get('/v1/state')).body.sequence).toBe(Number(sequence) + 1)
  })

  test('nobody is halted for the time in which the sidecar was down', async () => {
    await open({ id: 'lost', watches: 'heartbeat-loss', limit: '10s', state: 'halted', scope: 'agent' })
    await rig.post('/v1/agents', 'operator-1', { agent: 'alpha', role: 'trader', strategies: [] })
    await rig.stop()
    rig.now += 3_600_000
    await rig.start()
    await rig.pass(10)
    expect(await halts()).toEqual([])
    await rig.pass(1)
    expect(await halts()).toHaveLength(1)
  })
})

describe('the high-water mark', () => {
  const DEEP = { id: 'deep', watches: 'drawdown', limit: '10%', state: 'halted', scope: 'account' }

  test('is lowered only where both who resume ask for it', async () => {
    await open(DEEP)
    await rig.observe(account(OPEN, 1_000_000, 'small'))
    const low = account(OPEN, 890_000, 'small')
    // The rule of the constitution halts for a drawdown, too; its halt and the monitor’s are one.
    await rig.observe(low)
    const ofSmall = async (): Promise<string> =>
      (await halts()).find(({ state }) => state === 'halted')?.halt ?? ''
    const first = await ofSmall()
    expect((await lift(first, 'operator-1', { rebase: true })).body).toMatchObject({ lifted: false })
    expect((await lift(first, 'operator-2')).body).toMatchObject({ lifted: true, rebased: false })
    await rig.observe(low)
    const second = await ofSmall()
    expect(second).not.toBe('')
    await lift(second, 'operator-2', { rebase: true })
    await rig.stop()
    await rig.start()
    expect((await lift(second, 'operator-1', { rebase: true })).body).toMatchObject({
      lifted: true,
      rebased: true,
    })
    await rig.observe(low)
    expect(await ofSmall()).toBe('')
  })

  test('is no affair of a halt that is about no account', async () => {
    await open(JUMP)
    await rig.observe(price(OPEN, 'nyse', 150), price(OPEN, 'bats', 150))
    const [halt] = await halts()
    const refused = await lift(halt?.halt ?? '', 'operator-1', { rebase: true })
    expectProblem(refused, 'REBASE_UNRELATED', 'is about no account')
  })
})
