/** Several sidecars over Redis: decisions at the home and handed on, a halt to every sidecar, a home that is killed, and a Redis that is gone; beside what Redis does by itself in the same run. */
import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { request } from '../decisions/world.mjs'
import { percentile } from '../measure.mjs'
import { measureRounds } from './rounds.mjs'
import { compareTopics } from './topics.mjs'
import { caller, CALLERS, World } from './world.mjs'

const RECORD = 'x'.repeat(2_000)
/** Milliseconds that Redis stands still. */
const STOPPED_MS = 700
let stream = 100

const summary = (values) => ({
  p50: percentile(values, 0.5),
  p99: percentile(values, 0.99),
  count: values.length,
})

export async function compareRedis({ quick, log }) {
  const [seconds, halts, kills] = quick ? [2, 20, 3] : [10, 1_000, 50]
  const decisions = {}
  for (const kind of ['everysec', 'always', 'a replica that is waited for']) {
    log(`redis: decisions for ${seconds} s, ${kind}`)
    decisions[kind] = await withPair(kind, (pair) => measureDecisions(pair, seconds))
  }
  const halted = {}
  for (const lane of ['the Redis of everything', 'a Redis of its own']) {
    log(`redis: ${halts} halts under load, over ${lane}`)
    halted[lane] = await withPair(
      'always',
      (pair) => measureHalts(pair, halts),
      lane === 'a Redis of its own',
    )
  }
  log(`redis: ${kills} homes killed`)
  const promoted = await measurePromotions(kills)
  log('redis: Redis is stopped')
  const refused = await withPair('always', (pair) => measureRefusal(pair, quick ? 3 : 20))
  log('redis: rounds of five voters')
  const rounds = await withPair('everysec', (pair) => measureRounds(pair, seconds))
  log('redis: topics')
  const topics = await compareTopics(quick ? 2 : 8)
  return {
    seconds,
    decisions,
    halts: halted,
    promotions: promoted,
    refusal: refused,
    rounds,
    topics,
    callers: CALLERS,
  }
}

/** A home and a follower over a Redis of that kind, halts over another where they have one, for as long as `use` takes. */
async function withPair(kind, use, hasLane = false) {
  const world = new World()
  try {
    const sync = kind === 'everysec' ? 'everysec' : 'always'
    const redis = await world.redis(sync)
    const isReplicated = kind !== 'everysec' && kind !== 'always'
    if (isReplicated) {
      const own = new Redis(redis.port)
      await world.redis(sync, redis.port)
      await own.config('SET', 'min-replicas-to-write', '1')
      own.disconnect()
    }
    const emergency = hasLane ? (await world.redis('everysec')).port : undefined
    const over = { replicas: isReplicated ? 1 : 0, emergency }
    const home = await world.sidecar('home', redis.port, over)
    const follower = await world.sidecar('follower', redis.port, over)
    return await use({ redis, home, follower })
  } finally {
    await world.end()
  }
}

async function measureDecisions({ redis, home, follower }, seconds) {
  const result = {}
  const load = fork(new URL('../decisions/load.mjs', import.meta.url))
  try {
    await once(load, 'message')
    for (const [where, seat] of Object.entries({ home, follower })) {
      await call(load, seat, 3_000)
      const { latencies, seconds: took } = await call(load, seat, seconds * 1_000)
      const millis = latencies.map((micros) => micros / 1_000)
      result[where] = { perSecond: millis.length / took, ...summary(millis) }
    }
  } finally {
    load.disconnect()
  }
  return { ...result, bare: await bareStream(redis.port, seconds), benchmark: redisBenchmark(redis.port) }
}

/** What the process of callers measured in so many milliseconds. */
async function call(load, { socket, agent }, ms) {
  stream += 1
  const connections = CALLERS * 4
  load.send({ target: { path: socket }, token: agent, connections, countMax: 1e6, ms, stream })
  const [result] = await once(load, 'message')
  if (result.error !== undefined) throw new Error(result.error)
  return result
}

/** Records of 2 KB into a stream, so many on their way as there are callers. */
async function bareStream(port, seconds) {
  const redis = new Redis(port)
  const end = performance.now() + seconds * 1_000
  let count = 0
  await Promise.all(
    Array.from({ length: CALLERS * 4 }, async () => {
      while (performance.now() < end) {
        await redis.xadd('bare', 'MAXLEN', '~', 10_000, '*', 'line', RECORD)
        count += 1
      }
    }),
  )
  await redis.del('bare')
  redis.disconnect()
  return count / seconds
}

/** `redis-benchmark` of the same, with as many clients; `NaN` where it is not installed. */
function redisBenchmark(port) {
  const command = ['XADD', 'bare', 'MAXLEN', '~', '10000', '*', 'line', RECORD]
  const args = ['-p', String(port), '-c', String(CALLERS * 4), '-n', '20000', '--csv', ...command]
  const { stdout, status } = spawnSync('redis-benchmark', args, { encoding: 'utf8' })
  if (status !== 0) return Number.NaN
  // The last line: a name with commas in it, in quotes, then the rate.
  return Number(stdout.trim().split('\n').at(-1).split('","')[1])
}

/**
 * Agents keep calling both. From sending a halt to the follower: until the last verdict that lets something through has come from each sidecar, 0 where none came
 * after it was sent; and until each has told for the first time that it refuses, which is one more decision.
 */
async function measureHalts({ home, follower }, rounds) {
  const times = { home: { passed: [], refused: [] }, follower: { passed: [], refused: [] } }
  const [first, second] = follower.operators.map((token) => caller(follower.socket, token))
  for (let round = 0; round < rounds; round += 1) {
    let sentAt = Number.POSITIVE_INFINITY
    const calling = Object.entries({ home, follower }).map(async ([where, seat]) => {
      const [passed, refused] = [[0], []]
      const lanes = Array.from({ length: CALLERS }, async () => {
        const call = caller(seat.socket, seat.agent)
        stream += 1
        const own = stream
        for (;;) {
          const asked = performance.now()
          const { verdict, code } = await call('/v1/actions', request(Date.now(), own % 4_096))
          const now = performance.now()
          if (verdict === 'allow') passed.push(now - sentAt)
          else if (code === 'HALTED_SINCE' || verdict === 'deny' || asked > sentAt + 1_000)
            return void refused.push(now - sentAt)
        }
      })
      await Promise.all(lanes)
      times[where].passed.push(Math.max(...passed))
      times[where].refused.push(Math.min(...refused))
    })
    await pause(30)
    sentAt = performance.now()
    const body = { scope: { kind: 'everything' }, state: 'halted', reason: 'bench' }
    const { halt } = await first('/v1/halts', body)
    await Promise.all(calling)
    for (const lift of [first, second]) await lift(`/v1/halts/${halt}`, { reason: 'bench' }, 'DELETE')
    await pause(20)
  }
  const [ofHome, ofFollower] = Object.values(times).map(({ passed, refused }) => ({
    passed: summary(passed),
    refused: summary(refused),
  }))
  return { home: ofHome, follower: ofFollower }
}

/** From the kill of a home until the other gives a verdict. */
async function measurePromotions(kills) {
  const world = new World()
  const took = []
  try {
    const { port } = await world.redis('always')
    let home = await world.sidecar('s0', port)
    for (let turn = 1; turn <= kills; turn += 1) {
      const other = await world.sidecar(`s${turn}`, port)
      const call = caller(other.socket, other.agent)
      const ended = once(home.child, 'exit')
      const killed = performance.now()
      home.child.kill('SIGKILL')
      stream += 1
      while ((await call('/v1/actions', request(Date.now(), stream % 4_096))).verdict === undefined)
        await pause(2)
      took.push(performance.now() - killed)
      await ended
      home = other
    }
  } finally {
    await world.end()
  }
  return summary(took)
}

/** From the stop of Redis until no verdict is given any more, at each sidecar. */
async function measureRefusal({ redis, home, follower }, rounds) {
  const last = { home: [], follower: [] }
  for (let round = 0; round < rounds; round += 1) {
    let stoppedAt = Number.POSITIVE_INFINITY
    const calling = Object.entries({ home, follower }).flatMap(([where, seat]) => {
      let latest = 0
      const loops = Array.from({ length: CALLERS }, async () => {
        const call = caller(seat.socket, seat.agent)
        stream += 1
        const own = stream % 4_096
        while (performance.now() < stoppedAt + STOPPED_MS) {
          const { verdict } = await call('/v1/actions', request(Date.now(), own))
          const now = performance.now()
          // What is answered once Redis goes on is another matter.
          if (verdict === 'allow' && now > stoppedAt && now < stoppedAt + STOPPED_MS)
            latest = Math.max(latest, now - stoppedAt)
        }
      })
      return [...loops, Promise.all(loops).then(() => last[where].push(latest))]
    })
    await pause(200)
    redis.child.kill('SIGSTOP')
    stoppedAt = performance.now()
    await pause(STOPPED_MS)
    redis.child.kill('SIGCONT')
    await Promise.all(calling)
    await pause(1_500)
  }
  return { home: Math.max(...last.home), follower: Math.max(...last.follower), rounds }
}
