/** The trace that a call belongs to: `traceparent` of the W3C recommendation on trace context. */
import { z } from 'zod'

export const Traceparent = z
  .string()
  .regex(/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/)
  .describe('W3C Trace Context')

/** Version, trace, parent, flags; a later version may say more behind them. */
const HEADER = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/s
const ZEROS = /^0+$/
const SAMPLED = 1

/**
 * What a header says, as this version writes it: `00-TRACE-PARENT-FLAGS`. `undefined` where it says nothing valid, which the recommendation has ignored and not
 * refused. Of a later version only what is known of it goes on: both ids, and whether it is sampled.
 */
export function readTraceparent(header: string | readonly string[] | undefined): string | undefined {
  if (typeof header !== 'string') return undefined
  const [, version, trace = '', parent = '', flags = '', more] = HEADER.exec(header.trim()) ?? []
  if (version === undefined || version === 'ff' || ZEROS.test(trace) || ZEROS.test(parent)) return undefined
  if (version === '00') return more === undefined ? header.trim() : undefined
  return `00-${trace}-${parent}-0${Number.parseInt(flags, 16) & SAMPLED}`
}
