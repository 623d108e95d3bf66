/** Ids for actions: UUIDv7 (RFC 9562), each later than the one before. */

export interface IdSource {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** That many random bytes. */
  readonly random: (bytes: number) => Uint8Array
}

/**
 * How far the ids may run ahead of the clock, in milliseconds. The sidecar refuses ids of a time that has not come, so after a greater step
 * back the ids follow the clock: order is lost, and ids that are taken are not.
 */
const AHEAD_MS_MAX = 10_000
/** Twelve bits behind the milliseconds count the ids within one (RFC 9562, 6.2, method 1). */
const COUNTER_MAX = 0xfff

/** A source of ids. They rise in their text within one source, also when the clock stands still or steps back a little. */
export function idsFrom({ now, random }: IdSource): () => string {
  let time = -1
  let counter = 0
  return () => {
    const bytes = random(10)
    const wall = now()
    if (wall > time || time - wall > AHEAD_MS_MAX) {
      time = wall
      counter = seed(bytes)
    } else if (counter < COUNTER_MAX) counter += 1
    else {
      // The count of this millisecond is used up, so the next is begun early.
      time += 1
      counter = seed(bytes)
    }
    return format(time, counter, bytes)
  }
}

/** The upper half of the counter is left free, so that there is something to count in. */
function seed(bytes: Uint8Array): number {
  return (((bytes[8] ?? 0) << 8) | (bytes[9] ?? 0)) & (COUNTER_MAX >> 1)
}

function format(time: number, counter: number, random: Uint8Array): string {
  const stamp = time.toString(16).padStart(12, '0')
  const tail = Buffer.from(random.subarray(0, 8))
  tail[0] = 0x80 | ((tail[0] ?? 0) & 0x3f)
  const rest = tail.toString('hex')
  return `${stamp.slice(0, 8)}-${stamp.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${rest.slice(0, 4)}-${rest.slice(4)}`
}
