/** A home takes what other sidecars put into its inbox, halts before everything else. */
import type { Span } from '@opentelemetry/api'
import type { Timers } from '../base/clock.ts'
import { PORTION_RECORDS_MAX as READ_MAX, RETRY_MS, type InboxEntry } from '../cluster/cluster.ts'
import type { Effect } from '../engine/step.ts'
import type { Delivered } from '../engine/tenure.ts'
import { deliveredOf } from './delivery.ts'
import type { FirstWatch } from './first-watch.ts'
import type { LeaseKeeper } from './lease-keeper.ts'
import type { Book, MemberOptions, Took } from './member-options.ts'
import type { Progress } from './progress.ts'
import type { Made } from './recorder.ts'
import type { Share } from './share.ts'
import { beginSpan } from './trace.ts'

/** Milliseconds of waiting for inputs, and where one partition of several may be handed over. */
const [WAIT_MS, SOON_MS] = [500, 100]

interface ServingParts extends Pick<MemberOptions, 'cluster' | 'store' | 'lookout' | 'report'> {
  readonly lease: Pick<LeaseKeeper, 'isHeld' | 'isSure' | 'whileSure'>
  readonly timers: Pick<Timers, 'pause'>
  readonly book: () => Book
  readonly watch: Pick<FirstWatch, 'looked' | 'unlessFrozen'>
  readonly progress: Pick<Progress, 'tell' | 'took' | 'shorten'>
  readonly share: Pick<Share, 'successor'>
  readonly isHome: () => boolean
  readonly takeHalts: () => void
}

/** Goes on until the lease is lost, or another should be home: to whom it is to be handed over then. */
export async function serveInbox(parts: ServingParts): Promise<string | undefined> {
  const { cluster, store, lease, timers, book, progress, share, isHome, takeHalts } = parts
  const waitMs = cluster.place.of === 1 ? WAIT_MS : SOON_MS
  await parts.watch.looked(timers)
  while (lease.isHeld && isHome()) {
    const recorder = book()
    // Who cannot record lets another be home.
    if (recorder.failed !== null) throw recorder.failed
    progress.tell(recorder.durable.sequence)
    await progress.shorten(recorder.durable.tenure.taken)
    const other = await share.successor(recorder.durable.sequence)
    if (other !== undefined && isHome()) return other
    takeHalts()
    const took = await cluster.inbox.take(recorder.state.tenure.taken, READ_MAX, waitMs)
    if (took.kind === 'unreachable') {
      await timers.pause(RETRY_MS)
      continue
    }
    const delivered: Delivered[] = []
    for (const entry of took.entries) delivered.push(await deliveredOf(entry, store, cluster.texts))
    const spans = took.entries.map(
      ({ traceparent }) => traceparent && beginSpan('take', 'CONSUMER', traceparent),
    )
    const made = recordAll(delivered, recorder, parts)
    // What came and cannot be taken yet is there again at once: without a pause nothing else would run, the renewal least of all.
    if (made.length === 0 && delivered.length > 0) await timers.pause(RETRY_MS)
    const last = made.at(-1)
    if (last === undefined) continue
    await lease.whileSure(last.durable).catch(() => undefined)
    await last.durable
    for (const [place, each] of made.entries()) {
      recorder.show(each)
      const told = tracedOf(took.entries[place], delivered[place], each)
      if (told === undefined) continue
      parts.report?.(told)
      const span = spans[place]
      if (span) endTaking(span, told)
    }
    await progress.took(made.length, recorder.durable.tenure.taken)
  }
  return undefined
}

/** What is told of an input whose caller named a trace, once it is durable; nothing of others, and of one that was taken before. */
function tracedOf(
  entry: InboxEntry | undefined,
  delivered: Delivered | undefined,
  { effect }: Made,
): Took | undefined {
  if (entry?.traceparent === undefined || effect === undefined) return undefined
  const { traceparent, sidecar, lane } = entry
  const input = delivered?.input?.kind
  return {
    kind: 'took',
    traceparent,
    from: sidecar,
    lane,
    entry: entry.entry,
    ...(input === undefined ? {} : { input }),
    ...outcomeOf(effect),
  }
}

function endTaking(span: Span, { from, lane, entry, input, outcome, decision }: Took): void {
  span.setAttributes({
    'ephor.from': from,
    'ephor.lane': lane,
    'ephor.entry': entry,
    'ephor.input': input,
    'ephor.outcome': outcome,
    'ephor.decision': decision,
  })
  span.end()
}

function outcomeOf(effect: Effect): Pick<Took, 'outcome' | 'decision'> {
  switch (effect.kind) {
    case 'answer':
      return { outcome: effect.decision.verdict, decision: effect.decision.decision }
    case 'refuse':
      return { outcome: effect.code }
    default:
      return { outcome: effect.kind }
  }
}

/** What is not surely ours to decide stays in the inbox, for whoever is home. */
function recordAll(
  delivered: readonly Delivered[],
  recorder: Book,
  { lease, lookout, watch, isHome, takeHalts }: ServingParts,
): Made[] {
  const made: Made[] = []
  for (const each of delivered) {
    if (!isHome() || !lease.isSure) break
    takeHalts()
    const one = recorder.recordDelivered(watch.unlessFrozen(each))
    lookout.tell(one)
    made.push(one)
  }
  return made
}
