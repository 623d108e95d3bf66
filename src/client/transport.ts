/** One HTTP exchange with the sidecar, over TCP or a Unix socket, that ends in time and stays within its bounds. */
import * as http from 'node:http'
import * as https from 'node:https'

/** Where the sidecar listens: one of the two. */
export type Target =
  | { readonly url: string | URL; readonly socketPath?: undefined }
  | { readonly socketPath: string; readonly url?: undefined }

export interface Exchange {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/** What came back, whole. */
export interface Reply {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
}

/** Why nothing came back whole. */
export class TransportFailure extends Error {
  readonly kind: 'connection' | 'timeout' | 'size' | 'closed'
  /** Whether the sidecar may have got the request. */
  readonly sent: boolean

  constructor(kind: TransportFailure['kind'], sent: boolean, message: string, cause?: unknown) {
    super(message, { cause })
    this.kind = kind
    this.sent = sent
  }
}

export interface Transport {
  /** Resolves with a reply of any status; rejects with `TransportFailure`. */
  readonly exchange: (exchange: Exchange, withinMs: number) => Promise<Reply>
  /**
   * Resolves with a stream of events once its head came, or with a reply of anything else; rejects with `TransportFailure`. A stream that is silent for
   * `SILENCE_MS` breaks.
   */
  readonly open: (
    exchange: Exchange,
    withinMs: number,
    signal: AbortSignal | undefined,
  ) => Promise<{ readonly stream: http.IncomingMessage } | Reply>
  readonly close: () => void
}

/** Three signs of life of a stream. */
const SILENCE_MS = 45_000

export interface TransportOptions {
  /** Connections held at once; further exchanges wait for one. */
  readonly connections: number
  /** A longer body is not read. */
  readonly bytesMax: number
}

/** Opens nothing yet; connections are made when they are needed, and kept. */
export function openTransport(target: Target, { connections, bytesMax }: TransportOptions): Transport {
  const { secure, where } = placeOf(target)
  const agent = new (secure ? https : http).Agent({ keepAlive: true, maxSockets: connections })
  const begin = secure ? https.request : http.request
  let closed = false
  const exchange = ({ method, path, headers, body }: Exchange, withinMs: number): Promise<Reply> =>
    new Promise((resolve, reject) => {
      let sent = false
      if (closed) {
        reject(new TransportFailure('closed', sent, 'this client is closed'))
        return
      }
      const request = begin({ ...where, agent, method, path, headers })
      const fail = (kind: TransportFailure['kind'], message: string, cause?: unknown): void => {
        clearTimeout(timer)
        reject(new TransportFailure(kind, sent, message, cause))
        request.destroy()
      }
      const timer = setTimeout(
        () => fail('timeout', `nothing whole within ${Math.ceil(withinMs)} ms`),
        withinMs,
      )
      request.on('socket', (socket) => {
        if (socket.connecting) socket.once('connect', () => (sent = true))
        else sent = true
      })
      request.on('error', (error) => fail('connection', error.message, error))
      request.on('response', (response) => {
        const parts: Buffer[] = []
        let bytes = 0
        response.on('data', (part: Buffer) => {
          bytes += part.length
          if (bytes > bytesMax) fail('size', `the answer is longer than ${bytesMax} bytes`)
          else parts.push(part)
        })
        // Also one that ends before its length is reached.
        response.on('error', (error) => fail('connection', error.message, error))
        response.on('end', () => {
          clearTimeout(timer)
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) })
        })
      })
      request.end(body)
    })
  const streams = new Set<http.ClientRequest>()
  // On a connection of its own: a stream must not keep calls waiting.
  const open: Transport['open'] = ({ method, path, headers }, withinMs, signal) =>
    new Promise((resolve, reject) => {
      if (closed) {
        reject(new TransportFailure('closed', false, 'this client is closed'))
        return
      }
      const request = begin({
        ...where,
        agent: false,
        method,
        path,
        headers,
        ...(signal === undefined ? {} : { signal }),
      })
      streams.add(request)
      const fail = (kind: TransportFailure['kind'], message: string, cause?: unknown): void => {
        clearTimeout(timer)
        reject(new TransportFailure(kind, true, message, cause))
        request.destroy()
      }
      const timer = setTimeout(() => fail('timeout', `no answer within ${Math.ceil(withinMs)} ms`), withinMs)
      request.setTimeout(SILENCE_MS, () => request.destroy(new Error(`silent for ${SILENCE_MS} ms`)))
      request.on('error', (error) => fail('connection', error.message, error))
      request.on('close', () => streams.delete(request))
      request.on('response', (response) => {
        const { statusCode: status = 0, headers: found } = response
        if (status === 200 && /^text\/event-stream\b/i.test(found['content-type'] ?? '')) {
          clearTimeout(timer)
          resolve({ stream: response })
          return
        }
        const settle = async (): Promise<void> => {
          try {
            resolve({ status, headers: found, body: await readAll(response, bytesMax) })
            clearTimeout(timer)
          } catch (error) {
            fail('connection', (error as Error).message, error)
          }
        }
        void settle()
      })
      request.end()
    })
  const close = (): void => {
    closed = true
    agent.destroy()
    for (const request of streams) request.destroy()
  }
  return { exchange, open, close }
}

async function readAll(response: http.IncomingMessage, bytesMax: number): Promise<Buffer> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > bytesMax) throw new Error(`the answer is longer than ${bytesMax} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}

function placeOf({ url, socketPath }: Target): { secure: boolean; where: http.RequestOptions } {
  if (socketPath !== undefined) return { secure: false, where: { socketPath } }
  const { protocol, hostname, port, pathname, search, username } = new URL(url)
  if (protocol !== 'http:' && protocol !== 'https:')
    throw new TypeError(`expected an http or https address, got \`${protocol}\``)
  if (pathname !== '/' || search !== '' || username !== '')
    throw new TypeError('expected an address of host and port only')
  // An IPv6 address is in brackets in a URL and without them in a connection.
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  return { secure: protocol === 'https:', where: { host, ...(port === '' ? {} : { port }) } }
}
