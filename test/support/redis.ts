/** A real `redis-server` of a test's own: on a free port of loopback, in its own directory, killed and started again at will. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { provide } from './programs.ts'

/** Kept over a kill: each write is on the disk before it is answered. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', '']

/** Throws with what to do where there is no `redis-server` and none can be installed. */
function provideRedis(): void {
  if (!provide('redis-server', ['redis-server', 'redis']))
    throw new Error(
      'these tests need `redis-server` 6.2 or later on the PATH: install the package `redis-server` (or `redis`)',
    )
}

/** Starts what listens on ports that were free a moment ago, again where one of them was taken since. */
export async function onFreePorts<T>(start: () => Promise<T>): Promise<T> {
  for (let left = 5; ; left -= 1) {
    try {
      return await start()
    } catch (error) {
      if (left === 0 || !String(error).includes('Address already in use')) throw error
    }
  }
}

/** A port of loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
  return address.port
}

/** A test that fails before it ends its server leaves none behind. */
const RUNNING = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of RUNNING) child.kill('SIGKILL')
})

/** A server of a test's own. */
export class RedisServer {
  readonly port: number
  readonly #directory = mkdtempSync(join(tmpdir(), 'ephor-redis-'))
  readonly #settings: readonly string[]
  #child: ChildProcess | undefined

  private constructor(port: number, settings: readonly string[]) {
    this.port = port
    this.#settings = settings
  }

  /** Starts one; `settings` are arguments of `redis-server` and come after those that make it durable. */
  static async start(...settings: readonly string[]): Promise<RedisServer> {
    provideRedis()
    return onFreePorts(async () => {
      const server = new RedisServer(await freePort(), settings)
      await server.start()
      return server
    })
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  connect(): Redis {
    return new Redis(this.url)
  }

  get isRunning(): boolean {
    return this.#child !== undefined
  }

  /** The running process, for signals. */
  get child(): ChildProcess {
    if (this.#child === undefined) throw new Error('the server is not running')
    return this.#child
  }

  async start(): Promise<void> {
    const where = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#directory]
    const child = spawn('redis-server', [...where, ...DURABLE, ...this.#settings], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child = child
    RUNNING.add(child)
    child.once('exit', () => RUNNING.delete(child))
    let output = ''
    await new Promise<void>((ready, failed) => {
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        if (output.includes('Ready to accept connections')) ready()
      })
      child.once('exit', (code) => {
        this.#child = undefined
        failed(new Error(`redis-server ended with ${code}: ${output}`))
      })
    })
  }

  /** Ends it at once, as a power cut would. */
  async kill(): Promise<void> {
    const child = this.child
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    this.#child = undefined
  }

  /** Cuts half of what a server that is down last kept off its end, as a disk that lied would; how many bytes. */
  loseHalf(): number {
    const directory = join(this.#directory, 'appendonlydir')
    const file = readdirSync(directory)
      .filter((name) => name.endsWith('.incr.aof'))
      .toSorted()
      .at(-1)
    if (file === undefined) throw new Error('it keeps no log')
    const path = join(directory, file)
    const { size } = statSync(path)
    truncateSync(path, Math.floor(size / 2))
    return size - Math.floor(size / 2)
  }

  /** Ends it and removes what it kept. */
  async end(): Promise<void> {
    if (this.#child !== undefined) await this.kill()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
