/** What many sidecars ask of one Redis, in numbers: the arithmetic of `docs/a-thousand-sidecars.md`. All rates by the second. */

/** What was measured of one sidecar, and what its settings are. */
export const ONE = {
  /** Commands, appends, log, inbox, and two of the thread for halts. */
  connections: 6,
  /** Looks at a lease of another: one each 100 ms. */
  leaseLooks: 10,
  /** Reads of the log that end without a record, one to each look. */
  logReads: 10,
  /** Reads of the thread for halts: one each 40 ms. */
  haltReads: 25,
  reports: 1,
  /** Renewals of a lease that is held, and reads of an inbox that end without an entry. */
  renewals: 10,
  inboxReads: 2,
  /** Bytes of one decision as it is handed on: the input in the inbox. */
  inputBytes: 420,
  /** Bytes of its records in the log, `decided` and `taken`, with what the protocol adds. */
  recordBytes: 4_400,
} as const

export interface Fleet {
  readonly sidecars: number
  /** Decisions in all. */
  readonly decisions: number
  readonly partitions: number
  /** Sidecars that have a copy of one partition, its home among them: all of them today. */
  readonly copies: number
}

export interface Asked {
  readonly connections: number
  /** Commands of a fleet that nobody asks anything. */
  readonly idleCommands: number
  /** Bytes that leave Redis. */
  readonly bytesOut: number
  /** Bytes that come in: inputs of those who are not home, and records. */
  readonly bytesIn: number
  /** Bytes that one sidecar has to read, check, fold and write to its disk. */
  readonly bytesForOne: number
  /** Decisions of one home, and so of one core. */
  readonly decisionsOfOneHome: number
}

/** What the fleet asks of Redis, where one read may wait for all partitions that a sidecar follows. */
export function asks({ sidecars, decisions, partitions, copies }: Fleet): Asked {
  const followed = (partitions * (copies - 1)) / sidecars
  const held = partitions / sidecars
  const idle =
    ONE.haltReads +
    Math.min(1, followed) * ONE.logReads +
    followed * ONE.leaseLooks +
    (followed + held) * ONE.reports +
    held * ONE.renewals +
    Math.min(1, held) * ONE.inboxReads
  const handedOn = decisions * (1 - 1 / sidecars)
  const readers = copies - 1
  // Whoever asked has to hear the answer, though it follows no more than its own partitions.
  const heard = copies === sidecars ? 0 : handedOn * (1 - copies / sidecars)
  const bytesOut =
    decisions * readers * ONE.recordBytes + (handedOn * ONE.inputBytes + heard * ONE.recordBytes)
  return {
    connections: sidecars * ONE.connections,
    idleCommands: Math.round(sidecars * idle),
    bytesOut,
    bytesIn: handedOn * ONE.inputBytes + decisions * ONE.recordBytes,
    bytesForOne: (decisions * copies * ONE.recordBytes) / sidecars,
    decisionsOfOneHome: decisions / partitions,
  }
}

/** The fleets of the page. */
const FLEETS: readonly Fleet[] = [
  { sidecars: 3, decisions: 1_000, partitions: 1, copies: 3 },
  { sidecars: 20, decisions: 1_000, partitions: 1, copies: 20 },
  { sidecars: 100, decisions: 1_000, partitions: 1, copies: 100 },
  { sidecars: 1_000, decisions: 1_000, partitions: 1, copies: 1_000 },
  { sidecars: 1_000, decisions: 1_000, partitions: 256, copies: 1_000 },
  { sidecars: 1_000, decisions: 1_000, partitions: 256, copies: 3 },
  { sidecars: 1_000, decisions: 10_000, partitions: 256, copies: 3 },
]

/** The rows of the page's table, cell by cell. */
export function rows(): string[][] {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)
  return FLEETS.map((fleet) => {
    const asked = asks(fleet)
    return [
      String(fleet.sidecars),
      String(fleet.partitions),
      String(fleet.copies),
      String(fleet.decisions),
      String(asked.connections),
      String(asked.idleCommands),
      megabytes(asked.bytesOut),
      megabytes(asked.bytesIn),
      megabytes(asked.bytesForOne),
      asked.decisionsOfOneHome.toFixed(0),
    ]
  })
}
