/** Who is calling: bearer tokens, each with one role. */
import type { FastifyRequest } from 'fastify'
import { EphorError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import type { Person } from '../sidecar/approved.ts'
import { ROLES, type FeederToken, type ReportKind, type Role, type Token } from '../sidecar/tokens.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every route that needs a role. */
    caller?: Token
  }
  interface FastifyContextConfig {
    /** Roles that may call the route; none: open to all. */
    roles?: readonly Role[]
  }
}

/** Routes that tell but change nothing are open to every role. */
export const ANYONE: readonly Role[] = ROLES

/** The name of the scheme may be written in any case, and one space or more stand behind it (RFC 9110, section 11.1 and 11.4). */
const BEARER = /^Bearer +([\x21-\x7e]{1,256})$/i

/** Finds tokens by their hash, so that the comparison tells nothing about the token. */
export class Callers {
  readonly #byHash: ReadonlyMap<string, Token>
  /** What each open connection sent last, and whose it was: a caller sends the same again and again, and learns nothing from its own words. */
  readonly #last = new WeakMap<object, { readonly header: string; readonly token: Token }>()

  constructor(tokens: readonly Token[]) {
    this.#byHash = new Map(tokens.map((token) => [token.sha256, token]))
  }

  /** Throws `TOKEN_MISSING` or `TOKEN_UNKNOWN`. */
  callerOf({ headers: { authorization: header }, raw: { socket } }: FastifyRequest): Token {
    const last = this.#last.get(socket)
    if (header !== undefined && header === last?.header) return last.token
    const text = header === undefined ? undefined : BEARER.exec(header)?.[1]
    if (header === undefined || text === undefined)
      throw new EphorError('TOKEN_MISSING', 'send `authorization: Bearer TOKEN`')
    const token = this.#byHash.get(sha256(text))
    if (token === undefined)
      throw new EphorError('TOKEN_UNKNOWN', 'see tokens.yaml in the sidecar’s directory')
    this.#last.set(socket, { header, token })
    return token
  }
}

export function requireRole(caller: Token, roles: readonly Role[]): void {
  if (roles.includes(caller.role)) return
  throw new EphorError(
    'ROLE_FORBIDDEN',
    `\`${caller.name}\` is ${caller.role}; needed: ${roles.join(' or ')}`,
  )
}

/** The caller of a route that needs a role. */
export function caller(request: FastifyRequest): Token {
  if (request.caller === undefined) throw new Error('invariant: the route names its roles')
  return request.caller
}

/** Who asks for a change, and why; an operator only seconds what an author asked for. */
export function personIn(request: FastifyRequest, reason: string | undefined): Person {
  const { name: by, role } = caller(request)
  return {
    by,
    ...(reason === undefined ? {} : { reason }),
    ...(role === 'operator' ? { isSecond: true as const } : {}),
  }
}

/** The caller of a route that is for feeders alone. */
export function callingFeeder(request: FastifyRequest): FeederToken {
  const feeder = caller(request)
  if (feeder.role !== 'feeder') throw new Error('invariant: the route is for feeders')
  return feeder
}

/** Refuses a kind of report that the token is not bound to. */
export function requireKind({ name, kinds }: FeederToken, kind: ReportKind): void {
  if (kinds?.includes(kind) !== false) return
  throw new EphorError('KIND_FORBIDDEN', `\`${name}\` may report ${kinds.join(', ')}, and this is ${kind}`)
}
