/** The edge of HTTP: sizes, methods, addresses, slow and broken requests, and the bounds of the configuration. */
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callAt, callSocket, exchange, expectProblem, until, type Answer } from '../support/http.ts'
import { order, quietMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

const REQUEST_MS = 300
const rig = new Rig({ limits: `{ requestMs: ${REQUEST_MS} }` })
const port = (): { port: number } => ({ port: rig.running.listening.port ?? 0 })
const path = (): { path: string } => ({ path: rig.running.listening.socket ?? '' })

beforeAll(async () => {
  await rig.start()
  await rig.observe(...quietMarket(OPEN))
})
afterAll(async () => {
  expect((await rig.judge(order())).verdict).toBe('allow')
  await rig.end()
})

const post = (headers: string): string =>
  `POST /v1/actions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${rig.token('alpha')}\r\n${headers}\r\n`

describe('sizes', () => {
  test('a body of 10 MB is refused before it is read, however it comes', async () => {
    const body = Buffer.alloc(10_000_000, ' ')
    const declared = post(`content-type: application/json\r\ncontent-length: ${body.length}\r\n`)
    expectProblem(await exchange(port(), declared), 'BODY_TOO_LARGE', /./)
    const chunked = post('content-type: application/json\r\ntransfer-encoding: chunked\r\n')
    const chunk = `${body.length.toString(16)}\r\n`
    const answer = await exchange(port(), chunked, (socket) => {
      socket.write(chunk)
      socket.write(body)
    })
    expectProblem(answer, 'BODY_TOO_LARGE', /./)
  })

  test('a body at the bound of the configuration is read, one byte more is not', async () => {
    const small = new Rig({ limits: '{ bodyBytes: 2048 }' })
    try {
      await small.start()
      const text = JSON.stringify(small.request(order()))
      expect((await small.postRaw('/v1/actions', 'alpha', text.padEnd(2048))).body.verdict).toBe('deny')
      expectProblem(await small.postRaw('/v1/actions', 'alpha', text.padEnd(2049)), 'BODY_TOO_LARGE', /./)
    } finally {
      await small.end()
    }
  })

  test.each([
    ['headers', () => `GET /healthz HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`],
    ['an address', () => `GET /${'y'.repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`],
  ])('%s of 20,000 characters', async (_, request) => {
    expectProblem(await exchange(port(), request()), 'HEADERS_TOO_LARGE', /./)
    expectProblem(await exchange(path(), request()), 'HEADERS_TOO_LARGE', /./)
  })
})

describe('what is no request', () => {
  test.each([
    ['nonsense', 'hello\r\n\r\n'],
    ['two lengths', 'POST /v1/actions HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n'],
    [
      'a length and chunks',
      'POST /v1/actions HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
    ],
    ['a null character in a header', 'GET /healthz HTTP/1.1\r\nhost: x\r\nx: \0\r\n\r\n'],
  ])('%s', async (_, bytes) => {
    expectProblem(await exchange(port(), bytes), 'REQUEST_MALFORMED', /./)
    expectProblem(await exchange(path(), bytes), 'REQUEST_MALFORMED', /./)
  })

  test.each([['without a name of the host', 'GET /healthz HTTP/1.1\r\n\r\n']])('%s', async (_, bytes) => {
    expect((await exchange(port(), bytes)).status).toBe(400)
  })

  test.each(['/v1/decisions/%zz', '/v1/decisions/%c3%28'])('%s', async (address) => {
    expectProblem(await rig.get(address), 'REQUEST_MALFORMED', address)
  })
})

describe('late requests end by the bound of the configuration', () => {
  const partial: [string, () => string][] = [
    ['a body that stops', () => `${post('content-type: application/json\r\ncontent-length: 500\r\n')}{"id":`],
    ['headers that stop', () => 'POST /v1/actions HTTP/1.1\r\nhost: x\r\n'],
    ['nothing at all', () => ''],
  ]
  test.each(partial)('%s', async (_, bytes) => {
    for (const target of [port(), path()]) {
      const started = performance.now()
      const answer = await exchange(target, bytes())
      const took = performance.now() - started
      expectProblem(answer, 'REQUEST_TIMEOUT', /./)
      expect(took).toBeGreaterThanOrEqual(REQUEST_MS - 50)
      expect(took).toBeLessThan(10 * REQUEST_MS)
    }
  })

  test('a body that drips a byte at a time gets no more time than another', async () => {
    const started = performance.now()
    const answer = await exchange(
      port(),
      post('content-type: application/json\r\ncontent-length: 500\r\n'),
      (socket) => {
        const timer = setInterval(() => socket.writable && socket.write(' '), 20)
        socket.on('close', () => clearInterval(timer))
      },
    )
    expectProblem(answer, 'REQUEST_TIMEOUT', /./)
    expect(performance.now() - started).toBeLessThan(10 * REQUEST_MS)
  })
})

describe('addresses and methods', () => {
  test.each([
    ['GET', '/'],
    ['GET', '/v2/actions'],
    ['GET', '/v1/actions'],
    ['PUT', '/v1/actions'],
    ['DELETE', '/v1/actions'],
    ['PATCH', '/v1/halts'],
    ['OPTIONS', '/v1/actions'],
    ['POST', '/v1/state'],
    ['POST', '/v1/actions/'],
    ['POST', '//v1/actions'],
    ['POST', '/V1/ACTIONS'],
    ['GET', '/v1/decisions/../constitution/x'],
  ])('there is nothing at %s %s', async (method, address) => {
    const body = method === 'GET' ? {} : { body: rig.request(order()) }
    expectProblem(await rig.call(method, address, 'alpha', body), 'NOT_FOUND', method)
  })

  test('HEAD needs what GET needs', async () => {
    expect((await rig.call('HEAD', '/v1/state', null)).status).toBe(401)
    expect((await rig.call('HEAD', '/v1/state', 'alpha')).status).toBe(200)
    // A stream has no length to tell, and no end.
    for (const address of ['/v1/events', '/v1/topics/risk_warnings/events'])
      expect((await rig.call('HEAD', address, 'alpha')).status).toBe(404)
  })
})

describe('bounds', () => {
  test('requests a second, for each token', async () => {
    const limited = new Rig({ limits: '{ requestsPerSecond: 5 }' })
    try {
      await limited.start()
      const answers = await Promise.all(Array.from({ length: 12 }, () => limited.get('/v1/state', 'alpha')))
      const refused = answers.filter(({ status }) => status === 429)
      expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(5)
      for (const answer of refused) expectProblem(answer, 'RATE_LIMITED', 'at most 5 requests a second')
      expect(refused.length).toBeGreaterThan(0)
      expect((await limited.get('/v1/state', 'hedger')).status).toBe(200)
      // A second later the same token is let in again.
      await until(
        'the token is let in again',
        async () => (await limited.get('/v1/state', 'alpha')).status === 200,
      )
    } finally {
      await limited.end()
    }
  })

  test('probes are answered however many come, over TCP and the socket; what costs more is bounded by address', async () => {
    const limited = new Rig({ limits: '{ requestsPerSecond: 3 }' })
    try {
      await limited.start()
      const socket = limited.running.listening.socket ?? ''
      for (const path of ['/healthz', '/readyz']) {
        const probes = Array.from({ length: 20 }, (_, index) =>
          index % 2 === 0 ? limited.get(path, null) : callSocket(socket, 'GET', path),
        )
        expect(new Set((await Promise.all(probes)).map(({ status }) => status))).toEqual(new Set([200]))
      }
      const scrapes = await Promise.all(
        Array.from({ length: 12 }, () => callSocket(socket, 'GET', '/metrics')),
      )
      const refused = scrapes.filter(({ status }) => status === 429)
      expect(refused.length).toBeGreaterThan(0)
      for (const answer of refused) expectProblem(answer, 'RATE_LIMITED', 'at most 3 requests a second')
      expect((await limited.get('/healthz', null)).status).toBe(200)
    } finally {
      await limited.end()
    }
  })

  test('who is not let in is bounded by address, and by the token that may not', async () => {
    const limited = new Rig({ limits: '{ requestsPerSecond: 5 }' })
    try {
      await limited.start()
      const codesOf = async (call: () => Promise<Answer>): Promise<string[]> => {
        const answers = await Promise.all(Array.from({ length: 20 }, call))
        return [...new Set(answers.map(({ body }) => String(body.code)))].toSorted()
      }
      const wrong = { headers: { authorization: 'Bearer ephor_agent_nobody' } }
      // One after the other: all of them but the third come from one address.
      expect(await codesOf(() => callAt(limited.base, 'GET', '/v1/state', wrong))).toEqual([
        'RATE_LIMITED',
        'TOKEN_UNKNOWN',
      ])
      expect(await codesOf(() => limited.get('/v1/grants', 'alpha'))).toEqual([
        'RATE_LIMITED',
        'ROLE_FORBIDDEN',
      ])
      await until(
        'the address is let in again',
        async () => (await limited.get('/nowhere', null)).status === 404,
      )
      expect(await codesOf(() => limited.get('/nowhere', null))).toEqual(
        expect.arrayContaining(['RATE_LIMITED']),
      )
      // Whoever has a token that is good is none of them.
      expect((await limited.get('/v1/state', 'hedger')).status).toBe(200)
    } finally {
      await limited.end()
    }
  })

  test('readers of one token have a share, so that others are heard', async () => {
    const streams: AbortController[] = []
    const listen = async (as: string): Promise<number> => {
      const control = new AbortController()
      streams.push(control)
      const headers = { authorization: `Bearer ${rig.token(as)}` }
      const { status } = await fetch(`${rig.base}/v1/events`, { headers, signal: control.signal })
      return status
    }
    const all = await Promise.all(Array.from({ length: 40 }, () => listen('alpha')))
    expect(all.filter((status) => status === 200)).toHaveLength(32)
    expect(all.filter((status) => status === 503)).toHaveLength(8)
    expect(await listen('operator-1')).toBe(200)
    for (const stream of streams) stream.abort()
    await until('there is room again', async () => (await listen('alpha')) === 200)
    for (const stream of streams) stream.abort()
  })

  test('a token has one bound, however its scheme is written', async () => {
    const limited = new Rig({ limits: '{ requestsPerSecond: 4 }' })
    try {
      await limited.start()
      const token = limited.token('alpha')
      const schemes = [
        'Bearer',
        'bearer',
        'BEARER',
        'bEarer',
        'beArer',
        'beaRer',
        'bearEr',
        'beareR',
        'Bearer ',
      ]
      const answers = await Promise.all(
        schemes.map((scheme) =>
          callAt(limited.base, 'GET', '/v1/state', { headers: { authorization: `${scheme} ${token}` } }),
        ),
      )
      expect(answers.some(({ status }) => status === 429)).toBe(true)
    } finally {
      await limited.end()
    }
  })

  test('connections: one more than the bound is closed without a word, and one that goes makes room', async () => {
    const limited = new Rig({ limits: '{ connections: 2 }' })
    await limited.start()
    const open = (): Promise<{ closed: () => boolean; end: () => void }> =>
      new Promise((resolve) => {
        let closed = false
        const socket = connect(limited.running.listening.port ?? 0, '127.0.0.1')
        socket.on('error', () => {})
        socket.on('close', () => (closed = true))
        socket.on('connect', () => resolve({ closed: () => closed, end: () => socket.destroy() }))
      })
    try {
      const [first, second] = [await open(), await open()]
      const third = await open()
      await until('the third is closed', third.closed)
      expect([first.closed(), second.closed()]).toEqual([false, false])
      first.end()
      await until('there is room again', async () => {
        const status = await limited.get('/healthz', null).then(
          (answer) => answer.status,
          () => 0,
        )
        return status === 200
      })
      second.end()
    } finally {
      await limited.end()
    }
  })
})
