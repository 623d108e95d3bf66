/** Moments written as text. */
import { z } from 'zod'

/** ISO 8601 on a day that there is. Without `Z` or an offset it would be another moment in each time zone that a machine is set to. */
const Instant = z.union([z.iso.datetime({ offset: true }), z.iso.datetime({ offset: true, precision: -1 })])

/** The milliseconds since 1970 of a moment such as 2026-12-01T15:00:00Z; `undefined` where the text is none. */
export function instantOf(text: string): number | undefined {
  return Instant.safeParse(text).success ? Date.parse(text) : undefined
}
