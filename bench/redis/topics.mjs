/** Topics through two sidecars' boards over one Redis, by the window in which messages are gathered; beside a bare loop that adds to a stream and reads it. */
import { randomUUID } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { systemClock } from '../../dist/base/clock.js'
import { generateKeyPair } from '../../dist/base/ed25519.js'
import { openRedisBoard } from '../../dist/cluster/redis-board.js'
import { Topics } from '../../dist/sidecar/topics.js'
import { percentile } from '../measure.mjs'
import { World } from './world.mjs'

/** Messages on their way at one time. */
const ON_THEIR_WAY = 512
const TOLD = 'x'.repeat(200)
const SPEAKER = { name: 'alpha', role: 'agent' }

/** Rates and times from sending to being told, by the way. */
export async function compareTopics(seconds) {
  const world = new World()
  try {
    const { port } = await world.redis('everysec')
    const keys = generateKeyPair()
    const peers = {
      signer: { kid: 'k', privateKey: keys.privateKey },
      keys: new Map([['one', [keys.publicKey]]]),
    }
    const found = { 'bare loop': await bare(port, seconds) }
    const windows = ['none', '1ms', '10ms']
    for (const window of windows) found[window] = await through(port, window, undefined, seconds)
    for (const window of windows)
      found[`${window}, signed and checked`] = await through(port, window, peers, seconds)
    return found
  } finally {
    await world.end()
  }
}

async function through(port, window, peers, seconds) {
  const url = `redis://127.0.0.1:${port}`
  const boards = await Promise.all([openRedisBoard(url, { window }), openRedisBoard(url)])
  const [speaking, hearing] = boards.map(
    (board, place) => new Topics({ board, clock: systemClock, name: ['one', 'two'][place], peers }),
  )
  const told = new Told()
  const stop = await hearing.follow('market_insights', undefined, ({ data }) => told.hear(data.at))
  const found = await told.measure(seconds, (at) =>
    speaking.publish('market_insights', { id: randomUUID(), data: { at, told: TOLD } }, SPEAKER),
  )
  stop()
  await Promise.all([speaking.close(), hearing.close()])
  return found
}

async function bare(port, seconds) {
  const [writing, reading] = [new Redis(port), new Redis(port)]
  const told = new Told()
  const over = new AbortController()
  const read = async () => {
    for (let last = '0-0'; !over.signal.aborted;) {
      const reply = await reading.xread('COUNT', 500, 'BLOCK', 100, 'STREAMS', 'bare', last)
      for (const [id, [, text]] of reply?.[0]?.[1] ?? []) {
        last = id
        told.hear(JSON.parse(text).at)
      }
    }
  }
  const reader = read()
  const found = await told.measure(seconds, (at) =>
    writing.xadd('bare', 'MAXLEN', '~', 10_000, '*', 'text', JSON.stringify({ at, told: TOLD })),
  )
  over.abort()
  await reader
  writing.disconnect()
  reading.disconnect()
  return found
}

/** Sends with a bounded number on their way, counts what is told and how long that took. */
class Told {
  #took = []
  #waiting = 0

  hear(at) {
    this.#waiting -= 1
    this.#took.push(performance.now() - at)
  }

  async measure(seconds, send) {
    // The first half warms up.
    for (const part of [seconds / 2, seconds]) {
      this.#took = []
      const end = performance.now() + part * 1_000
      while (performance.now() < end) {
        for (; this.#waiting < ON_THEIR_WAY; this.#waiting += 1) void send(performance.now())
        await turn()
      }
    }
    const took = this.#took
    while (this.#waiting > 0) await turn()
    return { perSecond: took.length / seconds, p50: percentile(took, 0.5), p99: percentile(took, 0.99) }
  }
}
