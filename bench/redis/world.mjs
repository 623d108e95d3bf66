/** Real processes for the measurements over Redis: servers and sidecars on loopback, each ended by who started it. */
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair, privateKeyToPem } from '../../dist/base/ed25519.js'

export const CALLERS = 8
/** Agents that may vote; the token of each is its name. */
export const VOTERS = Array.from({ length: 5 }, (_, index) => `agent-${index}`)

/** What sidecars may be called: each believes all of them. */
export const SIDECARS = ['home', 'follower', ...Array.from({ length: 64 }, (_, index) => `s${index}`)]

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** What a measurement starts, and how it ends all of it. */
export class World {
  directory = mkdtempSync(join(process.env.EPHOR_BENCH_DIRECTORY ?? tmpdir(), 'ephor-bench-redis-'))
  #children = []
  /** What all sidecars sign with: they believe nothing else. */
  #key = privateKeyToPem(generateKeyPair().privateKey)

  /** A server, durable as `appendfsync` says; a replica of `of` where one is named. */
  async redis(appendfsync, of) {
    const port = await freePort()
    const directory = mkdtempSync(join(this.directory, 'redis-'))
    const settings = [
      '--port',
      port,
      '--bind',
      '127.0.0.1',
      '--dir',
      directory,
      '--save',
      '',
      '--appendonly',
      'yes',
    ]
    const more = of === undefined ? [] : ['--replicaof', '127.0.0.1', of]
    const args = [...settings, '--appendfsync', appendfsync, '--repl-diskless-sync-delay', '0', ...more].map(
      String,
    )
    const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#children.push(child)
    const signs = ['Ready to accept connections', ...(of === undefined ? [] : ['Finished with success'])]
    let printed = ''
    await new Promise((ready) => {
      child.stdout.on('data', (chunk) => {
        printed += chunk
        if (signs.every((sign) => printed.includes(sign))) ready()
      })
    })
    return { port, child }
  }

  /** A sidecar of that name over the Redis at `port`, with halts over the one at `emergency` where it is given; its rights are those of `decisions/world.mjs`. */
  async sidecar(name, port, { replicas = 0, emergency } = {}) {
    const home = join(this.directory, `${name}-${this.#children.length}`)
    const child = fork(new URL('serve.mjs', import.meta.url), [
      home,
      name,
      ...[port, replicas, emergency ?? port].map(String),
      this.#key,
    ])
    this.#children.push(child)
    const [found] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error(`${name} did not start`))),
    ])
    return { ...found, child }
  }

  async end() {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    }
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/**
 * Calls over one connection of its own, on a plain socket, so that the caller costs as little of the machine as it can. What does not answer within a
 * second is `{}`.
 */
export function caller(socketPath, token) {
  let socket
  const open = () => {
    socket = connect({ path: socketPath })
    socket.setEncoding('latin1')
    socket.once('close', () => (socket = undefined))
  }
  return (path, body, method = 'POST') =>
    new Promise((done) => {
      if (socket === undefined) open()
      const own = socket
      const text = body === undefined ? '' : JSON.stringify(body)
      let received = ''
      const end = (answer) => {
        clearTimeout(late)
        own.removeAllListeners('data')
        own.removeAllListeners('error')
        if (answer === undefined) own.destroy()
        done(answer ?? {})
      }
      const late = setTimeout(end, 1_000)
      own.on('data', (chunk) => {
        received += chunk
        const whole = bodyOf(received)
        if (whole !== undefined) end(JSON.parse(whole))
      })
      own.on('error', () => end())
      own.write(
        `${method} ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
      )
    })
}

/** The body of an answer once all of it is there. */
function bodyOf(received) {
  const start = received.indexOf('\r\n\r\n') + 4
  if (start < 4) return undefined
  const length = Number(/content-length: (\d+)/i.exec(received.slice(0, start))?.[1])
  return received.length >= start + length ? received.slice(start) : undefined
}
