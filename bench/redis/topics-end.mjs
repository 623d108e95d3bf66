/** One end of the topics' measurement, a process of its own: says messages at a fixed rate, or hears them and keeps how long each took. Ends with its parent. */
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { Redis } from 'ioredis'
import { systemClock } from '../../dist/base/clock.js'
import { keyPairFromPem } from '../../dist/base/ed25519.js'
import { openRedisBoard } from '../../dist/cluster/redis-board.js'
import { Topics } from '../../dist/sidecar/topics.js'

const TOLD = 'x'.repeat(200)
const SPEAKER = { name: 'alpha', role: 'agent' }
/** Messages that are on their way at most: a stream keeps no more than twice as many. */
const BEHIND_MAX = 5_000

/** Milliseconds by a clock that all processes of a machine share. */
export const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6

/** Reads a bare stream until `over`; `hear` is told when each of its entries was sent. */
export async function readBare(redis, over, hear) {
  for (let last = '0-0'; !over.aborted;) {
    const reply = await redis.xread('COUNT', 500, 'BLOCK', 100, 'STREAMS', 'bare', last)
    for (const [id, [, text]] of reply?.[0]?.[1] ?? []) {
      last = id
      hear(JSON.parse(text).at)
    }
  }
}

/** Adds to it, as a promise that it is there. */
export const addBare = (redis, at) =>
  redis.xadd('bare', 'MAXLEN', '~', 10_000, '*', 'text', JSON.stringify({ at, told: TOLD }))

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main(process.argv.slice(2))

async function main([end, port, window, pem, seconds, rate]) {
  process.once('disconnect', () => process.exit(0))
  const isBare = window === 'bare loop'
  const topics = isBare ? undefined : await openTopics({ port, window, pem, name: end })
  const redis = isBare ? new Redis(Number(port)) : undefined
  await redis?.del('bare')
  if (end === 'say') {
    const say = (at) =>
      isBare
        ? addBare(redis, at)
        : topics.publish('market_insights', { id: randomUUID(), data: { at, told: TOLD } }, SPEAKER)
    process.once('message', async () =>
      process.send({ sent: await sayAll(say, Number(seconds), Number(rate)) }),
    )
    process.send('ready')
    return
  }
  const heard = []
  let count = 0
  const begun = monotonicMs()
  void begun
  const hear = (at) => {
    count += 1
    heard.push([at, monotonicMs() - at])
  }
  if (isBare) void readBare(redis, new AbortController().signal, hear)
  else await topics.follow('market_insights', undefined, ({ data }) => hear(data.at))
  process.once('message', async ({ sent }) => {
    for (const until = monotonicMs() + 5_000; count < sent && monotonicMs() < until;) await pause(5)
    const half = heard[0][0] + (Number(seconds) / 2) * 1_000
    process.send(heard.filter(([at]) => at >= half).map(([, took]) => took))
  })
  process.send('ready')
}

async function openTopics({ port, window, pem, name }) {
  const { privateKey, publicKey } = pem === '' ? {} : keyPairFromPem(pem)
  const peers =
    pem === '' ? undefined : { signer: { kid: 'k', privateKey }, keys: new Map([['say', [publicKey]]]) }
  const board = await openRedisBoard(`redis://127.0.0.1:${port}`, { window })
  return new Topics({ board, clock: systemClock, name, peers })
}

/** Says so many a second, as they are due; answers how many. */
async function sayAll(say, seconds, rate) {
  let [sent, waiting] = [0, 0]
  const told = () => (waiting -= 1)
  const begun = monotonicMs()
  for (let now = begun; now < begun + seconds * 1_000; now = monotonicMs()) {
    for (const due = ((now - begun) / 1_000) * rate; sent < due && waiting < BEHIND_MAX; sent += 1) {
      waiting += 1
      void say(monotonicMs()).then(told, told)
    }
    await pause(1)
  }
  while (waiting > 0) await pause(1)
  return sent
}
