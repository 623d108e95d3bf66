/** Calls over real HTTP, each with an end, and what a refusal must look like. */
import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { expect } from 'vitest'
import { ERRORS, type ErrorCode } from '../../src/base/errors.ts'

export interface Answer {
  readonly status: number
  readonly type: string
  readonly text: string
  /** The body as JSON; empty where it is none. */
  readonly body: Record<string, unknown>
}

export interface CallOptions {
  /** Sent as JSON. */
  readonly body?: unknown
  /** Sent as it is, instead of `body`. */
  readonly raw?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  /** Milliseconds after which it is given up; `CALL_MS_MAX` where nothing is said. */
  readonly withinMs?: number
}

/** A call that takes longer than this (milliseconds) hangs, and the test fails. */
const CALL_MS_MAX = 15_000

export async function callAt(
  base: string,
  method: string,
  path: string,
  { body, raw, headers = {}, withinMs = CALL_MS_MAX }: CallOptions = {},
): Promise<Answer> {
  const sent = raw ?? (body === undefined ? undefined : JSON.stringify(body))
  const response = await fetch(`${base}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(sent === undefined ? {} : { body: sent }),
    signal: AbortSignal.timeout(withinMs),
  })
  return answerOf(response.status, response.headers.get('content-type') ?? '', await response.text())
}

/** Calls over a Unix socket. */
export function callSocket(
  socketPath: string,
  method: string,
  path: string,
  { body, headers = {} }: CallOptions = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        socketPath,
        method,
        path,
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        timeout: CALL_MS_MAX,
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.on('end', () =>
          resolve(answerOf(response.statusCode ?? 0, response.headers['content-type'] ?? '', text)),
        )
      },
    )
    request.on('timeout', () => request.destroy(new Error('the call hangs')))
    request.on('error', reject)
    request.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/** Writes bytes to a connection and answers what comes back until the other side closes it. */
export async function exchange(
  target: { port: number } | { path: string },
  bytes: string | Uint8Array,
  whenOpen: (socket: Socket) => void = () => {},
): Promise<Answer> {
  const text = await new Promise<string>((resolve, reject) => {
    let received = ''
    const socket = 'path' in target ? connect(target.path) : connect(target.port, '127.0.0.1')
    socket.setTimeout(CALL_MS_MAX, () => socket.destroy(new Error('the connection hangs')))
    socket.on('connect', () => {
      socket.write(bytes)
      whenOpen(socket)
    })
    socket.on('data', (chunk) => (received += chunk.toString('latin1')))
    // A reset after the answer is how a server gets rid of a body that it does not want.
    socket.on('error', (error) => (received === '' ? reject(error) : resolve(received)))
    socket.on('close', () => resolve(received))
  })
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0)
  return answerOf(status, /content-type: ([^\r\n]+)/i.exec(head)?.[1] ?? '', rest.join('\r\n\r\n'))
}

function answerOf(status: number, type: string, text: string): Answer {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    // Not JSON; the text is there to look at.
  }
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body)
  return { status, type, text, body: isObject ? (body as Record<string, unknown>) : {} }
}

/** Expects a problem document with this code, the status that the table gives it, and a detail that says what was wrong. */
export function expectProblem(answer: Answer, code: ErrorCode, detail: RegExp | string): void {
  const { status, title } = ERRORS[code]
  expect({ status: answer.status, code: answer.body.code }, answer.text.slice(0, 900)).toEqual({
    status,
    code,
  })
  expect(answer.type).toMatch(/^application\/problem\+json(?:; charset=utf-8)?$/)
  expect(answer.body).toMatchObject({ type: `urn:ephor:error:${code}`, title, status, code })
  if (typeof detail === 'string') expect(answer.body.detail).toContain(detail)
  else expect(answer.body.detail).toMatch(detail)
  expect(answer.body).not.toHaveProperty('verdict')
}

/** Waits for a condition, looking every few milliseconds, and fails by its name when it does not come about. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  withinMs = 10_000,
): Promise<void> {
  const end = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`within ${withinMs} ms it did not come about that ${what}`)
    await new Promise((resolve) => {
      setTimeout(resolve, 5)
    })
  }
}
