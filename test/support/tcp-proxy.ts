/** A TCP proxy between a client and a server, that loses replies and holds connections when a test says so. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** One proxy in front of one port of loopback. */
export class TcpProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #dead = new WeakSet<Socket>()
  /** The next request that holds this text gets no reply, and its connection ends once the server has answered. */
  #losing: string | undefined
  #isHeld = false

  private constructor(target: number) {
    this.#server = createServer((client) => {
      const upstream = connect(target, '127.0.0.1')
      let isLosing = false
      const isDead = (): boolean => this.#dead.has(client)
      for (const socket of [client, upstream]) {
        this.#sockets.add(socket)
        if (this.#isHeld) socket.pause()
        socket.on('error', () => socket.destroy())
        socket.on('close', () => this.#sockets.delete(socket))
      }
      client.on('data', (chunk) => {
        if (this.#losing !== undefined && chunk.includes(this.#losing)) {
          this.#losing = undefined
          isLosing = true
        }
        if (!isDead()) upstream.write(chunk)
      })
      upstream.on('data', (chunk) => {
        if (isLosing) {
          client.destroy()
          upstream.destroy()
        } else if (!isDead()) client.write(chunk)
      })
      client.on('close', () => upstream.destroy())
      upstream.on('close', () => client.destroy())
    })
  }

  static async start(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The next request with `text` in it is carried out, and its reply is lost with the connection. */
  loseReplyTo(text: string): void {
    this.#losing = text
  }

  /** Lets nothing through in either direction, and later what is left of it, as a line does that is cut and comes back: what TCP carries has no gaps. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld
    for (const socket of this.#sockets)
      if (isHeld) socket.pause()
      else socket.resume()
  }

  /** The connections that there are stay open and carry nothing any more; new ones do, as after a host was gone without a word. */
  deaden(): void {
    for (const socket of this.#sockets) this.#dead.add(socket)
  }

  async end(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
