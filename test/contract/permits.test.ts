/** Permits over HTTP: given with what is allowed, redeemed once, refused after a halt and when they are over. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadPermitKeys } from '../../src/permit/keys.ts'
import { verifyPermit } from '../../src/permit/verify.ts'
import { expectProblem } from '../support/http.ts'
import { cancel, order, quietMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

let rig: Rig

beforeEach(async () => {
  rig = new Rig()
  await rig.start()
  await rig.observe(...quietMarket(OPEN))
})
afterEach(() => rig.end())

const redeem = (decision: unknown, as = 'alpha') =>
  rig.post(`/v1/permits/${String(decision).replace(/^d-/, 'p-')}/redeem`, as, {})
const open = (): number => rig.running.sidecar.state.ledger.exposures.get('main')?.get('AAPL')?.buy ?? 0

describe('a permit', () => {
  test('comes with what is allowed, checks offline, and is of exactly that', async () => {
    const answer = await rig.judge(order())
    const keys = loadPermitKeys((await rig.get('/.well-known/jwks.json', null)).body)
    const claims = verifyPermit(String(answer.permit), {
      keys,
      action: order() as never,
      agent: 'alpha',
      now: rig.now,
    })
    expect(claims).toMatchObject({
      decision: answer.decision,
      constitution: answer.constitution,
      sequence: answer.sequence,
      exp: OPEN / 1000 + 5,
    })
    const larger = order({ quantity: 101 }) as never
    expect(() =>
      verifyPermit(String(answer.permit), { keys, action: larger, agent: 'alpha', now: rig.now }),
    ).toThrow('PERMIT_ACTION_DIFFERS')
    expect((await rig.judge(order({ quantity: 100_000 }))).permit).toBeNull()
  })

  test('is the same however often the same is asked', async () => {
    const request = rig.request(order())
    const first = await rig.post('/v1/actions', 'alpha', request)
    rig.now += 1_000
    expect((await rig.post('/v1/actions', 'alpha', request)).body.permit).toBe(first.body.permit)
    rig.now += 4_000
    expectProblem(await rig.post('/v1/actions', 'alpha', request), 'VERDICT_EXPIRED', 'was allowed until')
  })

  test('is redeemed once, by its agent', async () => {
    const { decision } = await rig.judge(order())
    expectProblem(await redeem(decision, 'hedger'), 'PERMIT_UNKNOWN', 'hedger')
    const redeemed = await redeem(decision)
    expect(redeemed.body).toMatchObject({ decision, at: rig.now })
    expectProblem(await redeem(decision), 'PERMIT_SPENT', 'was redeemed')
    expectProblem(await redeem('d-none'), 'PERMIT_UNKNOWN', 'no permit')
    expectProblem(await redeem('nonsense'), 'PERMIT_UNKNOWN', 'no permit')
  })

  test('a thousand at once redeem it once', async () => {
    const { decision } = await rig.judge(order())
    const answers = await Promise.all(Array.from({ length: 1000 }, () => redeem(decision)))
    const codes = answers.map(({ status, body }) => (status === 200 ? 'redeemed' : String(body.code)))
    expect(codes.filter((code) => code === 'redeemed')).toHaveLength(1)
    expect(new Set(codes)).toEqual(new Set(['redeemed', 'PERMIT_SPENT']))
  })

  test('is refused after a halt, and a cancel is not', async () => {
    const { decision } = await rig.judge(order())
    const last = await rig.judge(cancel())
    await rig.post('/v1/halts', 'operator-1', { scope: { kind: 'everything' }, state: 'halted', reason: 'x' })
    expectProblem(await redeem(decision), 'HALTED_SINCE', 'is in force')
    expect((await redeem(last.decision)).status).toBe(200)
  })
})

describe('what is reserved', () => {
  test('is refused once the account is another’s', async () => {
    const { decision } = await rig.judge(order())
    const given = await rig.post('/v1/accounts', 'operator-1', { account: 'main', owner: 'desk-b' })
    expect(given.status).toBe(200)
    expectProblem(await redeem(decision), 'AUTHORITY_ENDED', '`main` is not its any more')
  })

  test('is free when the permit is over, and not before', async () => {
    const { decision } = await rig.judge(order())
    rig.now += 4_999
    await redeem('d-none')
    expect(open()).toBe(100)
    rig.now += 1
    expectProblem(await redeem(decision), 'PERMIT_SPENT', 'was not in time')
    expect(open()).toBe(0)
  })

  test('is held when it was redeemed, and when the venue has spoken', async () => {
    const redeemed = await rig.judge(order())
    await redeem(redeemed.decision)
    const told = await rig.judge(order({ quantity: 50 }))
    await rig.execute({ execution: 'e', order: told.decision, event: 'accepted', at: rig.now })
    await rig.judge(order({ quantity: 7 }))
    expect(open()).toBe(157)
    rig.now += 60_000
    await redeem('d-none')
    expect(open()).toBe(150)
  })

  test('of a replacement is freed without the order it was to replace', async () => {
    const first = await rig.judge(order())
    await redeem(first.decision)
    const replace = {
      type: 'replace',
      account: 'main',
      instrument: 'AAPL',
      order: first.decision,
      quantity: 150,
    }
    expect((await rig.judge(replace)).verdict).toBe('allow')
    expect(open()).toBe(150)
    rig.now += 5_000
    await redeem('d-none')
    expect(open()).toBe(100)
  })

  test('is the same after a restart', async () => {
    const first = await rig.judge(order())
    const second = await rig.judge(order({ quantity: 30 }))
    await redeem(second.decision)
    await rig.stop()
    await rig.start()
    expect(open()).toBe(130)
    expectProblem(await redeem(second.decision), 'PERMIT_SPENT', 'was redeemed')
    expect((await redeem(first.decision)).status).toBe(200)
  })
})

test('a thousand identical requests reserve once', async () => {
  const request = rig.request(order())
  const answers = await Promise.all(
    Array.from({ length: 1000 }, () => rig.post('/v1/actions', 'alpha', request)),
  )
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
  expect(open()).toBe(100)
})
