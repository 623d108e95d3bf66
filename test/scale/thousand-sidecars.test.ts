/** The arithmetic of a thousand sidecars, held against a few real ones over a real Redis, and against shares that are dealt out. */
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openRedis } from '../../src/cluster/redis.ts'
import { nameOfPartition, partitionOf } from '../../src/protocol/partition.ts'
import { shareOf } from '../../src/sidecar/share.ts'
import type { Answer } from '../support/http.ts'
import { order, quietMarket } from '../support/market.ts'
import { RedisServer } from '../support/redis.ts'
import { OPEN, Rig } from '../support/sidecar.ts'
import { asks, rows } from './arithmetic.ts'

const DECISIONS = 40

let server: RedisServer
let raw: Redis
const rigs: Rig[] = []
beforeAll(async () => {
  server = await RedisServer.start()
  raw = new Redis(server.url)
})
afterAll(async () => {
  raw.disconnect()
  await Promise.all(rigs.map((rig) => rig.end()))
  await server.end()
})

async function enter(): Promise<Rig> {
  const rig = new Rig()
  rigs.push(rig)
  const { cluster } = await openRedis({ url: server.url, name: `s${rigs.length}` })
  return rig.start({ cluster })
}

interface Seen {
  readonly at: number
  readonly out: number
  readonly in: number
  /** `EVALSHA` and `XREAD`, as clients send them. */
  readonly commands: number
}

async function look(): Promise<Seen> {
  const info = await raw.info('everything')
  const field = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1])
  const calls = (name: string): number =>
    Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, 'm').exec(info)?.[1] ?? 0)
  return {
    at: performance.now(),
    out: field('total_net_output_bytes'),
    in: field('total_net_input_bytes'),
    commands: calls('evalsha') + calls('xread'),
  }
}

const within = (measured: number, least: number, most: number): void => {
  expect(measured).toBeGreaterThan(least)
  expect(measured).toBeLessThan(most)
}

/** Asks until it is answered: on a machine that is busy with other things a home may lose its lease. */
async function patiently(rig: Rig, path: string, as: string, body: unknown): Promise<Answer> {
  for (let turn = 0; ; turn += 1) {
    const answer = await rig.post(path, as, body)
    if (answer.status === 200) return answer
    if (turn === 100) throw new Error(JSON.stringify(answer.body))
    await pause(100)
  }
}

const epochOf = (rig: Rig | undefined): number => rig?.running.sidecar.home?.epoch ?? 0

interface Measured {
  readonly commands: number
  readonly out: number
  readonly in: number
}

/** Commands by the second where nobody asks, and bytes for a decision, of three of which two hand on; again where another became home meanwhile. */
async function measure(): Promise<Measured> {
  for (;;) {
    const epoch = epochOf(rigs[0])
    const began = await look()
    await pause(2_000)
    const idle = await look()
    for (let turn = 0; turn < DECISIONS; turn += 1) {
      const rig = rigs[turn % 3]
      if (rig === undefined) throw new Error('there are three')
      await patiently(rig, '/v1/actions', 'alpha', rig.request(order({ quantity: 1 + turn })))
    }
    const after = await look()
    const forOne = (which: 'in' | 'out'): number => {
      const idleRate = (idle[which] - began[which]) / (idle.at - began.at)
      return (after[which] - idle[which] - idleRate * (after.at - idle.at)) / DECISIONS
    }
    if (epochOf(rigs[0]) !== epoch) continue
    const commands = ((idle.commands - began.commands) / (idle.at - began.at)) * 1000
    return { commands, out: forOne('out'), in: forOne('in') }
  }
}

test('three real sidecars ask of Redis what is reckoned of them', { timeout: 120_000 }, async () => {
  const home = await enter()
  await enter()
  await enter()
  await patiently(home, '/v1/observations', 'feed', quietMarket(OPEN - 1))
  await patiently(home, '/v1/actions', 'alpha', home.request(order()))
  const connections = async (): Promise<number> =>
    String(await raw.client('LIST'))
      .split('\n')
      .filter((line) => line.includes('name=ephor-')).length
  const reckoned = asks({ sidecars: 3, decisions: 1, partitions: 1, copies: 3 })
  // Threads of their own take a moment longer to connect.
  await expect.poll(connections, { timeout: 10_000 }).toBe(reckoned.connections)
  const { commands, out, in: into } = await measure()
  // A Redis with little to do looks ten times a second for reads that have waited long enough, so the least is fewer.
  within(commands, reckoned.idleCommands * 0.35, reckoned.idleCommands * 1.2)
  within(out, reckoned.bytesOut * 0.7, reckoned.bytesOut * 1.4)
  within(into, reckoned.bytesIn * 0.7, reckoned.bytesIn * 1.4)
  console.info(
    `three sidecars: ${reckoned.connections} connections; ${commands.toFixed(0)} commands/s where nobody asks (at most ${reckoned.idleCommands} reckoned); for a decision ${out.toFixed(0)} bytes out (${reckoned.bytesOut.toFixed(0)}) and ${into.toFixed(0)} in (${reckoned.bytesIn.toFixed(0)})`,
  )
})

test('owners spread over partitions, and partitions over sidecars, evenly enough', () => {
  const partitions = 256
  const owners = Array.from({ length: 10_000 }, (_, place) => `desk-${place}`)
  const counts = Array.from({ length: partitions }, () => 0)
  for (const owner of owners) counts[partitionOf(owner, partitions)]! += 1
  const mean = owners.length / partitions
  // Of so many balls in so many urns the fullest has about half as many again.
  expect(Math.max(...counts)).toBeLessThan(mean * 1.8)
  expect(Math.min(...counts)).toBeGreaterThan(mean * 0.4)

  const sidecars = Array.from({ length: 100 }, (_, place) => `host-${place}`)
  const dealt = (names: readonly string[]): string[] =>
    Array.from({ length: partitions }, (_, partition) => shareOf(nameOfPartition(partition), names) ?? '')
  const all = dealt(sidecars)
  const gone = dealt(sidecars.filter((name) => name !== 'host-7'))
  // One that leaves moves what was its own, and nothing else.
  const moved = all.filter((name, partition) => name !== gone[partition])
  expect(moved.length).toBeGreaterThan(0)
  expect(new Set(moved)).toEqual(new Set(['host-7']))
})

test('the figures of the page are those of the arithmetic', () => {
  const page = readFileSync(new URL('../../docs/a-thousand-sidecars.md', import.meta.url), 'utf8')
  const shown = page
    .split('\n')
    .filter((line) => /^\| +\d/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll(',', '')),
    )
  expect(shown).toEqual(rows())
})
