/** Permits in the hands of the client and its guard: nothing is sent without one that stands and was redeemed. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { EphorError, type ErrorCode } from '../../src/base/errors.ts'
import { createClient, type Client, type ClientOptions } from '../../src/client/client.ts'
import { guard, type GuardOptions, type UnrecordedCancel } from '../../src/client/guard.ts'
import { jwksOf, loadPermitKeys } from '../../src/permit/keys.ts'
import { permitSigner } from '../../src/permit/sign.ts'
import type { Action, ActionRequest } from '../../src/protocol/action.ts'
import type { ActionAnswer } from '../../src/protocol/decision.ts'
import { forge, KEYS, ORDER, OTHER_KEYS, readParts } from '../support/permits.ts'
import { sendJson, sendProblem, StandIn, type Responder } from '../support/stand-in.ts'

const standIn = new StandIn()
const keys = jwksOf([KEYS.publicKey])
const opened: Client[] = []
beforeAll(() => standIn.start())
afterEach(() => {
  for (const client of opened.splice(0)) client.close()
  standIn.reset()
})
afterAll(() => standIn.stop())

function client(more: Partial<ClientOptions> = {}): Client {
  const base = { url: standIn.url, token: 'token', agent: 'alpha', backoffMs: 1, keys, issuer: 'sidecar-1' }
  const made = createClient({ ...base, ...more } as ClientOptions)
  opened.push(made)
  return made
}

/** A guarded venue that remembers what reached it. */
function venue(options: GuardOptions = {}, more: Partial<ClientOptions> = {}) {
  const sent: { action: Action; permit: string | null }[] = []
  const send = guard(
    client(more),
    async (action, permit) => {
      sent.push({ action, permit })
      return `v-${sent.length}`
    },
    options,
  )
  return { sent, send }
}

/** Answers actions with this permit, and everything else well. */
const withPermit =
  (permitOf: (good: ActionAnswer, request: ActionRequest) => string | null): Responder =>
  (arrived, response) => {
    if (arrived.path !== '/v1/actions') standIn.answer(arrived, response)
    else {
      const request = arrived.body as unknown as ActionRequest
      const good = standIn.allow(request)
      sendJson(response, { ...good, permit: permitOf(good, request) })
    }
  }

const bent = (
  { permit }: ActionAnswer,
  changes: { header?: object; claims?: object },
  pair = KEYS,
): string => {
  const { header, claims } = readParts(permit ?? '')
  const change = (json: string, more: object = {}): string =>
    JSON.stringify({ ...(JSON.parse(json) as object), ...more })
  return forge(change(header, changes.header), change(claims, changes.claims), pair)
}

const CANCEL: Action = { type: 'cancel', account: 'main', instrument: 'AAPL', order: 'd-1' }
const second = (offset: number): number => Math.floor(Date.now() / 1000) + offset

test('an allowed order is redeemed, then sent with its permit', async () => {
  const { sent, send } = venue()
  const outcome = await send(ORDER)
  expect(outcome).toMatchObject({ sent: true, result: 'v-1', answer: { verdict: 'allow' } })
  expect(sent).toEqual([{ action: ORDER, permit: outcome.answer?.permit }])
  expect(standIn.arrived.map(({ path }) => path)).toEqual([
    '/v1/actions',
    `/v1/permits/${outcome.answer?.decision}/redeem`,
  ])
})

describe('a permit that does not stand is refused by the client, and nothing is sent', () => {
  test.each<[ErrorCode, Responder]>([
    ['PERMIT_MISSING', withPermit(() => null)],
    ['PERMIT_MALFORMED', withPermit(() => 'allow')],
    ['PERMIT_ALGORITHM_FORBIDDEN', withPermit((good) => bent(good, { header: { alg: 'none' } }))],
    ['PERMIT_TYPE_FORBIDDEN', withPermit((good) => bent(good, { header: { typ: 'JWT' } }))],
    [
      'PERMIT_KEY_UNKNOWN',
      withPermit((good, request) =>
        permitSigner({ keys: OTHER_KEYS, issuer: 'sidecar-1' }).sign({
          ...good,
          ...request,
          permit: good.decision,
        }),
      ),
    ],
    ['PERMIT_SIGNATURE_INVALID', withPermit((good) => bent(good, {}, OTHER_KEYS))],
    ['PERMIT_AUDIENCE_DIFFERS', withPermit((good) => bent(good, { claims: { aud: 'ephor:other' } }))],
    ['PERMIT_ISSUER_DIFFERS', withPermit((good) => bent(good, { claims: { iss: 'sidecar-2' } }))],
    ['PERMIT_AGENT_DIFFERS', withPermit((good) => bent(good, { claims: { sub: 'beta' } }))],
    ['PERMIT_ACTION_DIFFERS', withPermit((good) => bent(good, { claims: { action: 'cd'.repeat(32) } }))],
    [
      'PERMIT_EXPIRED',
      withPermit((good) => bent(good, { claims: { iat: second(-9), nbf: second(-9), exp: second(-4) } })),
    ],
    [
      'PERMIT_NOT_YET_VALID',
      withPermit((good) => bent(good, { claims: { iat: second(30), nbf: second(30), exp: second(35) } })),
    ],
    ['ANSWER_INVALID', withPermit((good) => bent(good, { claims: { decision: 'd-2' } }))],
    ['ANSWER_INVALID', withPermit((good) => bent(good, { claims: { constitution: 'cd'.repeat(32) } }))],
    ['ANSWER_INVALID', withPermit((good) => bent(good, { claims: { sequence: 8 } }))],
  ])('%s', async (code, respond) => {
    standIn.respond = respond
    const { sent, send } = venue()
    await expect(send(ORDER)).rejects.toMatchObject({ code, refused: false })
    expect(sent).toEqual([])
    expect(standIn.redeemed.size).toBe(0)
  })

  test('without keys the guard still asks for one that can be redeemed', async () => {
    const { sent, send } = venue(
      {},
      { url: standIn.url, token: 't', agent: 'alpha', keys: undefined as never },
    )
    standIn.respond = withPermit(() => null)
    await expect(send(ORDER)).rejects.toMatchObject({ code: 'PERMIT_MISSING' })
    standIn.respond = withPermit(() => 'allow')
    await expect(send(ORDER)).rejects.toMatchObject({ code: 'PERMIT_MALFORMED' })
    expect(sent).toEqual([])
  })

  test('keys that do not load make no client', () => {
    const make = (): Client => client({ keys: { keys: [{ kty: 'oct' }] } as never })
    expect(make).toThrow(EphorError)
    expect(make).toThrow('PERMIT_KEYS_INVALID')
    expect(() => client({ keys: loadPermitKeys(keys) })).not.toThrow()
  })
})

describe('a redemption that fails sends nothing', () => {
  test.each<[string, ErrorCode, Responder]>([
    ['a refusal', 'HALTED_SINCE', (_, response) => sendProblem(response, 'HALTED_SINCE')],
    [
      'another permit',
      'ANSWER_INVALID',
      (_, response) => sendJson(response, { schema: 1, permit: 'd-1', decision: 'd-1', at: 1 }),
    ],
    [
      'another decision',
      'ANSWER_INVALID',
      ({ path }, response) =>
        sendJson(response, { schema: 1, permit: path.split('/')[3], decision: 'd-1', at: 1 }),
    ],
    ['nothing', 'SIDECAR_TIMEOUT', () => {}],
    ['a broken connection', 'SIDECAR_UNREACHABLE', (_, response) => response.destroy()],
  ])('%s', async (_, code, redeem) => {
    standIn.respond = (arrived, response, index) =>
      arrived.path === '/v1/actions' ? standIn.answer(arrived, response) : redeem(arrived, response, index)
    const { sent, send } = venue({}, { timeoutMs: 500 })
    await expect(send(ORDER)).rejects.toMatchObject({ code })
    expect(sent).toEqual([])
  })

  test('one that was redeemed before, by another hand', async () => {
    standIn.respond = (arrived, response) => {
      if (arrived.path === '/v1/actions') standIn.redeemed.add(standIn.allow(arrived.body as never).decision)
      standIn.answer(arrived, response)
    }
    const { sent, send } = venue()
    await expect(send(ORDER)).rejects.toMatchObject({ code: 'PERMIT_EXPIRED', refused: true })
    expect(sent).toEqual([])
  })
})

test.each(['deny', 'pending'] as const)(
  'the verdict %s is an outcome, and nothing is sent',
  async (verdict) => {
    standIn.respond = (arrived, response) =>
      sendJson(response, standIn.allow(arrived.body as never, { verdict, permit: null }))
    const { sent, send } = venue()
    expect(await send(ORDER)).toMatchObject({ sent: false, answer: { verdict } })
    expect(sent).toEqual([])
  },
)

test('what is sent is the narrowed order, to whoever accepts one', async () => {
  standIn.respond = (arrived, response) => {
    if (arrived.path !== '/v1/actions') return standIn.answer(arrived, response)
    const request = arrived.body as unknown as ActionRequest
    const narrowed = { ...request, action: { ...ORDER, quantity: 40 } }
    return sendJson(response, standIn.allow(narrowed, { verdict: 'narrow' }))
  }
  const { sent, send } = venue()
  expect(await send(ORDER, { accept: ['narrow'] })).toMatchObject({ sent: true })
  expect(sent.map(({ action }) => action)).toEqual([{ ...ORDER, quantity: 40 }])
  await expect(send(ORDER)).rejects.toMatchObject({ code: 'ANSWER_INVALID' })
})

test('what the venue throws comes through', async () => {
  const send = guard(client(), async () => {
    throw new Error('the venue is closed')
  })
  await expect(send(ORDER)).rejects.toThrow('the venue is closed')
})

describe('a cancel that the sidecar cannot record', () => {
  const doubts: [string, Responder][] = [
    ['a 503', (_, response) => sendProblem(response, 'JOURNAL_FAILED')],
    ['a defect', (_, response) => sendProblem(response, 'INTERNAL')],
    ['a broken connection', (_, response) => response.destroy()],
    ['nothing', () => {}],
    ['nonsense', (_, response) => sendJson(response, { verdict: 'deny' })],
    ['a permit by an unknown key', withPermit((good) => bent(good, {}, OTHER_KEYS))],
  ]

  test.each(doubts)('%s: is sent and told, where that was asked for', async (_, respond) => {
    standIn.respond = respond
    const told: UnrecordedCancel[] = []
    const { sent, send } = venue({ onUnrecordedCancel: (cancel) => told.push(cancel) }, { timeoutMs: 300 })
    expect(await send(CANCEL)).toEqual({ sent: true, result: 'v-1', answer: null })
    expect(sent).toEqual([{ action: CANCEL, permit: null }])
    expect(told).toHaveLength(1)
    // Told later under the same id, it is on record.
    standIn.respond = (arrived, response) => standIn.answer(arrived, response)
    const [{ request } = { request: { action: CANCEL, id: '' } }] = told
    expect(await client().act(request)).toMatchObject({ id: standIn.arrived[0]?.body.id, verdict: 'allow' })
  })

  test.each(doubts)('%s: is not sent otherwise', async (_, respond) => {
    standIn.respond = respond
    const { sent, send } = venue({}, { timeoutMs: 300 })
    await expect(send(CANCEL)).rejects.toBeInstanceOf(EphorError)
    expect(sent).toEqual([])
  })

  test('one whose redemption was done and its answer lost is sent; an order is not', async () => {
    const told: UnrecordedCancel[] = []
    for (const [action, sends] of [
      [CANCEL, [{ action: CANCEL, permit: null }]],
      [ORDER, []],
    ] as const) {
      let redemptions = 0
      standIn.respond = (arrived, response) => {
        if (!arrived.path.endsWith('/redeem')) return standIn.answer(arrived, response)
        redemptions += 1
        return redemptions === 1 ? response.destroy() : sendProblem(response, 'PERMIT_SPENT')
      }
      const { sent, send } = venue({ onUnrecordedCancel: (cancel) => told.push(cancel) })
      await send(action).catch(() => {})
      expect([redemptions, sent]).toEqual([2, sends])
    }
    expect(told).toMatchObject([{ error: { code: 'PERMIT_SPENT' } }])
  })

  test('an order is never sent that way', async () => {
    standIn.respond = (_, response) => sendProblem(response, 'JOURNAL_FAILED')
    const told: UnrecordedCancel[] = []
    const { sent, send } = venue({ onUnrecordedCancel: (cancel) => told.push(cancel) })
    await expect(send(ORDER)).rejects.toMatchObject({ code: 'JOURNAL_FAILED' })
    expect([sent, told]).toEqual([[], []])
  })

  test.each<[string, Responder]>([
    ['refused', (_, response) => sendProblem(response, 'AGENT_FORBIDDEN')],
    [
      'denied',
      (arrived, response) =>
        sendJson(response, standIn.allow(arrived.body as never, { verdict: 'deny', permit: null })),
    ],
  ])('one that was %s is not sent', async (_, respond) => {
    standIn.respond = respond
    const told: UnrecordedCancel[] = []
    const { sent, send } = venue({ onUnrecordedCancel: (cancel) => told.push(cancel) })
    await send(CANCEL).catch(() => {})
    expect([sent, told]).toEqual([[], []])
  })

  test('one that fits no schema is not sent', async () => {
    const { sent, send } = venue({ onUnrecordedCancel: () => {} })
    await expect(send({ ...CANCEL, order: '' })).rejects.toMatchObject({ code: 'BODY_INVALID' })
    expect(sent).toEqual([])
  })

  test('what was asked about is what is sent, though the caller changes it meanwhile', async () => {
    standIn.respond = (_, response) => response.destroy()
    const { sent, send } = venue({ onUnrecordedCancel: () => {} })
    const mine = { ...CANCEL }
    const sending = send(mine)
    Object.assign(mine, { type: 'order' })
    await sending
    expect(sent).toEqual([{ action: CANCEL, permit: null }])
    // Nor does an order become a cancel on the way.
    const order = { ...ORDER } as Action
    const refused = send(order)
    Object.assign(order, { type: 'cancel' })
    await expect(refused).rejects.toMatchObject({ code: 'SIDECAR_UNREACHABLE' })
    expect(sent).toHaveLength(1)
  })
})

test('executions are reported, one or many', async () => {
  const execution = {
    execution: 'e-1',
    order: 'd-1',
    event: 'filled',
    filled: 40,
    price: 200,
    at: Date.now(),
  } as const
  expect((await client().executions(execution)).accepted).toBe(1)
  expect((await client().executions([execution, { ...execution, execution: 'e-2' }])).accepted).toBe(2)
  expect(standIn.executions).toHaveLength(3)
})
