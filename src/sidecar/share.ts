/** Where there are several partitions: which sidecar each should lie with, so that all share the work and one that comes or goes moves only what is its own. */
import { sha256 } from '../base/hash.ts'
import type { Cluster } from '../cluster/cluster.ts'

/** Milliseconds between two looks. */
const LOOK_MS = 1_000
/** Milliseconds without a word after which a sidecar counts as gone; each says once a second how far its copy is. */
const LIVING_MS = 3_000
/** Looks in a row that have to come to the same before a partition is moved. */
const LOOKS = 2

/** Who should have a partition: whoever's hash with it is least. */
export function shareOf(partition: string, names: readonly string[]): string | undefined {
  const hashed = names.map((name) => ({ name, hash: sha256(`${partition}\n${name}`) }))
  return hashed.toSorted((a, b) => (a.hash < b.hash ? -1 : 1))[0]?.name
}

/** A home's look at whether another should have its partition. */
export class Share {
  readonly #cluster: Pick<Cluster, 'name' | 'partition' | 'place' | 'retention'>
  readonly #steadyMs: () => number
  #at: number
  /** Where the log ended at the looks before, the last one last. */
  #ends: number[] = []
  #wanted: string | undefined
  #looks = 0

  /** `steadyMs` is a clock that never goes back. Made when a sidecar becomes home. */
  constructor(cluster: Pick<Cluster, 'name' | 'partition' | 'place' | 'retention'>, steadyMs: () => number) {
    this.#cluster = cluster
    this.#steadyMs = steadyMs
    this.#at = steadyMs()
  }

  /** The living sidecar that should have it and keeps up with the log, which ends at `end` here; `undefined` where it is rightly here. */
  async successor(end: number): Promise<string | undefined> {
    const { name, partition, place, retention } = this.#cluster
    if (place.of === 1 || this.#steadyMs() - this.#at < LOOK_MS) return undefined
    this.#at = this.#steadyMs()
    const heard = await retention.heard(LIVING_MS)
    const reports = heard.kind === 'heard' ? heard.reports : []
    const wanted = shareOf(partition, [name, ...reports.map((report) => report.name)])
    // What was there two looks ago has arrived by now wherever it is followed.
    const [floor] = this.#ends
    this.#ends = [...this.#ends, end].slice(-LOOKS)
    const has = reports.find((report) => report.name === wanted)?.sequence ?? -1
    const isUp = wanted !== name && floor !== undefined && has >= floor
    this.#looks = isUp && wanted === this.#wanted ? this.#looks + 1 : isUp ? 1 : 0
    this.#wanted = wanted
    return this.#looks >= LOOKS ? wanted : undefined
  }
}
