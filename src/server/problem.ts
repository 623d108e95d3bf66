/** Errors as RFC 9457 problem documents, from the one table of errors. */
import type { FastifyReply } from 'fastify'
import { EphorError, ERRORS } from '../base/errors.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { ProblemDocument } from '../protocol/problem.ts'

export function problemOf({ code, detail }: Pick<EphorError, 'code' | 'detail'>): ProblemDocument {
  const { status, title } = ERRORS[code]
  return { schema: SCHEMA_VERSION, type: `urn:ephor:error:${code}`, title, status, code, detail }
}

/** Sends a problem, with members of its own where a caller needs more than words. */
export function sendProblem(
  reply: FastifyReply,
  error: Pick<EphorError, 'code' | 'detail'>,
  more: Record<string, unknown> = {},
): FastifyReply {
  const problem = problemOf(error)
  return reply
    .code(problem.status)
    .type('application/problem+json')
    .send({ ...problem, ...more })
}

/** Any error as one from the table: what the framework refuses has its codes too, and what nobody foresaw is `INTERNAL`. */
export function asEphorError(error: unknown): EphorError {
  if (error instanceof EphorError) return error
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
  const status =
    typeof error === 'object' && error !== null && 'statusCode' in error ? Number(error.statusCode) : 500
  const message = error instanceof Error ? error.message : String(error)
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new EphorError('BODY_TOO_LARGE', message)
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return new EphorError('MEDIA_TYPE_UNSUPPORTED', message)
  if (code === 'FST_ERR_BAD_URL') return new EphorError('REQUEST_MALFORMED', message)
  if (code === 'FST_ERR_MAX_PARAM_LENGTH') return new EphorError('NOT_FOUND', message)
  if (status === 429) return new EphorError('RATE_LIMITED', message)
  if (status >= 400 && status < 500) return new EphorError('BODY_MALFORMED', message)
  return new EphorError('INTERNAL', 'see the log', { cause: error })
}
