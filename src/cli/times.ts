/** Times on the command line. */
import { InvalidArgumentError } from 'commander'
import { instantOf } from '../base/instant.ts'

/** Milliseconds since 1970 of a time that is written as such, or in ISO 8601. Throws `InvalidArgumentError`. */
export function parseTime(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : instantOf(text)
  if (value === undefined || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError(
      'expected whole milliseconds since 1970, or a time with `Z` or an offset such as 2026-12-01T15:00:00Z',
    )
  return value
}
