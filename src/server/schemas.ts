/** Connects zod to Fastify: one schema validates the request and describes it in OpenAPI. */
import type { z } from 'zod'
import { EphorError } from '../base/errors.ts'
import { describeIssues } from '../protocol/issues.ts'

/** The schemas of a route, before they become JSON Schema. */
export interface RouteSchemas {
  readonly summary: string
  readonly tags: readonly string[]
  /** What it answers with, where that is not JSON. */
  readonly produces?: readonly string[]
  readonly body?: z.ZodType
  readonly querystring?: z.ZodType
  readonly params?: z.ZodType
  readonly response?: Readonly<Record<number, z.ZodType>>
}

/** Refuses what does not fit, naming each path and what was expected there. */
export function validate<T extends z.ZodType>(
  schema: T,
  value: unknown,
  code: 'BODY_INVALID' | 'QUERY_INVALID',
): z.infer<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new EphorError(code, describeIssues(result.error))
}
