/** How a sidecar that has the lease becomes home: the log has all that was ever released, and then its promotion. */
import type { Timers } from '../base/clock.ts'
import { RETRY_MS, type Cluster } from '../cluster/cluster.ts'
import { ABSENCE_MS } from './first-watch.ts'
import type { ConstitutionStore } from './constitutions.ts'
import type { LeaseKeeper } from './lease-keeper.ts'
import type { Book } from './member-options.ts'

export interface PromotionParts {
  readonly cluster: Pick<Cluster, 'name' | 'place' | 'lease' | 'texts'>
  readonly store: Pick<ConstitutionStore, 'texts'>
  readonly lease: LeaseKeeper
  readonly timers: Pick<Timers, 'pause'>
  readonly book: () => Pick<Book, 'record' | 'show'>
  readonly acceptAbsence?: string | undefined
}

/** Sees to it that whoever reads in the log what is in force finds its text, and that nobody goes by what is not in it any more. Throws `HOME_LOST` where the lease is lost. */
export async function prepare({
  cluster,
  store,
  lease,
  timers,
  acceptAbsence,
}: PromotionParts): Promise<void> {
  for (const [hash, text] of store.texts())
    while ((await cluster.texts.keep(hash, text)).kind === 'unreachable') {
      lease.assertHeld()
      await timers.pause(RETRY_MS)
    }
  const { number, of } = cluster.place
  if (acceptAbsence !== undefined && number === 0 && of > 1) await timers.pause(ABSENCE_MS)
  lease.assertHeld()
}

/** Records that this sidecar is home, under the epoch it has now, and settles the lease: the log has by then all that was ever released. */
export async function promote(parts: PromotionParts): Promise<void> {
  const { name: by, place: partition } = parts.cluster
  for (;;) {
    const { epoch } = parts.lease
    const book = parts.book()
    const made = book.record({ kind: 'promote', epoch, by, partition })
    await made.durable
    book.show(made)
    if (await settle(parts, epoch)) return
  }
}

/** Whether the lease is settled under `epoch`; not where it was retaken under another meanwhile. */
async function settle({ cluster, lease, timers }: PromotionParts, epoch: number): Promise<boolean> {
  while (lease.epoch === epoch) {
    lease.assertHeld()
    const settled = await cluster.lease.settle(epoch)
    if (settled.kind === 'settled') return true
    // Whether it was lost or taken again by ourselves, a renewal finds out.
    await timers.pause(RETRY_MS)
  }
  return false
}
