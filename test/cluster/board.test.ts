/** Topics and shared values behave alike in memory and over a real Redis. */
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Board } from '../../src/cluster/board.ts'
import { MemoryBoard } from '../../src/cluster/memory-board.ts'
import { openRedisBoard } from '../../src/cluster/redis-board.ts'
import { RedisServer } from '../support/redis.ts'

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
    const first = await board.publish('a', 'r1', 'one')
    expect(await board.publish('a', 'r1', 'one')).toEqual(first)
    expect(await waiting).toMatchObject({ kind: 'read', entries: [{ topic: 'a', text: 'one' }] })
    await board.publish('a', 'r2', 'two')
    const read = await board.read('a', '0-0', 10)
    expect(read.kind === 'read' && read.entries.map(({ text }) => text)).toEqual(['one', 'two'])
    const rest = await board.read('a', first.kind === 'put' ? first.place : '', 10)
    expect(rest.kind === 'read' && rest.entries.map(({ text }) => text)).toEqual(['two'])
    expect(await board.wait(new Map([['b', '0-0']]), 10, 5)).toEqual({ kind: 'read', entries: [] })
  })

  test('what is said at once is told in the order it was said in, urgent or not', async () => {
    const said = Array.from({ length: 300 }, (__, place) => ({ topic: place % 3 === 0 ? 'c' : 'd', place }))
    const puts = await Promise.all(
      said.map(({ topic, place }) => board.publish(topic, `r${place}`, String(place), place % 7 === 0)),
    )
    expect(new Set(puts.map(({ kind }) => kind))).toEqual(new Set(['put']))
    for (const topic of ['c', 'd']) {
      const read = await board.read(topic, '0-0', 500)
      const texts = read.kind === 'read' ? read.entries.map(({ text }) => Number(text)) : []
      expect(texts).toEqual(said.filter((one) => one.topic === topic).map(({ place }) => place))
    }
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
    expect(await board.put('work', { text: 'by one', fence: one.token })).toMatchObject({ kind: 'written' })
    await pause(70)
    expect(await board.put('work', { text: 'late', fence: one.token })).toMatchObject({ kind: 'fenced' })
    const two = await board.lease('work', 'two', 1_000)
    if (two.kind !== 'leased') throw new Error(two.kind)
    expect(two.token).toBeGreaterThan(one.token)
    expect(await board.put('work', { text: 'late', fence: one.token })).toEqual({
      kind: 'fenced',
      token: two.token,
    })
    expect(await board.release('work', one.token)).toEqual({ kind: 'released', was: false })
    expect(await board.release('work', two.token)).toEqual({ kind: 'released', was: true })
    expect(await board.lease('work', 'one', 10)).toMatchObject({ kind: 'leased' })
  })
})

test('a Redis that is gone is not waited for again and again, and is found again', async () => {
  const own = await RedisServer.start()
  const board = await openRedisBoard(own.url)
  const state = (): string | undefined => board.guards?.[0]?.view.state
  const say = (request: string): ReturnType<Board['publish']> => board.publish('a', request, request)
  try {
    expect([(await say('before')).kind, state()]).toEqual(['put', 'closed'])
    await own.kill()
    await expect.poll(async () => [(await say('lost')).kind, state()]).toEqual(['unreachable', 'open'])
    // Many at once are turned away, each with why.
    const refused = await Promise.all(Array.from({ length: 50 }, (_, n) => board.get(`k${n}`)))
    expect(refused.every((one) => one.kind === 'unreachable' && one.detail.includes('not tried again'))).toBe(
      true,
    )
    expect(board.guards?.[0]?.view).toMatchObject({ name: 'board', opened: 1 })
    expect(board.guards?.[0]?.view.refused).toBeGreaterThanOrEqual(50)
    await own.start()
    await expect
      .poll(async () => [(await say('after')).kind, state()], { timeout: 5_000 })
      .toEqual(['put', 'closed'])
  } finally {
    await board.close()
    await own.end()
  }
})
