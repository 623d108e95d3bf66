/** Topics and shared values behave alike in memory and over a real Redis. */
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { placeBefore, TOPIC_MAX, type Board, type TopicRead } from '../../src/cluster/board.ts'
import type { Unreachable } from '../../src/cluster/cluster.ts'
import { MemoryBoard } from '../../src/cluster/memory-board.ts'
import { openRedisBoard } from '../../src/cluster/redis-board.ts'
import { RedisServer } from '../support/redis.ts'

/** Says it; what goes together is put together so that it can be told apart again. */
const say = (board: Board, topic: string, request: string, text: string, isUrgent = false) =>
  board.publish(topic, { request, text }, (texts) => texts.join('|'), isUrgent)

/** The messages of what was read, each with its place. */
const messagesOf = (read: TopicRead | Unreachable): { text: string; place: string | undefined }[] => {
  if (read.kind !== 'read') throw new Error(read.detail)
  return read.entries.flatMap(({ text, place }) => {
    const texts = text.split('|')
    return texts.map((one, at) => ({ text: one, place: placeBefore(place, texts.length - 1 - at) }))
  })
}

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.end())

describe.each<[string, () => Promise<Board>]>([
  ['in memory', async () => new MemoryBoard()],
  ['over Redis', () => openRedisBoard(server.url)],
  ['over Redis, gathered for 10 ms', () => openRedisBoard(server.url, { window: '10ms' })],
])('%s', (_, open) => {
  let board: Board
  beforeAll(async () => {
    const redis = new Redis(server.url)
    await redis.flushall()
    redis.disconnect()
    board = await open()
  })
  afterAll(() => board.close())

  test('a message is told once, in order, to who waits and to who reads later', async () => {
    const end = await board.end('a')
    expect(end).toEqual({ kind: 'end', place: '0-0' })
    const waiting = board.wait(
      new Map([
        ['b', '0-0'],
        ['a', '0-0'],
      ]),
      10,
      1_000,
    )
    const first = await say(board, 'a', 'r1', 'one')
    expect(await say(board, 'a', 'r1', 'one')).toEqual(first)
    expect(await waiting).toMatchObject({ kind: 'read', entries: [{ topic: 'a', text: 'one' }] })
    await say(board, 'a', 'r2', 'two')
    const read = await board.read('a', '0-0', 10)
    expect(read.kind === 'read' && read.entries.map(({ text }) => text)).toEqual(['one', 'two'])
    const rest = await board.read('a', first.kind === 'put' ? first.place : '', 10)
    expect(rest.kind === 'read' && rest.entries.map(({ text }) => text)).toEqual(['two'])
    expect(await board.wait(new Map([['b', '0-0']]), 10, 5)).toEqual({ kind: 'read', entries: [] })
  })

  test('what is said at once is told in the order it was said in, urgent or not', async () => {
    const said = Array.from({ length: 300 }, (__, place) => ({ topic: place % 3 === 0 ? 'c' : 'd', place }))
    const puts = await Promise.all(
      said.map(({ topic, place }) => say(board, topic, `r${place}`, String(place), place % 7 === 0)),
    )
    expect(new Set(puts.map(({ kind }) => kind))).toEqual(new Set(['put']))
    for (const topic of ['c', 'd']) {
      const found = messagesOf(await board.read(topic, '0-0', 500))
      const wanted = said.filter((one) => one.topic === topic)
      expect(found.map(({ text }) => Number(text))).toEqual(wanted.map(({ place }) => place))
      // Each is told the place at which it is found.
      expect(found.map(({ place }) => place)).toEqual(
        wanted.map(({ place: at }) => (puts[at] as { place: string }).place),
      )
      expect(await board.end(topic)).toEqual({ kind: 'end', place: found.at(-1)?.place })
    }
  })

  test('what was said before is said no second time by what it goes together with', async () => {
    const before = await Promise.all(['r1', 'r2', 'r3'].map((request) => say(board, 'e', request, request)))
    const again = ['r4', 'r2', 'r5', 'r4', 'r1', 'r6']
    const puts = await Promise.all(again.map((request) => say(board, 'e', request, request)))
    const found = messagesOf(await board.read('e', '0-0', 500))
    expect(found.map(({ text }) => text)).toEqual(['r1', 'r2', 'r3', 'r4', 'r5', 'r6'])
    const placed = new Map(found.map(({ text, place }) => [text, place]))
    for (const [at, request] of again.entries())
      expect(puts[at]).toEqual({ kind: 'put', place: placed.get(request) })
    expect(puts[1]).toEqual(before[1])
  })

  test('whoever was told a part is given the rest', async () => {
    await Promise.all(['1', '2', '3', '4'].map((text) => say(board, 'f', text, text)))
    const places = messagesOf(await board.read('f', '0-0', 10)).map(({ place }) => place ?? '')
    for (const [at, place] of places.entries()) {
      const rest = messagesOf(await board.read('f', place, 10)).map(({ text }) => text)
      expect(rest.slice(at - 3)).toEqual(['1', '2', '3', '4'].slice(at + 1))
    }
    expect(messagesOf(await board.read('f', places.at(-1) ?? '', 10))).toEqual([])
  })

  test('so many messages are kept of a topic, however they were said', async () => {
    const total = TOPIC_MAX + 3_000
    for (let at = 0; at < total; at += 500)
      await Promise.all(
        // Every hundredth goes at once.
        Array.from({ length: 500 }, (__, n) => say(board, 'g', `r${at + n}`, String(at + n), n % 100 === 0)),
      )
    const found: number[] = []
    for (let after = '0-0'; ;) {
      const read = await board.read('g', after, 500)
      const some = messagesOf(read)
      found.push(...some.map(({ text }) => Number(text)))
      const last = read.kind === 'read' ? read.entries.at(-1) : undefined
      if (last === undefined) break
      after = last.place
    }
    expect(found.at(-1)).toBe(total - 1)
    expect(found).toEqual(found.map((_one, at) => (found[0] ?? 0) + at))
    // What goes together is kept or not as one.
    expect(found.length).toBeGreaterThanOrEqual(TOPIC_MAX)
    expect(found.length).toBeLessThan(TOPIC_MAX + 128)
  })

  test('a value is written over the version that was read, and no other', async () => {
    expect(await board.get('k')).toEqual({ kind: 'value', value: undefined })
    const made = await board.put('k', { text: '1', expected: 0 })
    if (made.kind !== 'written') throw new Error(made.kind)
    const { version } = made
    expect(await board.put('k', { text: '2', expected: 0 })).toEqual({ kind: 'conflict', version })
    expect(await board.get('k')).toEqual({ kind: 'value', value: { version, text: '1', leftMs: null } })
    // Of many that read the same version, one writes.
    const all = await Promise.all(
      Array.from({ length: 20 }, (__, n) => board.put('k', { text: `${n}`, expected: version })),
    )
    expect(all.filter(({ kind }) => kind === 'written')).toHaveLength(1)
  })

  test('a value that is over is gone, and its version does not come again', async () => {
    const made = await board.put('short', { text: '1', ttlMs: 30 })
    await pause(60)
    expect(await board.get('short')).toEqual({ kind: 'value', value: undefined })
    const again = await board.put('short', { text: '2', expected: 0 })
    if (made.kind !== 'written' || again.kind !== 'written') throw new Error('written')
    expect(again.version).toBeGreaterThan(made.version)
  })

  test('who lost a lease writes nothing under it', async () => {
    const one = await board.lease('work', 'one', 40)
    if (one.kind !== 'leased') throw new Error(one.kind)
    expect(await board.lease('work', 'two', 40)).toMatchObject({ kind: 'held', holder: 'one' })
    expect(await board.lease('work', 'one', 40)).toMatchObject({ kind: 'leased', token: one.token })
    expect(
      await board.put('work', { text: 'by one', fence: { token: one.token, holder: 'one' } }),
    ).toMatchObject({ kind: 'written' })
    await pause(70)
    expect(
      await board.put('work', { text: 'late', fence: { token: one.token, holder: 'one' } }),
    ).toMatchObject({ kind: 'fenced' })
    const two = await board.lease('work', 'two', 1_000)
    if (two.kind !== 'leased') throw new Error(two.kind)
    expect(two.token).toBeGreaterThan(one.token)
    expect(await board.put('work', { text: 'late', fence: { token: one.token, holder: 'one' } })).toEqual({
      kind: 'fenced',
      token: two.token,
    })
    expect(await board.release('work', { token: one.token, holder: 'one' })).toEqual({
      kind: 'released',
      was: false,
    })
    // A token grows with the clock and is no secret: whose it is counts as well.
    expect(
      await board.put('work', { text: 'late', fence: { token: two.token, holder: 'one' } }),
    ).toMatchObject({
      kind: 'fenced',
    })
    expect(await board.release('work', { token: two.token, holder: 'one' })).toEqual({
      kind: 'released',
      was: false,
    })
    expect(await board.release('work', { token: two.token, holder: 'two' })).toEqual({
      kind: 'released',
      was: true,
    })
    expect(await board.lease('work', 'one', 10)).toMatchObject({ kind: 'leased' })
  })
})

test('over Redis, what was said is known for ten seconds at least, and then forgotten', async () => {
  const redis = new Redis(server.url)
  await redis.flushall()
  const board = await openRedisBoard(server.url)
  const sent = 'ephor:topic:{a}:sent'
  /** As if so many milliseconds had gone by. */
  const later = async (ms: number): Promise<void> => {
    await redis.hset(sent, '', Number(await redis.hget(sent, '')) - ms)
  }
  const first = await say(board, 'a', 'r1', 'one')
  await later(9_000)
  expect(await say(board, 'a', 'r1', 'one')).toEqual(first)
  await later(1_000)
  await say(board, 'a', 'r2', 'two')
  expect(await redis.hkeys(`${sent}:before`)).toEqual(['', 'r1'])
  expect(await redis.hkeys(sent)).toEqual(['', 'r2'])
  expect(await say(board, 'a', 'r1', 'one')).toEqual(first)
  // What is said no more takes no room.
  expect(await redis.pttl(sent)).toBeGreaterThan(19_000)
  expect(await redis.pttl(`${sent}:before`)).toBeGreaterThan(19_000)
  await later(10_000)
  const third = await say(board, 'a', 'r3', 'three')
  expect(await redis.hkeys(`${sent}:before`)).toEqual(['', 'r2'])
  expect(await say(board, 'a', 'r3', 'three')).toEqual(third)
  expect(await say(board, 'a', 'r1', 'one')).not.toEqual(first)
  // The clock of another master may be far behind.
  await later(-60_000)
  await say(board, 'a', 'r4', 'four')
  expect(await redis.hkeys(sent)).toEqual(['', 'r4'])
  await board.close()
  redis.disconnect()
})

test('a Redis that is gone is not waited for again and again, and is found again', async () => {
  const own = await RedisServer.start()
  const board = await openRedisBoard(own.url)
  const state = (): string | undefined => board.guards?.[0]?.view.state
  const tell = (request: string): ReturnType<Board['publish']> => say(board, 'a', request, request)
  try {
    expect([(await tell('before')).kind, state()]).toEqual(['put', 'closed'])
    await own.kill()
    await expect.poll(async () => [(await tell('lost')).kind, state()]).toEqual(['unreachable', 'open'])
    // Many at once are turned away, each with why.
    const refused = await Promise.all(Array.from({ length: 50 }, (_, n) => board.get(`k${n}`)))
    expect(refused.every((one) => one.kind === 'unreachable' && one.detail.includes('not tried again'))).toBe(
      true,
    )
    expect(board.guards?.[0]?.view).toMatchObject({ name: 'board', opened: 1 })
    expect(board.guards?.[0]?.view.refused).toBeGreaterThanOrEqual(50)
    await own.start()
    await expect
      .poll(async () => [(await tell('after')).kind, state()], { timeout: 5_000 })
      .toEqual(['put', 'closed'])
  } finally {
    await board.close()
    await own.end()
  }
})

test('an entry is no larger for going together than a large message is', async () => {
  const board = await openRedisBoard(server.url, { window: '10ms' })
  const redis = new Redis(server.url)
  try {
    const [large, small] = ['x'.repeat(60_000), 'y'.repeat(1_000)]
    const texts = [large, ...Array.from({ length: 12 }, () => small), large, 'z'.repeat(70_000), small]
    await Promise.all(texts.map((text, at) => say(board, 'h', `large-${at}`, text)))
    const entries = await redis.xrange('ephor:topic:{h}', '-', '+')
    const lengths = entries.map(([, fields]) => (fields[1] ?? '').split('|').map(({ length }) => length))
    expect(lengths.flat()).toEqual(texts.map(({ length }) => length))
    expect(lengths.map(({ length }) => length)).toEqual([6, 7, 1, 1, 1])
    for (const some of lengths)
      expect(some.length === 1 || some.reduce((sum, one) => sum + one, 0) <= 65_536).toBe(true)
  } finally {
    redis.disconnect()
    await board.close()
  }
})
