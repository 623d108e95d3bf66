/** Texts by their hash in the memory of one process. */
import type { Texts, Unreachable } from './cluster.ts'

export interface KeptText {
  readonly text: string
  readonly until: number
}

/** How a store is called, by which clock, and for how many milliseconds it keeps a text where not for good. */
interface Keeping {
  readonly call: <T>(what: string, carryOut: () => T) => Promise<T | Unreachable>
  readonly now: () => number
  readonly keptMs?: number
}

export function textsIn(
  kept: Map<string, KeptText>,
  { call, now, keptMs = Number.POSITIVE_INFINITY }: Keeping,
): Texts {
  return {
    keep: (hash, text) =>
      call('keep', () => {
        kept.set(hash, { text, until: now() + keptMs })
        return { kind: 'kept' }
      }),
    text: (hash) =>
      call('text', () => {
        const found = kept.get(hash)
        return { kind: 'text', text: found && found.until > now() ? found.text : undefined }
      }),
  }
}
