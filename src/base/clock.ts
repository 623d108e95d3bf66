/** Time as an argument: the one place that reads the machine's clocks. */

/** A source of time. Pure code never sees it; it gets `now` as a number. */
export interface Clock {
  /** Wall time in integer milliseconds since 1970, UTC. */
  now(): number
  /** A steady reading in microseconds with an arbitrary origin; only differences mean anything. */
  steadyMicros(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  steadyMicros: () => Math.round(performance.now() * 1000),
}
