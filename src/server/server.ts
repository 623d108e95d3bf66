/** The HTTP server: strict at the door, one file a resource behind it. */
import { chmodSync, existsSync, unlinkSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { z } from 'zod'
import { EphorError } from '../base/errors.ts'
import { parseStrictJsonBytes } from '../base/strict-json.ts'
import { VERSION } from '../base/version.ts'
import type { Config } from '../sidecar/home.ts'
import type { Token } from '../sidecar/tokens.ts'
import type { Shared } from '../sidecar/shared.ts'
import type { Front } from '../sidecar/front.ts'
import type { GuardView } from '../sidecar/sidecar.ts'
import type { Topics } from '../sidecar/topics.ts'
import { actionRoutes } from './actions.ts'
import { accountRoutes } from './accounts.ts'
import { agentRoutes } from './agents.ts'
import { Callers, requireRole } from './auth.ts'
import { answerClientError, boundedServer, serverOptions, type ConnectionLimits } from './connections.ts'
import { constitutionRoutes } from './constitution.ts'
import { policyRoutes } from './policies.ts'
import { decisionRoutes } from './decisions.ts'
import { eventRoutes } from './events.ts'
import { executionRoutes } from './executions.ts'
import { grantRoutes } from './grants.ts'
import { signoffRoutes } from './signoffs.ts'
import { haltRoutes } from './halts.ts'
import { jwksRoutes } from './jwks.ts'
import { createMetrics } from './metrics.ts'
import { permitRoutes } from './permits.ts'
import { observationRoutes } from './observations.ts'
import { proposalRoutes } from './proposals.ts'
import { operationRoutes } from './operations.ts'
import { sharedRoutes } from './shared.ts'
import { topicRoutes } from './topics.ts'
import { asEphorError, sendProblem } from './problem.ts'
import type { ActivateDirectory, PoliceDirectory } from './routes.ts'
import { jsonSchemaOf } from '../protocol/json-schema.ts'
import type { Jwks } from '../protocol/permit.ts'
import { ProblemDocument } from '../protocol/problem.ts'
import { readTraceparent } from '../protocol/traceparent.ts'
import { validatorOf, type RouteSchemas } from './schemas.ts'
import { followTraces } from './traces.ts'

export interface ServerOptions {
  readonly sidecar: Front
  readonly topics: Topics
  readonly shared: Shared
  readonly tokens: readonly Token[]
  readonly limits: Config['limits']
  readonly jwks: Jwks
  readonly activate: ActivateDirectory
  readonly police: PoliceDirectory
  readonly logger: Logger
  /** Of the cluster, where there is one. */
  readonly guards?: () => readonly GuardView[]
}

/** Said before the rate of calls is looked at. */
const NOT_LET_IN: ReadonlySet<string> = new Set(['TOKEN_MISSING', 'TOKEN_UNKNOWN', 'ROLE_FORBIDDEN'])

/** Halts that rules raise carry the rule's id in theirs. */
const PARAMETER_LENGTH_MAX = 256

export async function buildServer(options: ServerOptions): Promise<FastifyInstance> {
  const { sidecar, limits, logger } = options
  // Named as what Fastify asks for, so that the server's type does not carry the logger's.
  const loggerInstance: FastifyBaseLogger = logger
  const app = Fastify({
    loggerInstance,
    // What is logged is not of one request, and a logger for each of them takes as long as parsing it.
    childLoggerFactory: (shared) => shared,
    logController: new Fastify.LogController({ disableRequestLogging: true }),
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestMs,
    http: serverOptions(limits),
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, _request, reply) => {
      sendProblem(reply, asEphorError(error))
    },
    routerOptions: { maxParamLength: PARAMETER_LENGTH_MAX },
    forceCloseConnections: 'idle',
    // Ours, below, answers with a problem document.
    return503OnClosing: false,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
  })
  app.server.maxConnections = limits.connections
  const metrics = createMetrics(sidecar, options.topics, options.guards)
  strictBodies(app)
  app.setValidatorCompiler(({ schema, httpPart }) =>
    validatorOf(schema as unknown as z.ZodType, httpPart === 'body' ? 'BODY_INVALID' : 'QUERY_INVALID'),
  )
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
  app.setErrorHandler(async (error, request, reply) => {
    const known = await counted(asEphorError(error), request)
    metrics.problems.inc({ code: known.code })
    if (known.code === 'INTERNAL')
      logger.error(
        { err: error, url: request.url, traceparent: readTraceparent(request.headers.traceparent) },
        'a defect in Ephor',
      )
    return sendProblem(reply, known)
  })
  await app.register(rateLimit, {
    max: limits.requestsPerSecond,
    timeWindow: 1000,
    cache: 10_000,
    // Told to who asks too often; three headers in each answer take time that nobody asked for.
    addHeadersOnExceeding: NO_RATES,
    // By the token and not by the header, which can be written in many ways. Who the caller is was found before this is asked.
    keyGenerator: (request) => request.caller?.sha256 ?? request.ip ?? 'socket',
    errorResponseBuilder: (_request, { max }) => tooMany(max),
  })
  const limit = app.createRateLimit()
  /** Whoever is let in is counted after that; whoever is not is counted here, by the token or the address. */
  const counted = async (refusal: EphorError, request: FastifyRequest): Promise<EphorError> => {
    if (!NOT_LET_IN.has(refusal.code)) return refusal
    const found = await limit(request)
    return !found.isAllowed && found.isExceeded ? tooMany(found.max) : refusal
  }
  admit(app, options.tokens)
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, (request, reply) => {
    metrics.problems.inc({ code: 'NOT_FOUND' })
    return sendProblem(reply, { code: 'NOT_FOUND', detail: `${request.method} ${request.url}` })
  })
  followTraces(app, logger)
  await describe(app)
  const context = {
    app,
    sidecar,
    topics: options.topics,
    shared: options.shared,
    metrics,
    jwks: options.jwks,
    people: new Map(options.tokens.flatMap(({ name, role }) => (role === 'agent' ? [] : [[name, role]]))),
    activate: options.activate,
    police: options.police,
  }
  actionRoutes(context)
  observationRoutes(context)
  permitRoutes(context)
  executionRoutes(context)
  agentRoutes(context)
  accountRoutes(context)
  haltRoutes(context)
  grantRoutes(context)
  signoffRoutes(context)
  constitutionRoutes(context)
  policyRoutes(context)
  decisionRoutes(context)
  proposalRoutes(context)
  eventRoutes(context)
  topicRoutes(context)
  sharedRoutes(context)
  operationRoutes(context)
  jwksRoutes(context)
  await app.ready()
  return app
}

const JSON_TYPE = 'application/json'

/** Bodies are JSON in UTF-8 and nothing else, read without repair. */
function strictBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(JSON_TYPE, { parseAs: 'buffer' }, (request, body, done) => {
    const type = request.headers['content-type'] ?? ''
    const charset = type === JSON_TYPE ? undefined : /charset=("?)([^";]+)\1/i.exec(type)?.[2]
    if (charset !== undefined && charset.toLowerCase() !== 'utf-8') {
      done(new EphorError('MEDIA_TYPE_UNSUPPORTED', `the charset is ${charset}`))
      return
    }
    if (request.headers['content-encoding'] !== undefined) {
      done(new EphorError('MEDIA_TYPE_UNSUPPORTED', `the encoding is ${request.headers['content-encoding']}`))
      return
    }
    const parsed = parseStrictJsonBytes(body as Buffer)
    if (parsed.ok) done(null, parsed.value)
    else done(new EphorError('BODY_MALFORMED', `${parsed.path || '/'}: ${parsed.message}`))
  })
}

function tooMany(max: number): EphorError {
  return new EphorError('RATE_LIMITED', `at most ${max} requests a second`)
}

const NO_RATES = { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false }

/**
 * Who comes in: nobody once it is closing, and only callers whose role the route is for. What was begun is finished; what comes on an open connection after that
 * is told why it is not. One hook, which waits for nothing: each that is asynchronous costs a turn of the queue of promises.
 */
function admit(app: FastifyInstance, tokens: readonly Token[]): void {
  const callers = new Callers(tokens)
  let closing = false
  app.addHook('preClose', async () => {
    closing = true
  })
  app.addHook('onRequest', (request, _reply, done) => {
    if (closing) throw new EphorError('SHUTTING_DOWN', 'no new request is taken')
    const { roles } = request.routeOptions.config
    if (roles !== undefined) {
      const token = callers.callerOf(request)
      request.caller = token
      requireRole(token, roles)
    }
    done()
  })
}

const PROBLEM_RESPONSE = {
  description: 'A problem document (RFC 9457); `code` is from the table of errors',
  content: { 'application/problem+json': { schema: jsonSchemaOf(ProblemDocument, 'output') } },
}

async function describe(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Ephor',
        version: VERSION,
        description: 'A constitutional guardrail for trading agents.',
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    transform: ({ schema, url }) => {
      const { body, querystring, params, response, ...rest } = (schema ?? {}) as unknown as RouteSchemas & {
        hide?: boolean
      }
      const responses = Object.fromEntries(
        Object.entries(response ?? {}).map(([status, of]) => [
          status,
          { description: 'As asked', ...jsonSchemaOf(of, 'output') },
        ]),
      )
      const described = {
        ...rest,
        ...(body === undefined ? {} : { body: jsonSchemaOf(body, 'input') }),
        ...(querystring === undefined ? {} : { querystring: jsonSchemaOf(querystring, 'input') }),
        ...(params === undefined ? {} : { params: jsonSchemaOf(params, 'input') }),
        response: { ...responses, default: PROBLEM_RESPONSE },
      }
      return { schema: described, url }
    },
  })
}

/** Where a server listens. */
export interface Listening {
  readonly host: string
  readonly port: number | undefined
  readonly socket: string | undefined
  /** Stops taking connections, finishes what was begun, and resolves. */
  readonly close: () => Promise<void>
}

/** Listens on TCP and, where a path is given, on a Unix socket that only its owner can use. */
export async function listen(
  app: FastifyInstance,
  {
    host,
    port,
    socket,
    limits,
  }: { host: string; port: number; socket: string | undefined; limits: ConnectionLimits },
): Promise<Listening> {
  let local: Server | undefined
  try {
    try {
      await app.listen({ host, port })
    } catch (error) {
      throw new EphorError(
        'CONFIG_INVALID',
        `cannot listen on ${host}:${port}: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
    local = socket === undefined ? undefined : await listenOnSocket(app, socket, limits)
  } catch (error) {
    // A server that listens on would keep the process alive with nothing behind it.
    await app.close()
    const reason = error instanceof Error ? error.message : String(error)
    throw new EphorError('CONFIG_INVALID', `cannot listen: ${reason}`, { cause: error })
  }
  const address = app.server.address() as AddressInfo | null
  return {
    host,
    port: address?.port,
    socket,
    close: async () => {
      await Promise.all([app.close(), local === undefined ? undefined : closeServer(local)])
    },
  }
}

/** What every system takes; Linux takes four more, and Node cuts off the rest without a word. */
const SOCKET_PATH_BYTES_MAX = 103

async function listenOnSocket(app: FastifyInstance, path: string, limits: ConnectionLimits): Promise<Server> {
  const length = Buffer.byteLength(path)
  if (length > SOCKET_PATH_BYTES_MAX)
    throw new Error(`the socket's path has ${length} bytes and may have ${SOCKET_PATH_BYTES_MAX}: ${path}`)
  // The journal's lock says that no other sidecar lives here, so a socket that is left over is nobody's.
  if (existsSync(path)) unlinkSync(path)
  const server = boundedServer((request, response) => app.routing(request, response), limits)
  const mask = process.umask(0o177)
  try {
    await new Promise<void>((done, failed) => {
      server.once('error', failed)
      server.listen(path, done)
    })
  } finally {
    process.umask(mask)
  }
  chmodSync(path, 0o600)
  return server
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((done) => {
    server.close(() => done())
  })
  server.closeIdleConnections()
  await closed
}
