/** Calls that name a trace: what is done for them belongs to it, and so does what is logged of them. */
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { readTraceparent } from '../protocol/traceparent.ts'
import { inTrace } from '../sidecar/trace.ts'

/** Follows `traceparent` of every call. One that is malformed is ignored, as the recommendation has it. */
export function followTraces(app: FastifyInstance, logger: Logger): void {
  // The last before the route itself: what reads the body runs in a place of its own.
  app.addHook('preHandler', (request, reply, done) => {
    const traceparent = readTraceparent(request.headers.traceparent)
    if (traceparent === undefined) {
      done()
      return
    }
    if (logger.isLevelEnabled('debug'))
      reply.raw.once('finish', () => {
        const { method, routeOptions } = request
        const millis = Math.round(reply.elapsedTime * 1_000) / 1_000
        logger.debug(
          { traceparent, method, url: routeOptions.url, status: reply.raw.statusCode, millis },
          'answered',
        )
      })
    inTrace(traceparent, done)
  })
}
