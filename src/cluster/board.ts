/** What agents share through sidecars and nothing is decided by: topics, and values with versions and leases. Over Redis and in memory. */
import type { GuardView, Unreachable } from './cluster.ts'

/** Messages that are kept of each topic: who is further behind has lost some. */
export const TOPIC_MAX = 10_000
/** Keys that hold a value at one time, and leases. */
export const SHARED_MAX = 10_000

/** A message, under the request that says it. */
export interface Said {
  readonly request: string
  readonly text: string
}

/** Makes one text of messages that go together, in their order. */
export type Seal = (texts: readonly string[]) => string

/** What was said together on a topic: one message, or several. */
export interface TopicEntry {
  readonly topic: string
  /** Of the last of its messages, and larger than those of all before it in its topic: `milliseconds-number`. Those of the others are the numbers before it. */
  readonly place: string
  /** As it was sealed. */
  readonly text: string
}

/** The place of the message so many before the last of an entry; `undefined` where there can be none. */
export function placeBefore(place: string, before: number): string | undefined {
  const dash = place.indexOf('-')
  const number = Number(place.slice(dash + 1)) - before
  return number < 0 ? undefined : `${place.slice(0, dash)}-${number}`
}

export interface TopicRead {
  readonly kind: 'read'
  readonly entries: readonly TopicEntry[]
}

/** A value as it stands. A version is never used twice for a key, not even after the value is gone. */
export interface SharedValue {
  readonly version: number
  readonly text: string
  /** Milliseconds that it lives; `null` where it stays. */
  readonly leftMs: number | null
}

/** What shows that a lease is held: its token, which is no secret, and whose it is. */
export interface Fence {
  readonly token: number
  readonly holder: string
}

export interface SharedWrite {
  readonly text: string
  /** Only over this version; 0 where there must be no value; over any where left out. */
  readonly expected?: number | undefined
  readonly ttlMs?: number | undefined
  /** Only while the lease of the key is held so. */
  readonly fence?: Fence | undefined
}

export type Written =
  | { readonly kind: 'written'; readonly version: number }
  /** It has another version; 0 where there is none. */
  | { readonly kind: 'conflict'; readonly version: number }
  /** The lease is nobody's or another's: its last token, 0 where there was none. */
  | { readonly kind: 'fenced'; readonly token: number }
  | { readonly kind: 'full'; readonly keys: number }

export type Leased =
  /** Tokens of a key only grow. */
  | { readonly kind: 'leased'; readonly token: number; readonly leftMs: number }
  | { readonly kind: 'held'; readonly holder: string; readonly leftMs: number }
  | { readonly kind: 'full'; readonly keys: number }

export interface Board {
  /** What keeps calls from waiting on a place that does not answer, where there is any. */
  readonly guards?: readonly { readonly view: GuardView }[]
  /** Puts a message there, once for each `request`; what is urgent waits for no others to go with. Those that go together are sealed together. */
  publish(
    topic: string,
    said: Said,
    seal: Seal,
    isUrgent?: boolean,
  ): Promise<{ readonly kind: 'put'; readonly place: string } | Unreachable>
  /** At most `max` entries of a topic that end behind a place: of the first, messages may stand before it. */
  read(topic: string, after: string, max: number): Promise<TopicRead | Unreachable>
  /** The place of the last message; `0-0` for none. */
  end(topic: string): Promise<{ readonly kind: 'end'; readonly place: string } | Unreachable>
  /** At most `max` entries of each topic behind its place; waits up to `waitMs` for the first of any. */
  wait(after: ReadonlyMap<string, string>, max: number, waitMs: number): Promise<TopicRead | Unreachable>
  /** The value of a key. */
  get(key: string): Promise<{ readonly kind: 'value'; readonly value: SharedValue | undefined } | Unreachable>
  put(key: string, write: SharedWrite): Promise<Written | Unreachable>
  /** Takes the lease of a key, or holds it for longer; the token stays while it is held. */
  lease(key: string, holder: string, ttlMs: number): Promise<Leased | Unreachable>
  /** Gives it up; whether it was held so. */
  release(
    key: string,
    fence: Fence,
  ): Promise<{ readonly kind: 'released'; readonly was: boolean } | Unreachable>
  close(): Promise<void>
}
