/** Calls as steps of a trace: what is done for them belongs to it, and so does what is logged of them. */
import { SpanStatusCode } from '@opentelemetry/api'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { readTraceparent } from '../protocol/traceparent.ts'
import { beginSpan, inTrace, traceparentOf } from '../sidecar/trace.ts'

/** Follows `traceparent` of every call. One that is malformed is ignored, as the recommendation has it. */
export function followTraces(app: FastifyInstance, logger: Logger): void {
  // The last before the route itself: what reads the body runs in a place of its own.
  app.addHook('preHandler', (request, reply, done) => {
    const { method, routeOptions } = request
    const caller = readTraceparent(request.headers.traceparent)
    const span = beginSpan(`${method} ${routeOptions.url}`, 'SERVER', caller)
    const traceparent = traceparentOf(span)
    if (traceparent === undefined) {
      done()
      return
    }
    if (caller !== undefined && logger.isLevelEnabled('debug'))
      reply.raw.once('finish', () => {
        const millis = Math.round(reply.elapsedTime * 1_000) / 1_000
        logger.debug(
          { traceparent, method, url: routeOptions.url, status: reply.raw.statusCode, millis },
          'answered',
        )
      })
    if (span.isRecording()) {
      span.setAttributes({ 'http.request.method': method, 'http.route': routeOptions.url })
      // Also of a call whose caller went away.
      reply.raw.once('close', () => {
        const { statusCode } = reply.raw
        span.setAttribute('http.response.status_code', statusCode)
        if (statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
        span.end()
      })
    }
    inTrace(span, done)
  })
}
