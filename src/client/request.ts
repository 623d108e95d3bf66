/** What is sent: a body that fits its schema, and a path that names what was meant. */
import type { z } from 'zod'
import { describeIssues } from '../protocol/issues.ts'
import { ClientError } from './error.ts'
import type { Exchange } from './transport.ts'

/** Makes a call and answers the body of a 200 that fits `answer`. `twice` says whether it may be done twice; it may where left out. */
export type CallSidecar = <T extends z.ZodType>(
  method: Exchange['method'],
  path: string,
  answer: T,
  body?: unknown,
  options?: { readonly twice?: boolean; readonly waitMs?: number },
) => Promise<z.infer<T>>

/** A request that does not fit is refused here, by the words the sidecar would use: JSON would turn its `NaN` into `null`. */
export function checked<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new ClientError('BODY_INVALID', describeIssues(parsed.error))
}

/** An id as part of a path; one that would name another path is refused. */
export function segment(id: string): string {
  if (id === '' || id === '.' || id === '..') throw new ClientError('BODY_INVALID', `\`${id}\` is no id`)
  return encodeURIComponent(id)
}
