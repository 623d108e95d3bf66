/** A log whose home signs for what it appends, so that who can write to Redis makes nobody follow what no home recorded. */
import { signText, verifyText } from '../base/ed25519.ts'
import { EphorError } from '../base/errors.ts'
import { hashOfLine, portionsOf, type Cluster, type Log, type LogEntry } from '../cluster/cluster.ts'
import type { Peers } from './sealed-inbox.ts'

/** What is signed says what it is, so that no other signature by the same key can be taken for one of the log. */
const SIGNED = 'ephor-log\n'
/** `NAME SIGNATURE`. */
const SEAL = /^([A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}) ([A-Za-z0-9_-]{86})$/

/** The records of those given that a home signed for: up to the last signature among them. Throws `LOG_UNSIGNED` where there is none that is believed. */
export type Vouch = (entries: readonly LogEntry[]) => readonly LogEntry[]

/** A record names the hash of the one before, so that one signature stands for all up to its record. */
function statement(partition: string, { sequence, line }: LogEntry): string {
  return `${SIGNED}${JSON.stringify([partition, sequence, hashOfLine(line)])}`
}

/** `log` with what is appended signed for, portion by portion: whatever of them arrives ends with a signature. */
export function sealedLog(
  { log, partition, name }: Pick<Cluster, 'log' | 'partition' | 'name'>,
  { signer }: Peers,
): Log {
  const sealed = (entries: readonly LogEntry[]): readonly LogEntry[] =>
    entries.map((entry, place) =>
      place < entries.length - 1
        ? entry
        : { ...entry, seal: `${name} ${signText(signer.privateKey, statement(partition, entry))}` },
    )
  return {
    append: async (epoch, entries) => {
      for (const portion of portionsOf(entries)) {
        const appended = await log.append(epoch, sealed(portion))
        if (appended.kind !== 'appended') return appended
      }
      return { kind: 'appended' }
    },
    end: () => log.end(),
    read: (sequence, max, waitMs) => log.read(sequence, max, waitMs),
  }
}

/** Whoever is believed as a sidecar is believed as a home: the lease says which is. `undefined` where the operator named nobody: then nothing is checked. */
export function vouchBy(partition: string, { keys }: Peers): Vouch | undefined {
  if (keys === undefined) return undefined
  return (entries) => {
    const place = entries.findLastIndex(({ seal }) => seal !== undefined)
    const last = entries[place]
    if (last === undefined)
      throw unsigned(entries[0]?.sequence, 'neither it nor what the log gives after it is signed')
    const [, name = '', signature = ''] = SEAL.exec(last.seal ?? '') ?? []
    const known = keys.get(name)
    if (known === undefined)
      throw unsigned(last.sequence, `no key of a sidecar called \`${name}\` is in \`keys/peers\``)
    if (!known.some((key) => verifyText(key, statement(partition, last), signature)))
      throw unsigned(last.sequence, `\`${name}\` did not sign it`)
    return entries.slice(0, place + 1)
  }
}

function unsigned(sequence: number | undefined, why: string): EphorError {
  return new EphorError('LOG_UNSIGNED', `record ${sequence} of the log: ${why}`)
}
