/** One end of the topics' measurement, a process of its own: says messages at a fixed rate, or hears them and keeps how long each took. Ends with its parent. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { systemClock } from '../../dist/base/clock.js'
import { keyPairFromPem } from '../../dist/base/ed25519.js'
import { openRedisBoard } from '../../dist/cluster/redis-board.js'
import { Topics } from '../../dist/sidecar/topics.js'
import { addBare, monotonicMs, readBare, TOLD } from './topics-bare.mjs'

const SPEAKER = { name: 'alpha', role: 'agent' }
/** Messages that are on their way at most: a stream keeps twice as many. */
const BEHIND_MAX = 5_000

const [end, port, way, pem, seconds, rate] = process.argv.slice(2)
process.once('disconnect', () => process.exit(0))
const { say, hear } = way === 'bare loop' ? bare() : await through()
if (end === 'say') {
  process.send('ready')
  await once(process, 'message')
  process.send({ sent: await sayAll(Number(seconds), Number(rate)) })
} else {
  const heard = []
  await hear((at) => heard.push([at, monotonicMs() - at]))
  process.send('ready')
  const [{ sent }] = await once(process, 'message')
  const until = monotonicMs() + 5_000
  while (heard.length < sent && monotonicMs() < until) await pause(5)
  const half = heard[0][0] + Number(seconds) * 500
  process.send(heard.filter(([at]) => at >= half).map(([, took]) => took))
}

function bare() {
  const redis = new Redis(Number(port))
  return {
    say: (at) => addBare(redis, at),
    hear: async (told) => {
      await redis.del('bare')
      void readBare(redis, new AbortController().signal, told)
    },
  }
}

async function through() {
  const { privateKey, publicKey } = pem === '' ? {} : keyPairFromPem(pem)
  const peers =
    pem === '' ? undefined : { signer: { kid: 'k', privateKey }, keys: new Map([['say', [publicKey]]]) }
  const board = await openRedisBoard(`redis://127.0.0.1:${port}`, { window: way })
  const topics = new Topics({ board, clock: systemClock, name: end, peers })
  return {
    say: (at) => topics.publish('market_insights', { id: randomUUID(), data: { at, told: TOLD } }, SPEAKER),
    hear: (told) =>
      topics.follow('market_insights', undefined, {
        begin() {},
        tell: ({ data }) => told(data.at),
        room: async () => {},
        isGone: () => false,
      }),
  }
}

/** Says so many a second for so long, as they are due; answers how many. */
async function sayAll(duration, perSecond) {
  const waiting = new Set()
  let sent = 0
  const begun = monotonicMs()
  for (let now = begun; now < begun + duration * 1_000; now = monotonicMs()) {
    for (
      const due = ((now - begun) / 1_000) * perSecond;
      sent < due && waiting.size < BEHIND_MAX;
      sent += 1
    ) {
      const one = say(monotonicMs())
      waiting.add(one)
      void one.finally(() => waiting.delete(one))
    }
    await pause(1)
  }
  await Promise.all(waiting)
  return sent
}
