/** Keeps a Redis that does not answer from holding up everybody: after some failures calls are refused at once, and so many are on their way at a time. */
import {
  BrokenCircuitError,
  bulkhead,
  BulkheadRejectedError,
  CircuitState,
  circuitBreaker,
  ConsecutiveBreaker,
  handleWhenResult,
  wrap,
} from 'cockatiel'
import type { GuardView, Unreachable } from './cluster.ts'

/** Failures in a row after which it opens. */
const FAILURES = 5
/** Milliseconds after which one call is let through to see whether it closes. */
const HALF_OPEN_MS = 250
/** Calls on their way at once, and those that wait for one of them to end. */
const CALLS_MAX = 1_000
const WAITING_MAX = 10_000

const STATES = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.HalfOpen]: 'half-open',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
} as const

/** A breaker around a bulkhead. It can turn a call into `unreachable` and into nothing else. */
export class Guard {
  readonly #name: string
  readonly #breaker = circuitBreaker(
    handleWhenResult((result) => isUnreachable(result)),
    { halfOpenAfter: HALF_OPEN_MS, breaker: new ConsecutiveBreaker(FAILURES) },
  )
  readonly #bulkhead = bulkhead(CALLS_MAX, WAITING_MAX)
  readonly #both = wrap(this.#bulkhead, this.#breaker)
  #why = ''
  #opened = 0
  #refused = 0

  constructor(name: string) {
    this.#name = name
    this.#breaker.onBreak(() => {
      this.#opened += 1
    })
  }

  /** What the call answers; `unreachable` at once while there is no use in calling. */
  async run<T>(call: () => Promise<T | Unreachable>): Promise<T | Unreachable> {
    try {
      return await this.#both.execute(async () => {
        const result = await call()
        if (isUnreachable(result)) this.#why = result.detail
        return result
      })
    } catch (error) {
      if (!(error instanceof BrokenCircuitError) && !(error instanceof BulkheadRejectedError)) throw error
      this.#refused += 1
      const detail =
        error instanceof BrokenCircuitError
          ? `not tried again for ${HALF_OPEN_MS} ms after ${FAILURES} failures in a row: ${this.#why}`
          : `${CALLS_MAX} calls are on their way to Redis and ${WAITING_MAX} wait`
      return { kind: 'unreachable', detail }
    }
  }

  get view(): GuardView {
    return {
      name: this.#name,
      state: STATES[this.#breaker.state],
      opened: this.#opened,
      refused: this.#refused,
      running: CALLS_MAX - this.#bulkhead.executionSlots,
      waiting: WAITING_MAX - this.#bulkhead.queueSlots,
    }
  }
}

function isUnreachable(result: unknown): result is Unreachable {
  return typeof result === 'object' && result !== null && 'kind' in result && result.kind === 'unreachable'
}
