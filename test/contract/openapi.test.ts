/** The description of the API and what the API does: every answer fits the schema that its route documents. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ERRORS } from '../../src/base/errors.ts'
import { order, price, quietMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

interface Operation {
  readonly summary?: string
  readonly tags?: readonly string[]
  readonly requestBody?: { content: { 'application/json': { schema: z.core.JSONSchema.BaseSchema } } }
  readonly responses: Record<
    string,
    { content?: { 'application/json': { schema: z.core.JSONSchema.BaseSchema } } }
  >
}

const rig = new Rig()
let paths: Record<string, Record<string, Operation>> = {}
let openapi: Record<string, unknown> = {}

beforeAll(async () => {
  await rig.start()
  await rig.observe(...quietMarket(OPEN))
  openapi = (await rig.get('/openapi.json', null)).body
  paths = openapi.paths as typeof paths
})
afterAll(() => rig.end())

const operation = (method: string, path: string): Operation => {
  const found = paths[path]?.[method]
  if (found === undefined) throw new Error(`${method} ${path} is not documented`)
  return found
}

/** Holds a value against a documented schema. */
function fits(schema: z.core.JSONSchema.BaseSchema | undefined, value: unknown): string | undefined {
  if (schema === undefined) return 'no schema'
  const result = z.fromJSONSchema(schema).safeParse(value)
  return result.success ? undefined : z.prettifyError(result.error)
}
const ofAnswer = (method: string, path: string): z.core.JSONSchema.BaseSchema | undefined =>
  operation(method, path).responses['200']?.content?.['application/json'].schema

test('the document is OpenAPI 3.1, each operation with a summary, a tag and a response', () => {
  expect(openapi.openapi).toBe('3.1.0')
  expect(openapi.components).toMatchObject({ securitySchemes: { token: { scheme: 'bearer' } } })
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods))
  expect(operations.length).toBeGreaterThanOrEqual(11)
  for (const each of operations) {
    expect(each.summary).toMatch(/\w/)
    expect(each.tags).toHaveLength(1)
    const [content] = Object.values(each.responses['200']?.content ?? {})
    expect(content?.schema).toBeDefined()
  }
})

describe('answers fit what is documented', () => {
  const registration = { agent: 'alpha', role: 'trader', strategies: ['momentum'] }
  const halting = { scope: { kind: 'account', name: 'other' }, state: 'reducing', reason: 'a drill' }
  const granting = {
    rule: 'position-cap',
    scope: { account: 'main' },
    upTo: 2_100_000,
    until: OPEN + 1000,
    uses: 1,
    reason: 'an index change',
  }
  const signing = {
    agent: 'alpha',
    action: { type: 'transfer', account: 'main', asset: 'USD', amount: 1, destination: 'bank-nyc-1' },
    until: OPEN + 1000,
    reason: 'payroll',
  }
  test.each<[string, string, string, unknown, string?]>([
    ['post', '/v1/actions', 'alpha', () => rig.request(order())],
    ['post', '/v1/actions', 'alpha', () => rig.request(order({ quantity: 5000 }))],
    ['post', '/v1/actions', 'alpha', () => rig.request(order({ quantity: 5000 }), { accept: ['narrow'] })],
    ['post', '/v1/actions', 'alpha', () => rig.request(order({ instrument: 'NONE' }))],
    [
      'post',
      '/v1/actions',
      'alpha',
      () => rig.request({ type: 'change', subject: 'strategy', target: 'x', from: null, to: true }),
    ],
    ['post', '/v1/observations', 'feed', price(OPEN, 'nyse')],
    ['post', '/v1/observations', 'feed', quietMarket(OPEN)],
    ['post', '/v1/agents', 'operator-1', registration],
    ['post', '/v1/agents/{id}/heartbeat', 'alpha', {}, 'alpha'],
    ['delete', '/v1/agents/{id}', 'operator-1', { reason: 'it is not needed' }, 'alpha'],
    ['post', '/v1/halts', 'operator-1', halting],
    ['get', '/v1/state', 'auditor', undefined],
    ['delete', '/v1/halts/{id}', 'operator-2', { reason: 'the drill is over' }, 'halt'],
    ['post', '/v1/grants', 'operator-1', granting],
    ['post', '/v1/grants/{id}/approve', 'operator-2', { reason: 'looked at it' }, 'grant'],
    ['delete', '/v1/grants/{id}', 'operator-2', { reason: 'not needed any more' }, 'grant'],
    ['get', '/v1/grants', 'auditor', undefined],
    ['post', '/v1/signoffs', 'operator-1', signing],
    ['delete', '/v1/signoffs/{id}', 'operator-2', { reason: 'the wrong month' }, 'signoff'],
    ['get', '/v1/signoffs', 'auditor', undefined],
    ['get', '/v1/constitution', 'auditor', undefined],
    ['post', '/v1/constitution', 'author', {}],
    ['get', '/v1/policies/emergency', 'auditor', undefined],
    ['post', '/v1/policies/emergency', 'author', {}],
    ['get', '/v1/policies/consensus', 'auditor', undefined],
    ['post', '/v1/policies/consensus', 'author', {}],
    ['get', '/v1/policies/routing', 'auditor', undefined],
    ['post', '/v1/policies/routing', 'author', {}],
    ['get', '/v1/decisions', 'auditor', undefined],
    ['get', '/v1/decisions/{id}', 'auditor', undefined, 'decision'],
  ])('%s %s as %s', async (method, path, as, given, of) => {
    const body = typeof given === 'function' ? (given as () => unknown)() : given
    const state = (await rig.get('/v1/state')).body
    const { grants } = (await rig.get('/v1/grants')).body
    const { signoffs } = (await rig.get('/v1/signoffs')).body
    const ids: Record<string, unknown> = {
      signoff: (signoffs as { signoff: string }[])[0]?.signoff,
      grant: (grants as { grant: string }[])[0]?.grant,
      alpha: 'alpha',
      halt: (state.halts as { halt: string }[])[0]?.halt,
      decision: of === 'decision' ? (await rig.judge(order())).decision : undefined,
    }
    const address = path.replace('{id}', String(ids[of ?? '']))
    const answer = await rig.call(method.toUpperCase(), address, as, body === undefined ? {} : { body })
    expect(answer.status).toBe(200)
    expect(answer.type).toBe('application/json; charset=utf-8')
    expect(fits(ofAnswer(method, path), answer.body)).toBeUndefined()
    // The check itself: what is missing a member does not fit.
    const [first = ''] = Object.keys(answer.body)
    const { [first]: _, ...less } = answer.body
    expect(fits(ofAnswer(method, path), less)).toBeDefined()
    const bodySchema = operation(method, path).requestBody?.content['application/json'].schema
    if (body !== undefined) {
      expect(fits(bodySchema, body)).toBeUndefined()
      expect(fits(bodySchema, { nonsense: 1 })).toBeDefined()
    }
  })
})

describe('operations', () => {
  test('alive and ready', async () => {
    expect((await rig.get('/healthz', null)).body).toEqual({ status: 'alive' })
    expect((await rig.get('/readyz', null)).body).toEqual({ status: 'ready' })
  })

  test('metrics count verdicts, reasons, memory, observations and problems', async () => {
    const read = async (line: string): Promise<number> => {
      const { text } = await rig.get('/metrics', null)
      return Number(
        text
          .split('\n')
          .find((each) => each.startsWith(`${line} `))
          ?.slice(line.length) ?? 0,
      )
    }
    const lines = [
      'ephor_decisions_total{verdict="allow"}',
      'ephor_decisions_total{verdict="deny"}',
      'ephor_reasons_total{code="ORDER_VALUE_CAP"}',
      'ephor_recalled_total',
      'ephor_observations_total{outcome="accepted"}',
      'ephor_observations_total{outcome="refused"}',
      'ephor_problems_total{code="BODY_INVALID"}',
      'ephor_problems_total{code="NOT_FOUND"}',
      'ephor_problems_total{code="OBSERVATION_IN_FUTURE"}',
      'ephor_decision_seconds_count',
    ]
    // An earlier call has taken it out of service.
    await rig.post('/v1/agents', 'operator-1', { agent: 'alpha' })
    const before = await Promise.all(lines.map(read))
    const request = rig.request(order())
    await rig.post('/v1/actions', 'alpha', request)
    await rig.post('/v1/actions', 'alpha', request)
    await rig.judge(order({ quantity: 5000 }))
    await rig.observe(price(OPEN, 'nyse'))
    await rig.post('/v1/observations', 'feed', price(OPEN + 1, 'nyse'))
    await rig.post('/v1/actions', 'alpha', {})
    await rig.get('/nowhere')
    const after = await Promise.all(lines.map(read))
    expect(
      Object.fromEntries(lines.map((line, index) => [line, (after[index] ?? 0) - (before[index] ?? 0)])),
    ).toEqual({
      [lines[0] ?? '']: 1,
      [lines[1] ?? '']: 1,
      [lines[2] ?? '']: 1,
      [lines[3] ?? '']: 1,
      [lines[4] ?? '']: 1,
      [lines[5] ?? '']: 1,
      [lines[6] ?? '']: 1,
      [lines[7] ?? '']: 1,
      [lines[8] ?? '']: 1,
      [lines[9] ?? '']: 3,
    })
    expect(await read('ephor_ready')).toBe(1)
    expect(await read('ephor_journal_sequence')).toBe(rig.running.sidecar.durableSequence)
  })

  test('each code of the table has a status that is an error', () => {
    for (const { status } of Object.values(ERRORS)) expect(status).toBeGreaterThanOrEqual(400)
  })
})
