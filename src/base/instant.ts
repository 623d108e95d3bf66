/** Moments written as text. */

const INSTANT = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/

/**
 * The milliseconds since 1970 of a moment such as 2026-12-01T15:00:00Z; `undefined` where the text is none. Without `Z` or an offset it would be another moment in each
 * time zone that a machine is set to, and a day that no month has would be one of the next.
 */
export function instantOf(text: string): number | undefined {
  const [, date] = INSTANT.exec(text) ?? []
  if (date === undefined) return undefined
  const midnight = new Date(`${date}T00:00:00Z`)
  if (Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(date)) return undefined
  const time = Date.parse(text)
  return Number.isNaN(time) ? undefined : time
}
