/** The client against a real sidecar, over TCP and over its Unix socket: every call that is served. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient, type Client, type ClientOptions } from '../../src/client/client.ts'
import { ClientError } from '../../src/client/error.ts'
import { guard } from '../../src/client/guard.ts'
import { decisionId } from '../../src/engine/memory.ts'
import { Action } from '../../src/protocol/action.ts'
import { decisionIdOf } from '../../src/protocol/decision-id.ts'
import type { Observations } from '../../src/protocol/observation.ts'
import type { z } from 'zod'
import { order, price, quietMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

const rig = new Rig()
const opened: Client[] = []
beforeAll(async () => {
  await rig.start()
  await rig.observe(...quietMarket(OPEN))
})
afterAll(async () => {
  for (const client of opened) client.close()
  await rig.end()
})

const clock = { now: () => rig.now, steadyMicros: () => performance.now() * 1000 }
const WAYS: Record<string, () => { url: string } | { socketPath: string }> = {
  TCP: () => ({ url: rig.base }),
  'a Unix socket': () => ({ socketPath: join(rig.home, 'ephor.sock') }),
}

/** A client as the holder of a token. */
function as(name: string, way = 'TCP', more: Partial<ClientOptions> = {}): Client {
  const target = WAYS[way]?.() ?? { url: rig.base }
  const client = createClient({
    ...target,
    token: rig.token(name),
    agent: name,
    clock,
    ...more,
  } as ClientOptions)
  opened.push(client)
  return client
}

const BUY = Action.parse(order())
const observation = (of: object): z.input<typeof Observations> => of as z.input<typeof Observations>

/** The code with which a call fails. */
async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'none',
    (error: unknown) => {
      expect(error).toBeInstanceOf(ClientError)
      return (error as ClientError).code
    },
  )
}

describe.each(Object.keys(WAYS))('over %s', (way) => {
  test('an agent acts, asks again, is denied, and finds its decisions', async () => {
    const alpha = as('alpha', way)
    const id = alpha.newId()
    const allowed = await alpha.act({ id, action: BUY })
    expect(allowed).toMatchObject({ verdict: 'allow', id, action: BUY })
    expect(await alpha.act({ id, action: BUY })).toEqual(allowed)
    const denied = await alpha.act({ action: { ...BUY, quantity: 1001 } as Action })
    expect(denied.verdict).toBe('deny')
    expect(denied.reasons.map(({ code }) => code)).toContain('ORDER_VALUE_CAP')
    expect((await alpha.decision(allowed.decision)).decision.request.id).toBe(id)
    const { decisions, next } = await alpha.decisions({ verdict: 'deny', limit: 1 })
    expect(decisions[0]?.decision.decision).toBe(denied.decision)
    expect(next === null || Number(next) > 0).toBe(true)
  })

  test('a narrowed order is taken by whoever accepts one', async () => {
    const alpha = as('alpha', way)
    const answer = await alpha.act({ action: { ...BUY, quantity: 5000 } as Action, accept: ['narrow'] })
    expect(answer.verdict).toBe('narrow')
    expect((answer.action as typeof BUY & { quantity: number }).quantity).toBeLessThan(5000)
  })

  test('feeders observe, operators register, halt and resume, authors activate, all see', async () => {
    expect(await as('feed', way).observe(observation(price(OPEN, 'nyse')))).toEqual({
      schema: 1,
      accepted: 1,
    })
    const two = observation([price(OPEN, 'nyse'), price(OPEN, 'bats')])
    expect((await as('feed', way).observe(two)).accepted).toBe(2)
    const operator = as('operator-1', way)
    expect((await operator.register({ agent: 'alpha', strategies: ['momentum'] })).agent).toBe('alpha')
    expect((await operator.registerAccount({ account: 'other', owner: 'desk-b' })).owner).toBe('desk-b')
    expect((await as('alpha', way).heartbeat()).agent).toBe('alpha')
    const scope = { kind: 'account', name: 'other' } as const
    const { halt } = await operator.halt({ scope, state: 'halted', reason: 'a drill' })
    const before = await as('auditor', way).state()
    expect(before.halts.map((each) => each.halt)).toEqual([halt])
    expect((await operator.resume(halt, 'over')).lifted).toBe(false)
    expect((await as('operator-2', way).resume(halt, 'over')).lifted).toBe(true)
    const { constitution, rules } = await as('auditor', way).constitution()
    expect(constitution).toBe(before.constitution)
    expect(rules.length).toBeGreaterThan(5)
    expect(await as('author', way).activate({ hash: constitution })).toMatchObject({
      constitution,
      activated: false,
    })
    expect(await as('alpha', way).jwks()).toEqual(rig.running.home.permitKeys.jwks)
  })

  test('operators propose, approve and revoke exceptions, and see them', async () => {
    const [one, two] = [as('operator-1', way), as('operator-2', way)]
    const { grant, state } = await one.proposeGrant({
      rule: 'position-cap',
      scope: { account: 'other' },
      upTo: 2_100_000,
      until: OPEN + 1000,
      uses: 1,
      reason: 'a drill',
    })
    expect(state).toBe('proposed')
    expect(await codeOf(one.approveGrant(grant, 'mine'))).toBe('GRANT_SELF_APPROVED')
    expect((await two.approveGrant(grant, 'looked at')).state).toBe('live')
    expect((await one.revokeGrant(grant, 'over')).state).toBe('revoked')
    expect((await as('auditor', way).grants()).grants.at(-1)).toMatchObject({ grant, state: 'revoked' })
    expect((await as('auditor', way).decisions({ grant: 'any' })).decisions).toEqual([])
  })

  test('operators sign off one exact transfer, take back, and see what was used', async () => {
    const [one, two] = [as('operator-1', way), as('operator-2', way)]
    const action = {
      type: 'transfer',
      account: 'main',
      asset: 'USD',
      amount: 1000,
      destination: 'bank-nyc-1',
    } as const
    const wanted = { agent: 'alpha', action, until: OPEN + 3_600_000, reason: 'payroll' }
    const { signoff, state } = await one.signOff(wanted)
    expect(state).toBe('live')
    const second = await two.signOff(wanted)
    expect((await one.revokeSignoff(second.signoff, 'another month')).state).toBe('revoked')
    expect(await codeOf(one.revokeSignoff(second.signoff, 'again'))).toBe('SIGNOFF_ENDED')
    const alone = await as('alpha', way).act({ action })
    expect(alone.reasons.map(({ code }) => code)).toEqual(['TRANSFER_APPROVERS'])
    await two.signOff(wanted)
    const { verdict, decision } = await as('alpha', way).act({ action })
    expect(verdict).toBe('allow')
    const { signoffs } = await as('auditor', way).signoffs()
    expect(signoffs.filter((each) => each.decision === decision)).toMatchObject([
      { signoff, state: 'used', operator: 'operator-1', action },
      { state: 'used', operator: 'operator-2', action },
    ])
    const before = signoffs.length
    expect(await codeOf(one.signOff({ ...wanted, until: OPEN + 25 * 3_600_000 }))).toBe('SIGNOFF_UNTIL')
    expect(await codeOf(as('alpha', way).signOff(wanted))).toBe('ROLE_FORBIDDEN')
    expect((await as('auditor', way).signoffs()).signoffs).toHaveLength(before)
  })

  test('a feeder reports what the venue did, and an operator takes over what a portfolio says', async () => {
    const { decision } = await as('alpha', way).act({ action: BUY })
    const feed = as('feed', way)
    const accepted = { execution: `x-${decision}-1`, order: decision, event: 'accepted', at: OPEN } as const
    const filled = {
      ...accepted,
      execution: `x-${decision}-2`,
      event: 'filled',
      filled: 40,
      price: 200,
    } as const
    expect(await feed.executions([accepted, filled])).toMatchObject({
      accepted: 2,
      repeated: 0,
      anomalies: [],
    })
    expect(await feed.executions(filled)).toMatchObject({ accepted: 0, repeated: 1 })
    expect(await codeOf(feed.executions({ ...accepted, execution: 'x-0', order: 'd-1' }))).toBe(
      'EXECUTION_ORDER_UNKNOWN',
    )
    expect((await as('operator-1', way).adopt('main', 'a drill')).account).toBe('main')
    expect(await codeOf(as('operator-1', way).adopt('none', 'a drill'))).toBe('PORTFOLIO_UNKNOWN')
  })

  test('refusals keep their code, their words and what they list', async () => {
    const alpha = as('alpha', way)
    const id = alpha.newId()
    await alpha.act({ id, action: BUY })
    expect(await codeOf(alpha.act({ id, action: { ...BUY, quantity: 50 } as Action }))).toBe('ID_CONFLICT')
    expect(await codeOf(alpha.act({ agent: 'beta', action: BUY }))).toBe('AGENT_FORBIDDEN')
    expect(await codeOf(alpha.halt({ scope: { kind: 'everything' }, state: 'halted', reason: 'x' }))).toBe(
      'ROLE_FORBIDDEN',
    )
    expect(await codeOf(alpha.decision('d-1'))).toBe('NOT_FOUND')
    expect(await codeOf(as('alpha', way, { token: 'wrong' }).state())).toBe('TOKEN_UNKNOWN')
    const late = observation([price(OPEN, 'nyse'), price(OPEN + 60_000, 'nyse')])
    await expect(as('feed', way).observe(late)).rejects.toMatchObject({
      code: 'OBSERVATION_IN_FUTURE',
      status: 422,
      refused: true,
      problem: { accepted: 1, refused: [{ index: 1 }] },
    })
  })
})

test('what does not fit is refused before it is sent', async () => {
  const before = rig.running.sidecar.durableSequence
  const alpha = as('alpha')
  for (const quantity of [Number.NaN, -1, Infinity, '100' as unknown as number])
    expect(await codeOf(alpha.act({ action: { ...BUY, quantity } as Action }))).toBe('BODY_INVALID')
  expect(await codeOf(alpha.act({ action: { ...BUY, note: 'x' } as unknown as Action }))).toBe('BODY_INVALID')
  expect(await codeOf(as('alpha', 'TCP', { agent: '' }).act({ action: BUY }))).toBe('BODY_INVALID')
  expect(await codeOf(alpha.decision('..'))).toBe('BODY_INVALID')
  expect(await codeOf(alpha.decision('../state'))).toBe('QUERY_INVALID')
  expect(rig.running.sidecar.durableSequence).toBe(before)
})

test('where permits are demanded, a verdict without one is none', async () => {
  const keys = rig.running.home.permitKeys.jwks
  const alpha = as('alpha', 'TCP', { keys })
  // Until the sidecar gives permits, an allow cannot be acted upon; a deny needs none.
  const answer = await rig.judge(order())
  if (answer.permit === null) expect(await codeOf(alpha.act({ action: BUY }))).toBe('PERMIT_MISSING')
  expect((await alpha.act({ action: { ...BUY, quantity: 1001 } as Action })).verdict).toBe('deny')
})

test('a guard sends nothing that the sidecar denies', async () => {
  const sent: Action[] = []
  const send = guard(as('alpha'), async (action) => sent.push(action))
  const outcome = await send({ ...BUY, quantity: 1001 } as Action)
  expect(outcome.sent).toBe(false)
  expect(sent).toEqual([])
})

test('a stopped sidecar is not reached', async () => {
  const other = await new Rig().start()
  const client = createClient({
    url: other.base,
    token: other.token('alpha'),
    agent: 'alpha',
    retries: 1,
    backoffMs: 1,
  })
  await other.end()
  expect(await codeOf(client.act({ action: BUY }))).toBe('SIDECAR_UNREACHABLE')
  const gone = createClient({ socketPath: join(other.home, 'ephor.sock'), token: 'x', retries: 0 })
  expect(await codeOf(gone.state())).toBe('SIDECAR_UNREACHABLE')
})

test('decisions have the name here that they have there', () => {
  for (const id of [as('alpha').newId(), as('alpha').newId().toUpperCase()])
    expect(decisionIdOf('alpha', id)).toBe(decisionId('alpha', id))
})
