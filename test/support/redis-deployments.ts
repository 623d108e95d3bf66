/** Real deployments of Redis on loopback: a Redis Cluster of three masters with a replica each, and a master with replicas that three Sentinels watch. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cluster, Redis } from 'ioredis'
import { until } from './http.ts'
import { freePort, onFreePorts, RedisServer } from './redis.ts'

/** Milliseconds after which a silent master is taken for gone. */
export const FAILOVER_MS = 2_500
/** A master writes only with a replica that was heard within two seconds. */
const SAFE = [
  '--min-replicas-to-write',
  '1',
  '--min-replicas-max-lag',
  '2',
  '--repl-diskless-sync-delay',
  '0',
]

async function ask<T>(server: RedisServer, what: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(server.url)
  try {
    return await what(redis)
  } finally {
    redis.disconnect()
  }
}

const says = (server: RedisServer, text: string): Promise<boolean> =>
  ask(server, (redis) => redis.info()).then(
    (info) => info.includes(text),
    () => false,
  )

/** Empties a master, as soon as it has replicas enough to be written. */
export async function flushAll(server: RedisServer): Promise<void> {
  await until('it is empty', () =>
    ask(server, (redis) => redis.flushall()).then(
      () => true,
      () => false,
    ),
  )
}

/** One node of a Redis Cluster, and the port on which it talks to the others. */
async function startNode(): Promise<{ readonly server: RedisServer; readonly bus: number }> {
  const bus = await freePort()
  const own = ['--cluster-port', String(bus), '--cluster-node-timeout', String(FAILOVER_MS)]
  return { server: await RedisServer.start('--cluster-enabled', 'yes', ...own, ...SAFE), bus }
}

/** Three masters with a replica each. */
export class RedisClusterNodes {
  readonly servers: readonly RedisServer[]

  private constructor(servers: readonly RedisServer[]) {
    this.servers = servers
  }

  static async start(): Promise<RedisClusterNodes> {
    const started = await Promise.all(Array.from({ length: 6 }, () => onFreePorts(startNode)))
    const servers = started.map(({ server }) => server)
    const [first, second, third, ...rest] = servers
    if (first === undefined || second === undefined || third === undefined) throw new Error('there are six')
    const masters = [first, second, third]
    const ids = await Promise.all(servers.map((each) => ask(each, (redis) => redis.cluster('MYID'))))
    for (const { server, bus } of started)
      await ask(first, (redis) => redis.call('CLUSTER', 'MEET', '127.0.0.1', server.port, bus))
    for (const [place, server] of masters.entries())
      await ask(server, (redis) =>
        redis.call('CLUSTER', 'ADDSLOTSRANGE', place * 5462, Math.min(16_383, place * 5462 + 5461)),
      )
    for (const [place, server] of rest.entries())
      await until('the replica knows its master', () =>
        ask(server, (redis) => redis.call('CLUSTER', 'REPLICATE', String(ids[place]))).then(
          () => true,
          () => false,
        ),
      )
    const nodes = new RedisClusterNodes(servers)
    await until('the cluster stands', () => nodes.#stands(masters), 30_000)
    return nodes
  }

  async #stands(masters: readonly RedisServer[]): Promise<boolean> {
    const states = await Promise.all(
      this.servers.map((each) => ask(each, (redis) => redis.call('CLUSTER', 'INFO')).then(String)),
    )
    if (!states.every((each) => each.includes('cluster_state:ok'))) return false
    return (await Promise.all(masters.map((each) => says(each, 'connected_slaves:1')))).every(Boolean)
  }

  get url(): string {
    return `redis+cluster://${this.servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`
  }

  connect(): Cluster {
    return new Cluster(this.servers.map(({ port }) => ({ host: '127.0.0.1', port })))
  }

  /** The server that takes writes of `key`. */
  async masterOf(key: string): Promise<RedisServer> {
    for (const server of this.servers) {
      if (!server.isRunning) continue
      const answer = await ask(server, (redis) => redis.exists(key)).catch((error: Error) => error.message)
      if (typeof answer === 'number') return server
    }
    throw new Error(`nobody serves ${key}`)
  }

  async flush(): Promise<void> {
    for (const server of this.servers) if (await says(server, 'role:master')) await flushAll(server)
  }

  async end(): Promise<void> {
    await Promise.all(this.servers.map((each) => each.end()))
  }
}

/** A master with replicas, and three Sentinels. */
export class SentinelTrio {
  readonly servers: readonly RedisServer[]
  readonly #directory: string
  readonly #sentinels: readonly { readonly port: number; readonly child: ChildProcess }[]

  private constructor(
    servers: readonly RedisServer[],
    directory: string,
    sentinels: readonly { readonly port: number; readonly child: ChildProcess }[],
  ) {
    this.servers = servers
    this.#directory = directory
    this.#sentinels = sentinels
  }

  /** `settings` come after those that keep a master from writing alone. */
  static async start(...settings: readonly string[]): Promise<SentinelTrio> {
    const master = await RedisServer.start(...SAFE, ...settings)
    const following = ['--replicaof', '127.0.0.1', String(master.port)]
    const replicas = [
      await RedisServer.start(...SAFE, ...settings, ...following),
      await RedisServer.start(...SAFE, ...settings, ...following),
    ]
    await until('both replicas follow', () => says(master, 'connected_slaves:2'), 30_000)
    const directory = mkdtempSync(join(tmpdir(), 'ephor-sentinels-'))
    const sentinels = []
    for (let place = 0; place < 3; place += 1)
      sentinels.push(await startSentinel(directory, place, master.port))
    const trio = new SentinelTrio([master, ...replicas], directory, sentinels)
    await until('the Sentinels know each other', () => trio.#isWatched(), 30_000)
    return trio
  }

  #isWatched(): Promise<boolean> {
    return this.#eachSays((say) => say('num-other-sentinels') === '2' && say('num-slaves') === '2')
  }

  /** Whether what each Sentinel knows of the master is so. */
  async #eachSays(isSo: (say: (name: string) => string) => boolean): Promise<boolean> {
    for (const { port } of this.#sentinels) {
      const redis = new Redis(port, '127.0.0.1')
      const fields = (await redis.call('SENTINEL', 'MASTER', 'ephor')) as string[]
      redis.disconnect()
      if (!isSo((name) => fields[fields.indexOf(name) + 1] ?? '')) return false
    }
    return true
  }

  get url(): string {
    return `redis+sentinel://${this.#sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/ephor`
  }

  connect(): Redis {
    const sentinels = this.#sentinels.map(({ port }) => ({ host: '127.0.0.1', port }))
    return new Redis({ sentinels, name: 'ephor' })
  }

  /** The server that is master now, as the Sentinels say. */
  async master(): Promise<RedisServer> {
    const [sentinel] = this.#sentinels
    const redis = new Redis(sentinel?.port ?? 0, '127.0.0.1')
    const reply = await redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'ephor')
    redis.disconnect()
    const port = Number((reply as string[])[1])
    const found = this.servers.find((server) => server.port === port)
    if (found === undefined) throw new Error(`nobody listens on ${port}`)
    return found
  }

  /**
   * Resolves once another than `old` is master and takes writes, and no Sentinel is busy with that any more: were it killed before, they would go on making it
   * master. Sentinels that could not agree try again after twice their timeout.
   */
  async follows(old: RedisServer): Promise<RedisServer> {
    await until(
      'another is master',
      async () => {
        const now = await this.master()
        if (now === old || !(await says(now, 'role:master'))) return false
        return this.#eachSays((say) => say('port') === String(now.port) && say('flags') === 'master')
      },
      60_000,
    )
    return this.master()
  }

  async end(): Promise<void> {
    for (const { child } of this.#sentinels) {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
    await Promise.all(this.servers.map((each) => each.end()))
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

async function startSentinel(
  directory: string,
  place: number,
  master: number,
): Promise<{ port: number; child: ChildProcess }> {
  const port = await freePort()
  const file = join(directory, `${place}.conf`)
  writeFileSync(
    file,
    `port ${port}
bind 127.0.0.1
sentinel monitor ephor 127.0.0.1 ${master} 2
sentinel down-after-milliseconds ephor ${FAILOVER_MS}
sentinel failover-timeout ephor 10000
`,
  )
  const child = spawn('redis-server', [file, '--sentinel'], { stdio: ['ignore', 'pipe', 'inherit'] })
  process.once('exit', () => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  // What it prints is not kept, and a full pipe would stop it.
  child.stdout.resume()
  return { port, child }
}
