/** Whether a signed head and the records say the same; verification and recovery both ask. */
import type { Head } from './head.ts'
import { GENESIS } from './record.ts'
import type { Walk } from './scan.ts'

/** What is wrong between `head` and the records of `walk`, which watched the head's sequence; `null` when nothing is. */
export function disagreement(head: Head, walk: Walk): string | null {
  const hash = head.sequence === 0 ? GENESIS.hash : walk.sightings.get(head.sequence)?.hash
  if (hash === undefined) {
    return `the head signs ${head.sequence} records, the valid ones end at ${walk.end.sequence}`
  }
  if (hash === head.hash) return null
  return `the head signs ${head.hash} at ${head.sequence}, the record there has ${hash}`
}
