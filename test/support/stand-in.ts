/** A real HTTP server that stands in for a sidecar: it answers as a test wants it to, well or badly. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ERRORS, type ErrorCode } from '../../src/base/errors.ts'
import { permitSigner, type PermitSigner } from '../../src/permit/sign.ts'
import type { ActionRequest } from '../../src/protocol/action.ts'
import { decisionIdOf } from '../../src/protocol/decision-id.ts'
import type { ActionAnswer } from '../../src/protocol/decision.ts'
import { KEYS } from './permits.ts'

/** A request as it arrived, whole. */
export interface Arrived {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: Record<string, unknown>
}

export type Responder = (arrived: Arrived, response: ServerResponse, index: number) => void

export const CONSTITUTION_HASH = 'ab'.repeat(32)

export class StandIn {
  readonly arrived: Arrived[] = []
  readonly signer: PermitSigner = permitSigner({ keys: KEYS, issuer: 'sidecar-1' })
  /** Decisions whose permits were redeemed. */
  readonly redeemed = new Set<string>()
  readonly executions: Record<string, unknown>[] = []
  /** How to answer; as a sidecar that allows everything would, unless a test says otherwise. */
  respond: Responder
  readonly #server: Server

  constructor() {
    this.respond = (arrived, response) => this.answer(arrived, response)
    this.#server = createServer((request, response) => {
      let text = ''
      request.setEncoding('utf8')
      request.on('data', (chunk: string) => (text += chunk))
      request.on('end', () => {
        const { method = '', url = '', headers } = request
        const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
        this.arrived.push({ method, path: url, headers, body })
        this.respond({ method, path: url, headers, body }, response, this.arrived.length - 1)
      })
    })
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async start(): Promise<this> {
    await new Promise<void>((done) => {
      this.#server.listen(0, '127.0.0.1', done)
    })
    return this
  }

  async stop(): Promise<void> {
    const stopped = new Promise((done) => {
      this.#server.close(done)
    })
    this.#server.closeAllConnections()
    await stopped
  }

  /** Forgets what came and answers well again. */
  reset(): void {
    this.arrived.length = 0
    this.executions.length = 0
    this.redeemed.clear()
    this.respond = (arrived, response) => this.answer(arrived, response)
  }

  /** The answer of a sidecar that allows this. */
  allow(request: ActionRequest, changes: Partial<ActionAnswer> = {}): ActionAnswer {
    const decision = decisionIdOf(request.agent, request.id)
    const at = Date.now()
    const { agent, action } = request
    const allowed = {
      permit: decision,
      decision,
      agent,
      action,
      constitution: CONSTITUTION_HASH,
      sequence: 7,
      at,
    }
    return {
      schema: 1,
      decision,
      id: request.id,
      verdict: 'allow',
      reasons: [],
      headroom: null,
      action,
      permit: this.signer.sign(allowed),
      constitution: CONSTITUTION_HASH,
      sequence: 7,
      at,
      ...changes,
    }
  }

  /** Allows every action, redeems every permit once, and keeps what is reported. */
  answer({ path, body }: Arrived, response: ServerResponse): void {
    const permit = /^\/v1\/permits\/([^/]+)\/redeem$/.exec(path)?.[1]
    if (path === '/v1/actions') sendJson(response, this.allow(body as unknown as ActionRequest))
    else if (permit !== undefined) {
      if (this.redeemed.has(permit)) sendProblem(response, 'PERMIT_EXPIRED')
      else {
        this.redeemed.add(permit)
        sendJson(response, { schema: 1, permit, decision: permit, at: Date.now() })
      }
    } else if (path === '/v1/executions') {
      const reported = (Array.isArray(body) ? body : [body]) as Record<string, unknown>[]
      this.executions.push(...reported)
      sendJson(response, { schema: 1, accepted: reported.length, repeated: 0, anomalies: [] })
    } else sendProblem(response, 'NOT_FOUND')
  }
}

export function sendJson(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(body))
}

export function problem(code: ErrorCode): Record<string, unknown> {
  const { status, title } = ERRORS[code]
  return { schema: 1, type: `urn:ephor:error:${code}`, title, status, code, detail: 'as the test wants it' }
}

export function sendProblem(
  response: ServerResponse,
  code: ErrorCode,
  headers: Record<string, string> = {},
): void {
  response.writeHead(ERRORS[code].status, { 'content-type': 'application/problem+json', ...headers })
  response.end(JSON.stringify(problem(code)))
}
