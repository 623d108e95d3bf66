/** One emergency lane for several partitions of one process: each hears every entry once, and what all of them raise together is written once. */
import type { HaltEntry, Halts, Put, Unreachable } from './cluster.ts'

/** A lane that ends. */
export interface ClosableHalts extends Halts {
  close(): Promise<void>
}

interface Raised {
  readonly result: Promise<Put | Unreachable>
  readonly written: ((entry: string) => void)[]
}

/**
 * So many ears to `lane`; it ends with the last of them. What is cut off is what the home of each of `of` partitions took, as far as it was told here: one that had no home for
 * long has to find every halt.
 */
export function sharedHalts(lane: ClosableHalts, ears: number, of: number): readonly ClosableHalts[] {
  const taken = Array.from({ length: of }, () => NOTHING_TAKEN)
  const heard: HaltEntry[][] = Array.from({ length: ears }, () => [])
  const raised = new Map<string, Raised>()
  let open = ears
  const put: Halts['put'] = (halt, written) => {
    const { request } = halt
    const known = raised.get(request)
    if (known !== undefined) {
      known.written.push(written)
      return known.result
    }
    const all = [written]
    const end = (): void => {
      raised.delete(request)
    }
    const result = lane
      .put(halt, (entry) => {
        for (const each of all) each(entry)
        end()
      })
      .then((answer) => {
        // What could not be reached is tried on, and told when it is written.
        if (answer.kind === 'full') end()
        return answer
      })
    raised.set(request, { result, written: all })
    return result
  }
  return heard.map((_, ear) => ({
    hear: () => {
      // Whoever looks first takes for all.
      const entries = lane.hear()
      if (entries.length > 0) for (const each of heard) each.push(...entries)
      const mine = heard[ear] ?? []
      if (mine.length === 0) return NOTHING
      heard[ear] = []
      return mine
    },
    ageMs: () => lane.ageMs(),
    put,
    notice: (text) => lane.notice(text),
    listen: (listener) => lane.listen(listener),
    knows: (entry) => lane.knows(entry),
    trim: async (entry) => {
      taken[ear] = entry
      const [least = NOTHING_TAKEN] = taken.toSorted((a, b) => millisOf(a) - millisOf(b))
      if (least !== NOTHING_TAKEN) await lane.trim(least)
    },
    close: async () => {
      open -= 1
      if (open === 0) await lane.close()
    },
  }))
}

const NOTHING: readonly HaltEntry[] = []
const NOTHING_TAKEN = '0-0'

function millisOf(entry: string): number {
  return Number(entry.split('-')[0])
}
