/** A trace goes on over two sidecars and a real Redis: it rides in the signed envelope, both tell of it, and no record knows of it. */
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import pino from 'pino'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { PAYLOAD_MIN } from '../../src/cluster/cluster.ts'
import { openRedis } from '../../src/cluster/redis.ts'
import { openRedisBoard } from '../../src/cluster/redis-board.ts'
import { Envelope, isSignedBy } from '../../src/protocol/envelope.ts'
import { openPeerKeys } from '../../src/sidecar/peer-keys.ts'
import { Topics } from '../../src/sidecar/topics.ts'
import { journalLines } from '../chaos/cluster-check.ts'
import { DESKS_LAW, desksOf, marketOf, registerDesks } from '../support/desks.ts'
import { until, type Answer } from '../support/http.ts'
import { order, price, quietMarket } from '../support/market.ts'
import { RedisServer } from '../support/redis.ts'
import { OPEN, Rig } from '../support/sidecar.ts'
import { readerOf } from '../support/topic-reader.ts'

const NAMES = ['one', 'two'] as const
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const TRACEPARENT = `00-${TRACE}-00f067aa0ba902b7-01`

type Line = Readonly<Record<string, unknown>>

let redis: RedisServer
let asking: ReturnType<RedisServer['connect']>
let watching: Awaited<ReturnType<typeof asking.monitor>>
const [one, two] = [new Rig(), new Rig()]
/** What each logged, and what Redis was sent. */
const logged: Record<(typeof NAMES)[number], Line[]> = { one: [], two: [] }
const sent: string[] = []

beforeAll(async () => {
  redis = await RedisServer.start()
  asking = redis.connect()
  watching = await asking.monitor()
  watching.on('monitor', (_: string, words: string[]) => sent.push(...words))
  const keysOf = (rig: Rig): string => join(rig.home, 'keys')
  for (const [place, rig] of [one, two].entries()) openPeerKeys(keysOf(rig), NAMES[place] ?? '')
  mkdirSync(join(keysOf(one), 'peers'))
  mkdirSync(join(keysOf(two), 'peers'))
  copyFileSync(join(keysOf(two), 'sidecar.pub.pem'), join(keysOf(one), 'peers', 'two.pub.pem'))
  copyFileSync(join(keysOf(one), 'sidecar.pub.pem'), join(keysOf(two), 'peers', 'one.pub.pem'))
  for (const [place, rig] of [one, two].entries()) {
    const name = NAMES[place] as (typeof NAMES)[number]
    const write = (chunk: Buffer, _: string, done: () => void): void => {
      logged[name].push(JSON.parse(chunk.toString()) as Line)
      done()
    }
    const { cluster } = await openRedis({ url: redis.url, name })
    await until('halts are heard', () => Number.isFinite(cluster.halts.ageMs()))
    const board = await openRedisBoard(redis.url)
    await rig.start({ cluster, board, logger: pino({ level: 'debug' }, new Writable({ write })) })
  }
  expect([one, two].map((rig) => rig.running.sidecar.home?.isHere)).toEqual([true, false])
  await two.observe(...quietMarket(OPEN - 1))
}, 60_000)
beforeEach(() => {
  for (const name of NAMES) logged[name].length = 0
  sent.length = 0
})
afterAll(async () => {
  await Promise.all([one.end(), two.end()])
  watching.disconnect()
  asking.disconnect()
  await redis.end()
})

const ask = (rig: Rig, path: string, as: string, body: unknown, traceparent?: string): Promise<Answer> =>
  rig.call('POST', path, as, { body, headers: traceparent === undefined ? {} : { traceparent } })

/** What a sidecar logged of inputs that it took as home, or of calls that it answered. */
const told = (name: (typeof NAMES)[number], msg: string): Line[] =>
  logged[name].filter((line) => line.msg === msg)
const TOOK = 'took what was handed on'

/** The envelopes that were put into an inbox. */
const envelopes = (): { text: string; envelope: Envelope }[] =>
  // A script that Redis runs is told, and so is what that does.
  [...new Set(sent)].flatMap((text) => {
    if (!text.startsWith('{"specversion"')) return []
    const envelope = Envelope.parse(JSON.parse(text))
    return envelope.type.startsWith('ephor.input.') ? [{ text, envelope }] : []
  })

test('what is handed on carries it in its signed envelope, and both sidecars tell of it', async () => {
  const request = two.request(order())
  const answer = await ask(two, '/v1/actions', 'alpha', request, TRACEPARENT)
  expect(answer.body.verdict, answer.text).toBe('allow')
  await until(
    'both have told of it',
    () => told('one', TOOK).length > 0 && told('two', 'answered').length > 0,
  )
  await until('Redis has told of it', () => envelopes().length > 0)
  const [{ text, envelope }] = envelopes() as [{ text: string; envelope: Envelope }]
  expect(envelope).toMatchObject({ source: 'two', traceparent: TRACEPARENT })
  const [key] = openPeerKeys(join(one.home, 'keys'), 'one').keys?.get('two') ?? []
  if (key === undefined) throw new Error('its key is known')
  expect(isSignedBy(text, key)).toBe(true)
  expect(isSignedBy(text.replace(TRACE, TRACE.replace('4', '5')), key)).toBe(false)
  expect(told('one', TOOK)).toEqual([
    expect.objectContaining({
      traceparent: TRACEPARENT,
      name: 'one',
      from: 'two',
      lane: 'inbox',
      input: 'action',
      outcome: 'allow',
      decision: answer.body.decision,
    }),
  ])
  expect(told('two', 'answered')).toEqual([
    expect.objectContaining({ traceparent: TRACEPARENT, method: 'POST', url: '/v1/actions', status: 200 }),
  ])
})

test('a large input and one that is critical carry it too, and a refusal is told by its code', async () => {
  const many = Array.from({ length: 900 }, (_, at) => price(OPEN - 1, 'iex', 200 + at / 1000))
  expect(JSON.stringify(many).length).toBeGreaterThan(PAYLOAD_MIN)
  expect((await ask(two, '/v1/observations', 'feed', many, TRACEPARENT)).status).toBe(200)
  const cancel = two.request({ type: 'cancel', account: 'main', instrument: 'AAPL', order: 'd-of-nobody' })
  await ask(two, '/v1/actions', 'alpha', cancel, TRACEPARENT)
  const redeemed = await ask(two, '/v1/permits/p-of-nobody/redeem', 'alpha', {}, TRACEPARENT)
  await until('all are told', () => told('one', TOOK).length === 3)
  expect(told('one', TOOK)).toMatchObject([
    { traceparent: TRACEPARENT, lane: 'inbox', input: 'observations', outcome: 'observed' },
    { traceparent: TRACEPARENT, lane: 'critical', input: 'action' },
    { traceparent: TRACEPARENT, lane: 'inbox', input: 'redeem', outcome: redeemed.body.code },
  ])
})

test('many at one time each keep their own', async () => {
  const traces = Array.from(
    { length: 40 },
    (_, at) => `00-${(at + 1).toString(16).padStart(32, 'a')}-${'b'.repeat(16)}-00`,
  )
  const answers = await Promise.all(
    traces.map((trace, at) =>
      // Every fourth names none.
      ask(two, '/v1/actions', 'alpha', two.request(order({ quantity: 1 })), at % 4 === 0 ? undefined : trace),
    ),
  )
  const wanted = traces.flatMap((traceparent, at) =>
    at % 4 === 0 ? [] : [`${traceparent} ${answers[at]?.body.decision as string}`],
  )
  await until('all are told', () => told('one', TOOK).length >= wanted.length)
  const found = told('one', TOOK).map(
    ({ traceparent, decision }) => `${traceparent as string} ${decision as string}`,
  )
  expect(found.toSorted()).toEqual(wanted.toSorted())
})

test.each([
  ['of zeros', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
  ['too long', `${TRACEPARENT}-more`],
  ['of the version that is none', TRACEPARENT.replace('00', 'ff')],
  ['in capitals', TRACEPARENT.toUpperCase()],
  ['of anything', 'anything'],
])('one %s is dropped, and its call is answered as any other', async (_, malformed) => {
  const answer = await ask(two, '/v1/actions', 'alpha', two.request(order()), malformed)
  expect([answer.status, answer.body.verdict]).toEqual([200, 'allow'])
  await until('Redis has told of it', () => envelopes().length > 0)
  expect(envelopes().map(({ envelope }) => envelope.traceparent)).toEqual([undefined])
  expect([...logged.one, ...logged.two].filter((line) => 'traceparent' in line)).toEqual([])
})

test('what is said on a topic has that of its call, or of its body where that names one', async () => {
  const heard: unknown[] = []
  const topics = await openRedisBoard(redis.url)
  const listening = new Topics({
    board: topics,
    clock: { now: () => OPEN, steadyMicros: () => 0 },
    name: 'three',
  })
  await listening.follow(
    'risk_warnings',
    undefined,
    readerOf((message) => heard.push(message.traceparent)),
  )
  const own = TRACEPARENT.replace('4bf9', '5bf9')
  for (const more of [{}, { traceparent: own }]) {
    const body = { id: two.request({}).id, data: {}, ...more }
    expect((await ask(two, '/v1/topics/risk_warnings', 'alpha', body, TRACEPARENT)).status).toBe(200)
  }
  await until('both are heard', () => heard.length === 2)
  await listening.close()
  expect(heard).toEqual([TRACEPARENT, own])
})

test('the home tells of its own callers, and no record has any of it', async () => {
  const answer = await ask(one, '/v1/actions', 'alpha', one.request(order()), TRACEPARENT)
  expect(answer.body.verdict).toBe('allow')
  await until('it is told', () => told('one', 'answered').length > 0)
  expect(told('one', 'answered')).toMatchObject([{ traceparent: TRACEPARENT, url: '/v1/actions' }])
  const { sequence } = answer.body as { sequence: number }
  await until('the other has it', () => two.running.sidecar.durableSequence >= sequence)
  const lines = journalLines(one.journal)
  expect(journalLines(two.journal)).toEqual(lines)
  expect(lines.length).toBeGreaterThan(40)
  expect(lines.filter((line) => line.includes('traceparent') || line.includes(TRACE))).toEqual([])
})

test('of several partitions each home tells of its part', async () => {
  const lines: Line[] = []
  const write = (chunk: Buffer, _: string, done: () => void): void => {
    lines.push(JSON.parse(chunk.toString()) as Line)
    done()
  }
  const logger = pino({ level: 'debug' }, new Writable({ write }))
  const server = await RedisServer.start()
  const desks = desksOf(2)
  const both: Rig[] = []
  try {
    for (let made = 0; made < 2; made += 1)
      both.push(await new Rig({ ...DESKS_LAW, redis: server.url, partitions: 2, logger }).start())
    await registerDesks(both[0] as Rig, desks)
    const homesOf = (rig: Rig): boolean[] =>
      rig.running.sidecar.cores.map(({ home }) => home?.isHere === true)
    // Through whichever is not the home of a partition its part is handed on.
    await until('each is home of one, or one of both', () => {
      const homes = both.map(homesOf)
      return [0, 1].every((number) => homes.filter((here) => here[number]).length === 1)
    })
    for (const rig of both)
      await until('it is taken', async () => {
        const answer = await ask(rig, '/v1/observations', 'feed', marketOf(OPEN - 1, desks), TRACEPARENT)
        return answer.status === 200
      })
    const partitions = (): unknown[] =>
      lines.flatMap((line) => (line.msg === TOOK && line.traceparent === TRACEPARENT ? [line.partition] : []))
    await until('both are told of', () => new Set(partitions()).size === 2)
    expect(new Set(partitions())).toEqual(new Set(['p00', 'p01']))
  } finally {
    await Promise.all(both.map((rig) => rig.end()))
    await server.end()
  }
}, 60_000)
