/** The trace that is being followed: whatever is awaited within a call that named one belongs to it. */
import { AsyncLocalStorage } from 'node:async_hooks'

/*
 * It goes beside the call and not through it: no step between the door and the envelope decides anything by it, and the core, which is handed everything that
 * it knows, cannot see it. Where no caller names a trace this costs nothing.
 */
const following = new AsyncLocalStorage<string>()

/** Calls `call`; until all that it awaits has ended, `traceInHand` is `traceparent`. */
export function inTrace<T>(traceparent: string, call: () => T): T {
  return following.run(traceparent, call)
}

/** The `traceparent` of the caller in whose name this is done; `undefined` where that named none. */
export function traceInHand(): string | undefined {
  return following.getStore()
}
