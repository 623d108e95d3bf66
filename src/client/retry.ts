/** Asks again, within bounds: only what was not done, or may be done twice, and always under the same id. */
import type { Clock } from '../base/clock.ts'
import { ClientError } from './error.ts'
import { TransportFailure, type Exchange, type Reply, type Transport } from './transport.ts'

export interface RetryOptions {
  /** Milliseconds for the whole call, all its tries and waits. A verdict that comes later is of no use. */
  readonly timeoutMs: number
  /** Tries after the first. */
  readonly retries: number
  /** The first wait is up to this, each further one up to twice as long. */
  readonly backoffMs: number
  readonly clock: Pick<Clock, 'now' | 'steadyMicros'>
  /** From 0 to below 1. */
  readonly random: () => number
}

/** A longer wait is never chosen, though a longer `Retry-After` is kept. */
const BACKOFF_MS_MAX = 5_000

/**
 * The first reply that is not a 503, or the last reply. `twice` says whether the call may be done twice; one that may not is only asked
 * again when it certainly never arrived: some of those who answer 503 do not know whether it was done. Rejects with `ClientError` when nothing came.
 */
export async function exchangeWithRetries(
  transport: Transport,
  exchange: Exchange,
  twice: boolean,
  options: RetryOptions,
): Promise<Reply> {
  const { clock, timeoutMs, retries } = options
  const end = clock.steadyMicros() / 1000 + timeoutMs
  const leftMs = (): number => end - clock.steadyMicros() / 1000
  for (let tried = 0; ; tried++) {
    const result = await attempt(transport, exchange, Math.max(1, leftMs()))
    const again =
      result instanceof TransportFailure ? mayRetry(result, twice) : twice && result.status === 503
    const waitMs =
      backoff(tried, options) + (result instanceof TransportFailure ? 0 : retryAfter(result, clock.now()))
    if (again && tried < retries && waitMs < leftMs()) await sleep(waitMs)
    else if (result instanceof TransportFailure) throw failureOf(result, tried + 1)
    else return result
  }
}

async function attempt(
  transport: Transport,
  exchange: Exchange,
  withinMs: number,
): Promise<Reply | TransportFailure> {
  try {
    return await transport.exchange(exchange, withinMs)
  } catch (error) {
    if (error instanceof TransportFailure) return error
    throw error
  }
}

function mayRetry({ kind, sent }: TransportFailure, twice: boolean): boolean {
  return kind === 'connection' && (twice || !sent)
}

/** Full jitter: many clients that lost one sidecar do not come back to it in step. */
function backoff(tried: number, { backoffMs, random }: RetryOptions): number {
  return random() * Math.min(BACKOFF_MS_MAX, backoffMs * 2 ** tried)
}

/** Milliseconds that `Retry-After` asks to wait, in seconds or as a date (RFC 9110, 10.2.3); 0 where it says nothing. */
export function retryAfter({ headers }: Pick<Reply, 'headers'>, now: number): number {
  const text = headers['retry-after'] ?? ''
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  const date = Date.parse(text)
  return Number.isNaN(date) ? 0 : Math.max(0, date - now)
}

/** What the caller is told of a call that brought nothing whole. */
export function failureOf(failure: TransportFailure, tries: number): ClientError {
  const detail = `${failure.message || 'no connection'}, at try ${tries}`
  const options = { cause: failure }
  if (failure.kind === 'timeout') return new ClientError('SIDECAR_TIMEOUT', detail, options)
  if (failure.kind === 'size') return new ClientError('ANSWER_INVALID', detail, options)
  return new ClientError('SIDECAR_UNREACHABLE', detail, options)
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
