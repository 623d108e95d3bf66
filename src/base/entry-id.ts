/** Places in a Redis stream. A file of its own, without a library: the emergency lane's thread asks it, too, and loads little. */

/** Whether the entry `id` lies behind `other`. Both are `milliseconds-number`. */
export function isLater(id: string, other: string): boolean {
  const [dash, otherDash] = [id.indexOf('-'), other.indexOf('-')]
  const [millis, otherMillis] = [Number(id.slice(0, dash)), Number(other.slice(0, otherDash))]
  if (millis !== otherMillis) return millis > otherMillis
  return Number(id.slice(dash + 1)) > Number(other.slice(otherDash + 1))
}
