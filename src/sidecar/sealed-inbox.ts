/** An inbox whose entries are signed by the sidecar that put them there, so that who can write to Redis puts no input in anybody's name. */
import { randomUUID, type KeyObject } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { sha256 } from '../base/hash.ts'
import {
  PAYLOAD_MIN,
  type Cluster,
  type Inbox,
  type InboxEntry,
  type InboxLane,
  type SealEach,
  type Unreachable,
} from '../cluster/cluster.ts'
import {
  isSignedBy,
  readEnvelope,
  sealEnvelope,
  sealTexts,
  timeText,
  typeOf,
  type Envelope,
  type EnvelopeRefusal,
  type Reader,
  type Signer,
} from '../protocol/envelope.ts'
import { readTraceparent } from '../protocol/traceparent.ts'
import { sealedLog, vouchBy, type Vouch } from './sealed-log.ts'
import { TakenMessages } from './taken-messages.ts'
import { traceInHand } from './trace.ts'

const KIND = 'input'
const READER: Reader = { major: 1, minor: 0 }

/** Milliseconds from when an input was sealed until it may be put there, by the clock of Redis: hosts' clocks may differ by less. */
const SEALED_MS_MAX = 300_000

/** Whose signatures are believed. */
export interface Peers {
  readonly signer: Signer
  /** By the name of the sidecar, our own among them; `undefined` where the operator named none: then nobody's are checked. */
  readonly keys: ReadonlyMap<string, readonly KeyObject[]> | undefined
}

/** Why an entry was not opened. `late`: sealed long before it was put there; `payload`: what its reference names is not there, or another text. */
export type Refused = EnvelopeRefusal | 'forged' | 'misplaced' | 'late' | 'repeated' | 'payload'

export const noneRefused = (): Record<Refused, number> => ({
  unreadable: 0,
  version: 0,
  expired: 0,
  forged: 0,
  misplaced: 0,
  late: 0,
  repeated: 0,
  payload: 0,
})

/** With what the inbox is sealed and opened. */
export interface Sealing {
  readonly peers: Peers
  readonly clock: Pick<Clock, 'now'>
  readonly taken: TakenMessages
  /** The last record that is durable here. */
  readonly durable: () => number
  /** Counts what is not opened. */
  readonly refused: Record<Refused, number>
}

/** What comes of it. */
interface Sealed {
  readonly cluster: Cluster
  readonly vouch?: Vouch | undefined
  readonly vouchFirst?: Vouch | undefined
  readonly refused: Readonly<Record<Refused, number>>
  /** To be told of every event that is durable here. */
  readonly hear: TakenMessages['hear']
}

/** The cluster with a sealed inbox and log, where there are keys to seal with, and which records of the log are believed. */
export function sealedCluster(
  { cluster, peers }: { readonly cluster: Cluster; readonly peers?: Peers | undefined },
  clock: Sealing['clock'],
  durable: () => number,
): Sealed {
  const taken = new TakenMessages(durable)
  const hear = taken.hear.bind(taken)
  const refused = noneRefused()
  if (peers === undefined) return { cluster, hear, refused }
  const inbox = sealedInbox(cluster, { peers, clock, taken, durable, refused })
  const sealed = { ...cluster, close: () => cluster.close(), inbox, log: sealedLog(cluster, peers) }
  const { partition, first } = cluster
  const vouchFirst = first && vouchBy(first.partition, peers)
  return { cluster: sealed, hear, refused, vouch: vouchBy(partition, peers), vouchFirst }
}

/** The inbox with what is put sealed, and with what is taken opened; what does not open is taken as a refusal. */
export function sealedInbox(
  { inbox, name, partition, payloads }: Pick<Cluster, 'inbox' | 'name' | 'partition' | 'payloads'>,
  sealing: Sealing,
): Inbox {
  const { clock, durable, peers } = sealing
  const enclose = (lane: InboxLane, content: Pick<Envelope, 'data' | 'dataref'>): string => {
    const traceparent = traceInHand()
    return sealEnvelope({
      specversion: '1.0',
      id: randomUUID(),
      source: name,
      type: typeOf(KIND, READER),
      time: timeText(clock.now()),
      ...(traceparent === undefined ? {} : { traceparent }),
      priority: priorityOf(lane),
      shard: partition,
      after: durable(),
      ...content,
    })
  }
  const seal: SealEach = (texts) => sealTexts(texts, peers.signer)
  const put: Inbox['put'] = async (request, input, lane = 'inbox') => {
    if (input.length < PAYLOAD_MIN)
      return inbox.put(request, enclose(lane, { data: JSON.parse(input) as unknown }), lane, seal)
    const dataref = sha256(input)
    const kept = await payloads.keep(dataref, input)
    return kept.kind === 'unreachable' ? kept : inbox.put(request, enclose(lane, { dataref }), lane, seal)
  }
  return {
    put,
    take: async (after, max, waitMs) => {
      const took = await inbox.take(after, max, waitMs)
      if (took.kind === 'unreachable') return took
      const entries: InboxEntry[] = []
      for (const entry of took.entries) {
        const one = await opened(entry, { partition, payloads }, sealing)
        // What cannot be reached now waits where it is; what came before it is taken.
        if ('kind' in one) return entries.length === 0 ? one : { kind: 'took', entries }
        entries.push(one)
      }
      return { kind: 'took', entries }
    },
    trim: (taken) => inbox.trim(taken),
  }
}

const priorityOf = (lane: InboxLane): 'critical' | 'normal' => (lane === 'critical' ? lane : 'normal')

async function opened(
  { input: text, ...place }: InboxEntry,
  { partition, payloads }: Pick<Cluster, 'partition' | 'payloads'>,
  { clock, peers: { keys }, taken, refused: counts }: Sealing,
): Promise<InboxEntry | Unreachable> {
  let entry: Omit<InboxEntry, 'input'> = place
  const refused = (why: Refused, detail: string): InboxEntry => {
    counts[why] += 1
    return { ...entry, input: '', refusal: { code: 'BODY_INVALID', detail } }
  }
  const read = readEnvelope(text, KIND, READER, clock.now())
  if (read.kind === 'refused') return refused(read.why, read.detail)
  const { source, data, dataref, id, time, shard, priority, after = 0 } = read.envelope
  if (source !== entry.sidecar)
    return refused('forged', `it says that \`${source}\` sent it and was put there as \`${entry.sidecar}\`’s`)
  if (shard !== undefined && shard !== partition) return refused('misplaced', `it is for \`${shard}\``)
  // Who can write to Redis must not choose what goes before what.
  if (priority !== priorityOf(entry.lane))
    return refused('misplaced', `it is ${priority} and lay in \`${entry.lane}\``)
  if (keys !== undefined && !(keys.get(source) ?? []).some((key) => isSignedBy(text, key)))
    return refused(
      'forged',
      keys.has(source)
        ? `\`${source}\` did not sign it`
        : `no key of a sidecar called \`${source}\` is in \`keys/peers\``,
    )
  // From here on it is its sender's word.
  const traceparent = readTraceparent(read.envelope.traceparent)
  if (traceparent !== undefined) entry = { ...place, traceparent }
  if (Number(entry.entry.split('-')[0]) - Date.parse(time) > SEALED_MS_MAX)
    return refused('late', `it was sealed at ${time}, long before it was put there`)
  const message = `${source} ${id}`
  // Where nobody signs, who would repeat a message writes another.
  const where = `${entry.lane} ${entry.entry}`
  const refusal = taken.refusalOf(message, where, keys === undefined ? Infinity : after)
  if (refusal !== undefined) {
    counts.repeated += 1
    return { ...entry, input: '', refusal }
  }
  if (dataref === undefined) {
    taken.add(message, where)
    return { ...entry, message, input: JSON.stringify(data) }
  }
  if (data !== undefined) return refused('unreadable', 'it has both `data` and `dataref`')
  const found = await payloads.text(dataref)
  if (found.kind === 'unreachable') return found
  if (found.text === undefined)
    return refused('payload', `what \`${dataref}\` names is not there, or not any more`)
  if (sha256(found.text) !== dataref)
    return refused('payload', `what lies under \`${dataref}\` has another hash`)
  taken.add(message, where)
  return { ...entry, message, input: found.text }
}
