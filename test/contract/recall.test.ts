/** An action over HTTP: judged once, recorded once, answered the same however often it is asked. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { v7 as uuidv7 } from 'uuid'
import { callAt, callSocket, expectProblem } from '../support/http.ts'
import { cancel, order, quietMarket } from '../support/market.ts'
import { codesOf, OPEN, Rig } from '../support/sidecar.ts'

let rig: Rig
const DAY = 86_400_000

beforeEach(async () => {
  rig = new Rig()
  await rig.start()
  await rig.observe(...quietMarket(OPEN))
})
afterEach(() => rig.end())

test('an ordinary order is allowed, with the constitution and the record it rests on', async () => {
  const before = rig.running.sidecar.durableSequence
  const answer = await rig.judge(order())
  expect(answer).toMatchObject({
    verdict: 'allow',
    reasons: [],
    headroom: null,
    action: order(),
    permit: expect.any(String),
    constitution: rig.running.sidecar.state.program?.constitution.hash,
    sequence: before + 1,
    at: OPEN,
  })
})

test('the same over the Unix socket, and the same answer over both', async () => {
  const request = rig.request(order())
  const headers = { authorization: `Bearer ${rig.token('alpha')}` }
  const socket = rig.running.listening.socket ?? ''
  const first = await callSocket(socket, 'POST', '/v1/actions', { body: request, headers })
  expect(first.body.verdict).toBe('allow')
  expect((await callAt(rig.base, 'POST', '/v1/actions', { body: request, headers })).text).toBe(first.text)
  expect((await callSocket(socket, 'GET', '/healthz')).body).toEqual({ status: 'alive' })
})

test.each([
  ['allow', order(), {}],
  ['deny', order({ quantity: 5000 }), {}],
  ['narrow', order({ quantity: 5000 }), { accept: ['narrow'] }],
])(
  'one id, one %s: byte for byte, as long as it is good, after a restart, in either case of the id',
  async (verdict, action, more) => {
    const request = rig.request(action, more)
    const first = await rig.post('/v1/actions', 'alpha', request)
    expect(first.body.verdict).toBe(verdict)
    const sequence = rig.running.sidecar.durableSequence
    const again = { ...request, reason: 'asking again' }
    rig.now = OPEN + 4_999
    expect((await rig.post('/v1/actions', 'alpha', again)).text).toBe(first.text)
    expect((await rig.post('/v1/actions', 'alpha', { ...request, id: request.id.toUpperCase() })).text).toBe(
      first.text,
    )
    await rig.stop()
    await rig.start()
    expect((await rig.post('/v1/actions', 'alpha', request)).text).toBe(first.text)
    expect(rig.running.sidecar.durableSequence).toBe(sequence)
    // What allows must not be acted on when its permit is over; what denies denies for good.
    for (const later of [5_000, 6 * DAY]) {
      rig.now = OPEN + later
      const answer = await rig.post('/v1/actions', 'alpha', again)
      if (verdict === 'deny') expect(answer.text).toBe(first.text)
      else expectProblem(answer, 'VERDICT_EXPIRED', String(first.body.decision))
    }
  },
)

test('fifty identical requests at once make one record, and get one answer', async () => {
  const before = rig.running.sidecar.durableSequence
  const request = rig.request(order())
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => rig.post('/v1/actions', 'alpha', request)),
  )
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
  expect(rig.running.sidecar.durableSequence).toBe(before + 1)
  const { body } = await rig.get(`/v1/decisions?from=0&limit=500`)
  const records = (body.decisions as { decision: { request: { id: string } } }[]).filter(
    ({ decision }) => decision.request.id === request.id,
  )
  expect(records).toHaveLength(1)
})

test('the same id for anything else is a conflict', async () => {
  const request = rig.request(order())
  await rig.post('/v1/actions', 'alpha', request)
  const others = [
    { ...request, action: order({ quantity: 101 }) },
    { ...request, action: order({ side: 'sell' }) },
    { ...request, action: cancel() },
    { ...request, accept: ['narrow'] },
    { ...request, approval: 'p-1' },
  ]
  for (const other of others)
    expectProblem(await rig.post('/v1/actions', 'alpha', other), 'ID_CONFLICT', request.id)
})

test('two agents may use the same id, each for itself', async () => {
  const { id } = rig.request(order())
  const mine = await rig.judge(order(), { id })
  const other = await rig.judge(order(), { id }, 'hedger')
  expect(mine.decision).not.toBe(other.decision)
})

test.each([
  ['seven days', -7 * DAY, 200],
  ['a millisecond more than seven days', -7 * DAY - 1, 'ID_TOO_OLD'],
  ['a minute ahead', 60_000, 200],
  ['a millisecond more than a minute ahead', 60_001, 'ID_IN_FUTURE'],
] as const)('an id of %s', async (_, offset, expected) => {
  const id = uuidv7({ msecs: OPEN + offset })
  const answer = await rig.post('/v1/actions', 'alpha', rig.request(order(), { id }))
  if (expected === 200) expect(answer.status).toBe(200)
  else expectProblem(answer, expected, id)
})

test('a ULID does as well as a UUIDv7, and its time is read', async () => {
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
  const ulid = (at: number): string => {
    let time = ''
    for (let rest = at, digit = 0; digit < 10; digit += 1, rest = Math.floor(rest / 32))
      time = `${alphabet[rest % 32]}${time}`
    return `${time}0123456789ABCDEF`
  }
  expect((await rig.judge(order(), { id: ulid(OPEN) })).verdict).toBe('allow')
  const old = await rig.post('/v1/actions', 'alpha', rig.request(order(), { id: ulid(OPEN - 8 * DAY) }))
  expectProblem(old, 'ID_TOO_OLD', ulid(OPEN - 8 * DAY))
})

test('narrowing: never unasked, the largest that passes when asked, one more is denied', async () => {
  const large = order({ quantity: 5000 })
  const denied = await rig.judge(large)
  expect(denied).toMatchObject({
    verdict: 'deny',
    action: large,
    headroom: { quantity: 500, largest: true },
  })
  expect(codesOf(denied)).toEqual(['ORDER_VALUE_CAP', 'ORDER_VALUE_REVIEW'])
  const narrowed = await rig.judge(large, { accept: ['narrow'] })
  expect(narrowed).toMatchObject({ verdict: 'narrow', action: { ...large, quantity: 500 } })
  expect((await rig.judge(order({ quantity: 500 }))).verdict).toBe('allow')
  expect((await rig.judge(order({ quantity: 501 }))).verdict).toBe('deny')
})

test('nothing is narrowed where no smaller order passes', async () => {
  const answer = await rig.judge(order({ quantity: 5000, limitPrice: 300 }), { accept: ['narrow'] })
  expect(answer).toMatchObject({ verdict: 'deny', headroom: { quantity: null, largest: false } })
})

// The last, because the clock does not go back.
test('a cancel is always allowed: of what nobody knows, at the weekend, without any price', async () => {
  expect((await rig.judge(cancel())).verdict).toBe('allow')
  rig.now = Date.parse('2026-12-05T17:00:00Z')
  const unknown = { type: 'cancel', account: 'nobody', instrument: 'NOTHING', order: 'none' }
  expect((await rig.judge(unknown)).verdict).toBe('allow')
  expect((await rig.judge(order())).verdict).toBe('deny')
})
