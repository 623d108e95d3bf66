/** Topics through two sidecars' boards over one Redis, by the window in which messages are gathered; beside a bare loop that adds to a stream and reads it. */
import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { systemClock } from '../../dist/base/clock.js'
import { generateKeyPair, privateKeyToPem } from '../../dist/base/ed25519.js'
import { openRedisBoard } from '../../dist/cluster/redis-board.js'
import { Topics } from '../../dist/sidecar/topics.js'
import { percentile } from '../measure.mjs'
import { addBare, monotonicMs, readBare, TOLD } from './topics-bare.mjs'
import { World } from './world.mjs'

/** Messages on their way at one time, where as many go as can. */
const ON_THEIR_WAY = 512
/** Messages a second of the budget, offered whatever becomes of them. */
export const OFFERED = 42_000
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
    const pem = privateKeyToPem(keys.privateKey)
    for (const [way, measured] of Object.entries(found))
      measured.offered = await offered(
        { port, window: way.split(',')[0], pem: way.includes('signed') ? pem : '' },
        seconds,
      )
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
  const stop = await hearing.follow('market_insights', undefined, {
    begin() {},
    tell: ({ data }) => told.hear(data.at),
    room: async () => {},
    isGone: () => false,
  })
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
  const reader = readBare(reading, over.signal, (at) => told.hear(at))
  const found = await told.measure(seconds, (at) => addBare(writing, at))
  over.abort()
  await reader
  writing.disconnect()
  reading.disconnect()
  return found
}

/** A fixed rate from one process to another, which is how sidecars are; what is told in the second half counts. */
async function offered(way, seconds) {
  const ends = await Promise.all(['hear', 'say'].map((end) => openEnd(end, way, seconds)))
  const [hearing, saying] = ends
  saying.send('begin')
  const [{ sent }] = await once(saying, 'message')
  hearing.send({ sent })
  const [took] = await once(hearing, 'message')
  for (const end of ends) end.disconnect()
  return { perSecond: took.length / (seconds / 2), p50: percentile(took, 0.5), p99: percentile(took, 0.99) }
}

async function openEnd(end, { port, window, pem }, seconds) {
  const child = fork(new URL('topics-end.mjs', import.meta.url), [
    end,
    String(port),
    window,
    pem,
    String(seconds),
    String(OFFERED),
  ])
  await once(child, 'message')
  return child
}

/** Sends with a bounded number on their way, counts what is told and how long that took. */
class Told {
  #took = []
  #waiting = 0

  hear(at) {
    this.#waiting -= 1
    this.#took.push(monotonicMs() - at)
  }

  async measure(seconds, send) {
    // The first half warms up.
    for (const part of [seconds / 2, seconds]) {
      this.#took = []
      const end = performance.now() + part * 1_000
      while (performance.now() < end) {
        for (; this.#waiting < ON_THEIR_WAY; this.#waiting += 1) void send(monotonicMs())
        await turn()
      }
    }
    const took = this.#took
    while (this.#waiting > 0) await turn()
    return { perSecond: took.length / seconds, p50: percentile(took, 0.5), p99: percentile(took, 0.99) }
  }
}
