/** The faults of the chaos suite that sidecars and their Redis can have: how each is injected, once. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { expect } from 'vitest'
import { until } from '../support/http.ts'
import type { RedisServer } from '../support/redis.ts'
import type { SentinelTrio } from '../support/redis-deployments.ts'
import type { ClusterRig, Seat } from './cluster-rig.ts'

export interface Fault {
  /** What it is called in the table. */
  readonly name: string
  readonly over: 'one' | 'sentinels'
  /** Part of the short form. */
  readonly isShort: boolean
  /** It is injected by `strace`. */
  readonly isTraced?: true
  /** Injects it into a rig under load, at its `turn`, and resolves when it is over. */
  readonly inject: (rig: ClusterRig, turn: number) => Promise<void>
}

/** Lets `strace` change what a call of a process does, until the answer is called. */
async function tamper(pid: number, injection: string): Promise<() => Promise<void>> {
  const args = [
    '-f',
    '-qq',
    '-p',
    String(pid),
    '-e',
    'trace=fdatasync',
    '-e',
    `inject=fdatasync:${injection}`,
  ]
  const child = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const exited = once(child, 'exit')
  // What it prints shows that it is attached and at work.
  await Promise.race([
    once(child.stderr, 'data'),
    exited.then(() => Promise.reject(new Error('strace ended'))),
  ])
  child.stderr.resume()
  return async () => {
    child.kill('SIGINT')
    await exited
  }
}

const pidOf = ({ sidecar: { child } }: Seat): number => child.pid ?? 0

/** Where the log ends on the server behind `redis`. */
async function logEnd(redis: Redis): Promise<number> {
  const [last] = await redis.xrevrange('ephor:{p00}:log', '+', '-', 'COUNT', 1)
  return Number.parseInt(last?.[0] ?? '0', 10)
}

/**
 * Breaks the links of the replicas to the master, and lets it go on for a while without them: what is written then no other server has. A master that was silent
 * for too long is replaced without a fault of ours, and goes on being written to until it is told; then the next one is taken.
 */
async function breakLinks(rig: ClusterRig, trio: SentinelTrio, left = 20): Promise<RedisServer> {
  const master = await trio.master()
  const redis = master.connect()
  // Replicas are let in no more; who is in stays.
  await redis.config('SET', 'requirepass', 'nobody-knows')
  await redis.call('CLIENT', 'KILL', 'TYPE', 'replica')
  const before = await logEnd(redis)
  // Nothing is heard where everybody has to connect again, since nobody knows the password.
  await rig.hears(20).catch(() => undefined)
  const isWritten = (await logEnd(redis)) > before
  const isBroken = isWritten && (await trio.master()) === master
  if (!isBroken) await redis.config('SET', 'requirepass', '')
  redis.disconnect()
  if (isBroken) return master
  if (left === 0)
    throw new Error(`verdicts are heard, and nothing is written to the master on ${master.port}`)
  await pause(500)
  return breakLinks(rig, trio, left - 1)
}

/** Lets the master go on for a while without its replicas, and kills it; answers who was home then. */
async function failOver(rig: ClusterRig, meanwhile: (home: Seat) => Promise<void>): Promise<Seat> {
  const { trio } = rig
  if (trio === undefined) throw new Error('there are no Sentinels')
  const master = await breakLinks(rig, trio)
  const home = await rig.homeNow()
  await master.kill()
  await meanwhile(home)
  await trio.follows(master)
  await master.start()
  return home
}

/** By how much clocks are set wrong. */
const SKEW_MS = 600_000

/** Those of the twenty that are injected elsewhere, and where. */
export const ELSEWHERE: readonly (readonly [fault: string, test: string])[] = [
  ['4 expiry and vote at once', 'test/consensus/interleavings.test.ts'],
  ['5 conflicting votes of one voter', 'test/cluster/rounds.test.ts'],
  ['6 duplicates and reordering', 'test/cluster/rounds.test.ts, test/cluster-simulation'],
  ['7 weights change in a round', 'test/cluster/rounds.test.ts'],
  ['8 vote at the deadline, one ms around it', 'test/cluster/rounds.test.ts'],
  ['13 the journal’s own end is cut', 'test/chaos/damage.test.ts'],
  ['18 no hint ever comes', 'there is none: who waits reads the log itself (ADR 14)'],
  [
    '20 halt: full queue, blocked event loop, no Redis',
    'test/chaos/emergency.test.ts, test/cluster/redis.test.ts',
  ],
]

export const FAULTS: readonly Fault[] = [
  {
    name: '1 reply dropped after the script ran',
    over: 'one',
    isShort: true,
    inject: async (rig, turn) => {
      const home = await rig.homeNow()
      if (turn % 2 === 0) home.line?.loseReplyTo('"type":"decided"')
      else rig.other(home).line?.loseReplyTo(':sent:')
      await rig.hears(15)
    },
  },
  {
    name: '2 home killed',
    over: 'one',
    isShort: false,
    inject: async (rig) => {
      const home = await rig.homeNow()
      await home.sidecar.kill()
      await rig.decidesWithin(rig.other(home))
      await rig.restart(home)
    },
  },
  {
    name: '3 home stopped past its lease, then resumed',
    over: 'one',
    isShort: false,
    inject: async (rig) => {
      const home = await rig.homeNow()
      home.sidecar.child.kill('SIGSTOP')
      await rig.decidesWithin(rig.other(home))
      home.sidecar.child.kill('SIGCONT')
      await rig.hears(10)
    },
  },
  {
    name: '9 clock of the follower 10 min behind, and it becomes home',
    over: 'one',
    isShort: false,
    inject: async (rig) => {
      const home = await rig.homeNow()
      const late = rig.other(home)
      await late.sidecar.kill()
      await rig.restart(late, -SKEW_MS)
      await rig.hears(10)
      await home.sidecar.kill()
      // Nothing is decided before what was recorded, and so no round closes and no permit ends by another time.
      await until(
        'it is home and decides nothing',
        async () => (await rig.refusalOf(late)) === 'CLOCK_BACKWARDS',
        20_000,
      )
      await rig.restart(home)
      await late.sidecar.kill()
      await rig.decidesWithin(home)
      await rig.restart(late)
    },
  },
  {
    name: '10 Redis killed and started again',
    over: 'one',
    isShort: false,
    inject: async (rig) => {
      await rig.redis.kill()
      await pause(100)
      await rig.redis.start()
      await rig.hears(10)
    },
  },
  {
    name: '11 fdatasync fails at the home',
    over: 'one',
    isShort: true,
    isTraced: true,
    inject: async (rig) => {
      const home = await rig.homeNow()
      const end = await tamper(pidOf(home), 'error=EIO')
      await rig.decidesWithin(rig.other(home))
      await end()
      await home.sidecar.kill()
      await rig.restart(home)
    },
  },
  {
    name: '12 fdatasync of the home, and of Redis, delayed by 100 ms',
    over: 'one',
    isShort: false,
    isTraced: true,
    inject: async (rig, turn) => {
      const pid = turn % 2 === 0 ? pidOf(await rig.homeNow()) : (rig.redis.child.pid ?? 0)
      const end = await tamper(pid, 'delay_exit=100000')
      await rig.hears(5)
      await end()
      await rig.hears(10)
    },
  },
  {
    name: '13 Redis killed, and half of its file is gone',
    over: 'one',
    isShort: false,
    inject: async (rig) => {
      await rig.redis.kill()
      expect(rig.redis.loseHalf()).toBeGreaterThan(1_000)
      await rig.redis.start()
      await rig.hears(10)
    },
  },
  {
    name: '14 failover loses the last writes, the home lives',
    over: 'sentinels',
    isShort: false,
    inject: async (rig) => {
      await failOver(rig, async () => undefined)
      await rig.hears(20)
    },
  },
  {
    name: '14 failover loses the last writes, the home is gone until it is started again',
    over: 'sentinels',
    isShort: false,
    inject: async (rig) => {
      const home = await failOver(rig, ({ sidecar }) => sidecar.kill())
      const other = rig.other(home)
      await until('the other waits for it', () => rig.waitsFor(other, home.name), 30_000)
      const count = rig.heard.length
      await pause(500)
      expect(rig.heard.length).toBe(count)
      await rig.restart(home)
      await rig.hears(20)
    },
  },
  {
    name: '15 home cut off from Redis and back',
    over: 'one',
    isShort: false,
    inject: async (rig) => {
      const home = await rig.homeNow()
      home.line?.hold(true)
      await rig.decidesWithin(rig.other(home))
      home.line?.hold(false)
      await rig.hears(10)
    },
  },
  {
    name: '16 SCRIPT FLUSH',
    over: 'one',
    isShort: true,
    inject: async (rig) => {
      const redis = await rig.connectNow()
      await redis.script('FLUSH')
      redis.disconnect()
      await rig.hears(10)
    },
  },
  {
    name: '17 log and inbox deleted',
    over: 'one',
    isShort: true,
    inject: async (rig) => {
      const redis = await rig.connectNow()
      await redis.del('ephor:{p00}:log', 'ephor:{p00}:inbox')
      redis.disconnect()
      await rig.hears(10)
    },
  },
  {
    name: '19 connections half open',
    over: 'one',
    isShort: false,
    inject: async (rig, turn) => {
      const home = await rig.homeNow()
      const seat = turn % 2 === 0 ? home : rig.other(home)
      seat.line?.deaden()
      await rig.decidesWithin(rig.other(seat))
      // Its connections are made anew in bounded time.
      await rig.decidesWithin(seat)
    },
  },
  {
    name: '20 halt at a follower under load, and resumed',
    over: 'one',
    isShort: true,
    inject: async (rig) => {
      const follower = rig.other(await rig.homeNow())
      const body = { scope: { kind: 'everything' }, state: 'halted', reason: 'chaos' }
      let halt: string | undefined
      await until('it is halted', async () => {
        const answer = await rig.post(follower, 'operator-1', '/v1/halts', body).catch(() => undefined)
        halt = answer?.status === 200 ? String(answer.body.halt) : undefined
        return halt !== undefined
      })
      await rig.hears(10)
      for (const operator of ['operator-1', 'operator-2'])
        await until('it is asked to resume', () => rig.resumes(follower, operator, halt ?? ''))
      await rig.hears(10)
    },
  },
]
