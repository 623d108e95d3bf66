/** An inbox whose entries are signed by the sidecar that put them there, so that who can write to Redis puts no input in anybody's name. */
import { randomUUID, type KeyObject } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import type { Cluster, Inbox, InboxEntry } from '../cluster/cluster.ts'
import {
  isSignedBy,
  readEnvelope,
  sealEnvelope,
  timeText,
  typeOf,
  type Reader,
  type Signer,
} from '../protocol/envelope.ts'
import { sealedLog, vouchBy, type Vouch } from './sealed-log.ts'

const KIND = 'input'
const READER: Reader = { major: 1, minor: 0 }

/** Milliseconds from when an input was sealed until it may be put there, by the clock of Redis: hosts' clocks may differ by less. */
const SEALED_MS_MAX = 300_000
/** Ids that are remembered, so that what was sealed once is not put there again by somebody else. */
const IDS_MAX = 100_000

/** Whose signatures are believed. */
export interface Peers {
  readonly signer: Signer
  /** By the name of the sidecar, our own among them; `undefined` where the operator named none: then nobody's are checked. */
  readonly keys: ReadonlyMap<string, readonly KeyObject[]> | undefined
}

/** The cluster with a sealed inbox and log, where there are keys to seal with, and which records of the log are believed. */
export function sealedCluster(
  { cluster, peers }: { readonly cluster: Cluster; readonly peers?: Peers | undefined },
  clock: Pick<Clock, 'now'>,
): { readonly cluster: Cluster; readonly vouch?: Vouch | undefined } {
  if (peers === undefined) return { cluster }
  const inbox = sealedInbox(cluster.inbox, cluster.name, peers, clock)
  const sealed = { ...cluster, close: () => cluster.close(), inbox, log: sealedLog(cluster, peers) }
  return { cluster: sealed, vouch: vouchBy(cluster.partition, peers) }
}

/** `inbox` with what is put sealed, and with what is taken opened; what does not open is taken as a refusal. */
export function sealedInbox(inbox: Inbox, name: string, peers: Peers, clock: Pick<Clock, 'now'>): Inbox {
  const seal = (input: string): string =>
    sealEnvelope(
      {
        specversion: '1.0',
        id: randomUUID(),
        source: name,
        type: typeOf(KIND, READER),
        time: timeText(clock.now()),
        priority: 'normal',
        data: JSON.parse(input) as unknown,
      },
      peers.signer,
    )
  const places = new Map<string, string>()
  return {
    put: (request, input) => inbox.put(request, seal(input)),
    take: async (after, max, waitMs) => {
      const took = await inbox.take(after, max, waitMs)
      if (took.kind === 'unreachable') return took
      return { kind: 'took', entries: took.entries.map((entry) => opened(entry, peers, places, clock.now())) }
    },
    trim: (taken) => inbox.trim(taken),
  }
}

/** `places` has the place of each id that was opened here. */
function opened(
  { input: text, ...entry }: InboxEntry,
  { keys }: Peers,
  places: Map<string, string>,
  now: number,
): InboxEntry {
  const refused = (refusal: string): InboxEntry => ({ ...entry, input: '', refusal })
  const read = readEnvelope(text, KIND, READER, now)
  if (read.kind === 'refused') return refused(read.detail)
  const { source, data, id, time } = read.envelope
  if (source !== entry.sidecar)
    return refused(`it says that \`${source}\` sent it and was put there as \`${entry.sidecar}\`’s`)
  if (keys !== undefined && !(keys.get(source) ?? []).some((key) => isSignedBy(text, key)))
    return refused(
      keys.has(source)
        ? `\`${source}\` did not sign it`
        : `no key of a sidecar called \`${source}\` is in \`keys/peers\``,
    )
  if (Number(entry.entry.split('-')[0]) - Date.parse(time) > SEALED_MS_MAX)
    return refused(`it was sealed at ${time}, long before it was put there`)
  const key = `${source} ${id}`
  const before = places.get(key)
  // The same entry may be delivered again; the core knows it by its place.
  if (before !== undefined && before !== entry.entry) return refused(`\`${id}\` came before, as ${before}`)
  places.set(key, entry.entry)
  const [oldest] = places.keys()
  if (places.size > IDS_MAX && oldest !== undefined) places.delete(oldest)
  return { ...entry, input: JSON.stringify(data) }
}
