/** What is said on a topic together is signed once for all of it, over a real Redis, and is told whole and in order or not at all. */
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { generateKeyPair } from '../../src/base/ed25519.ts'
import { openRedisBoard } from '../../src/cluster/redis-board.ts'
import type { Signer } from '../../src/protocol/envelope.ts'
import { sealTogether } from '../../src/protocol/together.ts'
import { TopicMessage } from '../../src/protocol/topic.ts'
import { Topics } from '../../src/sidecar/topics.ts'
import { until } from '../support/http.ts'
import { RedisServer } from '../support/redis.ts'
import { OPEN } from '../support/sidecar.ts'
import { readerOf } from '../support/topic-reader.ts'

const KEY = 'ephor:topic:{market_insights}'
const SPEAKER = { name: 'alpha', role: 'agent' } as const
const clock = { now: () => OPEN, steadyMicros: () => 0 }
const signers = Object.fromEntries(
  ['one', 'two', 'stranger'].map((name) => {
    const { privateKey, publicKey } = generateKeyPair()
    return [name, { publicKey, signer: { kid: name, privateKey } }]
  }),
) as Record<
  'one' | 'two' | 'stranger',
  { publicKey: ReturnType<typeof generateKeyPair>['publicKey']; signer: Signer }
>
const keys = new Map([
  ['one', [signers.one.publicKey]],
  ['two', [signers.two.publicKey]],
])

let server: RedisServer
let redis: Redis
let [speaking, hearing] = [] as unknown as [Topics, Topics]
let told: TopicMessage[]

const topicsOf = async (name: 'one' | 'two', window: 'none' | '10ms'): Promise<Topics> =>
  new Topics({
    board: await openRedisBoard(server.url, { window }),
    clock,
    name,
    peers: { signer: signers[name].signer, keys },
  })

beforeAll(async () => {
  server = await RedisServer.start()
  redis = new Redis(server.url)
})
beforeEach(async () => {
  await redis.flushall()
  speaking = await topicsOf('one', '10ms')
  hearing = await topicsOf('two', 'none')
  told = []
  await hearing.follow(
    'market_insights',
    undefined,
    readerOf((message) => told.push(message)),
  )
})
afterEach(() => Promise.all([speaking.close(), hearing.close()]))
afterAll(async () => {
  redis.disconnect()
  await server.end()
})

const say = (topics: Topics, n: number, as: typeof SPEAKER = SPEAKER): Promise<{ place: string }> =>
  topics.publish('market_insights', { id: `m${n}`, data: { n } }, as)
const numbers = (): number[] => told.map(({ data }) => data.n as number)
const texts = async (): Promise<string[]> =>
  (await redis.xrange(KEY, '-', '+')).map(([, fields]) => fields[1] ?? '')

/** What was said together, as it lies in Redis: the head and the lines. */
async function together(count: number): Promise<{ head: string; lines: string[] }> {
  await Promise.all(Array.from({ length: count }, (_, n) => say(speaking, n)))
  await until('all are told', () => told.length === count)
  const [text = ''] = await texts()
  const [head = '', ...lines] = text.split('\n')
  return { head, lines }
}

/** What of a text is told, once something that was said after it is. */
async function heardOf(...put: readonly string[]): Promise<number[]> {
  const before = told.length
  // With room for the places of those before the last.
  for (const text of put) {
    const [last] = await redis.xrevrange(KEY, '+', '-', 'COUNT', 1)
    await redis.xadd(KEY, `${Number(last?.[0].split('-')[0]) + 1}-1000`, 'text', text)
  }
  await say(hearing, 999)
  await until('what came after is told', () => numbers().at(-1) === 999)
  return numbers().slice(before, -1)
}

test('many are one entry with one signature, and each is told with the place that it was answered', async () => {
  const puts = await Promise.all(Array.from({ length: 100 }, (_, n) => say(speaking, n)))
  await until('all are told', () => told.length === 100)
  const [text = '', ...more] = await texts()
  expect(more).toEqual([])
  expect(text.match(/"sig":"/g)).toHaveLength(1)
  expect(told.map(({ data, place, id }) => [data.n, place, id])).toEqual(
    puts.map(({ place }, n) => [n, place, `m${n}`]),
  )
  expect(told[99]).toMatchObject({ from: 'alpha', sidecar: 'one', at: OPEN, topic: 'market_insights' })
  expect(hearing.untold).toEqual({ unreadable: 0, version: 0, expired: 0, forged: 0 })
})

test('one alone is signed by itself, as ever', async () => {
  await say(speaking, 1)
  await until('it is told', () => told.length === 1)
  const [text = ''] = await texts()
  expect(text).toMatch(/^\{"specversion":"1\.0","id":"m1",.*,"kid":"one","sig":"[^"]{86}"\}$/)
})

test('who begins in the middle hears the rest', async () => {
  const puts = await Promise.all(Array.from({ length: 10 }, (_, n) => say(speaking, n)))
  const late: unknown[] = []
  await hearing.follow(
    'market_insights',
    puts[6]?.place,
    readerOf(({ data }) => late.push(data.n)),
  )
  expect(late).toEqual([7, 8, 9])
  expect(hearing.untold.forged).toBe(0)
})

test.each<[string, (at: { head: string; lines: string[] }) => string]>([
  ['with two in another order', ({ head, lines: [a, b, ...rest] }) => [head, b, a, ...rest].join('\n')],
  ['without its first', ({ head, lines }) => [head, ...lines.slice(1)].join('\n')],
  ['without its last', ({ head, lines }) => [head, ...lines.slice(0, -1)].join('\n')],
  ['with one twice', ({ head, lines }) => [head, ...lines, lines.at(-1)].join('\n')],
  [
    'with one twice in the place of another',
    ({ head, lines: [a, , ...rest] }) => [head, a, a, ...rest].join('\n'),
  ],
  [
    'with one that was changed',
    ({ head, lines }) => [head, ...lines].join('\n').replace('"said":{"n":2}', '"said":{"n":7}'),
  ],
  [
    'with one that was put in, and a head that fits it',
    ({ lines }) => sealTogether([...lines, lines[0] ?? ''], { source: 'one', now: OPEN }),
  ],
  [
    'signed by a stranger',
    ({ lines }) => sealTogether(lines, { source: 'one', now: OPEN }, signers.stranger.signer),
  ],
  [
    'of a stranger’s own',
    ({ lines }) => sealTogether(lines, { source: 'stranger', now: OPEN }, signers.stranger.signer),
  ],
  [
    'in which another sidecar that is known signs for the first',
    ({ lines }) => sealTogether(lines, { source: 'two', now: OPEN }, signers.two.signer),
  ],
  [
    'whose head is another’s',
    ({ head, lines }) => [head.replace('"source":"one"', '"source":"two"'), ...lines].join('\n'),
  ],
])('what was said together, %s, is not told, and each counts as forged', async (_, changed) => {
  const text = changed(await together(4))
  expect(await heardOf(text)).toEqual([])
  expect(hearing.untold).toEqual({
    unreadable: 0,
    version: 0,
    expired: 0,
    forged: text.split('\n').length - 1,
  })
})

test('nothing is taken out of what was said together, and told by itself', async () => {
  const { head, lines } = await together(4)
  expect(await heardOf(...lines)).toEqual([])
  expect(hearing.untold.forged).toBe(4)
  expect(await heardOf(head, `${head}\n`)).toEqual([])
  expect(hearing.untold).toMatchObject({ unreadable: 1, forged: 5 })
})

test('an entry whose place leaves no room for those before its last is not of a sidecar', async () => {
  const { head, lines } = await together(4)
  await redis.xadd(KEY, '9999999999999-2', 'text', [head, ...lines].join('\n'))
  await until('all are told or counted', () => told.length + hearing.untold.forged === 8)
  expect(numbers().slice(4)).toEqual([1, 2, 3])
})

test('each is judged by itself where its sidecar signed it: what is over or cannot be read does not take the others along', async () => {
  const { lines } = await together(4)
  const [good = '', over = '', broken = '', foreign = ''] = lines
  const text = sealTogether(
    [
      good,
      over.replace(/"expiresat":"[^"]+"/, `"expiresat":"${new Date(OPEN).toISOString()}"`),
      broken.replace('"said":{"n":2}', `"said":${'{"n":'.repeat(40)}1${'}'.repeat(40)}`),
      foreign.replace('"topic":"market_insights"', '"topic":"risk_warnings"'),
      good.replace('ephor.topic.1.0', 'ephor.topic.9.0'),
      good.replace('"role":"agent"', '"role":"operator"'),
    ],
    { source: 'one', now: OPEN },
    signers.one.signer,
  )
  expect(await redis.xadd(KEY, '9999999999999-50', 'text', text)).toBeTruthy()
  await until('one is told', () => told.length === 5)
  await until('all are counted', () => Object.values(hearing.untold).reduce((sum, n) => sum + n) === 5)
  expect([numbers().at(-1), told.at(-1)?.place]).toEqual([0, '9999999999999-45'])
  expect(hearing.untold).toEqual({ unreadable: 2, version: 1, expired: 1, forged: 1 })
})

test('what is told fits its schema, whatever a known sidecar signed: nothing else is told', async () => {
  const { lines } = await together(2)
  const [line = ''] = lines
  const lateTo = (time: string): string => line.replace(/"time":"[^"]+"/, `"time":"${time}"`)
  const odd = [
    line.replace('"subject":"alpha",', ''),
    line.replace(/"expiresat":"[^"]+",/, ''),
    line.replace('"said":{"n":0}', '"said":[0]'),
    line.replace(',"said":{"n":0}', ''),
    line.replace('"role":"agent"', '"role":"auditor"'),
    lateTo('0001-01-01T00:00:00.000Z'),
    line.replace(/"data":\{.*\}/, '"data":null}').replace('null}}', 'null}'),
  ]
  expect(new Set(odd).size).toBe(odd.length)
  const more = line.replace('"role":"agent"', '"role":"agent","more":true')
  const text = sealTogether([...odd, more], { source: 'one', now: OPEN }, signers.one.signer)
  expect(await heardOf(text)).toEqual([0])
  expect(hearing.untold).toEqual({ unreadable: odd.length, version: 0, expired: 0, forged: 0 })
  for (const message of told) expect(TopicMessage.parse(message)).toEqual(message)
  await redis.xadd(KEY, '99999999999999999-7', 'text', text)
  await until('it is read', () => hearing.untold.unreadable === 2 * odd.length + 1)
  expect(numbers().at(-1)).toBe(999)
})
