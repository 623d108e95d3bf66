/** Values that agents share: one at a time by their versions and leases, or many at once where they merge. */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { EphorError } from '../base/errors.ts'
import { parseStrictJsonBytes } from '../base/strict-json.ts'
import type { Board, SharedValue } from '../cluster/board.ts'
import type { Unreachable } from '../cluster/cluster.ts'
import { isTooLarge, merge, Merged, nothing, say, type MergeWord } from '../protocol/merged.ts'

/** What merges lies beside what does not, under a name that no key has. */
const mergedKey = (key: string): string => `~${key}`
/** Times to bring a value to the others while they write it too. */
const TRIES = 20
/** Values that merge and are kept here while they cannot be brought to the others. */
const LOCAL_MAX = 1_000

export interface Held {
  readonly version: number
  readonly value: unknown
  readonly leftMs: number | null
}

/** Throws `CLUSTER_UNREACHABLE` where it is no text that a sidecar wrote. */
function valueIn(key: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new EphorError(
      'CLUSTER_UNREACHABLE',
      `what lies at \`${key}\` was written by no sidecar: it is no JSON`,
    )
  }
}

export class Shared {
  readonly #board: Board
  readonly #clock: Clock
  /** This process, among all that ever wrote: what it said and did not bring to the others is lost with it, and nobody else's is. */
  readonly #replica: string
  /** What this process knows of values that merge. */
  readonly #local = new Map<string, Merged>()

  constructor(board: Board, clock: Clock, name: string) {
    this.#board = board
    this.#clock = clock
    this.#replica = `${name}~${randomUUID().slice(0, 8)}`
  }

  async get(key: string): Promise<Held> {
    const { value } = reached(await this.#board.get(key))
    return value === undefined
      ? { version: 0, value: null, leftMs: null }
      : { version: value.version, value: valueIn(key, value.text), leftMs: value.leftMs }
  }

  /** Throws `SHARED_CONFLICT` over another version and `LEASE_LOST` where `by` does not hold the lease that is named. */
  async put(
    key: string,
    {
      value,
      version,
      ttlMs,
      lease,
    }: {
      value: unknown
      version?: number | undefined
      ttlMs?: number | undefined
      lease?: number | undefined
    },
    by: string,
  ): Promise<number> {
    const fence = lease === undefined ? undefined : { token: lease, holder: by }
    const written = reached(
      await this.#board.put(key, { text: JSON.stringify(value), expected: version, ttlMs, fence }),
    )
    switch (written.kind) {
      case 'written':
        return written.version
      case 'conflict':
        throw new EphorError('SHARED_CONFLICT', `\`${key}\` has version ${written.version}`)
      case 'fenced':
        // Which it is would be another's to know.
        throw new EphorError('LEASE_LOST', `token ${lease} does not hold \`${key}\``)
      case 'full':
        throw full(written.keys)
    }
  }

  /** Throws `LEASE_HELD` where another holds it. */
  async lease(key: string, holder: string, ttlMs: number): Promise<{ token: number; leftMs: number }> {
    const leased = reached(await this.#board.lease(key, holder, ttlMs))
    if (leased.kind === 'full') throw full(leased.keys)
    if (leased.kind === 'held')
      throw new EphorError('LEASE_HELD', `\`${leased.holder}\` holds \`${key}\` for ${leased.leftMs} ms`)
    return leased
  }

  /** Whether `holder` held it under this token. A token is no secret: it grows with the clock. */
  async release(key: string, token: number, holder: string): Promise<boolean> {
    return reached(await this.#board.release(key, { token, holder })).was
  }

  /** Says a word on a value that merges. It counts here at once; the answer tells whether the others have it. */
  async say(key: string, word: MergeWord): Promise<{ state: Merged; shared: boolean }> {
    await this.#bring(key)
    const before = this.#local.get(key) ?? nothing(word.kind)
    if (before.kind !== word.kind)
      throw new EphorError('SHARED_CONFLICT', `\`${key}\` is a ${before.kind} and no ${word.kind}`)
    const next = say(before, word, this.#replica, this.#clock.now())
    if (!this.#local.has(key) && this.#local.size >= LOCAL_MAX) throw full(this.#local.size)
    // Two who fill it at once may come to more than fits; taking out is then the way back.
    if (isTooLarge(next) && sizeOf(next) >= sizeOf(before))
      throw new EphorError('LIMIT_REACHED', `\`${key}\` holds as much as it may; take something out first`)
    this.#local.set(key, next)
    const shared = await this.#bring(key)
    const state = this.#local.get(key) ?? next
    if (state.kind !== word.kind)
      throw new EphorError('SHARED_CONFLICT', `others made \`${key}\` a ${state.kind} meanwhile`)
    return { state, shared }
  }

  /** What is known of a value that merges; `undefined` where nobody has said anything. */
  async merged(key: string): Promise<{ state: Merged | undefined; shared: boolean }> {
    const shared = await this.#bring(key)
    return { state: this.#local.get(key), shared }
  }

  /** Brings together what is known here and what the others know; whether that could be done. */
  async #bring(key: string): Promise<boolean> {
    for (let left = TRIES; left > 0; left -= 1) {
      const found = await this.#board.get(mergedKey(key))
      if (found.kind === 'unreachable') return false
      const theirs = mergedOf(found.value)
      const ours = this.#local.get(key)
      // Of another kind, what others have goes before what was said here alone, or the two would write over each other for ever.
      if (theirs !== undefined)
        this.#local.set(key, ours?.kind === theirs.kind ? merge(ours, theirs) : theirs)
      const all = this.#local.get(key)
      if (all === undefined || ours === undefined) return true
      const text = JSON.stringify(all)
      if (text === found.value?.text) return true
      const put = await this.#board.put(mergedKey(key), { text, expected: found.value?.version ?? 0 })
      if (put.kind === 'written') return true
      if (put.kind === 'unreachable' || put.kind === 'full') return false
    }
    return false
  }
}

function sizeOf(state: Merged): number {
  return JSON.stringify(state).length
}

/** What does not read is nothing, and is written over. */
function mergedOf(value: SharedValue | undefined): Merged | undefined {
  const parsed = value && parseStrictJsonBytes(Buffer.from(value.text))
  const read = parsed?.ok === true ? Merged.safeParse(parsed.value) : undefined
  return read?.data
}

function reached<T extends { readonly kind: string }>(result: T | Unreachable): T {
  if (result.kind === 'unreachable')
    throw new EphorError('CLUSTER_UNREACHABLE', (result as Unreachable).detail)
  return result as T
}

function full(keys: number): EphorError {
  return new EphorError('LIMIT_REACHED', `${keys} keys are shared; let some end, or give them a time to live`)
}
