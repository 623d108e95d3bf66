/** Whatever comes back that is not an answer to what was asked: the client rejects, and nothing is allowed. */
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { ServerResponse } from 'node:http'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../src/base/errors.ts'
import { createClient, type Client, type ClientOptions } from '../../src/client/client.ts'
import { ClientError } from '../../src/client/error.ts'
import { retryAfter } from '../../src/client/retry.ts'
import type { ActionRequest } from '../../src/protocol/action.ts'
import type { ActionAnswer } from '../../src/protocol/decision.ts'
import { ORDER } from '../support/permits.ts'
import { problem, sendJson, sendProblem, StandIn, type Arrived } from '../support/stand-in.ts'

const standIn = new StandIn()
const opened: Client[] = []
beforeAll(() => standIn.start())
afterEach(() => {
  for (const client of opened.splice(0)) client.close()
  standIn.reset()
})
afterAll(() => standIn.stop())

/** A client that waits no longer than a test needs. */
function client(more: Partial<ClientOptions> = {}): Client {
  const options = { url: standIn.url, token: 'token', agent: 'alpha', backoffMs: 1, ...more } as ClientOptions
  const made = createClient(options)
  opened.push(made)
  return made
}

async function failure(call: Promise<unknown>): Promise<ClientError> {
  const outcome = await call.then(
    (value) => value,
    (error: unknown) => error,
  )
  if (outcome instanceof ClientError) return outcome
  throw new Error(`expected a ClientError, got ${JSON.stringify(outcome)}`)
}

const act = (more: Partial<ClientOptions> = {}): Promise<ActionAnswer> => client(more).act({ action: ORDER })
const requestOf = ({ body }: Arrived): ActionRequest => body as unknown as ActionRequest
const text =
  (body: string, headers: Record<string, string> = {}) =>
  (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers })
    response.end(body)
  }

test('the stand-in’s good answer is taken, so that it is the faults below that are refused', async () => {
  expect((await act()).verdict).toBe('allow')
  expect(standIn.arrived[0]?.headers).toMatchObject({ authorization: 'Bearer token' })
})

describe('an answer that is none', () => {
  const good = (arrived: Arrived): ActionAnswer => standIn.allow(requestOf(arrived))
  test.each<[string, (response: ServerResponse, arrived: Arrived) => void, RegExp]>([
    ['nothing', (response) => response.end(), /a body of nothing/],
    ['an empty body', text(''), /not JSON/],
    ['HTML', text('<p>allow</p>', { 'content-type': 'text/html' }), /text\/html/],
    ['JSON by another name', text('{}', { 'content-type': 'text/plain' }), /text\/plain/],
    ['no object', text('"allow"'), /expected object/],
    ['the verdict alone', text('{"verdict":"allow"}'), /schema/],
    [
      'half a body',
      (response, arrived) => text(JSON.stringify(good(arrived)).slice(0, -9))(response),
      /not JSON/,
    ],
    [
      'a body twice',
      (response, arrived) => text(JSON.stringify(good(arrived)).repeat(2))(response),
      /not JSON/,
    ],
    [
      'a deny with a second verdict',
      (response, arrived) =>
        text(JSON.stringify({ ...good(arrived), verdict: 'deny' }).replace(/}$/, ',"verdict":"allow"}'))(
          response,
        ),
      /verdict: is there twice/,
    ],
    [
      'bytes that are no text',
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(Buffer.from([0x7b, 0xff, 0x7d]))
      },
      /not UTF-8/,
    ],
    [
      'a compressed body',
      (response, arrived) => text(JSON.stringify(good(arrived)), { 'content-encoding': 'gzip' })(response),
      /encoded/,
    ],
    ['status 201', (response, arrived) => sendJson(response, good(arrived), 201), /status 201/],
    ['status 202', (response, arrived) => sendJson(response, good(arrived), 202), /status 202/],
    [
      'a redirection',
      (response) => {
        response.writeHead(307, { location: '/v1/actions', 'content-type': 'application/json' })
        response.end('{}')
      },
      /status 307/,
    ],
    ['status 500 with an allow', (response, arrived) => sendJson(response, good(arrived), 500), /status 500/],
    [
      'a problem of no known code',
      (response) => sendJson(response, { ...problem('NOT_FOUND'), code: 'ALLOWED' }, 404),
      /status 404/,
    ],
    [
      'a problem under another status',
      (response) => sendJson(response, problem('NOT_FOUND'), 422),
      /status 422/,
    ],
    [
      'a problem that names another status',
      (response) => sendJson(response, { ...problem('NOT_FOUND'), status: 500 }, 404),
      /status 404/,
    ],
    ['a problem with status 200', (response) => sendJson(response, problem('NOT_FOUND')), /schema|decision/],
  ])('%s', async (_, respond, detail) => {
    standIn.respond = (arrived, response) => respond(response, arrived)
    const error = await failure(act())
    expect(error.code).toBe('ANSWER_INVALID')
    expect(error.detail).toMatch(detail)
    expect(error.refused).toBe(false)
    expect(standIn.arrived).toHaveLength(1)
  })

  test.each<[string, (good: ActionAnswer) => object, RegExp]>([
    ['another verdict text', () => ({ verdict: 'allowed' }), /\/verdict/],
    ['a verdict in capitals', () => ({ verdict: 'ALLOW' }), /\/verdict/],
    ['a member that is not known', () => ({ allow: true }), /unknown key `allow`/],
    ['another version', () => ({ schema: 2 }), /\/schema/],
    ['another id', () => ({ id: '019adad0-ae80-7000-8000-000000000000' }), /was answered/],
    ['another decision', () => ({ decision: 'd-000000000000000000000000' }), /alpha’s is `d-/],
    ['another quantity', () => ({ action: { ...ORDER, quantity: 101 } }), /another action/],
    ['another side', () => ({ action: { ...ORDER, side: 'sell' } }), /another action/],
    ['a member more', () => ({ action: { ...ORDER, timeInForce: 'gtc' } }), /another action/],
    [
      'a narrowed order that was not asked for',
      () => ({ verdict: 'narrow', action: { ...ORDER, quantity: 99 } }),
      /narrowed/,
    ],
    ['a permit with a deny', () => ({ verdict: 'deny' }), /a permit came with/],
    ['a permit with a pending verdict', () => ({ verdict: 'pending' }), /a permit came with/],
  ])('%s', async (_, change, detail) => {
    standIn.respond = (arrived, response) => {
      const answer = good(arrived)
      sendJson(response, { ...answer, ...change(answer) })
    }
    const error = await failure(act())
    expect(error).toMatchObject({ code: 'ANSWER_INVALID', status: 200, refused: false })
    expect(error.detail).toMatch(detail)
  })

  test.each([
    ['more', { quantity: 101 }],
    ['as much', {}],
    ['less at another price', { quantity: 50, limitPrice: 201 }],
    ['less of another instrument', { quantity: 50, instrument: 'MSFT' }],
  ])('narrowed to %s', async (_, change) => {
    standIn.respond = (arrived, response) =>
      sendJson(response, { ...good(arrived), verdict: 'narrow', action: { ...ORDER, ...change } })
    const error = await failure(client().act({ action: ORDER, accept: ['narrow'] }))
    expect(error.detail).toMatch(/narrowed to what is not a smaller one/)
  })

  test('an answer for another permit, agent, decision or number of executions', async () => {
    const wrong = (body: object): Client => {
      standIn.respond = (_, response) => sendJson(response, { schema: 1, ...body })
      return client()
    }
    const at = Date.now()
    const execution = { execution: 'e-1', order: 'd-1', event: 'accepted', at } as const
    for (const call of [
      () => wrong({ permit: 'd-2', decision: 'd-1', at }).redeem('d-1'),
      () => wrong({ agent: 'beta' }).heartbeat(),
      () => wrong({ account: 'other', positions: 1 }).adopt('main', 'checked'),
      () => wrong({ agent: 'beta' }).register({ agent: 'alpha' }),
      () => wrong({ halt: 'h-2', lifted: true, rebased: false, operators: 2 }).resume('h-1', 'over'),
      () =>
        wrong({ constitution: 'ab'.repeat(32), activated: true, casesFailed: 0 }).activate({
          hash: 'cd'.repeat(32),
        }),
      () =>
        wrong({ accepted: 1, repeated: 0, anomalies: [] }).executions([
          execution,
          { ...execution, execution: 'e-2' },
        ]),
      () => wrong({ accepted: 0, repeated: 0, anomalies: [] }).executions(execution),
    ]) {
      const error = await failure(call())
      expect(error.code).toBe('ANSWER_INVALID')
      expect(error.detail).toMatch(/^asked about the/)
    }
  })
})

describe('no answer', () => {
  test('that never comes ends at the time given', async () => {
    standIn.respond = () => {}
    const started = performance.now()
    expect(await failure(act({ timeoutMs: 60 }))).toMatchObject({ code: 'SIDECAR_TIMEOUT', status: null })
    expect(performance.now() - started).toBeLessThan(5_000)
    expect(standIn.arrived).toHaveLength(1)
  })

  test('that drips without end, too', async () => {
    let drip: NodeJS.Timeout | undefined
    standIn.respond = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      drip = setInterval(() => response.write(' '), 5)
    }
    expect((await failure(act({ timeoutMs: 60 }))).code).toBe('SIDECAR_TIMEOUT')
    clearInterval(drip)
  })

  test('longer than is read', async () => {
    standIn.respond = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const more = (): void => {
        while (!response.destroyed && response.write(' '.repeat(65_536)));
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    }
    const error = await failure(act({ answerBytesMax: 100_000 }))
    expect(error).toMatchObject({ code: 'ANSWER_INVALID', refused: false })
    expect(error.detail).toMatch(/longer than 100000 bytes/)
    expect(standIn.arrived).toHaveLength(1)
  })

  test('that breaks off is asked for again under the same id, and in the end fails', async () => {
    standIn.respond = (arrived, response) => {
      const body = JSON.stringify(standIn.allow(requestOf(arrived)))
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
      response.write(body.slice(0, 50), () => response.destroy())
    }
    const error = await failure(act({ retries: 2 }))
    expect(error.code).toBe('SIDECAR_UNREACHABLE')
    expect(error.detail).toMatch(/at try 3/)
    expect(new Set(standIn.arrived.map(({ body }) => body.id)).size).toBe(1)
    expect(standIn.arrived).toHaveLength(3)
  })

  test('that is not HTTP', async () => {
    await withTcp(
      (socket) => socket.end('verdict: allow\r\n\r\n'),
      async (url) => expect((await failure(act({ url, retries: 0 }))).code).toBe('SIDECAR_UNREACHABLE'),
    )
  })

  test('that ends where its length was not said, in the middle', async () => {
    await withTcp(
      (socket) =>
        socket.end('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{"schema":1,"verdict":"allow"'),
      async (url) => expect((await failure(act({ url }))).code).toBe('ANSWER_INVALID'),
    )
  })

  test('where nobody listens', async () => {
    let url = ''
    await withTcp(
      () => {},
      async (at) => {
        url = at
      },
    )
    const error = await failure(act({ url }))
    expect(error.code).toBe('SIDECAR_UNREACHABLE')
    expect(error.detail).toMatch(/ECONNREFUSED.*at try 3/)
    const socketPath = '/nowhere/ephor.sock'
    const local = createClient({ socketPath, token: 'token', agent: 'alpha', retries: 0 })
    expect((await failure(local.act({ action: ORDER }))).code).toBe('SIDECAR_UNREACHABLE')
  })

  test('after the client was closed', async () => {
    const closed = client()
    closed.close()
    expect(await failure(closed.act({ action: ORDER }))).toMatchObject({ code: 'SIDECAR_UNREACHABLE' })
    expect(standIn.arrived).toHaveLength(0)
  })

  test('for more calls at once than there may be', async () => {
    const few = client({ pendingMax: 2 })
    const calls = [1, 2, 3].map(() => few.act({ action: ORDER }))
    const [first, second, third] = await Promise.allSettled(calls)
    expect([first?.status, second?.status]).toEqual(['fulfilled', 'fulfilled'])
    expect(third).toMatchObject({ status: 'rejected', reason: { code: 'OVERLOADED', status: null } })
    expect((await few.act({ action: ORDER })).verdict).toBe('allow')
  })
})

describe('again', () => {
  test('a 503 and then a 200: the same id, and the answer is taken', async () => {
    standIn.respond = (arrived, response, index) =>
      index < 2 ? sendProblem(response, 'OVERLOADED') : standIn.answer(arrived, response)
    const id = client().newId()
    expect((await client().act({ id, action: ORDER })).verdict).toBe('allow')
    expect(standIn.arrived.map(({ body }) => body.id)).toEqual([id, id, id])
  })

  test.each<[ErrorCode, number]>([
    ['OVERLOADED', 3],
    ['JOURNAL_FAILED', 3],
    ['ID_CONFLICT', 1],
    ['HALTED_SINCE', 1],
    ['RATE_LIMITED', 1],
    ['INTERNAL', 1],
  ])('%s is asked %i times', async (code, times) => {
    standIn.respond = (_, response) => sendProblem(response, code)
    expect((await failure(act())).code).toBe(code)
    expect(standIn.arrived).toHaveLength(times)
  })

  test('what may not be done twice is asked once, whatever a 503 is for', async () => {
    standIn.respond = (_, response) => sendProblem(response, 'HOME_SILENT')
    const retiring = client().retire('alpha', 'x')
    await expect(retiring).rejects.toMatchObject({ code: 'HOME_SILENT' })
    expect(standIn.arrived).toHaveLength(1)
  })

  test('Retry-After is waited for, and where it is too long the answer is the refusal', async () => {
    standIn.respond = (arrived, response, index) =>
      index === 0
        ? sendProblem(response, 'OVERLOADED', { 'retry-after': '1' })
        : standIn.answer(arrived, response)
    const started = performance.now()
    expect((await act({ timeoutMs: 10_000 })).verdict).toBe('allow')
    expect(performance.now() - started).toBeGreaterThanOrEqual(999)
    standIn.reset()
    standIn.respond = (_, response) => sendProblem(response, 'OVERLOADED', { 'retry-after': '60' })
    expect((await failure(act({ timeoutMs: 10_000 }))).code).toBe('OVERLOADED')
    expect(standIn.arrived).toHaveLength(1)
  })

  test('Retry-After in seconds, as a date, and as nonsense', () => {
    const now = Date.parse('2026-12-01T17:00:00Z')
    const read = (value: string): number => retryAfter({ headers: { 'retry-after': value } }, now)
    expect(read('7')).toBe(7000)
    expect(read('Tue, 01 Dec 2026 17:00:03 GMT')).toBe(3000)
    expect(read('Tue, 01 Dec 2026 16:59:00 GMT')).toBe(0)
    for (const nonsense of ['', 'soon', '-5', '1e9']) expect(read(nonsense)).toBeGreaterThanOrEqual(0)
    expect(retryAfter({ headers: {} }, now)).toBe(0)
  })

  test('the wait is drawn up to a bound that doubles', async () => {
    standIn.respond = (_, response) => sendProblem(response, 'OVERLOADED')
    // Drawn at its most, the second wait would end after the time given, so it is not begun.
    await failure(act({ backoffMs: 20, random: () => 0.999, timeoutMs: 5000, retries: 3 }))
    expect(standIn.arrived).toHaveLength(4)
    standIn.reset()
    standIn.respond = (_, response) => sendProblem(response, 'OVERLOADED')
    await failure(act({ backoffMs: 4000, random: () => 0.999, timeoutMs: 3000, retries: 3 }))
    expect(standIn.arrived).toHaveLength(1)
  })

  test('to resume is not asked again once it may have arrived; to halt is', async () => {
    standIn.respond = (_, response) => response.destroy()
    expect((await failure(client().resume('h-1', 'over'))).code).toBe('SIDECAR_UNREACHABLE')
    expect(standIn.arrived).toHaveLength(1)
    standIn.arrived.length = 0
    await failure(client().halt({ scope: { kind: 'everything' }, state: 'halted', reason: 'x' }))
    expect(standIn.arrived).toHaveLength(3)
  })
})

test.each(['http://127.0.0.1:7411/v2', 'http://user:secret@127.0.0.1', 'ftp://127.0.0.1', 'nonsense'])(
  '%s is no address',
  (url) => {
    expect(() => createClient({ url, token: 'token' })).toThrow(TypeError)
  },
)

test('a token that would end its header is none', () => {
  expect(() => createClient({ url: standIn.url, token: 'a\r\nb' })).toThrow('is not a token')
})

/** A server below HTTP, for as long as `use` takes. */
async function withTcp(serve: (socket: Socket) => void, use: (url: string) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>()
  const server: Server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => serve(socket))
  })
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done)
  })
  await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  for (const socket of sockets) socket.destroy()
  await new Promise((done) => {
    server.close(done)
  })
}
