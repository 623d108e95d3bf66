/** Time as an argument: the one place that reads the machine's clocks, and the timers that wait by them. */
import { setTimeout as pause } from 'node:timers/promises'

/** A source of time. Pure code never sees it; it gets `now` as a number. */
export interface Clock {
  /** Wall time in integer milliseconds since 1970, UTC. */
  now(): number
  /** A steady reading in microseconds with an arbitrary origin; only differences mean anything. */
  steadyMicros(): number
}

/** Ways to wait, apart from the clock that tells how long it took. */
export interface Timers {
  /** Resolves after so many milliseconds. */
  readonly pause: (ms: number) => Promise<void>
  /** Calls once after so many milliseconds, unless what it answers is called before. */
  readonly after: (ms: number, call: () => void) => () => void
  /** Calls again and again, so many milliseconds apart, until what it answers is called. */
  readonly every: (ms: number, call: () => void) => () => void
}

export const systemTimers: Timers = {
  pause: (ms) => pause(ms),
  after: (ms, call) => {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
  every: (ms, call) => {
    const timer = setInterval(call, ms)
    return () => clearInterval(timer)
  },
}

export const systemClock: Clock = {
  now: () => Date.now(),
  steadyMicros: () => Math.round(performance.now() * 1000),
}
