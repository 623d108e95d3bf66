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

/** What Fastify asks for each part of a request: refuses what does not fit, naming each path and what was expected there. */
export function validatorOf(
  schema: z.ZodType,
  code: 'BODY_INVALID' | 'QUERY_INVALID',
): (data: unknown) => { value: unknown } | { error: Error } {
  // Most calls have no query, and what that is taken for is always the same.
  const nothing = code === 'QUERY_INVALID' ? schema.safeParse({}) : undefined
  const ofNothing = nothing?.success === true ? { value: Object.freeze(nothing.data) } : undefined
  return (data) => {
    if (ofNothing !== undefined && isEmpty(data)) return ofNothing
    const result = schema.safeParse(data)
    return result.success
      ? { value: result.data }
      : { error: new EphorError(code, describeIssues(result.error)) }
  }
}

function isEmpty(data: unknown): boolean {
  if (typeof data !== 'object' || data === null) return false
  for (const _ in data) return false
  return true
}
