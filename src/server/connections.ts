/** What ends before it is a request: bytes that are not HTTP, headers without end, bodies that never come. */
import { createServer, STATUS_CODES, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { ERRORS, type ErrorCode } from '../base/errors.ts'
import { problemOf } from './problem.ts'

/** Bounds on callers, in both kinds of server. */
export interface ConnectionLimits {
  readonly connections: number
  /** Milliseconds that a caller may take to send a request whole. */
  readonly requestMs: number
}

/** Node looks for late requests only this often (milliseconds); its own default is 30 s. */
const CHECK_MS_MAX = 1000

/** Options with which both servers are made. */
export function serverOptions({ requestMs }: ConnectionLimits): {
  requestTimeout: number
  headersTimeout: number
  connectionsCheckingInterval: number
} {
  return {
    requestTimeout: requestMs,
    headersTimeout: requestMs,
    connectionsCheckingInterval: Math.min(requestMs, CHECK_MS_MAX),
  }
}

/** A server beside Fastify's own, with the same bounds and the same words. */
export function boundedServer(listener: RequestListener, limits: ConnectionLimits): Server {
  const server = createServer(serverOptions(limits), listener)
  server.maxConnections = limits.connections
  server.on('clientError', answerClientError)
  return server
}

/** Answers what is not a request with a problem document, and closes the connection. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const code = codeOf(error.code)
  const { status } = ERRORS[code]
  const body = JSON.stringify(problemOf({ code, detail: error.message }))
  if (socket.writable) {
    socket.write(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    )
  }
  socket.destroySoon()
}

function codeOf(code: string | undefined): ErrorCode {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'REQUEST_TIMEOUT'
  return code === 'HPE_HEADER_OVERFLOW' ? 'HEADERS_TOO_LARGE' : 'REQUEST_MALFORMED'
}
