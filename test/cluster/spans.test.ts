/** Two real sidecars with an OpenTelemetry SDK: each call is a span, what the home takes of another's is one below it, and both go on from the caller's. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { v7 as uuidv7 } from 'uuid'
import { serve, type CliSidecar } from '../chaos/cli-sidecar.ts'
import { callAt, until, type Answer } from '../support/http.ts'
import { instrument, order } from '../support/market.ts'
import { RedisServer } from '../support/redis.ts'
import { Rig } from '../support/sidecar.ts'

const SDK = fileURLToPath(new URL('../support/spans.mjs', import.meta.url))
const NAMES = ['one', 'two'] as const
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const CALLER = '00f067aa0ba902b7'
/** As OpenTelemetry numbers them. */
const [SERVER, CONSUMER] = [1, 4]

interface Told {
  readonly name: string
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  readonly parent: string | null
  readonly attributes: Readonly<Record<string, unknown>>
  readonly status: number
}

const rigs = { one: new Rig(), two: new Rig() }
const sidecars: CliSidecar[] = []
let redis: RedisServer

beforeAll(async () => {
  redis = await RedisServer.start()
  for (const name of NAMES) {
    const { home } = rigs[name]
    appendFileSync(join(home, 'config.yaml'), `redis: { url: '${redis.url}', name: ${name} }\n`)
    const env = { EPHOR_SPANS: join(home, 'spans') }
    sidecars.push(await serve(home, [], 0, { file: SDK, env }))
  }
}, 60_000)
afterAll(async () => {
  for (const sidecar of sidecars) await sidecar.kill()
  await Promise.all(NAMES.map((name) => rigs[name].end()))
  await redis.end()
})

/** The spans of one sidecar that ended. */
function spansOf(name: (typeof NAMES)[number]): Told[] {
  const file = join(rigs[name].home, 'spans')
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Told)
}

/** Calls the sidecar that follows. */
function ask(path: string, as: string, body: unknown, traceparent?: string): Promise<Answer> {
  const headers = {
    authorization: `Bearer ${rigs.two.token(as)}`,
    ...(traceparent === undefined ? {} : { traceparent }),
  }
  return callAt(sidecars[1]?.base ?? '', 'POST', path, { body, headers })
}

test('a call that is handed on is a span below the caller’s, and what the home took is one below that', async () => {
  const request = { id: uuidv7(), agent: 'alpha', action: order() }
  const answer = await ask('/v1/actions', 'alpha', request, `00-${TRACE}-${CALLER}-01`)
  expect(answer.status, answer.text).toBe(200)
  const { decision, verdict } = answer.body
  const of = (name: (typeof NAMES)[number]): Told[] =>
    spansOf(name).filter(({ traceId }) => traceId === TRACE)
  await until('both have told of it', () => of('one').length + of('two').length >= 2)
  const [asked] = of('two')
  expect(of('two')).toEqual([
    {
      name: 'POST /v1/actions',
      kind: SERVER,
      traceId: TRACE,
      spanId: asked?.spanId,
      parent: CALLER,
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/v1/actions',
        'http.response.status_code': 200,
        'ephor.decision': decision,
        'ephor.verdict': verdict,
      },
      status: 0,
    },
  ])
  expect(of('one')).toEqual([
    {
      name: 'take',
      kind: CONSUMER,
      traceId: TRACE,
      spanId: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      parent: asked?.spanId,
      attributes: {
        'ephor.from': 'two',
        'ephor.lane': 'inbox',
        'ephor.entry': expect.stringMatching(/^\d+-\d+$/) as string,
        'ephor.input': 'action',
        'ephor.outcome': verdict,
        'ephor.decision': decision,
      },
      status: 0,
    },
  ])
})

test('a call of nobody’s trace begins one, and one that fails says so', async () => {
  const known = new Set(spansOf('two').map(({ spanId }) => spanId))
  const later = (): Told[] => spansOf('two').filter(({ spanId }) => !known.has(spanId))
  expect((await ask('/v1/observations', 'feed', [instrument(Date.now() - 1)])).status).toBe(200)
  await until('it has ended', () => later().length > 0)
  const [began] = later()
  expect(began).toMatchObject({ name: 'POST /v1/observations', parent: null, status: 0 })
  await until('the home has told of it', () => spansOf('one').some(({ parent }) => parent === began?.spanId))
  await redis.end()
  await until('nothing is decided', async () => {
    const { status } = await ask('/v1/actions', 'alpha', { id: uuidv7(), agent: 'alpha', action: order() })
    return status === 503
  })
  await until('it has ended', () => later().some(({ status }) => status !== 0))
  expect(later().find(({ status }) => status !== 0)).toMatchObject({
    name: 'POST /v1/actions',
    attributes: { 'http.response.status_code': 503 },
  })
})
